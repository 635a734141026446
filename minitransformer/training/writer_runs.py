"""Short training runs of a language model in which every part of the step is an argument.

    loss, gradients  ->  clip  ->  learning rate  ->  update

The loop of ``loop.train`` with nothing hidden: no optimiser object, no device, no checkpoint. The
learner's own loss, clipping, schedule and AdamW go in by name; what is left out is the reference
(looked up when a run starts: a grader may have taken it out). Runs are seeded and do not touch
torch's global random state.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from minitransformer.losses import next_token_loss
from minitransformer.training.optimizers import adamw_step
from minitransformer.training.schedule import clip_gradients, learning_rate_at


@dataclass
class WriterRun:
    """What happened in a run of :func:`train_writer`.

    Args:
        losses: the loss of every step.
        rates: the learning rate of every step.
        norms: the length of all gradients together in every step, before clipping.
        evaluations: ``(steps done, loss on held-out texts)``.
    """

    losses: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, float]] = field(default_factory=list)


def train_writer(
    model: nn.Module,
    rows: Tensor,
    steps: int,
    held_out: Tensor | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    update: Callable[..., tuple[Tensor, Tensor, Tensor]] | None = None,
    clip: Callable[[list[Tensor], float], list[Tensor]] | None = None,
    rate: Callable[..., float] | None = None,
    batch: int = 16,
    peak: float = 3e-3,
    warmup: int = 20,
    weight_decay: float = 0.1,
    evaluate_every: int = 25,
    seed: int = 0,
) -> WriterRun:
    """Train a GPT on rows of token ids, in place.

    Args:
        model: takes ids ``(batch, seq)`` to logits ``(batch, seq, vocab)``.
        rows: token ids ``(n, seq)``; batches are drawn from them.
        steps: how many batches.
        held_out: rows to measure the loss on; measured before the first step and every
            ``evaluate_every`` steps.
        loss, update, clip, rate: what to train with; ``next_token_loss``, ``adamw_step``,
            ``clip_gradients`` and ``learning_rate_at`` if left out.
        batch, peak, warmup, weight_decay: of the step; vectors are not decayed. The rate ends at
            a tenth of its peak, gradients are clipped to length 1.
        seed: of the batches.
    """
    loss, update = loss or next_token_loss, update or adamw_step
    clip, rate = clip or clip_gradients, rate or learning_rate_at
    generator = torch.Generator().manual_seed(seed)
    weights = list(model.parameters())
    moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]
    run = WriterRun()
    model.train()
    for step in range(steps):
        if held_out is not None and step % evaluate_every == 0:
            run.evaluations.append((step, mean_loss(model, held_out, loss)))
        drawn = rows[torch.randint(len(rows), (batch,), generator=generator)]
        found = loss(model(drawn), drawn)
        gradients: list[Any] = list(torch.autograd.grad(found, weights))
        run.norms.append(float(torch.stack([each.norm() for each in gradients]).norm()))
        gradients = clip(gradients, 1.0)
        run.losses.append(found.item())
        run.rates.append(rate(step, steps, peak, warmup, peak / 10))
        with torch.no_grad():
            for place, weight in enumerate(weights):
                moved, *moments[place] = update(
                    weight, gradients[place], *moments[place], step + 1, run.rates[-1],
                    (0.9, 0.99), 1e-8, weight_decay if weight.dim() > 1 else 0.0,
                )  # fmt: skip
                weight.copy_(moved)
    if held_out is not None:
        run.evaluations.append((steps, mean_loss(model, held_out, loss)))
    model.eval()
    return run


def mean_loss(
    model: nn.Module, rows: Tensor, loss: Callable[[Tensor, Tensor], Tensor] | None = None
) -> float:
    """The mean loss over all rows, in pieces of 64; the model is left in training mode or not."""
    loss = loss or next_token_loss
    was, total = model.training, 0.0
    model.eval()
    with torch.no_grad():
        for part in rows.split(64):
            total += float(loss(model(part), part)) * len(part)
    model.train(was)
    return total / len(rows)
