"""Chapter 1, third part: pairs, noise and the loss of word2vec.

A random function is judged by its support and by exact binomial tests.
"""

import math
from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.chances import improbable
from autograder.exercises import _ch01_mistakes as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception
from minitransformer import embeddings

Values = dict[str, Any]


# skip_gram_pairs and their number


def _different_ids(draw: Draw, seq: int) -> list[int]:
    return draw.random.sample(range(5, 60), seq)


def _narrow(draw: Draw) -> Values:
    return {"ids": _different_ids(draw, draw.size(4, 8)), "window": 1}


def _wide(draw: Draw) -> Values:
    return {"ids": _different_ids(draw, draw.size(8, 11)), "window": draw.size(2, 3)}


def _wider_than_sentence(draw: Draw) -> Values:
    seq = draw.size(3, 5)
    return {"ids": _different_ids(draw, seq), "window": seq + draw.size(1, 4)}


def _word_again(draw: Draw) -> Values:
    a, b, c, d = _different_ids(draw, 4)
    return {"ids": [a, b, a, c, d, d], "window": draw.size(2, 3)}


def _pairs_of_tensor(draw: Draw) -> Values:
    inputs = _wide(draw)
    return {"ids": torch.tensor(inputs["ids"]), "window": inputs["window"]}


def _edge_sentences(draw: Draw) -> Values:
    a, b = _different_ids(draw, 2)
    return {
        "pairs of no words": {"ids": [], "window": 2},
        "pairs of one word": {"ids": [a], "window": 2},
        "pairs of two words": {"ids": [a, b], "window": 1},
    }


