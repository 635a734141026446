"""Chapter 4, second part: which sentences follow each other.

A random function is judged by what must hold of every draw, and by exact binomial tests. The
documents are few and long, so that what can go wrong does go wrong in every draw.
"""

import math
from typing import Any

from autograder import probes
from autograder.chances import FALSE_ALARM, improbable
from autograder.exercises import _ch04_mistakes_draws as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import masking

Inputs = dict[str, Any]
Documents = list[list[str]]


def _documents(draw: Draw, count: int = 0, length: int = 0) -> Documents:
    """Sentences that all differ; every document has as many as the others."""
    count, length = count or draw.size(3, 5), length or draw.size(100, 130)
    names = draw.random.sample("abcdefghijklmnopqrstuvwxyz", count)
    return [[f"{name}{place}" for place in range(length)] for name in names]


def _draws(draw: Draw, documents: Documents) -> Inputs:
    seed = draw.seed()
    arguments = {"documents": documents}
    return {"arguments": arguments, "seed": seed, "other_seed": seed + draw.size(1, 99)}


def in_order(drawn: Any) -> list[tuple[str, str, bool]]:
    """The pairs, from a list or from what `probes.draws_in_places` makes of it."""
    if isinstance(drawn, list | tuple):
        return [(first, second, bool(follows)) for first, second, follows in drawn]
    return [(first, second, bool(follows)) for _, first, second, follows in sorted(drawn)]


def badly_begun(got: list[str], documents: Documents) -> Failure | None:
    """Whether each sentence that has a next one begins one pair, in the order of the text."""
    firsts = [sentence for one in documents for sentence in one[:-1]]
    lasts = {one[-1] for one in documents if one}
    if got == firsts:
        return None
    text = "Each sentence that has a next one should begin one pair, in the order of the text."
    if [sentence for sentence in got if sentence not in lasts] == firsts:
        return Failure("The last sentence of a document has no next one.", "a last one")
    for code, part in (("every other", slice(None, -1, 2)), ("not the first", slice(1, -1))):
        if got == [sentence for one in documents for sentence in one[part]]:
            return Failure(text, code)
    if got == [sentence for one in documents for sentence in one[:-2]]:
        return Failure(text, "not the last but one")
    if sorted(got) == sorted(firsts * 2):
        return Failure("Each sentence that has a next one begins two pairs.", "twice")
    return Failure(text, "another order" if sorted(got) == sorted(firsts) else "first sentences")


def badly_paired(pairs: list[tuple[str, str, bool]], documents: Documents) -> Failure | None:
    """What says that these are not half true and half random pairs of the documents."""
    place = {sentence: (d, s) for d, one in enumerate(documents) for s, sentence in enumerate(one)}
    failure = badly_begun([first for first, _, _ in pairs], documents)
    if failure:
        return failure
    true = [bool(follows) for _, _, follows in pairs]
    follows = [place[a][0] == place[b][0] and place[b][1] == place[a][1] + 1 for a, b, _ in pairs]
    if any(said and not really for said, really in zip(true, follows, strict=True)):
        text = "A pair says True, and its second sentence is not the next one."
        inverted = not any(said and really for said, really in zip(true, follows, strict=True))
        return Failure(text, "inverted" if inverted else "not the next")
    apart = [
        (place[a][0], *place[b]) for (a, b, _), said in zip(pairs, true, strict=True) if not said
    ]
    failure = _unfair(true)
    if any(own == other for own, other, _ in apart):
        text = "A pair says False, and both sentences come from one document."
        return Failure(text, f"same document, {failure.code if failure else 'half'}")
    return failure or _badly_spread(apart, documents)


