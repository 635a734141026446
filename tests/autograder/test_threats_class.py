"""A class of attackers and honest learners, graded as a folder: who cheats gains nothing, who is
honest loses nothing, and what an instructor opens is inert."""

import copy
import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from autograder import exercises, grade
from autograder.course import Course
from autograder.sample import answered, solutions

ROOT = Path(__file__).parents[2]
CHAPTER = "02_attention"
PWNED = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
CALLS_HOME = "![x](http://127.0.0.1:9/leak.png) <link rel=stylesheet href=http://127.0.0.1:9/x.css>"
ALL = [exercise.id for exercise in exercises.load(CHAPTER).exercises]


def define(body):
    """The same attack as every exercise's answer."""
    return {name: f"def {name}(*arguments, **options):\n    {body}\n" for name in ALL}


FORGE = {
    "equal": define(
        "return type('S', (), {'__eq__': lambda *a: True, '__float__': lambda s: 1.0})()"
    ),
    "leaves": define("import os; os._exit(0)"),
    "raises": define("raise SystemExit(0)"),
    "segfault": define("import ctypes; ctypes.string_at(0)"),
    "reference": {n: f"from minitransformer.attention import {n}\n" for n in ALL},
    "prints": define("print('all 6 properties hold', flush=True)"),
    "script": define(f"raise type({PWNED!r}, (Exception,), {{}})({PWNED + '=1+1'!r})"),
}


def cells_of(notebook, kind):
    return [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get(kind)]


def with_hostile_text(notebook):
    """Script and links wherever a notebook holds text."""
    notebook["metadata"]["title"] = PWNED
    notebook["metadata"]["authors"] = [{"name": PWNED}]
    html = {"output_type": "display_data", "metadata": {}, "data": {
        "text/html": PWNED, "image/svg+xml": f"<svg onload='1'>{PWNED}</svg>",
        "application/javascript": "window.pwned=1", "text/markdown": CALLS_HOME,
    }}  # fmt: skip
    error = {"output_type": "error", "ename": PWNED, "evalue": PWNED, "traceback": [PWNED]}
    for cell in notebook["cells"]:
        cell["metadata"]["name"] = PWNED
        if cell["cell_type"] == "code":
            cell["outputs"] = [html, error]
    attachment = {"x.svg": {"image/svg+xml": PWNED}}
    notebook["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "id": "a<b",
                                 "source": PWNED + CALLS_HOME, "attachments": attachment})  # fmt: skip
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "outputs": [html],
                              "execution_count": 1, "source": f"x = {PWNED!r} # {CALLS_HOME}"})  # fmt: skip
    return notebook


