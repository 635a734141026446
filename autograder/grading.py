"""One submission, from cells to a result: asks the worker, lets the judge score, words it.

The order matters. Visible inputs come before hidden ones, so that what a learner is shown with
values was computed before the worker saw anything hidden. An exercise that stands on a wrong one
is tried again in a fresh worker in which the reference stands in that one's place.
"""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from autograder import exercises, policy, references
from autograder.errors import CodecError, WorkerCrashed, WorkerTimeout
from autograder.judge import VISIBLE, Judgement, Trial, examine
from autograder.results import STANDS_ON_WRONG, CaseResult, ExerciseResult, SubmissionResult
from autograder.sandbox import Limits, Server, Session
from autograder.spec import Chapter, Exercise
from autograder.submission import Cell, Submission

STOPPED = {
    WorkerTimeout: ("timeout", "stopped at the time limit"),
    WorkerCrashed: ("crashed", "the process that ran it ended"),
    CodecError: ("crashed", "what it handed back could not be read"),
}
MAX_BROKEN_CELLS = 3


@dataclass
class Worker:
    """The cells of one submission in a worker, opened when needed and again after a crash.

    Args:
        stopped: cell id → (status, words) for cells that had to be stopped; they are left out.
        errors: cell id → what its last run raised.
    """

    server: Server
    cells: tuple[Cell, ...]
    package: Mapping[str, str]
    replaced: Mapping[str, str]
    limits: Limits
    stopped: dict[str, tuple[str, str]] = field(default_factory=dict)
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    session: Session | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker; the next `look` opens a fresh one."""
        if self.session is not None:
            self.session.close()
        self.session = None

    def look(self, exercise: Exercise, trial: Trial) -> dict[str, Any]:
        """One observation; the worker is closed when it times out or dies.

        Raises:
            WorkerTimeout, WorkerCrashed, CodecError: as `STOPPED` words them.
        """
        request = {
            "name": exercise.id,
            "probe": trial.case.probe.__name__,
            "inputs": trial.inputs,
            "forbidden": exercise.forbidden,
        }
        try:
            while self.session is None:
                self._replay()
            return checked(self.session.ask(request))
        except tuple(STOPPED):
            self.close()
            raise

    def _replay(self) -> None:
        broken = len(self.stopped) >= MAX_BROKEN_CELLS
        cells = [
            c for c in self.cells if c.id not in self.stopped and not (broken and c.kind == "extra")
        ]
        job = {
            "cells": [{"id": cell.id, "source": cell.source} for cell in cells],
            "package": self.package,
            "replace": self.replaced,
        }
        self.session = self.server.open(job, self.limits)
        for cell in cells:
            try:
                error = checked(self.session.receive())["error"]
            except tuple(STOPPED) as stop:
                self.stopped[cell.id] = STOPPED[type(stop)]
                self.close()
                return
            if error:
                self.errors[cell.id] = error


def checked(seen: Any) -> dict[str, Any]:
    """A worker's message, held to its schema.

    Raises:
        CodecError: it is not an observation.
    """
    if not isinstance(seen, dict):
        raise CodecError("the worker's answer is not a record")
    error = seen.get("error")
    if "values" in seen and isinstance(seen["values"], dict) and error is None:
        return seen
    if "cell" in seen and error is None:
        return seen
    kinds = {"type": str, "message": str, "line": int, "cell": str}
    if isinstance(error, dict) and all(isinstance(error.get(k), t) for k, t in kinds.items()):
        return seen
    raise CodecError("the worker's answer is not an observation")


class Grader:
    """Grades submissions of one chapter under one secret.

    Args:
        chapter: its name.
        secret: hidden inputs are drawn from it; the same secret gives the same marks.
        server: the warm process.
    """

    def __init__(
        self, chapter: str, secret: str, server: Server, limits: Limits | None = None
    ) -> None:
        self.chapter: Chapter = exercises.load(chapter)
        self.secret = secret
        self.server = server
        self.limits = limits or Limits()

    def grade(self, submission: Submission) -> SubmissionResult:
        """One result for each exercise, whatever the submission does."""
        found = self._judged(submission, self.chapter.exercises)
        results = tuple(found[exercise.id] for exercise in self.chapter.exercises)
        return SubmissionResult(
            submission.student,
            submission.assignment,
            results,
            submission.note,
            self.chapter.version,
        )

    def grade_exercise(self, submission: Submission, exercise: Exercise) -> ExerciseResult:
        """The result of one exercise alone."""
        return self._judged(submission, (exercise,))[exercise.id]

    def _judged(
        self, submission: Submission, wanted: tuple[Exercise, ...]
    ) -> dict[str, ExerciseResult]:
        refused = policy.refusals(self.chapter, submission)
        found: dict[str, ExerciseResult] = {}
        with self._worker(submission, ()) as worker:
            for exercise in wanted:
                if exercise.id in submission.missing:
                    why = submission.missing[exercise.id]
                    found[exercise.id] = outcome(exercise, "missing", why)
                elif exercise.id in refused:
                    found[exercise.id] = outcome(exercise, "refused", refused[exercise.id])
                elif self._hangs(exercise, found):
                    found[exercise.id] = outcome(exercise, *STOPPED[WorkerTimeout])
                else:
                    found[exercise.id] = self._try(worker, exercise)
        for exercise in wanted:
            found[exercise.id] = self._charged_once(submission, exercise, found)
        return found

    def refuse(self, student: str, reason: str) -> SubmissionResult:
        """Every exercise refused for one reason: the notebook cannot be read."""
        results = tuple(outcome(e, "refused", reason) for e in self.chapter.exercises)
        return SubmissionResult(student, self.chapter.name, results, reason, self.chapter.version)

    def _worker(self, submission: Submission, replaced: tuple[str, ...]) -> Worker:
        package = references.package(self.chapter.name, frozenset(replaced))
        places = {name: self.chapter.exercise(name).reference.__module__ for name in replaced}
        return Worker(self.server, submission.cells, package, places, self.limits)

    def _try(self, worker: Worker, exercise: Exercise) -> ExerciseResult:
        try:
            visible = examine(exercise, self.chapter.name, VISIBLE, worker.look)
            hidden = examine(exercise, self.chapter.name, self.secret, worker.look)
        except tuple(STOPPED) as stop:
            status, words = worker.stopped.get(exercise.id) or STOPPED[type(stop)]
            return outcome(exercise, status, words)
        if exercise.id in worker.stopped:
            return outcome(exercise, *worker.stopped[exercise.id])
        return worded(exercise, visible, hidden, worker.errors.get(exercise.id))

    def _hangs(self, exercise: Exercise, found: dict[str, ExerciseResult]) -> bool:
        """Whether it stands on one that was stopped: its own try would only wait as long again."""
        below = references.foundations(self.chapter, exercise.id)
        return any(name in found and found[name].status == "timeout" for name in below)

    def _charged_once(
        self, submission: Submission, exercise: Exercise, found: dict[str, ExerciseResult]
    ) -> ExerciseResult:
        """Judge again with references below it, when what it stands on is wrong."""
        own = found[exercise.id]
        below = references.foundations(self.chapter, exercise.id)
        wrong = tuple(name for name in below if name in found and found[name].status != "correct")
        if own.status in ("correct", "refused") or exercise.id in submission.missing or not wrong:
            return own
        with self._worker(submission, wrong) as worker:
            again = self._try(worker, exercise)
        if again.score <= own.score and own.status != "timeout":
            return own
        names = " and ".join(sorted(wrong))
        message = f"{STANDS_ON_WRONG} {names}, since yours is not right yet; {again.message}"
        return replace(again, message=message)


def outcome(exercise: Exercise, status: str, message: str) -> ExerciseResult:
    """No points, with a reason."""
    return ExerciseResult(exercise.id, 0.0, float(exercise.points), status, message)


def worded(
    exercise: Exercise, visible: Judgement, hidden: Judgement, cell_error: dict[str, Any] | None
) -> ExerciseResult:
    """A judgement as a result; its message tells nothing that derives from a hidden input."""
    shortcut = hidden.shortcut or visible.shortcut
    if shortcut:
        return outcome(
            exercise, "refused", f"it calls torch's own {shortcut} instead of building it"
        )
    if hidden.not_started:
        return outcome(exercise, "missing", "not attempted yet")
    both = hidden if hidden.share <= visible.share else visible
    score = round(exercise.points * both.share, 2)
    status = "correct" if both.right else "partial" if score else "wrong"
    named = hidden.misconception
    verdicts = tuple(
        CaseResult(case.name, case.passed and seen.passed, case.guard)
        for case, seen in zip(hidden.cases, visible.cases, strict=True)
    )
    failed = [case.name for case in verdicts if not case.passed]
    parts = (
        [f"not yet: {'; '.join(failed)}"] if failed else [f"all {len(verdicts)} properties hold"]
    )
    error = cell_error or hidden.error
    if error and not both.right:
        parts.append(_raised(error))
    if named:
        parts.append(named.sentence)
    return ExerciseResult(
        exercise.id,
        score,
        float(exercise.points),
        status,
        " ".join(part.rstrip(".") + "." for part in parts),
        verdicts,
        visible.cases,
        named.id if named else None,
        named.sentence if named else "",
    )


def _raised(error: dict[str, Any]) -> str:
    """Type and line of an exception; a type of the learner's own making is not repeated."""
    name = error["type"]
    known = isinstance(getattr(builtins, name, None), type)
    line = f" at line {error['line']} of the cell" if error["line"] else ""
    return f"It raised {name if known else 'an exception of its own'}{line}"
