"""Grading a class: nbgrader's own way against ours.

Grades the same honest submissions of 02_attention twice: by nbgrader's own way (a kernel for each
notebook, cells run in order, a feedback page) and by ours (one warm process, a fork for each, the
judge, a feedback page). Cells tagged `demonstration` are left out on both sides.
"""

import copy
import json
import statistics
import tempfile
import time
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from traitlets.config import Config

from autograder import exercises, grade
from autograder.course import Course
from autograder.sample import answered, solutions
from autograder.sandbox import Server
from autograder.scheduling import Job, grade_one
from bench.rows import Row

CHAPTER = "02_attention"
STOCK, OURS = 4, 40


def submissions(course: Course, folder: Path, count: int) -> list[Path]:
    """Notebooks that differ: each is solved as far as its number says."""
    release = json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))
    right = solutions(course, CHAPTER)
    names = [exercise.id for exercise in exercises.load(CHAPTER).exercises]
    paths = []
    for number in range(count):
        solved = {name: f"{right[name]}\n# {number}" for name in names[: 1 + number % len(names)]}
        path = folder / f"student{number}" / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(answered(release, solved)), encoding="utf-8")
        paths.append(path)
    return paths


def stock(path: Path) -> float:
    """Seconds of nbgrader's way: execute in a kernel, write an HTML page."""
    start = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        c for c in notebook.cells if "demonstration" not in c.metadata.get("tags", [])
    ]
    ipc = {"transport": "ipc", "connection_file": str(path.with_suffix(".json"))}
    client = NotebookClient(
        notebook,
        timeout=120,
        allow_errors=True,
        kernel_name="python3",
        config=Config({"KernelManager": ipc}),
    )
    client.execute(cwd=str(path.parent))
    HTMLExporter().from_notebook_node(notebook)
    return time.perf_counter() - start


def ours(course: Course, paths: list[Path], out: Path) -> tuple[list[float], float]:
    """Seconds a submission, and in all with every page and the gradebook written."""
    jobs = [Job(p.parts[-3], CHAPTER, p, course.release(CHAPTER), "bench") for p in paths]
    begin = time.perf_counter()
    grade.grade(course, jobs, out, 1, lambda result: None)
    total = time.perf_counter() - begin
    each = []
    with Server() as server:
        grade_one(jobs[0], server)
        for job in jobs:
            start = time.perf_counter()
            grade_one(job, server)
            each.append(time.perf_counter() - start)
    return each, total


def measure() -> list[Row]:
    """Two rows: with all pages and the gradebook, and judging alone."""
    course = Course.find(Path(__file__).parent.parent)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            paths = submissions(course, Path(folder) / "submitted", OURS)
            slow = [stock(path) for path in paths[-STOCK:]]
            each, total = ours(course, paths, Path(folder) / "out")
    finally:
        torch.set_num_threads(threads)
    per_stock, per_ours = statistics.median(slow), total / len(paths)
    return [
        Row(
            f"grading {OURS} submissions of {CHAPTER} with pages and gradebook, one process, "
            "against nbgrader's way",
            f"{per_stock / per_ours:.0f} times",
            f"{per_ours:.3f} s and {per_stock:.2f} s a submission",
        ),
        Row(
            "the same, warm, judging alone",
            f"{per_stock / statistics.median(each):.0f} times",
            f"{statistics.median(each):.3f} s a submission (median)",
        ),
    ]
