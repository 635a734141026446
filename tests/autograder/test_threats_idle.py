"""Answers that do nothing: a constant, an argument handed back, an exception. None earns a point.

What such an answer holds by chance or by nature ("at rate 0 everything stays as it is") is a
guard in its exercise: it counts only beside a case that asks for work.
"""

import copy

import pytest
import torch

from autograder import exercises
from autograder.judge import trials, verdict
from autograder.sandbox import codec

CONSTANTS = (None, True, False, 0, 1, -1, 0.0, 0.5, 1.0, float("nan"), "", (), [], {}, [0])
OF_ONE = {
    "itself": lambda value: value,
    "a copy": copy.deepcopy,
    "a list": list,
    "a list of it": lambda value: [value],
    "its words": lambda value: value.split(),
    "zeros": torch.zeros_like,
    "ones": torch.ones_like,
    "nothing known": lambda value: value * float("nan"),
    "all of it True": lambda value: torch.ones_like(value, dtype=torch.bool),
    "one more axis": lambda value: value.unsqueeze(1),
    "the other way round": lambda value: value.flip(0),
    "transposed": lambda value: value.mT,
    "its length": len,
}
IDLE = {f"always {constant!r}": lambda *a, c=constant: c for constant in CONSTANTS}
for _way, _one in OF_ONE.items():
    for _place in range(6):
        IDLE[f"{_way}, of argument {_place}"] = lambda *a, f=_one, p=_place: f(a[p])


def _refuses(*arguments):
    raise ValueError


def _holds(trial, answer):
    """Whether an answer is what the case asks for."""
    try:
        seen = codec.normal({"values": trial.case.probe(answer, copy.deepcopy(trial.inputs))})
    except Exception:
        return False
    return verdict(trial, seen) is None


ALL = [
    (chapter, exercise.id) for chapter in exercises.names()
    for exercise in exercises.load(chapter).exercises
]  # fmt: skip


@pytest.mark.parametrize(("chapter", "name"), ALL, ids=[name for _, name in ALL])
def test_an_answer_that_does_nothing_earns_nothing(chapter, name):
    waiting = {**IDLE, "an exception": _refuses}
    earned = []
    for case in exercises.load(chapter).exercise(name).cases:
        drawn = [trial for trial in trials(chapter, name, "idle") if trial.case is case]
        for way, answer in waiting.items() if not case.guard else ():
            if all(_holds(trial, answer) for trial in drawn):
                earned.append(f"{case.name}: {way}")
    assert not earned


def _without_numbers(value):
    """The same with NaN in place of every number that can be NaN."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value * float("nan")
    if isinstance(value, dict):
        return {name: _without_numbers(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_numbers(item) for item in value]
    return float("nan") if isinstance(value, float) else value


@pytest.mark.parametrize(("chapter", "name"), ALL, ids=[name for _, name in ALL])
def test_what_is_no_number_holds_no_property(chapter, name):
    for trial in trials(chapter, name, "idle"):
        values = _without_numbers(trial.expected)
        if "nan" in str(values) and "nan" not in str(trial.expected):
            assert verdict(trial, {"values": values}), trial.case.name
