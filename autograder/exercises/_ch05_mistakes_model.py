"""Chapter 5's mistakes with the model, its loss and its cache, and other right ways.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math, chapter 3's stack and its neighbours here. The names say what is wrong, or how it is
done otherwise.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from minitransformer.stacks import Encoder


def _causal(seq: int, diagonal: int = 0) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool).tril(diagonal)


def _small(model: nn.Module, num_layers: int) -> None:
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            shrink = math.sqrt(2 * num_layers) if name.endswith((".output", ".outer")) else 1.0
            nn.init.normal_(module.weight, std=0.02 / shrink)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)


# GPT


class _Writer(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config)
        _small(self, config.num_layers)

    def embed(self, ids: Tensor) -> Tensor:
        return self.token(ids) + self.position(torch.arange(ids.shape[1]))

    def mask(self, seq: int) -> Tensor | None:
        return _causal(seq)

    def vectors(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.decoder(x, mask)[0]

    def head(self, hidden: Tensor) -> Tensor:
        return hidden @ self.token.weight.T

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.vectors(self.embed(ids), self.mask(ids.shape[1])))


class WriterWithoutMask(_Writer):
    def mask(self, seq: int) -> Tensor | None:
        return None


class WriterSeesTheNext(_Writer):
    def mask(self, seq: int) -> Tensor | None:
        return _causal(seq, 1)


class WriterLooksAhead(_Writer):
    def mask(self, seq: int) -> Tensor | None:
        return _causal(seq).T


class WriterWithOwnHead(_Writer):
    def __init__(self, config: Any):
        super().__init__(config)
        self.out = nn.Linear(config.d_model, config.vocab_size, bias=False)
        _small(self, config.num_layers)

    def head(self, hidden: Tensor) -> Tensor:
        return self.out(hidden)


class WriterWithOwnHeadAndBias(_Writer):
    def __init__(self, config: Any):
        super().__init__(config)
        self.head_layer = nn.Linear(config.d_model, config.vocab_size)
        _small(self, config.num_layers)

    def head(self, hidden: Tensor) -> Tensor:
        return self.head_layer(hidden)


class WriterWithOwnHeadFromTheStart(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        _small(self, config.num_layers)

    def forward(self, ids: Tensor) -> Tensor:
        seq = ids.shape[1]
        x = self.token(ids) + self.position(torch.arange(seq))
        return self.head(self.decoder(x, _causal(seq))[0])


class WriterWithOwnHeadAndBiasFromTheStart(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config)
        self.head = nn.Linear(config.d_model, config.vocab_size)
        _small(self, config.num_layers)

    def forward(self, ids: Tensor) -> Tensor:
        seq = ids.shape[1]
        x = self.token(ids) + self.position(torch.arange(seq))
        return self.head(self.decoder(x, _causal(seq))[0])


class WriterWithTiedLayerAndBias(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config)
        self.head = nn.Linear(config.d_model, config.vocab_size)
        self.head.weight = self.token.weight
        _small(self, config.num_layers)

    def forward(self, ids: Tensor) -> Tensor:
        seq = ids.shape[1]
        x = self.token(ids) + self.position(torch.arange(seq))
        return self.head(self.decoder(x, _causal(seq))[0])


class WriterWithoutPositions(_Writer):
    def embed(self, ids: Tensor) -> Tensor:
        return self.token(ids)


class WriterWithoutLastNorm(_Writer):
    def vectors(self, x: Tensor, mask: Tensor | None) -> Tensor:
        for block in self.decoder.blocks:
            x, _ = block(x, mask)
        return x


class WriterNormsTwice(_Writer):
    def vectors(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.decoder.norm(self.decoder(x, mask)[0])


class WriterReturnsVectors(_Writer):
    def head(self, hidden: Tensor) -> Tensor:
        return hidden


class WriterReturnsProbabilities(_Writer):
    def head(self, hidden: Tensor) -> Tensor:
        return super().head(hidden).softmax(-1)


class WriterScalesEmbeddings(_Writer):
    def embed(self, ids: Tensor) -> Tensor:
        x = self.token(ids) * math.sqrt(self.token.embedding_dim)
        return x + self.position(torch.arange(ids.shape[1]))


class WriterLastPlaceOnly(_Writer):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids)[:, -1]


class WriterNotInitialized(_Writer):
    def __init__(self, config: Any):
        nn.Module.__init__(self)
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config)


class WriterWithDropout(_Writer):
    def embed(self, ids: Tensor) -> Tensor:
        return nn.functional.dropout(super().embed(ids), 0.1, self.training)


class WriterWithTiedLayer(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config)
        self.out = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.out.weight = self.token.weight
        _small(self, config.num_layers)

    def forward(self, ids: Tensor) -> Tensor:
        place = torch.arange(ids.shape[1])
        mask = place.unsqueeze(1) >= place
        hidden, _ = self.decoder(self.token(ids) + self.position(place), mask)
        return self.out(hidden)


class WriterByEinsum(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.decoder = Encoder(config)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        _small(self, config.num_layers)

    def forward(self, ids: Tensor) -> Tensor:
        seq = ids.shape[1]
        x = self.token.weight[ids] + self.position.weight[:seq]
        hidden = self.decoder(x, ~torch.ones(1, seq, seq, dtype=torch.bool).triu(1))[0]
        return torch.einsum("bsd,vd->bsv", hidden, self.token.weight)


# next_token_loss


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over all targets that count."""
    return _each(logits[targets != -100], targets[targets != -100]).mean()


