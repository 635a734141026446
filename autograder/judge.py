"""Scores observations against the specification. It never runs learner code.

`trials` draws the inputs and computes what the reference gives; `judge` compares what was seen
with that, says case by case what holds and why not, and names the mistake when exactly one known
misconception explains everything that was seen.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograder import exercises
from autograder.compare import all_finite, differences
from autograder.messages import capital
from autograder.results import CaseResult
from autograder.runner import observe
from autograder.sandbox import codec
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed

LONGEST = 2000
"""Characters of an explanation: a learner's values may be of any length."""

VISIBLE = "visible"
"""The secret of the notebook's instant check: everybody may know these inputs."""

ANY_FUNCTION = "function"
"""A forbidden function that is not named."""


@dataclass(frozen=True)
class Trial:
    """One case on one drawn input, with what the reference gives."""

    case: Case
    inputs: dict[str, Any]
    expected: Observed


@dataclass(frozen=True)
class Judgement:
    """What the judge found out about one function.

    Args:
        cases: one verdict a case, explained with values.
        misconception: the one known mistake that explains everything that was seen, if any.
        shortcut: the forbidden function that was called, if any.
        error: the first exception: {"type", "message", "line", "cell"}.
        not_started: every case ended in the stub's NotImplementedError().
    """

    cases: tuple[CaseResult, ...]
    misconception: Misconception | None = None
    shortcut: str = ""
    error: dict[str, Any] | None = None
    not_started: bool = False

    @property
    def share(self) -> float:
        """The part of the points that is earned; guards earn nothing unless a value case holds."""
        if self.shortcut or not any(case.passed for case in self.cases if not case.guard):
            return 0.0
        return sum(case.passed for case in self.cases) / len(self.cases)

    @property
    def right(self) -> bool:
        """Whether everything holds and nothing forbidden was called."""
        return self.share == 1.0


@functools.lru_cache(maxsize=4096)
def trials(chapter: str, exercise_id: str, secret: str) -> tuple[Trial, ...]:
    """All trials of an exercise under one secret; the same secret gives the same inputs.

    Args:
        secret: `VISIBLE` for the instant check, the course's secret for a grade.
    """
    exercise = exercises.load(chapter).exercise(exercise_id)
    drawn = []
    for case in exercise.cases:
        for number in range(case.trials):
            draw = Draw(f"{secret}|{chapter}|{exercise_id}|{case.name}|{number}")
            inputs = case.inputs(draw)
            seen = watch(exercise.id, exercise.reference, case, inputs)
            if "values" not in seen:
                raise RuntimeError(f"the reference of {exercise_id} fails {case.name!r}: {seen}")
            drawn.append(Trial(case, inputs, seen["values"]))
    return tuple(drawn)


def watch(name: str, target: Any, case: Case, inputs: dict[str, Any]) -> dict[str, Any]:
    """Observe our own code (a reference, a misconception) as a worker would observe a learner's."""
    fresh = codec.normal(inputs)
    seen: dict[str, Any] = codec.normal(observe({name: target}, name, case.probe.__name__, fresh))
    return seen


def judge(
    exercise: Exercise, chapter: str, secret: str, seen: Sequence[dict[str, Any]]
) -> Judgement:
    """The verdict on one function.

    Args:
        exercise: its specification.
        chapter, secret: as for `trials`.
        seen: one observation a trial, in the order of `trials`.
    """
    drawn = trials(chapter, exercise.id, secret)
    failures = [verdict(trial, one) for trial, one in zip(drawn, seen, strict=True)]
    cases = []
    for case in exercise.cases:
        broken = [f for t, f in zip(drawn, failures, strict=True) if t.case is case and f]
        text = broken[0].text[:LONGEST] if broken else ""
        cases.append(CaseResult(case.name, not broken, case.guard, text))
    errors = [one["error"] for one in seen if "error" in one]
    stub = {("NotImplementedError", "")}  # torch's own say what is not implemented
    idle = len(errors) == len(seen) and {(e["type"], e["message"]) for e in errors} == stub
    shortcut = next((one["shortcut"] for one in seen if one.get("shortcut")), "")
    shortcut = shortcut and _known(shortcut, exercise)
    named = None
    if any(failures) and not idle and not shortcut:
        named = diagnose(exercise, chapter, secret, seen, failures)
    return Judgement(tuple(cases), named, shortcut, errors[0] if errors else None, idle)


