"""Chapter 5, first part: byte-pair encoding."""

from typing import Any

from autograder import probes
from autograder.exercises import _ch05_mistakes_bpe as m
from autograder.spec import Case, Draw, Exercise, Misconception
from minitransformer import bpe, pair_merging

Inputs = dict[str, Any]
Word = tuple[str, ...]


def _word(draw: Draw, letters: str, low: int, high: int) -> Word:
    return tuple(draw.choice(letters) for _ in range(draw.size(low, high)))


def _words(
    draw: Draw, letters: str = "abcde", number: int = 6, low: int = 2, high: int = 6, least: int = 2
) -> dict[Word, int]:
    """Different words with different counts."""
    found: dict[Word, int] = {}
    counts = iter(draw.sizes(number, least, 3 * number + least))
    while len(found) < number:
        word = _word(draw, letters, low, high)
        if word not in found:
            found[word] = next(counts)
    return found


# count_pairs


def _with_repeats(draw: Draw) -> Inputs:
    """In some words one pair comes several times: banana, hmmm. One pair comes once in all."""
    first, second, other = draw.random.sample("klmnop", 3)
    words: dict[Word, int] = {
        (other, *(first, second) * draw.size(2, 3)): draw.size(2, 5),
        (first, second) * 2 + (other,): draw.size(6, 9),
        (second, *(other,) * draw.choice((3, 5))): draw.size(2, 5),
        ("x", "y"): 1,
    }
    return {"words": words | _words(draw, "abc", 3)}


def _with_merged(draw: Draw) -> Inputs:
    letters = draw.random.sample("abcdefgh", 4)
    symbols = [*letters, letters[0] + letters[1], letters[2] + letters[3], "".join(letters)]
    words: dict[Word, int] = {}
    while len(words) < 5:
        word = tuple(draw.choice(symbols) for _ in range(draw.size(2, 5)))
        words[word] = draw.size(2, 9)
    return {"words": words}


def _single_symbols(draw: Draw) -> Inputs:
    return {"words": {(letter,): draw.size(1, 9) for letter in draw.random.sample("abcdef", 3)}}


