"""What the instructor reads after a grade: one page for the class.

Nothing here judges: the page counts and orders the records as they are. The learner's page is in
`autograder.feedback`; its two functions can be had from here as well.
"""

import os
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from autograder.feedback import feedback_page, feedback_path
from autograder.gradebook import complete, latest
from autograder.inert import flat, write_atomically
from autograder.pages import TEMPLATES, percent, render, titles_of, total
from autograder.results import ExerciseResult, SubmissionResult
from autograder.spec import Chapter

__all__ = ["class_report", "feedback_page", "feedback_path"]

MEANING = {
    "correct": "everything holds",
    "partial": "some properties hold",
    "wrong": "no points yet",
    "missing": "not written",
    "timeout": "stopped at the time limit",
    "crashed": "the process ended",
    "refused": "not graded",
}
ATTENTION = ("refused", "timeout", "crashed")
SLOWEST = 10


def class_report(
    results: Iterable[SubmissionResult], chapters: Iterable[Chapter], path: str | os.PathLike
) -> None:
    """Write the instructor's page.

    Args:
        results: one a submission; of several for the same one the last counts.
        chapters: those that were graded.
        path: the page; its links go to `feedback_path` in the same folder.

    Raises:
        OSError: the file cannot be written.
    """
    known = {chapter.name: chapter for chapter in chapters}
    results = latest(results)
    by_assignment: dict[str, list[SubmissionResult]] = {}
    for result in sorted(results, key=lambda result: result.assignment):
        by_assignment.setdefault(result.assignment, []).append(result)
    sections = [_section(name, known.get(name), some) for name, some in by_assignment.items()]
    page = render(
        "report.html.j2",
        script=(TEMPLATES / "report.js").read_text(encoding="utf-8"),
        sections=sections,
        learners=len({result.student for result in results}),
        submissions=len(results),
        average=percent(
            sum(section["score"] for section in sections),
            sum(section["max_score"] for section in sections),
        ),
        attention=[entry for section in sections for entry in section["attention"]],
        slowest=_slowest([row for section in sections for row in section["rows"]]),
        meaning=MEANING,
    )
    write_atomically(path, page)


def _section(
    name: str, chapter: Chapter | None, results: Sequence[SubmissionResult]
) -> dict[str, Any]:
    """One assignment of the instructor's page."""
    titles = titles_of(chapter)
    rows = [_row(result, complete(result, chapter)) for result in results]
    order = list(titles) or list(
        dict.fromkeys(record.exercise for row in rows for record in row["records"])
    )
    for row in rows:
        found = {record.exercise: record for record in row["records"]}
        row["cells"] = [found.get(exercise) for exercise in order]
    sentences = {
        (exercise.id, misconception.id): misconception.sentence
        for exercise in (chapter.exercises if chapter else ())
        for misconception in exercise.misconceptions
    }
    columns = [
        _column(
            exercise, titles.get(exercise, ""), [row["cells"][place] for row in rows], sentences
        )
        for place, exercise in enumerate(order)
    ]
    return {
        "name": flat(name, 60),
        "title": chapter.title if chapter else "",
        "rows": rows,
        "columns": columns,
        "score": sum(row["score"] for row in rows),
        "max_score": sum(row["max_score"] for row in rows),
        "attention": [entry for row in rows for entry in row["attention"]],
    }


def _row(result: SubmissionResult, records: Sequence[ExerciseResult]) -> dict[str, Any]:
    """One submission of the instructor's table, and what there is to look at in it."""
    score, max_score = total(records)
    page = {
        "student": flat(result.student, 60),
        "assignment": flat(result.assignment, 60),
        "link": quote(str(feedback_path(result.student, result.assignment))),
    }
    reasons: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.status in ATTENTION:
            reasons.setdefault((record.status, flat(record.message, 300)), []).append(
                record.exercise
            )
    attention = [
        page | {"status": status, "exercises": exercises, "reason": reason}
        for (status, reason), exercises in reasons.items()
    ]
    if result.note and flat(result.note, 300) not in [entry["reason"] for entry in attention]:
        note = {"status": "note", "exercises": [], "reason": flat(result.note, 300)}
        attention.insert(0, page | note)
    return page | {
        "records": records,
        "score": score,
        "max_score": max_score,
        "percent": percent(score, max_score),
        "attention": attention,
        "seconds": result.seconds,
    }


def _slowest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The submissions that took longest, each with the exercise that took most of it."""
    timed = [row for row in rows if row["seconds"]]
    found = sorted(timed, key=lambda row: (-row["seconds"], row["student"]))[:SLOWEST]
    return [
        row | {"longest": max(row["records"], key=lambda record: record.seconds)} for row in found
    ]


def _column(
    exercise: str,
    title: str,
    records: Sequence[ExerciseResult | None],
    sentences: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    """One exercise of the instructor's page: how often it is right, what goes wrong most."""
    there = [record for record in records if record]
    named = Counter(record.misconception for record in there if record.misconception)
    statuses = Counter(record.status for record in there)
    times = [record.seconds for record in there if record.seconds]
    return {
        "exercise": exercise,
        "title": title,
        "correct": statuses["correct"],
        "count": len(there),
        "percent": percent(statuses["correct"], len(there)),
        "seconds": statistics.median(times) if times else 0.0,
        "longest": max(times, default=0.0),
        "average": percent(*total(there)),
        "misconceptions": [
            {"id": flat(key, 80), "count": count, "sentence": sentences.get((exercise, key), "")}
            for key, count in sorted(named.items(), key=lambda item: (-item[1], item[0]))[:3]
        ],
    }
