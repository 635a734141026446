"""Chapter 2: which words should look at which.

One block an exercise, in the notebook's order. What learners get wrong, and other right ways to
write it, stands in `_ch02_mistakes`; the quiz questions stand in `_ch02_quizzes`.
"""

import math
from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch02_mistakes as m
from autograder.exercises._ch02_quizzes import QUIZZES
from autograder.spec import (
    Case,
    Chapter,
    Draw,
    Exercise,
    Failure,
    Misconception,
    Observed,
)
from minitransformer import attention, losses

Inputs = dict[str, Any]


# What several exercises share: masks that leave each query a key, and properties of weights.


def _random_mask(draw: Draw, *shape: int) -> Tensor:
    """Bool, about a third hidden; each row has a key that may be seen and one that may not."""
    mask = draw.uniform(*shape) < 0.7
    seen = draw.integers(0, shape[-1], *shape[:-1]).unsqueeze(-1)
    unseen = (seen + 1) % shape[-1]
    return mask.scatter(-1, seen, True).scatter(-1, unseen, False)


def _key_mask(draw: Draw, batch: int, seq: int) -> Tensor:
    """Bool (batch, 1, seq): sentences of several lengths, padded at the end."""
    lengths = draw.integers(1, seq, batch, 1, 1)
    return torch.arange(seq) < lengths


