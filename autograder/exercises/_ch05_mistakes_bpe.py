"""Chapter 5's mistakes with byte-pair encoding, and other right ways to write it.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
the standard library and its neighbours here. The names say what is wrong, or how it is done
otherwise.
"""

from collections import Counter, defaultdict
from itertools import combinations, pairwise

Pair = tuple[str, str]
Word = tuple[str, ...]


def _count(words: dict[Word, int]) -> Counter[Pair]:
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            counts[pair] += count
    return counts


def _merge(word: Word, pair: Pair) -> Word:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == tuple(pair) and merged[-1] is not None:
            merged[-1:] = [pair[0] + pair[1], None]  # type: ignore[list-item]
        else:
            merged.append(symbol)
    return tuple(symbol for symbol in merged if symbol is not None)


# count_pairs


def count_each_word_once(words: dict[Word, int]) -> dict[Pair, int]:
    counts: Counter[Pair] = Counter()
    for word in words:
        counts.update(pairwise(word))
    return counts


def count_a_pair_once_a_word(words: dict[Word, int]) -> dict[Pair, int]:
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in set(pairwise(word)):
            counts[pair] += count
    return counts


def count_across_words(words: dict[Word, int]) -> dict[Pair, int]:
    text = [symbol for word, count in words.items() for symbol in word * count]
    return Counter(pairwise(text))


def count_across_different_words(words: dict[Word, int]) -> dict[Pair, int]:
    return Counter(pairwise([symbol for word in words for symbol in word]))


