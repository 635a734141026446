"""Chapter 5, last part: the training step."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch05_mistakes_training as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer.training import optimizers, schedule

Inputs = dict[str, Any]


# adamw_step

_MOVED = ["parameter", "mean", "square"]


def _step(
    draw: Draw,
    first: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    decay: float = 0.01,
    scale: float = 1.0,
) -> Inputs:
    shape = draw.sizes(2, 2, 6)
    mean, square = draw.normal(*shape) * scale, draw.uniform(*shape, low=0.3, high=2.0) * scale**2
    arguments = {
        "parameter": draw.normal(*shape, scale=2),
        "gradient": draw.normal(*shape) * scale,
        "mean": torch.zeros(shape) if first else mean,
        "square": torch.zeros(shape) if first else square,
        "step": 1 if first else draw.size(2, 30),
        "learning_rate": draw.choice((0.05, 0.1, 0.3)),
        "betas": betas,
        "eps": eps,
        "weight_decay": decay,
    }
    return {"arguments": arguments, "names": _MOVED}


def _defaults(draw: Draw) -> Inputs:
    arguments = _step(draw)["arguments"]
    kept = list(arguments)[:6]
    return {"arguments": {name: arguments[name] for name in kept}, "names": _MOVED}


def _step_in_float64(draw: Draw) -> Inputs:
    inputs = _step(draw, decay=0.2)
    wide = {
        name: value.double() if isinstance(value, Tensor) else value
        for name, value in inputs["arguments"].items()
    }
    return {**inputs, "arguments": wide}


adamw_step = Exercise(
    id="adamw_step",
    title="one step of AdamW",
    reference=optimizers.adamw_step,
    cases=(
        Case("the first step", lambda d: _step(d, first=True, decay=0.0), probes.named),
        Case("a later step", lambda draw: _step(draw, decay=0.0), probes.named, trials=3),
        Case("weight decay pulls towards 0", lambda d: _step(d, decay=0.5), probes.named),
        Case("other betas", lambda draw: _step(draw, betas=(0.6, 0.8), decay=0.1), probes.named),
        Case(
            "eps keeps tiny gradients from large steps",
            lambda draw: _step(draw, eps=0.01, decay=0.0, scale=0.02),
            probes.named,
        ),
        Case("the usual settings, when nothing is said", _defaults, probes.named),
        Case("in float64", _step_in_float64, probes.named),
        Case(
            "parameter, gradient, mean and square are left as they were",
            lambda draw: _step(draw)["arguments"],
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "Go through the formulas line by line: new mean, new square, both corrected, then the "
        "step. The corrected ones are for this step only; the plain ones are returned.",
        "mean = betas[0] * mean + (1 - betas[0]) * gradient, and square likewise with gradient**2. "
        "The corrections divide by 1 - betas[0]**step and by 1 - betas[1]**step.",
        "change = weight_decay * parameter + corrected_mean / (corrected_square.sqrt() + eps); "
        "return parameter - learning_rate * change, mean, square.",
    ),
    misconceptions=(
        Misconception(
            m.adam_with_l2,
            "It looks as if weight decay is added to the gradient, and so to its averages. That is "
            "L2 in Adam; AdamW keeps the two apart: the decay goes straight to the parameter.",
        ),
        Misconception(
            m.adamw_uncorrected,
            "It looks as if the bias correction is left out. The averages begin at 0 and are too "
            "small at first: divide them by 1 - beta to the power of step.",
            also=(m.adamw_mean_uncorrected, m.adamw_square_uncorrected),
        ),
        Misconception(
            m.adamw_one_step_ahead,
            "It looks as if the steps are not counted from 1. The power in the bias correction is "
            "step itself.",
            also=(m.adamw_one_step_behind,),
        ),
        Misconception(
            m.adamw_keeps_the_corrected,
            "It looks as if the corrected averages are returned, so the next step corrects them "
            "again. Return mean and square as they are before the correction.",
        ),
        Misconception(
            m.adamw_eps_inside,
            "It looks as if eps stands inside the root. Here it is added to the root.",
        ),
        Misconception(
            m.adamw_without_root,
            "It looks as if the root is missing. Divide by the root of the mean square, so that "
            "the step has no unit.",
        ),
        Misconception(
            m.adamw_decay_at_full_rate,
            "It looks as if the decay is not multiplied by the learning rate. Both parts of the "
            "change are.",
        ),
        Misconception(
            m.adamw_without_decay,
            "It looks as if the weight decay is missing. That is Adam; the W stands for the decay.",
        ),
        Misconception(
            m.adamw_grows,
            "It looks as if the step goes up the slope. Subtract the direction as well as the "
            "decay.",
            also=(m.adamw_climbs,),
        ),
        Misconception(
            m.adamw_betas_exchanged,
            "It looks as if the betas are exchanged. The first is for the mean, the second for the "
            "square.",
        ),
        Misconception(
            m.adamw_weights_exchanged,
            "It looks as if beta is the share of the new gradient. It is the share of the old "
            "average, and 1 - beta that of the new gradient.",
        ),
        Misconception(
            m.adamw_squares_the_mean,
            "It looks as if the mean is squared. The second average is of squared gradients.",
        ),
        Misconception(
            m.adamw_sums_gradients,
            "It looks as if the new gradient comes in with its full weight. It is multiplied by 1 "
            "- beta, so that the average stays an average.",
        ),
        Misconception(
            m.adamw_in_place,
            "It looks as if mean and square are changed in place. Make new tensors.",
        ),
    ),
    alternatives=(m.adamw_decay_first, m.adamw_as_torch_does),
    forbidden=("fused_adamw", "adamw"),
    points=2,
    minutes=12,
    difficulty=3,
)


# clip_gradients


def _long(draw: Draw) -> Inputs:
    """Of several shapes, some long and some short, together longer than allowed."""
    shapes = (draw.sizes(2, 2, 6), [draw.size(3, 8)], draw.sizes(3, 2, 4))
    scales = draw.random.sample((0.1, 1.0, 3.0), 3)
    gradients = [draw.normal(*shape) * scale for shape, scale in zip(shapes, scales, strict=True)]
    return {"gradients": gradients, "max_norm": draw.choice((0.5, 1.5, 2.0))}


def _short(draw: Draw) -> Inputs:
    inputs = _long(draw)
    total = float(torch.cat([gradient.flatten() for gradient in inputs["gradients"]]).norm())
    return {**inputs, "max_norm": total * draw.choice((1.05, 1.5, 4.0))}


def _a_little_long(draw: Draw) -> Inputs:
    inputs = _short(draw)
    total = float(torch.cat([gradient.flatten() for gradient in inputs["gradients"]]).norm())
    return {**inputs, "max_norm": 0.97 * total}


def _single(draw: Draw) -> Inputs:
    return {"gradients": [draw.normal(draw.size(4, 9), scale=4)], "max_norm": 0.5}


def _zeros(draw: Draw) -> Inputs:
    return {"gradients": [torch.zeros(draw.size(2, 5)), torch.zeros(2, 3)], "max_norm": 1.0}


def _is_short(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    norm = torch.cat([gradient.flatten() for gradient in observed["result"]]).norm()
    if not norm <= inputs["max_norm"] * 1.001:
        text = f"All gradients together should have length {inputs['max_norm']:.3g} at most, "
        return Failure(f"{text}and have {norm:.3g}.", "too long")
    return None


clip_gradients = Exercise(
    id="clip_gradients",
    title="no step too long",
    reference=schedule.clip_gradients,
    cases=(
        Case("long gradients are shortened, all by one factor", _long, holds=_is_short, trials=3),
        Case("short gradients stay as they are", _short, trials=3, guard=True),
        Case("gradients that are a little too long", _a_little_long, holds=_is_short),
        Case("a single gradient", _single, holds=_is_short),
        Case("gradients of nothing but zeros", _zeros, guard=True),
        Case("the gradients are left as they were", _long, probes.untouched, guard=True),
    ),
    hints=(
        "Think of all gradients laid end to end as one long vector. How long is it? And which "
        "factor brings it to max_norm?",
        "The length is the root of the sum of all squares, of all tensors. The factor is never "
        "more than 1.",
        "norm = torch.stack([g.norm() for g in gradients]).norm(); factor = (max_norm / "
        "norm).clamp(max=1.0); return [g * factor for g in gradients].",
    ),
    misconceptions=(
        Misconception(
            m.clip_always,
            "It looks as if gradients are always rescaled to max_norm. Short ones stay as they "
            "are: the factor is never more than 1.",
        ),
        Misconception(
            m.clip_each,
            "It looks as if each tensor is clipped by itself. That bends the direction; measure "
            "all together, and use one factor for all.",
        ),
        Misconception(
            m.clip_by_value,
            "It looks as if single numbers are cut off. That bends the direction; multiply all by "
            "one factor.",
        ),
        Misconception(
            m.clip_by_sum_of_norms,
            "It looks as if the lengths of the tensors are added. The length of the whole is the "
            "root of the sum of their squares.",
        ),
        Misconception(
            m.clip_without_root,
            "It looks as if the root is missing in the length.",
        ),
        Misconception(
            m.clip_by_largest,
            "It looks as if the longest tensor's length is taken for the whole. Sum the squares of "
            "all.",
        ),
        Misconception(
            m.clip_upside_down,
            "It looks as if the fraction is upside down. The factor is max_norm / norm.",
        ),
        Misconception(
            m.clip_the_short,
            "It looks as if short gradients are made longer and long ones stay. It is the other "
            "way round: the factor is at most 1.",
        ),
        Misconception(
            m.clip_to_unit,
            "It looks as if long gradients get length 1. They get length max_norm.",
        ),
        Misconception(
            m.clip_in_place,
            "It looks as if the gradients themselves are changed. Return new tensors.",
        ),
    ),
    alternatives=(m.clip_as_torch_does, m.clip_by_one_long_vector),
    points=1,
    minutes=8,
    difficulty=2,
)


# learning_rate_at


def _plan(draw: Draw) -> Inputs:
    warmup = draw.size(4, 9)
    return {
        "steps": warmup + 2 * draw.size(8, 20),
        "peak": float(draw.choice((0.3, 1.0, 2.5))),
        "warmup": warmup,
        "final": float(draw.choice((0.05, 0.1, 0.2))),
    }


def _at(plan: Inputs, *steps: int) -> Inputs:
    return {f"step {step}": {"step": step, **plan} for step in steps}


def _climb(draw: Draw) -> Inputs:
    plan = _plan(draw)
    return _at(plan, *range(plan["warmup"]))


def _top(draw: Draw) -> Inputs:
    plan = _plan(draw)
    return _at(plan, plan["warmup"] - 1, plan["warmup"], plan["warmup"] + 1)


def _descent(draw: Draw) -> Inputs:
    plan = _plan(draw)
    half = (plan["steps"] - plan["warmup"]) // 2
    places = (half // 2, half, half + half // 2, 2 * half - 1)
    return _at(plan, *(plan["warmup"] + place for place in places))


def _end(draw: Draw) -> Inputs:
    plan = _plan(draw)
    return _at(plan, plan["steps"], plan["steps"] + 1, 2 * plan["steps"])


def _without_warmup(draw: Draw) -> Inputs:
    steps, peak = draw.size(20, 60), draw.choice((0.3, 2.0))
    return {
        f"step {step}": {"step": step, "steps": steps, "peak": peak} for step in (0, 1, 7, steps)
    }


learning_rate_at = Exercise(
    id="learning_rate_at",
    title="warm up, then cool down",
    reference=schedule.learning_rate_at,
    cases=(
        Case("it climbs in a straight line", _climb, probes.several),
        Case("it reaches the peak at the end of the warm-up", _top, probes.several),
        Case("then it falls like a cosine", _descent, probes.several),
        Case("it ends at the final rate, and stays there", _end, probes.several, guard=True),
        Case("without warm-up it begins at the peak", _without_warmup, probes.several),
    ),
    hints=(
        "Two pieces: an if for the climb, and the cosine for all that comes after. r says how far "
        "the descent has come: 0 right after the warm-up, 1 at the end.",
        "In the climb, step 0 already gets a share: (step + 1) / warmup. In the descent r = (step "
        "- warmup) / (steps - warmup), and no more than 1.",
        "r = min(1.0, (step - warmup) / (steps - warmup)); return final + (peak - final) * (1 + "
        "math.cos(math.pi * r)) / 2.",
    ),
    misconceptions=(
        Misconception(
            m.rate_starts_at_zero,
            "It looks as if the warm-up is off by one: step 0 gets the rate 0, and learns nothing. "
            "Count it as the first: (step + 1) / warmup.",
            also=(m.rate_one_step_longer,),
        ),
        Misconception(
            m.rate_cosine_over_all,
            "It looks as if the cosine begins at step 0. It begins after the warm-up: r = (step - "
            "warmup) / (steps - warmup).",
        ),
        Misconception(
            m.rate_ends_too_late,
            "It looks as if the descent is divided by all the steps, so it is not finished at the "
            "end. It has steps - warmup steps.",
        ),
        Misconception(
            m.rate_linear,
            "It looks as if the descent is a straight line. Use (1 + cos(π r)) / 2.",
        ),
        Misconception(
            m.rate_quarter_wave,
            "It looks as if this is a quarter of a cosine wave. (1 + cos(π r)) / 2 is half a wave, "
            "flat at both ends.",
        ),
        Misconception(
            m.rate_below_zero,
            "It looks as if cos(π r) is used as it is, which falls to -1. Add 1 and halve it.",
        ),
        Misconception(
            m.rate_rises_again,
            "It looks as if the rate rises again after the end. Let r be no more than 1.",
        ),
        Misconception(
            m.rate_adds_final,
            "It looks as if final is added on top, so the peak is too high. The cosine spans peak "
            "- final.",
        ),
        Misconception(
            m.rate_without_final,
            "It looks as if the rate falls to 0. It ends at final.",
        ),
        Misconception(
            m.rate_without_warmup,
            "It looks as if there is no warm-up: the first steps have the full rate.",
        ),
    ),
    alternatives=(m.rate_by_half_angle, m.rate_by_sine),
    points=1,
    minutes=8,
    difficulty=2,
)
