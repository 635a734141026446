"""The training loop: one plain loop for every model.

    for each step:  loss = model.loss(**batches(step));  backward;  clip;  step

A step depends on nothing but the weights, the optimisers' state and its own number: batches are
asked for by number, and the random state (dropout) is set from it. So a run that was killed goes
on from its checkpoint to the same losses, to the last bit, as one that was never interrupted.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm.auto import tqdm

from minitransformer.training.checkpoint import (
    load_tensors,
    load_weights,
    pack_optimizers,
    save_tensors,
    unpack_optimizers,
)
from minitransformer.training.devices import Team, device_of, training_device
from minitransformer.training.optimizers import make_optimizers
from minitransformer.training.schedule import learning_rate_at

Batches = Callable[[int], dict[str, Tensor]]
"""The batch of a step, by its number; the same number always gives the same batch."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a model is trained.

    Args:
        steps: how many batches.
        optimizer: ``"muon"`` (matrices of the blocks by Muon, the rest by AdamW) or ``"adamw"``.
        learning_rate: AdamW's peak.
        muon_learning_rate, muon_momentum: Muon's peak, and its memory of gradients.
        weight_decay: pulls matrices towards 0; vectors are left alone.
        betas: AdamW's memory of gradients and of their squares.
        warmup: how many steps the learning rate climbs.
        final: the rate at the end, as a share of the peak.
        shape: of the descent: ``"cosine"``, ``"linear"`` or ``"constant"``.
        clip_norm: the longest that all gradients together may be; None for no limit.
        precision: ``"float32"``, or ``"bfloat16"`` for mixed precision by autocast.
        seed: of everything random in the run.
        evaluate_every: how often to evaluate, in steps; 0 for at the end only.
        target_loss: stop as soon as an evaluation is this low.
        checkpoint_every: how often to write the checkpoint, in steps; 0 for at the end only.
    """

    steps: int
    optimizer: str = "muon"
    learning_rate: float = 3e-3
    muon_learning_rate: float = 1e-2
    muon_momentum: float = 0.95
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: int = 20
    final: float = 0.0
    shape: str = "linear"
    clip_norm: float | None = 1.0
    precision: str = "float32"
    seed: int = 0
    evaluate_every: int = 0
    target_loss: float | None = None
    checkpoint_every: int = 0

    def __post_init__(self):
        counts = ("steps", "evaluate_every", "checkpoint_every")
        rates = ("learning_rate", "muon_learning_rate", "weight_decay", "warmup", "final")
        for name in (*counts, "seed"):
            if type(getattr(self, name)) is not int:
                raise TypeError(f"{name} must be a whole number, got {getattr(self, name)!r}")
        for name in (*rates, "muon_momentum"):
            if not isinstance(getattr(self, name), int | float):
                raise TypeError(f"{name} must be a number, got {getattr(self, name)!r}")
        if abs(self.seed) > 10**12:  # times the number of steps it must fit into 64 bits
            raise ValueError(
                f"seed must lie in -10^12 .. 10^12, got {self.seed}; take a smaller one"
            )
        for name, choices in (
            ("optimizer", ("muon", "adamw")),
            ("precision", ("float32", "bfloat16")),
            ("shape", ("cosine", "linear", "constant")),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be {' or '.join(choices)}, got {getattr(self, name)!r}"
                )
        for name in (*counts, *rates):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
            if math.isinf(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        if not 0 <= self.muon_momentum < 1:
            raise ValueError(f"muon_momentum must lie in [0, 1), got {self.muon_momentum}")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be two numbers in [0, 1), got {self.betas}")
        if self.target_loss is not None and not math.isfinite(self.target_loss):
            raise ValueError(
                f"target_loss must be finite, or None for none, got {self.target_loss}"
            )
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be positive, or None for none, got {self.clip_norm}")


@dataclass
class History:
    """What happened in a run.

    Args:
        losses: the loss of every step.
        evaluations: ``(step, loss)``, the step counted as steps done.
        seconds: how long it took, interruptions left out.
        reached: whether the target loss was reached.
    """

    losses: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    reached: bool = False


def train(
    model: nn.Module,
    batches: Batches,
    config: TrainingConfig,
    evaluate: Callable[[nn.Module], float] | None = None,
    log: Callable[[dict[str, Any]], None] | None = None,
    checkpoint: Path | None = None,
    progress: bool = False,
    schedule: Callable[..., float] | None = None,
    clip: Callable[[list[Tensor], float], list[Tensor]] | None = None,
) -> History:
    """Train a model, in place.

    Args:
        model: has ``loss(**batch)``; it is moved to the training device, and back at the end.
        batches: the batch of each step, on the CPU.
        config: how.
        evaluate: the model's loss on held-out data; called in evaluation mode without gradients,
            while the model is on the training device.
        log: takes one record (a dict of JSON values) after each evaluation and every 10 steps.
        checkpoint: a file to write the state to. If it exists, the run goes on from it.
        progress: show a progress bar.
        schedule: your own ``learning_rate_at``.
        clip: your own ``clip_gradients``.

    Raises:
        ValueError: the checkpoint belongs to another run.
        FloatingPointError: the loss is no longer a number.
    """
    device, home = training_device(), device_of(model)
    team = Team(device)
    with _left_as_found(model, home, team), _random_state_kept(device):
        optimizers = make_optimizers(model.to(device), config)
        history, start = History(), 0
        if checkpoint is not None and Path(checkpoint).exists():
            history, start = _resume(Path(checkpoint), model, optimizers, config)
        team.agree(model)
        run = _Run(model, optimizers, config, history, team)
        began = time.perf_counter() - history.seconds
        bar = tqdm(total=config.steps, initial=start, disable=not progress, unit="step", leave=True)
        with bar:
            for step in range(start, start if history.reached else config.steps):
                run.step(step, batches(step), schedule or learning_rate_at, clip)
                done = step + 1
                evaluated = evaluate is not None and _due(done, config.evaluate_every, config.steps)
                if evaluated:
                    run.evaluate(done, evaluate)
                told = evaluated or _due(done, 10, config.steps)
                kept = checkpoint is not None and (
                    history.reached or _due(done, config.checkpoint_every, config.steps)
                )
                if told or kept:
                    run.collect()
                    history.seconds = time.perf_counter() - began
                if told:
                    bar.set_postfix(loss=f"{history.losses[-1]:.4f}", refresh=False)
                    if log is not None and team.rank == 0:
                        log(_record(done, history))
                bar.update(1)
                if kept and team.rank == 0:
                    _save(Path(checkpoint), done, model, optimizers, history, config)
                if history.reached:
                    break
    return history


@dataclass
class _Run:
    """The moving parts of one run."""

    model: nn.Module
    optimizers: list[Optimizer]
    config: TrainingConfig
    history: History
    team: Team
    pending: list[Tensor] = field(default_factory=list)  # losses still on the device

    def __post_init__(self):
        self.peaks = [[group["lr"] for group in each.param_groups] for each in self.optimizers]

    def step(self, step: int, batch: dict[str, Tensor], schedule, clip) -> None:
        """One step of training."""
        config = self.config
        share = schedule(step, config.steps, 1.0, config.warmup, config.final, config.shape)
        for optimizer, peaks in zip(self.optimizers, self.peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * share
            optimizer.zero_grad()
        torch.manual_seed(config.seed * 1_000_003 + step * self.team.size + self.team.rank)
        device = self.team.device
        ours = self.team.share(batch)
        moved = {name: rows.to(device, non_blocking=True) for name, rows in ours.items()}
        self.model.train()
        mixed = config.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            loss = self.model.loss(**moved)
        loss.backward()
        self.team.average_gradients(self.model)
        _clip(self.model, config.clip_norm, clip)
        for optimizer in self.optimizers:
            optimizer.step()
        self.pending.append(loss.detach())

    def collect(self) -> None:
        """Bring the losses of the last steps over from the device."""
        if not self.pending:
            return
        losses = self.team.mean(torch.stack(self.pending).float().tolist())
        first = len(self.history.losses)
        for place, loss in enumerate(losses):
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"the loss of step {first + place} is {loss}; lower the learning rate, or "
                    "clip gradients (clip_norm)"
                )
        self.history.losses += losses
        self.pending.clear()

    def evaluate(self, done: int, measure: Callable[[nn.Module], float]) -> None:
        """Measure the model after so many steps, and see whether the target is reached."""
        self.collect()
        self.model.eval()
        with torch.inference_mode():
            loss = float(measure(self.model))
        self.history.evaluations.append((done, loss))
        self.history.reached = _reached(loss, self.config)


def _clip(model: nn.Module, max_norm: float | None, clip) -> None:
    if max_norm is None:
        return
    if clip is None:
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        return
    moved = [parameter for parameter in model.parameters() if parameter.grad is not None]
    clipped = clip([parameter.grad for parameter in moved], max_norm)
    for parameter, gradient in zip(moved, clipped, strict=True):
        parameter.grad = gradient


def _reached(loss: float, config: TrainingConfig) -> bool:
    return config.target_loss is not None and loss <= config.target_loss


def _due(done: int, every: int, steps: int) -> bool:
    return done == steps or (every > 0 and done % every == 0)


def _record(done: int, history: History) -> dict[str, Any]:
    record = {"step": done, "loss": history.losses[-1], "seconds": round(history.seconds, 3)}
    if history.evaluations and history.evaluations[-1][0] == done:
        record["validation_loss"] = history.evaluations[-1][1]
    return record


def _identity(config: TrainingConfig) -> dict[str, Any]:
    """What two parts of one run must agree on (how often it reports is its own affair)."""
    free = ("evaluate_every", "target_loss", "checkpoint_every")
    values = dataclasses.asdict(config)
    return {name: value for name, value in values.items() if name not in free} | {
        "betas": list(config.betas)
    }


def _save(path: Path, done: int, model, optimizers, history: History, config) -> None:
    tensors, rest = pack_optimizers(optimizers)
    tensors |= {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    notes = {"step": done, "optimizers": rest, "history": dataclasses.asdict(history)}
    notes |= {"training": _identity(config), "trained": _trained(model)}
    save_tensors(path, tensors, notes)


def _trained(model: nn.Module) -> list[str]:
    """The names of what is not frozen; the optimisers' state is by place among these."""
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def _check_trained(path: Path, theirs: list[str], ours: list[str]) -> None:
    """The run in the checkpoint trained what this one trains."""
    for more, less, what in ((ours, theirs, "did not train"), (theirs, ours, "trained")):
        changed = [name for name in more if name not in less]
        if changed:
            raise ValueError(
                f"{path} belongs to a run that {what} {', '.join(changed[:3])}, unlike this one; "
                "freeze the same weights, or use another checkpoint"
            )


