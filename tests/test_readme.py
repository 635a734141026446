"""The README's commands, run as it says them: all but `make test`, which runs this."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^\| `(make [a-z]+)` \|", README, re.MULTILINE)))
ENVIRONMENT = {
    k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "MAKE", "MFLAGS"))
}


def test_the_readme_lists_every_command_of_the_project():
    names = ("bench", "grade", "help", "lab", "notebooks", "test", "validate")
    assert COMMANDS == [f"make {name}" for name in names]


def test_the_first_screen_says_for_whom_with_which_commands_and_shows_a_picture():
    first = README.splitlines()[:24]
    text = "\n".join(first)
    assert all(
        word in text for word in ("learners", "instructors", "make lab", "make grade", "make test")
    )
    picture = re.search(r"!\[.{20,}\]\((.+)\)", text)
    assert (ROOT / picture[1]).is_file()


LONG = ("make test", "make lab", "make bench")  # each has a test of its own, or runs this one


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in LONG])
def test_a_command_of_the_readme_works(command):
    done = subprocess.run(
        command.split(), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_part_of_make_bench_prints_its_table():
    done = subprocess.run(
        [sys.executable, "-m", "bench", "grading"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "times" in done.stdout
    unknown = subprocess.run(
        [sys.executable, "-m", "bench", "speed"], cwd=ROOT, capture_output=True, text=True
    )
    assert unknown.returncode == 1 and "no part speed; there are throughput" in unknown.stderr


@pytest.mark.slow
def test_make_lab_opens_a_work_copy_of_chapter_1_with_nbgraders_extension_on(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"JUPYTER_TOKEN": "t", "JUPYTER_RUNTIME_DIR": str(tmp_path), "BROWSER": "true"}
    settings |= {"JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_PORT": str(port)}
    server = subprocess.Popen(
        ["make", "lab"],
        cwd=ROOT,
        env={**ENVIRONMENT, **settings},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page = answer(f"http://127.0.0.1:{port}/api/contents/work/01_embeddings?token=t", server)
        assert "01_embeddings.ipynb" in page
        assert "nbgrader" in answer(f"http://127.0.0.1:{port}/lab/api/settings?token=t", server)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answer(address, server, seconds=90):
    """What the server says once it is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, "make lab ended before its server answered"
        try:
            with urllib.request.urlopen(address, timeout=20) as page:
                return page.read().decode()
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"no answer from {address} in {seconds} s")
