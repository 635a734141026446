"""One submission, from cells to a result: asks the worker, lets the judge score, words it.

The order matters. All visible inputs come first, before the worker has any hidden one, so that
whatever a learner is shown with values was computed where nothing hidden had ever been. What
stands on a wrong exercise is tried again in a fresh worker, with the reference in place of that.
"""

import builtins
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from autograder import exercises, policy, references
from autograder.errors import WorkerTimeout
from autograder.judge import ANY_FUNCTION, VISIBLE, Judgement
from autograder.replay import STOPPED, Worker, requests
from autograder.results import STANDS_ON_WRONG, CaseResult, ExerciseResult, SubmissionResult
from autograder.sandbox import Limits, Server
from autograder.spec import Chapter, Exercise
from autograder.submission import Submission

Stop = tuple[str, str]
"""(status, words): why an exercise could not be observed."""

TOTAL_LIMITS = 18
"""A whole notebook may take this many times the limit of one exercise: enough for every exercise
of a chapter to come close to its own."""

UNSAID: dict[str, Any] = {"type": "an exception on hidden inputs"}
"""An exception that visible inputs did not raise: its type and line could tell of hidden ones."""


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
        self._until = 0.0

    def grade(self, submission: Submission) -> SubmissionResult:
        """One result for each exercise, whatever the submission does."""
        start = time.monotonic()
        found = self._judged(submission, self.chapter.exercises)
        results = tuple(found[exercise.id] for exercise in self.chapter.exercises)
        return SubmissionResult(
            submission.student,
            submission.assignment,
            results,
            submission.note,
            self.chapter.version,
            seconds=round(time.monotonic() - start, 3),
        )

    def grade_exercise(self, submission: Submission, exercise: Exercise) -> ExerciseResult:
        """The result of one exercise alone."""
        return self._judged(submission, (exercise,))[exercise.id]

    def _judged(
        self, submission: Submission, wanted: tuple[Exercise, ...]
    ) -> dict[str, ExerciseResult]:
        self._until = time.monotonic() + TOTAL_LIMITS * self.limits.seconds
        refused = policy.refusals(self.chapter, submission)
        found: dict[str, ExerciseResult] = {}
        tried = []
        for exercise in wanted:
            if exercise.id in submission.missing:
                found[exercise.id] = outcome(exercise, "missing", submission.missing[exercise.id])
            elif exercise.id in refused:
                found[exercise.id] = outcome(exercise, "refused", refused[exercise.id])
            else:
                tried.append(exercise)
        found |= self._try(submission, tried, ())
        return self._charged_once(submission, wanted, found)

    def same(self, student: str, status: str, reason: str) -> SubmissionResult:
        """The same for every exercise: the notebook is not there, or cannot be graded."""
        results = tuple(outcome(e, status, reason) for e in self.chapter.exercises)
        return SubmissionResult(student, self.chapter.name, results, reason, self.chapter.version)

    def _try(
        self,
        submission: Submission,
        tried: Iterable[Exercise],
        replaced: tuple[str, ...],
        beyond: Mapping[str, float] | None = None,
    ) -> dict[str, ExerciseResult]:
        """Results of exercises, with references in place of the replaced ones.

        Hidden inputs decide; what went wrong there is explained by visible ones.

        Args:
            beyond: exercise → points; results that are not above them are left out.
        """
        tried = tuple(tried)
        for exercise in tried:
            requests(self.chapter.name, exercise.id, self.secret)  # while the first server imports
        cells = submission.cells
        with Worker(
            self.server, self.chapter.name, cells, replaced, self.limits, self._until
        ) as worker:
            hidden = self._observed(worker, tried, self.secret)
            if beyond is not None:
                tried = tuple(e for e in tried if points(e, hidden[e.id]) > beyond[e.id])
            unclear = tuple(e for e in tried if _wants_explaining(hidden[e.id]))
            worker.close()  # what is told comes out of a process that saw no hidden input
            visible = self._observed(worker, unclear, VISIBLE)
        return {
            e.id: replace(
                _result(e, hidden[e.id], visible.get(e.id), worker.errors.get(e.id)),
                seconds=round(worker.seconds(e.id), 3),
            )
            for e in tried
        }

    def _observed(
        self, worker: Worker, tried: tuple[Exercise, ...], secret: str
    ) -> dict[str, Judgement | Stop]:
        """A judgement of each exercise under one secret, or why there is none."""
        found: dict[str, Judgement | Stop] = {}
        for exercise in tried:
            below = references.foundations(self.chapter, exercise.id)
            hangs = STOPPED[WorkerTimeout]
            if any(found.get(name) == hangs and name not in worker.replaced for name in below):
                found[exercise.id] = hangs  # its own try would only wait as long again
                continue
            try:
                found[exercise.id] = worker.judged(exercise, secret)
            except tuple(STOPPED) as stop:
                found[exercise.id] = worker.stopped.get(exercise.id) or STOPPED[type(stop)]
            if exercise.id in worker.stopped:
                found[exercise.id] = worker.stopped[exercise.id]
        return found

    def _charged_once(
        self,
        submission: Submission,
        wanted: tuple[Exercise, ...],
        found: dict[str, ExerciseResult],
    ) -> dict[str, ExerciseResult]:
        """Judge again with references below them, the exercises that stand on something wrong.

        From the bottom up: one that turns out right is not replaced for those above it.
        """
        found = dict(found)
        below = {e.id: references.foundations(self.chapter, e.id) for e in wanted}

        def wrong_below(name: str) -> tuple[str, ...]:
            wrong = (n for n in below[name] if n in found and found[n].status != "correct")
            return tuple(sorted(wrong))

        waiting = [
            e
            for e in wanted
            if found[e.id].status not in ("correct", "refused")
            if e.id not in submission.missing and wrong_below(e.id)
        ]
        while waiting and time.monotonic() < self._until:
            names = {e.id for e in waiting}
            ready = [e for e in waiting if not names & set(below[e.id])]
            waiting = [e for e in waiting if e not in ready]
            groups: dict[tuple[str, ...], list[Exercise]] = {}
            for exercise in ready:
                groups.setdefault(wrong_below(exercise.id), []).append(exercise)
            for wrong, group in groups.items():
                if wrong:
                    found |= self._better(submission, group, wrong, found)
        return found

    def _better(
        self,
        submission: Submission,
        group: list[Exercise],
        wrong: tuple[str, ...],
        found: dict[str, ExerciseResult],
    ) -> dict[str, ExerciseResult]:
        """What these exercises gain by references in place of the wrong ones below them."""
        own = {e.id: found[e.id] for e in group}
        beyond = {name: -1.0 if r.status == "timeout" else r.score for name, r in own.items()}
        text = f"{STANDS_ON_WRONG} {' and '.join(wrong)}, since yours is not right yet"
        return {
            name: replace(one, message=f"{text}; {one.message}")
            for name, one in self._try(submission, group, wrong, beyond).items()
            if one.score > beyond[name]
        }


