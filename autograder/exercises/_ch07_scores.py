"""Chapter 7, last part: how good is a translation?"""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch07_mistakes_scores as m
from autograder.spec import Case, Draw, Exercise, Misconception
from minitransformer import metrics

Inputs = dict[str, Any]


# sequence_accuracy


def _answers(draw: Draw, pad_id: int = 0, wider: int = 0) -> Inputs:
    """Some right, some with a fault, too long or too short; `wider` pads one of the two."""
    batch, seq = draw.size(9, 13), draw.size(5, 8)
    targets = draw.integers(20, 60, batch, seq)
    lengths = draw.integers(3, seq, batch)
    lengths[0] = seq
    predictions = targets.clone()
    kinds = [0, 1, 2, 3, 4, 5, *(draw.size(0, 5) for _ in range(batch - 6))]
    long = lengths.clone()
    for row, kind in enumerate(kinds):
        if kind == 1:
            predictions[row, draw.size(0, 2)] += 40
        if kind == 2:  # a word too many
            lengths[row] = min(int(lengths[row]), seq - 1)
            long[row] = lengths[row] + 1
        if kind == 3:  # a word too few
            long[row] = lengths[row] - 1
        if kind == 4:
            predictions[row] += 40
        if kind == 5:  # the same words in another order
            targets[row, :2], predictions[row, :2] = torch.tensor([[61, 62], [62, 61]])
    place = torch.arange(seq)
    targets = targets.masked_fill(place >= lengths[:, None], pad_id)
    predictions = predictions.masked_fill(place >= long[:, None], pad_id)
    order = torch.randperm(batch, generator=draw.generator)
    predictions, targets = predictions[order], targets[order]
    room = torch.full((batch, abs(wider)), pad_id)
    if wider > 0:
        predictions = torch.cat([predictions, room], dim=1)
    if wider < 0:
        targets = torch.cat([targets, room], dim=1)
    inputs: Inputs = {"predictions": predictions, "targets": targets}
    return inputs | ({"pad_id": pad_id} if pad_id else {})


def _longer_than_all_targets(draw: Draw) -> Inputs:
    """Of the right sentences one has a word more than the targets have room for, another not."""
    inputs = _answers(draw)
    batch = len(inputs["targets"])
    more = torch.zeros(batch, 2, dtype=torch.long)
    right = (inputs["predictions"] == inputs["targets"]).all(dim=1).nonzero()[0]
    inputs["targets"][right] = draw.integers(20, 60, 1, inputs["targets"].shape[1])
    inputs["predictions"][right] = inputs["targets"][right]
    inputs["predictions"][right - 1] = inputs["targets"][right - 1]
    more[right, 0] = 33
    return inputs | {"predictions": torch.cat([inputs["predictions"], more], dim=1)}


def _all_right(draw: Draw) -> Inputs:
    targets = _answers(draw)["targets"]
    return {"predictions": targets.clone(), "targets": targets}


sequence_accuracy = Exercise(
    id="sequence_accuracy",
    title="right from the first word to the last",
    reference=metrics.sequence_accuracy,
    cases=(
        Case("the share of sentences without a fault", _answers),
        Case("the written table is wider", lambda draw: _answers(draw, wider=draw.size(1, 3))),
        Case("the table of targets is wider", lambda draw: _answers(draw, wider=-draw.size(1, 3))),
        Case("a word too many is a fault", _longer_than_all_targets),
        Case("padding can be another number", lambda draw: _answers(draw, pad_id=7, wider=2)),
        Case("everything right", _all_right, guard=True),
        Case("both are left as they were", _answers, probes.untouched, guard=True),
    ),
    hints=(
        "First make the two tables equally wide, with padding. Then compare them place by place. "
        "When is a whole row right?",
        "torch.nn.functional.pad(ids, (0, n), value=pad_id) adds n columns at the right. "
        "(predictions == targets).all(dim=1) says for each row whether all places agree.",
        "width = max(predictions.shape[1], targets.shape[1]); pad both to it; then "
        "float((predictions == targets).all(dim=1).float().mean()).",
    ),
    misconceptions=(
        Misconception(
            m.sequences_token_by_token,
            "It looks as if words are counted, and not sentences. A sentence is right when every "
            "place of its row is: .all(dim=1) before the mean.",
            also=(m.sequences_word_by_word,),
        ),
        Misconception(
            m.sequences_with_any_word_right,
            "It looks as if one right word makes a sentence right. All of them must be: "
            ".all(dim=1).",
        ),
        Misconception(
            m.sequences_cut_to_the_shorter,
            "It looks as if the wider table is cut. A word too many is a fault: pad the narrower "
            "one instead.",
        ),
        Misconception(
            m.sequences_without_what_follows,
            "It looks as if only the places of real target words are compared. What is written "
            "after the end of the target is a fault as well.",
        ),
        Misconception(
            m.sequences_filled_with_0,
            "It looks as if the narrower table is filled up with 0. Fill it up with pad_id.",
        ),
        Misconception(
            m.sequences_counted,
            "It looks as if right sentences are counted. Divide by how many there are.",
        ),
        Misconception(
            m.sequences_all_or_nothing,
            "It looks as if all sentences are judged as one. Ask row by row: .all(dim=1).",
        ),
        Misconception(
            m.sequences_down_the_columns,
            "It looks as if columns are judged. A sentence is a row: .all(dim=1).",
        ),
    ),
    alternatives=(m.sequences_as_lists, m.sequences_by_faults),
    points=1,
    minutes=8,
    difficulty=2,
)


