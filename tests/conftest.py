"""Fixtures that several rooms of tests share: a small made-up class, and a browser."""

import os
import shutil

import far
import pytest
import torch
from nbformat import v4

from autograder.results import CaseResult, ExerciseResult, SubmissionResult
from autograder.spec import Case, Chapter, Exercise, Misconception

torch.set_num_threads(1)  # everything here is tiny, and several tests run at a time


def pytest_configure(config):
    if config.option.markexpr == "far":
        far.register()


ROWS = "each row of the weights sums to 1"
WRONG_AXIS = (
    "It looks as if the softmax runs over the queries (dim=-2). Each query must spread its \
attention over the keys, so use dim=-1."
)
LATEST = {"schema_version": 3, "task": False, "cell_type": "code"}
HOSTILE = [
    "<script>window.pwned=1;alert(1)</script>",
    '"><img src=x onerror="window.pwned=1;alert(2)">',
    '=HYPERLINK("http://127.0.0.1:9/leak";"marks")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202egnp.exe\u2066\x1b]0;title\x07\x00\x1b[31mred",
    "![x](http://127.0.0.1:9/leak.png) <style>@import 'http://127.0.0.1:9/leak.css';</style>",
    "../../../../etc/passwd",
    "javascript:alert(3)//{{ 7 * 7 }}{% raw %}</style></title><base href='http://127.0.0.1:9/'>",
    r"$$\href{javascript:alert(4)}{click}$$ \(\unicode{x3c}\)",
    "x" * 10_000,
    "bad\udcffbytes\r\n=1+1",
]


def softmax_over_queries(scores):
    """A mistake, for the counts."""


def _exercise(name: str, title: str, points: int) -> Exercise:
    cases = (Case(ROWS, inputs=lambda draw: {}),)
    mistake = Misconception(softmax_over_queries, WRONG_AXIS)
    return Exercise(
        name, title, abs, cases, ("a", "b", "c"), (mistake,), alternatives=(), points=points
    )


def _right(name: str, points: int) -> ExerciseResult:
    cases = (
        CaseResult("the shape is that of the scores", True, guard=True),
        CaseResult(ROWS, True),
    )
    return ExerciseResult(name, points, points, "correct", "All 2 properties hold.", cases)


def _over_queries(name: str) -> ExerciseResult:
    shape = CaseResult("the shape is that of the scores", True, guard=True)
    large = CaseResult("scores of 1000 give no nan", True)
    hidden = CaseResult(ROWS, False, explanation="The shape is right, but the values differ.")
    told = "shape (2, 3) is right, but 5 of 6 values differ; the most at [0, 2]:\n"
    visible = CaseResult(ROWS, False, explanation=told + "expected 0.6652, got 0.1192.")
    message = f"{ROWS}: no. {WRONG_AXIS}"
    return ExerciseResult(
        name, 1.5, 3, "partial", message, (shape, hidden, large), (visible,),
        "softmax_over_queries", WRONG_AXIS,
    )  # fmt: skip


@pytest.fixture
def chapter() -> Chapter:
    """Four exercises worth 2, 3, 3 and 5 points."""
    exercises = (
        _exercise("softmax", "Turn scores into weights", 2),
        _exercise("attention_weights", "Who looks at whom", 3),
        _exercise("causal_mask", "Hide the future", 3),
        _exercise("scaled_dot_product_attention", "Attention, whole", 5),
    )
    return Chapter("02_attention", "Attention: which words should look at which", exercises)


@pytest.fixture
def release(chapter):
    """The release notebook of the chapter: a heading, then solution and check cells."""
    cells = [v4.new_markdown_cell("# Attention")]
    for exercise in chapter.exercises:
        settings = {"grade_id": exercise.id, "solution": True, "grade": False, "locked": False}
        stub = f"def {exercise.id}(scores):\n    raise NotImplementedError"
        cells.append(v4.new_code_cell(stub, metadata={"nbgrader": {**settings, **LATEST}}))
        settings = {"grade_id": f"{exercise.id}_check", "solution": False, "grade": True}
        settings |= {"locked": True, "points": exercise.points, **LATEST}
        check = f"check({exercise.id})"
        cells.append(v4.new_code_cell(check, metadata={"nbgrader": settings}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture
def results() -> list[SubmissionResult]:
    """Three learners: all right, half done, and one whose notebook had to be repaired."""
    all_right = (
        _right("softmax", 2),
        _right("attention_weights", 3),
        _right("causal_mask", 3),
        _right("scaled_dot_product_attention", 5),
    )
    slow = "Stopped after 10 s. A loop may never end."
    half = (
        _right("softmax", 2),
        _over_queries("attention_weights"),
        ExerciseResult("causal_mask", 0, 3, "missing", "Not written yet."),
        ExerciseResult("scaled_dot_product_attention", 0, 5, "timeout", slow),
    )
    repaired = (
        ExerciseResult("softmax", 0, 2, "crashed", "The process ended (signal 11)."),
        ExerciseResult("attention_weights", 0, 3, "wrong", f"{ROWS}: no."),
        _right("causal_mask", 3),
        ExerciseResult("scaled_dot_product_attention", 0, 5, "refused", "It calls PyTorch's own."),
    )
    note = "The check cell of softmax was missing; it was put back."
    return [
        SubmissionResult("hopper", "02_attention", all_right),
        SubmissionResult("bitdiddle", "02_attention", half),
        SubmissionResult("Ada Lovelace", "02_attention", repaired, note),
    ]


@pytest.fixture
def hostile_results() -> list[SubmissionResult]:
    """One submission for each hostile text, which stands wherever a learner can put text."""
    found = []
    for text in HOSTILE:
        case = CaseResult(text, False, explanation=text)
        record = ExerciseResult("softmax", 0, 2, "wrong", text, (case,), (case,), text, text)
        refused = ExerciseResult("causal_mask", 0, 3, "refused", text, seconds=2.0)
        records = (record, refused)
        found.append(SubmissionResult(text, "02_attention", records, note=text, seconds=3.0))
    return found


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium that plays pages from this machine; CHROMIUM names another binary."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: install chromium or set CHROMIUM to its path")
    quiet = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking \
disable-component-update disable-sync disable-dev-shm-usage"
    with playwright.sync_playwright() as driver:
        switches = ["--" + switch for switch in quiet.split()]
        browser = driver.chromium.launch(executable_path=path, args=switches)
        yield browser
        browser.close()