def _other_order(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    got, wanted = ([tuple(map(int, pair)) for pair in v["result"]] for v in (observed, expected))
    if got != wanted and sorted(got) == sorted(wanted):
        text = "These are the right pairs, in another order: by the center's place, left to right."
        return Failure(text, "order")
    return None


skip_gram_pairs = Exercise(
    id="skip_gram_pairs",
    title="each word with its neighbours",
    reference=embeddings.skip_gram_pairs,
    cases=(
        Case("a window of 1 reaches the direct neighbours", _narrow, holds=_other_order),
        Case("a wider window reaches both ways", _wide, holds=_other_order),
        Case("a window wider than the sentence stops at its ends", _wider_than_sentence),
        Case("a word that occurs twice is its own neighbour", _word_again),
        Case("the ids may come as a tensor", _pairs_of_tensor),
        Case("no word, one word, two words", _edge_sentences, probe=probes.several),
        Case("the ids are left as they were", _wide, probe=probes.untouched, guard=True),
    ),
    hints=(
        "Two loops: one over the places of the centers, one over the places around each center.",
        "Around place i, the window goes from i - window to i + window, but never below 0 and "
        "never past len(ids) - 1. Compare places, not words, to leave the center out.",
        "The inner loop runs over range(max(0, i - window), min(len(ids), i + window + 1)). "
        "Inside, when j is not i, append the pair of ids at i and j.",
    ),
    misconceptions=(
        Misconception(
            m.pairs_with_itself,
            "It looks as if each word is paired with itself. Leave out the place of the center.",
        ),
        Misconception(
            m.looks_right_only,
            "It looks as if only the words on the right are taken. The window reaches to the left "
            "as well.",
        ),
        Misconception(
            m.window_cut_short,
            "It looks as if the last place of the window is missing. range stops before its end: "
            "add 1.",
        ),
        Misconception(
            m.window_starts_late,
            "It looks as if the first place of the window is missing. It begins window places "
            "before the center: at i - window.",
        ),
        Misconception(
            m.last_word_left_out,
            "It looks as if the last word is nobody's neighbour. range stops before its end, so it "
            "may run to len(ids).",
        ),
        Misconception(
            m.only_full_windows,
            "It looks as if only words with a full window are centers. Words near the ends have "
            "fewer neighbours, but they have some.",
        ),
        Misconception(
            m.places_not_words,
            "It looks as if the pairs hold places, not words. Append ids[i] and ids[j].",
        ),
        Misconception(
            m.nearest_first,
            "It looks as if these are the right pairs in another order. Go through each window "
            "from left to right.",
            also=(
                m.nearest_first_right_first,
                m.right_side_first,
                m.left_side_backwards,
                m.both_at_once,
            ),
        ),
        Misconception(
            m.distance_outside,
            "It looks as if the pairs are ordered by distance. Let the outer loop run over the "
            "centers, the inner one over the window, both from left to right.",
            also=(m.distance_outside_right_first, m.shift_outside, m.distance_both_ways),
        ),
        Misconception(
            m.compares_words,
            "It looks as if equal words are never paired. The center is left out by its place, "
            "not by its word: compare i and j.",
        ),
        Misconception(
            m.wraps_around,
            "It looks as if the window begins below 0 at the start of the sentence: a negative "
            "index counts from the end. Let the window begin at max(0, …).",
            also=(m.wraps_around_and_stops, m.slices_from_below_zero),
        ),
        Misconception(
            m.first_place_of_a_word,
            "It looks as if a word that occurs twice is both times taken at its first place: index "
            "finds the first. Count the places: for i, center in enumerate(ids).",
        ),
        Misconception(
            m.context_first,
            "It looks as if the context stands before the center. The pair is (center, context).",
        ),
    ),
    alternatives=(m.pairs_by_slices, m.pairs_by_distance),
    points=2,
    minutes=12,
    difficulty=2,
)


def _fitting(draw: Draw) -> Values:
    window = draw.size(2, 5)
    return {"seq": 2 * window + draw.size(3, 20), "window": window}


def _edge_counts(draw: Draw) -> Values:
    return {
        "pairs of one word": {"seq": 1, "window": draw.size(2, 6)},
        "pairs of two words": {"seq": 2, "window": draw.size(2, 6)},
        "pairs of three words, window 1": {"seq": 3, "window": 1},
    }


count_skip_gram_pairs = Exercise(
    id="count_skip_gram_pairs",
    title="how many pairs will there be",
    reference=embeddings.count_skip_gram_pairs,
    cases=(
        Case("the window fits into the sentence", _fitting),
        Case("a window of 1", lambda draw: {"seq": draw.size(4, 30), "window": 1}),
        Case(
            "a window wider than the sentence",
            lambda draw: {"seq": (seq := draw.size(3, 8)), "window": seq + draw.size(1, 9)},
        ),
        Case("very short sentences", _edge_counts, probe=probes.several, guard=True),
        Case(
            "a long text",
            lambda draw: {"seq": draw.size(20_000, 30_000), "window": draw.size(5, 9)},
        ),
    ),
    hints=(
        "Count by distance. How many pairs of places lie exactly 1 apart in a sentence of 5 "
        "words? How many lie exactly 2 apart?",
        "At distance d there are seq - d pairs of places, and each gives two pairs of words, since "
        "either can be the center. Distances run from 1 to window, but no further than seq - 1.",
        "With w = min(window, seq - 1), add up 2 (seq - d) for d = 1 … w. The sum of 1 … w is "
        "w (w + 1) / 2, which leaves w times a bracket with seq and w in it.",
    ),
    misconceptions=(
        Misconception(
            m.forgets_the_edges,
            "It looks as if every word has 2 · window neighbours. Near the ends of the sentence "
            "there are fewer.",
        ),
        Misconception(
            m.one_side_only,
            "It looks as if each pair of places is counted once. It counts twice: either word can "
            "be the center.",
        ),
        Misconception(
            m.counts_itself,
            "It looks as if every word is counted with itself. The center is not its own context.",
        ),
        Misconception(
            m.window_beyond_sentence,
            "It looks as if the window may be wider than the sentence. No two words are further "
            "apart than seq - 1.",
            also=(m.window_beyond_sentence_above_zero,),
        ),
        Misconception(
            m.largest_distance_left_out,
            "It looks as if the largest distance is left out. range stops before its end, and the "
            "distances run from 1 to window.",
        ),
        Misconception(
            m.one_edge_only,
            "It looks as if the pairs that are missing at the ends are taken off once. They are "
            "missing at both ends of the sentence.",
        ),
        Misconception(
            m.full_windows_only,
            "It looks as if words near the ends are not counted. They have fewer neighbours, but "
            "they have some.",
        ),
    ),
    alternatives=(m.count_by_distance, m.count_by_place),
    stands_on=("skip_gram_pairs",),
    points=1,
    minutes=8,
    difficulty=2,
    kind="predict",
)


# noise_distribution


def _counts(draw: Draw) -> Tensor:
    counts = draw.integers(2, 60, draw.size(4, 9))
    counts[draw.size(0, len(counts) - 1)] = 200  # one word that is far ahead
    return counts


def _sums_to_one(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    total = float(observed["result"].sum())
    if abs(total - 1) > 1e-4:
        return Failure(f"The probabilities sum to {total:.3g}, and should sum to 1.", "sum")
    return None


def _never_seen(draw: Draw) -> Values:
    counts = _counts(draw)
    counts[counts.argmin()] = 0
    return {"counts": counts}


noise_distribution = Exercise(
    id="noise_distribution",
    title="which words make good noise",
    reference=embeddings.noise_distribution,
    cases=(
        Case(
            "the probabilities sum to 1",
            lambda draw: {"counts": _counts(draw)},
            holds=_sums_to_one,
        ),
        Case(
            "the power is the one that was asked for",
            lambda draw: {
                "counts": _counts(draw),
                "power": draw.choice((0.25, 0.4, 0.5)),
            },
            holds=_sums_to_one,
        ),
        Case(
            "a power of 1 leaves the shares as they are",
            lambda draw: {"counts": _counts(draw), "power": 1.0},
        ),
        Case("a word that never occurs has probability 0", _never_seen),
        Case(
            "float64 counts give float64 probabilities",
            lambda draw: {"counts": _counts(draw).double()},
        ),
        Case(
            "the counts are left as they were",
            lambda draw: {"counts": _counts(draw).float()},
            probe=probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "First the power, then the division that makes the sum 1. The order matters.",
        "counts**power raises every count, and a sum() over the vocabulary gives the number to "
        "divide by.",
        "Name the raised counts weights; the result is weights divided by weights.sum(). With the "
        "parameter power, not with the number 0.75.",
    ),
    misconceptions=(
        Misconception(
            m.no_power,
            "It looks as if the power is missing. Raise the counts to the power before you divide "
            "by their sum.",
        ),
        Misconception(
            m.power_after_dividing,
            "It looks as if the power is taken after the division, so the sum is no longer 1. "
            "Raise first, then divide by the sum of what you raised.",
        ),
        Misconception(
            m.always_three_quarters,
            "It looks as if the power is always 0.75. Use the parameter power.",
        ),
        Misconception(
            m.inverse_power,
            "It looks as if the root is the wrong way round: the power is 1 / power. A power below "
            "1 must lift the rare words.",
        ),
        Misconception(
            m.always_float32,
            "It looks as if everything becomes float32. Leave counts that are floating point in "
            "their own dtype.",
        ),
    ),
    alternatives=(m.noise_after_sharing, m.noise_by_loop),
    points=1,
    minutes=6,
    difficulty=1,
)


# sample_negatives


def _badly_drawn(ids: Tensor, probabilities: Tensor) -> Failure | None:
    """What says that these are not independent draws with these probabilities."""
    p = (probabilities.double() / probabilities.double().sum()).tolist()
    if int(ids.min()) < 0 or int(ids.max()) >= len(p):
        return Failure(f"Some ids are not in 0..{len(p) - 1}.", "range")
    counts = torch.bincount(ids.flatten(), minlength=len(p)).tolist()
    never = [word for word, count in enumerate(counts) if count and p[word] == 0]
    if never:
        return Failure(f"The id {never[0]} was drawn, and has probability 0.", "support")
    strange = _unfitting(counts, p)
    if strange is None:
        return DEPENDENT if _dependent(ids, p) else None
    share = counts[strange] / ids.numel()
    text = f"The id {strange} makes up {share:.3f} of the draws, and should be {p[strange]:.3f}."
    for name, other in _mistaken(probabilities.double()).items():
        if _unfitting(counts, other.tolist()) is None:
            return Failure(text, f"frequency of {name}")
    own = [count / ids.numel() for count in counts]  # whatever they follow, are they independent?
    return DEPENDENT if _dependent(ids, own) else Failure(text, "frequency")


DEPENDENT = Failure("Neighbouring draws depend on each other.", "dependent")


def _mistaken(p: Tensor) -> dict[str, Tensor]:
    """Distributions that are drawn from by mistake."""
    known = {
        "equal words": torch.ones_like(p),
        "a softmax": p.softmax(0),
        "a power": p**0.75,
        "the rest": 1 - p,
    }
    return {name: weights / weights.sum() for name, weights in known.items()}


def _unfitting(counts: list[int], p: list[float]) -> int | None:
    """The first word that comes too often or too rarely."""
    n = sum(counts)
    return next((w for w, count in enumerate(counts) if improbable(count, n, p[w])), None)


def _dependent(ids: Tensor, p: list[float]) -> bool:
    """Whether neighbours in a row or a column agree too often or too rarely."""
    agree = math.fsum(share * share for share in p)
    pairs = ids.flatten(0, -2) if ids.ndim > 1 else ids.reshape(1, -1)
    neighbours = ((pairs[0:-1:2], pairs[1::2]), (pairs[:, 0:-1:2], pairs[:, 1::2]))
    return any(
        first.numel() > 0 and improbable(int((first == second).sum()), first.numel(), agree)
        for first, second in neighbours
    )


def _probabilities(draw: Draw, words: int = 0) -> Tensor:
    """Skewed, in no order."""
    weights = 3.0 ** -torch.arange(words or draw.size(4, 6))
    order = list(range(len(weights)))
    draw.random.shuffle(order)
    weights = weights[order]
    return weights / weights.sum()


def _with_impossible(draw: Draw) -> Tensor:
    possible = _probabilities(draw)
    return torch.cat([torch.zeros(1), possible[:2], torch.zeros(1), possible[2:], torch.zeros(1)])


def _draws(draw: Draw, probabilities: Tensor, shape: tuple[int, ...]) -> Values:
    arguments = {"probabilities": probabilities, "shape": shape}
    seed = draw.seed()
    return {"arguments": arguments, "seed": seed, "other_seed": seed + draw.size(1, 99)}


def _shape(draw: Draw) -> tuple[int, ...]:
    return draw.choice(((1800, 2), (703, 5), (601, 6)))


def _drawn_well(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    return _badly_drawn(observed["draws"], inputs["arguments"]["probabilities"])


def _without_generator(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    return _badly_drawn(observed["result"], inputs["probabilities"])


def _with_repeats(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    ids = observed["draws"]
    if len(ids.unique()) == ids.numel():  # by chance: less than 1e-12
        return Failure("No word came twice.", "no repeats")
    return _drawn_well(observed, expected, inputs)


def _repeatable(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    if not torch.equal(observed["draws"], observed["draws again, same seed"]):
        return Failure("The same seed gave other draws.", "seed")
    if torch.equal(observed["draws"], observed["draws, another seed"]):
        return Failure("Another seed gave the same draws.", "another seed")
    return _drawn_well(observed, expected, inputs)


def _next_differ(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    if torch.equal(observed["draws"], observed["the next draws"]):
        return Failure("The generator was not used up: the next draws are the same.", "generator")
    if torch.equal(observed["draws of its own"], observed["the next of its own"]):
        return Failure("Without a generator, every call gives the same draws.", "own generator")
    return None


def _large_vocab(draw: Draw) -> Values:
    weights = draw.uniform(60, low=0.95, high=1.05)
    return _draws(draw, weights / weights.sum(), draw.choice(((6, 8), (8, 6), (12, 4))))


def _any_shape(draw: Draw) -> Values:
    probabilities = _probabilities(draw)
    shapes = {
        "draws in a row": (3001,),
        "draws in three axes": (draw.size(40, 50), 11, 7),
    }
    return {
        name: {"probabilities": probabilities, "shape": shape} for name, shape in shapes.items()
    }


def _each_shape(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    for name, arguments in inputs.items():
        failure = _badly_drawn(observed[name], arguments["probabilities"])
        if failure:
            return Failure(f"{name}: {failure.text}", failure.code)
    return None


sample_negatives = Exercise(
    id="sample_negatives",
    title="draw noise words",
    reference=embeddings.sample_negatives,
    cases=(
        Case(
            "words with probability 0 never come",
            lambda draw: _draws(draw, _with_impossible(draw), _shape(draw)),
            probe=probes.draws,
            holds=_drawn_well,
            values=False,
        ),
        Case(
            "each word comes as often as its probability says",
            lambda draw: _draws(draw, _probabilities(draw).double(), _shape(draw)),
            probe=probes.draws,
            holds=_drawn_well,
            values=False,
        ),
        Case(
            "a word may come more than once",
            _large_vocab,
            probe=probes.draws,
            holds=_with_repeats,
            values=False,
        ),
        Case(
            "the same seed gives the same draws, another seed others",
            lambda draw: _draws(draw, _probabilities(draw), _shape(draw)),
            probe=probes.draws,
            holds=_repeatable,
            values=False,
        ),
        Case(
            "every call draws anew, with a generator and without",
            lambda draw: _draws(draw, _probabilities(draw), _shape(draw)),
            probe=probes.draws_on,
            holds=_next_differ,
            values=False,
            trials=1,
        ),
        Case(
            "any shape can be asked for, and the generator may be left out",
            _any_shape,
            probe=probes.several,
            holds=_each_shape,
            values=False,
        ),
        Case(
            "the probabilities are left as they were",
            lambda draw: {"probabilities": _probabilities(draw), "shape": (3, 5)},
            probe=probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "torch has a function that draws numbers from a list of probabilities, in a row. How many "
        "draws does a shape need?",
        "torch.multinomial draws n of them. By default it never draws the same one twice, which is "
        "not what you want. It takes a generator by keyword.",
        "Draw math.prod(shape) ids with replacement=True and generator=generator, and then give "
        "the row its shape with view or reshape.",
    ),
    misconceptions=(
        Misconception(
            m.all_words_alike,
            "It looks as if all words are equally likely. Draw with the probabilities: "
            "torch.multinomial takes them.",
        ),
        Misconception(
            m.each_word_once,
            "It looks as if no word can come twice. Draw with replacement=True.",
        ),
        Misconception(
            m.forgets_the_generator,
            "It looks as if the generator is not used, so no seed can repeat the draws. Hand it on "
            "with generator=generator.",
        ),
        Misconception(
            m.same_seed_always,
            "It looks as if the seed is fixed inside the function. Draw from the generator that "
            "the caller hands over.",
        ),
        Misconception(
            m.begins_again_each_time,
            "It looks as if the draws begin again with every call. Draw from the generator itself: "
            "it goes on where it stopped. Do not start another with its seed.",
        ),
        Misconception(
            m.begins_again_without_generator,
            "It looks as if every call gives the same draws when no generator is handed over. Hand "
            "None on as it is: torch then uses a generator of its own.",
        ),
        Misconception(
            m.one_row_of_draws,
            "It looks as if all rows get the same draws. Draw math.prod(shape) ids, then shape "
            "them.",
        ),
        Misconception(
            m.power_once_more,
            "It looks as if the power 0.75 is applied once more. The probabilities are ready to "
            "use.",
        ),
        Misconception(
            m.softmax_once_more,
            "It looks as if the probabilities go through a softmax, which makes them nearly equal. "
            "They sum to 1 already and are ready to use.",
        ),
        Misconception(
            m.turned_around,
            "It looks as if the draw uses 1 - probabilities, so frequent words come rarely. The "
            "probabilities are ready to use.",
        ),
    ),
    alternatives=(m.negatives_by_search, m.negatives_by_gumbel),
    points=2,
    minutes=10,
    difficulty=2,
)


# negative_sampling_loss


def _pulled(draw: Draw, batch: int, k: int, d_model: int, scale: float = 1.0) -> Values:
    return {
        "center": draw.normal(batch, d_model, scale=scale),
        "context": draw.normal(batch, d_model, scale=scale),
        "negatives": draw.normal(batch, k, d_model, scale=scale),
    }


def _any_batch(draw: Draw) -> Values:
    return _pulled(draw, *draw.sizes(3, 2, 7))


def _doubles(draw: Draw) -> Values:
    return {name: value.double() for name, value in _any_batch(draw).items()}


def _all_zero(draw: Draw) -> Values:
    return {name: torch.zeros_like(value) for name, value in _any_batch(draw).items()}


def _log_two(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    k = inputs["negatives"].shape[1]
    if abs(float(observed["result"]) - (1 + k) * math.log(2)) > 1e-4:
        text = (
            f"All scores are 0, and sigma(0) is 1/2. One true word and {k} noise words "
            f"cost {1 + k} log 2."
        )
        return Failure(text, "log two")
    return None


negative_sampling_loss = Exercise(
    id="negative_sampling_loss",
    title="pull neighbours together, push noise away",
    reference=embeddings.negative_sampling_loss,
    cases=(
        Case("the formula, on vectors of any size", _any_batch),
        Case("vectors of zeros cost (1 + k) log 2", _all_zero, holds=_log_two),
        Case("one noise word", lambda draw: _pulled(draw, draw.size(3, 6), 1, 7)),
        Case("a batch of one pair", lambda draw: _pulled(draw, 1, draw.size(2, 5), 3)),
        Case(
            "huge scores do not overflow",
            lambda draw: _pulled(draw, 7, 5, draw.size(8, 11), scale=30.0),
        ),
        Case("float64 vectors give a float64 loss", _doubles),
        Case(
            "gradients flow to all three",
            lambda draw: {"arguments": _any_batch(draw), "cotangent_seed": draw.seed()},
            probe=probes.gradients,
        ),
        Case("the vectors are left as they were", _any_batch, probe=probes.untouched, guard=True),
    ),
    hints=(
        "First the scores. c · o is one number for each pair, shape (batch,). c · n_k is one "
        "number for each noise word, shape (batch, k).",
        "(center * context).sum(-1) gives the true scores. For the noise, give center an axis: "
        "center.unsqueeze(1) has shape (batch, 1, d_model). F.logsigmoid is the log of a sigmoid.",
        "Add F.logsigmoid of the true scores and F.logsigmoid of minus the noise scores, the noise "
        "summed over its last axis. Then the mean over the batch, and a minus in front.",
    ),
    misconceptions=(
        Misconception(
            m.noise_pulled_in,
            "It looks as if the noise words are pulled in like neighbours. Put a minus before "
            "their scores, inside the sigmoid.",
        ),
        Misconception(
            m.no_minus_sign,
            "It looks as if the minus in front is missing. A loss gets smaller as things get "
            "better.",
        ),
        Misconception(
            m.mean_over_noise,
            "It looks as if the noise words are averaged. The formula sums over them: only the "
            "batch is averaged.",
        ),
        Misconception(
            m.sum_over_batch,
            "It looks as if the batch is summed. Take its mean, or the loss grows with the batch.",
        ),
        Misconception(
            m.one_loss_per_pair,
            "It looks as if every pair keeps a loss of its own. Return one number, the mean over "
            "the batch.",
        ),
        Misconception(
            m.squeezes_too_much,
            "It looks as if squeeze() takes away an axis too many where a size happens to be 1, "
            "as with one noise word. Name the axis: squeeze(-1).",
        ),
        Misconception(
            m.no_logarithm,
            "It looks as if the log is missing. The formula adds up log σ(…): F.logsigmoid.",
        ),
        Misconception(
            m.log_after_sigmoid,
            "It looks as if the log is taken of a sigmoid that has run down to 0; a small number "
            "added only hides that. F.logsigmoid does both in one step, and never gives infinity.",
            also=(
                m.log_after_sigmoid_plus_1e6,
                m.log_after_sigmoid_plus_1e7,
                m.log_after_sigmoid_plus_1e8,
                m.log_after_sigmoid_plus_1e9,
                m.log_after_sigmoid_plus_1e10,
                m.log_after_sigmoid_plus_1e12,
            ),
        ),
        Misconception(
            m.minus_before_the_noise,
            "It looks as if the minus stands before the logarithms of the noise. It belongs to "
            "the scores, inside the sigmoid.",
        ),
        Misconception(
            m.truth_for_each_noise_word,
            "It looks as if the true neighbour is counted once for each noise word. Sum the noise "
            "first, (batch,), and add the true neighbour once.",
        ),
        Misconception(
            m.one_sigmoid_for_the_noise,
            "It looks as if the noise scores are summed before the sigmoid. Each noise word has a "
            "sigmoid and a logarithm of its own; sum those.",
        ),
        Misconception(
            m.mean_over_all_words,
            "It looks as if the mean runs over the true and the noise words too. Sum them for each "
            "pair: only the batch is averaged.",
        ),
        Misconception(
            m.loss_without_noise,
            "It looks as if the noise words cost nothing. Add log σ of minus each of their scores.",
        ),
        Misconception(
            m.loss_cut_off,
            "The number is right, but it is cut off from the vectors (by item(), detach or "
            "no_grad), so nothing could be learned from it. Return the tensor as it was computed.",
        ),
        Misconception(
            m.noise_against_context,
            "It looks as if the noise words are compared with the context. They belong to the "
            "center: c · n_k.",
        ),
    ),
    alternatives=(m.loss_by_softplus, m.loss_by_loops, m.loss_as_classifier),
    points=3,
    minutes=15,
    difficulty=4,
)
