"""Messages between judge and worker: everything a learner may return crosses; nothing else does."""

import json
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import CodecError
from autograder.sandbox import codec

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=12,
)


@given(values)
def test_plain_python_values_come_back_as_they_were(value):
    back = codec.normal(value)
    assert back == value
    assert type(back) is type(value)


def test_a_dict_with_tensors_for_keys_and_values_crosses():
    """Their bytes come in the order of the pairs; a tensor as a key can be asked for by nobody."""
    back = codec.normal({"b": torch.ones(3), torch.ones(1): torch.zeros(2)})
    text, opaque = back
    assert isinstance(opaque, codec.Opaque) and text == "b"
    assert back[opaque].tolist() == [0, 0] and back["b"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).T,
        torch.tensor(3.5),
        torch.zeros(0, 3),
        torch.tensor([True, False]),
        torch.ones(2, dtype=torch.bfloat16),
        torch.tensor([1 + 2j]),
        torch.tensor([2**62]),
    ],
)
def test_tensors_of_every_kind_come_back_equal(tensor):
    back = codec.normal(tensor)
    assert back.dtype == tensor.dtype
    assert back.shape == tensor.shape
    assert torch.equal(back, tensor)


def test_nan_infinity_tuple_keys_sets_and_counters_cross():
    message = {
        ("a", 1): math.inf,
        "set": {1, 2},
        "count": Counter("aab"),
        "default": defaultdict(int, a=1),
    }
    back = codec.normal(message)
    assert back == {
        ("a", 1): math.inf,
        "set": {1, 2},
        "count": {"a": 2, "b": 1},
        "default": {"a": 1},
    }
    assert math.isnan(codec.normal(float("nan")))


def test_numpy_arrays_and_numbers_cross():
    assert np.array_equal(codec.normal(np.arange(3)), np.arange(3))
    assert codec.normal(np.float64(1.5)) == 1.5


def test_an_object_that_equals_everything_arrives_as_opaque_and_equals_nothing():
    class Same:
        def __eq__(self, other):
            return True

    back = codec.normal(Same())
    assert back == codec.Opaque("Same")
    assert back != 1


def test_a_tensor_subclass_arrives_as_a_plain_tensor():
    class Sly(torch.Tensor):
        def __eq__(self, other):
            return torch.tensor(True)

    back = codec.normal(torch.ones(2).as_subclass(Sly))
    assert type(back) is torch.Tensor


def test_what_is_nested_too_deep_is_refused_on_both_sides():
    deep = [0]
    for _ in range(codec.MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(CodecError, match="deeper"):
        codec.encode(deep)
    with pytest.raises(CodecError, match="deeper"):
        codec.decode(json.dumps(deep).encode(), b"")


@pytest.mark.parametrize(
    "header",
    [
        b"\xff\xfe",
        b'{"t": "tensor", "v": ["float32", [2], "cpu", 0, 4]}',
        b'{"t": "tensor", "v": ["float32", [-1], "cpu", 0, -4]}',
        b'{"t": "tensor", "v": ["object", [1], "cpu", 0, 8]}',
        b'{"t": "pickle", "v": ""}',
        b'{"no": "tag"}',
        b'{"t": "dict", "v": [1, 2]}',
        b'{"t": "int", "v": "' + b"9" * 6000 + b'"}',
    ],
)
def test_forged_bytes_are_refused(header):
    with pytest.raises(CodecError):
        codec.decode(header, b"12345678")


def test_announced_lengths_over_the_limit_are_refused():
    with pytest.raises(CodecError, match="over the size limit"):
        codec.lengths(codec.PREFIX.pack(codec.MAX_HEADER + 1, 0))


def test_a_forged_bool_byte_becomes_a_real_bool():
    header = b'{"t": "tensor", "v": ["bool", [2], "cpu", 0, 2]}'
    assert codec.decode(header, b"\x02\x00").view(torch.uint8).tolist() == [1, 0]
