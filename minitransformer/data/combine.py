"""Larger processes from smaller ones: choose between two, forget at a place, begin again.

Each function takes automata and gives a new one; the parts stay as they are.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from minitransformer.data.automaton import END, START, Arc, Automaton, State


def union(choices: Sequence[tuple[float, Automaton]]) -> Automaton:
    """First draw one of the automata, then a text from it.

    Args:
        choices: pairs of a weight and an automaton.
    """
    total = sum(weight for weight, _ in choices)
    states, arcs = [State("start", {}), State("end", {})], []
    for weight, automaton in choices:
        moved = len(states) - 2

        def place(index: int, moved: int = moved) -> int:
            return index if index in (START, END) else index + moved

        states += automaton.states[2:]
        for arc in automaton.arcs:
            share = arc.probability * (weight / total if arc.source == START else 1)
            arcs.append(Arc(place(arc.source), place(arc.target), share))
    return Automaton(states, _merged(arcs))


def forget_at(automaton: Automaton, mark: str, visits: Sequence[float]) -> Automaton:
    """The same automaton with all states of one mark made one: there the past is forgotten.

    What follows that place is then drawn as it is on average, whatever came before. The marked
    states must write the same.

    Args:
        automaton: a process that passes through a state of this mark.
        mark: as in ``State.marks``.
        visits: how often a text passes each state, on average (``Process.visits``).
    """
    chosen = [index for index, state in enumerate(automaton.states) if mark in state.marks]
    if len({tuple(automaton.states[index].emissions.items()) for index in chosen}) != 1:
        raise ValueError(f"the states marked {mark!r} must exist and must all write the same")
    one, merged = chosen[0], set(chosen)
    total = sum(visits[index] for index in chosen)
    place = {}
    states: list[State] = []
    for index, state in enumerate(automaton.states):
        if index in merged - {one}:
            place[index] = place[one]
        else:
            place[index] = len(states)
            states.append(replace(state, name=mark) if index == one else state)
    arcs = []
    for arc in automaton.arcs:
        share = visits[arc.source] / total if arc.source in merged else 1.0
        arcs.append(Arc(place[arc.source], place[arc.target], arc.probability * share))
    return Automaton(states, _merged(arcs))


def endless(automaton: Automaton, separator: str) -> Automaton:
    """Text after text without end, a separator before each: what a language model's rows hold."""
    states = [*automaton.states, State("between texts", {separator: 1.0})]
    between = len(states) - 1
    arcs = [Arc(START, between, 1.0)]
    for arc in automaton.arcs:
        source = between if arc.source == START else arc.source
        target = between if arc.target == END else arc.target
        arcs.append(Arc(source, target, arc.probability))
    return Automaton(states, arcs)


def with_marks(automaton: Automaton, marks: Collection[str]) -> Automaton:
    """The same automaton with these marks on every state."""
    states = [replace(state, marks=state.marks | set(marks)) for state in automaton.states]
    return Automaton(states, automaton.arcs)


def _merged(arcs: Sequence[Arc]) -> list[Arc]:
    """Arcs between the same two states become one."""
    shares: dict[tuple[int, int], float] = defaultdict(float)
    for arc in arcs:
        shares[arc.source, arc.target] += arc.probability
    return [Arc(source, target, share) for (source, target), share in shares.items()]