# bleu

_VOCAB = [f"w{number}" for number in range(9)]


def _sentence(draw: Draw, length: int) -> list[str]:
    return [draw.choice(_VOCAB) for _ in range(length)]


def _changed(draw: Draw, words: list[str], cut: int = 0, more: int = 0) -> list[str]:
    """A translation with a fault or two: a word exchanged, some repeated, some left out."""
    words = words[: len(words) - cut]
    place = draw.size(0, len(words) - 1)
    words = [*words[:place], draw.choice(_VOCAB), *words[place + 1 :]]
    return words + [words[-1]] * more


def _corpus(draw: Draw, size: int = 4, cut: int = 0, more: int = 0) -> Inputs:
    """Long enough that runs of four are shared."""
    rights = [_sentence(draw, draw.size(9, 15)) for _ in range(size)]
    candidates = [_changed(draw, right, cut, more) for right in rights]
    return {"candidates": candidates, "references": [[right] for right in rights]}


def _several_references(draw: Draw) -> Inputs:
    """Of three references the nearest in length is neither first nor longest nor shortest."""
    inputs: Inputs = {"candidates": [], "references": []}
    for _ in range(4):
        near = _sentence(draw, draw.size(11, 13))
        candidate = _changed(draw, near, cut=1)
        shorter = [*near[3:7], *_sentence(draw, 2)]
        longer = [*near[5:], *_sentence(draw, 5), *near[:3]]
        inputs["candidates"].append(candidate)
        inputs["references"].append([longer, near, shorter])
    return inputs


def _babble(draw: Draw) -> Inputs:
    """The same words again and again, which a reference has once."""
    inputs = _corpus(draw, 3)
    right = inputs["references"][0][0]
    inputs["candidates"][0] = right[:4] * 3
    return inputs


def _short_runs(draw: Draw) -> Inputs:
    return _corpus(draw, 3) | {"max_order": draw.size(2, 3)}


def _nothing_shared(draw: Draw) -> Inputs:
    """Every second word is right, so no run of two is."""
    rights = [_sentence(draw, 8) for _ in range(2)]
    candidates = [[w if i % 2 else "x" for i, w in enumerate(right)] for right in rights]
    return {"candidates": candidates, "references": [[right] for right in rights]}


def _runs_of_three(draw: Draw) -> Inputs:
    """Every fourth word is wrong, so runs of three are shared, and none of four."""
    rights = [_sentence(draw, 12) for _ in range(2)]
    candidates = [["x" if i % 4 == 3 else w for i, w in enumerate(right)] for right in rights]
    three = _sentence(draw, 3)
    return {
        "runs of four are there": {
            "candidates": candidates,
            "references": [[right] for right in rights],
        },
        "texts of three words": {"candidates": [three], "references": [[three]]},
    }


def _equally_near(draw: Draw) -> Inputs:
    """One reference longer and one shorter, by the same number of words."""
    inputs = _corpus(draw)
    for rights in inputs["references"]:
        right = rights.pop()
        rights += [[*right, *_sentence(draw, 2)], right[:-2]]
    return inputs


def _perfect(draw: Draw) -> Inputs:
    inputs = _corpus(draw)
    return inputs | {"candidates": [rights[0] for rights in inputs["references"]]}


