"""The vocabulary in which an exercise is described; every other room only reads it.

An `Exercise` is written once, in `autograder/exercises/`, and used five times: for the instant
check in the notebook, for the final grade, for naming a mistake, for testing the tests, and for
comparing CPU with GPU. Nothing here runs learner code and nothing here keeps score.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder import probes

Observed = dict[str, Any]
"""What a probe hands back: a name a learner understands, to a value."""


class Draw:
    """Inputs for one trial of one case, drawn by the judge from one seed.

    The same seed gives the same inputs on every machine. Sizes should come from `size`, so that
    a function which works only for the sizes shown fails on unseen ones.

    Args:
        seed: any text; the judge mixes the course's secret, the exercise, the case and the trial.
    """

    def __init__(self, seed: str) -> None:
        number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
        self.random = random.Random(number)
        self.generator = torch.Generator().manual_seed(number % 2**63)

    def size(self, low: int, high: int) -> int:
        """A whole number, `low` to `high` inclusive."""
        return self.random.randint(low, high)

    def sizes(self, count: int, low: int, high: int) -> list[int]:
        """`count` different whole numbers between `low` and `high`, so swapped axes show."""
        return self.random.sample(range(low, high + 1), count)

    def normal(self, *shape: int, scale: float = 1.0) -> torch.Tensor:
        """Standard normal float32 values times `scale`, of the given shape."""
        return torch.randn(*shape, generator=self.generator) * scale

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Uniform float32 values in [low, high), of the given shape."""
        return torch.rand(*shape, generator=self.generator) * (high - low) + low

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """int64 values, `low` to `high` - 1, of the given shape."""
        return torch.randint(low, high, shape, generator=self.generator)

    def choice(self, options: Sequence[Any]) -> Any:
        """One of `options`."""
        return self.random.choice(list(options))

    def seed(self) -> int:
        """A seed to hand on to a probe."""
        return self.random.randrange(2**31)


@dataclass(frozen=True)
class Failure:
    """Why a property does not hold, in words.

    Args:
        text: one or two sentences for the learner; may quote values, which are shown for the
            visible seed only.
        code: a short key; two implementations make *the same mistake* in a case that compares no
            values when their failures have the same code.
    """

    text: str
    code: str = "property"


@dataclass(frozen=True)
class Case:
    """One named property of an exercise.

    Args:
        name: what holds, in a learner's words: "each row sums to 1".
        inputs: from a `Draw` to the probe's inputs by name, in the order of the parameters.
        probe: a function of `autograder.probes`: it runs in the worker, hands back named values.
        holds: (observed, expected, inputs) → `Failure` or None. A property with a better
            explanation than "the values differ"; it is asked first.
        values: also compare every observed value with the reference's. False for draws.
        guard: a guard (shape, dtype, input untouched) earns nothing alone.
        tolerance: widens the tolerance of `compare` by this factor.
        trials: how many different inputs are tried.
    """

    name: str
    inputs: Callable[[Draw], dict[str, Any]]
    probe: Callable[..., Observed] = probes.call
    holds: Callable[[Observed, Observed, dict[str, Any]], Failure | None] | None = None
    values: bool = True
    guard: bool = False
    tolerance: float = 1.0
    trials: int = 2


@dataclass(frozen=True)
class Misconception:
    """A mistake real learners make.

    Args:
        wrong: an implementation that makes it, with any name (the judge renames it).
        sentence: names the mistake and points at the cure.
        also: other ways to make the same mistake, where they give other values.
    """

    wrong: Callable[..., Any]
    sentence: str
    also: tuple[Callable[..., Any], ...] = ()

    @property
    def id(self) -> str:
        """A stable key for counts: the wrong implementation's name."""
        return self.wrong.__name__

    @property
    def ways(self) -> tuple[Callable[..., Any], ...]:
        """Every implementation that makes it."""
        return (self.wrong, *self.also)


@dataclass(frozen=True)
class Exercise:
    """One thing the learner builds.

    Args:
        id: the name the learner types; also the `grade_id` of the solution cell.
        title: what it does, in four or five words.
        reference: the package's own function or class of the same name.
        cases: at least three; value cases carry the points.
        hints: three, from a nudge to nearly the solution.
        misconceptions: at least two, each caught and named by the cases.
        alternatives: really different correct implementations, with any name.
        stands_on: ids of exercises of the same chapter whose functions this one may call.
        forbidden: dotted names of functions that would do the exercise instead of the learner,
            such as "torch.nn.functional.scaled_dot_product_attention".
        points, minutes, difficulty: difficulty from 1 to 5.
        kind: "build", "find the bug" or "predict".
    """

    id: str
    title: str
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    hints: tuple[str, str, str]
    misconceptions: tuple[Misconception, ...]
    alternatives: tuple[Callable[..., Any], ...]
    stands_on: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    points: int = 2
    minutes: int = 10
    difficulty: int = 2
    kind: str = "build"


@dataclass(frozen=True)
class Choice:
    """One answer of a quiz question, with why it is right or wrong."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Quiz:
    """One question on a main idea; exactly one choice is right, every choice is answered."""

    id: str
    question: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Chapter:
    """All the exercises and quiz questions of one chapter, in the order of the notebook.

    Args:
        name: the chapter's folder name, such as "02_attention".
        title: for people.
        version: a hash of the chapter's specification; notebooks and results carry it.
    """

    name: str
    title: str
    exercises: tuple[Exercise, ...]
    quizzes: tuple[Quiz, ...] = field(default=())
    version: str = ""

    def exercise(self, exercise_id: str) -> Exercise:
        """The exercise with this id.

        Raises:
            KeyError: there is none; the message lists those there are.
        """
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        known = ", ".join(exercise.id for exercise in self.exercises)
        raise KeyError(f"no exercise {exercise_id!r} in {self.name}; it has {known}")
