"""Attacks on the judge itself: by the answers it reads, the words it repeats, the files it opens.

What a worker sends and what stands in a submitted folder may be anything. Reading it must neither
take long nor much, and nothing of it may tell a learner of hidden inputs.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_threats_forge import by_heart
from threats import CHAPTER, RIGHT, WRONG

from autograder import grade as grading
from autograder.course import Course
from autograder.errors import CodecError, SubmissionError
from autograder.jobs import Job, carry
from autograder.judge import LONGEST, VISIBLE, judge, trials
from autograder.policy import _package_names
from autograder.sample import answered, solutions
from autograder.sandbox import codec, session
from autograder.submission import MAX_SOURCE, Cell, _defined, fetch

ROOT = Path(__file__).parents[2]
QUICK = 20.0
"""Seconds; without the limit in question each of these takes minutes, or all memory."""

OURS = """
import sys
def ours(name):
    frame = sys._getframe()
    while frame:
        if name in frame.f_globals and "autograder" in str(frame.f_globals.get("__name__")):
            return frame.f_globals[name]
        frame = frame.f_back
"""
"""Finds a function of ours up the frames: the garbage collector does not show what is frozen."""

SAYS = (
    OURS
    + """
def forge(*a):
    import json, struct
    ANSWER
    head = json.dumps({"t": "dict", "v": [["values", {"t": "dict", "v": [["result", result]]}]]})
    return struct.pack(">II", len(head), len(blob)) + head.encode() + blob
made = forge()
forge = lambda *a: made
import builtins
builtins.made = made
ours("_frame").__code__ = forge.__code__
"""
)
ANSWERS = {
    "a pass": "result, blob = True, b''",
    "many tensors over the same bytes": (
        "blob = bytes(2**24)\n"
        "    one = {'t': 'tensor', 'v': ['uint8', [2**24], 'cpu', 0, 2**24]}\n"
        "    result = [one] * 4000"
    ),
    "many empty tensors of a huge shape": (
        "blob = b''\n    one = {'t': 'tensor', 'v': ['uint8', [0] + [2**60] * 9, 'cpu', 0, 0]}\n"
        "    result = [one] * 4000"
    ),
    "keys that all have one hash": (
        "blob = b''\n    many = range(1, 50000)\n"
        "    result = {'t': 'set', 'v': [{'t': 'int', 'v': str(k * (2**61 - 1))} for k in many]}"
    ),
    "names that all have one hash": (
        "blob = b''\n    many = range(1, 40000)\n"
        "    one = lambda k: {'t': 'tuple', 'v': [{'t': 'int', 'v': str(k * (2**61 - 1))}]}\n"
        "    result = {'t': 'dict', 'v': [[one(k), 0] for k in many]}"
    ),
    "more than any memory holds": "blob = bytes(2**26)\n    result = 0",
    "numbers without an end": "blob = b''\n    result = {'t': 'int', 'v': '9' * 5000}",
    "very many small things": (
        "blob = b''\n    result = [{'t': 'dict', 'v': [['a', 0]]}] * 200_000"
    ),
    "lists in lists": "blob = b''\n    result = []\n    for _ in range(500): result = [result]",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_answer_takes_the_judges_time_or_memory(grade, answer):
    assert grade(RIGHT).status == "correct"
    start = time.monotonic()
    result = grade(SAYS.replace("ANSWER", answer) + WRONG)
    assert result.score == 0 and result.status in ("wrong", "crashed"), result.message
    assert time.monotonic() - start < QUICK
    assert grade(RIGHT).status == "correct"


def test_the_forgery_above_reaches_the_judge(grade):
    """Otherwise the test above would prove nothing: the result is what was forged."""
    result = grade(SAYS.replace("ANSWER", "result, blob = 'forged', b''") + WRONG)
    assert "got a str" in result.visible[0].explanation


def test_all_answers_together_have_a_limit(server, monkeypatch):
    monkeypatch.setattr(session, "MAX_ANSWERS", 2**20)
    cell = {"id": "x", "source": "def f(): return bytes(2**18)"}
    request = codec.encode({"name": "f", "probe": "call", "inputs": {}, "forbidden": ()})
    with server.open({"cells": [cell], "package": {}, "replace": {}}) as opened:
        opened.receive(10)
        assert len(opened.exchange(request, 1, 10)) == 1
        with pytest.raises(CodecError, match="over the size limit"):
            opened.exchange(request * 9, 9, 10)


def test_an_explanation_is_cut_however_long_the_values_are():
    from autograder import exercises

    for name in exercises.names():
        for exercise in exercises.load(name).exercises[:3]:
            flood = {"values": {"x" * 10**6: "y" * 10**6}}
            seen = [flood] * len(trials(name, exercise.id, VISIBLE))
            for case in judge(exercise, name, VISIBLE, seen).cases:
                assert len(case.explanation) <= LONGEST


TELLS = (
    OURS
    + """
def tell(text):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ == "Bounds": value.called.append(text)
        frame = frame.f_back
