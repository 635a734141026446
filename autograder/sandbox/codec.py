"""Messages between judge and worker: strict JSON plus raw array bytes, never pickle.

A frame is two big-endian lengths (header, arrays), a JSON header, and the bytes of the arrays.
What JSON cannot say is tagged: {"t": "tuple", "v": […]}. An object that is none of the known
kinds becomes `Opaque`, which equals nothing. `decode` trusts nothing: sizes, kinds, dtypes and
shapes are checked, and anything else is a `CodecError`.
"""

import base64
import json
import math
import struct
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.errors import CodecError

MAX_HEADER = 8 * 2**20
MAX_ARRAYS = 64 * 2**20
MAX_DEPTH = 20
MAX_ALIKE = 100
"""Different keys with one hash, which were chosen so: each costs as many comparisons."""

PREFIX = struct.Struct(">II")

_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64,
        torch.complex64, torch.complex128,
    )
}  # fmt: skip


_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_SCALARS = frozenset((type(None), bool, int, float, str))
"""What JSON says by itself."""
_JSON = json.JSONEncoder(allow_nan=False)


@dataclass(frozen=True)
class Opaque:
    """Something that cannot cross: only the name of its type did."""

    type: str


def encode(plain: Any) -> bytes:
    """A message as one frame.

    Raises:
        CodecError: it is deeper or larger than the limits allow.
    """
    arrays: list[bytes] = []
    header = _JSON.encode(_pack(plain, arrays, 0)).encode("utf-8", "surrogatepass")
    blob = b"".join(arrays)
    if len(header) > MAX_HEADER or len(blob) > MAX_ARRAYS:
        raise CodecError(f"a message of {len(header) + len(blob)} bytes is over the size limit")
    return PREFIX.pack(len(header), len(blob)) + header + blob


def lengths(prefix: bytes | bytearray) -> tuple[int, int]:
    """Header and array lengths announced by a frame's first `PREFIX.size` bytes.

    Raises:
        CodecError: they are over the limits.
    """
    header, arrays = PREFIX.unpack(prefix)
    if header > MAX_HEADER or arrays > MAX_ARRAYS:
        raise CodecError(f"a message of {header + arrays} bytes is over the size limit")
    return header, arrays


def decode(header: bytes, arrays: bytes) -> Any:
    """The message that `encode` made.

    Raises:
        CodecError: the bytes are not such a message.
    """
    try:
        blob = _Blob(arrays)
        return _unpack(json.loads(header.decode("utf-8", "surrogatepass")), blob, 0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, RuntimeError) as error:
        raise CodecError(f"not a message: {type(error).__name__}") from error


def whole(received: bytearray) -> bytes | None:
    """Take the first frame out of what has come so far; None when its end is not there yet.

    Raises:
        CodecError: it announces more than the limits allow.
    """
    if len(received) < PREFIX.size:
        return None
    size = PREFIX.size + sum(lengths(received[: PREFIX.size]))
    if len(received) < size:
        return None
    frame = bytes(received[:size])
    del received[:size]
    return frame


def message(frame: bytes) -> Any:
    """The message in a whole frame.

    Raises:
        CodecError: the bytes are not such a message.
    """
    start = PREFIX.size + lengths(frame[: PREFIX.size])[0]
    return decode(frame[PREFIX.size : start], frame[start:])


def normal(plain: Any) -> Any:
    """A message as it would arrive at the other end."""
    return message(encode(plain))


def _pack(value: Any, arrays: list[bytes], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise CodecError(f"values nested deeper than {MAX_DEPTH} cannot cross")
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) is int:
        return value if abs(value) < 2**53 else {"t": "int", "v": str(value)[:5000]}
    if type(value) is float:
        return value if math.isfinite(value) else {"t": "float", "v": str(value)}
    return _pack_object(value, arrays, depth)


def _pack_object(value: Any, arrays: list[bytes], depth: int) -> Any:
    def each(values: Any) -> list[Any]:
        return [_pack(item, arrays, depth + 1) for item in values]

    if isinstance(value, list):
        return each(list.__iter__(value))
    if isinstance(value, tuple):
        return {"t": "tuple", "v": each(tuple.__iter__(value))}
    if isinstance(value, dict):
        return {"t": "dict", "v": [each(pair) for pair in dict.items(value)]}
    if isinstance(value, set | frozenset):
        return {"t": "set", "v": each(sorted(value, key=repr))}
    if isinstance(value, bytes):
        return {"t": "bytes", "v": base64.b64encode(value).decode()}
    if isinstance(value, torch.Tensor):
        return _pack_tensor(value, arrays)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return {"t": "ndarray", "v": _pack_tensor(torch.from_numpy(value.copy()), arrays)}
    if isinstance(value, torch.dtype):
        return {"t": "dtype", "v": str(value)}
    return {"t": "opaque", "v": type(value).__name__[:80]}


