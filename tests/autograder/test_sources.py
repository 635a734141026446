"""Taking a function out of where it stands, with what it needs."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.sources import collect, renamed, source_of

SCALE = 3


def helper(x):
    return F.relu(x) * SCALE


def uses_helper(x):
    return helper(x) + math.pi


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        return helper(x) + self.weight


def run(piece):
    space = {}
    exec("\n".join([*piece.imports, piece.source]), space)
    return space[piece.name]


def test_a_function_comes_with_helpers_imports_and_constants_and_runs_elsewhere():
    piece = collect(uses_helper, globals())
    assert "def helper" in piece.source
    again = run(piece)
    assert torch.equal(again(torch.ones(2)), uses_helper(torch.ones(2)))


x = 9


def test_parameters_and_locals_are_not_taken_for_globals():
    assert "x = 9" not in collect(uses_helper, globals()).imports
    assert "SCALE = 3" in collect(uses_helper, globals()).imports


def test_a_class_comes_with_its_helpers_too():
    assert run(collect(Layer, globals()))()(torch.ones(2)).tolist() == [3, 3]


def test_other_exercises_are_not_taken_along_but_named():
    piece = collect(uses_helper, globals(), stop=frozenset({"helper"}))
    assert piece.uses == ("helper",)
    assert "def helper" not in piece.source


def test_a_name_is_replaced_as_a_whole_word_only():
    assert renamed("def f(x): return f(x) + ff", "f", "g") == "def g(x): return g(x) + ff"


def test_what_was_typed_nowhere_is_told():
    space = {}
    exec("def nowhere(): pass", space)
    with pytest.raises(ValueError, match="nowhere"):
        source_of(space["nowhere"])
