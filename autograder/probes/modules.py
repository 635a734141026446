"""Probes that construct a module from given sizes, load given weights by name, and run it."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from autograder.probes.weights import Inputs, backward, gradients_of, load, with_gradients


def module(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights by name, run forward and backward.

    Args:
        inputs: {"sizes": {name: value}, "weights": {"query.weight": tensor},
            "arguments": {name: value}} and, when gradients are wanted, "cotangent_seed"; when
            the results have names, "names"; "train": True runs it in training mode. "options" are
            sizes handed over by name; a "config" in place of the sizes is handed over whole.
            With "earlier" arguments it is called with these first, with "twice": True once more
            with its own: nothing of it may stay.

    Returns:
        {"output": …} or one entry a name, then "gradient of …" for inputs and parameters.
    """
    built = _build(target, inputs)
    load(built, inputs["weights"])
    built.train(inputs.get("train", False))
    if "earlier" in inputs:
        built(*inputs["earlier"].values())
    wants_gradients = "cotangent_seed" in inputs
    arguments = inputs["arguments"]
    if wants_gradients:
        arguments = with_gradients(arguments)
    if inputs.get("twice", False):
        built(*arguments.values())
    result = built(*arguments.values())
    names = inputs.get("names", ())
    if isinstance(result, tuple | list) and len(result) == len(names):
        values = dict(zip(names, result, strict=True))
    else:
        values = {"output": result}
    if wants_gradients:
        backward(result, inputs["cotangent_seed"])
        parameters = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
        values |= gradients_of(arguments) | gradients_of(parameters)
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

    Returns:
        And "another one starts alike": whether one that is made next has the same numbers.
    """
    torch.manual_seed(inputs["seed"])
    built, other = _build(target, inputs), _build(target, inputs)
    pairs = zip(built.parameters(), other.parameters(), strict=True)
    alike = any(one.std() > 0 and torch.equal(one, another) for one, another in pairs)
    values: Inputs = {"another one starts alike": alike}
    for name, value in sorted(built.named_parameters()):
        values[f"mean of {name}"] = float(value.detach().double().mean())
        values[f"std of {name}"] = float(value.detach().double().std(unbiased=False))
    return values


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
    load(built, inputs["weights"])
    built.train(inputs.get("train", False))
    wants_gradients = "cotangent_seed" in inputs
    arguments = inputs["arguments"]
    if wants_gradients:
        arguments = with_gradients(arguments)
    values = {
        method: getattr(built, method)(*(arguments[name] for name in names))
        for method, names in inputs["calls"].items()
    }
    if wants_gradients:
        backward(tuple(values.values()), inputs["cotangent_seed"])
        parameters = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
        values |= gradients_of(arguments) | gradients_of(parameters)
    return values


def decoded(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, call its method decode, which returns logits and a list.

    Args:
        inputs: as for `module`.

    Returns:
        {"logits": …, "blocks whose weights are returned": how many items the list has}; the whole
        {"result": …} where it returned no such pair.
    """
    result = methods(target, inputs | {"calls": {"decode": list(inputs["arguments"])}})["decode"]
    if not isinstance(result, tuple | list) or len(result) != 2:
        return {"result": result}
    logits, weights = result
    if not isinstance(weights, tuple | list):
        return {"logits": logits, "result": weights}
    return {"logits": logits, "blocks whose weights are returned": len(weights)}


def methods_untouched(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, call methods, and hand back the arguments as they are then.

    Args:
        inputs: as for `methods`.
    """
    methods(target, inputs)
    return {f"{name} after the call": value for name, value in inputs["arguments"].items()}


def low_rank(target: Any, inputs: Inputs) -> Inputs:
    """Construct a low-rank layer on a linear layer of ours, load A and B, forward and backward.

    It is called once before A and B are loaded, so that a change kept from then would show.

    Args:
        inputs: {"layer": {"weight": tensor, "bias": tensor, if any}, "sizes": {"rank", "alpha"},
            "weights": {"A", "B"}, "x": tensor} and, when gradients are wanted, "cotangent_seed".

    Returns:
        {"output": …}, then "gradient of …" for x, A and B.
    """
    built = _low_rank(target, inputs)
    built(inputs["x"])
    load(built, inputs["weights"])
    if "cotangent_seed" not in inputs:
        return {"output": built(inputs["x"])}
    arguments = with_gradients({"x": inputs["x"]})
    output = built(arguments["x"])
    backward(output, inputs["cotangent_seed"])
    own = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
    return {"output": output} | gradients_of(arguments) | gradients_of(own)


def low_rank_start(target: Any, inputs: Inputs) -> Inputs:
    """Construct a low-rank layer as for `low_rank`, and look at it before anything is learned.

    Returns:
        "change of the output", "largest number of A", "smallest number of A", "largest number of
        B", and "B can learn": whether a first backward gives B a gradient other than 0.
    """
    built = _low_rank(target, inputs)
    layer = {name: value.clone() for name, value in inputs["layer"].items()}
    expected = nn.functional.linear(inputs["x"], layer["weight"], layer.get("bias"))
    output = built(inputs["x"])
    output.square().sum().backward()
    own = dict(built.named_parameters())
    return {
        "change of the output": (output - expected).abs().max().item(),
        "largest number of A": own["A"].abs().max().item(),
        "smallest number of A": own["A"].min().item(),
        "largest number of B": own["B"].abs().max().item(),
        "B can learn": own["B"].grad is not None and bool(own["B"].grad.abs().max() > 0),
    }


def low_rank_parameters(target: Any, inputs: Inputs) -> Inputs:
    """Construct a low-rank layer as for `low_rank`: the shapes of what it has, by name.

    Returns:
        {"trained": {name: shape}, "frozen": {name: shape}}.
    """
    parameters = sorted(_low_rank(target, inputs).named_parameters())
    return {
        "trained": {name: tuple(p.shape) for name, p in parameters if p.requires_grad},
        "frozen": {name: tuple(p.shape) for name, p in parameters if not p.requires_grad},
    }


def low_rank_draws(target: Any, inputs: Inputs) -> Inputs:
    """Construct low-rank layers as for `low_rank`, A drawn by generators of our own.

    Args:
        inputs: as for `low_rank`, without weights, and {"seed": int, "other_seed": int}.

    Returns:
        "the same seed, the same A" and "another seed, another A".
    """
    seeds = inputs["seed"], inputs["seed"], inputs["other_seed"]
    drawn = []
    for seed in seeds:
        built = _low_rank(target, inputs, generator=torch.Generator().manual_seed(seed))
        drawn.append(dict(built.named_parameters())["A"])
    one, again, other = drawn
    return {
        "the same seed, the same A": torch.equal(one, again),
        "another seed, another A": not torch.equal(one, other),
    }


def _low_rank(target: Any, inputs: Inputs, **options: Any) -> nn.Module:
    weight, bias = inputs["layer"]["weight"], inputs["layer"].get("bias")
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    built = target(layer, *inputs["sizes"].values(), **options)
    if not isinstance(built, nn.Module):
        raise TypeError(f"it must be a subclass of nn.Module, and made a {type(built).__name__}")
    return built


def _build(target: Any, inputs: Inputs) -> nn.Module:
    if "config" in inputs:
        built = target(SimpleNamespace(**inputs["config"]))
    else:
        built = target(*inputs["sizes"].values(), **inputs.get("options", {}))
    if not isinstance(built, nn.Module):
        raise TypeError(f"it must be a subclass of nn.Module, and made a {type(built).__name__}")
    return built
