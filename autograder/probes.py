"""Our few lines that run beside the learner's code and hand back named values.

A probe takes the learner's function or class and a case's inputs, and returns a dict from names
that a learner understands to values. It never compares and never scores: the judge does. The
worker imports this module, so it holds no expected value, no secret and no reference.
"""

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

Inputs = dict[str, Any]


def call(target: Any, inputs: Inputs) -> Inputs:
    """Call it with the inputs in order: {"result": …}."""
    return {"result": target(*inputs.values())}


def named(target: Any, inputs: Inputs) -> Inputs:
    """Call a function that returns several things, and name them.

    Args:
        inputs: {"arguments": {name: value}, "names": list of names for the results}.

    Returns:
        One entry a name; {"result": …} where the function did not return that many.
    """
    result = target(*inputs["arguments"].values())
    if isinstance(result, tuple | list) and len(result) == len(inputs["names"]):
        return dict(zip(inputs["names"], result, strict=True))
    return {"result": result}


def untouched(target: Any, inputs: Inputs) -> Inputs:
    """Call it, and hand back the inputs as they are afterwards."""
    target(*inputs.values())
    return {f"{name} after the call": value for name, value in inputs.items()}


def gradients(target: Any, inputs: Inputs) -> Inputs:
    """A random vector–Jacobian product: {"gradient of query": …} for each float input.

    Args:
        inputs: {"arguments": {name: value}, "cotangent_seed": int}.
    """
    arguments = _with_gradients(inputs["arguments"])
    _backward(target(*arguments.values()), inputs["cotangent_seed"])
    return _gradients_of(arguments)


def module(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights by name, run forward and backward.

    Args:
        inputs: {"sizes": {name: value}, "weights": {"query.weight": tensor},
            "arguments": {name: value}} and, when gradients are wanted, "cotangent_seed"; when
            the results have names, "names"; "train": True runs it in training mode. "options" are
            sizes handed over by name; a "config" in place of the sizes is handed over whole.

    Returns:
        {"output": …} or one entry a name, then "gradient of …" for inputs and parameters.
    """
    built = _build(target, inputs)
    _load(built, inputs["weights"])
    built.train(inputs.get("train", False))
    wants_gradients = "cotangent_seed" in inputs
    arguments = inputs["arguments"]
    if wants_gradients:
        arguments = _with_gradients(arguments)
    result = built(*arguments.values())
    names = inputs.get("names", ())
    if isinstance(result, tuple | list) and len(result) == len(names):
        values = dict(zip(names, result, strict=True))
    else:
        values = {"output": result}
    if wants_gradients:
        _backward(result, inputs["cotangent_seed"])
        parameters = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
        values |= _gradients_of(arguments) | _gradients_of(parameters)
    return values


def parameters(target: Any, inputs: Inputs) -> Inputs:
    """Construct it: {"parameters": {name: shape}}.

    Args:
        inputs: {"sizes": {name: value}}, or as for `module`.
    """
    built = _build(target, inputs)
    shapes = {name: tuple(value.shape) for name, value in built.named_parameters()}
    return {"parameters": dict(sorted(shapes.items()))}


def initial(target: Any, inputs: Inputs) -> Inputs:
    """Construct it under a seed: {"mean of token.weight": …, "std of token.weight": …} a parameter.

    Args:
        inputs: {"sizes": {name: value}, "seed": int}.
    """
    torch.manual_seed(inputs["seed"])
    built = _build(target, inputs)
    values: Inputs = {}
    for name, value in sorted(built.named_parameters()):
        values[f"mean of {name}"] = float(value.detach().double().mean())
        values[f"std of {name}"] = float(value.detach().double().std(unbiased=False))
    return values


def draws(target: Any, inputs: Inputs) -> Inputs:
    """Draw twice under one seed and once under another.

    Args:
        inputs: {"arguments": {name: value}, "seed": int, "other_seed": int}; the function takes a
            `torch.Generator` after its arguments.

    Returns:
        "draws", "draws again, same seed" and "draws, another seed".
    """

    def draw(seed: int) -> Any:
        generator = torch.Generator().manual_seed(seed)
        return target(*inputs["arguments"].values(), generator)

    return {
        "draws": draw(inputs["seed"]),
        "draws again, same seed": draw(inputs["seed"]),
        "draws, another seed": draw(inputs["other_seed"]),
    }


def several(target: Any, inputs: Inputs) -> Inputs:
    """Call it once for each set of arguments: {"before": …, "after": …}.

    Args:
        inputs: {"name of the result": {argument name: value}}; for properties of several results
            together, such as "a hidden key changes nothing".
    """
    return {name: target(*arguments.values()) for name, arguments in inputs.items()}


def module_untouched(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, run forward, and hand back the arguments as they are afterwards.

    Args:
        inputs: as for `module`.
    """
    module(target, inputs)
    return {f"{name} after the call": value for name, value in inputs["arguments"].items()}


def methods(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, call several of its methods: {"enter": …, "leave": …}.

    Args:
        inputs: as for `module`, and {"calls": {method: names of its arguments}}.
    """
    built = _build(target, inputs)
    _load(built, inputs["weights"])
    built.train(inputs.get("train", False))
    wants_gradients = "cotangent_seed" in inputs
    arguments = inputs["arguments"]
    if wants_gradients:
        arguments = _with_gradients(arguments)
    values = {
        method: getattr(built, method)(*(arguments[name] for name in names))
        for method, names in inputs["calls"].items()
    }
    if wants_gradients:
        _backward(tuple(values.values()), inputs["cotangent_seed"])
        parameters = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
        values |= _gradients_of(arguments) | _gradients_of(parameters)
    return values


def methods_untouched(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, call methods, and hand back the arguments as they are then.

    Args:
        inputs: as for `methods`.
    """
    methods(target, inputs)
    return {f"{name} after the call": value for name, value in inputs["arguments"].items()}


def _build(target: Any, inputs: Inputs) -> nn.Module:
    if "config" in inputs:
        built = target(SimpleNamespace(**inputs["config"]))
    else:
        built = target(*inputs["sizes"].values(), **inputs.get("options", {}))
    if not isinstance(built, nn.Module):
        raise TypeError(f"it must be a subclass of nn.Module, and made a {type(built).__name__}")
    return built


def _load(built: nn.Module, weights: Inputs) -> None:
    own = dict(built.named_parameters())
    for name, value in weights.items():
        if name not in own:
            has = ", ".join(sorted(own)) or "none"
            raise AttributeError(f"there is no parameter named {name!r}; your class has: {has}")
        if own[name].shape != value.shape:
            expected, got = tuple(value.shape), tuple(own[name].shape)
            raise ValueError(f"parameter {name!r} must have shape {expected}, yours has {got}")
        own[name].data.copy_(value)


def _with_gradients(arguments: Inputs) -> Inputs:
    return {
        name: value.clone().requires_grad_()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
        else value
        for name, value in arguments.items()
    }


def _backward(result: Any, seed: int) -> None:
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


def _gradients_of(values: Inputs) -> Inputs:
    return {
        f"gradient of {name}": value.grad
        for name, value in values.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