bleu = Exercise(
    id="bleu",
    title="how much of it is there?",
    reference=metrics.bleu,
    cases=(
        Case("translations as long as their references", _corpus),
        Case("translations too short", lambda draw: _corpus(draw, cut=draw.size(2, 4))),
        Case("translations too long", lambda draw: _corpus(draw, more=draw.size(2, 4))),
        Case("repeated words count once where the reference has one", _babble),
        Case("several right translations each", _several_references),
        Case("runs of two or three words at most", _short_runs),
        Case("of two references equally near in length, the shorter", _equally_near),
        Case("no run of two words shared", _nothing_shared, guard=True),
        Case(
            "no run of four words shared, or none there", _runs_of_three, probes.several, guard=True
        ),
        Case("a perfect translation", _perfect, guard=True),
        Case("the texts are left as they were", _corpus, probes.untouched, guard=True),
    ),
    hints=(
        "Count over the whole corpus before you divide: for each order n, how many runs the "
        "candidates have, and how many of these are matched. Also the two lengths.",
        "With counters, found & allowed is the smaller of both counts, and a |= b the larger: "
        "allowed |= count_ngrams(right, n) for each reference, then matched += (found & "
        "allowed).total(). Return 0.0 where an order has no match.",
        "mean = sum(math.log(m / n) for each order) / max_order; penalty = min(0.0, 1 - "
        "reference_length / length); return math.exp(mean + penalty).",
    ),
    misconceptions=(
        Misconception(
            m.bleu_without_clipping,
            "It looks as if a run counts as often as the candidate repeats it. Count it at most as "
            "often as a reference has it (clipping).",
        ),
        Misconception(
            m.bleu_of_kinds,
            "It looks as if each run counts once, however often it occurs. Count all of them, each "
            "at most as often as a reference has it.",
        ),
        Misconception(
            m.bleu_without_penalty,
            "It looks as if the brevity penalty is missing. Candidates shorter than their "
            "references pay for it: exp(1 - r / c).",
        ),
        Misconception(
            m.bleu_with_penalty_for_the_long,
            "It looks as if long translations are penalised and short ones are not. It is the "
            "short ones that pay.",
            also=(m.bleu_with_penalty_turned_over,),
        ),
        Misconception(
            m.bleu_with_reward_for_the_long,
            "It looks as if long translations are rewarded. The factor exp(1 - r / c) is at most "
            "1: take the minimum.",
        ),
        Misconception(
            m.bleu_with_plain_ratio,
            "It looks as if the penalty is c / r. It is exp(1 - r / c).",
        ),
        Misconception(
            m.bleu_by_arithmetic_mean,
            "It looks as if the shares are averaged by their sum. BLEU takes the geometric mean: "
            "the mean of the logarithms, then exp.",
        ),
        Misconception(
            m.bleu_by_product,
            "It looks as if the shares are multiplied and the root is missing. Divide the sum of "
            "the logarithms by max_order.",
        ),
        Misconception(
            m.bleu_of_the_longest_runs,
            "It looks as if only one length of runs is counted. All from 1 to max_order are.",
            also=(m.bleu_of_single_words,),
        ),
        Misconception(
            m.bleu_sentence_by_sentence,
            "It looks as if each sentence gets a score, and these are averaged. Add up counts and "
            "lengths over the whole corpus before you divide.",
            also=(m.bleu_with_a_mean_of_shares,),
        ),
        Misconception(
            m.bleu_divided_by_the_reference,
            "It looks as if matches are divided by the runs of the reference. Divide by those of "
            "the candidate.",
        ),
        Misconception(
            m.bleu_with_references_added_up,
            "It looks as if the counts of several references are added up. Take the largest of "
            "them: allowed |= …",
        ),
        Misconception(
            m.bleu_with_the_first_reference,
            "It looks as if only the first reference is read. A run counts when any of them has "
            "it.",
        ),
        Misconception(
            m.bleu_with_the_first_length,
            "It looks as if r is not the length of the nearest reference. For each candidate take "
            "the reference whose length is nearest to it.",
            also=(m.bleu_with_the_longest_length, m.bleu_with_the_shortest_length),
        ),
        Misconception(
            m.bleu_with_the_longer_of_two,
            "It looks as if, of two references equally near in length, r takes the longer or the "
            "first. It takes the shorter.",
            also=(m.bleu_with_the_first_of_two,),
        ),
        Misconception(
            m.bleu_divides_before_it_looks,
            "It looks as if a share is computed where there are no runs of that length: 0 divided "
            "by 0. When no run is shared, return 0.0 before you divide.",
        ),
        Misconception(
            m.bleu_with_a_small_number,
            "It looks as if a tiny number stands for a share of 0, so that its logarithm exists. "
            "When no run of some order is shared, BLEU is 0.0.",
            also=(m.bleu_with_a_tiny_number,),
        ),
        Misconception(
            m.bleu_leaving_out_zeros,
            "It looks as if orders without a match are left out of the mean. One share of 0 makes "
            "the whole score 0.",
        ),
        Misconception(
            m.bleu_always_to_four,
            "It looks as if runs of up to four are always counted. Count up to max_order.",
        ),
        Misconception(
            m.bleu_in_per_cent,
            "This is BLEU in per cent, as papers print it. Here it goes from 0 to 1.",
        ),
    ),
    alternatives=(m.bleu_by_powers, m.bleu_counting_by_hand),
    points=3,
    minutes=20,
    difficulty=3,
)
