"""Expected against got, explained in a learner's words.

`difference` returns None when two values agree within the tolerance of their dtype, else a
`Difference` that says where and by how much. Lists and tuples are the same thing here, and so are
a Python number and a zero-dimensional tensor: the exercises are about transformers, not containers.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.sandbox.codec import Opaque

TOLERANCE = {
    torch.float64: (1e-7, 1e-8),
    torch.float32: (1e-4, 1e-5),
    torch.float16: (5e-3, 1e-3),
    torch.bfloat16: (2e-2, 1e-2),
}
"""dtype → (relative, absolute): room for another order of the sums, not for another formula."""


@dataclass(frozen=True)
class Difference:
    """How two values differ.

    Args:
        kind: "type", "shape", "dtype", "value", "length" or "names": says nothing of the values.
        text: one or two sentences that quote the values.
    """

    kind: str
    text: str


def difference(
    expected: Any, got: Any, tolerance: float = 1.0, name: str = ""
) -> Difference | None:
    """What keeps `got` from being `expected`, or None.

    A value that cannot even be compared (a number too large for any float) differs.

    Args:
        expected, got: values as `codec` delivers them.
        tolerance: widens the tolerance of the dtype by this factor.
        name: what the value is called, for the text.
    """
    try:
        return _difference(_plain(expected), _plain(got), tolerance, name)
    except (OverflowError, ValueError, RuntimeError):
        return Difference(
            "value", f"{_label(name)}expected {kind_of(expected)}, got another value."
        )


def _difference(expected: Any, got: Any, tolerance: float, name: str) -> Difference | None:
    if isinstance(expected, torch.Tensor):
        return _tensors(expected, got, tolerance, name)
    if isinstance(expected, int | float | complex) and not isinstance(expected, bool):
        return _numbers(expected, got, tolerance, name)
    if isinstance(expected, tuple) and isinstance(got, tuple):
        return _sequences(expected, got, tolerance, name)
    if isinstance(expected, dict) and isinstance(got, dict):
        return _dicts(expected, got, tolerance, name)
    if type(expected) is not type(got):
        return Difference(
            "type", f"{_label(name)}expected {kind_of(expected)}, got {kind_of(got)}."
        )
    if expected != got:
        return Difference("value", f"{_label(name)}expected {_short(expected)}, got {_short(got)}.")
    return None


def differences(
    expected: dict[str, Any], got: dict[str, Any], tolerance: float
) -> Difference | None:
    """The first difference between two probes' named values."""
    for name, value in expected.items():
        if name not in got:
            found = ", ".join(map(str, got)) or "nothing"
            return Difference("names", f"Expected the {name}, got {found}.")
        label = "" if name == "result" else name
        if got[name] is None and value is not None and name.startswith("gradient of "):
            return Difference("type", f"{name}: none; nothing leads from the result back to it.")
        found_difference = difference(value, got[name], tolerance, label)
        if found_difference:
            return found_difference
    return None


def all_finite(value: Any) -> bool:
    """Whether no number in it is NaN or infinite."""
    if isinstance(value, torch.Tensor):
        return bool(value.isfinite().all())
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        value = tuple(value.values())
    return not isinstance(value, list | tuple) or all(map(all_finite, value))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def kind_of(value: Any) -> str:
    """What a value is, for a learner: "a float32 tensor of shape (2, 3)"."""
    if isinstance(value, Opaque):
        return f"an object of type {value.type}"
    if isinstance(value, torch.Tensor):
        return f"{_a(_dtype(value))} tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {value.shape}"
    if value is None:
        return "None (is there a return?)"
    if isinstance(value, tuple | dict | str | set | frozenset):
        names = {"tuple": "list or tuple", "frozenset": "set"}
        return f"a {names.get(type(value).__name__, type(value).__name__)} of length {len(value)}"
    return _a(type(value).__name__)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _tensors(expected: torch.Tensor, got: Any, tolerance: float, name: str) -> Difference | None:
    if isinstance(got, bool | int | float) and expected.ndim == 0:
        got = torch.tensor(got, dtype=expected.dtype)
    if not isinstance(got, torch.Tensor):
        return Difference(
            "type", f"{_label(name)}expected {kind_of(expected)}, got {kind_of(got)}."
        )
    if expected.shape != got.shape:
        shapes = f"expected shape {tuple(expected.shape)}, got {tuple(got.shape)}"
        return Difference("shape", f"{_label(name)}{shapes}.")
    if expected.dtype != got.dtype:
        return Difference(
            "dtype", f"{_label(name)}expected dtype {_dtype(expected)}, got {_dtype(got)}."
        )
    if not expected.numel():
        return None
    relative, absolute = TOLERANCE.get(expected.dtype, (0.0, 0.0))
    wide = torch.complex128 if expected.is_complex() else torch.float64
    e, g = expected.to(wide), got.to(wide)
    room = tolerance * (absolute + relative * e.abs())
    near = room.isfinite() & ((e - g).abs() <= room)  # an infinite room would hold anything
    agree = (e == g) | near | (e.isnan() & g.isnan())
    if bool(agree.all()):
        return None
    return Difference("value", _where(e, g, agree, name, expected.dtype == torch.bool))


