"""Chapter 2, first part: scores to weights, and the loss that goes with them."""

import math

import torch

from autograder import probes
from autograder.exercises import _ch02_mistakes as m
from autograder.exercises._ch02_inputs import (
    Inputs,
    finite,
    random_mask,
    same,
    sums_to_one,
    with_gradients,
)
from autograder.spec import Case, Draw, Exercise, Misconception
from minitransformer import attention, losses

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
    hidden = ~random_mask(draw, rows, columns)
    return {"scores": draw.normal(rows, columns, scale=3).masked_fill(hidden, -math.inf)}


softmax = Exercise(
    id="softmax",
    title="scores to weights, without overflow",
    reference=attention.softmax,
    cases=(
        Case("each row sums to 1", _table, holds=sums_to_one),
        Case("in a square table it is the rows that sum to 1", _square_table, holds=sums_to_one),
        Case("a stack of tables, in float64", _stack_of_tables, holds=sums_to_one),
        Case("along the axis that dim names", _inner_axis, trials=3),
        Case("huge scores do not overflow", _huge_scores, holds=finite),
        Case("a score of minus infinity gets weight 0", _some_minus_infinity),
        Case(
            "gradients flow back to the scores",
            lambda draw: with_gradients(_table(draw), draw),
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
            also=(m.softmax_naive_over_first_axis,),
        ),
        Misconception(
            m.softmax_always_over_last_axis,
            "It looks as if dim is not used: the softmax always runs over the last axis. Hand dim "
            "on to amax and to sum.",
            also=(m.softmax_naive_over_last_axis,),
        ),
        Misconception(
            m.softmax_always_over_axis_1,
            "It looks as if dim is not used: one and the same axis is written into the softmax, "
            "whatever dim says. Hand dim on to amax and to sum.",
            also=(m.softmax_always_over_last_but_one,),
        ),
        Misconception(
            m.softmax_without_sum,
            "It looks as if the division is missing. Divide by the sum of the exponentials, so "
            "that the weights sum to 1.",
        ),
        Misconception(
            m.softmax_over_whole_table,
            "It looks as if the division is by the sum of the whole table, so that all weights "
            "together sum to 1. Each row needs its own sum: sum(dim, keepdim=True).",
            also=(
                m.softmax_naive_over_whole_table,
                m.softmax_summed_over_whole_table,
            ),
        ),
        Misconception(
            m.softmax_without_maximum,
            "It looks as if exp is taken of the raw scores, and overflows. Subtract the largest "
            "score along dim first.",
        ),
        Misconception(
            m.softmax_with_overflow_hidden,
            "It looks as if exp overflows, and nan_to_num or a clamp covers it up: the weights "
            "are wrong then. Subtract the largest score along dim first, and nothing overflows.",
            also=(m.softmax_of_clamped_scores,),
        ),
        Misconception(
            m.softmax_of_minus_scores,
            "It looks as if the largest score gets the smallest weight. Subtract the maximum from "
            "the scores, not the scores from the maximum.",
        ),
        Misconception(
            m.softmax_with_one_maximum,
            "It looks as if one maximum of the whole table is subtracted. A row far below it "
            "becomes 0 / 0. Each row needs its own maximum: amax(dim, keepdim=True).",
        ),
        Misconception(
            m.softmax_without_keepdim,
            "It looks as if the sum (or the maximum) has lost its axis, so that rows meet the "
            "numbers of other rows. Write sum(dim, keepdim=True), and the same for amax.",
            also=(
                m.softmax_without_both_keepdims,
                m.softmax_naive_without_keepdim,
                m.softmax_one_maximum_without_keepdim,
                m.softmax_maximum_without_keepdim,
            ),
        ),
        Misconception(
            m.softmax_in_place,
            "It looks as if the scores themselves are changed (by -= or exp_, perhaps). They "
            "belong to the caller: make a new tensor, shifted = scores - ….",
            also=(
                m.softmax_in_place_twice,
                m.softmax_in_place_throughout,
            ),
        ),
    ),
    alternatives=(m.softmax_by_logsumexp, m.softmax_row_by_row),
    forbidden=(
        "softmax",
        "log_softmax",
        "safe_softmax",
        "masked_softmax",
        "sparse_softmax",
        "sparse_log_softmax",
    ),
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


def _cube_of_tokens(draw: Draw) -> Inputs:
    size = draw.size(3, 6)
    logits = draw.normal(size, size, size, scale=2)
    return {"logits": logits, "targets": draw.integers(0, size, size, size)}


def _no_idea(draw: Draw) -> Inputs:
    tokens, vocab = draw.sizes(2, 3, 40)
    return {"logits": draw.normal(1).expand(tokens, vocab), "targets": torch.arange(tokens) % vocab}


def _unlikely(draw: Draw) -> Inputs:
    inputs = _tokens(draw)
    far = torch.zeros_like(inputs["logits"]).scatter(1, inputs["targets"].unsqueeze(1), -300.0)
    return {**inputs, "logits": inputs["logits"] + far}


def _huge_logits(draw: Draw) -> Inputs:
    """Far above 0 for one token, far below for the next."""
    inputs = _tokens(draw)
    tokens = len(inputs["targets"])
    offsets = torch.tensor([1000.0, -1000.0]).repeat(tokens)[:tokens]
    return {**inputs, "logits": inputs["logits"] + offsets.unsqueeze(1)}


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
        Case("a batch in which all sizes are the same", _cube_of_tokens),
        Case("without any idea, the loss is log(vocab)", _no_idea),
        Case("a very unlikely word costs much, but not infinity", _unlikely, holds=finite),
        Case("huge logits do not overflow", _huge_logits, holds=finite),
        Case(
            "shifting all logits of a token changes nothing",
            _shifted_logits,
            probes.several,
            holds=same,
        ),
        Case(
            "gradients flow back to the logits",
            lambda draw: with_gradients(_batch_of_tokens(draw), draw),
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
            m.cross_entropy_without_minus,
            "It looks as if the minus is missing: these are log-probabilities, and they are "
            "negative. The loss is minus their mean.",
            also=(m.cross_entropy_of_probabilities_without_minus,),
        ),
        Misconception(
            m.cross_entropy_per_token,
            "It looks as if you return one loss a token. Take the mean over all tokens at the end.",
        ),
        Misconception(
            m.cross_entropy_mean_over_sentences,
            "It looks as if the sum is divided by the number of sentences. Divide by the number "
            "of tokens: the mean runs over batch and seq.",
            also=(m.cross_entropy_sum_of_each_sentence,),
        ),
        Misconception(
            m.cross_entropy_with_one_maximum,
            "It looks as if one maximum of all logits is subtracted. A token far below it is left "
            "with log 0. Each token needs its own: amax(dim=-1, keepdim=True).",
        ),
        Misconception(
            m.cross_entropy_half_shifted,
            "It looks as if the largest logit is subtracted in one of the two terms only. The "
            "log-sum-exp and the right logit must both come from the shifted logits.",
            also=(m.cross_entropy_other_half_shifted,),
        ),
        Misconception(
            m.cross_entropy_gathered_not_squeezed,
            "It looks as if what gather returns keeps its last axis, of size 1, and so does not "
            "line up with the log of the sums. Take the axis away: squeeze(-1).",
        ),
        Misconception(
            m.cross_entropy_cut_off,
            "The number is right, but it is cut off from the logits (by item(), detach or "
            "no_grad), so nothing could be learned from it. Return the tensor as it was computed.",
        ),
        Misconception(
            m.cross_entropy_mean_over_vocab,
            "It looks as if the mean runs over the vocabulary too, over every 0 of the one-hot. "
            "One loss a token: sum over the vocabulary, then take the mean.",
        ),
        Misconception(
            m.cross_entropy_softmax_twice,
            "It looks as if there are two softmaxes, one inside the other. Logits are raw scores; "
            "the log-sum-exp is all the softmax they need.",
        ),
        Misconception(
            m.cross_entropy_log_of_probabilities,
            "It looks as if the probability is computed first and its logarithm after. A tiny "
            "probability is rounded to 0, and log 0 is infinite; a small number added only "
            "hides that. Simplify on paper first: log-sum-exp minus the right logit.",
            also=(
                m.cross_entropy_log_of_p_plus_1e12,
                m.cross_entropy_log_of_p_plus_1e10,
                m.cross_entropy_log_of_p_plus_1e9,
                m.cross_entropy_log_of_p_plus_1e8,
                m.cross_entropy_log_of_p_plus_1e7,
                m.cross_entropy_log_of_p_plus_1e6,
                m.cross_entropy_log_of_p_at_least_1e12,
                m.cross_entropy_log_of_p_at_least_1e10,
                m.cross_entropy_log_of_p_at_least_1e9,
                m.cross_entropy_log_of_p_at_least_1e8,
                m.cross_entropy_log_of_p_at_least_1e7,
                m.cross_entropy_log_of_naive_softmax,
                m.cross_entropy_log_of_naive_p_plus_1e12,
                m.cross_entropy_log_of_naive_p_plus_1e10,
                m.cross_entropy_log_of_naive_p_plus_1e9,
                m.cross_entropy_log_of_naive_p_plus_1e8,
            ),
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
        Misconception(
            m.cross_entropy_for_two_axes,
            "It looks as if this is written for logits of two axes, (tokens, vocab), and a "
            "batch of sentences has three. Work along the last axis, dim=-1, and pick with "
            "gather(-1, …).",
            also=(
                m.cross_entropy_for_two_axes_by_logits,
                m.cross_entropy_for_two_axes_by_probabilities,
                m.cross_entropy_over_axis_1,
                m.cross_entropy_shifted_over_axis_1,
                m.cross_entropy_gathered_over_axis_1,
                m.cross_entropy_log_gathered_over_axis_1,
            ),
        ),
    ),
    alternatives=(m.cross_entropy_by_index, m.cross_entropy_by_one_hot),
    # torch.distributions.Categorical(logits=…).log_prob is out of bounds too: sandbox/bounds.py
    forbidden=(
        "cross_entropy",
        "nll_loss",
        "log_softmax",
        "softmax",
        "sparse_softmax",
        "sparse_log_softmax",
    ),
    points=3,
    minutes=15,
    difficulty=3,
)
