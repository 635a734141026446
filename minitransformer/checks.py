"""What every model refuses before it computes: errors that name value, expectation and remedy."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor


def check_tensor(value: Any, name: str) -> None:
    """It is a tensor, not a list of numbers."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a tensor, got a {type(value).__name__}; "
            f"make one with torch.tensor({name})"
        )


def check_batch(ids: Tensor) -> None:
    """Ids are a batch of sequences, ``(batch, seq)``, with at least one token each."""
    check_tensor(ids, "ids")
    if ids.dim() != 2:
        raise ValueError(
            f"ids must have shape (batch, seq), got {tuple(ids.shape)}; "
            "make one sequence a batch of one with ids.unsqueeze(0)"
        )
    if ids.shape[1] == 0:
        raise ValueError(
            f"the text is empty (ids have shape {tuple(ids.shape)}); "
            "begin it with at least one token, such as the end-of-text token"
        )


def check_ids(
    ids: Tensor,
    size: int,
    name: str = "ids",
    remedy: str = "use the vocabulary that the model was made for",
) -> None:
    """Ids are integers from 0 to ``size - 1``, of a size that a table can look up."""
    check_tensor(ids, name)
    if ids.dtype not in (torch.int64, torch.int32):
        other = ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool
        kind = "integers" if other else "int64 or int32"
        raise TypeError(f"{name} must be {kind}, got {ids.dtype}; convert with .long()")
    if ids.numel() and not ids.is_meta and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(
            f"{name} must lie in 0..{size - 1}, got {int(ids.min())}..{int(ids.max())}; {remedy}"
        )


def check_device(ids: Tensor, table: Tensor) -> None:
    """Ids lie where the model's weights do."""
    if ids.device != table.device:
        raise ValueError(
            f"ids and model must be on one device, got {ids.device} and {table.device}; "
            f"move the ids with .to({str(table.device)!r})"
        )


def check_targets(targets: Tensor, shape: tuple[int, ...], size: int, name: str) -> None:
    """There is one target a token: an id, or -100 where nothing is to be learned."""
    check_tensor(targets, name)
    if tuple(targets.shape) != tuple(shape):
        raise ValueError(
            f"{name} must have one entry a token, shape {tuple(shape)}, got {tuple(targets.shape)}"
        )
    check_ids(targets.where(targets != -100, 0), size, name)


def check_classes(labels: Tensor, logits: Tensor) -> Tensor:
    """There is one class a text, for logits ``(batch, num_classes)``; the labels in int64."""
    batch, num_classes = logits.shape
    remedy = "number the classes from 0 on, or make the head with more of them"
    check_ids(labels, num_classes, "labels", remedy)
    if labels.shape != (batch,):
        raise ValueError(
            f"labels must have one class a text, shape ({batch},), got {tuple(labels.shape)}"
        )
    return labels.long()


def check_mask(mask: Tensor, shape: tuple[int, ...]) -> None:
    """A mask is bool, and broadcasts to the scores ``(..., seq_q, seq_k)``."""
    check_tensor(mask, "mask")
    if mask.dtype != torch.bool:
        raise TypeError(
            f"mask must be bool (True = may be attended to), got {mask.dtype}; "
            "a mask of ones and zeros becomes one with mask.bool()"
        )
    pairs = zip(reversed(mask.shape), reversed(shape), strict=False)
    if mask.dim() > len(shape) or any(size not in (1, full) for size, full in pairs):
        raise ValueError(
            f"mask {tuple(mask.shape)} does not broadcast to the scores {tuple(shape)} "
            "(..., seq_q, seq_k); a mask over keys has shape (batch, 1, seq_k), and where the "
            "scores have an axis of heads, (batch, 1, 1, seq_k)"
        )


def check_real(real: Tensor, shape: tuple[int, ...]) -> None:
    """A map of real tokens is bool, and has one entry a token."""
    check_tensor(real, "real")
    if real.dtype != torch.bool:
        raise TypeError(
            f"real must be bool (True = a token, False = padding), got {real.dtype}; "
            "ones and zeros become one with .bool()"
        )
    if tuple(real.shape) != tuple(shape):
        raise ValueError(
            f"real must have one entry a token, shape {tuple(shape)}, got {tuple(real.shape)}"
        )


def check_some_real(real: Tensor) -> None:
    """Each text of a map of real tokens ``(batch, seq)`` has at least one."""
    if real.is_meta or real.any(dim=1).all():
        return
    row = int((~real.any(dim=1)).nonzero()[0, 0])
    raise ValueError(
        f"all of text {row} is padding, and attention over nothing is not defined; "
        "leave empty texts out"
    )


def check_vectors(x: Tensor, d_model: int, name: str = "x") -> None:
    """Vectors are floating point, ``(batch, seq, d_model)``, with at least one token a text."""
    check_tensor(x, name)
    if x.dim() != 3 or x.shape[-1] != d_model or x.shape[1] == 0:
        raise ValueError(
            f"{name} must have shape (batch, seq, d_model), here (batch, seq, {d_model}) with at "
            f"least one token, got {tuple(x.shape)}; one text becomes a batch with .unsqueeze(0)"
        )
    if not x.is_floating_point():
        raise TypeError(
            f"{name} must be floating point, got {x.dtype}; ids become vectors by an embedding"
        )


def check_heads(d_model: int, num_heads: int) -> None:
    """The heads share a vector evenly."""
    if num_heads < 1 or d_model % num_heads:
        raise ValueError(
            f"d_model must be a multiple of num_heads, got {d_model} and {num_heads}; "
            "each head gets d_model / num_heads numbers"
        )


def check_whole(name: str, size: int) -> None:
    """A number of tokens or texts is whole."""
    if not isinstance(size, Integral):
        raise TypeError(f"{name} must be a whole number, got {size!r}")


def check_stop(stop_id: int, vocab_size: int) -> None:
    """A token that ends a text is one that can be written."""
    if not 0 <= stop_id < vocab_size:
        raise ValueError(
            f"stop_id must lie in 0..{vocab_size - 1} (the vocabulary), got {stop_id}; "
            "name the token that ends a text"
        )


def check_numbers(logits: Tensor) -> None:
    """A model's scores are numbers: from NaN no token can be chosen."""
    if logits.isnan().any():
        raise ValueError(
            f"the model's scores are NaN (not a number), in {logits.dtype}; its weights are "
            "damaged or have overflowed: load or train it again, or convert it with model.float()"
        )


def check_cache(cache: Sequence, num_layers: int, batch: int) -> None:
    """A cache has one entry a layer, and what it holds is of as many texts as are read now."""
    if len(cache) != num_layers:
        raise ValueError(
            f"the cache has {len(cache)} layers, the model {num_layers}; begin one with new_cache()"
        )
    key = getattr(cache[0], "key", None)
    if key is not None and len(key) != batch:
        raise ValueError(
            f"the cache holds {len(key)} texts, got {batch}; begin another with new_cache(), "
            "or choose its rows with reorder"
        )
