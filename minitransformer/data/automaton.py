"""A finite-state process that writes texts, and its exact probabilities.

The process walks from state to state along weighted arcs, and each state it enters writes one
token. We see the tokens, not the states. One forward pass, which keeps the probability of being
in each state given the tokens so far, answers every question about a text exactly. Imports
nothing from the package; what the states mean is the grammar's business.
"""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

START, END = 0, 1
"""The first two states: where every walk begins and where it stops. They write nothing."""


@dataclass(frozen=True)
class State:
    """One place in the process.

    Args:
        name: for the reader, e.g. ``"plain 3, word 2"``.
        emissions: token to the probability that this state writes it; empty for START and END.
        category: the kind of word written here (``"food"``), or ``""`` for a fixed word.
        marks: what else is known about this place (``{"asking"}``, ``{"answer"}``).
    """

    name: str
    emissions: Mapping[str, float]
    category: str = ""
    marks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Arc:
    """A step from one state to another (both by index), taken with a probability."""

    source: int
    target: int
    probability: float


class Automaton:
    """A hidden Markov model with a start, an end, and exact inference.

        P(w_1 .. w_n) = sum over walks s of  prod_t P(s_t | s_{t-1}) P(w_t | s_t) . P(END | s_n)

    The sum runs over all walks, and is computed by the forward algorithm in time n x arcs.

    Args:
        states: all states; the first two are START and END.
        arcs: all steps; those that leave a state have probabilities that sum to 1.

    Source: Rabiner, A Tutorial on Hidden Markov Models (1989), section III.A.
    """

    def __init__(self, states: Sequence[State], arcs: Sequence[Arc]):
        self.states = tuple(states)
        self.arcs = tuple(arcs)
        self.leaving: dict[int, list[Arc]] = defaultdict(list)
        for arc in self.arcs:
            self.leaving[arc.source].append(arc)
        self._check()

    def _check(self) -> None:
        for index, state in enumerate(self.states):
            if index == END:
                continue
            steps = math.fsum(arc.probability for arc in self.leaving[index])
            words = math.fsum(state.emissions.values())
            if not math.isclose(steps, 1.0) or not (index == START or math.isclose(words, 1.0)):
                raise ValueError(
                    f"state {index} ({state.name}): the arcs that leave it sum to {steps:g} and "
                    f"its emissions to {words:g}; both must be 1"
                )

    def sample(self, rng: random.Random) -> tuple[list[str], list[State]]:
        """Walk once from START to END; the tokens written, and the states that wrote them."""
        tokens, visited = [], []
        index = START
        while True:
            steps = self.leaving[index]
            (step,) = rng.choices(steps, [arc.probability for arc in steps])
            if step.target == END:
                return tokens, visited
            index = step.target
            state = self.states[index]
            tokens += rng.choices(list(state.emissions), list(state.emissions.values()))
            visited.append(state)

    def forward(self, tokens: Sequence[str]) -> tuple[float, dict[int, float]]:
        """Read tokens from the start of a text.

        Args:
            tokens: the first tokens of a text, or all of them.

        Returns:
            ``(log_probability, belief)``: the natural logarithm of the probability that a text
            begins like this, and the probability of each state that may have written the last
            token. The belief is empty (and the logarithm -inf) where no text begins like this.
        """
        log_probability, belief = 0.0, {START: 1.0}
        for token in tokens:
            reached: dict[int, float] = defaultdict(float)
            for index, probability in belief.items():
                for arc in self.leaving[index]:
                    written = self.states[arc.target].emissions.get(token, 0.0)
                    if written > 0:
                        reached[arc.target] += probability * arc.probability * written
            total = math.fsum(reached.values())
            if total == 0:
                return -math.inf, {}
            log_probability += math.log(total)
            belief = {index: value / total for index, value in reached.items()}
        return log_probability, belief

    def log_probability(self, tokens: Sequence[str]) -> float:
        """The natural logarithm of the probability of exactly this text; -inf if impossible."""
        log_prefix, belief = self.forward(tokens)
        ends = math.fsum(
            probability * arc.probability
            for index, probability in belief.items()
            for arc in self.leaving[index]
            if arc.target == END
        )
        return log_prefix + math.log(ends) if ends > 0 else -math.inf

    def next_token_distribution(self, tokens: Sequence[str], end: str) -> dict[str, float]:
        """What comes after a prefix: token to probability, with ``end`` for "the text is over".

        The probabilities sum to 1. Raises ValueError for a prefix that no text begins with.
        """
        _, belief = self.forward(tokens)
        if not belief:
            raise ValueError(
                f"no text of this world begins with {' '.join(tokens)!r}; "
                "pass tokens of a sentence that the world can write"
            )
        following: dict[str, float] = defaultdict(float)
        for index, probability in belief.items():
            for arc in self.leaving[index]:
                step = probability * arc.probability
                if arc.target == END:
                    following[end] += step
                for token, written in self.states[arc.target].emissions.items():
                    following[token] += step * written
        return dict(following)
