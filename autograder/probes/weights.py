"""What several probes need: weights put in by name, and gradients of a random cotangent."""

from typing import Any

import torch
from torch import nn

Inputs = dict[str, Any]


def load(built: nn.Module, weights: Inputs) -> None:
    own = dict(built.named_parameters())
    for name, value in weights.items():
        if name not in own:
            has = ", ".join(sorted(own)) or "none"
            raise AttributeError(f"there is no parameter named {name!r}; your class has: {has}")
        if own[name].shape != value.shape:
            expected, got = tuple(value.shape), tuple(own[name].shape)
            raise ValueError(f"parameter {name!r} must have shape {expected}, yours has {got}")
        own[name].data.copy_(value)


def with_gradients(arguments: Inputs) -> Inputs:
    return {
        name: value.clone().requires_grad_()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
        else value
        for name, value in arguments.items()
    }


def backward(result: Any, seed: int) -> None:
    results = result if isinstance(result, tuple | list) else (result,)
    generator = torch.Generator().manual_seed(seed)
    total: Any = 0.0
    for value in results:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            cotangent = torch.randn(value.shape, generator=generator, dtype=torch.float32)
            total = total + (value * cotangent.to(value)).sum()
    if not isinstance(total, torch.Tensor) or not total.requires_grad:
        raise RuntimeError("no gradient flows from the result back to the inputs or parameters")
    total.backward()


def gradients_of(values: Inputs) -> Inputs:
    return {
        f"gradient of {name}": value.grad
        for name, value in values.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
