"""What a model is trained to make small. Imports nothing from the package."""

import torch
from torch import Tensor


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean negative log-probability that the logits give to the right classes.

    For one position with logits z and right class t

        loss = -log softmax(z)_t = log sum_j exp(z_j) - z_t,

    and the result is the mean over all positions. The largest logit is subtracted first: the
    loss does not change, and no exp can overflow (the log-sum-exp trick).

    Args:
        logits: floating point ``(..., vocab)``, one score per class.
        targets: integers ``(...)``, the right classes, each from 0 to ``vocab - 1``.

    Returns:
        A tensor without dimensions, in nats: 0 for a sure and right model, log(vocab) for one
        that finds all classes equally likely.

    Source: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 4.1 and 6.2.2.
    """
    _check_targets(logits, targets)
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    log_normalizer = shifted.exp().sum(dim=-1).log()  # (...)
    target_logit = shifted.gather(-1, targets.long().unsqueeze(-1)).squeeze(-1)  # (...)
    return (log_normalizer - target_logit).mean()


def _check_targets(logits: Tensor, targets: Tensor) -> None:
    if targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
        raise TypeError(
            f"targets must be integer class numbers, got {targets.dtype}; "
            "pass ids, not one-hot rows or probabilities"
        )
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} need targets of shape {tuple(logits.shape[:-1])} "
            f"(all but the last axis), got {tuple(targets.shape)}"
        )
    if targets.numel() == 0:
        raise ValueError("the mean over no targets is not defined; pass at least one position")
    vocab = logits.shape[-1]
    if targets.min() < 0 or targets.max() >= vocab:
        raise ValueError(
            f"targets must lie in 0..{vocab - 1} (logits have {vocab} classes), "
            f"got {int(targets.min())}..{int(targets.max())}"
        )
