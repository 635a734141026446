"""What the parts of chapter 2 share: drawn inputs, masks, and properties of weights."""

from typing import Any

import torch
from torch import Tensor

from autograder.spec import Draw, Failure, Observed

Inputs = dict[str, Any]


NAMES = ["context", "weights"]


def random_mask(draw: Draw, *shape: int) -> Tensor:
    """Bool, about a third hidden; each row has a key that may be seen and one that may not."""
    mask = draw.uniform(*shape) < 0.7
    seen = draw.integers(0, shape[-1], *shape[:-1]).unsqueeze(-1)
    unseen = (seen + 1) % shape[-1]
    return mask.scatter(-1, seen, True).scatter(-1, unseen, False)


def key_mask(draw: Draw, batch: int, seq: int) -> Tensor:
    """Bool (batch, 1, seq): sentences of several lengths, padded at the end."""
    lengths = draw.integers(1, seq, batch, 1, 1)
    return torch.arange(seq) < lengths


def sums_to_one(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    weights = observed.get("result", observed.get("weights"))
    sums = weights.sum(-1)
    off = (sums - 1).abs().nan_to_num(nan=1.0)
    if off.max() > 1e-4:
        worst = sums.flatten()[off.argmax()]
        return Failure(f"Each row should sum to 1, and one sums to {worst:.3g}.", "sums")
    return None


def hides(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    weights = observed.get("result", observed.get("weights"))
    mask = inputs.get("arguments", inputs)["mask"].expand_as(weights)
    if weights[~mask].abs().max() > 0:
        return Failure(f"A hidden key has weight {weights[~mask].abs().max():.3g}, not 0.", "leak")
    return None


def same(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """Of `probes.several`: all results should be one and the same."""
    (first, one), *others = ((name, _tensors(value)) for name, value in observed.items())
    for name, other in others:
        if not all(torch.allclose(a, b, 1e-4, 1e-5) for a, b in zip(one, other, strict=True)):
            return Failure(f"The results for {first} and for {name} should be the same.", "changed")
    return None


def _tensors(value: Any) -> list[Tensor]:
    return list(value) if isinstance(value, list | tuple) else [torch.as_tensor(value)]


def with_gradients(arguments: Inputs, draw: Draw) -> Inputs:
    return {"arguments": arguments, "cotangent_seed": draw.seed()}


def finite(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    result = torch.as_tensor(observed["result"])
    if not result.isfinite().all():
        bad = result[~result.isfinite()].flatten()[0]
        return Failure(f"There is {bad:.3g} in the result: too large or too small for exp.", "nan")
    return None


def queries_and_keys(draw: Draw) -> Inputs:
    seq_q, seq_k, d_k = draw.sizes(3, 2, 9)
    return {"query": draw.normal(seq_q, d_k), "key": draw.normal(seq_k, d_k)}


def heads_of_queries_and_keys(draw: Draw) -> Inputs:
    batch, heads, seq_q, seq_k, d_k = draw.sizes(5, 2, 9)
    return {
        "query": draw.normal(batch, heads, seq_q, d_k).double(),
        "key": draw.normal(batch, heads, seq_k, d_k).double(),
    }


def cube_of_queries_and_keys(draw: Draw) -> Inputs:
    size = draw.size(3, 6)
    return {"query": draw.normal(size, size, size), "key": draw.normal(size, size, size)}


def long_vectors(draw: Draw) -> Inputs:
    seq_q, seq_k = draw.sizes(2, 3, 9)
    d_k = draw.size(100, 400)
    return {"query": draw.normal(seq_q, d_k), "key": draw.normal(seq_k, d_k)}


def padded_heads(draw: Draw) -> Inputs:
    inputs = heads_of_queries_and_keys(draw)
    batch, _, seq_k, _ = inputs["key"].shape
    return {**inputs, "mask": key_mask(draw, batch, seq_k).unsqueeze(1)}


def padded_sentences(draw: Draw) -> Inputs:
    """A batch in which all sizes are the same, and each sentence has a length of its own."""
    inputs = cube_of_queries_and_keys(draw)
    batch, seq, _ = inputs["key"].shape
    return {**inputs, "mask": key_mask(draw, batch, seq)}


def masked_queries_and_keys(draw: Draw) -> Inputs:
    inputs = queries_and_keys(draw)
    mask = random_mask(draw, len(inputs["query"]), len(inputs["key"]))
    return {**inputs, "mask": mask}
