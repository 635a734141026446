"""Which walls stand is told, and a class is not graded without the base."""

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder import cli, nbgrader_judge
from autograder.errors import SandboxError
from autograder.sandbox import Server, kernel, landlock, namespaces, seccomp, walls

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
ATTACKS = ("forge", "shortcuts", "reference", "walls", "exhaust")


@pytest.fixture
def no_landlock(monkeypatch):
    monkeypatch.setattr(landlock, "version", lambda: 0)


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@LINUX
def test_doctor_tells_every_wall_in_words_and_as_json():
    told = json.loads(run("doctor", "--json").stdout)
    assert told == {wall.name: wall.stands for wall in walls.standing()}
    text = run("doctor").stdout
    for name, stands in told.items():
        assert f"{'✓' if stands else '✗'} {name}" in text
    assert sum(wall.base for wall in walls.standing()) == 6


def test_without_a_base_wall_grade_refuses_and_says_what_to_do(no_landlock, tmp_path):
    (tmp_path / "ada").mkdir()
    refused = run("grade", tmp_path)
    assert isinstance(refused.exception, SandboxError)
    for word in ("Landlock", "--unsafe", "container", "Your own work"):
        assert word in str(refused.exception)
    assert "✗ only Python's libraries read" in run("doctor").stdout


def test_unsafe_goes_on_and_says_so_aloud(no_landlock, tmp_path):
    (tmp_path / "ada").mkdir()
    went_on = run("grade", tmp_path, "--unsafe")
    assert "UNSAFE" in went_on.stdout and "Landlock" in went_on.stdout
    assert "there are no submissions" in str(went_on.exception)


def test_nbgraders_autograde_refuses_as_well(no_landlock, monkeypatch):
    monkeypatch.delenv(nbgrader_judge.UNSAFE, raising=False)
    nbgrader_judge._server.cache_clear()
    with pytest.raises(SandboxError, match="Landlock"):
        nbgrader_judge._server()


@LINUX
def test_ones_own_work_is_checked_without_the_walls(no_landlock, monkeypatch):
    monkeypatch.setattr(seccomp, "version", lambda: 0)
    with Server(namespaces=False) as server:
        with server.open({"cells": [], "package": {}, "replace": {}}) as session:
            assert session.limits.seconds > 0


@LINUX
def test_what_namespaces_are_not_allowed_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv(namespaces.SWITCH, "off")
    (tmp_path / "ada").mkdir()
    said = run("grade", tmp_path).stdout
    assert "does not allow: user namespace" in " ".join(said.split())
    assert not any(w.stands for w in walls.standing() if w.name.endswith("namespace"))


def as_ordinary_user(command, folder):
    """Exit code of a command run by nobody, for whom the files it needs are made reachable."""
    child = os.fork()
    if child == 0:
        try:
            kernel.unshare(kernel.NEW_MOUNTS)
            kernel.mount("none", "/", "", namespaces.RECURSIVE | namespaces.PRIVATE)
            open_the_way({ROOT, Path(sys.prefix), Path(sys.base_prefix).resolve()})
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.chdir(ROOT)
            os.environ.update(HOME=folder, TMPDIR=folder, PYTHONDONTWRITEBYTECODE="1")
            os.execv(sys.executable, [sys.executable, *command])
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def open_the_way(places):
    """Lay an open folder over each closed one on the way, with what is needed in its place."""
    closed = {}
    for place in places:
        shut = [p for p in reversed(place.parents) if not p.stat().st_mode & 0o001]
        if shut:
            closed.setdefault(shut[0], []).append((place, os.open(place, os.O_PATH)))
    for folder, needed in closed.items():
        kernel.mount("way", str(folder), "tmpfs", 0, "mode=755")
        for place, descriptor in needed:
            place.mkdir(parents=True)
            kernel.mount(f"/proc/self/fd/{descriptor}", str(place), "", 0x1000)


@LINUX
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0,
                    reason="an ordinary user runs the attacks themselves")  # fmt: skip
def test_the_base_walls_hold_for_an_ordinary_user():
    if "mount" not in namespaces.available():
        pytest.skip("this root may not prepare the way for another user")
    files = [f"tests/autograder/test_threats_{name}.py" for name in ATTACKS]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "not namespaces", "-x"]
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        os.chown(folder, 65534, 65534)
        assert as_ordinary_user(["-m", "pytest", *options, *files], folder) == 0
