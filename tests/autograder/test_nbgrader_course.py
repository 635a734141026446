"""The repository is an nbgrader course: its own commands work, and give what our build gives."""

import json
import os
import subprocess
import sys

import pytest
from tiny_course import NAME

from autograder.nbgrader_plugin import STUB, replace_stub


def run(tiny, *command, **environment):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tiny.course.root,
        env={**os.environ, "PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_nbgraders_own_command_makes_the_same_release_and_registers_it(built):
    release = built.course.release(NAME)
    before = release.read_bytes()
    release.unlink()
    for name in ("answers.txt", ".answers"):
        (built.course.instructor(NAME).parent / name).write_text("5")
    done = run(built, "nbgrader", "generate_assignment", NAME, "--force")
    assert done.returncode == 0, done.stderr
    assert release.read_bytes() == before
    assert list(release.parent.iterdir()) == [release]
    assert (built.course.runtime / "gradebook.db").exists()


@pytest.mark.slow
def test_nbval_accepts_the_built_notebook_and_rejects_another_output(built, pytestconfig):
    settings = ["-c", str(pytestconfig.rootpath / "pyproject.toml"), "-p", "no:cacheprovider"]
    sanitize = f"--nbval-sanitize-with={pytestconfig.rootpath / 'tests' / 'nbval.cfg'}"
    command = ["pytest", *settings, "--nbval", sanitize, "solutions"]
    done = run(built, *command)
    assert done.returncode == 0, done.stdout
    path = built.course.instructor(NAME)
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["outputs"][0]["text"] = ["three and four make 8\n"]
    path.write_text(json.dumps(notebook))
    assert run(built, *command).returncode == 1


def test_the_stub_is_replaced_at_its_indent():
    source = "class A:\n    def f(self):\n        " + STUB.replace("\n", "\n        ")
    assert replace_stub(source, "if 1:\n    return 2\n\nreturn 3") == (
        "class A:\n    def f(self):\n        if 1:\n            return 2\n\n        return 3"
    )


@pytest.mark.parametrize("stubs", [0, 2])
def test_anything_but_one_stub_is_refused(stubs):
    with pytest.raises(ValueError, match=f"holds {stubs} stubs"):
        replace_stub("\n".join([STUB] * stubs), "return 1")