def count_joined(words: dict[Word, int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for first, second in pairwise(word):
            counts[first + second] += count
    return counts


def count_every_second_pair(words: dict[Word, int]) -> dict[Pair, int]:
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for place in range(0, len(word) - 1, 2):
            counts[word[place], word[place + 1]] += count
    return counts


def count_all_combinations(words: dict[Word, int]) -> dict[Pair, int]:
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in combinations(word, 2):
            counts[pair] += count
    return counts


def count_in_either_order(words: dict[Word, int]) -> dict[Pair, int]:
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for first, second in pairwise(word):
            counts[min(first, second), max(first, second)] += count
    return counts


def count_runs_without_overlap(words: dict[Word, int]) -> dict[Pair, int]:
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        before = None
        for pair in pairwise(word):
            overlaps = pair == before and pair[0] == pair[1]
            if not overlaps:
                counts[pair] += count
            before = None if overlaps else pair
    return counts


def count_overwrites(words: dict[Word, int]) -> dict[Pair, int]:
    counts: dict[Pair, int] = {}
    for word, count in words.items():
        for pair in pairwise(word):
            counts[pair] = count
    return counts


def count_by_zip(words: dict[Word, int]) -> dict[Pair, int]:
    counts: defaultdict[Pair, int] = defaultdict(int)
    for word, count in words.items():
        for first, second in zip(word, word[1:], strict=False):
            counts[first, second] += count
    return counts


def count_by_places(words: dict[Word, int]) -> dict[Pair, int]:
    counts: dict[Pair, int] = {}
    for word in words:
        for place in range(len(word) - 1):
            pair = (word[place], word[place + 1])
            counts[pair] = counts.get(pair, 0) + words[word]
    return counts


# merge_pair


def merge_overlapping(word: Word, pair: Pair) -> Word:
    merged = []
    for place in range(len(word)):
        if word[place : place + 2] == pair:
            merged.append(pair[0] + pair[1])
        elif place == 0 or word[place - 1 : place + 1] != pair:
            merged.append(word[place])
    return tuple(merged)


def merge_first_only(word: Word, pair: Pair) -> Word:
    for place in range(len(word) - 1):
        if word[place : place + 2] == pair:
            return (*word[:place], pair[0] + pair[1], *word[place + 2 :])
    return word


def merge_from_the_right(word: Word, pair: Pair) -> Word:
    merged: list[str] = []
    place = len(word) - 1
    while place >= 0:
        if place > 0 and word[place - 1 : place + 1] == pair:
            merged.insert(0, pair[0] + pair[1])
            place -= 2
        else:
            merged.insert(0, word[place])
            place -= 1
    return tuple(merged)


def merge_by_string(word: Word, pair: Pair) -> Word:
    return tuple(" ".join(word).replace(" ".join(pair), "".join(pair)).split(" "))


def merge_loses_the_end(word: Word, pair: Pair) -> Word:
    merged = []
    place = 0
    while place < len(word) - 1:
        if word[place : place + 2] == pair:
            merged.append(pair[0] + pair[1])
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return tuple(merged)


def merge_in_either_order(word: Word, pair: Pair) -> Word:
    merged = []
    place = 0
    while place < len(word):
        if word[place : place + 2] in (pair, pair[::-1]):
            merged.append("".join(word[place : place + 2]))
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return tuple(merged)


def merge_by_joined_text(word: Word, pair: Pair) -> Word:
    merged, place = [], 0
    while place < len(word):
        if "".join(word[place : place + 2]) == pair[0] + pair[1]:
            merged.append(pair[0] + pair[1])
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return tuple(merged)


def merge_keeps_the_second(word: Word, pair: Pair) -> Word:
    merged = []
    for place in range(len(word)):
        if word[place : place + 2] == pair:
            merged.append(pair[0] + pair[1])
        else:
            merged.append(word[place])
    return tuple(merged)


def merge_by_recursion(word: Word, pair: Pair) -> Word:
    if len(word) < 2:
        return tuple(word)
    if tuple(word[:2]) == tuple(pair):
        return (pair[0] + pair[1], *merge_by_recursion(word[2:], pair))
    return (word[0], *merge_by_recursion(word[1:], pair))


def merge_by_skipping(word: Word, pair: Pair) -> Word:
    merged, skip = [], False
    for place, symbol in enumerate(word):
        if skip:
            skip = False
        elif place + 1 < len(word) and (symbol, word[place + 1]) == tuple(pair):
            merged.append(symbol + word[place + 1])
            skip = True
        else:
            merged.append(symbol)
    return tuple(merged)


# learn_merges


def _learned(
    words: dict[Word, int], symbols: list[str], vocab_size: int, best, count=_count
) -> list[Pair]:
    vocab, merges = list(symbols), []
    while len(vocab) < vocab_size:
        counts = count(words)
        if not counts:
            break
        pair = best(counts, vocab)
        merges.append(pair)
        vocab.append(pair[0] + pair[1])
        words = {_merge(word, pair): number for word, number in words.items()}
    return merges


def _most_frequent(counts: dict[Pair, int], vocab: list[str]) -> Pair:
    return min(counts, key=lambda pair: (-counts[pair], vocab.index(pair[0]), vocab.index(pair[1])))


def _seen_first(counts: dict[Pair, int], vocab: list[str]) -> Pair:
    return max(counts, key=lambda pair: counts[pair])


def _alphabetical(counts: dict[Pair, int], vocab: list[str]) -> Pair:
    return min(counts, key=lambda pair: (-counts[pair], pair))


def _alphabetical_last(counts: dict[Pair, int], vocab: list[str]) -> Pair:
    return max(counts, key=lambda pair: (counts[pair], pair))


def _higher_ids(counts: dict[Pair, int], vocab: list[str]) -> Pair:
    return max(counts, key=lambda pair: (counts[pair], vocab.index(pair[0]), vocab.index(pair[1])))


def _rarest(counts: dict[Pair, int], vocab: list[str]) -> Pair:
    return min(counts, key=lambda pair: (counts[pair], vocab.index(pair[0]), vocab.index(pair[1])))


def _text_of(words: dict[Word, int]) -> Counter[Pair]:
    text = [symbol for word, count in words.items() for symbol in word * count]
    return Counter(pairwise(text))


def _words_once(words: dict[Word, int]) -> Counter[Pair]:
    return Counter(pair for word in words for pair in pairwise(word))


def learn_counts_words_once(
    words: dict[Word, int], symbols: list[str], vocab_size: int
) -> list[Pair]:
    return _learned(words, symbols, vocab_size, _most_frequent, _words_once)


def learn_without_merging(
    words: dict[Word, int], symbols: list[str], vocab_size: int
) -> list[Pair]:
    counts, vocab = _count(words), list(symbols)
    ordered = sorted(counts, key=lambda p: (-counts[p], vocab.index(p[0]), vocab.index(p[1])))
    return ordered[: vocab_size - len(symbols)]


def learn_ties_as_seen(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[Pair]:
    return _learned(words, symbols, vocab_size, _seen_first)


def learn_ties_by_alphabet(
    words: dict[Word, int], symbols: list[str], vocab_size: int
) -> list[Pair]:
    return _learned(words, symbols, vocab_size, _alphabetical)


def learn_ties_by_alphabet_from_the_end(
    words: dict[Word, int], symbols: list[str], vocab_size: int
) -> list[Pair]:
    return _learned(words, symbols, vocab_size, _alphabetical_last)


def learn_ties_by_higher_ids(
    words: dict[Word, int], symbols: list[str], vocab_size: int
) -> list[Pair]:
    return _learned(words, symbols, vocab_size, _higher_ids)


def learn_size_as_merges(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[Pair]:
    return _learned(words, symbols, len(symbols) + vocab_size, _most_frequent)


def learn_one_too_many(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[Pair]:
    return _learned(words, symbols, vocab_size + 1, _most_frequent)


def learn_the_rarest(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[Pair]:
    return _learned(words, symbols, vocab_size, _rarest)


def learn_across_words(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[Pair]:
    return _learned(words, symbols, vocab_size, _most_frequent, _text_of)


def learn_returns_tokens(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[str]:
    return ["".join(pair) for pair in _learned(words, symbols, vocab_size, _most_frequent)]


def learn_stops_at_pairs_seen_once(
    words: dict[Word, int], symbols: list[str], vocab_size: int
) -> list[Pair]:
    vocab, merges = list(symbols), []
    while len(vocab) < vocab_size:
        counts = _count(words)
        if not counts or max(counts.values()) < 2:
            break
        merges.append(_most_frequent(counts, vocab))
        vocab.append("".join(merges[-1]))
        words = {_merge(word, merges[-1]): number for word, number in words.items()}
    return merges


def learn_grows_the_given_symbols(
    words: dict[Word, int], symbols: list[str], vocab_size: int
) -> list[Pair]:
    merges = []
    while len(symbols) < vocab_size and (counts := _count(words)):
        merges.append(_most_frequent(counts, symbols))
        symbols.append("".join(merges[-1]))
        words = {_merge(word, merges[-1]): number for word, number in words.items()}
    return merges


def learn_by_sorting(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[Pair]:
    ids = {symbol: index for index, symbol in enumerate(symbols)}
    spelled = [(list(word), count) for word, count in words.items()]
    merges: list[Pair] = []
    for new in range(len(symbols), vocab_size):
        counts: Counter[Pair] = Counter()
        for word, count in spelled:
            for pair in pairwise(word):
                counts[pair] += count
        if not counts:
            return merges
        first = sorted(counts.items(), key=lambda p: (-p[1], ids[p[0][0]], ids[p[0][1]]))[0][0]
        merges.append(first)
        ids["".join(first)] = new
        spelled = [(list(_merge(tuple(word), first)), count) for word, count in spelled]
    return merges


def learn_by_max(words: dict[Word, int], symbols: list[str], vocab_size: int) -> list[Pair]:
    vocab, merges = list(symbols), []
    counts = _count(words)
    while counts and len(vocab) < vocab_size:
        pair = max(counts, key=lambda p: (counts[p], -vocab.index(p[0]), -vocab.index(p[1])))
        merges.append(pair)
        vocab.append("".join(pair))
        words = {_merge(word, pair): number for word, number in words.items()}
        counts = _count(words)
    return merges


# apply_merges


def _known(word: Word, ranks: dict[Pair, int]) -> list[Pair]:
    return [pair for pair in pairwise(word) if pair in ranks]


def apply_as_read(word: Word, ranks: dict[Pair, int]) -> Word:
    while known := _known(word, ranks):
        word = _merge(word, known[0])
    return word


def apply_as_listed(word: Word, ranks: dict[Pair, int]) -> Word:
    for pair in ranks:
        word = _merge(word, pair)
    return word


def apply_highest_rank(word: Word, ranks: dict[Pair, int]) -> Word:
    while known := _known(word, ranks):
        word = _merge(word, max(known, key=lambda pair: ranks[pair]))
    return word


def apply_once(word: Word, ranks: dict[Pair, int]) -> Word:
    known = _known(word, ranks)
    return _merge(word, min(known, key=lambda pair: ranks[pair])) if known else word


def apply_longest_match(word: Word, ranks: dict[Pair, int]) -> Word:
    tokens = {"".join(pair) for pair in ranks} | set(word)
    text, found = "".join(word), []
    while text:
        end = len(text)
        while text[:end] not in tokens:
            end -= 1
        found.append(text[:end])
        text = text[end:]
    return tuple(found)


def apply_to_the_first_spelling(word: Word, ranks: dict[Pair, int]) -> Word:
    for pair in sorted(_known(word, ranks), key=lambda pair: ranks[pair]):
        word = _merge(word, pair)
    return word


def apply_in_order_of_training(word: Word, ranks: dict[Pair, int]) -> Word:
    for pair in sorted(ranks, key=lambda pair: ranks[pair]):
        word = _merge(word, pair)
    return tuple(word)


def apply_one_place_at_a_time(word: Word, ranks: dict[Pair, int]) -> Word:
    tokens = list(word)
    while True:
        places = [
            (ranks[tokens[i], tokens[i + 1]], i)
            for i in range(len(tokens) - 1)
            if (tokens[i], tokens[i + 1]) in ranks
        ]
        if not places:
            return tuple(tokens)
        _, place = min(places)
        tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]