def _resume(path: Path, model, optimizers: list[Optimizer], config) -> tuple[History, int]:
    tensors, notes = load_tensors(path)
    if "training" not in notes:
        raise ValueError(f"{path} holds a model, not a checkpoint of a run; give another file")
    theirs, ours = notes["training"], _identity(config)
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise ValueError(
                f"{path} belongs to a run with {name} = {theirs.get(name)!r}, this one has "
                f"{value!r}; use the same settings, or another checkpoint"
            )
    prefix = "model."
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    if set(weights) == set(model.state_dict()) and "trained" in notes:
        _check_trained(path, notes["trained"], _trained(model))
    load_weights(model, weights, str(path))
    unpack_optimizers(optimizers, tensors, notes["optimizers"])
    history = History(**notes["history"])
    history.evaluations = [(step, loss) for step, loss in history.evaluations]
    history.reached = bool(history.evaluations) and _reached(history.evaluations[-1][1], config)
    return history, notes["step"]


@contextmanager
def _left_as_found(model: nn.Module, home: torch.device, team: Team) -> Iterator[None]:
    """Whatever happens inside, the model's mode and device are put back and the team parts."""
    was_training = model.training
    try:
        yield
    finally:
        model.train(was_training).to(home)
        team.close()


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    """Leave torch's global generators as they were found."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