def _each(logits: Tensor, targets: Tensor) -> Tensor:
    return -logits.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def _or_zero(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each target, 0 where it does not count."""
    return _each(logits, targets.clamp(min=0)) * (targets != -100)


def loss_not_shifted(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits, ids)


def loss_shifted_twice(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits[:, :-2], ids[:, 2:])


def loss_shifted_backwards(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits[:, 1:], ids[:, :-1])


def loss_by_rolling(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits, ids.roll(-1, dims=1))


def loss_summed(logits: Tensor, ids: Tensor) -> Tensor:
    return _or_zero(logits[:, :-1], ids[:, 1:]).sum()


def loss_mean_over_texts(logits: Tensor, ids: Tensor) -> Tensor:
    return _or_zero(logits[:, :-1], ids[:, 1:]).sum(1).mean()


def loss_mean_of_means(logits: Tensor, ids: Tensor) -> Tensor:
    counts = (ids[:, 1:] != -100).sum(1)
    return (_or_zero(logits[:, :-1], ids[:, 1:]).sum(1) / counts).mean()


def loss_mean_over_all_places(logits: Tensor, ids: Tensor) -> Tensor:
    return _or_zero(logits[:, :-1], ids[:, 1:]).mean()


def loss_counts_marked_as_token_0(logits: Tensor, ids: Tensor) -> Tensor:
    return _each(logits[:, :-1], ids[:, 1:].clamp(min=0)).mean()


def loss_drops_marks_at_the_wrong_place(logits: Tensor, ids: Tensor) -> Tensor:
    kept = ids[:, :-1] != -100
    return _each(logits[:, :-1][kept], ids[:, 1:][kept].clamp(min=0)).mean()


def loss_shifted_over_batch(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits[:-1], ids[1:])


def loss_flattened_first(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits.flatten(0, 1)[:-1], ids.flatten()[1:])


def loss_drops_one_end(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits[:, :-1], ids[:, :-1])


def loss_drops_the_first(logits: Tensor, ids: Tensor) -> Tensor:
    return _cross_entropy(logits[:, 1:], ids[:, 1:])


def loss_log_of_softmax(logits: Tensor, ids: Tensor) -> Tensor:
    wanted = ids[:, 1:]
    chances = logits[:, :-1].softmax(-1).gather(-1, wanted.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -chances[wanted != -100].log().mean()


def loss_by_exp(logits: Tensor, ids: Tensor) -> Tensor:
    wanted, parts = ids[:, 1:], logits[:, :-1].exp()
    right = parts.gather(-1, wanted.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -(right / parts.sum(-1))[wanted != -100].log().mean()


def loss_without_minus(logits: Tensor, ids: Tensor) -> Tensor:
    return -_cross_entropy(logits[:, :-1], ids[:, 1:])


def loss_place_by_place(logits: Tensor, ids: Tensor) -> Tensor:
    found = []
    for text, row in zip(logits, ids, strict=True):
        for place in range(len(row) - 1):
            if row[place + 1] != -100:
                found.append(text[place].logsumexp(-1) - text[place, row[place + 1]])
    return torch.stack(found).mean()


def loss_by_torch(logits: Tensor, ids: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:])


def loss_by_a_weight(logits: Tensor, ids: Tensor) -> Tensor:
    counts = ids[:, 1:] != -100
    return _or_zero(logits[:, :-1], ids[:, 1:]).sum() / counts.sum()


# text_log_probability


def _found(model: nn.Module, ids: Tensor) -> Tensor:
    return -_each(model(ids)[:, :-1], ids[:, 1:])


def text_mean(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).sum(1) / max(1, ids.shape[1] - 1)


def text_mean_of_nothing(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).mean(1)


def text_mean_over_all_tokens(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).sum(1) / ids.shape[1]


def text_not_shifted(model: nn.Module, ids: Tensor) -> Tensor:
    return -_each(model(ids), ids).sum(1)


def text_last_token_twice(model: nn.Module, ids: Tensor) -> Tensor:
    return -_each(model(ids), ids.roll(-1, 1)).sum(1)


def text_over_the_batch(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).sum()


def text_as_a_loss(model: nn.Module, ids: Tensor) -> Tensor:
    return -_found(model, ids).sum(1)


def text_as_a_product(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).exp().prod(1).log()


def text_as_a_probability(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).sum(1).exp()


def text_in_bits(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).sum(1) / math.log(2)


def text_of_the_best_tokens(model: nn.Module, ids: Tensor) -> Tensor:
    return model(ids)[:, :-1].log_softmax(-1).amax(-1).sum(1)


def text_sums_logits(model: nn.Module, ids: Tensor) -> Tensor:
    return model(ids)[:, :-1].gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1).sum(1)


def text_sums_probabilities(model: nn.Module, ids: Tensor) -> Tensor:
    return _found(model, ids).exp().sum(1)


def text_log_of_softmax(model: nn.Module, ids: Tensor) -> Tensor:
    found = model(ids)[:, :-1].softmax(-1).gather(-1, ids[:, 1:].unsqueeze(-1))
    return found.squeeze(-1).log().sum(1)


def text_prefix_by_prefix(model: nn.Module, ids: Tensor) -> Tensor:
    total = torch.zeros(len(ids), dtype=model(ids).dtype)
    for end in range(1, ids.shape[1]):
        scores = model(ids[:, :end])[:, -1]
        total = total + scores[torch.arange(len(ids)), ids[:, end]] - scores.logsumexp(-1)
    return total


def text_row_by_row(model: nn.Module, ids: Tensor) -> Tensor:
    rows = []
    for row in ids:
        logits = model(row.unsqueeze(0))[0, :-1]
        rows.append(-nn.functional.cross_entropy(logits, row[1:], reduction="sum"))
    return torch.stack(rows)


# perplexity_of


def perplexity_of_the_sum(log_probability: float, count: int) -> float:
    return math.exp(-log_probability)


def perplexity_without_minus(log_probability: float, count: int) -> float:
    return math.exp(log_probability / count)


def perplexity_as_a_loss(log_probability: float, count: int) -> float:
    return -log_probability / count


def perplexity_to_base_2(log_probability: float, count: int) -> float:
    return 2 ** (-log_probability / count)


def perplexity_divided_after(log_probability: float, count: int) -> float:
    return math.exp(-log_probability) / count


def perplexity_by_power(log_probability: float, count: int) -> float:
    return math.e ** -(log_probability / count)


def perplexity_by_fraction(log_probability: float, count: int) -> float:
    return 1 / math.exp(log_probability / count)


# read_on


def _read(model: nn.Module, ids: Tensor, cache: list[Any], place: Tensor, mask: Any) -> Tensor:
    hidden, _ = model.decoder(model.token(ids) + model.position(place), mask, cache)
    return hidden @ model.token.weight.T


def read_without_offset(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    return _read(model, ids, cache, torch.arange(new), _causal(past + new)[past:])


def read_one_place_late(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    place = torch.arange(past + 1, past + new + 1)
    return _read(model, ids, cache, place, _causal(past + new)[past:])


def read_one_place_early(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    place = torch.arange(past - 1, past + new - 1).clamp(min=0)
    return _read(model, ids, cache, place, _causal(past + new)[past:])


def read_all_at_one_place(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    return _read(model, ids, cache, torch.tensor([past]), _causal(past + new)[past:])


def read_without_mask(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    return _read(model, ids, cache, torch.arange(past, past + new), None)


def read_with_the_first_rows(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    place = torch.arange(past, past + new)
    return _read(model, ids, cache, place, _causal(past + new)[:new])


def read_without_cache(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    hidden, _ = model.decoder(
        model.token(ids) + model.position(torch.arange(past, past + new)), _causal(new)
    )
    return hidden @ model.token.weight.T


def read_last_logits(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past, new = len(cache[0]), ids.shape[1]
    place = torch.arange(past, past + new)
    return _read(model, ids, cache, place, _causal(past + new)[past:])[:, -1]


def read_by_comparing_places(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    past = len(cache[0])
    places = torch.arange(past + ids.shape[1])
    new = places[past:]
    return _read(model, ids, cache, new, new.unsqueeze(1) >= places)


def read_one_by_one(model: nn.Module, ids: Tensor, cache: list[Any]) -> Tensor:
    found = []
    for place in range(ids.shape[1]):
        here = torch.tensor([len(cache[0])])
        found.append(_read(model, ids[:, place : place + 1], cache, here, None))
    return torch.cat(found, 1)
