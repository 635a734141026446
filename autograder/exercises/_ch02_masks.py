"""Chapter 2, third part: which words may be seen."""

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch02_mistakes as m
from autograder.exercises._ch02_inputs import (
    Inputs,
    hides,
    key_mask,
    random_mask,
    same,
    sums_to_one,
    with_gradients,
)
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import attention

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
    return {"ids": ids.masked_fill(~random_mask(draw, *ids.shape), 0)}


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
        Case("the ids are left as they were", _ids, probes.untouched, guard=True),
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
            also=(m.padding_inverted_without_query_axis,),
        ),
        Misconception(
            m.padding_without_query_axis,
            "It looks as if the axis of the queries is missing. Add it in the middle with "
            "unsqueeze(1), for the shape (batch, 1, seq).",
        ),
        Misconception(
            m.padding_for_heads,
            "It looks as if there is an axis too many. The heads get theirs later; here the "
            "shape is (batch, 1, seq).",
        ),
        Misconception(
            m.padding_hides_queries,
            "It looks as if the new axis stands at the end: that hides queries, not keys. It "
            "belongs in the middle: (batch, 1, seq).",
        ),
        Misconception(
            m.padding_hides_queries_too,
            "It looks as if padding is hidden as a query too. Its row would have no key left to "
            "look at; hide keys only: (batch, 1, seq).",
        ),
        Misconception(
            m.padding_repeated_for_queries,
            "It looks as if the mask is repeated for every query. An axis of size 1 is enough, it "
            "is stretched by itself: (batch, 1, seq).",
        ),
        Misconception(
            m.padding_axis_in_front,
            "It looks as if the new axis stands before the batch. It belongs in the middle: "
            "(batch, 1, seq).",
        ),
        Misconception(
            m.padding_by_lengths,
            "It looks as if padding is expected at the end only. It may stand anywhere: compare "
            "each id with pad_id.",
            also=(m.padding_from_the_first, m.padding_after_the_last_word),
        ),
        Misconception(
            m.padding_as_numbers,
            "It looks as if the mask holds numbers. Keep the bool tensor that the comparison "
            "gives.",
            also=(
                m.padding_as_int,
                m.padding_as_long,
                m.padding_as_bytes,
            ),
        ),
        Misconception(
            m.padding_to_be_added,
            "This mask marks the padding with a number, such as 1 or minus infinity. Here masks "
            "are bool: True means may be attended to, and the minus infinity comes later.",
            also=(
                m.padding_large_to_be_added,
                m.padding_marked_as_float,
                m.padding_marked_as_int,
                m.padding_marked_as_long,
            ),
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
        Case(
            "sentences of one, two and three words",
            _short_sentences,
            probes.several,
            trials=1,
            guard=True,
        ),
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
            also=(
                m.causal_as_int,
                m.causal_as_long,
                m.causal_as_bytes,
            ),
        ),
        Misconception(
            m.causal_with_batch_axis,
            "It looks as if there is an axis too many. (seq, seq) is enough: it is repeated for "
            "every sentence of a batch by itself.",
        ),
        Misconception(
            m.causal_to_be_added,
            "This mask marks the future with a number, such as 1 or minus infinity. Here masks are "
            "bool: True means may be attended to, and the minus infinity comes later.",
            also=(
                m.causal_large_to_be_added,
                m.causal_future_as_float,
                m.causal_future_as_int,
                m.causal_future_as_long,
            ),
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
    return {"scores": scores, "mask": random_mask(draw, seq_q, seq_k)}


def _padded_scores(draw: Draw) -> Inputs:
    batch, seq_q, seq_k = draw.sizes(3, 2, 8)
    scores = draw.normal(batch, seq_q, seq_k + 1, scale=2)
    return {"scores": scores, "mask": key_mask(draw, batch, seq_k + 1)}


def _causal_scores(draw: Draw) -> Inputs:
    """A score of exactly 0 among those that may be seen."""
    batch, seq = draw.sizes(2, 3, 7)
    scores = draw.normal(batch, seq, seq, scale=2).double()
    scores[:, -1, 0] = 0
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
        Case("each row sums to 1 over the keys it may see", _masked_scores, holds=sums_to_one),
        Case("padding gets weight 0, for every query", _padded_scores, holds=hides),
        Case("one causal mask for a whole batch, in float64", _causal_scores, holds=hides),
        Case("a hidden score changes nothing", _hidden_score_changed, probes.several, holds=same),
        Case("a huge hidden score changes nothing", _huge_hidden_score, holds=sums_to_one),
        Case(
            "gradients flow back to the scores",
            lambda draw: with_gradients(_masked_scores(draw), draw),
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
            also=(m.masked_by_infinity_after_softmax,),
        ),
        Misconception(
            m.masked_before_second_softmax,
            "It looks as if there are two softmaxes, and the second flattens the weights of the "
            "first. Hide the scores first, then take one softmax.",
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
            m.masked_by_minus_10,
            "It looks as if hidden keys get a score that is only small, such as -10. They keep "
            "a little weight. The score has to be minus infinity.",
            also=(
                m.masked_by_minus_1,
                m.masked_by_minus_5,
                m.masked_by_minus_100,
            ),
        ),
        Misconception(
            m.masked_where_score_is_zero,
            "It looks as if a score of 0 counts as hidden. 0 is a score like any other: only the "
            "mask says which keys are hidden.",
        ),
        Misconception(
            m.masked_by_zero_times_infinity,
            "It looks as if the mask is multiplied by minus infinity. 0 times infinity is nan, "
            "and a nan spreads over its row. masked_fill(~mask, -math.inf) has no such product.",
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
