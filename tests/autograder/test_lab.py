"""Work copies: made once, never overwritten, updated with the answers kept."""

import json

import pytest

from autograder import lab
from autograder.course import Course
from autograder.errors import CourseError, SubmissionError


def code(source, cell_id, grade_id=None):
    grading = {"nbgrader": {"grade_id": grade_id, "solution": True}} if grade_id else {}
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": grading,
        "source": source,
        "outputs": [],
    }


def text(source, cell_id):
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


OLD = [
    text("Old text", "aaaaaaaaaaaa"),
    code("stub", "softmax", "softmax"),
    text("End", "bbbbbbbbbbbb"),
]
NEW = [
    text("New text", "cccccccccccc"),
    code("stub", "softmax", "softmax"),
    text("End", "bbbbbbbbbbbb"),
]


@pytest.fixture
def course(tmp_path):
    (tmp_path / "nbgrader_config.py").touch()
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_x.py").touch()
    found = Course.find(tmp_path)
    write(found.release("01_x"), OLD)
    return found


def write(path, cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    )


def sources(path):
    return [cell["source"] for cell in json.loads(path.read_text())["cells"]]


def test_a_work_copy_is_made_once_and_never_overwritten(course):
    copy = course.work_copy("01_x")
    assert lab.copy_releases(course) == [copy]
    copy.write_text("my answers")
    assert lab.copy_releases(course) == []
    assert copy.read_text() == "my answers"


def test_a_newer_release_is_noticed(course):
    lab.copy_releases(course)
    assert lab.behind(course) == []
    write(course.release("01_x"), NEW)
    assert lab.behind(course) == ["01_x"]


def test_an_answer_alone_does_not_count_as_behind(course):
    write(course.work_copy("01_x"), [OLD[0], {**OLD[1], "source": "mine"}, OLD[2]])
    assert lab.behind(course) == []


def test_an_update_brings_new_text_and_keeps_answers_and_own_cells(course):
    mine = {**OLD[1], "source": "my answer"}
    own = code("helper", "11111111-2222-4333-8444-555555555555")
    note = text("my note", "99999999")
    write(course.work_copy("01_x"), [OLD[0], own, mine, note, OLD[2]])
    write(course.release("01_x"), NEW)
    backup = lab.update(course, "01_x")
    assert sorted(sources(course.work_copy("01_x"))) == [
        "End",
        "New text",
        "helper",
        "my answer",
        "my note",
    ]
    after = sources(course.work_copy("01_x"))
    assert after.index("my note") == after.index("my answer") + 1
    assert sources(backup) == ["Old text", "helper", "my answer", "my note", "End"]
    assert lab.update(course, "01_x") is None


def test_a_broken_work_copy_is_left_alone(course):
    copy = course.work_copy("01_x")
    copy.parent.mkdir(parents=True)
    copy.write_text("{")
    with pytest.raises(SubmissionError):
        lab.update(course, "01_x")
    assert copy.read_text() == "{"


def test_an_unknown_chapter_is_told_with_those_there_are(course):
    with pytest.raises(CourseError, match="01_x"):
        lab.lab_command(course, "09_y", [])
