"""Chapter 4, fifth part: what goes into BERT, its two heads, and gaps filled."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch04_mistakes_model as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import bert, generation

Inputs = dict[str, Any]


def _with_gradients(make: Any) -> Any:
    return lambda draw: make(draw) | {"cotangent_seed": draw.seed()}


def _config(draw: Draw, vocab_size: int, d_model: int, **others: Any) -> Inputs:
    return {
        "vocab_size": vocab_size,
        "max_seq": draw.size(12, 15),
        "d_model": d_model,
        "num_heads": 1,
        "num_layers": 1,
        "d_ff": 4 * d_model,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "activation": "gelu",
        "norm": "post",
        "norm_eps": 1e-5,
        "num_segments": 2,
        "pad_id": 0,
    } | others


# BertEmbeddings


def _embedded(draw: Draw, given: bool = True, rows: int = 0, **others: Any) -> Inputs:
    batch, seq, d_model = draw.sizes(3, 3, 9)
    batch = rows or batch
    vocab_size = draw.size(20, 30)
    config = _config(draw, vocab_size, d_model, **others)
    weights = {
        "token.weight": draw.normal(vocab_size, d_model),
        "position.weight": draw.normal(config["max_seq"], d_model),
        "segment.weight": draw.normal(config["num_segments"], d_model),
        "norm.gamma": draw.normal(d_model, scale=0.3) + 1,
        "norm.beta": draw.normal(d_model, scale=0.5),
    }
    arguments = {"ids": draw.integers(1, vocab_size, batch, seq)}
    if given:
        arguments["segments"] = draw.integers(0, config["num_segments"], batch, seq)
        arguments["segments"][0, 0], arguments["segments"][0, 1] = 1, 0
    return {"config": config, "weights": weights, "arguments": arguments}


def _padded(draw: Draw) -> Inputs:
    """Rows of several lengths, filled up with [PAD], whose id is 0."""
    inputs = _embedded(draw)
    ids = inputs["arguments"]["ids"]
    for row in range(1, len(ids)):
        ids[row, draw.size(1, ids.shape[1] - 1) :] = 0
    return inputs


def _in_training(make: Any) -> Any:
    return lambda draw: make(draw) | {"train": True}


def _one_word_again(draw: Draw) -> Inputs:
    inputs = _embedded(draw)
    arguments = {name: value[:, :1].expand_as(value).clone() for name, value in
                 inputs["arguments"].items()}  # fmt: skip
    return {**inputs, "arguments": arguments}


def _places_differ(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if torch.allclose(observed["output"][:, 0], observed["output"][:, 1], 1e-3, 1e-3):
        return Failure("The same word has one vector at two places.", "places")
    return None


bert_embeddings = Exercise(
    id="BertEmbeddings",
    title="word, place and sentence, normed",
    reference=bert.BertEmbeddings,
    cases=(
        Case(
            "three vectors, added and normed",
            lambda draw: _embedded(draw, max_seq=draw.size(31, 36)),  # every id is a place as well
            probes.module,
        ),
        Case("a batch of one row", lambda draw: _embedded(draw, rows=1), probes.module),
        Case(
            "without segments, every token is in segment 0",
            lambda draw: _embedded(draw, given=False),
            probes.module,
        ),
        Case(
            "one word at every place has other vectors",
            _one_word_again,
            probes.module,
            holds=_places_differ,
        ),
        Case(
            "more segments, and another eps",
            lambda draw: _embedded(draw, num_segments=4, norm_eps=draw.choice((0.3, 0.7))),
            probes.module,
        ),
        Case("[PAD] has a word, a place and a segment too", _padded, probes.module),
        Case("nothing is dropped in training", _in_training(_embedded), probes.module),
        Case(
            "gradients reach all three tables and the norm",
            _with_gradients(_embedded),
            probes.module,
            tolerance=5,
        ),
        Case(
            "three tables and a norm, and nothing else",
            lambda draw: {"config": _config(draw, *draw.sizes(2, 4, 30), num_segments=3)},
            probes.parameters,
            guard=True,
        ),
        Case(
            "ids and segments are left as they were", _embedded, probes.module_untouched, guard=True
        ),
    ),
    hints=(
        "Three tables, each nn.Embedding(rows, d_model), and a LayerNorm. In forward look up three "
        "vectors for each token, add them, and norm the sum.",
        "The rows are config.vocab_size, config.max_seq and config.num_segments. The places are "
        "torch.arange(seq), the same for every sentence of the batch.",
        "self.norm(self.token(ids) + self.position(torch.arange(ids.shape[1])) + "
        "self.segment(segments)), after segments = torch.zeros_like(ids) where it was None.",
    ),
    misconceptions=(
        Misconception(
            m.EmbedsWithoutPosition,
            "It looks as if the positions are missing. Look up torch.arange(seq) in self.position "
            "and add.",
        ),
        Misconception(
            m.EmbedsPositionTwice,
            "It looks as if the positions are added twice. Each of the three tables is added once.",
        ),
        Misconception(
            m.EmbedsPositionsOfTheBatch,
            "It looks as if the positions count the sentences of the batch. They count the places "
            "in a sentence: torch.arange(ids.shape[1]).",
            also=(m.EmbedsPositionsOfTheBatchAsTheyAre,),
        ),
        Misconception(
            m.EmbedsPositionsOfTheIds,
            "It looks as if the ids are looked up in self.position. An id says which word it is; "
            "the place says where it stands: 0, 1, 2, …, whatever the words are.",
        ),
        Misconception(
            m.EmbedsPositionsFromOne,
            "It looks as if the places are counted from 1. The first place is 0.",
        ),
        Misconception(
            m.EmbedsPaddingAsNothing,
            "It looks as if the vectors at [PAD] are set to 0. That is not asked for here: each id "
            "is looked up as any other, and the mask of the attention keeps padding away.",
        ),
        Misconception(
            m.EmbedsPositionsOfRealTokens,
            "It looks as if the places count real tokens only. They count all places of the row, "
            "with padding: torch.arange(ids.shape[1]).",
        ),
        Misconception(
            m.EmbedsWithDropout,
            "It looks as if numbers are dropped in training. This model is trained without "
            "dropout; end with the norm.",
        ),
        Misconception(
            m.EmbedsWithoutSegment,
            "It looks as if the segments are missing. Look them up in self.segment and add.",
        ),
        Misconception(
            m.EmbedsSegmentZero,
            "It looks as if every token gets the vector of segment 0. Look up the segments that "
            "are given.",
        ),
        Misconception(
            m.EmbedsNothingForNone,
            "It looks as if nothing is added when segments is left out. Then every token is in "
            "segment 0, which has a vector.",
        ),
        Misconception(
            m.EmbedsOneForNone,
            "It looks as if tokens are put into segment 1 when segments is left out. It is 0.",
        ),
        Misconception(
            m.EmbedsWithoutNorm,
            "It looks as if the layer norm is missing. BERT norms the sum: self.norm(…).",
            also=(m.EmbedsWithNoNorm,),
        ),
        Misconception(
            m.EmbedsByTorchNorm,
            "It looks as if the norm is torch's nn.LayerNorm. It computes the same, but calls its "
            "two vectors weight and bias, and the weights loaded later are called gamma and beta: "
            "take LayerNorm from the top of this notebook.",
        ),
        Misconception(
            m.EmbedsNormsTheToken,
            "It looks as if the norm comes before all three are added. Add first, then norm the "
            "sum.",
            also=(m.EmbedsNormsBeforeTheSegment, m.EmbedsNormsEach),
        ),
        Misconception(
            m.EmbedsScaled,
            "It looks as if the token vectors are multiplied by √d_model, as in chapter 1. BERT "
            "leaves that out, for the norm brings all to one size.",
        ),
        Misconception(
            m.EmbedsWithFixedEps,
            "It looks as if the norm does not know config.norm_eps. Hand it on: "
            "LayerNorm(config.d_model, config.norm_eps).",
        ),
        Misconception(
            m.EmbedsTwoSegments,
            "It looks as if there are always two segments. Make config.num_segments rows.",
        ),
    ),
    alternatives=(m.EmbedsByRows, m.EmbedsByOneHot),
    points=3,
    minutes=12,
    difficulty=2,
)


# Pooler


def _pooled(draw: Draw, batch: int = 0, seq: int = 0) -> Inputs:
    sentences, words, d_model = draw.sizes(3, 3, 9)
    return {
        "sizes": {"d_model": d_model},
        "weights": {
            "dense.weight": draw.normal(d_model, d_model, scale=0.6),
            "dense.bias": draw.normal(d_model),
        },
        "arguments": {"hidden": draw.normal(batch or sentences, seq or words, d_model)},
    }


pooler = Exercise(
    id="Pooler",
    title="one vector for the whole row",
    reference=bert.Pooler,
    cases=(
        Case("the first token speaks for the row", _pooled, probes.module),
        Case("a row of one token", lambda draw: _pooled(draw, seq=1), probes.module),
        Case("a batch of one row", lambda draw: _pooled(draw, batch=1), probes.module),
        Case("nothing is dropped in training", _in_training(_pooled), probes.module),
        Case(
            "gradients reach the first token and the layer",
            _with_gradients(_pooled),
            probes.module,
        ),
        Case(
            "one linear layer with bias",
            lambda draw: {"sizes": {"d_model": draw.size(3, 9)}},
            probes.parameters,
            guard=True,
        ),
        Case("the vectors are left as they were", _pooled, probes.module_untouched, guard=True),
    ),
    hints=(
        "Three things in a row: take out one vector, send it through a layer, bend it.",
        "[CLS] stands at place 0 of every row: hidden[:, 0] is (batch, d_model). The layer is "
        "nn.Linear(d_model, d_model).",
        "return torch.tanh(self.dense(hidden[:, 0])).",
    ),
    misconceptions=(
        Misconception(
            m.PoolsTheMean,
            "It looks as if all vectors of the row are averaged. BERT takes the one of [CLS]: "
            "hidden[:, 0].",
            also=(m.PoolsTheMeanLast,),
        ),
        Misconception(
            m.PoolsWithoutTanh,
            "It looks as if the tanh is missing. It bends every number into -1 … 1.",
        ),
        Misconception(
            m.PoolsTheLast,
            "It looks as if the last token is taken. [CLS] is the first: hidden[:, 0].",
        ),
        Misconception(
            m.PoolsTheFirstRow,
            "It looks as if the first row of the batch is taken. The axes are (batch, seq, "
            "d_model): take the first token of every row, hidden[:, 0].",
        ),
        Misconception(
            m.PoolsAllTokens,
            "It looks as if every token is returned. Asked is one vector a row, that of [CLS].",
        ),
        Misconception(
            m.PoolsAndKeepsTheAxis,
            "It looks as if an axis of length 1 is left over from the tokens. A slice keeps the "
            "axis, a number takes it away: 0 in place of 0:1.",
        ),
        Misconception(
            m.PoolsTheMaximum,
            "It looks as if the largest number of the row is taken. Take the vector of [CLS]: "
            "hidden[:, 0].",
        ),
        Misconception(
            m.PoolsWithoutLayer,
            "It looks as if the linear layer is not used. tanh(W h + b): send the vector of [CLS] "
            "through self.dense.",
        ),
        Misconception(
            m.PoolsBentFirst,
            "It looks as if the tanh comes before the layer. First self.dense, then tanh.",
        ),
        Misconception(
            m.PoolsByRelu,
            "It looks as if another curve stands in place of the tanh. BERT's pooler has tanh.",
            also=(m.PoolsBySigmoid, m.PoolsByGelu),
        ),
        Misconception(
            m.PoolsWithoutBias,
            "It looks as if the layer has no bias. Leave bias=False away.",
        ),
    ),
    alternatives=(m.PoolsByNarrowing, m.PoolsEveryToken),
    points=1,
    minutes=5,
    difficulty=1,
)


# MlmHead


def _headed(draw: Draw, square: bool = False, shape: tuple[int, ...] | None = None, **others: Any
            ) -> Inputs:  # fmt: skip
    batch, seq, d_model = draw.sizes(3, 4, 8)
    vocab_size = d_model if square else draw.size(11, 16)
    return {
        "config": _config(draw, vocab_size, d_model, **others),
        "weights": {
            "dense.weight": draw.normal(d_model, d_model, scale=0.7),
            "dense.bias": draw.normal(d_model),
            "norm.gamma": draw.normal(d_model, scale=0.3) + 1,
            "norm.beta": draw.normal(d_model, scale=0.5),
            "bias": draw.normal(vocab_size),
        },
        "arguments": {
            "hidden": draw.normal(*((batch, seq) if shape is None else shape), d_model),
            "table": draw.normal(vocab_size, d_model),
        },
    }


def _fresh(draw: Draw) -> Inputs:
    return {"config": _config(draw, *draw.sizes(2, 4, 30)), "seed": draw.seed()}


def _bias_is_0(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if observed["mean of bias"] == observed["std of bias"] == 0:
        return None
    return Failure("Before training, no word should be preferred: self.bias is not 0.", "bias")


mlm_head = Exercise(
    id="MlmHead",
    title="name the hidden word",
    reference=bert.MlmHead,
    cases=(
        Case("each vector is compared with the whole table", _headed, probes.module, tolerance=5),
        Case(
            "as many words as numbers in a vector",
            lambda draw: _headed(draw, square=True),
            probes.module,
            tolerance=5,
        ),
        Case(
            "the chosen words alone, without a batch",
            lambda draw: _headed(draw, shape=(draw.size(4, 8),)),
            probes.module,
            tolerance=5,
        ),
        Case(
            "another eps",
            lambda draw: _headed(draw, norm_eps=draw.choice((0.3, 0.7))),
            probes.module,
            tolerance=5,
        ),
        Case(
            "gradients reach the vectors, the table and every parameter",
            _with_gradients(_headed),
            probes.module,
            tolerance=10,
        ),
        Case(
            "a layer, a norm and a bias: the table comes from outside",
            lambda draw: {"config": _config(draw, *draw.sizes(2, 4, 30))},
            probes.parameters,
            guard=True,
        ),
        Case(
            "the bias starts at 0",
            _fresh,
            probes.initial,
            holds=_bias_is_0,
            values=False,
            guard=True,
        ),
        Case(
            "vectors and table are left as they were", _headed, probes.module_untouched, guard=True
        ),
    ),
    hints=(
        "Four steps, in the order of the formula: a linear layer, GELU, a norm, and a product with "
        "the table to which a bias is added.",
        "In __init__: self.dense = nn.Linear(d_model, d_model), self.norm = LayerNorm(d_model, "
        "config.norm_eps), self.bias = nn.Parameter(torch.zeros(config.vocab_size)). The table is "
        "(vocab, d_model); which way round must it stand so that (…, d_model) times it gives "
        "(…, vocab)?",
        "transformed = self.norm(gelu(self.dense(hidden))), and return transformed @ table.T + "
        "self.bias.",
    ),
    misconceptions=(
        Misconception(
            m.NamesByOwnTable,
            "It looks as if the head has a table of its own. It is tied: use the table that is "
            "handed to forward, the one the words came in by.",
            also=(m.NamesByOwnTableFirst, m.NamesByOwnLayerWithBias),
        ),
        Misconception(
            m.NamesWithoutTranspose,
            "It looks as if the table is not transposed. Each vector is to meet the rows of the "
            "table: transformed @ table.T.",
        ),
        Misconception(
            m.NamesWithBiasFromChance,
            "It looks as if self.bias does not start at 0. Before anything is learned no word is "
            "preferred: nn.Parameter(torch.zeros(config.vocab_size)).",
            also=(m.NamesWithBiasOfOnes,),
        ),
        Misconception(
            m.NamesWithoutBias,
            "It looks as if the bias of the words is forgotten. It lets the head know that some "
            "words are frequent: add self.bias.",
        ),
        Misconception(
            m.NamesWithoutBiasParameter,
            "The head has no parameter self.bias: it is missing, or a plain tensor, which nobody "
            "would train. nn.Parameter(torch.zeros(…)) makes one number for each word.",
        ),
        Misconception(
            m.NamesWithBiasOfTheVector,
            "It looks as if self.bias has d_model numbers. It has one for each word: how many "
            "words are there?",
            also=(m.NamesWithBiasOfTheVectorAtTheEnd,),
        ),
        Misconception(
            m.NamesLayerWithoutBias,
            "It looks as if self.dense has no bias. Leave bias=False away; self.bias is another "
            "one, of the words.",
        ),
        Misconception(
            m.NamesByTorchNorm,
            "It looks as if the norm is torch's nn.LayerNorm. It computes the same, but calls its "
            "two vectors weight and bias, and the weights loaded later are called gamma and beta: "
            "take LayerNorm from the top of this notebook.",
        ),
        Misconception(
            m.NamesGeluFirst,
            "It looks as if the GELU comes before the layer. The order is layer, GELU, norm.",
            also=(m.NamesLayerLast,),
        ),
        Misconception(
            m.NamesWithoutGelu,
            "It looks as if the GELU is missing. It stands between the layer and the norm.",
        ),
        Misconception(
            m.NamesWithoutNorm,
            "It looks as if the norm is missing. It comes after the GELU, before the table.",
            also=(m.NamesWithNoNorm,),
        ),
        Misconception(
            m.NamesNormFirst,
            "It looks as if the norm comes before the GELU. The order is layer, GELU, norm.",
            also=(m.NamesNormAtTheStart,),
        ),
        Misconception(
            m.NamesWithoutLayer,
            "It looks as if self.dense is not used. The vectors go through it first.",
        ),
        Misconception(
            m.NamesByTheTableAlone,
            "It looks as if the vectors are compared with the table as they are. They go through "
            "layer, GELU and norm first.",
        ),
        Misconception(
            m.NamesByRelu,
            "It looks as if another curve stands in place of the GELU. Call your gelu.",
            also=(m.NamesByTanh, m.NamesByNearlyGelu),
        ),
        Misconception(
            m.NamesProbabilities,
            "It looks as if the result goes through a softmax. Return logits; the loss has the "
            "softmax inside.",
            also=(m.NamesLogProbabilities,),
        ),
        Misconception(
            m.NamesWithFixedEps,
            "It looks as if the norm does not know config.norm_eps. Hand it on: "
            "LayerNorm(config.d_model, config.norm_eps).",
        ),
    ),
    alternatives=(m.NamesByLinear, m.NamesByEinsum),
    points=3,
    minutes=12,
    difficulty=3,
)


# fill_mask


def _gaps(draw: Draw, gaps: str = "some", given: bool = True) -> Inputs:
    batch, seq, vocab = draw.size(3, 4), draw.size(7, 9), draw.size(12, 15)
    mask_id = draw.size(1, 4)
    ids = draw.integers(5, vocab, batch, seq)
    if gaps == "one":
        ids[draw.size(0, batch - 1), draw.size(0, seq - 1)] = mask_id
    elif gaps == "last":
        ids[:, -1] = mask_id
    else:  # two side by side, one in another row, a row without
        ids[0, 1:3] = mask_id
        ids[2, draw.size(0, 1)] = mask_id  # reading order is not column by column
    arguments: Inputs = {"ids": ids, "mask_id": mask_id}
    if given:
        segments = torch.zeros_like(ids)
        segments[:, seq // 2 :] = 1
        arguments["segments"] = segments
    return {"vocab": vocab, "seed": draw.seed(), "arguments": arguments}


def _adds_up(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if (observed["probabilities"].sum(-1) - 1).abs().max() > 1e-4:
        return Failure("The probabilities at each gap should sum to 1.", "sums")
    return None


def _others_stay(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    ids, mask_id = inputs["arguments"]["ids"], inputs["arguments"]["mask_id"]
    if (observed["filled"] != ids)[ids != mask_id].any():
        return Failure("A word was changed where there was no gap.", "others")
    return _adds_up(observed, expected, inputs)


fill_mask = Exercise(
    id="fill_mask",
    title="write into the gaps",
    reference=generation.fill_mask,
    cases=(
        Case(
            "each [MASK] becomes the most probable word, the rest stays",
            _gaps,
            probes.with_gap_model,
            holds=_others_stay,
        ),
        Case(
            "a single gap", lambda draw: _gaps(draw, "one"), probes.with_gap_model, holds=_adds_up
        ),
        Case(
            "one gap in each row",
            lambda draw: _gaps(draw, "last"),
            probes.with_gap_model,
            holds=_adds_up,
        ),
        Case(
            "segments may be left out",
            lambda draw: _gaps(draw, given=False),
            probes.with_gap_model,
            holds=_others_stay,
        ),
        Case(
            "the ids are left as they were",
            lambda draw: _gaps(draw) | {"untouched": True},
            probes.with_gap_model,
            guard=True,
        ),
    ),
    hints=(
        "First find the gaps: where is an id equal to mask_id? Then ask the model once for the "
        "whole batch, and look at its answer there.",
        "gaps = ids == mask_id; the model returns two things, and the first holds the words' "
        "logits (batch, seq, vocab). logits[gaps] has one row for each gap, in reading order.",
        "probabilities = logits[gaps].softmax(-1); filled = ids.clone(); filled[gaps] = "
        "probabilities.argmax(-1); return both.",
    ),
    misconceptions=(
        Misconception(
            m.fill_everywhere,
            "It looks as if every word is replaced by what the model finds most probable. Only the "
            "gaps are to be filled.",
        ),
        Misconception(
            m.fill_without_softmax,
            "It looks as if logits are returned as probabilities. Send them through a softmax over "
            "the words.",
        ),
        Misconception(
            m.fill_softmax_over_gaps,
            "It looks as if the softmax runs over the gaps. Each gap has a distribution over the "
            "words: dim=-1.",
        ),
        Misconception(
            m.fill_one_after_the_other,
            "It looks as if a filled gap is read again before the next is filled. Here each gap is "
            "filled on its own: ask the model once.",
        ),
        Misconception(
            m.fill_first_gap_only,
            "It looks as if all gaps get the word of the first. Take the most probable word of "
            "each gap: argmax(dim=-1).",
        ),
        Misconception(
            m.fill_by_one_argmax,
            "It looks as if one argmax is taken over all gaps and words together. Each gap has "
            "its own most probable word: argmax(dim=-1).",
        ),
        Misconception(
            m.fill_results_exchanged,
            "It looks as if the two results are exchanged. First come the filled ids, then the "
            "probabilities.",
        ),
        Misconception(
            m.fill_ignores_segments,
            "It looks as if the segments are not used. Hand them on: model(ids, segments).",
        ),
        Misconception(
            m.fill_least_probable,
            "It looks as if the least probable word is taken. It is argmax that you want.",
        ),
        Misconception(
            m.fill_by_sampling,
            "It looks as if a word is drawn. Take the most probable one: argmax.",
        ),
        Misconception(
            m.fill_in_place,
            "It looks as if ids itself is filled. Make a copy first: filled = ids.clone().",
        ),
        Misconception(
            m.fill_without_probabilities,
            "It looks as if the filled ids are returned alone. Return two tensors: the filled ids, "
            "and the probabilities at the gaps.",
        ),
        Misconception(
            m.fill_probabilities_of_all,
            "It looks as if the probabilities at all places are returned. Return those at the "
            "gaps, one row for each: (gaps, vocab).",
        ),
        Misconception(
            m.fill_best_probability_only,
            "It looks as if only the best word's probability is returned. Return the whole "
            "distribution of each gap.",
        ),
    ),
    alternatives=(m.fill_by_where, m.fill_gap_by_gap),
    points=2,
    minutes=10,
    difficulty=2,
)
