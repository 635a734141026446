"""What a learner reads after a grade: one page for each submission, kind and to the point.

Nothing here judges: the page shows the records as they are. Values appear for the example inputs
only, because the records hold no others.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from autograder.gradebook import complete
from autograder.inert import flat, safe_name, write_atomically
from autograder.pages import percent, render, titles_of, total
from autograder.results import STANDS_ON_WRONG, CaseResult, ExerciseResult, SubmissionResult
from autograder.spec import Chapter

HEADLINE = {
    "correct": "This works, for every input we tried.",
    "partial": "Part of this works already.",
    "wrong": "This is not right yet, and here is where to look.",
    "missing": "This one is still waiting for you.",
    "timeout": "This ran out of time, so it was stopped.",
    "crashed": "Python itself stopped while this ran.",
    "refused": "This was not graded.",
}


def feedback_path(student: str, assignment: str) -> PurePosixPath:
    """Where a learner's page stands, relative to the output folder; never outside of it."""
    return PurePosixPath("feedback", safe_name(assignment), f"{safe_name(student)}.html")


def feedback_page(result: SubmissionResult, chapter: Chapter, path: str | os.PathLike) -> None:
    """Write one learner's page for one chapter.

    Args:
        result, chapter: as for `feedback_text`.
        path: the page; see `feedback_path`.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomically(path, feedback_text(result, chapter))


def feedback_text(result: SubmissionResult, chapter: Chapter) -> str:
    """One learner's page for one chapter.

    Args:
        result: the verdicts.
        chapter: the chapter that was graded, for titles and order.
    """
    records = complete(result, chapter)
    done = sum(record.status == "correct" for record in records)
    score, max_score = total(records)
    return render(
        "feedback.html.j2",
        script="",
        chapter=chapter.title,
        student=flat(result.student, 60),
        note=flat(result.note),
        score=score,
        max_score=max_score,
        percent=percent(score, max_score),
        standing=_standing(done, len(records)),
        closest=_closest(records),
        exercises=[_card(record, titles_of(chapter)) for record in records],
    )


def _card(record: ExerciseResult, titles: Mapping[str, str]) -> dict[str, Any]:
    """One exercise of the learner's page."""
    visible = {case.name: case for case in record.visible}
    cases = [_case(case, visible.pop(case.name, None)) for case in record.cases]
    return {
        "exercise": record.exercise,
        "title": titles.get(record.exercise, record.exercise),
        "status": record.status,
        "headline": HEADLINE[record.status],
        "score": record.score,
        "max_score": record.max_score,
        "message": flat(_beyond_the_cases(record)),
        "sentence": flat(record.sentence),
        "cases": cases + [_case(None, case) for case in visible.values()],
    }


def _beyond_the_cases(record: ExerciseResult) -> str:
    """What the message says that the page does not show case by case."""
    if record.message.startswith(STANDS_ON_WRONG):
        return record.message.partition("; ")[0]
    return record.message if not record.cases else ""


def _case(hidden: CaseResult | None, visible: CaseResult | None) -> dict[str, Any]:
    """One property: the verdict that counted, and what the example inputs say about it."""
    case = hidden or visible
    example = ""
    if visible and not visible.passed:
        example = flat(visible.explanation, 4000, lines=True)
    elif hidden and visible and not hidden.passed:
        example = "This holds there, but not for other sizes and values."
    return {
        "name": flat(case.name, 200),
        "passed": case.passed,
        "guard": case.guard,
        "explanation": flat(hidden.explanation, lines=True) if hidden and not case.passed else "",
        "example": example,
    }


def _standing(done: int, count: int) -> str:
    """Where the learner stands, in one or two short sentences."""
    if done == count:
        return "Every exercise of this chapter is right. You can build on all of it."
    if not done:
        return "Every exercise here can still be won."
    return f"{done} of {count} exercises {'is' if done == 1 else 'are'} right."


def _closest(records: Sequence[ExerciseResult]) -> dict[str, Any] | None:
    """The exercise to open next: begun, not right yet, and nearest to its full points."""
    begun = [
        (record.score / (record.max_score or 1), -place, record.exercise)
        for place, record in enumerate(records, start=1)
        if record.status in ("partial", "wrong", "timeout", "crashed")
    ]
    if not begun:
        return None
    _, place, exercise = max(begun)
    return {"exercise": exercise, "place": -place}
