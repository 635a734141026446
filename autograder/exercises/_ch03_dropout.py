"""Chapter 3, third part: dropout, judged by what must hold of every draw and by exact tests."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.chances import improbable
from autograder.exercises import _ch03_mistakes_layers as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import blocks

Inputs = dict[str, Any]

RATES = (0.1, 0.2, 0.3, 0.75, 0.85)
"""Far enough from a half, and from each other's rest, for 1 - rate to be told from rate."""


def badly_dropped(before: Tensor, after: Tensor, rate: float) -> Failure | None:
    """What says that this is not dropout at this rate.

    Args:
        before: (rows, columns), without zeros.
        after: the same shape.
    """
    factor = after.double() / before.double()  # 0 or 1 / (1 - rate)
    gone = after == 0
    failure = _badly_scaled(factor[~gone], rate)
    n, count = gone.numel(), int(gone.sum())
    if improbable(count, n, rate):
        text = f"{count} of {n} numbers became 0, and the rate is {rate}."
        known = {"the rest": 1 - rate, "none": 0.0, "all": 1.0, "half": 0.5}
        fits = [name for name, share in known.items() if not improbable(count, n, share)]
        scaled = failure.code if failure else "right scale"
        return Failure(text, f"share: {', '.join(fits) or 'other'}; {scaled}")
    return failure or _dependent(gone, rate)


def _badly_scaled(factor: Tensor, rate: float) -> Failure | None:
    right = 1 / (1 - rate)
    if not factor.numel() or (factor - right).abs().max() < 1e-4 * right:
        return None
    text = f"A number that stays should be multiplied by {right:.3g}"
    known = {"1": 1.0, "the share that stays": 1 - rate, "1 over the rate": 1 / rate, "2": 2.0}
    for name, other in known.items():
        if (factor - other).abs().max() < 1e-4 * other:
            return Failure(f"{text}, and is multiplied by {other:.3g}.", f"scale {name}")
    return Failure(f"{text}; one is multiplied by {factor.flatten()[0]:.3g}.", "scale")


def _dependent(gone: Tensor, rate: float) -> Failure | None:
    """Whether neighbours in a row or in a column share their fate too often or too rarely."""
    agree = rate**2 + (1 - rate) ** 2
    for axis, name in ((1, "row"), (0, "column")):
        size = gone.shape[axis] // 2 * 2
        pairs = gone.narrow(axis, 0, size).unflatten(axis, (-1, 2))
        same = pairs.select(axis + 1, 0) == pairs.select(axis + 1, 1)
        if improbable(int(same.sum()), same.numel(), agree):
            return Failure(f"Numbers in one {name} share one fate.", f"dependent {name}")
    return None


def _table(draw: Draw) -> Tensor:
    """(rows, columns), without zeros."""
    rows, columns = draw.choice(((60, 50), (51, 58), (43, 72)))
    x = draw.uniform(rows, columns, low=0.5, high=3.0)
    return torch.where(draw.uniform(rows, columns) < 0.5, x, -x)


def _arguments(draw: Draw, training: bool = True) -> Inputs:
    return {"x": _table(draw), "rate": draw.choice(RATES), "training": training}


def _draws(draw: Draw, double: bool = False) -> Inputs:
    arguments = _arguments(draw)
    if double:
        arguments["x"] = arguments["x"].double()
    seed = draw.seed()
    return {"arguments": arguments, "seed": seed, "other_seed": seed + draw.size(1, 99)}


