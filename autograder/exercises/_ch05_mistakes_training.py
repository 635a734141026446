"""Chapter 5's mistakes with the training step, and other right ways to write it.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

# adamw_step

Three = tuple[Tensor, Tensor, Tensor]
Betas = tuple[float, float]


def _moments(gradient: Tensor, mean: Tensor, square: Tensor, betas: Betas) -> tuple[Tensor, Tensor]:
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    return mean, betas[1] * square + (1 - betas[1]) * gradient**2


def _direction(mean: Tensor, square: Tensor, step: float, betas: Betas, eps: float) -> Tensor:
    return mean / (1 - betas[0] ** step) / ((square / (1 - betas[1] ** step)).sqrt() + eps)


def adam_with_l2(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    gradient = gradient + weight_decay * parameter
    mean, square = _moments(gradient, mean, square, betas)
    return parameter - learning_rate * _direction(mean, square, step, betas, eps), mean, square


def adamw_uncorrected(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter + mean / (square.sqrt() + eps)
    return parameter - learning_rate * change, mean, square


def adamw_mean_uncorrected(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter
    change = change + mean / ((square / (1 - betas[1] ** step)).sqrt() + eps)
    return parameter - learning_rate * change, mean, square


def adamw_square_uncorrected(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter + mean / (1 - betas[0] ** step) / (square.sqrt() + eps)
    return parameter - learning_rate * change, mean, square


def adamw_one_step_ahead(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter + _direction(mean, square, step + 1, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_one_step_behind(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter + _direction(mean, square, step - 1, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_keeps_the_corrected(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    mean, square = mean / (1 - betas[0] ** step), square / (1 - betas[1] ** step)
    change = weight_decay * parameter + mean / (square.sqrt() + eps)
    return parameter - learning_rate * change, mean, square


def adamw_eps_inside(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    root = (square / (1 - betas[1] ** step) + eps).sqrt()
    change = weight_decay * parameter + mean / (1 - betas[0] ** step) / root
    return parameter - learning_rate * change, mean, square


def adamw_without_root(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter
    change = change + mean / (1 - betas[0] ** step) / (square / (1 - betas[1] ** step) + eps)
    return parameter - learning_rate * change, mean, square


def adamw_decay_at_full_rate(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    moved = parameter - learning_rate * _direction(mean, square, step, betas, eps)
    return moved - weight_decay * parameter, mean, square


def adamw_without_decay(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    return parameter - learning_rate * _direction(mean, square, step, betas, eps), mean, square


def adamw_grows(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter - _direction(mean, square, step, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_climbs(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter + _direction(mean, square, step, betas, eps)
    return parameter + learning_rate * change, mean, square


def adamw_betas_exchanged(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    betas = betas[::-1]
    mean, square = _moments(gradient, mean, square, betas)
    change = weight_decay * parameter + _direction(mean, square, step, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_weights_exchanged(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean = (1 - betas[0]) * mean + betas[0] * gradient
    square = (1 - betas[1]) * square + betas[1] * gradient**2
    change = weight_decay * parameter + _direction(mean, square, step, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_squares_the_mean(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * mean**2
    change = weight_decay * parameter + _direction(mean, square, step, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_sums_gradients(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = betas[0] * mean + gradient, betas[1] * square + gradient**2
    change = weight_decay * parameter + _direction(mean, square, step, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_in_place(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean.mul_(betas[0]).add_(gradient, alpha=1 - betas[0])
    square.mul_(betas[1]).add_(gradient**2, alpha=1 - betas[1])
    change = weight_decay * parameter + _direction(mean, square, step, betas, eps)
    return parameter - learning_rate * change, mean, square


def adamw_decay_first(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = (
        torch.lerp(gradient, mean, betas[0]),
        square + (1 - betas[1]) * (gradient.square() - square),
    )
    shrunk = parameter * (1 - learning_rate * weight_decay)
    return shrunk - learning_rate * _direction(mean, square, step, betas, eps), mean, square


def adamw_as_torch_does(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int,
    learning_rate: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Three:  # fmt: skip
    mean, square = _moments(gradient, mean, square, betas)
    size = learning_rate / (1 - betas[0] ** step)
    root = square.sqrt() / math.sqrt(1 - betas[1] ** step) + eps
    return parameter - learning_rate * weight_decay * parameter - size * mean / root, mean, square


# clip_gradients


def _norm(gradients: Sequence[Tensor]) -> Tensor:
    return torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()


def clip_always(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    factor = max_norm / _norm(gradients)
    return [gradient * factor for gradient in gradients]


def clip_each(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    return [g * (max_norm / g.norm()).clamp(max=1.0) for g in gradients]


def clip_by_value(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    return [gradient.clamp(-max_norm, max_norm) for gradient in gradients]


def clip_by_sum_of_norms(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    norm = torch.stack([gradient.norm() for gradient in gradients]).sum()
    return [gradient * (max_norm / norm).clamp(max=1.0) for gradient in gradients]


def clip_without_root(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    norm = _norm(gradients) ** 2
    return [gradient * (max_norm / norm).clamp(max=1.0) for gradient in gradients]


def clip_by_largest(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    norm = torch.stack([gradient.norm() for gradient in gradients]).max()
    return [gradient * (max_norm / norm).clamp(max=1.0) for gradient in gradients]


def clip_upside_down(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    factor = (_norm(gradients) / max_norm).clamp(max=1.0)
    return [gradient * factor for gradient in gradients]


def clip_the_short(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    factor = (max_norm / _norm(gradients)).clamp(min=1.0)
    return [gradient * torch.where(factor.isfinite(), factor, 1.0) for gradient in gradients]


def clip_to_unit(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    norm = _norm(gradients)
    factor = 1 / norm if norm > max_norm else 1.0
    return [gradient * factor for gradient in gradients]


def clip_in_place(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    factor = (max_norm / _norm(gradients)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor)
    return list(gradients)


def clip_as_torch_does(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    factor = min(1.0, max_norm / (float(_norm(gradients)) + 1e-6))
    return [gradient * factor for gradient in gradients]


def clip_by_one_long_vector(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    if norm <= max_norm:
        return [gradient.clone() for gradient in gradients]
    return [gradient / norm * max_norm for gradient in gradients]


# learning_rate_at


def rate_starts_at_zero(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * step / warmup
    progress = min(1.0, (step - warmup) / (steps - warmup))
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2


def rate_one_step_longer(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    progress = min(1.0, (step - warmup) / (steps - warmup))
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2


def rate_cosine_over_all(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    return final + (peak - final) * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


def rate_ends_too_late(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / steps)
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2


def rate_linear(step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    return final + (peak - final) * (1 - min(1.0, (step - warmup) / (steps - warmup)))


def rate_quarter_wave(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / (steps - warmup))
    return final + (peak - final) * math.cos(math.pi * progress / 2)


def rate_below_zero(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / (steps - warmup))
    return final + (peak - final) * math.cos(math.pi * progress)


def rate_rises_again(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / (steps - warmup)
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2


def rate_adds_final(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / (steps - warmup))
    return final + peak * (1 + math.cos(math.pi * progress)) / 2


def rate_without_final(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / (steps - warmup))
    return peak * (1 + math.cos(math.pi * progress)) / 2


def rate_without_warmup(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    progress = min(1.0, max(0, step - warmup) / (steps - warmup))
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2


def rate_by_half_angle(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    if warmup and step + 1 <= warmup:
        return (step + 1) / warmup * peak
    if step >= steps:
        return final
    share = math.cos((step - warmup) / (steps - warmup) * math.pi / 2) ** 2
    return share * peak + (1 - share) * final


def rate_by_sine(step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0) -> float:
    climb = min(1.0, (step + 1) / warmup) if warmup else 1.0
    if climb < 1:
        return peak * climb
    past = max(0, min(step, steps) - warmup)
    middle, swing = (peak + final) / 2, (peak - final) / 2
    return middle - swing * math.sin(math.pi * (past / (steps - warmup) - 0.5))
