"""The same class on a Dask cluster: scheduler and two workers on loopback, one of them killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from autograder import cluster, grade
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.sample import answered, solutions

ROOT = Path(__file__).parents[2]
CHAPTER = "02_attention"
STUDENTS = 8


@pytest.fixture
def found(tmp_path):
    """Jobs of a small class; one notebook is broken, one student handed in nothing."""
    course = Course.find(ROOT)
    release = json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))
    right = list(solutions(course, CHAPTER).items())
    for number in range(STUDENTS):
        path = tmp_path / "submitted" / f"student{number}" / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(answered(release, dict(right[: number % 4]))))
    path.write_text("{")
    (tmp_path / "submitted" / "nobody").mkdir()
    return grade.find_jobs(course, tmp_path / "submitted", CHAPTER)


@pytest.fixture
def started():
    """Starts a program of Dask's; all are ended afterwards."""
    processes = []

    def start(program, *arguments):
        command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.dask_{program}"]
        process = subprocess.Popen(
            [*command, *arguments, "--no-dashboard"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def address(started):
    """A scheduler's address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    started("scheduler", "--host", "127.0.0.1", "--port", str(port))
    return f"tcp://127.0.0.1:{port}"


@pytest.fixture
def workers(started, address):
    """Two worker processes, there and connected."""
    from distributed import Client

    options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--death-timeout", "60")
    both = [started("worker", address, *options) for _ in range(2)]
    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    return both


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_worker_killed_in_mid_run_changes_no_mark(found, workers, address, tmp_path):
    course = Course.find(ROOT)
    alone = grade.grade(course, found, tmp_path / "alone", 2, lambda result: None)
    seen = []

    def done(result):
        seen.append(result.student)
        if len(seen) == 2:
            os.kill(workers[0].pid, signal.SIGKILL)

    spread = grade.grade(course, found, tmp_path / "spread", None, done, address)
    assert spread.grades.read_bytes() == alone.grades.read_bytes()
    assert len(seen) == len(found) and workers[0].wait(10) == -signal.SIGKILL
    pages = [sorted(p.name for p in (tmp_path / n / "feedback" / CHAPTER).iterdir())
             for n in ("alone", "spread")]  # fmt: skip
    assert pages[0] == pages[1]


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(AutograderError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        next(cluster.spread(print, [1], "tcp://127.0.0.1:9"))
    assert time.monotonic() - start < 20


def test_a_worker_with_another_version_of_the_course_refuses():
    with pytest.raises(AutograderError, match="another version of the course"):
        cluster._work(lambda item, server: item, "another", 1)


def test_a_worker_without_the_walls_refuses(monkeypatch):
    monkeypatch.delenv(cluster.UNSAFE, raising=False)
    monkeypatch.setattr(cluster.walls.landlock, "version", lambda: 0)
    cluster._server.cache_clear()
    with pytest.raises(AutograderError, match="on a worker: .*Landlock"):
        cluster._work(lambda item, server: item, cluster.engine(), 1)
    cluster._server.cache_clear()