def _known(shortcut: str, exercise: Exercise) -> str:
    """The forbidden function as the specification spells it: a worker can say any name."""
    return next((name for name in exercise.forbidden if shortcut.startswith(name)), ANY_FUNCTION)


def verdict(trial: Trial, seen: dict[str, Any]) -> Failure | None:
    """Why one observation is not what the case asks for, or None.

    Kinds, shapes and dtypes are compared first, so that a property is only asked of values that
    can have it.
    """
    if "error" in seen:
        error = seen["error"]
        where = f" (line {error['line']})" if error["line"] else ""
        said = f": {error['message']}" if error["message"] else ""
        return Failure(f"it raised {error['type']}{said}{where}", f"error {error['type']}")
    case, values = trial.case, seen["values"]
    found = differences(trial.expected, values, case.tolerance)
    if found and found.kind != "value":
        return Failure(found.text, found.kind)
    failure = _property(case, values, trial) or _no_number(case, values, trial.expected)
    if failure and found and case.values:
        return Failure(f"{failure.text} {capital(found.text)}", failure.code)
    if failure or not case.values:
        return failure
    return Failure(found.text, found.kind) if found else None


def _no_number(case: Case, values: Observed, expected: Observed) -> Failure | None:
    """NaN or infinity where only a property is asked for: NaN is larger than no limit."""
    for name, value in expected.items() if not case.values else ():
        if all_finite(value) and not all_finite(values[name]):
            return Failure(
                f"{name}: there are values that are no numbers (NaN or infinity).", "nan"
            )
    return None


def _property(case: Case, values: Observed, trial: Trial) -> Failure | None:
    if case.holds is None:
        return None
    try:
        return case.holds(values, trial.expected, trial.inputs)
    except Exception as error:  # values of a shape or kind the property never thought of
        return Failure(f"the result cannot be checked ({type(error).__name__})", "unchecked")


def diagnose(
    exercise: Exercise,
    chapter: str,
    secret: str,
    seen: Sequence[dict[str, Any]],
    failures: Sequence[Failure | None],
) -> Misconception | None:
    """The one misconception that fits every trial; None when none or several do."""
    drawn = trials(chapter, exercise.id, secret)
    places = sorted(range(len(drawn)), key=lambda place: failures[place] is None)
    fitting = []
    for misconception in exercise.misconceptions:
        for way in range(len(misconception.ways)):
            name = (chapter, exercise.id, secret, misconception.id, way)
            fits = all(  # what failed comes first: most mistakes are ruled out by one trial
                _same(drawn[place], seen[place], failures[place], wrong_observation(*name, place))
                for place in places
            )
            failed = [place for place in places if failures[place]]
            if fits and _proven([(seen[p], wrong_observation(*name, p)) for p in failed]):
                fitting.append(misconception)
                break
    return fitting[0] if len(fitting) == 1 else None


@functools.lru_cache(maxsize=2**16)
def wrong_observation(
    chapter: str, exercise_id: str, secret: str, misconception_id: str, way: int, place: int
) -> dict[str, Any]:
    """What one way to make a mistake gives on one trial."""
    exercise = exercises.load(chapter).exercise(exercise_id)
    ways = next(m.ways for m in exercise.misconceptions if m.id == misconception_id)
    trial = trials(chapter, exercise_id, secret)[place]
    return watch(exercise_id, ways[way], trial.case, trial.inputs)


def _proven(failed: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> bool:
    """Whether values show the mistake, or every error's own words: its type alone is too little."""
    return any("values" in one for one, _ in failed) or all(
        one["error"]["message"] == other["error"]["message"] for one, other in failed
    )


def _same(
    trial: Trial, seen: dict[str, Any], failure: Failure | None, wrong: dict[str, Any]
) -> bool:
    if "error" in seen or "error" in wrong:
        return seen.get("error", {}).get("type") == wrong.get("error", {}).get("type")
    if trial.case.values:
        return differences(wrong["values"], seen["values"], trial.case.tolerance) is None
    other = verdict(trial, wrong)
    return (failure.code if failure else None) == (other.code if other else None)


Observer = Callable[[Exercise, Trial], dict[str, Any]]
"""Runs the learner's function of an exercise on one trial: in a worker, or in the notebook."""


def examine(exercise: Exercise, chapter: str, secret: str, look: Observer) -> Judgement:
    """Observe every trial and judge; what `look` raises (a time-out, a crash) passes through."""
    seen = [look(exercise, trial) for trial in trials(chapter, exercise.id, secret)]
    return judge(exercise, chapter, secret, seen)
