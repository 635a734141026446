"""Merging pairs of neighbours: how byte-level BPE and WordPiece find their vocabularies.

Words are tuples of symbols with a count. The most frequent pair of neighbours becomes a symbol of
its own, and so on, until the vocabulary is full: Sennrich et al. 2016, "Neural Machine Translation
of Rare Words with Subword Units", section 3.2. Imports nothing from the package.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

Pair = tuple[str, str]


def count_pairs(words: Mapping[tuple[str, ...], int]) -> Counter[Pair]:
    """Count every pair of neighbouring symbols.

    Args:
        words: how often each word occurs; a word is a tuple of symbols.

    Returns:
        How often each pair occurs: for ``{("l", "o", "w"): 5, ("l", "o"): 2}`` it is
        ``{("l", "o"): 7, ("o", "w"): 5}``.
    """
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            counts[pair] += count
    return counts


def merge_pair(word: Sequence[str], pair: Pair, token: str | None = None) -> tuple[str, ...]:
    """Replace every occurrence of a pair in a word, from left to right, by one token.

    Args:
        word: the symbols of a word.
        pair: two symbols.
        token: what they become; by default the two joined.

    Returns:
        The word with fewer symbols: ``merge_pair(("a", "a", "a"), ("a", "a"))`` is ``("aa", "a")``.
    """
    if token is None:
        token = pair[0] + pair[1]
    merged = []
    place = 0
    while place < len(word):
        if tuple(word[place : place + 2]) == pair:
            merged.append(token)
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return tuple(merged)


def learn_merges(
    words: Mapping[tuple[str, ...], int],
    symbols: Sequence[str],
    vocab_size: int,
    min_count: int = 1,
    join: Callable[[Pair], str] = "".join,
) -> list[Pair]:
    """Merge the most frequent pair again and again until there are ``vocab_size`` symbols.

    Of pairs that are equally frequent, the one with the lower ids is merged, first symbol before
    second; ids count the given symbols and then the merged ones in the order they were made.

    Said in three lines, a step is ``count_pairs``, the best pair, ``merge_pair`` on every word. To
    be fast, the counts are kept up to date instead: only words that hold the merged pair change,
    ``places`` says which, and a heap holds the best pair on top. Counts in the heap may be out of
    date, but only too high, as a count can grow only when a new token appears, and such pairs are
    pushed then; so an entry whose count has fallen is put back with its true count.

    Args:
        words: how often each word occurs; a word is a tuple of symbols.
        symbols: the symbols to start from.
        vocab_size: how many symbols to have in the end; fewer if the pairs run out.
        min_count: pairs that occur less often are not merged.
        join: what a pair becomes.

    Returns:
        The merged pairs in order.
    """
    order = {symbol: place for place, symbol in enumerate(symbols)}
    spellings, frequencies = list(words), list(words.values())
    counts, places = count_pairs(words), defaultdict(set)
    for index, word in enumerate(spellings):
        for pair in pairwise(word):
            places[pair].add(index)
    heap = [(-count, order[pair[0]], order[pair[1]], pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    merges = []
    while heap and len(order) < vocab_size:
        negative_count, *ids, pair = heapq.heappop(heap)
        if -negative_count != counts[pair]:
            if counts[pair] > 0:
                heapq.heappush(heap, (-counts[pair], *ids, pair))
            continue
        if counts[pair] < min_count:
            break
        merges.append(pair)
        token = join(pair)
        order.setdefault(token, len(order))
        changed = set()
        for index in places.pop(pair):
            old, frequency = spellings[index], frequencies[index]
            new = spellings[index] = merge_pair(old, pair, token)
            for gone in pairwise(old):
                counts[gone] -= frequency
            for seen in pairwise(new):
                counts[seen] += frequency
                if token in seen:
                    places[seen].add(index)
                    changed.add(seen)
        for seen in changed:
            heapq.heappush(heap, (-counts[seen], order[seen[0]], order[seen[1]], seen))
    return merges
