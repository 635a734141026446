"""A process as arrays: fast draws, and exact counts.

``Automaton`` is for reading; this room holds the same process as arrays over a vocabulary, for
work on thousands of texts at once. ``exact`` reads texts with it. Token ids are those of a
vocabulary ``{token: id}``; float64 throughout.
"""

from collections.abc import Mapping

import numpy as np

from minitransformer.data.automaton import END, START, Automaton


def numbered(automaton: Automaton) -> dict[str, int]:
    """A vocabulary of just the tokens of one automaton, in alphabetical order, from 1 on."""
    words = {word for state in automaton.states for word in state.emissions}
    return {word: index for index, word in enumerate(sorted(words), start=1)}


class Process:
    """A finite-state process over token ids.

    Args:
        automaton: the states and arcs.
        vocab: token to id; every token that the automaton writes must have one.

    Attributes:
        emission ``(states, vocab)``: the probability that a state writes a token.
        source, target, probability ``(arcs,)``: the arcs, sorted by source.
        ending ``(states,)``: the probability that a text stops after this state.
    """

    def __init__(self, automaton: Automaton, vocab: Mapping[str, int]):
        self.automaton, self.vocab = automaton, dict(vocab)
        states = automaton.states
        self.emission = np.zeros((len(states), max(vocab.values()) + 1))
        for index, state in enumerate(states):
            for token, share in state.emissions.items():
                if token not in vocab:
                    raise ValueError(f"{state.name} writes {token!r}, which the vocabulary lacks")
                self.emission[index, vocab[token]] = share
        arcs = sorted(automaton.arcs, key=lambda arc: (arc.source, arc.target))
        self.source = np.array([arc.source for arc in arcs])
        self.target = np.array([arc.target for arc in arcs])
        self.probability = np.array([arc.probability for arc in arcs])
        self.ending = np.zeros(len(states))
        ends = self.target == END
        self.ending[self.source[ends]] = self.probability[ends]

    def marked(self, mark: str) -> np.ndarray:
        """Which states carry a mark: bool ``(states,)``."""
        return np.array([mark in state.marks for state in self.automaton.states])

    def visits(self) -> np.ndarray:
        """How often a text passes each state, on average: ``(states,)``.

        Sums the chance of being in each state after 0, 1, 2, ... steps, until what is still
        walking is less than 1e-17. Raises ValueError for a process that never ends.
        """
        if not self.ending.any():
            raise ValueError(
                "this process never ends, so nothing has a finite count; "
                "count in the process of one text"
            )
        here = np.zeros(len(self.ending))
        here[START] = 1.0
        total = here.copy()
        while here.sum() - here[END] > 1e-17:
            here[END] = 0.0
            flow = here[self.source] * self.probability
            here = np.bincount(self.target, flow, minlength=len(here))
            total += here
        return total

    def sample(self, n: int, seed: int, length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Draw ``n`` texts at once.

        Args:
            n: how many.
            seed: the same seed gives the same texts on every machine (Mersenne Twister).
            length: stop after this many tokens; needed where texts may have no end.

        Returns:
            ``(ids, states)``, both int64 ``(n, longest)``: the token ids, filled up with 0, and the
            states that wrote them, filled up with END.
        """
        random = np.random.RandomState(seed)
        arcs = _ladder(self.source, self.probability)
        rows, columns = np.nonzero(self.emission)
        words = _ladder(rows, self.emission[rows, columns])
        here = np.full(n, START)
        ids, states = [], []
        while length is None or len(ids) < length:
            here = np.where(here == END, END, self.target[_climb(arcs, here, random)])
            if (here == END).all():
                break
            written = columns[_climb(words, np.where(here == END, rows[0], here), random)]
            ids.append(np.where(here == END, 0, written))
            states.append(here)
        empty = np.zeros((n, 0), dtype=np.int64)
        return (np.stack(ids, 1), np.stack(states, 1)) if ids else (empty, empty)

    def unigram(self, excluded: frozenset[int] = frozenset()) -> np.ndarray:
        """The share of each token among all tokens that the process writes: ``(vocab,)``.

        Args:
            excluded: ids that are not counted, e.g. of special tokens that are never masked.
        """
        counts = self.visits() @ self.emission
        counts[list(excluded)] = 0.0
        return counts / counts.sum()

    def bigram(self, end_id: int) -> np.ndarray:
        """The best prediction from the last token alone: ``(vocab, vocab)``, rows sum to 1.

        Row v holds P(next token | this token is v), from the expected counts of neighbours; no
        sampling. ``end_id`` stands before the first token and after the last one. The row of a
        token that never occurs is zero.
        """
        passing = self.emission.copy()
        passing[[START, END], end_id] = 1.0
        onward = np.zeros_like(passing)  # (states, vocab): what the next step writes
        np.add.at(onward, self.source, self.probability[:, None] * passing[self.target])
        counts = (self.visits()[:, None] * passing).T @ onward
        totals = counts.sum(axis=1, keepdims=True)
        return np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)


def _ladder(group: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rungs at ``group + cumulative share``, so that one search finds a draw in its group."""
    total = np.cumsum(share)
    first = np.searchsorted(group, group)  # where the group of each entry begins
    before = np.where(first > 0, total[first - 1], 0.0)
    last = np.append(group[1:] != group[:-1], True)
    return group + np.where(last, 1.0, total - before)


def _climb(ladder: np.ndarray, group: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """One draw in each group: the index of its entry."""
    draw = np.searchsorted(ladder, group + random.random_sample(len(group)), "right")
    return np.minimum(draw, np.searchsorted(ladder, group + 1.0))  # a sum may round up to group + 1
