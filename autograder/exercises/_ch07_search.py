"""Chapter 7, fourth part: writing the translation down, greedily or with a beam."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch07_mistakes_search as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import beams, generation

Inputs = dict[str, Any]

PAD, START, END = 0, 1, 2
"""The special tokens of the toys in `probes`."""


# greedy_decode


def _writer(draw: Draw, lengths: tuple[int, ...], max_new_tokens: int = 12) -> Inputs:
    """A toy whose targets end after these numbers of tokens; its sources have padding."""
    batch, words, vocab = len(lengths), len(lengths) + 3, draw.size(9, 14)
    seq = draw.size(3, 6)
    source = draw.integers(3, words, batch, seq)
    source[:, 0] = torch.arange(batch) + 3
    real = torch.arange(seq) < draw.integers(2, seq + 1, batch, 1)
    ends = torch.zeros(words, 1)
    ends[3:, 0] = torch.tensor(lengths)
    return {
        "tables": {
            "source table": draw.normal(words, vocab, scale=2),
            "next table": draw.normal(vocab, vocab, scale=3),
            "past table": draw.normal(vocab, vocab, scale=2),
            "ends": ends,
        },
        "source": source.masked_fill(~real, PAD),
        "max_new_tokens": max_new_tokens,
    }


def _other_special_tokens(draw: Draw) -> Inputs:
    inputs, pad_id = _of_all_lengths(draw), draw.size(1, 2)
    source = inputs["source"].masked_fill(inputs["source"] == PAD, pad_id)
    return inputs | {"source": source, "special": (pad_id, *draw.sizes(2, 3, 8))}


def _of_all_lengths(draw: Draw) -> Inputs:
    return _writer(draw, tuple(draw.sizes(4, 2, 9)))


def _one(draw: Draw) -> Inputs:
    return _writer(draw, (draw.size(3, 8),))


def _cut(draw: Draw) -> Inputs:
    return _writer(draw, (30, draw.size(2, 4), 30), draw.size(5, 8))


def _together(draw: Draw) -> Inputs:
    return _writer(draw, (draw.size(3, 7),) * 3)


def _as_many_as_allowed(draw: Draw) -> Inputs:
    length = draw.size(4, 7)
    return _writer(draw, (2, length), length)


def _ends_once(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    for row in observed["result"].tolist():
        if END in row and set(row[row.index(END) + 1 :]) - {PAD}:
            return Failure("A text goes on after its end token.", "goes on")
    return None


greedy_decode = Exercise(
    id="greedy_decode",
    title="write the likeliest word, again and again",
    reference=generation.greedy_decode,
    cases=(
        Case("targets of several lengths", _of_all_lengths, probes.translation, holds=_ends_once),
        Case("a batch of one", _one, probes.translation),
        Case("all end at the same time", _together, probes.translation),
        Case("cut where there is no end", _cut, probes.translation, holds=_ends_once),
        Case("the end is the last word allowed", _as_many_as_allowed, probes.translation),
        Case("special tokens with other ids", _other_special_tokens, probes.translation),
    ),
    hints=(
        "Read the source once, before the loop. In the loop: score what has been written so far, "
        "take the best word at the last place, append it. Which sentences are done?",
        "Begin with text = torch.full((len(source), 1), model.config.start_id) and ended = "
        "torch.zeros(len(source), dtype=torch.bool). In each step new = logits[:, -1].argmax("
        "dim=-1). Sentences that have ended get pad_id instead.",
        "new = new.masked_fill(ended, pad_id); text = torch.cat([text, new[:, None]], dim=1); "
        "ended = ended | (new == end_id); if ended.all(): break. At the end return text[:, 1:].",
    ),
    misconceptions=(
        Misconception(
            m.greedy_writes_on,
            "It looks as if a sentence goes on after its end token, while others are still being "
            "written. Once it has its end token, it gets pad_id.",
            also=(m.greedy_stops_when_all_end_together,),
        ),
        Misconception(
            m.greedy_ignores_the_end,
            "It looks as if the end token changes nothing: max_new_tokens are written, whatever "
            "they are. Once a sentence has its end token it gets pad_id, and when all have theirs "
            "the loop stops.",
        ),
        Misconception(
            m.greedy_never_stops,
            "It looks as if the loop always runs to max_new_tokens. Stop as soon as all sentences "
            "have ended.",
        ),
        Misconception(
            m.greedy_stops_with_the_first,
            "It looks as if everybody stops when the first sentence ends. Go on until all have.",
        ),
        Misconception(
            m.greedy_without_end,
            "It looks as if the end token itself is not written. It is the last word of a "
            "sentence; padding comes after it.",
            also=(m.greedy_without_end_or_its_place,),
        ),
        Misconception(
            m.greedy_fills_with_end,
            "It looks as if ended sentences are filled up with the end token. Fill them with "
            "pad_id.",
        ),
        Misconception(
            m.greedy_with_start,
            "It looks as if the start token is still there. It was never written by the model: "
            "return text[:, 1:].",
        ),
        Misconception(
            m.greedy_reads_the_last_word_alone,
            "It looks as if the decoder gets the last word alone. It needs all words written so "
            "far, from the start token on.",
        ),
        Misconception(
            m.greedy_takes_the_first_place,
            "It looks as if the scores are read at the wrong place. The next word stands at the "
            "last one: logits[:, -1].",
        ),
        Misconception(
            m.greedy_fills_with_zero,
            "It looks as if ended sentences are filled up with 0. Fill them with "
            "model.config.pad_id, which may be another number.",
        ),
        Misconception(
            m.greedy_with_known_ids,
            "It looks as if the ids of the special tokens are written into the code. Ask for them: "
            "model.config.start_id, end_id and pad_id.",
        ),
        Misconception(
            m.greedy_starts_with_padding,
            "It looks as if the text does not begin with start_id.",
            also=(m.greedy_starts_with_end,),
        ),
    ),
    alternatives=(m.greedy_one_by_one, m.greedy_into_a_table),
    points=2,
    minutes=15,
    difficulty=3,
)


# simple_beam_search


def _tables(
    draw: Draw,
    vocab: int,
    places: int,
    ends: tuple[float, ...],
    start_id: int = START,
    end_id: int = END,
) -> dict[str, Tensor]:
    """Log-probabilities of a toy; how strongly it wants to end, at each place."""
    place = torch.zeros(places, vocab)
    place[:, [PAD, start_id]] = -30.0
    place[:, end_id] = torch.tensor([ends[min(i, len(ends) - 1)] for i in range(places)])
    return {
        "next table": draw.normal(vocab, vocab, scale=1.2).double(),
        "past table": draw.normal(vocab, vocab, scale=0.6).double(),
        "place table": place.double(),
    }


def _race(
    draw: Draw,
    num_beams: int,
    penalty: float | None,
    ends: tuple[float, ...],
    start_id: int = START,
    end_id: int = END,
) -> Inputs:
    """Tables in which the order is clear."""
    arguments: Inputs = {
        "num_beams": num_beams,
        "max_new_tokens": 6,
        "start_id": start_id,
        "end_id": end_id,
    }
    if penalty is not None:
        arguments["length_penalty"] = penalty
    while True:
        inputs = {**_tables(draw, 7, 6, ends, start_id, end_id), "arguments": arguments}
        noisy = {
            name: value + draw.normal(*value.shape, scale=0.003).double()
            for name, value in inputs.items()
            if name != "arguments"
        }
        other = _found({**noisy, "arguments": arguments})
        if other["texts"] == _found(inputs)["texts"]:
            return inputs


def _search(draw: Draw, num_beams: int, penalty: float | None) -> Inputs:
    """The same, where finished texts compete, and other ways to search lead elsewhere."""
    while True:
        inputs = _race(draw, num_beams, penalty, (-2.0, 0.5, 1.0, 1.5))
        best = _found(inputs)["texts"]
        other = _found(inputs, length_penalty=0.0 if penalty != 0 else 1.0)["texts"]
        greedy = _found(inputs, num_beams=1)["texts"]
        lengths = {len(text) for text in best}
        early = any(text[-1] == END and len(text) < max(lengths) for text in best)
        if early and other != best and greedy[0] != best[0]:
            return inputs


def _found(inputs: Inputs, **changed: Any) -> Any:
    arguments = inputs["arguments"] | changed
    return probes.searched(beams.simple_beam_search, {**inputs, "arguments": arguments})


def _few_words(draw: Draw) -> Inputs:
    return _race(draw, 9, 1.0, (-2.0, 0.5, 1.0), start_id=6, end_id=0)


def _long(draw: Draw) -> Inputs:
    """So long that its probability is too small for any float."""
    vocab, places = 90, 330
    tables = _tables(draw, vocab, places, (-30.0,))
    for name in ("next table", "past table"):
        tables[name] = tables[name] * (0.3 if name == "next table" else 0.02)
    arguments = {"num_beams": 2, "max_new_tokens": places, "start_id": START, "end_id": END}
    return {**tables, "arguments": arguments}


simple_beam_search = Exercise(
    id="simple_beam_search",
    title="keep several texts in the race",
    reference=beams.simple_beam_search,
    cases=(
        Case(
            "the best texts by log-probability per word",
            lambda draw: _search(draw, 3, 1.0),
            probes.searched,
        ),
        Case(
            "the best texts by log-probability alone",
            lambda draw: _search(draw, 3, 0.0),
            probes.searched,
        ),
        Case(
            "the length counts by its root",
            lambda draw: _search(draw, 4, 0.5),
            probes.searched,
        ),
        Case(
            "per word, when nothing is said",
            lambda draw: _search(draw, 3, None),
            probes.searched,
        ),
        Case(
            "a beam of one is greedy",
            lambda draw: _race(draw, 1, 1.0, (-3.0, -3.0, 9.0)),
            probes.searched,
        ),
        Case(
            "cut where there is no end",
            lambda draw: _race(draw, 3, 1.0, (-20.0,)),
            probes.searched,
        ),
        Case("more beams than words, other special tokens", _few_words, probes.searched),
        Case(
            "a text too improbable for any float",
            _long,
            probes.searched,
            trials=1,
        ),
    ),
    hints=(
        "The beam is a list of pairs: the ids written, and the sum of their log-probabilities. It "
        "begins with one pair, ([], 0.0). Each round makes a list of candidates from it, sorts it, "
        "and keeps the best.",
        "A text that has ended becomes one candidate, unchanged. Any other becomes vocab "
        "candidates, one for each word: ([*ids, token], total + step[token]) with step = "
        "next_log_probabilities([start_id, *ids]).tolist(). Sort them all together.",
        "beam = sorted(candidates, key=score, reverse=True)[:num_beams], where score of (ids, "
        "total) is total / len(ids) ** length_penalty. Stop when every text ends with end_id, or "
        "after max_new_tokens rounds.",
    ),
    misconceptions=(
        Misconception(
            m.beam_that_grows_ended_texts,
            "It looks as if texts go on after their end token. A text that has ended stays in the "
            "race as it is.",
            also=(m.beam_that_never_stops,),
        ),
        Misconception(
            m.beam_without_length,
            "It looks as if texts are compared by the sum of their log-probabilities, whatever "
            "their length. Divide by the number of written words to the power length_penalty, in "
            "every round and in the result.",
            also=(m.beam_with_length_at_the_end, m.beam_with_length_in_the_score_alone),
        ),
        Misconception(
            m.beam_always_by_length,
            "It looks as if the sum is always divided by the length itself. Divide by the number "
            "of written words to the power length_penalty.",
            also=(m.beam_times_the_penalty,),
        ),
        Misconception(
            m.beam_with_another_length,
            "It looks as if the sum is divided by ((5 + length) / 6) ** a, another formula for the "
            "length (Wu and others 2016). Here it is length ** a.",
        ),
        Misconception(
            m.beam_with_topk_of_each,
            "It looks as if topk takes num_beams words of each text, and fails where there are "
            "fewer words. Take all words, or min(num_beams, vocab) of them.",
        ),
        Misconception(
            m.beam_counts_the_start,
            "It looks as if the start token is counted in the length. Only written words are.",
        ),
        Misconception(
            m.beam_each_for_itself,
            "It looks as if each text keeps its own best continuation. All candidates of all texts "
            "compete for the places in the beam.",
        ),
        Misconception(
            m.beam_of_one,
            "It looks as if only one text is kept, whatever num_beams is. That is greedy.",
        ),
        Misconception(
            m.beam_by_multiplying,
            "It looks as if probabilities are multiplied. The product of many becomes 0, and all "
            "texts look alike. Add their logarithms.",
            also=(m.beam_by_multiplying_floats,),
        ),
        Misconception(
            m.beam_stops_with_the_first,
            "It looks as if the search ends when the first text does. A longer one may still win: "
            "go on until all texts in the beam have ended.",
            also=(m.beam_stops_when_the_best_ends,),
        ),
        Misconception(
            m.beam_loses_ended_texts,
            "It looks as if texts that have ended are lost in the next round. They stay in the "
            "race as they are.",
        ),
        Misconception(
            m.beam_with_start,
            "It looks as if the result holds the start token. It is read, never written, and does "
            "not count as a word: keep the written words alone.",
            also=(m.beam_with_start_counted,),
        ),
        Misconception(
            m.beam_moves_ended_texts_out,
            "It looks as if texts that have ended leave the beam, so that others take their "
            "places. They stay among the candidates, and compete in every round.",
            also=(m.beam_moves_ended_texts_out_until_full,),
        ),
        Misconception(
            m.beam_with_totals,
            "It looks as if the sums are returned. Return the scores: the sum divided by the "
            "number of written words to the power length_penalty.",
        ),
        Misconception(
            m.beam_gives_the_best_alone,
            "It looks as if only the best text is returned. Return the whole beam, as a list of "
            "pairs (ids, score), best first.",
        ),
        Misconception(
            m.beam_worst_first,
            "It looks as if the worst candidates are kept. Log-probabilities are negative, and the "
            "largest is the best: reverse=True.",
        ),
    ),
    alternatives=(m.beam_by_heap, m.beam_with_topk),
    points=4,
    minutes=25,
    difficulty=4,
)
