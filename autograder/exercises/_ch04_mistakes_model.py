"""Chapter 4's mistakes with layers and gaps, and other right ways to write them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

# BertEmbeddings


class _Norm(nn.Module):
    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x):
        centered = x - x.mean(dim=-1, keepdim=True)
        variance = centered.square().mean(dim=-1, keepdim=True)
        return self.gamma * centered / (variance + self.eps).sqrt() + self.beta


class _Embeds(nn.Module):
    """The right way, with places to go wrong."""

    def __init__(self, config):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.segment = nn.Embedding(config.num_segments, config.d_model)
        self.norm = _Norm(config.d_model, config.norm_eps)

    def words(self, ids):
        return self.token(ids)

    def places(self, ids):
        return self.position(torch.arange(ids.shape[1]))

    def kinds(self, ids, segments):
        return self.segment(torch.zeros_like(ids) if segments is None else segments)

    def together(self, words, places, kinds):
        return self.norm(words + places + kinds)

    def forward(self, ids, segments=None):
        return self.together(self.words(ids), self.places(ids), self.kinds(ids, segments))


class EmbedsWithoutPosition(_Embeds):
    def together(self, words, places, kinds):
        return self.norm(words + kinds)


class EmbedsPositionTwice(_Embeds):
    def together(self, words, places, kinds):
        return self.norm(words + 2 * places + kinds)


class EmbedsPositionsOfTheBatch(_Embeds):
    def places(self, ids):
        return self.position(torch.arange(ids.shape[0])).unsqueeze(1)


class EmbedsPositionsFromOne(_Embeds):
    def places(self, ids):
        return self.position(torch.arange(1, ids.shape[1] + 1))


class EmbedsPaddingAsNothing(_Embeds):
    def forward(self, ids, segments=None):
        return super().forward(ids, segments) * (ids != 0).unsqueeze(-1)


class EmbedsPositionsOfRealTokens(_Embeds):
    def places(self, ids):
        return self.position(((ids != 0).cumsum(dim=1) - 1).clamp_min(0))


class EmbedsWithDropout(_Embeds):
    def __init__(self, config):
        super().__init__(config)
        self.dropout = nn.Dropout(0.1)

    def together(self, words, places, kinds):
        return self.dropout(super().together(words, places, kinds))


class EmbedsWithoutSegment(_Embeds):
    def together(self, words, places, kinds):
        return self.norm(words + places)


class EmbedsSegmentZero(_Embeds):
    def kinds(self, ids, segments):
        return self.segment(torch.zeros_like(ids))


class EmbedsNothingForNone(_Embeds):
    def kinds(self, ids, segments):
        return 0.0 if segments is None else self.segment(segments)


class EmbedsWithoutNorm(_Embeds):
    def together(self, words, places, kinds):
        return words + places + kinds


class EmbedsWithNoNorm(_Embeds):
    def __init__(self, config):
        super().__init__(config)
        del self.norm

    def together(self, words, places, kinds):
        return words + places + kinds


class EmbedsByTorchNorm(_Embeds):
    def __init__(self, config):
        super().__init__(config)
        self.norm = nn.LayerNorm(config.d_model, config.norm_eps)


class EmbedsPositionsOfTheIds(_Embeds):
    def places(self, ids):
        return self.position(ids)


class EmbedsPositionsOfTheBatchAsTheyAre(_Embeds):
    def places(self, ids):
        return self.position(torch.arange(ids.shape[0]))


class EmbedsOneForNone(_Embeds):
    def kinds(self, ids, segments):
        return self.segment(torch.ones_like(ids) if segments is None else segments)


class EmbedsNormsBeforeTheSegment(_Embeds):
    def together(self, words, places, kinds):
        return self.norm(words + places) + kinds


class EmbedsNormsEach(_Embeds):
    def together(self, words, places, kinds):
        return self.norm(words) + self.norm(places) + self.norm(kinds)


class EmbedsNormsTheToken(_Embeds):
    def together(self, words, places, kinds):
        return self.norm(words) + places + kinds


class EmbedsScaled(_Embeds):
    def words(self, ids):
        return self.token(ids) * math.sqrt(self.token.weight.shape[1])


class EmbedsWithFixedEps(_Embeds):
    def __init__(self, config):
        super().__init__(config)
        self.norm.eps = 1e-5


class EmbedsTwoSegments(_Embeds):
    def __init__(self, config):
        super().__init__(config)
        self.segment = nn.Embedding(2, config.d_model)


class EmbedsByRows(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm = _Norm(config.d_model, config.norm_eps)
        self.segment = nn.Embedding(config.num_segments, config.d_model)
        self.token = nn.Embedding(config.vocab_size, config.d_model, padding_idx=config.pad_id)
        self.position = nn.Embedding(config.max_seq, config.d_model)

    def forward(self, ids, segments=None):
        total = self.token.weight[ids] + self.position.weight[: ids.shape[-1]]
        first = self.segment.weight[0]
        return self.norm(total + (first if segments is None else self.segment.weight[segments]))


class EmbedsByOneHot(_Embeds):
    def kinds(self, ids, segments):
        segments = ids * 0 if segments is None else segments
        number = self.segment.num_embeddings
        return F.one_hot(segments, number).float() @ self.segment.weight

    def places(self, ids):
        return self.position(torch.arange(ids.shape[1]).expand_as(ids))


# Pooler


class _Pools(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.dense = nn.Linear(d_model, d_model)

    def forward(self, hidden):
        return self.dense(hidden[:, 0]).tanh()


class PoolsTheMean(_Pools):
    def forward(self, hidden):
        return self.dense(hidden.mean(dim=1)).tanh()


class PoolsTheMeanLast(_Pools):
    def forward(self, hidden):
        return self.dense(hidden).tanh().mean(dim=1)


class PoolsWithoutTanh(_Pools):
    def forward(self, hidden):
        return self.dense(hidden[:, 0])


class PoolsTheLast(_Pools):
    def forward(self, hidden):
        return self.dense(hidden[:, -1]).tanh()


class PoolsTheMaximum(_Pools):
    def forward(self, hidden):
        return self.dense(hidden.amax(dim=1)).tanh()


class PoolsWithoutLayer(_Pools):
    def forward(self, hidden):
        return hidden[:, 0].tanh()


class PoolsTheFirstRow(_Pools):
    def forward(self, hidden):
        return self.dense(hidden[0]).tanh()


class PoolsAllTokens(_Pools):
    def forward(self, hidden):
        return self.dense(hidden).tanh()


class PoolsAndKeepsTheAxis(_Pools):
    def forward(self, hidden):
        return self.dense(hidden[:, :1]).tanh()


class PoolsBentFirst(_Pools):
    def forward(self, hidden):
        return self.dense(hidden[:, 0].tanh())


class PoolsByRelu(_Pools):
    def forward(self, hidden):
        return self.dense(hidden[:, 0]).relu()


class PoolsBySigmoid(_Pools):
    def forward(self, hidden):
        return self.dense(hidden[:, 0]).sigmoid()


class PoolsByGelu(_Pools):
    def forward(self, hidden):
        return F.gelu(self.dense(hidden[:, 0]))


class PoolsWithoutBias(_Pools):
    def __init__(self, d_model):
        super().__init__(d_model)
        self.dense = nn.Linear(d_model, d_model, bias=False)


class PoolsByNarrowing(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.dense = nn.Linear(in_features=d_model, out_features=d_model)

    def forward(self, hidden):
        first = hidden.narrow(1, 0, 1).squeeze(1)
        return torch.tanh(first @ self.dense.weight.T + self.dense.bias)


class PoolsEveryToken(_Pools):
    def forward(self, hidden):
        return torch.tanh(self.dense(hidden))[:, 0, :]


# MlmHead


class _Names(nn.Module):
    """The right way, with places to go wrong."""

    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.norm = _Norm(config.d_model, config.norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def transform(self, hidden):
        return self.norm(F.gelu(self.dense(hidden)))

    def forward(self, hidden, table):
        return self.transform(hidden) @ table.T + self.bias


class NamesByOwnTable(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.decoder = nn.Linear(config.d_model, config.vocab_size, bias=False)

    def forward(self, hidden, table):
        return self.decoder(self.transform(hidden)) + self.bias


class NamesByOwnTableFirst(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.table = nn.Parameter(torch.randn(config.vocab_size, config.d_model))

    def forward(self, hidden, table):
        return self.transform(hidden) @ self.table.T + self.bias


class NamesByOwnLayerWithBias(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.decoder = nn.Linear(config.d_model, config.vocab_size)

    def forward(self, hidden, table):
        return self.decoder(self.transform(hidden))


class NamesWithoutTranspose(_Names):
    def forward(self, hidden, table):
        return self.transform(hidden) @ table + self.bias


class NamesWithBiasFromChance(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.bias = nn.Parameter(torch.randn(config.vocab_size))


class NamesWithBiasOfOnes(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.bias = nn.Parameter(torch.ones(config.vocab_size))


class NamesWithoutBias(_Names):
    def forward(self, hidden, table):
        return self.transform(hidden) @ table.T


class NamesWithoutBiasParameter(_Names):
    def __init__(self, config):
        super().__init__(config)
        del self.bias

    def forward(self, hidden, table):
        return self.transform(hidden) @ table.T


class NamesWithBiasOfTheVector(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.bias = nn.Parameter(torch.zeros(config.d_model))

    def forward(self, hidden, table):
        return (self.transform(hidden) + self.bias) @ table.T


class NamesWithBiasOfTheVectorAtTheEnd(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.bias = nn.Parameter(torch.zeros(config.d_model))


class NamesLayerWithoutBias(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.dense = nn.Linear(config.d_model, config.d_model, bias=False)


class NamesByTorchNorm(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.norm = nn.LayerNorm(config.d_model, config.norm_eps)


class NamesWithoutGelu(_Names):
    def transform(self, hidden):
        return self.norm(self.dense(hidden))


class NamesWithoutNorm(_Names):
    def transform(self, hidden):
        return F.gelu(self.dense(hidden))


class NamesWithNoNorm(_Names):
    def __init__(self, config):
        super().__init__(config)
        del self.norm

    def transform(self, hidden):
        return F.gelu(self.dense(hidden))


class NamesGeluFirst(_Names):
    def transform(self, hidden):
        return self.norm(self.dense(F.gelu(hidden)))


class NamesLayerLast(_Names):
    def transform(self, hidden):
        return self.dense(self.norm(F.gelu(hidden)))


class NamesNormFirst(_Names):
    def transform(self, hidden):
        return F.gelu(self.norm(self.dense(hidden)))


class NamesNormAtTheStart(_Names):
    def transform(self, hidden):
        return F.gelu(self.dense(self.norm(hidden)))


class NamesWithoutLayer(_Names):
    def transform(self, hidden):
        return self.norm(F.gelu(hidden))


class NamesByTheTableAlone(_Names):
    def transform(self, hidden):
        return hidden


class NamesByRelu(_Names):
    def transform(self, hidden):
        return self.norm(F.relu(self.dense(hidden)))


class NamesByTanh(_Names):
    def transform(self, hidden):
        return self.norm(self.dense(hidden).tanh())


class NamesByNearlyGelu(_Names):
    def transform(self, hidden):
        return self.norm(F.gelu(self.dense(hidden), approximate="tanh"))


class NamesProbabilities(_Names):
    def forward(self, hidden, table):
        return (self.transform(hidden) @ table.T + self.bias).softmax(dim=-1)


class NamesLogProbabilities(_Names):
    def forward(self, hidden, table):
        return (self.transform(hidden) @ table.T + self.bias).log_softmax(dim=-1)


class NamesWithFixedEps(_Names):
    def __init__(self, config):
        super().__init__(config)
        self.norm.eps = 1e-5


class NamesByLinear(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.bias = nn.Parameter(torch.empty(config.vocab_size).fill_(0.0))
        self.norm = _Norm(config.d_model, config.norm_eps)
        self.dense = nn.Linear(config.d_model, config.d_model)

    def forward(self, hidden, table):
        changed = self.dense(hidden)
        bent = 0.5 * changed * (1 + torch.erf(changed / math.sqrt(2)))
        return F.linear(self.norm(bent), table, self.bias)


class NamesByEinsum(_Names):
    def forward(self, hidden, table):
        return torch.einsum("...d,vd->...v", self.transform(hidden), table) + self.bias


# fill_mask


def _asked(model, ids, mask_id, segments=None, dim=-1):
    gaps = ids == mask_id
    logits, _ = model(ids, segments)
    return gaps, logits, logits[gaps].softmax(dim=dim)


def _written(ids, gaps, words):
    filled = ids.clone()
    filled[gaps] = words
    return filled


def fill_everywhere(model, ids, mask_id, segments=None):
    _, logits, probabilities = _asked(model, ids, mask_id, segments)
    return logits.argmax(dim=-1), probabilities


def fill_without_softmax(model, ids, mask_id, segments=None):
    gaps, logits, _ = _asked(model, ids, mask_id, segments)
    return _written(ids, gaps, logits[gaps].argmax(dim=-1)), logits[gaps]


def fill_softmax_over_gaps(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments, dim=0)
    return _written(ids, gaps, probabilities.argmax(dim=-1)), probabilities


def fill_one_after_the_other(model, ids, mask_id, segments=None):
    filled, found = ids.clone(), []
    for row, place in (ids == mask_id).nonzero().tolist():
        logits, _ = model(filled, segments)
        found.append(logits[row, place].softmax(dim=-1))
        filled[row, place] = found[-1].argmax()
    return filled, torch.stack(found)


def fill_first_gap_only(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    return _written(ids, gaps, probabilities[0].argmax()), probabilities


def fill_by_one_argmax(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    return _written(ids, gaps, probabilities.argmax()), probabilities


def fill_results_exchanged(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    return probabilities, _written(ids, gaps, probabilities.argmax(dim=-1))


def fill_ignores_segments(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id)
    return _written(ids, gaps, probabilities.argmax(dim=-1)), probabilities


def fill_least_probable(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    return _written(ids, gaps, probabilities.argmin(dim=-1)), probabilities


def fill_by_sampling(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    words = torch.multinomial(probabilities, 1).squeeze(-1)
    return _written(ids, gaps, words), probabilities


def fill_in_place(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    ids[gaps] = probabilities.argmax(dim=-1)
    return ids, probabilities


def fill_without_probabilities(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    return _written(ids, gaps, probabilities.argmax(dim=-1))


def fill_probabilities_of_all(model, ids, mask_id, segments=None):
    gaps, logits, probabilities = _asked(model, ids, mask_id, segments)
    return _written(ids, gaps, probabilities.argmax(dim=-1)), logits.softmax(dim=-1)


def fill_best_probability_only(model, ids, mask_id, segments=None):
    gaps, _, probabilities = _asked(model, ids, mask_id, segments)
    return _written(ids, gaps, probabilities.argmax(dim=-1)), probabilities.amax(dim=-1)


def fill_by_where(model, ids, mask_id, segments=None):
    with torch.no_grad():
        logits = model(ids, segments)[0]
    gaps = ids == mask_id
    return torch.where(gaps, logits.argmax(dim=-1), ids), torch.softmax(logits, dim=-1)[gaps]


def fill_gap_by_gap(model, ids, mask_id, segments=None):
    logits, _ = model(ids, segments)
    filled, found = ids.clone(), []
    for row in range(ids.shape[0]):
        for place in range(ids.shape[1]):
            if ids[row, place] == mask_id:
                weights = (logits[row, place] - logits[row, place].max()).exp()
                found.append(weights / weights.sum())
                filled[row, place] = int(weights.argmax())
    return filled, torch.stack(found)
