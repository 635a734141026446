"""Grading a class: stock nbgrader against ours, in one run.

The same honest submissions of 02_attention, every one different, half of them unfinished. Stock is
nbgrader as it comes: `autograde` (a kernel for each notebook, which imports torch and runs the
check cells) and `generate_feedback`, through nbgrader's own API, so that starting its command
counts for nothing. Ours is everything that `autograder grade` does, the warm processes' start, the
pages, the report and the gradebook included, on as many cores as there are. Fair to both: cells
tagged `demonstration` are taken out, disk caches are warm, and our store of results is empty.
"""

import json
import os
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

from autograder import exercises, grade
from autograder.course import Course
from autograder.jobs import Job, grade_one
from autograder.judge import VISIBLE
from autograder.replay import Worker, requests
from autograder.sample import answered, solutions
from autograder.sandbox import Limits, Server, codec, worker
from autograder.submission import Submission, lay, plain
from bench.memory import Memory
from bench.rows import Row

CHAPTER = "02_attention"
SECRET = "bench"
STOCK, OURS, MANY = 4, 40, 240
ROUNDS = 20


def without_demonstrations(notebook: dict) -> dict:
    """The notebook as both sides get it."""
    kept = [c for c in notebook["cells"] if "demonstration" not in c["metadata"].get("tags", [])]
    return {**notebook, "cells": kept}


def write(folder: Path, notebook: dict) -> Path:
    """Put a notebook where nbgrader expects that of a student, or the source."""
    path = folder / CHAPTER / f"{CHAPTER}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def submissions(course: Course, folder: Path, count: int) -> list[Path]:
    """Notebooks that differ; every other one is solved only as far as its number says."""
    release = json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))
    release = without_demonstrations(release)
    right = solutions(course, CHAPTER)
    names = [exercise.id for exercise in exercises.load(CHAPTER).exercises]
    paths = []
    for number in range(count):
        far = len(names) if number % 2 else 1 + number // 2 % len(names)
        solved = {name: f"{right[name]}\nnumber = {number}" for name in names[:far]}
        paths.append(write(folder / f"student{number}", answered(release, solved)))
    return paths


def stock_course(course: Course, root: Path) -> NbGraderAPI:
    """nbgrader as it comes, with the chapter generated from the instructor's notebook."""
    notebook = json.loads(course.instructor(CHAPTER).read_text(encoding="utf-8"))
    write(root / "source", without_demonstrations(notebook))
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    scripts = sysconfig.get_path("scripts")  # nbgrader calls alembic by name
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    api = NbGraderAPI(config=config)
    _succeeded(api.generate_assignment(CHAPTER))
    return api


def stock(api: NbGraderAPI, student: str) -> float:
    """Seconds of nbgrader's way for one student."""
    start = time.perf_counter()
    _succeeded(api.autograde(CHAPTER, student))
    _succeeded(api.generate_feedback(CHAPTER, student))
    return time.perf_counter() - start


def _succeeded(done: dict) -> None:
    if not done["success"]:
        raise RuntimeError(f"nbgrader failed: {done.get('log')} {done.get('error')}")


def ours(
    course: Course, paths: list[Path], out: Path, done: Callable[..., None] = lambda result: None
) -> float:
    """Seconds a submission, everything included."""
    start = time.perf_counter()
    grade.grade(course, jobs(course, paths), out, None, done)
    return (time.perf_counter() - start) / len(paths)


def jobs(course: Course, paths: list[Path]) -> list[Job]:
    """What `autograder grade` would make of these files."""
    return [Job(p.parts[-3], CHAPTER, p, course.release(CHAPTER), SECRET) for p in paths]


def marks(database: Path, students: list[str]) -> dict[str, float]:
    """Each student's points in a gradebook."""
    with Gradebook(f"sqlite:///{database}") as gradebook:
        return {s: gradebook.find_submission(CHAPTER, s).score for s in students}