def _wants_explaining(hidden: Judgement | Stop) -> bool:
    """Whether the visible inputs are needed as well: nothing may be told of the hidden ones."""
    return isinstance(hidden, Judgement) and not (hidden.right or hidden.not_started)


def _result(
    exercise: Exercise,
    hidden: Judgement | Stop,
    visible: Judgement | Stop | None,
    error: dict[str, Any] | None,
) -> ExerciseResult:
    if not isinstance(hidden, Judgement):
        return outcome(exercise, *hidden)
    if visible is not None and not isinstance(visible, Judgement):
        return outcome(exercise, *visible)
    return worded(exercise, visible or hidden, hidden, error)


def points(exercise: Exercise, judged: Judgement | Stop) -> float:
    """What a judgement is worth; a stop is worth nothing."""
    return round(exercise.points * judged.share, 2) if isinstance(judged, Judgement) else 0.0


def outcome(exercise: Exercise, status: str, message: str) -> ExerciseResult:
    """No points, with a reason."""
    return ExerciseResult(exercise.id, 0.0, float(exercise.points), status, message)


def worded(
    exercise: Exercise, visible: Judgement, hidden: Judgement, cell_error: dict[str, Any] | None
) -> ExerciseResult:
    """A judgement as a result; its message tells nothing that derives from a hidden input.

    Which properties hold is told, and a mistake, an exception or a forbidden function only as the
    visible inputs show it: code can choose its exception, the line, the mistake and the function
    by what it sees.
    """
    shortcut = visible.shortcut or hidden.shortcut and ANY_FUNCTION
    if shortcut:
        return outcome(
            exercise, "refused", f"it calls torch's own {shortcut} instead of building it"
        )
    if hidden.not_started:
        return outcome(exercise, "missing", "not attempted yet")
    both = hidden if hidden.share <= visible.share else visible
    score = points(exercise, both)
    status = "correct" if both.right else "partial" if score else "wrong"
    named = hidden.misconception if hidden.misconception == visible.misconception else None
    verdicts = tuple(
        CaseResult(case.name, case.passed and seen.passed, case.guard)
        for case, seen in zip(hidden.cases, visible.cases, strict=True)
    )
    error = cell_error or visible.error or hidden.error and UNSAID
    return ExerciseResult(
        exercise.id,
        score,
        float(exercise.points),
        status,
        _told(verdicts, None if both.right else error, named.sentence if named else ""),
        verdicts,
        visible.cases,
        named.id if named else None,
        named.sentence if named else "",
    )


def _told(cases: tuple[CaseResult, ...], error: dict[str, Any] | None, sentence: str) -> str:
    """The message: which properties do not hold, what was raised, which mistake it looks like."""
    failed = [case.name for case in cases if not case.passed]
    parts = [f"not yet: {'; '.join(failed)}" if failed else f"all {len(cases)} properties hold"]
    parts += [_raised(error)] if error else []
    parts += [sentence] if sentence else []
    return " ".join(part.rstrip(".") + "." for part in parts)


def _raised(error: dict[str, Any]) -> str:
    """Type and line of an exception; a type of the learner's own making is not repeated."""
    if error is UNSAID:
        return "It raised an exception on hidden inputs"
    name = error["type"]
    known = isinstance(getattr(builtins, name, None), type)
    line = f" at line {error['line']} of the cell" if error["line"] else ""
    return f"It raised {name if known else 'an exception of its own'}{line}"