def _sums_to_one(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    weights = observed.get("result", observed.get("weights"))
    sums = weights.sum(-1)
    off = (sums - 1).abs().nan_to_num(nan=1.0)
    if off.max() > 1e-4:
        worst = sums.flatten()[off.argmax()]
        return Failure(f"Each row should sum to 1, and one sums to {worst:.3g}.", "sums")
    return None


def _hides(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    weights = observed.get("result", observed.get("weights"))
    mask = inputs.get("arguments", inputs)["mask"].expand_as(weights)
    if weights[~mask].abs().max() > 0:
        return Failure(f"A hidden key has weight {weights[~mask].abs().max():.3g}, not 0.", "leak")
    return None


def _same(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """Of `probes.several`: all results should be one and the same."""
    (first, one), *others = ((name, _tensors(value)) for name, value in observed.items())
    for name, other in others:
        if not all(torch.allclose(a, b, 1e-4, 1e-5) for a, b in zip(one, other, strict=True)):
            return Failure(f"The results for {first} and for {name} should be the same.", "changed")
    return None


def _tensors(value: Any) -> list[Tensor]:
    return list(value) if isinstance(value, list | tuple) else [torch.as_tensor(value)]


def _with_gradients(arguments: Inputs, draw: Draw) -> Inputs:
    return {"arguments": arguments, "cotangent_seed": draw.seed()}


# softmax


def _table(draw: Draw) -> Inputs:
    return {"scores": draw.normal(*draw.sizes(2, 3, 8), scale=3)}


def _square_table(draw: Draw) -> Inputs:
    size = draw.size(3, 7)
    return {"scores": draw.normal(size, size, scale=3)}


def _stack_of_tables(draw: Draw) -> Inputs:
    return {"scores": draw.normal(*draw.sizes(3, 2, 7), scale=3).double()}


def _inner_axis(draw: Draw) -> Inputs:
    scores = draw.normal(*draw.sizes(4, 2, 6), scale=3)
    return {"scores": scores, "dim": draw.choice((1, 2, -2, -3))}


def _huge_scores(draw: Draw) -> Inputs:
    rows, columns = draw.sizes(2, 3, 8)
    offsets = torch.tensor([2000.0, -2000.0]).repeat(rows)[:rows]
    return {"scores": draw.normal(rows, columns, scale=3) + offsets.unsqueeze(1)}


def _some_minus_infinity(draw: Draw) -> Inputs:
    rows, columns = draw.sizes(2, 3, 8)
    hidden = ~_random_mask(draw, rows, columns)
    return {"scores": draw.normal(rows, columns, scale=3).masked_fill(hidden, -math.inf)}


def _finite(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    result = torch.as_tensor(observed["result"])
    if not result.isfinite().all():
        bad = result[~result.isfinite()].flatten()[0]
        return Failure(f"There is {bad:.3g} in the result: too large or too small for exp.", "nan")
    return None


softmax = Exercise(
    id="softmax",
    title="scores to weights, without overflow",
    reference=attention.softmax,
    cases=(
        Case("each row sums to 1", _table, holds=_sums_to_one),
        Case("in a square table it is the rows that sum to 1", _square_table, holds=_sums_to_one),
        Case("a stack of tables, in float64", _stack_of_tables, holds=_sums_to_one),
        Case("along the axis that dim names", _inner_axis, trials=3),
        Case("huge scores do not overflow", _huge_scores, holds=_finite),
        Case("a score of minus infinity gets weight 0", _some_minus_infinity),
        Case(
            "gradients flow back to the scores",
            lambda draw: _with_gradients(_table(draw), draw),
            probes.gradients,
        ),
        Case("the scores are left as they were", _table, probes.untouched, guard=True),
    ),
    hints=(
        "Two steps: make every score positive with exp, then divide by the sum along dim.",
        "exp(1000) is infinity. Subtract the largest score along dim first: numerator and "
        "denominator shrink by the same factor, so the fraction stays as it is.",
        "scores.amax(dim, keepdim=True) finds the largest; keepdim=True keeps an axis of size 1, "
        "so that the subtraction, and later the division by .sum(…), line up.",
    ),
    misconceptions=(
        Misconception(
            m.softmax_always_over_first_axis,
            "It looks as if the softmax always runs over the first axis. Hand dim on to amax and "
            "to sum; its default, -1, is the last axis.",
        ),
        Misconception(
            m.softmax_always_over_last_axis,
            "It looks as if dim is not used: the softmax always runs over the last axis. Hand dim "
            "on to amax and to sum.",
        ),
        Misconception(
            m.softmax_without_sum,
            "It looks as if the division is missing. Divide by the sum of the exponentials, so "
            "that the weights sum to 1.",
        ),
        Misconception(
            m.softmax_without_maximum,
            "It looks as if exp is taken of the raw scores, and overflows. Subtract the largest "
            "score along dim first.",
        ),
        Misconception(
            m.softmax_with_one_maximum,
            "It looks as if one maximum of the whole table is subtracted. A row far below it "
            "becomes 0 / 0. Each row needs its own maximum: amax(dim, keepdim=True).",
        ),
        Misconception(
            m.softmax_without_keepdim,
            "It looks as if the sum has lost its axis, so that rows are divided by other rows' "
            "sums. Write sum(dim, keepdim=True).",
        ),
        Misconception(
            m.softmax_in_place,
            "It looks as if the scores themselves are changed (by -=, perhaps). They belong to "
            "the caller: make a new tensor, shifted = scores - ….",
        ),
    ),
    alternatives=(m.softmax_by_logsumexp, m.softmax_row_by_row),
    forbidden=("softmax", "log_softmax", "safe_softmax"),
    points=2,
    minutes=12,
    difficulty=2,
)


# cross_entropy


def _tokens(draw: Draw) -> Inputs:
    tokens, vocab = draw.sizes(2, 3, 9)
    logits = draw.normal(tokens, vocab, scale=2)
    return {"logits": logits, "targets": draw.integers(0, vocab, tokens)}


def _batch_of_tokens(draw: Draw) -> Inputs:
    batch, seq, vocab = draw.sizes(3, 2, 8)
    logits = draw.normal(batch, seq, vocab, scale=2).double()
    return {"logits": logits, "targets": draw.integers(0, vocab, batch, seq)}


def _no_idea(draw: Draw) -> Inputs:
    tokens, vocab = draw.sizes(2, 3, 40)
    return {"logits": draw.normal(1).expand(tokens, vocab), "targets": torch.arange(tokens) % vocab}


def _unlikely(draw: Draw) -> Inputs:
    inputs = _tokens(draw)
    far = torch.zeros_like(inputs["logits"]).scatter(1, inputs["targets"].unsqueeze(1), -300.0)
    return {**inputs, "logits": inputs["logits"] + far}


def _huge_logits(draw: Draw) -> Inputs:
    inputs = _tokens(draw)
    return {**inputs, "logits": inputs["logits"] + 1000}


def _shifted_logits(draw: Draw) -> Inputs:
    inputs = _tokens(draw)
    shift = draw.normal(len(inputs["targets"]), 1, scale=5)
    shifted = {**inputs, "logits": inputs["logits"] + shift}
    return {"the logits": inputs, "the logits, shifted": shifted}


cross_entropy = Exercise(
    id="cross_entropy",
    title="cross-entropy from logits",
    reference=losses.cross_entropy,
    cases=(
        Case("the mean over the tokens", _tokens),
        Case("a batch of sentences, in float64", _batch_of_tokens),
        Case("without any idea, the loss is log(vocab)", _no_idea),
        Case("a very unlikely word costs much, but not infinity", _unlikely, holds=_finite),
        Case("huge logits do not overflow", _huge_logits, holds=_finite),
        Case(
            "shifting all logits of a token changes nothing",
            _shifted_logits,
            probes.several,
            holds=_same,
        ),
        Case(
            "gradients flow back to the logits",
            lambda draw: _with_gradients(_batch_of_tokens(draw), draw),
            probes.gradients,
        ),
        Case("the inputs are left as they were", _tokens, probes.untouched, guard=True),
    ),
    hints=(
        "For one token the loss is log(sum of exp(z)) minus the logit of the right word. Write "
        "that for all tokens at once, and take the mean at the end.",
        "Shift the logits by their largest value first. Then no exp overflows, and no logarithm "
        "of a probability is ever taken.",
        "shifted.gather(-1, targets.unsqueeze(-1)).squeeze(-1) picks one logit a token, for any "
        "number of axes; subtract it from the log of the summed exponentials.",
    ),
    misconceptions=(
        Misconception(
            m.cross_entropy_summed,
            "It looks as if the losses are summed. Take their mean, so that long and short "
            "batches cost the same.",
        ),
        Misconception(
            m.cross_entropy_per_token,
            "It looks as if you return one loss a token. Take the mean over all tokens at the end.",
        ),
        Misconception(
            m.cross_entropy_mean_over_sentences,
            "It looks as if the sum is divided by the number of sentences. Divide by the number "
            "of tokens: the mean runs over batch and seq.",
        ),
        Misconception(
            m.cross_entropy_softmax_twice,
            "It looks as if there are two softmaxes, one inside the other. Logits are raw scores; "
            "the log-sum-exp is all the softmax they need.",
        ),
        Misconception(
            m.cross_entropy_log_of_probabilities,
            "It looks as if the probability is computed first and its logarithm after. A tiny "
            "probability is rounded to 0, and log 0 is infinite. Simplify on paper first: "
            "log-sum-exp minus the right logit.",
        ),
        Misconception(
            m.cross_entropy_without_maximum,
            "It looks as if exp is taken of the raw logits, and overflows. Subtract each token's "
            "largest logit first.",
        ),
        Misconception(
            m.cross_entropy_every_pair,
            "It looks as if every token is charged for every token's target: indexing with "
            "[..., targets] takes whole columns. Use gather to pick one logit a token.",
        ),
    ),
    alternatives=(m.cross_entropy_by_index, m.cross_entropy_by_one_hot),
    forbidden=("cross_entropy", "nll_loss", "log_softmax", "softmax"),
    points=3,
    minutes=15,
    difficulty=3,
)


# score_variance


def _famous_divisors(draw: Draw) -> Inputs:
    d_k = draw.size(5, 200)
    calls = {"the square root of d_k": math.sqrt(d_k), "d_k": float(d_k)}
    return {f"divided by {name}": {"d_k": d_k, "divisor": c} for name, c in calls.items()}


score_variance = Exercise(
    id="score_variance",
    title="how far do dot products spread?",
    reference=attention.score_variance,
    cases=(
        Case("not divided at all", lambda draw: {"d_k": draw.size(5, 500)}, trials=3),
        Case(
            "divided by a number",
            lambda draw: {"d_k": draw.size(5, 500), "divisor": float(draw.size(2, 9))},
        ),
        Case(
            "divided by the square root of d_k, and by d_k",
            _famous_divisors,
            probes.several,
        ),
    ),
    hints=(
        "The dot product is a sum of d_k independent products. What is the variance of one of "
        "them, and what happens to variances when independent terms are added?",
        "Each product q_i · k_i has mean 0 and variance 1 · 1 = 1, so the undivided dot product "
        "has variance d_k. Now divide every dot product by a number c: variance is a mean of "
        "squares.",
        "Dividing by c divides every square by c · c, and so the variance as well.",
    ),
    misconceptions=(
        Misconception(
            m.variance_as_standard_deviation,
            "This is the standard deviation. The variance is its square.",
        ),
        Misconception(
            m.variance_divisor_not_squared,
            "It looks as if the variance is divided by the divisor itself. Variance is a mean of "
            "squares: dividing the values by c divides it by c squared.",
        ),
        Misconception(
            m.variance_divisor_ignored,
            "It looks as if the divisor is not used. A smaller dot product spreads less.",
        ),
        Misconception(
            m.variance_of_equal_terms,
            "It looks as if all d_k products move together. They are independent: their "
            "variances add up, which makes d_k and not its square.",
        ),
    ),
    alternatives=(m.variance_term_by_term, m.variance_from_deviation),
    points=1,
    minutes=5,
    difficulty=2,
    kind="predict",
)


# similarity_scores


def _queries_and_keys(draw: Draw) -> Inputs:
    seq_q, seq_k, d_k = draw.sizes(3, 2, 9)
    return {"query": draw.normal(seq_q, d_k), "key": draw.normal(seq_k, d_k)}


def _heads_of_queries_and_keys(draw: Draw) -> Inputs:
    batch, heads, seq_q, seq_k, d_k = draw.sizes(5, 2, 9)
    return {
        "query": draw.normal(batch, heads, seq_q, d_k).double(),
        "key": draw.normal(batch, heads, seq_k, d_k).double(),
    }


def _cube_of_queries_and_keys(draw: Draw) -> Inputs:
    size = draw.size(3, 6)
    return {"query": draw.normal(size, size, size), "key": draw.normal(size, size, size)}


def _long_vectors(draw: Draw) -> Inputs:
    seq_q, seq_k = draw.sizes(2, 3, 9)
    d_k = draw.size(100, 400)
    return {"query": draw.normal(seq_q, d_k), "key": draw.normal(seq_k, d_k)}


def _one_number_each(draw: Draw) -> Inputs:
    seq_k = draw.size(3, 9)
    return {"query": draw.normal(1, 1) + 2, "key": draw.normal(seq_k, 1)}


def _spread(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    got, wanted = observed["result"].std(), expected["result"].std()
    if not 0.5 < got / wanted < 2:
        text = f"The scores spread by {got:.3g} (standard deviation), expected {wanted:.3g}."
        return Failure(text, "spread")
    return None


similarity_scores = Exercise(
    id="similarity_scores",
    title="how well does each query fit each key?",
    reference=attention.similarity_scores,
    cases=(
        Case("every query meets every key", _queries_and_keys),
        Case("batches and heads, in float64", _heads_of_queries_and_keys),
        Case("a batch in which all sizes are the same", _cube_of_queries_and_keys),
        Case("long vectors give no larger scores", _long_vectors, holds=_spread),
        Case("one query, and vectors of a single number", _one_number_each),
        Case(
            "gradients flow back to query and key",
            lambda draw: _with_gradients(_queries_and_keys(draw), draw),
            probes.gradients,
        ),
        Case(
            "query and key are left as they were", _queries_and_keys, probes.untouched, guard=True
        ),
    ),
    hints=(
        "One matrix product gives all dot products at once; for that the keys have to be "
        "transposed. Then divide.",
        "Only the last two axes of key change places: key.transpose(-2, -1) works with and "
        "without a batch in front, key.T does not.",
        "d_k is the length of a query vector, query.shape[-1]. Divide query @ (transposed key) "
        "by its square root, math.sqrt(d_k).",
    ),
    misconceptions=(
        Misconception(
            m.scores_not_scaled,
            "It looks as if the division by √d_k is missing. Without it long vectors give huge "
            "scores, and the softmax picks one key and ignores the rest.",
        ),
        Misconception(
            m.scores_divided_by_d_k,
            "It looks as if you divide by d_k. Divide by its square root: that is what brings "
            "the variance back to 1.",
        ),
        Misconception(
            m.scores_scaled_by_length_of_sentence,
            "It looks as if you divide by the root of the number of keys. d_k is the length of "
            "a vector, the last axis: query.shape[-1].",
        ),
        Misconception(
            m.scores_with_all_axes_reversed,
            "It looks as if key.T turned round all axes, the batch included. Exchange only the "
            "last two: key.transpose(-2, -1).",
        ),
        Misconception(
            m.scores_keys_by_queries,
            "It looks as if rows and columns are exchanged. Row i belongs to query i: the "
            "product starts with query.",
        ),
        Misconception(
            m.scores_as_cosines,
            "It looks as if these are cosines. Attention uses the plain dot product, so that a "
            "vector can be loud or quiet, and divides by √d_k.",
        ),
        Misconception(
            m.scores_in_place,
            "It looks as if query itself is changed (by /=, perhaps). It belongs to the caller: "
            "divide the product instead.",
        ),
    ),
    alternatives=(m.scores_by_einsum, m.scores_by_products),
    forbidden=("scaled_dot_product",),
    points=2,
    minutes=10,
    difficulty=2,
)


# padding_mask


def _padded_ids(draw: Draw, pad_id: int, batch: int, seq: int) -> Tensor:
    """Real ids from 1 to 20, or 0 to 20 where 0 is a word, then padding."""
    ids = draw.integers(0, 21, batch, seq)
    ids = torch.where(ids == pad_id, 21, ids)
    lengths = draw.integers(1, seq, batch, 1)
    return torch.where(torch.arange(seq) < lengths, ids, pad_id)


def _ids(draw: Draw) -> Inputs:
    return {"ids": _padded_ids(draw, 0, *draw.sizes(2, 3, 9))}


def _ids_with_other_pad(draw: Draw) -> Inputs:
    pad_id = draw.size(5, 12)
    ids = _padded_ids(draw, pad_id, *draw.sizes(2, 4, 9))
    ids[:, 0], ids[0, 1] = 0, pad_id - 1  # a word below the pad id, and one whose id is 0
    return {"ids": ids, "pad_id": pad_id}


def _scattered_padding(draw: Draw) -> Inputs:
    ids = draw.integers(1, 20, *draw.sizes(2, 4, 9))
    return {"ids": ids.masked_fill(~_random_mask(draw, *ids.shape), 0)}


padding_mask = Exercise(
    id="padding_mask",
    title="which tokens are real?",
    reference=attention.padding_mask,
    cases=(
        Case("words are True, padding is False", _ids),
        Case(
            "a batch of one sentence",
            lambda draw: {"ids": _padded_ids(draw, 0, 1, draw.size(4, 9))},
        ),
        Case("the id of padding can be another number", _ids_with_other_pad),
        Case("padding counts wherever it stands", _scattered_padding),
    ),
    hints=(
        "A comparison of a tensor with a number gives a bool tensor of the same shape. Which "
        "comparison is True for real words?",
        "The result needs an axis of size 1 in the middle, for the queries, so that it fits "
        "scores of shape (batch, seq_q, seq_k): unsqueeze adds one.",
        "Compare ids with pad_id by !=, then put the new axis at place 1 with .unsqueeze(1).",
    ),
    misconceptions=(
        Misconception(
            m.padding_inverted,
            "It looks as if the mask is inverted. In this course True means: may be attended to.",
        ),
        Misconception(
            m.padding_without_query_axis,
            "It looks as if the axis of the queries is missing. Add it in the middle with "
            "unsqueeze(1), for the shape (batch, 1, seq).",
        ),
        Misconception(
            m.padding_hides_queries,
            "It looks as if the new axis stands at the end: that hides queries, not keys. It "
            "belongs in the middle: (batch, 1, seq).",
        ),
        Misconception(
            m.padding_as_numbers,
            "It looks as if the mask holds numbers. Keep the bool tensor that the comparison "
            "gives.",
        ),
        Misconception(
            m.padding_always_zero,
            "It looks as if ids are always compared with 0. Compare them with pad_id.",
        ),
        Misconception(
            m.padding_ids_above,
            "It looks as if only ids greater than pad_id count as words. Any id other than "
            "pad_id is a word: use !=.",
        ),
    ),
    alternatives=(m.padding_by_index, m.padding_word_by_word),
    points=1,
    minutes=5,
    difficulty=1,
)


# causal_mask


def _looks_ahead(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    later = observed["result"].bool().triu(1).nonzero()
    if len(later):
        query, key = later[0].tolist()
        return Failure(f"Word {query} may see word {key}, which comes later.", "future")
    return None


def _short_sentences(draw: Draw) -> Inputs:
    return {f"a sentence of {n}": {"seq": n} for n in (1, 2, 3)}


causal_mask = Exercise(
    id="causal_mask",
    title="no looking ahead",
    reference=attention.causal_mask,
    cases=(
        Case(
            "a word sees itself and what came before",
            lambda draw: {"seq": draw.size(4, 9)},
            holds=_looks_ahead,
        ),
        Case("sentences of one, two and three words", _short_sentences, probes.several, trials=1),
        Case("a long sentence", lambda draw: {"seq": draw.size(30, 60)}, holds=_looks_ahead),
    ),
    hints=(
        "Draw the table for three words by hand: rows are queries, columns are keys. Which "
        "entries are True in row 0, in row 1, in row 2?",
        "The True entries are a triangle: on the diagonal and below it. Torch cuts triangles "
        "with tril (lower) and triu (upper).",
        "Start from torch.ones(seq, seq, dtype=torch.bool) and keep its lower triangle with "
        ".tril(), diagonal included.",
    ),
    misconceptions=(
        Misconception(
            m.causal_upper_triangle,
            "It looks as if each word sees itself and what comes later. Keep the lower triangle "
            "(tril): row i may see the columns up to i.",
        ),
        Misconception(
            m.causal_without_diagonal,
            "It looks as if a word may not see itself, and the first one sees nothing at all. "
            "Keep the diagonal.",
        ),
        Misconception(
            m.causal_one_word_ahead,
            "It looks as if each word sees one word of the future. The last True of row i "
            "stands in column i.",
        ),
        Misconception(
            m.causal_inverted,
            "It looks as if the mask is inverted: True marks the future. In this course True "
            "means: may be attended to.",
        ),
        Misconception(
            m.causal_as_numbers,
            "It looks as if the mask holds ones and zeros. Make it bool: dtype=torch.bool.",
        ),
        Misconception(
            m.causal_to_be_added,
            "This is a mask of 0 and minus infinity, made to be added to scores. Here masks are "
            "bool, and the minus infinity comes later.",
        ),
    ),
    alternatives=(m.causal_by_comparison, m.causal_row_by_row),
    points=1,
    minutes=6,
    difficulty=2,
)


# masked_softmax


def _masked_scores(draw: Draw) -> Inputs:
    seq_q, seq_k = draw.sizes(2, 3, 8)
    scores = draw.normal(seq_q, seq_k, scale=2)
    return {"scores": scores, "mask": _random_mask(draw, seq_q, seq_k)}


def _padded_scores(draw: Draw) -> Inputs:
    batch, seq_q, seq_k = draw.sizes(3, 2, 8)
    scores = draw.normal(batch, seq_q, seq_k + 1, scale=2)
    return {"scores": scores, "mask": _key_mask(draw, batch, seq_k + 1)}


def _causal_scores(draw: Draw) -> Inputs:
    batch, seq = draw.sizes(2, 3, 7)
    scores = draw.normal(batch, seq, seq, scale=2).double()
    return {"scores": scores, "mask": torch.ones(seq, seq, dtype=torch.bool).tril()}


def _hidden_score_changed(draw: Draw) -> Inputs:
    inputs = _masked_scores(draw)
    other = inputs["scores"] + draw.normal(*inputs["scores"].shape, scale=2) * ~inputs["mask"]
    return {"the scores": inputs, "other hidden scores": {**inputs, "scores": other}}


def _huge_hidden_score(draw: Draw) -> Inputs:
    inputs = _masked_scores(draw)
    return {**inputs, "scores": inputs["scores"] + 400 * ~inputs["mask"]}


masked_softmax = Exercise(
    id="masked_softmax",
    title="attention that peeks",
    reference=attention.masked_softmax,
    cases=(
        Case("each row sums to 1 over the keys it may see", _masked_scores, holds=_sums_to_one),
        Case("padding gets weight 0, for every query", _padded_scores, holds=_hides),
        Case("one causal mask for a whole batch, in float64", _causal_scores, holds=_hides),
        Case("a hidden score changes nothing", _hidden_score_changed, probes.several, holds=_same),
        Case("a huge hidden score changes nothing", _huge_hidden_score, holds=_sums_to_one),
        Case(
            "gradients flow back to the scores",
            lambda draw: _with_gradients(_masked_scores(draw), draw),
            probes.gradients,
        ),
        Case("scores and mask are left as they were", _masked_scores, probes.untouched, guard=True),
    ),
    hints=(
        "Add up a row of the weights that the faulty function gives. What is missing went to "
        "the hidden keys: they took part in the softmax, and were crossed out too late.",
        "A hidden key must not count in the sum either. Which score s makes exp(s) exactly 0?",
        "scores.masked_fill(~mask, -math.inf) hides the keys, in a new tensor; the softmax over "
        "the keys comes after it, and nothing after that.",
    ),
    misconceptions=(
        Misconception(
            m.masked_after_softmax,
            "The mask still comes after the softmax, so the hidden keys have taken their part of "
            "the sum and the rows no longer sum to 1. Hide the scores first, with minus infinity.",
        ),
        Misconception(
            m.masked_and_rescaled,
            "It looks as if hidden weights are removed and the rest is rescaled. A huge hidden "
            "score then leaves 0 / 0. Hide the scores before the softmax instead.",
        ),
        Misconception(
            m.masked_by_zero_scores,
            "It looks as if hidden scores become 0. exp(0) is 1, so these keys still count. They "
            "need the score minus infinity.",
        ),
        Misconception(
            m.masked_inverted,
            "It looks as if the mask is read the wrong way round. True means: may be attended "
            "to, so fill where it is False, ~mask.",
        ),
        Misconception(
            m.masked_over_queries,
            "It looks as if the softmax runs over the queries (dim=-2). Each query must spread "
            "its attention over the keys.",
        ),
        Misconception(
            m.masked_not_at_all,
            "It looks as if the mask is not used. Give hidden keys the score minus infinity.",
        ),
        Misconception(
            m.masked_in_place,
            "It looks as if the scores themselves are changed. masked_fill makes a new tensor; "
            "masked_fill_, with the underscore, overwrites the caller's.",
        ),
    ),
    alternatives=(m.masked_by_where, m.masked_by_adding),
    stands_on=("softmax",),
    forbidden=("masked_softmax", "scaled_dot_product"),
    points=2,
    minutes=10,
    difficulty=2,
    kind="find the bug",
)


# attention_weights


def _padded_heads(draw: Draw) -> Inputs:
    inputs = _heads_of_queries_and_keys(draw)
    batch, _, seq_k, _ = inputs["key"].shape
    return {**inputs, "mask": _key_mask(draw, batch, seq_k).unsqueeze(1)}


def _causal_attention(draw: Draw) -> Inputs:
    batch, seq, d_k = draw.sizes(3, 3, 8)
    mask = torch.ones(seq, seq, dtype=torch.bool).tril()
    return {
        "query": draw.normal(batch, seq, d_k),
        "key": draw.normal(batch, seq, d_k),
        "mask": mask,
    }


def _masked_queries_and_keys(draw: Draw) -> Inputs:
    inputs = _queries_and_keys(draw)
    mask = _random_mask(draw, len(inputs["query"]), len(inputs["key"]))
    return {**inputs, "mask": mask}


attention_weights = Exercise(
    id="attention_weights",
    title="how much does each word look at each?",
    reference=attention.attention_weights,
    cases=(
        Case("without a mask every key gets its share", _queries_and_keys, holds=_sums_to_one),
        Case("long vectors keep the attention soft", _long_vectors),
        Case("padding gets weight 0, in every head, in float64", _padded_heads, holds=_hides),
        Case("no weight on the future", _causal_attention, holds=_hides),
        Case(
            "gradients flow back to query and key",
            lambda draw: _with_gradients(_masked_queries_and_keys(draw), draw),
            probes.gradients,
        ),
        Case(
            "the inputs are left as they were",
            _masked_queries_and_keys,
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "You have both halves: similarity_scores makes the scores, softmax or masked_softmax "
        "turns them into weights.",
        "mask may be None, and then there is nothing to hide: use the plain softmax in that case.",
        "scores = similarity_scores(query, key); then if mask is None return softmax over the "
        "keys (dim=-1), else masked_softmax. The scaling is already in the scores.",
    ),
    misconceptions=(
        Misconception(
            m.weights_not_scaled,
            "It looks as if the division by √d_k is missing. similarity_scores has it.",
        ),
        Misconception(
            m.weights_divided_by_d_k,
            "It looks as if the scores are divided by √d_k twice. similarity_scores has scaled "
            "them already.",
        ),
        Misconception(
            m.weights_over_queries,
            "It looks as if the softmax runs over the queries (dim=-2). Each query must spread "
            "its attention over the keys.",
        ),
        Misconception(
            m.weights_mask_ignored,
            "It looks as if the mask is not used. Hand it on to masked_softmax.",
        ),
        Misconception(
            m.weights_mask_inverted,
            "It looks as if the mask is read the wrong way round. True means: may be attended to.",
        ),
        Misconception(
            m.weights_mask_multiplied,
            "It looks as if the scores are multiplied by the mask. A score of 0 is not hidden: "
            "exp(0) is 1. Hidden keys need minus infinity, which masked_softmax gives them.",
        ),
    ),
    alternatives=(m.weights_query_by_query, m.weights_by_einsum),
    stands_on=("similarity_scores", "softmax", "masked_softmax"),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=2,
    minutes=8,
    difficulty=2,
)


# scaled_dot_product_attention

NAMES = ["context", "weights"]


def _value_for(draw: Draw, key: Tensor, size: int = 11) -> Tensor:
    return draw.normal(*key.shape[:-1], size).to(key.dtype)


def _plain_attention(draw: Draw) -> Inputs:
    inputs = _queries_and_keys(draw)
    return {**inputs, "value": _value_for(draw, inputs["key"])}


def _one_query(draw: Draw) -> Inputs:
    inputs = _plain_attention(draw)
    return {**inputs, "query": inputs["query"][:1]}


def _attention_over_heads(draw: Draw) -> Inputs:
    inputs = _padded_heads(draw)
    mask = inputs.pop("mask")
    return {**inputs, "value": _value_for(draw, inputs["key"]), "mask": mask}


def _attention_of_one_size(draw: Draw) -> Inputs:
    inputs = _cube_of_queries_and_keys(draw)
    return {**inputs, "value": _value_for(draw, inputs["key"], inputs["key"].shape[-1])}


def _masked_attention(draw: Draw) -> Inputs:
    inputs = _masked_queries_and_keys(draw)
    mask = inputs.pop("mask")
    return {**inputs, "value": _value_for(draw, inputs["key"]), "mask": mask}


def _hidden_word_changed(draw: Draw) -> Inputs:
    seq_q, seq_k, d_k = draw.sizes(3, 3, 9)
    query, key = draw.normal(seq_q, d_k), draw.normal(seq_k, d_k)
    inputs = {"query": query, "key": key, "value": _value_for(draw, key)}
    inputs["mask"] = (torch.arange(seq_k) < seq_k - 1).expand(seq_q, seq_k).clone()
    last = torch.zeros(seq_k, 1)
    last[-1] = 1
    other = {**inputs, "key": key + last * draw.normal(d_k)}
    other["value"] = inputs["value"] + last * draw.normal(11)
    return {"the sentence": inputs, "another hidden word": other}


scaled_dot_product_attention = Exercise(
    id="scaled_dot_product_attention",
    title="attention, whole",
    reference=attention.scaled_dot_product_attention,
    cases=(
        Case(
            "each context vector is a weighted mean of the values",
            lambda draw: {"arguments": _plain_attention(draw), "names": NAMES},
            probes.named,
            holds=_sums_to_one,
        ),
        Case(
            "a single query",
            lambda draw: {"arguments": _one_query(draw), "names": NAMES},
            probes.named,
        ),
        Case(
            "batches and heads with padding, in float64",
            lambda draw: {"arguments": _attention_over_heads(draw), "names": NAMES},
            probes.named,
            holds=_hides,
        ),
        Case(
            "a batch in which all sizes are the same",
            lambda draw: {"arguments": _attention_of_one_size(draw), "names": NAMES},
            probes.named,
        ),
        Case(
            "a hidden word changes nothing, whatever it says",
            _hidden_word_changed,
            probes.several,
            holds=_same,
        ),
        Case(
            "gradients flow back to query, key and value",
            lambda draw: _with_gradients(_masked_attention(draw), draw),
            probes.gradients,
        ),
        Case("the inputs are left as they were", _masked_attention, probes.untouched, guard=True),
    ),
    hints=(
        "The weights are there: attention_weights(query, key, mask). What is left is to mix the "
        "values with them.",
        "A weighted mean of rows is a matrix product. The weights are (seq_q, seq_k) and the "
        "values (seq_k, d_v): which product gives (seq_q, d_v)?",
        "Multiply weights @ value, and return two things in this order: the context vectors, "
        "then the weights.",
    ),
    misconceptions=(
        Misconception(
            m.attention_without_weights,
            "It looks as if you return the context vectors alone. Return the pair context, "
            "weights: we want to look at the weights.",
        ),
        Misconception(
            m.attention_weights_first,
            "It looks as if the two results are in the other order. First the context, then the "
            "weights.",
        ),
        Misconception(
            m.attention_mask_ignored,
            "It looks as if the mask is not used. Hand it on to attention_weights.",
        ),
        Misconception(
            m.attention_mixes_keys,
            "It looks as if the keys are mixed. Keys are only there to be found; what a word "
            "hands over is its value.",
        ),
        Misconception(
            m.attention_weights_transposed,
            "It looks as if the weights are transposed before they meet the values. Row i of the "
            "weights belongs to query i: weights @ value.",
        ),
        Misconception(
            m.attention_not_scaled,
            "It looks as if the division by √d_k is missing. attention_weights has it.",
        ),
        Misconception(
            m.attention_over_queries,
            "It looks as if the softmax runs over the queries (dim=-2). Each query must spread "
            "its attention over the keys.",
        ),
    ),
    alternatives=(m.attention_by_einsum, m.attention_word_by_word),
    stands_on=("attention_weights",),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=3,
    minutes=10,
    difficulty=2,
)


# SelfAttention


def _head(draw: Draw, mask: str = "", same_size: bool = False, gradients: bool = False) -> Inputs:
    batch, seq, d_model, d_head = draw.sizes(4, 3, 9)
    d_head = d_model if same_size else d_head
    names = ("query", "key", "value")
    weights = {f"{name}.weight": draw.normal(d_head, d_model, scale=0.5) for name in names}
    arguments = {"x": draw.normal(batch, seq, d_model)}
    if mask == "padding":
        arguments["mask"] = _key_mask(draw, batch, seq)
    if mask == "causal":
        arguments["mask"] = torch.ones(seq, seq, dtype=torch.bool).tril()
    inputs: Inputs = {
        "sizes": {"d_model": d_model, "d_head": d_head},
        "weights": weights,
        "arguments": arguments,
        "names": NAMES,
    }
    return inputs | {"cotangent_seed": draw.seed()} if gradients else inputs


def _head_sizes(draw: Draw) -> Inputs:
    d_model, d_head = draw.sizes(2, 3, 9)
    return {"sizes": {"d_model": d_model, "d_head": d_head}}


self_attention = Exercise(
    id="SelfAttention",
    title="a head that learns what to look for",
    reference=attention.SelfAttention,
    cases=(
        Case("every token looks at every token", _head, probes.module, holds=_sums_to_one),
        Case(
            "as many numbers out as in",
            lambda draw: _head(draw, same_size=True),
            probes.module,
        ),
        Case("padding is hidden", lambda draw: _head(draw, "padding"), probes.module, holds=_hides),
        Case(
            "the future is hidden", lambda draw: _head(draw, "causal"), probes.module, holds=_hides
        ),
        Case(
            "gradients reach the inputs and all three matrices",
            lambda draw: _head(draw, "padding", gradients=True),
            probes.module,
            tolerance=3,
        ),
        Case("three weight matrices and nothing else", _head_sizes, probes.parameters, guard=True),
    ),
    hints=(
        "__init__ makes three linear layers and stores them as self.query, self.key and "
        "self.value. forward sends x through each and attends.",
        "Each layer maps d_model numbers to d_head numbers, without bias: "
        "nn.Linear(d_model, d_head, bias=False).",
        "In forward, hand self.query(x), self.key(x), self.value(x) and the mask to your "
        "scaled_dot_product_attention, and return what it returns.",
    ),
    misconceptions=(
        Misconception(
            m.HeadWithBias,
            "It looks as if the layers have a bias. Attention projects with plain matrices: "
            "bias=False.",
        ),
        Misconception(
            m.HeadKeyFromQuery,
            "It looks as if the keys come from self.query as well. Then every word fits itself "
            "best; the keys need a matrix of their own, self.key.",
        ),
        Misconception(
            m.HeadValueNotProjected,
            "It looks as if x itself is mixed. What a word hands over is self.value(x).",
        ),
        Misconception(
            m.HeadMaskIgnored,
            "It looks as if forward does not use its mask. Hand it on to "
            "scaled_dot_product_attention.",
        ),
        Misconception(
            m.HeadScaledByModelSize,
            "It looks as if the scores are divided by √d_model. d_k is the length of a query, "
            "and that is d_head.",
        ),
        Misconception(
            m.HeadWithoutWeights,
            "It looks as if forward returns the context vectors alone. Return the pair context, "
            "weights.",
        ),
    ),
    alternatives=(m.HeadInAnotherOrder, m.HeadWithOneProduct),
    stands_on=("scaled_dot_product_attention",),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=3,
    minutes=15,
    difficulty=3,
)


# contextual_similarity


def _two_sentences(draw: Draw, same_word: bool = True, seq: tuple[int, int] = (0, 0)) -> Inputs:
    seq_a, seq_b = seq if all(seq) else draw.sizes(2, 4, 9)
    d_model = draw.size(5, 9)
    place_a, place_b = draw.sizes(2, 0, min(seq_a, seq_b) - 1)
    a = draw.normal(seq_a, d_model, scale=0.8)  # a word looks at its neighbours, not only at itself
    b = draw.normal(seq_b, d_model, scale=0.8)
    if same_word:
        b[place_b] = a[place_a]
    return {"sentence_a": a, "sentence_b": b, "position_a": place_a, "position_b": place_b}


def _either_way_round(draw: Draw) -> Inputs:
    one = _two_sentences(draw)
    other = dict(zip(one, [list(one.values())[i] for i in (1, 0, 3, 2)], strict=True))
    return {"a and b": one, "b and a": other}


def _sentences_in_float64(draw: Draw) -> Inputs:
    seq = draw.size(4, 8)
    inputs = _two_sentences(draw, seq=(seq, seq))
    return {name: v.double() if isinstance(v, Tensor) else v for name, v in inputs.items()}


contextual_similarity = Exercise(
    id="contextual_similarity",
    title="one word, two contexts",
    reference=attention.contextual_similarity,
    cases=(
        Case("the same word among other neighbours", _two_sentences),
        Case("two different words", lambda draw: _two_sentences(draw, same_word=False)),
        Case("sentences of one length, in float64", _sentences_in_float64),
        Case("the same either way round", _either_way_round, probes.several, holds=_same),
        Case(
            "gradients flow back to both sentences",
            lambda draw: _with_gradients(_two_sentences(draw), draw),
            probes.gradients,
        ),
        Case("the sentences are left as they were", _two_sentences, probes.untouched, guard=True),
    ),
    hints=(
        "Let each sentence attend to itself, on its own: here query, key and value are all the "
        "same tensor. Then compare two of the resulting vectors.",
        "Keep only the context from what scaled_dot_product_attention returns, and take row "
        "position_a of the one sentence, row position_b of the other.",
        "The cosine of vectors a and b is their dot product divided by a.norm() * b.norm(). "
        "a and b are rows of the two contexts, not of the sentences.",
    ),
    misconceptions=(
        Misconception(
            m.similarity_of_static_vectors,
            "It looks as if the static vectors are compared, before any attention. Compare the "
            "context vectors.",
        ),
        Misconception(
            m.similarity_without_lengths,
            "It looks as if this is the dot product. For the cosine, divide by the lengths of "
            "both vectors.",
        ),
        Misconception(
            m.similarity_of_whole_sentences,
            "It looks as if whole sentences are averaged. Compare one word of each: the context "
            "vectors at position_a and position_b.",
        ),
        Misconception(
            m.similarity_at_one_position,
            "It looks as if both words are read at position_a. In the second sentence the word "
            "stands at position_b.",
        ),
        Misconception(
            m.similarity_across_sentences,
            "It looks as if one sentence attends to the other. Each word looks around in its own "
            "sentence: query, key and value are the same tensor.",
        ),
    ),
    alternatives=(m.similarity_by_torch, m.similarity_of_the_two_words_alone),
    stands_on=("scaled_dot_product_attention",),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=2,
    minutes=10,
    difficulty=3,
)


CHAPTER = Chapter(
    "02_attention",
    "Which words should look at which",
    (
        softmax,
        cross_entropy,
        score_variance,
        similarity_scores,
        padding_mask,
        causal_mask,
        masked_softmax,
        attention_weights,
        scaled_dot_product_attention,
        self_attention,
        contextual_similarity,
    ),
    QUIZZES,
)