def _well_dropped(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    arguments = inputs.get("arguments", inputs)
    result = observed.get("draws", observed.get("result"))
    return badly_dropped(arguments["x"], result, arguments["rate"])


def _well_scaled(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    arguments, after = inputs["arguments"], observed["draws"]
    if not after.any():
        return Failure("Nothing stays: every number became 0.", "nothing stays")
    factor = after.double() / arguments["x"].double()
    return _badly_scaled(factor[after != 0], arguments["rate"])


def _repeatable(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if not torch.equal(observed["draws"], observed["draws again, same seed"]):
        return Failure("The same seed gave other draws.", "seed")
    if torch.equal(observed["draws"], observed["draws, another seed"]):
        return Failure("Another seed gave the same draws.", "another seed")
    return _well_dropped(observed, expected, inputs)


def _batch_of_sentences(draw: Draw) -> Inputs:
    """As `_draws`, with neighbours of a row in different sentences."""
    inputs = _draws(draw)
    x = inputs["arguments"]["x"].unflatten(1, (-1, 2)).movedim(-1, 0).contiguous()
    return {**inputs, "arguments": {**inputs["arguments"], "x": x}}


def _anew(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if torch.equal(observed["draws"], observed["the next draws"]):
        return Failure("The next call with the same generator gave the same draws.", "generator")
    if torch.equal(observed["draws of its own"], observed["the next of its own"]):
        return Failure("Without a generator, every call gives the same draws.", "own generator")
    x, dropped = inputs["arguments"]["x"], observed["draws"]
    before, after = (value.movedim(0, -1).flatten(1) for value in (x, dropped))
    return badly_dropped(before, after, inputs["arguments"]["rate"])


def _one_number(draw: Draw) -> Inputs:
    x = draw.uniform(1, low=0.5, high=3.0)
    return {f"call {n}": {"x": x, "rate": 0.5, "training": True} for n in range(1, 41)}


def _half_of_the_calls(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    results = torch.cat(list(observed.values()))
    count = int((results == 0).sum())
    if improbable(count, len(results), 0.5):
        code = {0: "never", len(results): "always"}.get(count, "other")
        return Failure(f"At the rate 0.5 it became 0 in {count} of {len(results)} calls.", code)
    return None


def _gradient(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """The gradient is dropped and scaled as the numbers are."""
    x = inputs["arguments"]["x"]
    generator = torch.Generator().manual_seed(inputs["cotangent_seed"])
    cotangent = torch.randn(x.shape, generator=generator)
    return badly_dropped(cotangent, observed["gradient of x"], inputs["arguments"]["rate"])


def _evaluations(draw: Draw) -> Inputs:
    x = _table(draw)
    return {
        f"at rate {rate}": {"x": x, "rate": rate, "training": False} for rate in (0.0, *RATES[:3])
    }


def _one_vector(draw: Draw) -> Inputs:
    """Neither two axes nor a batch."""
    return {"x": draw.normal(draw.size(4, 9)), "rate": draw.choice(RATES), "training": False}


dropout = Exercise(
    id="dropout",
    title="forget some, at random",
    reference=blocks.dropout,
    cases=(
        Case(
            "what stays is multiplied by 1 / (1 - rate)",
            _draws,
            probes.draws,
            holds=_well_scaled,
            values=False,
        ),
        Case(
            "each number becomes 0 with probability rate, on its own",
            lambda draw: _draws(draw, double=True),
            probes.draws,
            holds=_well_dropped,
            values=False,
        ),
        Case(
            "the same seed gives the same draws, another seed others",
            _draws,
            probes.draws,
            holds=_repeatable,
            values=False,
        ),
        Case(
            "the generator may be left out",
            _arguments,
            holds=_well_dropped,
            values=False,
        ),
        Case(
            "every call draws anew, for a batch of sentences too",
            _batch_of_sentences,
            probes.draws_on,
            holds=_anew,
            values=False,
            trials=1,
        ),
        Case(
            "one number alone becomes 0 in about half of the calls",
            _one_number,
            probes.several,
            holds=_half_of_the_calls,
            values=False,
            trials=1,
        ),
        Case(
            "outside training everything stays as it is", _evaluations, probes.several, guard=True
        ),
        Case("one vector, outside training", _one_vector, guard=True),
        Case(
            "at rate 0 everything stays as it is",
            lambda draw: {"x": _table(draw), "rate": 0.0, "training": True},
            guard=True,
        ),
        Case(
            "gradients go through what stays",
            lambda draw: {"arguments": _arguments(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
            holds=_gradient,
            values=False,
        ),
        Case("the numbers are left as they were", _arguments, probes.untouched, guard=True),
    ),
    hints=(
        "Outside training there is nothing to do. In training, draw one random number for each "
        "number of x; which of them decide that a number stays?",
        "torch.rand(x.shape, generator=generator) is uniform from 0 to 1, so it lies below rate "
        "with probability rate. A bool tensor multiplies like ones and zeros.",
        "kept = torch.rand(x.shape, generator=generator) >= rate; in training return x * kept / "
        "(1 - rate), otherwise x.",
    ),
    misconceptions=(
        Misconception(
            m.drop_without_scaling,
            "It looks as if what stays is not scaled up. Divide by (1 - rate), so that the mean "
            "stays what it was.",
        ),
        Misconception(
            m.drop_scaled_down,
            "It looks as if what stays is multiplied by (1 - rate). Divide by it: some numbers are "
            "gone, so the others must grow.",
        ),
        Misconception(
            m.drop_scaled_by_rate,
            "It looks as if what stays is divided by rate. Divide by the share that stays, 1 - "
            "rate.",
        ),
        Misconception(
            m.drop_scaled_in_eval,
            "It looks as if the scaling happens outside training. Scale in training, by "
            "1 / (1 - rate); outside, return x as it is.",
            also=(m.drop_scaled_up_in_eval,),
        ),
        Misconception(
            m.drop_in_eval_too,
            "It looks as if numbers are dropped outside training as well. Look at training first: "
            "when it is False, return x.",
        ),
        Misconception(
            m.drop_in_eval_only,
            "It looks as if training is taken the wrong way round. Drop when it is True.",
        ),
        Misconception(
            m.drop_nothing,
            "It looks as if nothing is dropped in training.",
        ),
        Misconception(
            m.drop_what_should_stay,
            "It looks as if rate is the share that stays. It is the share that goes: keep where "
            "the random number is at least rate.",
            also=(m.drop_as_a_share_to_keep,),
        ),
        Misconception(
            m.drop_whole_rows,
            "It looks as if a whole row or column goes at once. Draw one random number for every "
            "number: torch.rand(x.shape, …).",
            also=(m.drop_whole_columns,),
        ),
        Misconception(
            m.drop_without_generator,
            "It looks as if the generator is not used, so no seed can repeat the draws. Hand it on "
            "with generator=generator.",
        ),
        Misconception(
            m.drop_with_fixed_seed,
            "It looks as if the seed is fixed inside the function, and the same places go every "
            "time. Draw from the generator that the caller hands over.",
        ),
        Misconception(
            m.drop_begins_again,
            "It looks as if the draws begin again with every call. Draw from the generator itself: "
            "it goes on where it stopped. Do not start another with its seed.",
        ),
        Misconception(
            m.drop_begins_again_without_generator,
            "It looks as if every call gives the same draws when no generator is handed over. Hand "
            "None on as it is: torch then uses a generator of its own.",
        ),
        Misconception(
            m.drop_alike_in_all_sentences,
            "It looks as if all sentences of a batch lose the same places. Draw one random number "
            "for every number of x: torch.rand(x.shape, …).",
        ),
        Misconception(
            m.drop_an_exact_share,
            "It looks as if a fixed number of places is dropped each time. Each number goes or "
            "stays on its own: compare torch.rand(x.shape, …) with rate.",
        ),
        Misconception(
            m.drop_by_bell_curve,
            "It looks as if the random numbers come from a bell curve (randn). torch.rand draws "
            "from 0 to 1, so that rate is a probability.",
        ),
        Misconception(
            m.drop_in_place,
            "It looks as if zeros are written into x itself. Make a new tensor: x * kept.",
            also=(m.drop_in_place_openly,),
        ),
        Misconception(
            m.drop_always_half,
            "It looks as if the rate is always a half. Use the parameter rate.",
        ),
    ),
    alternatives=(m.drop_by_bernoulli, m.drop_by_filling, m.drop_by_choosing),
    forbidden=("dropout", "alpha_dropout", "feature_dropout"),
    points=2,
    minutes=10,
    difficulty=2,
)
