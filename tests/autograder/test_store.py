"""Stored results: a run may be killed at any moment, and only what changed is graded again."""

import errno
import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from autograder import grade, inert, jobs, store
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.exports import export_marks
from autograder.sample import answered, solutions

ROOT = Path(__file__).parents[2]
CHAPTER = "02_attention"
WRONG = "def softmax(scores, dim=-1): return scores"
STUDENTS = ("ada", "bao", "chloe", "dara", "emre")
KILLS = 30


@pytest.fixture(scope="module")
def course():
    return Course.find(ROOT)


@pytest.fixture
def hand_in(course, tmp_path):
    """Writes a submission with the first solutions only, and perhaps other answers."""
    release = json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))
    right = list(solutions(course, CHAPTER).items())

    def put(student, count, **answers):
        path = tmp_path / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        notebook = answered(release, {**dict(right[:count]), **answers})
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return path

    return put


@pytest.fixture
def run(course, tmp_path):
    """Grades what was handed in; the bytes of grades.csv."""

    def graded(out="out", processes=1, secret="a secret"):
        found = grade.find_jobs(course, tmp_path / "submitted", CHAPTER)
        found = [jobs.Job(j.student, j.assignment, j.path, j.release, secret) for j in found]
        written = grade.grade(course, found, tmp_path / out, processes, lambda result: None)
        return written.grades.read_bytes()

    return graded


@pytest.fixture
def opened(monkeypatch):
    """The students whose submissions were really graded since the list was cleared."""
    found = []
    real = jobs.Grader.grade

    def noted(grader, submission):
        found.append(submission.student)
        return real(grader, submission)

    monkeypatch.setattr(jobs.Grader, "grade", noted)
    return found


def marks(folder):
    path = folder.parent / "marks.csv"
    export_marks(f"sqlite:///{folder / 'gradebook.db'}", path)
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the run is forked from this process")
def test_a_run_killed_at_thirty_random_moments_ends_in_the_same_grades(hand_in, run, tmp_path):
    for number, student in enumerate(STUDENTS):
        hand_in(student, number, softmax=f"{WRONG}  # {number}")
    start = time.monotonic()
    unbroken = run("unbroken", 2)
    whole = time.monotonic() - start
    chance, context = random.Random(7), multiprocessing.get_context("fork")
    killed = 0
    for _ in range(KILLS):
        process = context.Process(target=run, args=("out", 2))
        process.start()
        process.join(chance.uniform(0, min(whole, 5)))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        assert process.exitcode in (0, -signal.SIGKILL)
    assert killed > KILLS / 4
    assert run("out", 2) == unbroken
    assert marks(tmp_path / "out") == marks(tmp_path / "unbroken")
    kept = [path.name for path in (tmp_path / "out" / "results" / CHAPTER).glob("[!.]*")]
    assert sorted(kept) == [f"{student}.json" for student in STUDENTS]


def test_only_what_changed_is_graded_again(hand_in, run, opened, monkeypatch, tmp_path):
    hand_in("ada", 1)
    hand_in("bao", 2)
    first = run()
    assert opened == ["ada", "bao"]
    opened.clear()
    assert run() == first and opened == []
    hand_in("bao", 1, softmax=WRONG)
    assert run() != first and opened == ["bao"]
    opened.clear()
    (tmp_path / "out" / "feedback" / CHAPTER / "ada.html").unlink()
    run()
    assert opened == ["ada"]
    opened.clear()
    run(secret="another")
    assert opened == ["ada", "bao"]
    opened.clear()
    monkeypatch.setattr(store, "engine", lambda: "a later one")
    run(secret="another")
    assert opened == ["ada", "bao"]


def test_a_new_cell_and_a_changed_helper_count_as_changes_and_outputs_do_not(hand_in, run, opened):
    path = hand_in("ada", 1)
    run()
    notebook = json.loads(path.read_text())
    extra = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []}
    notebook["cells"].append(extra)
    path.write_text(json.dumps(notebook))
    run()
    notebook["cells"][-1]["source"] = "x = 2"
    path.write_text(json.dumps(notebook))
    run()
    notebook["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "2"}]
    path.write_text(json.dumps(notebook))
    run()
    assert opened == ["ada"] * 3


@pytest.mark.parametrize("damage", ["", "{", "null", '{"student": "ada"}', "[1]"])
def test_a_damaged_result_is_graded_again(hand_in, run, opened, tmp_path, damage):
    hand_in("ada", 1)
    first = run()
    stored = tmp_path / "out" / "results" / CHAPTER / "ada.json"
    stored.write_text(damage)
    assert run() == first and opened == ["ada", "ada"]


def test_a_second_grader_on_the_folder_refuses_and_says_what_to_do(
    hand_in, run, monkeypatch, tmp_path
):
    hand_in("ada", 0)
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    with store.Store(tmp_path / "out"):
        with pytest.raises(AutograderError, match="another run is grading into .*--out"):
            run()
        assert run("elsewhere")
    assert run()


def test_a_full_disk_is_told_and_loses_nothing(hand_in, run, opened, monkeypatch, tmp_path):
    for student in ("ada", "bao", "chloe"):
        hand_in(student, 1)
    unbroken = run("unbroken")
    opened.clear()
    written, replace = [], os.replace

    def full(source, target):
        written.append(target)
        if len(written) > 4:  # a page of the second submission
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(inert.os, "replace", full)
        with pytest.raises(AutograderError, match="no room left .* same command again"):
            run()
    assert opened == ["ada", "bao"]
    assert list((tmp_path / "out").rglob(".draft*")) == []
    opened.clear()
    assert run() == unbroken
    assert opened == ["bao", "chloe"]


def test_the_fingerprint_does_not_tell_the_secret(hand_in, run, tmp_path):
    hand_in("ada", 1)
    run(secret="hunter2")
    stored = (tmp_path / "out" / "results" / CHAPTER / "ada.json").read_text()
    assert "hunter2" not in stored and len(json.loads(stored)["fingerprint"]) == 64