def _pack_tensor(value: torch.Tensor, arrays: list[bytes]) -> Any:
    name = _NAMES.get(value.dtype) or str(value.dtype).removeprefix("torch.")
    if name not in _DTYPES or value.layout != torch.strided or value.device.type == "meta":
        return {"t": "opaque", "v": f"{name} tensor"}
    plain = value.detach().cpu()
    if name == "bfloat16" or plain.is_conj() or plain.is_neg():  # what numpy does not know
        plain = plain.resolve_conj().resolve_neg().contiguous()
        raw = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    else:
        raw = plain.numpy().tobytes()
    start = sum(map(len, arrays))
    if start + len(raw) > MAX_ARRAYS:
        raise CodecError(f"arrays of {start + len(raw)} bytes are over the size limit")
    arrays.append(raw)
    device = value.device.type
    return {"t": "tensor", "v": [name, list(plain.shape), device, start, len(raw)]}


class _Blob:
    """The bytes of all arrays, handed out once each, from the first to the last."""

    def __init__(self, arrays: bytes) -> None:
        self._arrays = arrays
        self._taken = 0

    def take(self, start: int, size: int) -> bytearray:
        """The next bytes; many tensors over the same ones would fill the judge's memory."""
        if start != self._taken or start + size > len(self._arrays):
            raise CodecError("a tensor's bytes are not those that come next")
        self._taken += size
        return bytearray(memoryview(self._arrays)[start : start + size])


def _unpack(value: Any, arrays: _Blob, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise CodecError(f"values nested deeper than {MAX_DEPTH} are refused")
    if type(value) in _SCALARS:
        return value
    if isinstance(value, list):
        return _items(value, arrays, depth)
    kind, content = value["t"], value["v"]
    if kind == "tensor":
        return _unpack_tensor(content, arrays)
    if kind == "ndarray":
        return _unpack_tensor(content["v"], arrays).numpy()
    if kind == "dict":
        pairs = [_items([key, item], arrays, depth + 1) for key, item in content]
        return dict(zip(_keys([key for key, _ in pairs]), (i for _, i in pairs), strict=True))
    if kind in ("tuple", "set"):
        items = _items(content, arrays, depth)
        return tuple(items) if kind == "tuple" else frozenset(_keys(items))
    return _SIMPLE[kind](content)


_SIMPLE: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "bytes": lambda text: base64.b64decode(text, validate=True),
    "dtype": str,
    "opaque": lambda text: Opaque(str(text)[:80]),
}


def _items(values: list[Any], arrays: _Blob, depth: int) -> list[Any]:
    """Each of them; most need nothing done."""
    return [v if type(v) in _SCALARS else _unpack(v, arrays, depth + 1) for v in values]


def _keys(values: list[Any]) -> list[Hashable]:
    """What a dict or a set can be asked for, in time.

    Raises:
        CodecError: they were chosen to have the same hash.
    """
    keys = [key if _hashable(key) else Opaque("key") for key in values]
    if len(keys) <= MAX_ALIKE:
        return keys
    alike = Counter(hash(key) for key in keys if not isinstance(key, Opaque))
    if alike and max(alike.values()) > MAX_ALIKE:
        raise CodecError("keys that were chosen to be slow are refused")
    return keys


def _hashable(value: Any) -> bool:
    return value.__hash__ is not None and not isinstance(value, torch.Tensor)


def _unpack_tensor(content: Any, arrays: _Blob) -> torch.Tensor:
    name, shape, _device, start, size = content
    dtype = _DTYPES[name]
    if not all(type(n) is int and n >= 0 for n in (*shape, start, size)) or len(shape) > 16:
        raise CodecError("a tensor's shape is not a list of whole numbers")
    if size != math.prod(shape) * dtype.itemsize:
        raise CodecError("a tensor's bytes do not fit its shape")
    raw = arrays.take(start, size)
    if size == 0:
        return torch.zeros(shape, dtype=dtype)
    if dtype == torch.bool:  # a byte other than 0 and 1 must not become a bool
        return (torch.frombuffer(raw, dtype=torch.uint8) != 0).reshape(shape)
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)
