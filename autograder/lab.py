"""The learner's work copies: made once, never overwritten, brought up to date on request."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from autograder import submission
from autograder.course import Course
from autograder.errors import CourseError
from autograder.inert import write_atomically

_OUR_ID = re.compile(r"[0-9a-f]{12}|\w+_(header|hint)")


def copy_releases(course: Course) -> list[Path]:
    """Copy each release that has no work copy yet; the new files."""
    made = []
    for chapter in course.chapters():
        source, target = course.release(chapter), course.work_copy(chapter)
        if source.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            made.append(target)
    return made


def lab_command(course: Course, chapter: str, options: list[str]) -> list[str]:
    """The command that opens a work copy in JupyterLab.

    Raises:
        CourseError: the chapter has no work copy.
    """
    path = course.work_copy(course.require(chapter))
    if not path.exists():
        raise CourseError(f"there is no release of {chapter} to copy; run: make notebooks")
    command = [sys.executable, "-m", "jupyterlab", str(path), f"--ServerApp.root_dir={course.root}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return [*command, *options]


def behind(course: Course) -> list[str]:
    """Chapters whose work copy was made from another version of the release."""
    return [
        chapter
        for chapter in course.chapters()
        if course.work_copy(chapter).exists()
        and course.release(chapter).exists()
        and _cells_text(course.work_copy(chapter)) != _cells_text(course.release(chapter))
    ]


def update(course: Course, chapter: str) -> Path | None:
    """Bring new text and checks into a work copy and keep the answers.

    Answers are kept by `grade_id`; cells that the learner added stay after the cell they stood
    after. The copy as it was is kept beside it, as `<chapter>.before-update.ipynb`.

    Returns:
        That older copy, or None when nothing was to be done.

    Raises:
        CourseError: there is no work copy or no release.
        SubmissionError: the work copy cannot be read; nothing is changed.
    """
    path, release_path = course.work_copy(course.require(chapter)), course.release(chapter)
    if not path.exists() or not release_path.exists():
        raise CourseError(f"there is no work copy of {chapter} to update; run: make lab")
    submission.read(submission.fetch(path))  # says clearly what is wrong with a broken file
    work = json.loads(path.read_text(encoding="utf-8"))
    release = json.loads(release_path.read_text(encoding="utf-8"))
    merged = {**release, "cells": merge(work["cells"], release["cells"])}
    text = json.dumps(merged, indent=1, ensure_ascii=False) + "\n"
    if _sources(merged["cells"]) == _sources(work["cells"]):
        return None
    backup = path.with_name(f"{chapter}.before-update.ipynb")
    shutil.copyfile(path, backup)
    write_atomically(path, text)
    return backup


def merge(work: list[dict[str, Any]], release: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The release's cells with the learner's answers and added cells."""
    known = {_key(cell) for cell in release}
    answers: dict[str, dict[str, Any]] = {}
    added: dict[str, list[dict[str, Any]]] = {}
    after = ""
    for cell in work:
        key = _key(cell)
        if key in known and key not in answers:
            answers[key] = cell
            after = key
        elif not _is_ours(cell) or key in answers:
            added.setdefault(after, []).append(cell)
    cells = list(added.pop("", []))
    for cell in release:
        own = answers.get(_key(cell))
        if own is not None and cell["metadata"].get("nbgrader", {}).get("solution"):
            outputs = {key: own[key] for key in ("outputs", "execution_count") if key in own}
            cell = {**cell, "source": own["source"], **outputs}
        cells.append(cell)
        cells += added.pop(_key(cell), [])
    for left in added.values():
        cells += left
    return cells


def _key(cell: dict[str, Any]) -> str:
    grading = cell.get("metadata", {}).get("nbgrader", {})
    return str(grading.get("grade_id") or cell.get("id"))


def _is_ours(cell: dict[str, Any]) -> bool:
    """A cell of an older release: its id has the form that our build gives."""
    return bool(_OUR_ID.fullmatch(str(cell.get("id", "")))) or "nbgrader" in cell.get(
        "metadata", {}
    )


def _sources(cells: list[dict[str, Any]]) -> list[str]:
    return ["".join(cell["source"]) for cell in cells]


def _cells_text(path: Path) -> list[str]:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError):
        return []
    return [
        "".join(cell["source"])
        for cell in cells
        if _is_ours(cell) and not cell["metadata"].get("nbgrader", {}).get("solution")
    ]
