"""How large a step is, when: the learning rate over a run, and the clipping of gradients."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor


def learning_rate_at(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0, shape: str = "cosine"
) -> float:
    """The learning rate of one step: a straight climb, then a descent.

        warm-up:  peak (step + 1) / warmup
        cosine:   final + (peak - final) (1 + cos(pi r)) / 2
        linear:   final + (peak - final) (1 - r)

    with r = (step - warmup) / (steps - warmup), from 0 to 1.

    Args:
        step: counted from 0.
        steps: the length of the run.
        peak: the highest rate, reached at the end of the warm-up.
        warmup: how many steps to climb.
        final: where the descent ends, at ``step = steps`` and ever after.
        shape: ``"cosine"``, ``"linear"``, or ``"constant"`` (no descent).

    Source: Goyal et al., Accurate, Large Minibatch SGD (2017), section 2.2 (warm-up); Loshchilov
    and Hutter, SGDR (2017), equation 5 (cosine).
    """
    if shape not in ("cosine", "linear", "constant"):
        raise ValueError(f"shape must be cosine, linear or constant, got {shape!r}")
    if step < warmup:
        return peak * (step + 1) / warmup
    if shape == "constant":
        return peak
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    left = (1 + math.cos(math.pi * progress)) / 2 if shape == "cosine" else 1 - progress
    return final + (peak - final) * left


def clip_gradients(gradients: Iterable[Tensor], max_norm: float) -> list[Tensor]:
    """Shorten all gradients together where they are longer than ``max_norm``, and only there.

        g <- g min(1, max_norm / |g|),   |g| = sqrt(sum of squares over all gradients)

    Args:
        gradients: tensors of any shapes.
        max_norm: the longest that the whole may be.

    Returns:
        The gradients, scaled by one common factor; the arguments are left as they were.

    Source: Pascanu, Mikolov and Bengio, On the Difficulty of Training RNNs (2013), algorithm 1.
    """
    gradients = list(gradients)
    if not max_norm > 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    factor = (max_norm / norm).clamp(max=1.0)  # norm 0: max_norm / 0 is inf, and the factor 1
    return [gradient * factor for gradient in gradients]
