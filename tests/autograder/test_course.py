"""The course is found from anywhere inside it, and its chapters are discovered."""

import pytest

from autograder.course import ENVIRONMENT, Course
from autograder.errors import CourseError


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    root = tmp_path / "course"
    (root / "solutions" / "02_b").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text("")
    for name in ("02_b.py", "01_a.py", "notes.py", "3_c.py", "04_d.txt"):
        (root / "solutions" / name).write_text("")
    return root


def test_a_course_is_found_from_a_folder_inside_it(root):
    assert Course.find(root / "solutions" / "02_b").root == root


def test_a_course_is_found_from_the_current_folder(root, monkeypatch):
    monkeypatch.chdir(root / "solutions")
    assert Course.find().root == root


def test_the_environment_variable_wins_over_the_current_folder(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENVIRONMENT, str(root))
    assert Course.find().root == root


def test_a_folder_outside_says_where_it_looked_and_what_to_do(tmp_path, root):
    with pytest.raises(CourseError, match=f"no course at {tmp_path} or above.*{ENVIRONMENT}"):
        Course.find(tmp_path)


def test_a_wrong_environment_variable_is_not_passed_over(root, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.setenv(ENVIRONMENT, str(root / "solutions"))
    with pytest.raises(CourseError, match="set it to the course's folder"):
        Course.find()


def test_a_folder_with_only_one_of_the_two_marks_is_no_course(root):
    (root / "nbgrader_config.py").unlink()
    with pytest.raises(CourseError):
        Course.find(root)


def test_chapters_are_the_numbered_sources_in_order(root, monkeypatch):
    found = sorted((root / "solutions").glob("*.py"), reverse=True)
    monkeypatch.setattr("pathlib.Path.glob", lambda folder, pattern: found)
    assert Course(root).chapters() == ["01_a", "02_b"]


def test_an_unknown_chapter_is_answered_with_the_known_ones(root):
    assert Course(root).require("02_b") == "02_b"
    with pytest.raises(CourseError, match="'05_e'; the course has 01_a, 02_b"):
        Course(root).require("05_e")