def _where(
    expected: torch.Tensor, got: torch.Tensor, agree: torch.Tensor, name: str, truth: bool
) -> str:
    gap = torch.where(agree, torch.zeros_like(expected.abs()), (expected - got).abs())
    gap = torch.where(gap.isnan(), torch.full_like(gap, float("inf")), gap)
    index = np.unravel_index(int(gap.argmax()), tuple(expected.shape)) if expected.ndim else ()
    at = f" at {[int(i) for i in index]}" if expected.ndim else ""
    if expected.ndim:
        differing = f"{int((~agree).sum())} of {expected.numel()} values differ"
        count = f"{differing}; {'the first' if truth else 'the largest difference'} is{at}: "
    else:
        count = ""
    e, g = expected[tuple(index)].item(), got[tuple(index)].item()
    if truth:
        e, g = bool(e), bool(g)
    shape = f"shape {tuple(expected.shape)} is right, but " if expected.ndim else ""
    return f"{_label(name)}{shape}{count}expected {_number(e)}, got {_number(g)}."


def _numbers(expected: Any, got: Any, tolerance: float, name: str) -> Difference | None:
    if isinstance(got, torch.Tensor) and got.ndim == 0:
        got = got.item()
    if isinstance(got, bool) or not isinstance(got, int | float | complex):
        return Difference(
            "type", f"{_label(name)}expected {kind_of(expected)}, got {kind_of(got)}."
        )
    if isinstance(expected, int) and isinstance(got, int):
        agree = expected == got
    else:
        relative, absolute = TOLERANCE[torch.float32]
        both_nan = expected != expected and got != got
        room = tolerance * (absolute + relative * abs(expected))
        agree = both_nan or expected == got or abs(expected - got) <= room < float("inf")
    if agree:
        return None
    return Difference("value", f"{_label(name)}expected {_number(expected)}, got {_number(got)}.")


def _sequences(expected: Any, got: Any, tolerance: float, name: str) -> Difference | None:
    if len(expected) != len(got):
        lengths = f"expected {len(expected)} items, got {len(got)}"
        shown = f"expected {_short(expected)}, got {_short(got)}"
        return Difference("length", f"{_label(name)}{lengths}: {shown}.")
    for index, (one, other) in enumerate(zip(expected, got, strict=True)):
        found = difference(one, other, tolerance)
        if found:
            return Difference(found.kind, f"{_label(name)}item {index}: {found.text}")
    return None


def _dicts(expected: Any, got: Any, tolerance: float, name: str) -> Difference | None:
    if set(expected) != set(got):
        missing, extra = (
            sorted(map(repr, set(expected) - set(got))),
            sorted(map(repr, set(got) - set(expected))),
        )
        parts = [f"missing {', '.join(missing[:6])}"] if missing else []
        parts += [f"unexpected {', '.join(extra[:6])}"] if extra else []
        return Difference("names", f"{_label(name)}the keys differ: {'; '.join(parts)}.")
    for key, value in expected.items():
        found = difference(value, got[key], tolerance)
        if found:
            return Difference(found.kind, f"{_label(name)}at key {key!r}: {found.text}")
    return None


def _label(name: str) -> str:
    return f"{name}: " if name else ""


def _dtype(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        value = list(value)
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:150]} … ({len(text)} characters)"