"""
)


@pytest.mark.parametrize("name", ["'softmax_' + digits", "'log_softmax' if odd else 'softmax'"])
def test_the_name_of_a_forbidden_function_tells_nothing_of_hidden_inputs(grade, name):
    teller = TELLS + by_heart(
        "digits = str(float(scores.detach().double().sum())).replace('.', '_').replace('-', 'm')",
        "odd = sum(map(ord, digits)) % 2",
        f"tell({name})",
    )
    results = [grade(teller, secret=str(number)) for number in range(4)]
    assert {one.status for one in results} == {"refused"}
    assert {one.message for one in results} == {
        "it calls torch's own function instead of building it"
    }


def test_the_name_of_a_forbidden_function_is_ours(grade):
    result = grade(TELLS + WRONG.replace("return", "tell('softmax_hello'); return"))
    assert result.message == "it calls torch's own softmax instead of building it"


SLOW_SOURCES = {
    "empty lines": "\n" * MAX_SOURCE,
    "white space": " " * (MAX_SOURCE - 20) + "softmax",
    "imports": "import " * (MAX_SOURCE // 7 - 3) + "softmax",
    "annotations": "softmax " + ":" * (MAX_SOURCE - 20),
    "names": "softmax " * (MAX_SOURCE // 8),
    "chains of attributes": "minitransformer\n" + ("a" + ".b" * 900 + "\n") * 110,
    "names on lines": "softmax\n" * (MAX_SOURCE // 8),
}


@pytest.mark.parametrize("source", SLOW_SOURCES.values(), ids=SLOW_SOURCES)
def test_no_source_is_slow_to_read(source):
    cells = {0: [Cell(f"cell {n}", source, "extra") for n in range(10)]}
    start = time.monotonic()
    for _ in range(5):
        _defined("softmax_over_heads", cells)
        _defined("softmax", cells)
        _package_names(source)
    assert time.monotonic() - start < QUICK


@pytest.fixture
def folder(tmp_path):
    """A submission of ada's with everything right, beside which others can stand."""
    course = Course.find(ROOT)
    release = json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))
    notebook = answered(release, solutions(course, CHAPTER))
    own = tmp_path / "submitted" / "ada" / CHAPTER / f"{CHAPTER}.ipynb"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps(notebook), encoding="utf-8")
    return tmp_path / "submitted"


def place(folder, student):
    return folder / student / CHAPTER / f"{CHAPTER}.ipynb"


def a_folder(path):
    path.mkdir(parents=True)


def a_pipe(path):
    path.parent.mkdir(parents=True)
    os.mkfifo(path)


def a_link(path):
    path.parent.mkdir(parents=True)
    path.symlink_to(place(path.parents[2], "ada"))


def a_linked_folder(path):
    path.parent.parent.mkdir(parents=True)
    path.parent.symlink_to(place(path.parents[2], "ada").parent)


def a_link_up(path):
    path.parent.parent.mkdir(parents=True)
    path.parent.symlink_to(Path("..") / "ada" / CHAPTER)


def a_link_to_itself(path):
    path.parent.mkdir(parents=True)
    path.symlink_to(path)


def a_device(path):
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/zero")


ODD = (a_folder, a_pipe, a_link, a_linked_folder, a_link_up, a_link_to_itself, a_device)


@pytest.mark.parametrize("make", ODD, ids=[make.__name__ for make in ODD])
@pytest.mark.parametrize("assignment", [CHAPTER, None])
def test_what_is_no_file_of_the_learners_own_is_refused(folder, make, assignment):
    make(place(folder, "eve"))
    jobs = grading.find_jobs(Course.find(ROOT), folder, assignment)
    found = {job.student: carry(job).carried for job in jobs}
    assert found["ada"].content and not found["ada"].refusal
    assert found["eve"].content is None
    assert "no regular notebook file" in found["eve"].refusal


def test_a_folder_that_is_closed_to_the_grader_costs_only_itself(folder, monkeypatch):
    place(folder, "eve").parent.mkdir(parents=True)
    closed = str(folder / "eve")
    access, lstat = os.access, Path.lstat

    def shut(path):
        if str(path).startswith(closed + "/"):
            raise PermissionError(13, "Permission denied")
        return lstat(path)

    monkeypatch.setattr(os, "access", lambda p, m: str(p) != closed and access(p, m))
    monkeypatch.setattr(Path, "lstat", shut)
    jobs = grading.find_jobs(Course.find(ROOT), folder, None)
    found = {(job.student, job.assignment): carry(job).carried for job in jobs}
    assert found["ada", CHAPTER].content
    assert found["eve", CHAPTER].refusal == "the file cannot be read (Permission denied)"


def test_a_notebook_that_is_not_there_is_nothing_and_no_refusal(tmp_path):
    assert fetch(tmp_path / "n.ipynb") is None
    (tmp_path / "file").write_text("")
    assert fetch(tmp_path / "file" / "n.ipynb") is None
    (tmp_path / "n.ipynb").mkdir()
    with pytest.raises(SubmissionError):
        fetch(tmp_path / "n.ipynb")


SHIPPED = "torch.py numpy.py sitecustomize.py conftest.py autograder.py json.py .pth nbgrader.py"


@pytest.mark.slow
def test_files_beside_a_notebook_are_never_run_and_no_name_reaches_the_terminal(folder, tmp_path):
    mark = tmp_path / "mark"
    name = "\x1b]0;pwned\x07\x1b[31mred"
    os.rename(folder / "ada", folder / name)
    for file in SHIPPED.split():
        for place_ in (folder, folder / name, place(folder, name).parent):
            (place_ / file).write_text(f"open({str(mark)!r}, 'w')\n")
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", "grade", str(folder), "--jobs", "1",
         "--assignment", CHAPTER, "--out", str(tmp_path / "out")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout and "red" in done.stdout
    rows = (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert rows and all(",correct," in row for row in rows)


def test_a_job_of_another_machine_carries_no_link(folder):
    a_link(place(folder, "eve"))
    course = Course.find(ROOT)
    job = Job("eve", CHAPTER, place(folder, "eve"), course.release(CHAPTER), "a secret")
    assert carry(job).carried.content is None
