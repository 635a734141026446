"""Chapter 7, second part: what the decoder reads, what it may see, and what it is told."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch07_mistakes_targets as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import losses, seq2seq

Inputs = dict[str, Any]


# shift_right


def _targets(draw: Draw, batch: int = 0, seq: int = 0) -> Inputs:
    """Words from 4 on, then the end token 3, then padding 0."""
    rows, places = draw.sizes(2, 3, 8)
    rows, places = batch or rows, seq or places
    targets = draw.integers(4, 30, rows, places)
    ends = draw.integers(1, places, rows, 1) if places > 1 else torch.zeros(rows, 1).long()
    place = torch.arange(places)
    targets = torch.where(place == ends, 3, targets).masked_fill(place > ends, 0)
    return {"targets": targets, "start_id": 2}


def _another_start(draw: Draw) -> Inputs:
    return _targets(draw) | {"start_id": draw.size(31, 60)}


shift_right = Exercise(
    id="shift_right",
    title="what the decoder reads",
    reference=seq2seq.shift_right,
    cases=(
        Case("start, then all words but the last", _targets),
        Case("the start token can be another number", _another_start),
        Case("a batch of one", lambda draw: _targets(draw, batch=1)),
        Case("as many words as sentences", lambda draw: _targets(draw, 5, 5)),
        Case("targets of one word", lambda draw: _targets(draw, seq=1)),
        Case("the targets are left as they were", _targets, probes.untouched, guard=True),
    ),
    hints=(
        "Write the table from the text on paper once more. What comes in at the left, and what "
        "falls out at the right?",
        "Two pieces side by side along dim=1: a column of start tokens, and targets[:, :-1].",
        "torch.full_like(targets[:, :1], start_id) is the column; torch.cat([column, targets[:, "
        ":-1]], dim=1) puts the two together.",
    ),
    misconceptions=(
        Misconception(
            m.shifted_left,
            "It looks as if the words move the wrong way, to the left. They move one place to the "
            "right, and the start token comes in at the left.",
            also=(m.shifted_left_with_padding, m.shifted_left_and_begun),
        ),
        Misconception(
            m.shifted_round,
            "It looks as if the last word comes in again at the left, where the start token "
            "belongs.",
            also=(m.shifted_round_over_rows,),
        ),
        Misconception(
            m.shifted_with_padding,
            "It looks as if padding is shifted in. The first place holds start_id.",
        ),
        Misconception(
            m.shifted_and_longer,
            "It looks as if the last place is kept, so that there is one too many. Leave the last "
            "one out: targets[:, :-1].",
        ),
        Misconception(
            m.start_written_over,
            "It looks as if the start token is written over the first word, and nothing moves. "
            "Every word moves one place to the right.",
        ),
        Misconception(
            m.start_dropped,
            "It looks as if the start token is forgotten. Without it there is nothing to read "
            "before the first word.",
        ),
        Misconception(
            m.shifted_twice,
            "It looks as if the words move two places. One is enough: each word is predicted from "
            "those before it.",
        ),
        Misconception(
            m.shifted_in_place,
            "It looks as if the targets themselves are changed. They are still needed, for the "
            "loss: make a new tensor.",
        ),
        Misconception(
            m.shifted_down,
            "It looks as if whole sentences move. It is the words that do, along dim=1.",
        ),
    ),
    alternatives=(m.shifted_by_roll, m.shifted_into_an_empty_table, m.shifted_row_by_row),
    points=1,
    minutes=6,
    difficulty=1,
)


# target_mask


def _read(draw: Draw, full_last: bool = True) -> Inputs:
    """What a decoder reads: the start token, words, and padding at the end of some."""
    batch, seq = draw.sizes(2, 3, 8)
    ids = draw.integers(1, 20, batch, seq)
    lengths = draw.integers(1, seq, batch, 1)
    lengths[0] = max(1, seq - 2)
    if full_last:
        lengths[-1] = seq
    return {"ids": ids.masked_fill(torch.arange(seq) >= lengths, 0)}


def _scattered(draw: Draw, pad_id: int = 0) -> Inputs:
    """Padding in the middle, so that there are words behind it which must not look back at it."""
    batch, seq = draw.sizes(2, 5, 9)
    ids = draw.integers(1, 20, batch, seq)
    ids = torch.where(ids == pad_id, 21, ids)
    gaps = draw.uniform(batch, seq) < 0.3
    gaps[:, 2], gaps[:, 0], gaps[:, -1] = True, False, False
    return {"ids": ids.masked_fill(gaps, pad_id)} | ({"pad_id": pad_id} if pad_id else {})


def _looks_ahead(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    later = observed["mask"].triu(1).nonzero()
    if len(later):
        _, query, key = later[0].tolist()
        return Failure(f"Word {query} may see word {key}, which comes later.", "future")
    return None


def _no_padding(draw: Draw) -> Inputs:
    return {"ids": draw.integers(1, 20, *draw.sizes(2, 3, 8))}


def _one_sentence(draw: Draw) -> Inputs:
    return {"ids": _scattered(draw)["ids"][:1]}


target_mask = Exercise(
    id="target_mask",
    title="a mask that shows too much",
    reference=seq2seq.target_mask,
    cases=(
        Case("no future, no padding", _read, probes.rows_of_words, holds=_looks_ahead),
        Case("without padding it is causal", _no_padding, probes.rows_of_words, holds=_looks_ahead),
        Case(
            "padding can be another number",
            lambda draw: _scattered(draw, pad_id=draw.size(4, 12)),
            probes.rows_of_words,
        ),
        Case("padding counts wherever it stands", _scattered, probes.rows_of_words),
        Case("a single sentence", _one_sentence, probes.rows_of_words),
        Case(
            "a batch where every sentence is padded",
            lambda draw: _read(draw, full_last=False),
            probes.rows_of_words,
        ),
        Case("the ids are left as they were", _read, probes.untouched, guard=True),
    ),
    hints=(
        "Ask of one entry: when may word i see word j? Two things have to be true. Are both asked "
        "for?",
        "A | B is True where at least one of the two is. Which operator is True only where both "
        "are?",
        "causal_mask(ids.shape[1]) & padding_mask(ids, pad_id): (seq, seq) and (batch, 1, seq) "
        "line up as (batch, seq, seq).",
    ),
    misconceptions=(
        Misconception(
            m.target_past_or_real,
            "It looks as if a later word is seen wherever it is no padding. Take an entry of the "
            "table that is wrong, and ask each of the two masks about it.",
        ),
        Misconception(
            m.target_past_alone,
            "It looks as if padding may be seen. The padding mask has to hold as well: &.",
            also=(m.target_past_alone_without_batch,),
        ),
        Misconception(
            m.target_pads_with_0,
            "It looks as if 0 is always taken for padding. Hand pad_id on: padding_mask(ids, "
            "pad_id).",
        ),
        Misconception(
            m.target_real_alone,
            "It looks as if the future may be seen. The causal mask has to hold as well: &.",
        ),
        Misconception(
            m.target_without_itself,
            "It looks as if a word may not see itself: the causal mask is off by one, and the "
            "first word sees nothing at all. Keep the diagonal.",
        ),
        Misconception(
            m.target_one_ahead,
            "It looks as if each word sees one word of the future: the causal mask is off by one. "
            "The last True of row i stands in column i.",
        ),
        Misconception(
            m.target_the_future,
            "It looks as if the causal mask is turned over, so that a word sees what comes later. "
            "Keep the lower triangle.",
        ),
        Misconception(
            m.target_hides_queries,
            "It looks as if padding is hidden as a query. Its row would have nothing to look at; "
            "hide it as a key: the padding mask has the shape (batch, 1, seq).",
            also=(m.target_hides_queries_too,),
        ),
        Misconception(
            m.target_squeezed,
            "It looks as if squeeze() takes away the axis of a single sentence. The mask is always "
            "(batch, seq, seq).",
        ),
        Misconception(
            m.target_for_heads,
            "It looks as if there is an axis too many. The shape is (batch, seq, seq); attention "
            "adds the one for the heads.",
        ),
        Misconception(
            m.target_as_numbers,
            "It looks as if the mask holds ones and zeros. Keep it bool, and join the two with &.",
            also=(m.target_as_ints,),
        ),
    ),
    alternatives=(m.target_by_comparison, m.target_with_itself, m.target_place_by_place),
    points=1,
    minutes=6,
    difficulty=2,
    kind="find the bug",
)


# smoothed_probability


def _belief(draw: Draw, low: int, high: int) -> Inputs:
    return {"vocab": draw.size(low, high), "smoothing": draw.choice((0.05, 0.1, 0.2, 0.3, 0.45))}


smoothed_probability = Exercise(
    id="smoothed_probability",
    title="how sure is sure enough?",
    reference=losses.smoothed_probability,
    cases=(
        Case("a vocabulary of a few words", lambda draw: _belief(draw, 2, 6)),
        Case("a vocabulary of tens of words", lambda draw: _belief(draw, 10, 90)),
        Case(
            "no smoothing", lambda draw: {"vocab": draw.size(3, 50), "smoothing": 0.0}, guard=True
        ),
        Case("nothing but smoothing", lambda draw: {"vocab": draw.size(3, 50), "smoothing": 1.0}),
    ),
    hints=(
        "Take four words and s = 0.2. How much of the 0.2 does each word get? Is the right word "
        "one of the four?",
        "The right word gets 1 - s for being right, and its even share of s like every other word.",
        "Each of the vocab words gets smoothing / vocab; the right one gets 1 - smoothing on top "
        "of that.",
    ),
    misconceptions=(
        Misconception(
            m.smoothed_without_its_share,
            "It looks as if the right word gets nothing of what is spread. It is spread over all "
            "words, the right one included: add its share.",
        ),
        Misconception(
            m.smoothed_with_a_share_of_the_others,
            "It looks as if the share is spread over vocab - 1 words. All words get it, the right "
            "one included: divide by vocab.",
        ),
        Misconception(
            m.smoothed_minus_a_share,
            "It looks as if only one word's share is taken from the right word. All of s is taken "
            "away first, and 1/vocab of it comes back.",
        ),
        Misconception(
            m.smoothed_not_at_all,
            "This is the answer without smoothing. A model that gives the right word probability 1 "
            "gives the others 0, and their logarithm is minus infinity.",
        ),
        Misconception(
            m.smoothed_share_alone,
            "This is what every other word gets. The right one gets 1 - s on top of it.",
        ),
    ),
    alternatives=(m.smoothed_in_one_fraction, m.smoothed_by_what_the_others_get),
    points=1,
    minutes=5,
    difficulty=2,
    kind="predict",
)


# label_smoothing_loss


def _scored(draw: Draw, smoothing: float | None = None) -> Inputs:
    batch, seq, vocab = draw.sizes(3, 3, 9)
    return {
        "logits": draw.normal(batch, seq, vocab, scale=2),
        "targets": draw.integers(1, vocab, batch, seq),
        "smoothing": draw.choice((0.15, 0.3, 0.4)) if smoothing is None else smoothing,
    }


def _scored_with_padding(draw: Draw, pad_id: int = 0) -> Inputs:
    inputs = _scored(draw)
    targets = inputs["targets"]
    batch, seq = targets.shape
    lengths = draw.integers(1, seq, batch, 1)
    lengths[0], lengths[1] = seq - 2, seq - 1  # of different lengths, so means differ
    targets = torch.where(targets == pad_id, 1 + (pad_id == 1), targets)
    targets = targets.masked_fill(torch.arange(seq) >= lengths, pad_id)
    return inputs | {"targets": targets, "pad_id": pad_id}


def _word_0_counts(draw: Draw) -> Inputs:
    """No padding is named, and 0 is a word like any other."""
    inputs = _scored(draw)
    inputs["targets"][0, :2] = 0
    return inputs


def _other_shapes(draw: Draw) -> Inputs:
    """One place alone, and places in a single row: (..., vocab)."""
    inputs = _scored(draw)
    logits, targets = inputs["logits"][0], inputs["targets"][0]
    return {
        "one place": inputs | {"logits": logits[0], "targets": targets[0]},
        "a row of places": inputs | {"logits": logits, "targets": targets},
    }


def _one_tenth(draw: Draw) -> Inputs:
    inputs = _scored(draw)
    del inputs["smoothing"]
    return inputs


def _large(draw: Draw) -> Inputs:
    inputs = _scored_with_padding(draw)
    return inputs | {"logits": inputs["logits"] * 200}


label_smoothing_loss = Exercise(
    id="label_smoothing_loss",
    title="told to be nearly sure",
    reference=losses.label_smoothing_loss,
    cases=(
        Case("the mean over all words", _scored),
        Case("padding does not count", _scored_with_padding),
        Case(
            "padding can be another number",
            lambda draw: _scored_with_padding(draw, pad_id=2),
        ),
        Case("without a pad_id every word counts", _word_0_counts),
        Case("without smoothing it is the cross-entropy", lambda draw: _scored(draw, 0.0)),
        Case("a tenth when nothing is said", _one_tenth),
        Case("one place alone, or one row of them", _other_shapes, probes.several),
        Case("huge logits, in both directions", _large),
        Case(
            "gradients flow back to the logits",
            lambda draw: {"arguments": _scored_with_padding(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
            tolerance=3,
        ),
        Case(
            "logits and targets are left as they were",
            _scored_with_padding,
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "Three steps: throw away the places that are padding; the log-probabilities of all words, "
        "straight from the logits; then mix two numbers per place and take the mean.",
        "logits[targets != pad_id] keeps the places that count. Log-probabilities are logits "
        "minus logits.logsumexp(dim=-1, keepdim=True). Then you need that of the right word "
        "(gather) and the mean over all words.",
        "right = -logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1); even = -logs.mean(dim=-1); "
        "return ((1 - smoothing) * right + smoothing * even).mean().",
    ),
    misconceptions=(
        Misconception(
            m.loss_without_smoothing,
            "This is the plain cross-entropy. A share of the belief, smoothing, is spread evenly "
            "over all words.",
        ),
        Misconception(
            m.loss_over_the_others,
            "It looks as if the share is spread over the vocab - 1 wrong words. Here it is spread "
            "over all words, the right one included.",
        ),
        Misconception(
            m.loss_over_one_too_few,
            "It looks as if the sum over all words is divided by vocab - 1. There are vocab of "
            "them: take their mean.",
        ),
        Misconception(
            m.loss_without_the_right_share,
            "It looks as if the right word gets 1 - s and nothing of what is spread, so that the "
            "belief does not sum to 1. It gets its s / vocab as well.",
        ),
        Misconception(
            m.loss_with_a_sum_of_all,
            "It looks as if every word gets all of s. Each gets s / vocab: a mean over the words, "
            "and no sum.",
        ),
        Misconception(
            m.loss_with_too_much_belief,
            "It looks as if the right word keeps all of its belief, and more is handed out on top. "
            "What is spread is taken from it: 1 - s.",
        ),
        Misconception(
            m.loss_with_shares_exchanged,
            "It looks as if s and 1 - s are exchanged. The right word gets the large share.",
        ),
        Misconception(
            m.loss_averaged_over_padding,
            "It looks as if padding is set to 0 and still counted in the mean. Divide by the "
            "number of real words: keep only these, then take the mean.",
        ),
        Misconception(
            m.loss_counts_padding,
            "It looks as if padding counts like any other word. Leave out the places where the "
            "target is pad_id.",
        ),
        Misconception(
            m.loss_spreads_over_padding,
            "It looks as if padding still takes part in what is spread evenly. Leave its places "
            "out of both parts of the loss.",
        ),
        Misconception(
            m.loss_summed,
            "It looks as if the losses are added up. Take their mean.",
        ),
        Misconception(
            m.loss_a_sentence_at_a_time,
            "It looks as if each sentence has its own mean, and these are averaged. Then words of "
            "short sentences count more; take one mean over all words.",
        ),
        Misconception(
            m.loss_always_without_0,
            "It looks as if 0 is always taken for padding. Only pad_id is, and where it is None "
            "every word counts.",
        ),
        Misconception(
            m.loss_by_plain_logarithm,
            "It looks as if probabilities are computed first and their logarithm after it: with "
            "large logits that is the logarithm of 0. Subtract logsumexp from the logits instead.",
            also=(m.loss_by_stable_probabilities,),
        ),
        Misconception(
            m.loss_of_tables_alone,
            "It looks as if logits must be (batch, seq, vocab). They may have any axes in front of "
            "vocab, or none: count from the end, dim=-1.",
        ),
        Misconception(
            m.loss_each_by_itself,
            "It looks as if the last step is missing: the mean, one number for the whole batch.",
        ),
    ),
    alternatives=(m.loss_by_full_targets, m.loss_by_counting),
    forbidden=("cross_entropy", "kl_div", "nll_loss"),
    points=2,
    minutes=15,
    difficulty=3,
)