def tampered(release, right):
    """Honest answers in notebooks whose frame was changed: full marks, as the frame is ours."""
    made = {}
    for name in ("flags", "no kernel", "odd version", "no ids", "large output", "hostile text"):
        made[name] = answered(release, right)
    for cell in made["flags"]["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= {"points": 1e9, "grade": True, "locked": "no"}
    made["no kernel"]["metadata"] = {}
    made["odd version"] |= {"nbformat_minor": 99, "extra": {"x": [None]}}
    for cell in made["no ids"]["cells"]:
        cell.pop("id", None)
        cell["metadata"]["nbgrader"] = cell["metadata"].get("nbgrader", {}) | {"schema_version": 99}
    flood = {"output_type": "stream", "name": "stdout", "text": "x" * 2**22}
    made["large output"]["cells"][-1].setdefault("outputs", []).append(flood)
    with_hostile_text(made["hostile text"])
    checks_gone = answered(release, right)
    for cell in cells_of(checks_gone, "grade"):
        cell["cell_type"], cell["source"] = "markdown", "passed: 100 of 100"
    made["checks retyped"] = checks_gone
    return made


NAMES = {
    "flags": "=1+1", "no kernel": "-rf", "odd version": "\x1b[31mred", "no ids": "x..",
    "hostile text": PWNED.replace("/", "_"), "large output": "a b;=HYPERLINK(1)",
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class, graded once: rows by student, and the folder of results."""
    course, folder = Course.find(ROOT), tmp_path_factory.mktemp("class")
    release = json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))
    right = solutions(course, CHAPTER)
    secret = folder / "secret.ipynb"
    secret.write_text(json.dumps(answered(release, right)))
    notebooks = {"ada": answered(release, right), "zoe": copy.deepcopy(answered(release, right))}
    notebooks |= {name: answered(release, answers) for name, answers in FORGE.items()}
    notebooks |= {NAMES.get(n, n): book for n, book in tampered(release, right).items()}
    crash = "def softmax(scores, dim=-1):\n    import os; os.abort()\n"
    notebooks["crash in one"] = answered(release, {**right, "softmax": crash})
    for student, notebook in notebooks.items():
        path = folder / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
    linked = folder / "submitted" / "linked" / CHAPTER
    linked.mkdir(parents=True)
    (linked / f"{CHAPTER}.ipynb").symlink_to(secret)
    (folder / "submitted" / "a link").symlink_to(folder / "submitted" / "ada")
    oversized = folder / "submitted" / "oversized" / CHAPTER
    oversized.mkdir(parents=True)
    (oversized / f"{CHAPTER}.ipynb").write_bytes(b'{"nbformat": 4, "x": "' + b"x" * (200 * 2**20))
    jobs = grade.find_jobs(course, folder / "submitted", CHAPTER)
    written = grade.grade(course, jobs, folder / "out", 1, lambda result: None)
    rows = {}
    for result in written.results:
        rows[result.student] = {one.exercise: one for one in result.exercises}
    yield rows, folder / "out"
    shutil.rmtree(folder)


def test_every_submission_has_a_row_for_every_exercise(graded):
    rows, _ = graded
    assert all(list(found) == ALL for found in rows.values())
    assert "a link" not in rows


@pytest.mark.parametrize("attacker", FORGE)
def test_an_attacker_gets_no_point_in_any_exercise(graded, attacker):
    rows, _ = graded
    assert {name: one.score for name, one in rows[attacker].items() if one.score} == {}
    assert {one.status for one in rows[attacker].values()} <= {"wrong", "crashed", "refused"}
    assert all(one.message for one in rows[attacker].values())


@pytest.mark.parametrize(
    "name", ["ada", "zoe", *(NAMES.get(n, n) for n in (*NAMES, "checks retyped"))]
)
def test_honest_answers_keep_full_marks_whatever_surrounds_them(graded, name):
    rows, _ = graded
    assert {one.status for one in rows[name].values()} == {"correct"}


@pytest.mark.parametrize("name", ["linked", "oversized"])
def test_what_is_no_regular_notebook_is_refused_with_a_reason(graded, name):
    rows, _ = graded
    assert {(one.score, one.status) for one in rows[name].values()} == {(0, "refused")}
    assert all(len(one.message) > 20 for one in rows[name].values())


def test_a_crash_in_one_exercise_leaves_the_points_of_the_others(graded):
    rows, _ = graded
    found = {name: one.status for name, one in rows["crash in one"].items()}
    assert found.pop("softmax") == "crashed"
    assert set(found.values()) == {"correct"}


def test_no_cell_of_the_table_is_a_formula_and_no_line_moves_a_cursor(graded):
    _, out = graded
    raw = (out / "grades.csv").read_text(encoding="utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", raw)
    for row in csv.reader(raw.splitlines()):
        assert not [cell for cell in row if re.match(r"\s*[=+@]|\s*-(?!\d)", cell)]


def test_pages_hold_no_script_of_a_submission_and_call_nobody(graded):
    _, out = graded
    pages = [out / "report.html", *(out / "feedback").rglob("*.html")]
    assert len(pages) > 15
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "Content-Security-Policy" in text
        assert "<script>window.pwned" not in text and "onerror=window" not in _tags(text)
        assert "http://127.0.0.1" not in text
        assert page.resolve().is_relative_to(out.resolve())


def _tags(text):
    return " ".join(re.findall(r"<[a-z][^>]*>", text))


def test_autograded_notebooks_are_ours_with_the_learners_source_only(graded):
    _, out = graded
    release = json.loads(Course.find(ROOT).release(CHAPTER).read_text(encoding="utf-8"))
    titles = [c["source"] for c in release["cells"] if c["cell_type"] == "markdown"]
    for path in (out / "autograded").rglob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        markdown = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
        assert markdown == ["".join(title) for title in titles]
        text = json.dumps([c.get("outputs") for c in notebook["cells"]] + [notebook["metadata"]])
        assert "pwned" not in text and "127.0.0.1" not in text
        assert not any("attachments" in cell for cell in notebook["cells"])


def test_no_page_tells_what_only_the_instructor_knows(graded):
    rows, out = graded
    course = Course.find(ROOT)
    secret, _ = grade.secret_of(course)
    for page in (out / "feedback").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert str(ROOT) not in text and secret not in text
        others = [name for name in rows if len(name) > 4 and name in text]
        assert len(others) <= 2, others  # its own, and words that are names here