count_pairs = Exercise(
    id="count_pairs",
    title="which neighbours meet most often?",
    reference=pair_merging.count_pairs,
    cases=(
        Case("each pair of neighbours in a word counts", lambda draw: {"words": _words(draw)}),
        Case(
            "a pair counts each time it occurs in a word",
            _with_repeats,
        ),
        Case("symbols of several letters are symbols too", _with_merged),
        Case("a word of one symbol has no pair", _single_symbols, guard=True),
        Case(
            "the words are left as they were",
            lambda draw: {"words": _words(draw)},
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "Two loops: over the words with their counts, and inside over the neighbours of a word. "
        "How much does a pair add to its count each time?",
        "zip(word, word[1:]) gives the neighbours of a word, each pair as a tuple. A Counter "
        "begins at 0 for every key.",
        "for word, count in words.items(): for pair in zip(word, word[1:]): counts[pair] += count.",
    ),
    misconceptions=(
        Misconception(
            m.count_each_word_once,
            "It looks as if each word counts once. A pair in a word that occurs five times has "
            "occurred five times: add the word's count.",
        ),
        Misconception(
            m.count_a_pair_once_a_word,
            "It looks as if a pair counts once in a word, however often it stands there. In banana "
            "the pair (a, n) occurs twice.",
        ),
        Misconception(
            m.count_runs_without_overlap,
            "It looks as if a run such as mmm has its pair (m, m) once. Pairs may share a symbol: "
            "the first two and the last two are neighbours.",
        ),
        Misconception(
            m.count_across_words,
            "It looks as if pairs are counted across the end of a word. A pair lies inside one "
            "word: count word by word.",
            also=(m.count_across_different_words,),
        ),
        Misconception(
            m.count_joined,
            "It looks as if the keys are joined strings. Keep the pair as a tuple: from 'aba' "
            "alone nobody can tell (a, ba) from (ab, a).",
        ),
        Misconception(
            m.count_every_second_pair,
            "It looks as if every second pair is left out. Neighbouring pairs overlap: in abc "
            "there are (a, b) and (b, c).",
        ),
        Misconception(
            m.count_all_combinations,
            "It looks as if any two symbols of a word count. Only neighbours do.",
        ),
        Misconception(
            m.count_in_either_order,
            "It looks as if (a, b) and (b, a) are one pair. The order matters.",
        ),
        Misconception(
            m.count_overwrites,
            "It looks as if a later word overwrites the count of an earlier one. Add to it: +=.",
        ),
    ),
    alternatives=(m.count_by_zip, m.count_by_places),
    points=1,
    minutes=6,
    difficulty=1,
)


# merge_pair


def _spelled(draw: Draw) -> Inputs:
    """A word that holds the pair twice, its mirror image once, and other letters."""
    first, second, *others = draw.random.sample("abcdefgh", 5)
    parts = [(first, second), (first, second), (second, first, others[0]), (others[1],), others]
    draw.random.shuffle(parts)
    word = (others[2], *(symbol for part in parts for symbol in part))
    return {"word": word, "pair": (first, second)}


def _run(draw: Draw, length: int, behind: int = 1) -> Inputs:
    first, second = draw.random.sample("abcdefgh", 2)
    word = (second, *(first,) * length, *(second,) * behind)
    return {"word": word, "pair": (first, first)}


def _runs(draw: Draw) -> Inputs:
    return {f"a run of {n}": _run(draw, n) for n in (3, 4, 5)} | {
        "a run of 3 at the end": _run(draw, 3, 0)
    }


def _long_symbols(draw: Draw) -> Inputs:
    """The pair is of two symbols; others begin or end like it."""
    first, second, third, fourth = draw.random.sample("abcdefgh", 4)
    pair = (first + second, third)
    word = (fourth + first + second, third, first + second, third + fourth, *pair, fourth)
    return {"word": (*word, first, second + third), "pair": pair}


def _without_the_pair(draw: Draw) -> Inputs:
    first, second, *others = draw.random.sample("abcdefgh", 6)
    return {"word": (first, *others, second, others[0]), "pair": (first, second)}


def _at_the_end(draw: Draw) -> Inputs:
    first, second, *others = draw.random.sample("abcdefgh", 5)
    return {"word": (*others, first, second), "pair": (first, second)}


merge_pair = Exercise(
    id="merge_pair",
    title="a letter that is used twice",
    reference=pair_merging.merge_pair,
    cases=(
        Case("every occurrence of the pair becomes one symbol", _spelled),
        Case("in a run such as aaa no letter is used twice", _runs, probes.several),
        Case("only whole symbols are merged", _long_symbols),
        Case("a word without the pair stays as it is", _without_the_pair, guard=True),
        Case("a pair at the end", _at_the_end),
        Case("the word is left as it was", _spelled, probes.untouched, guard=True),
    ),
    hints=(
        "Go through the run (a, a, a) by hand with the pair (a, a), place by place. At which place "
        "does the code use a letter that has been used before?",
        "After a merge two symbols are done with, after any other step one. A for loop always "
        "takes one step; a while loop with a place of its own can take two.",
        "place = 0; while place < len(word): where word[place : place + 2] == pair, append the "
        "joined pair and add 2 to place; else append word[place] and add 1.",
    ),
    misconceptions=(
        Misconception(
            m.merge_overlapping,
            "In a run such as aaa one letter is still used twice. Follow its middle letter through "
            "the loop, place by place: in which new symbols does it end up?",
        ),
        Misconception(
            m.merge_first_only,
            "It looks as if only the first occurrence is merged. Go on to the end of the word.",
        ),
        Misconception(
            m.merge_from_the_right,
            "It looks as if the word is read from the right, so that aaa becomes a, aa. Read from "
            "left to right.",
        ),
        Misconception(
            m.merge_by_string,
            "It looks as if the word is made one string and its letters are replaced. Then the end "
            "of a longer symbol is merged as well; compare whole symbols.",
        ),
        Misconception(
            m.merge_by_joined_text,
            "It looks as if two symbols are merged when their letters together are those of the "
            "pair. But (a, bc) is another pair than (ab, c): compare symbol by symbol.",
        ),
        Misconception(
            m.merge_loses_the_end,
            "It looks as if the last symbol gets lost. The loop must reach the last place too.",
        ),
        Misconception(
            m.merge_in_either_order,
            "It looks as if the pair is merged in either order. (b, a) is another pair than (a, "
            "b).",
        ),
        Misconception(
            m.merge_keeps_the_second,
            "It looks as if the second symbol of the pair stays behind the merged one. A merge "
            "uses up both.",
        ),
    ),
    alternatives=(m.merge_by_recursion, m.merge_by_skipping),
    points=1,
    minutes=8,
    difficulty=2,
    kind="find the bug",
)


# learn_merges


def _plain(words: dict[Word, int], symbols: list[str], vocab_size: int) -> bool:
    """Whether every merge makes a symbol that was not there, so that ids are clear."""
    made = ["".join(pair) for pair in pair_merging.learn_merges(words, symbols, vocab_size)]
    return len({*made, *symbols}) == len(made) + len(symbols)


def _corpus(draw: Draw, merges: int, ties: bool = False, least: int = 2) -> Inputs:
    """Words, their letters in no order, and room for some merges."""
    while True:
        letters = draw.random.sample("abcdefgh", 4)
        words = _words(draw, "".join(letters), 7, 2, 7, least)
        if ties:
            words = dict.fromkeys(words, draw.size(2, 9))
        inputs = {"words": words, "symbols": letters, "vocab_size": len(letters) + merges}
        if _plain(**inputs):
            return inputs


def _tied(draw: Draw) -> Inputs:
    """Every word is a pair of letters of its own, and all are equally frequent."""
    letters = draw.random.sample("abcdefgh", 6)
    pairs = [(a, b) for a in letters for b in letters if a != b]
    words = dict.fromkeys(draw.random.sample(pairs, 9), draw.size(2, 9))
    return {"words": words, "symbols": letters, "vocab_size": len(letters) + 5}


def _no_pairs_left(draw: Draw) -> Inputs:
    """Down to a pair that occurs in one word alone, once."""
    while True:
        inputs = _corpus(draw, 100, least=1)
        merges = pair_merging.learn_merges(**inputs)
        if len(pair_merging.learn_merges(**inputs, min_count=2)) < len(merges):
            return inputs


learn_merges = Exercise(
    id="learn_merges",
    title="train: merge, again and again",
    reference=pair_merging.learn_merges,
    cases=(
        Case("the most frequent pair is merged first", lambda draw: _corpus(draw, 1), trials=3),
        Case("later merges are found in the merged words", lambda draw: _corpus(draw, 6)),
        Case("of equally frequent pairs the one with the lower ids wins", _tied, trials=3),
        Case(
            "ids of merged symbols come after those of the letters",
            lambda draw: _corpus(draw, 5, ties=True),
            trials=3,
        ),
        Case("it stops when no pair is left", _no_pairs_left),
        Case("no room, no merge", lambda draw: _corpus(draw, 0), guard=True),
        Case(
            "words and symbols are left as they were",
            lambda draw: _corpus(draw, 4),
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "One round: count the pairs, choose the best, note it, give the vocabulary its new symbol, "
        "merge it in every word. Go round while there is room and there are pairs.",
        "The best pair is max(counts, key=…). A key may be a tuple: it is compared by its first "
        "entry, and by the second where the first are equal. vocab.index(symbol) is a symbol's id.",
        "key=lambda pair: (counts[pair], -vocab.index(pair[0]), -vocab.index(pair[1])), with vocab "
        "= list(symbols) at the start. The merged words: {merge_pair(word, pair): count for word, "
        "count in words.items()}.",
    ),
    misconceptions=(
        Misconception(
            m.learn_counts_words_once,
            "It looks as if frequent words count no more than rare ones. count_pairs weighs each "
            "pair with its word's count.",
        ),
        Misconception(
            m.learn_without_merging,
            "It looks as if the pairs are counted once, at the start. Merge the best pair in every "
            "word, and count again.",
        ),
        Misconception(
            m.learn_ties_as_seen,
            "It looks as if of equally frequent pairs the first one found wins. It is the one "
            "whose symbols have the lower ids, first symbol before second.",
        ),
        Misconception(
            m.learn_ties_by_alphabet,
            "It looks as if the alphabet decides between equally frequent pairs. Their ids do: the "
            "places of their symbols in the vocabulary.",
            also=(m.learn_ties_by_alphabet_from_the_end,),
        ),
        Misconception(
            m.learn_ties_by_higher_ids,
            "It looks as if of equally frequent pairs the one with the higher ids wins. It is the "
            "one with the lower: with max, put a minus before the ids.",
        ),
        Misconception(
            m.learn_size_as_merges,
            "It looks as if vocab_size is taken for the number of merges. The symbols that are "
            "there at the start count too.",
        ),
        Misconception(
            m.learn_one_too_many,
            "It looks as if there is one merge too many. Stop when the vocabulary has vocab_size "
            "symbols.",
        ),
        Misconception(
            m.learn_the_rarest,
            "It looks as if the rarest pair is merged. The most frequent one saves most.",
        ),
        Misconception(
            m.learn_across_words,
            "It looks as if pairs are counted across the end of a word. Call your count_pairs.",
        ),
        Misconception(
            m.learn_returns_tokens,
            "It looks as if the merged symbols are returned. Return the pairs: whoever encodes a "
            "word must know which two symbols to join.",
        ),
        Misconception(
            m.learn_grows_the_given_symbols,
            "It looks as if the list of symbols that was handed over grows. Work on a copy: vocab "
            "= list(symbols).",
        ),
        Misconception(
            m.learn_stops_at_pairs_seen_once,
            "It looks as if pairs that occur only once are not merged. Go on until no pair is "
            "left.",
        ),
    ),
    alternatives=(m.learn_by_sorting, m.learn_by_max),
    stands_on=("count_pairs", "merge_pair"),
    points=3,
    minutes=18,
    difficulty=4,
)


# apply_merges


def _trained(draw: Draw, letters: str = "abcd") -> dict[tuple[str, str], int]:
    """Ranks of the merges of a small corpus, in no order."""
    while True:
        words = _words(draw, letters, 8, 3, 7)
        merges = pair_merging.learn_merges(words, list(letters), len(letters) + 9)
        if len({"".join(pair) for pair in merges}) == len(merges):
            break
    ranks = [(pair, rank) for rank, pair in enumerate(merges)]
    draw.random.shuffle(ranks)
    return dict(ranks)


def _to_encode(draw: Draw, low: int, high: int, letters: str = "abcd") -> Inputs:
    ranks = _trained(draw)
    words = [_word(draw, letters, low, high) for _ in range(6)]
    return {f"word {i}": {"word": word, "ranks": ranks} for i, word in enumerate(words, 1)}


def _reading_order_misleads(draw: Draw) -> Inputs:
    """abc, where (b, c) was learned before (a, b)."""
    a, b, c, d = draw.random.sample("klmnop", 4)
    ranks = {(a, b): 1, (b, c): 0, (a + b, c): 2, (c, d): 3}
    others = {(a, b): 2, (b, c): 0, (a, b + c): 1}
    return {
        "one": {"word": (a, b, c), "ranks": ranks},
        "two": {"word": (a, b, c, d), "ranks": ranks},
        "three": {"word": (d, a, b, c, a, b), "ranks": ranks},
        "four": {"word": (a, b, c), "ranks": others},
    }


def _nothing_known(draw: Draw) -> Inputs:
    return {"word": _word(draw, "wxyz", 1, 6), "ranks": _trained(draw)}


apply_merges = Exercise(
    id="apply_merges",
    title="encode: the oldest merge first",
    reference=bpe.apply_merges,
    cases=(
        Case(
            "the pair that was learned first is merged first",
            _reading_order_misleads,
            probes.several,
        ),
        Case("short words", lambda draw: _to_encode(draw, 1, 4), probes.several, trials=3),
        Case("long words", lambda draw: _to_encode(draw, 7, 12), probes.several, trials=3),
        Case(
            "letters that no merge knows stay as they are",
            lambda draw: _to_encode(draw, 4, 9, "abcxd"),
            probes.several,
        ),
        Case("nothing to merge", _nothing_known, guard=True),
        Case(
            "word and ranks are left as they were",
            lambda draw: _to_encode(draw, 5, 7)["word 1"],
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "One round: look at all pairs of neighbours in the word as it is now, take the one with "
        "the lowest rank, merge it. A merge makes new neighbours, so look again.",
        "Of the pairs of neighbours keep those that are in ranks. When none is left, the word is "
        "done; else the next is min(known, key=…).",
        "known = [pair for pair in zip(word, word[1:]) if pair in ranks]; as long as there are "
        "some: word = merge_pair(word, min(known, key=ranks.get)).",
    ),
    misconceptions=(
        Misconception(
            m.apply_as_read,
            "It looks as if pairs are merged in the order in which they stand in the word. The "
            "rank decides: the pair that was learned first comes first.",
        ),
        Misconception(
            m.apply_as_listed,
            "It looks as if the order of the dict decides. The numbers in it do: lowest rank "
            "first.",
        ),
        Misconception(
            m.apply_highest_rank,
            "It looks as if the pair that was learned last is merged first. Take the lowest rank.",
        ),
        Misconception(
            m.apply_once,
            "It looks as if one pair is merged and no more. Go on until no known pair is left.",
        ),
        Misconception(
            m.apply_longest_match,
            "It looks as if the longest known piece is cut off, as in WordPiece. In BPE the word "
            "is put together from its letters, merge by merge.",
        ),
        Misconception(
            m.apply_to_the_first_spelling,
            "It looks as if only pairs of the first spelling are merged. Merges make new "
            "neighbours, and these may be merged in turn: look again after each.",
        ),
    ),
    alternatives=(m.apply_in_order_of_training, m.apply_one_place_at_a_time),
    stands_on=("merge_pair",),
    points=2,
    minutes=12,
    difficulty=3,
)
