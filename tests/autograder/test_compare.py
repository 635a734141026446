"""Expected against got: what counts as equal, and the words for what does not."""

import numpy as np
import pytest
import torch

from autograder.compare import difference, differences
from autograder.sandbox.codec import Opaque


def test_values_within_the_rounding_of_their_dtype_are_equal():
    one = torch.tensor([1.0, 100.0])
    assert difference(one, one * (1 + 2e-5)) is None
    assert difference(one.double(), one.double() * (1 + 2e-5)).kind == "value"


def test_another_shape_is_told_with_both_shapes():
    found = difference(torch.zeros(2, 3), torch.zeros(3, 2))
    assert found.kind == "shape"
    assert "(2, 3)" in found.text and "(3, 2)" in found.text


def test_a_broadcastable_shape_is_not_equal():
    assert difference(torch.zeros(2, 3), torch.zeros(1, 3)).kind == "shape"


def test_another_dtype_is_told():
    assert difference(torch.zeros(2), torch.zeros(2).double()).kind == "dtype"


def test_the_place_and_size_of_the_largest_difference_are_told():
    expected, got = torch.zeros(2, 3), torch.zeros(2, 3)
    got[1, 2] = 0.41
    got[0, 1] = 0.1
    text = difference(expected, got).text
    assert "[1, 2]" in text and "0.41" in text and "2 of 6" in text


def test_nan_where_a_number_belongs_is_a_difference():
    assert difference(torch.zeros(3), torch.tensor([0.0, float("nan"), 0.0])).text.count("nan") == 1


@pytest.mark.parametrize("got", [None, "x", Opaque("Same"), [0.0, 0.0], 3])
def test_something_that_is_no_tensor_is_told_by_kind(got):
    assert difference(torch.zeros(2), got).kind == "type"


def test_a_missing_return_is_asked_for():
    assert "return" in difference(torch.zeros(2), None).text


def test_lists_and_tuples_are_the_same_thing():
    assert difference([(0, 1), (1, 0)], ([0, 1], [1, 0])) is None


def test_a_number_and_a_zero_dimensional_tensor_are_the_same_thing():
    assert difference(1.5, torch.tensor(1.5)) is None
    assert difference(torch.tensor(1.5), 1.5) is None


def test_true_is_not_one():
    assert difference(1, True).kind == "type"


def test_missing_and_unexpected_keys_are_named():
    text = difference({"a": 1, "b": 2}, {"a": 1, "c": 2}).text
    assert "missing 'b'" in text and "unexpected 'c'" in text


def test_a_missing_named_value_is_a_difference():
    assert differences({"context": 1.0, "weights": 2.0}, {"result": 1.0}, 1.0).kind == "names"


@pytest.mark.parametrize("expected", [1.5, 3, torch.tensor(1.5), torch.zeros(2)])
def test_a_number_too_large_for_a_float_is_a_difference_and_no_crash(expected):
    assert difference(expected, 10**400) is not None


def test_a_numpy_array_in_place_of_a_tensor_is_told():
    assert "a numpy array of shape (2,)" in difference(torch.zeros(2), np.zeros(2)).text


@pytest.mark.parametrize("infinite", [float("inf"), float("-inf")])
def test_only_the_same_infinity_equals_an_infinity(infinite):
    for wrap in (float, torch.tensor):
        assert difference(wrap(infinite), wrap(infinite)) is None
        assert difference(wrap(infinite), wrap(3.0)).kind == "value"
        assert difference(wrap(3.0), wrap(infinite)).kind == "value"
        assert difference(wrap(infinite), wrap(-infinite)).kind == "value"


def test_masks_are_told_as_true_and_false():
    text = difference(torch.tensor([True, False]), torch.tensor([True, True])).text
    assert "expected False, got True" in text and "[1]" in text


def test_a_gradient_that_never_came_is_told_as_such():
    found = differences({"gradient of x": torch.ones(2)}, {"gradient of x": None}, 1.0)
    assert found.kind == "type" and "nothing leads from the result back to it" in found.text