def _unfair(true: list[bool]) -> Failure | None:
    n, count = len(true), sum(true)
    if improbable(count, n, 0.5):
        known = {"none": 0.0, "all": 1.0, "15 %": 0.15, "85 %": 0.85, "80 %": 0.8, "20 %": 0.2}
        fits = [name for name, share in known.items() if not improbable(count, n, share)]
        return Failure(f"{count} of {n} pairs are true, and about half should be.", f"share {fits}")
    agree = sum(one == other for one, other in zip(true[0::2], true[1::2], strict=False))
    if improbable(agree, n // 2, 0.5):
        return Failure("Whether a pair is true depends on the pair before it.", "dependent")
    return None


def _badly_spread(apart: list[tuple[int, int, int]], documents: Documents) -> Failure | None:
    """Random sentences come from all places of all other documents."""
    n, many = len(apart), len(documents)
    if n > 30 and len(set(apart)) <= many:
        return Failure("The random sentence of a document is always the same one.", "one sentence")
    steps = [(other - own) % many for own, other, _ in apart]
    for step in range(1, many):
        if improbable(steps.count(step), n, 1 / (many - 1)):
            return Failure("Not every other document is drawn from equally often.", "documents")
    half = len(documents[0]) // 2
    early = sum(place < half for _, _, place in apart)
    if improbable(early, n, half / len(documents[0])):
        return Failure("The random sentences come from one end of their documents.", "places")
    if n > 100 and len({(other, place) for _, other, place in apart}) < n / 4:
        return Failure("The same random sentences come again and again.", "repeats")
    return _never_twice(apart, documents)


def _never_twice(apart: list[tuple[int, int, int]], documents: Documents) -> Failure | None:
    """Whether a sentence that was drawn for a document is not drawn for it again."""
    if len(set(apart)) < len(apart):
        return None
    total, meetings = sum(map(len, documents)), 0.0
    for number, document in enumerate(documents):
        count = sum(own == number for own, _, _ in apart)
        meetings += count * (count - 1) / 2 / (total - len(document))
    if math.exp(-meetings) > FALSE_ALARM:  # about the chance that no two draws meet
        return None
    return Failure("No random sentence comes twice: each draw is from all of them.", "put aside")


def _texts(draw: Draw) -> Inputs:
    return {f"pairs of text {n}": {"documents": _documents(draw, 2, 60)} for n in range(1, 9)}


def _count_varies(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """By chance exactly half of the pairs are true in all the texts: less than 1 in 10^9."""
    for name, arguments in inputs.items():
        failure = badly_paired(in_order(observed[name]), arguments["documents"])
        if failure:
            return Failure(f"{name}: {failure.text}", failure.code)
    texts = [in_order(one) for one in observed.values()]
    if all(2 * sum(follows for _, _, follows in text) == len(text) for text in texts):
        said = "Of each text exactly half of the pairs are true. Decide for each pair on its own."
        return Failure(said, "exactly half")
    return None


def _well_paired(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    documents = inputs.get("arguments", inputs)["documents"]
    return badly_paired(in_order(observed.get("draws", observed.get("result"))), documents)


def _repeatable(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if observed["draws"] != observed["draws again, same seed"]:
        return Failure("The same seed gave other draws.", "seed")
    if observed["draws"] == observed["draws, another seed"]:
        return Failure("Another seed gave the same draws.", "another seed")
    return _well_paired(observed, expected, inputs)


def _small_and_large(draw: Draw) -> Documents:
    """Between two long documents, some of one sentence, which begin no pair."""
    long = _documents(draw, 2)
    return [["alone 1"], long[0], ["alone 2"], long[1], ["alone 3"]]


def _no_pair_across(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    documents, pairs = inputs["arguments"]["documents"], in_order(observed["draws"])
    failure = badly_begun([first for first, _, _ in pairs], documents)
    if failure:
        return failure
    own = {sentence: number for number, one in enumerate(documents) for sentence in one}
    for first, second, follows in pairs:
        if bool(follows) != (own[first] == own[second]):
            text = f"The pair {first!r}, {second!r} says {bool(follows)}."
            return Failure(text, "label")
    return None


def _beside_a_short_one(draw: Draw) -> Documents:
    """A long document, whose random sentences can only be the three of a short one."""
    name, other = draw.random.sample("abcdefghijklmnopqrstuvwxyz", 2)
    return [[f"{name}{place}" for place in range(200)], [f"{other}{place}" for place in range(3)]]


def _every_one_is_drawn(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    failure = _no_pair_across(observed, expected, inputs)
    if failure:
        return failure
    long, short = inputs["arguments"]["documents"]
    pairs = in_order(observed["draws"])
    drawn = {second for first, second, follows in pairs if first in long and not follows}
    missing = [sentence for sentence in short if sentence not in drawn]  # by chance: below 1e-12
    if not missing:
        return None
    text = f"Of the three sentences of the other document {missing[0]!r} is never drawn."
    known = {tuple(short): "nothing drawn", (short[0],): "never the first"}
    known[short[-1],] = "never the last"
    return Failure(text, "one sentence" if len(drawn) == 1 else known.get(tuple(missing), "never"))


def _many_of_two(draw: Draw) -> Documents:
    """Each begins one pair; so many that no random sentence comes twice as a rule."""
    return [[f"{number} a", f"{number} b"] for number in range(draw.size(60, 80))]


def _of_all_lengths(draw: Draw) -> Inputs:
    two, long = _many_of_two(draw), [_documents(draw, 1, draw.size(5, 6))[0] for _ in range(60)]
    return {"short documents": {"documents": two}, "long and short": {"documents": long + two}}


def _one_pair_each(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    documents, pairs = inputs["arguments"]["documents"], in_order(observed["draws"])
    failure = badly_begun([first for first, _, _ in pairs], documents)
    if failure:
        return failure
    follows = [
        second == document[1] for (_, second, _), document in zip(pairs, documents, strict=True)
    ]
    if any(said and not really for (_, _, said), really in zip(pairs, follows, strict=True)):
        return Failure("A pair says True, and its second sentence is not the next one.", "label")
    return None


next_sentence_pairs = Exercise(
    id="next_sentence_pairs",
    title="half true, half random",
    reference=masking.next_sentence_pairs,
    cases=(
        Case(
            "a true pair is a sentence and the next one",
            lambda draw: _draws(draw, _documents(draw, 3)),
            probes.draws_in_places,
            holds=_well_paired,
            values=False,
        ),
        Case(
            "a random second sentence comes from another document",
            lambda draw: _draws(draw, _documents(draw, 2)),
            probes.draws_in_places,
            holds=_well_paired,
            values=False,
        ),
        Case(
            "half of the pairs are true, each decided on its own",
            lambda draw: _draws(draw, _documents(draw, 4, 180)),
            probes.draws_in_places,
            holds=_well_paired,
            values=False,
        ),
        Case(
            "how many pairs are true is left to chance",
            _texts,
            probes.several,
            holds=_count_varies,
            values=False,
            trials=1,
        ),
        Case(
            "the last sentence of a document begins no pair",
            lambda draw: _draws(draw, _small_and_large(draw)),
            probes.draws_in_places,
            holds=_no_pair_across,
            values=False,
        ),
        Case(
            "every sentence of the other documents may be drawn",
            lambda draw: _draws(draw, _beside_a_short_one(draw)),
            probes.draws_in_places,
            holds=_every_one_is_drawn,
            values=False,
        ),
        Case(
            "a document of two sentences begins one pair",
            lambda draw: _draws(draw, _many_of_two(draw)),
            probes.draws_in_places,
            holds=_one_pair_each,
            values=False,
        ),
        Case(
            "the same seed gives the same draws, another seed others",
            lambda draw: _draws(draw, _documents(draw)),
            probes.draws_in_places,
            holds=_repeatable,
            values=False,
        ),
        Case(
            "the generator may be left out",
            lambda draw: {"documents": _documents(draw)},
            holds=_well_paired,
            values=False,
        ),
        Case(
            "nothing is raised, however long the documents are",
            _of_all_lengths,
            probes.errors,
            guard=True,
        ),
        Case(
            "the documents are left as they were",
            lambda draw: {"documents": _documents(draw, 3, 5)},
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "Two loops: over the documents, and in each over the places that have a next sentence. For "
        "each place flip a coin, and take either the next sentence or a random one.",
        "torch.rand(1, generator=generator).item() < 0.5 is a fair coin. torch.randint(n, (1,), "
        "generator=generator).item() is a random number from 0 to n - 1; n is how many sentences "
        "the other documents have together.",
        "For document number d: others = [s for k, doc in enumerate(documents) if k != d for s in "
        "doc]. Then for place in range(len(document) - 1) append either (document[place], "
        "document[place + 1], True) or (document[place], others[drawn], False).",
    ),
    misconceptions=(
        Misconception(
            m.pairs_all_true,
            "It looks as if every pair is true. Half of them should get a random second sentence.",
        ),
        Misconception(
            m.pairs_all_random,
            "It looks as if every second sentence is random. Half of them should be the next "
            "sentence.",
        ),
        Misconception(
            m.pairs_from_own_document,
            "It looks as if a random sentence may come from the same document. It could be the "
            "true next one, and its label would be wrong: draw from the other documents.",
            also=(m.pairs_but_not_the_next,),
        ),
        Misconception(
            m.pairs_labels_inverted,
            "It looks as if the labels are exchanged. True says that the second sentence follows.",
        ),
        Misconception(
            m.pairs_in_turn,
            "It looks as if true and random take turns. Flip a coin for each pair.",
            also=(m.pairs_coin_a_document,),
        ),
        Misconception(
            m.pairs_exactly_half,
            "It looks as if exactly half of the pairs are made true. Flip a coin for each pair, "
            "and let chance say how many it will be.",
        ),
        Misconception(
            m.pairs_without_replacement,
            "It looks as if a random sentence that was drawn is not drawn again. Draw each from "
            "all sentences of the other documents, whatever came before.",
        ),
        Misconception(
            m.pairs_across_documents,
            "It looks as if the last sentence of a document is followed by the first of the next. "
            "It has no next one, and begins no pair.",
            also=(m.pairs_with_the_last,),
        ),
        Misconception(
            m.pairs_without_overlap,
            "It looks as if each sentence is used in one pair only. Every sentence that has a next "
            "one begins a pair: the places 0, 1, 2, …",
        ),
        Misconception(
            m.pairs_both_random,
            "It looks as if the first sentence is drawn at random too. Only the second one is; the "
            "first goes through the text in order.",
        ),
        Misconception(
            m.pairs_from_next_document,
            "It looks as if the random sentence always comes from one and the same other document. "
            "Draw from all of them.",
        ),
        Misconception(
            m.pairs_never_a_first_sentence,
            "It looks as if the first sentence of a document is never drawn as a random one. "
            "Where do the sentences, or the numbers you draw, begin?",
            also=(m.pairs_drawn_from_1,),
        ),
        Misconception(
            m.pairs_never_a_last_sentence,
            "It looks as if the last sentence of a document is never drawn as a random one. It "
            "begins no pair, but may well be a second sentence.",
            also=(m.pairs_drawn_to_n_minus_2,),
        ),
        Misconception(
            m.pairs_one_random_sentence,
            "It looks as if the random sentence is drawn once, or is not drawn at all: all pairs "
            "of a document get the same one. Draw again for each pair.",
            also=(m.pairs_with_the_first_of_the_others,),
        ),
        Misconception(
            m.pairs_two_a_sentence,
            "It looks as if each sentence begins two pairs, a true one and a random one. Flip a "
            "coin, and make one of the two.",
        ),
        Misconception(
            m.pairs_not_from_the_first,
            "It looks as if the first sentence of a document begins no pair. Let the places begin "
            "at 0.",
        ),
        Misconception(
            m.pairs_stop_too_soon,
            "It looks as if the last pair of each document is missing. Which is the last sentence "
            "that has a next one, and does your loop reach it?",
        ),
        Misconception(
            m.pairs_beyond_the_end,
            "It looks as if your loop also comes to the last sentence of a document, and asks for "
            "the one after it. Stop one place earlier.",
        ),
        Misconception(
            m.pairs_place_of_the_own_document,
            "It looks as if the place in the other document is drawn by the length of the own "
            "one. Draw it by the length of the document that it is for.",
        ),
        Misconception(
            m.pairs_without_generator,
            "It looks as if the generator is not used, so no seed can repeat the draws. Hand it on "
            "with generator=generator each time you draw.",
            also=(m.pairs_by_python_random,),
        ),
        Misconception(
            m.pairs_with_fixed_seed,
            "It looks as if the seed is fixed inside the function. Draw from the generator that "
            "the caller hands over.",
        ),
    ),
    alternatives=(m.pairs_document_first, m.pairs_draw_again, m.pairs_coins_at_once),
    points=3,
    minutes=15,
    difficulty=3,
)
