"""How well a label can be told from part of what a text says, by listing all there is.

A bag of words keeps the words and loses their order. The best any classifier on bags can do (a
logistic regression included) is to answer, for each bag, with its more frequent label. Small
processes have few enough bags to list them all, so the bound is exact, and nothing is sampled.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping

from minitransformer.data.automaton import END, START, Automaton

View = tuple[str, ...]


def bag(view: View, token: str) -> View:
    """Add a token to a bag: a sorted tuple, in which the order of the text is lost."""
    return tuple(sorted((*view, token)))


def text(view: View, token: str) -> View:
    """Add a token to a text: nothing is lost."""
    return (*view, token)


def label_shares(
    automaton: Automaton, mark: str, add: Callable[[View, str], View] = bag
) -> dict[View, tuple[float, float]]:
    """Every view of a text, with its probability together with either label.

    Args:
        automaton: a process without loops whose last states carry ``mark`` or not: the label.
        mark: as in ``State.marks``.
        add: how a view grows by a token: :func:`bag` or :func:`text`, or one of your own.

    Returns:
        View to ``(P(view and no mark), P(view and mark))``; all of them sum to 1.
    """
    here: Mapping[tuple[int, View], float] = {(START, ()): 1.0}
    found: dict[View, list[float]] = defaultdict(lambda: [0.0, 0.0])
    while here:
        onward: dict[tuple[int, View], float] = defaultdict(float)
        for (index, view), probability in here.items():
            for arc in automaton.leaving[index]:
                share = probability * arc.probability
                if arc.target == END:
                    found[view][mark in automaton.states[index].marks] += share
                    continue
                for token, written in automaton.states[arc.target].emissions.items():
                    onward[arc.target, add(view, token)] += share * written
        here = onward
    return {view: (without, along) for view, (without, along) in found.items()}


def best_accuracy(automaton: Automaton, mark: str, add: Callable[[View, str], View] = bag) -> float:
    """The accuracy of the best classifier that sees this view of each text, exactly."""
    return sum(max(shares) for shares in label_shares(automaton, mark, add).values())
