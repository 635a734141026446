"""What the warm process leaves behind, however its judge ends: no process and no folder."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import SandboxError
from autograder.sandbox import Server
from autograder.sandbox.warm import FOLDER, SETTLED, Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is graded elsewhere")
ROOT = Path(__file__).parents[2]
CHAPTER = "02_attention"

UNCLOSED = """
import sys
from autograder.sandbox import Server
server = Server(namespaces=sys.argv[1] == "on")
loop = {"id": "x", "source": "while True: pass"}
session = server.open({"cells": [loop], "package": {}, "replace": {}})
print(server._warm.process.pid, server._pid, session._watch.pid, flush=True)
if sys.argv[2] == "exception": session.receive(0.1)
if sys.argv[2] == "dropped": del server, session
if sys.argv[2] == "exit": sys.exit()
"""


def ended(pid):
    """It is gone, or will be in a moment."""
    end = time.monotonic() + 5
    while time.monotonic() < end and Path(f"/proc/{pid}").exists():
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("switch", ["on", "off"])
@pytest.mark.parametrize("way", ["exception", "dropped", "exit"])
def test_a_server_that_nobody_closed_ends_with_the_interpreter(tmp_path, switch, way):
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", UNCLOSED, switch, way],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, timeout=60,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "still running" not in done.stderr
    assert all(ended(pid) for pid in done.stdout.split()) and done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_taken_away_by_the_next_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, young, foreign = (tmp_path / f"{FOLDER}{name}" for name in ("left", "young", "x"))
    (left / "scratch").mkdir(parents=True)
    young.mkdir()
    foreign.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    with Warm() as running:
        for folder in (left, running.folder):
            os.utime(folder, (0, time.time() - 2 * SETTLED))
        with Warm():
            assert not left.exists()
            assert young.exists() and foreign.exists() and Path(running.folder).exists()


def test_a_worker_that_never_began_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Server() as server:
        cells = [{"id": "x", "source": "#" * 2**24}]
        with pytest.raises(SandboxError, match="size limit"):
            server.open({"cells": cells, "package": {}, "replace": {}})
        assert list(Path(server._warm.folder).iterdir()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_a_grading_run_at_once_and_silently(tmp_path, jobs):
    """As a terminal sends it: to every process of the group."""
    release = json.loads(Course.find(ROOT).release(CHAPTER).read_text(encoding="utf-8"))
    for cell in release["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "softmax":
            cell["source"] = "import time\ntime.sleep(9)\ndef softmax(x): return x"
    for student in ("ada", "bao", "chloe"):
        path = tmp_path / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(release))
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "autograder.cli", "grade", str(tmp_path / "submitted")]
    run = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out"), "--jobs", str(jobs)],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("tmp/*/*"))) < jobs:  # a scratch folder each
        assert time.monotonic() < end and run.poll() is None
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    assert run.communicate(timeout=10)[1] == ""
    assert run.returncode == 130
    assert list((tmp_path / "tmp").iterdir()) == []