def alone(course: Course, paths: list[Path]) -> list[float]:
    """Seconds of each submission, one at a time, in a process that is warm."""
    seconds = []
    with Server() as server:
        for job in jobs(course, [*paths[:2], *paths]):
            start = time.perf_counter()
            grade_one(job, server)
            seconds.append(time.perf_counter() - start)
    return seconds[2:]


def fork_cost(course: Course) -> tuple[float, float]:
    """Seconds of one submission's cells and probes in a worker, and bare, in this process."""
    chapter = exercises.load(CHAPTER)
    release = json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))
    cells = [plain(c) for c in answered(release, solutions(course, CHAPTER))["cells"]]
    submission = lay("bench", chapter, cells, release["cells"])
    asked = [requests(CHAPTER, e.id, s) for s in (VISIBLE, SECRET) for e in chapter.exercises]
    forked, bare = [], []
    with Server() as server:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            in_worker(server, submission, asked)
            forked.append(time.perf_counter() - start)
            start = time.perf_counter()
            in_this_process(submission, asked)
            bare.append(time.perf_counter() - start)
    return statistics.median(forked), statistics.median(bare)


def in_worker(server: Server, submission: Submission, asked: list[tuple[bytes, int]]) -> None:
    """Fork, walls, cells, probes, end: all but the judging."""
    with Worker(server, CHAPTER, submission.cells, (), Limits()) as one:
        one.open()
        for frames, count in asked:
            one.session.exchange(frames, count, 60)


def in_this_process(submission: Submission, asked: list[tuple[bytes, int]]) -> None:
    """The same cells and probes, without a wall around them."""
    space: dict = {"check": print, "__name__": "bench"}
    quiet = {"check": lambda *a: None, "hint": lambda *a: None, "quiz": lambda *a: None}
    for cell in submission.cells:
        worker.run_cell(cell.source, cell.id, space)
        space.update(quiet)
    for frames, _ in asked:
        waiting = bytearray(frames)
        while frame := codec.whole(waiting):
            codec.encode(worker.seen(space, codec.message(frame)))


def measure() -> list[Row]:
    """Speed against stock nbgrader, marks, one submission's time, the fork's cost, memory."""
    course = Course.find(Path(__file__).parent.parent)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measure(course, Path(folder))
    finally:
        torch.set_num_threads(threads)


def _measure(course: Course, root: Path) -> list[Row]:
    paths = submissions(course, root / "submitted", MANY)
    students = [path.parts[-3] for path in paths[:STOCK]]
    api = stock_course(course, root)
    stock(api, students[0])  # caches
    slow = [stock(api, student) for student in students]
    few = ours(course, paths[:OURS], root / "few")
    memory = Memory()
    many = ours(course, paths, root / "many", memory.look)
    same = marks(root / "gradebook.db", students) == marks(root / "many/gradebook.db", students)
    each = sorted(alone(course, paths[:100]))
    forked, bare = fork_cost(course)
    per_stock = statistics.median(slow)
    where = f"{os.cpu_count()} cores, pages, report and gradebook included"
    return [
        Row(
            f"grading {MANY} submissions of {CHAPTER}, against stock nbgrader ({where})",
            f"{per_stock / many:.0f} times",
            f"{many * 1000:.0f} ms and {per_stock:.2f} s a submission; "
            f"{60 / many:.0f} and {60 / per_stock:.1f} a minute; marks "
            f"{'identical' if same else 'NOT IDENTICAL'} ({STOCK} compared)",
        ),
        Row(
            f"the same with {OURS} submissions, where the start counts for more",
            f"{per_stock / few:.0f} times",
            f"{few * 1000:.0f} ms a submission",
        ),
        Row(
            "one submission alone, judging only",
            f"{each[50] * 1000:.0f} ms (median)",
            f"{each[98] * 1000:.0f} ms (99 of 100)",
        ),
        Row(
            "fork and walls, over the bare cells and probes",
            f"{(forked - bare) * 1000:.0f} ms (median)",
            f"{forked * 1000:.0f} and {bare * 1000:.0f} ms",
        ),
        Row(f"memory, all processes, {MANY} submissions", f"{memory.peak:.1f} GiB (peak)", ""),
    ]
