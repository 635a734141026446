"""What crosses between the stages: small frozen records, and strict JSON in and out.

A result never holds a live object of a submission: only text that the judge wrote, numbers and
flags. `grades.csv`, the report, the feedback pages and the gradebook are all made from these.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

STATUSES = ("correct", "partial", "wrong", "missing", "timeout", "crashed", "refused")

STANDS_ON_WRONG = "judged with the reference"
"""How the message begins when references stood in for what the exercise stands on."""


@dataclass(frozen=True)
class CaseResult:
    """One named property, judged.

    Args:
        name: the case's name.
        passed: whether it held in every trial.
        guard: whether it earns nothing alone.
        explanation: why not; quotes values only when the inputs were the visible ones.
    """

    name: str
    passed: bool
    guard: bool = False
    explanation: str = ""


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise of one submission, judged.

    Args:
        exercise: its id.
        score, max_score: points.
        status: one of `STATUSES`.
        message: one line for the learner and for `grades.csv`; nothing in it derives from a
            hidden input.
        cases: the verdicts that count (hidden inputs, so explanations without values).
        visible: the verdicts on the visible inputs, explained with values; for the feedback page.
        misconception: the id of the mistake that was named, if one was.
        sentence: that misconception's sentence.
        seconds: how long it took, by the clock; no part of the mark.
    """

    exercise: str
    score: float
    max_score: float
    status: str
    message: str
    cases: tuple[CaseResult, ...] = ()
    visible: tuple[CaseResult, ...] = ()
    misconception: str | None = None
    sentence: str = ""
    seconds: float = field(default=0.0, compare=False)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status!r} is not one of {', '.join(STATUSES)}")


@dataclass(frozen=True)
class SubmissionResult:
    """One submission, judged: always one row for each exercise of the chapter.

    Args:
        student, assignment: names as the folders spell them.
        exercises: in the order of the chapter.
        note: what was repaired in the notebook or why it was refused; empty when nothing was.
        version: the version of the chapter's specification that judged it.
        fingerprint: the hash of solution cells, specification and versions it was judged under.
        seconds: how long all of it took, by the clock.
    """

    student: str
    assignment: str
    exercises: tuple[ExerciseResult, ...]
    note: str = ""
    version: str = ""
    fingerprint: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def score(self) -> float:
        """Points earned."""
        return sum(exercise.score for exercise in self.exercises)

    @property
    def max_score(self) -> float:
        """Points to be had."""
        return sum(exercise.max_score for exercise in self.exercises)


def to_json(result: SubmissionResult) -> str:
    """The record as one line of JSON, keys sorted, no NaN."""
    return json.dumps(dataclasses.asdict(result), sort_keys=True, allow_nan=False)


def from_json(text: str) -> SubmissionResult:
    """The record that `to_json` wrote.

    Raises:
        ValueError: the text is not such a record (cut off, another version, unknown fields).
    """
    try:
        fields = json.loads(text)
        fields["exercises"] = tuple(_exercise(entry) for entry in fields["exercises"])
        return SubmissionResult(**fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"this is not a stored result: {error}; grade the submission again"
        ) from error


def _exercise(fields: dict[str, Any]) -> ExerciseResult:
    cases = {key: tuple(CaseResult(**case) for case in fields[key]) for key in ("cases", "visible")}
    return ExerciseResult(**{**fields, **cases})
