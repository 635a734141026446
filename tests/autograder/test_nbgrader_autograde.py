"""`nbgrader autograde` on the real course: the same judge, the same marks, forged ones included."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.exports import export_marks
from autograder.sample import answered, solutions

ROOT = Path(__file__).parents[2]
CHAPTER = "02_attention"
FORGED = """
class Same(float):
    def __eq__(self, other): return True
softmax = lambda *arguments, **options: Same()
get_ipython().showtraceback = lambda *arguments, **options: None
"""
PWNED = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
RIGHTS = "shifted.exp()"
"""Stands in the right softmax only."""


def hostile(notebook):
    """Script wherever a notebook holds text that formgrader would play."""
    notebook["metadata"]["title"] = PWNED
    for kind, place in (("markdown", 0), ("raw", 2)):
        cell = {"cell_type": kind, "metadata": {}, "id": kind, "source": PWNED}
        notebook["cells"].insert(place, cell)
    notebook["cells"][0]["attachments"] = {"x.svg": {"image/svg+xml": PWNED}}
    changed = next(c for c in notebook["cells"][1:] if c["cell_type"] == "markdown")
    changed["source"] = [changed["source"][0], PWNED]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "display_data", "data": {"text/html": PWNED}, "metadata": {}}
            ]
    return notebook


def nbgrader(folder, *command):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "nbgrader", *command],
        cwd=folder,
        env={**os.environ, "AUTOGRADER_COURSE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_nbgraders_own_commands_grade_with_our_judge(tmp_path):
    for name in ("solutions", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    release = json.loads(Course.find(ROOT).release(CHAPTER).read_text(encoding="utf-8"))
    right = solutions(Course.find(ROOT), CHAPTER)
    for student, answers in (("ada", right), ("eve", {"softmax": FORGED}), ("bob", {})):
        path = tmp_path / ".course" / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        notebook = hostile(answered(release, answers))
        path.write_text(json.dumps(notebook), encoding="utf-8")
    linked = tmp_path / ".course" / "submitted" / "mallory" / CHAPTER
    linked.parent.mkdir()
    linked.symlink_to(path.parents[2] / "ada" / CHAPTER)
    nbgrader(tmp_path, "generate_assignment", CHAPTER, "--force")
    nbgrader(tmp_path, "autograde", CHAPTER)
    nbgrader(tmp_path, "generate_feedback", CHAPTER)
    export_marks(f"sqlite:///{tmp_path / '.course' / 'gradebook.db'}", tmp_path / "marks.csv")
    rows = [line.split(",") for line in (tmp_path / "marks.csv").read_text().splitlines()[1:]]
    scores = {row[0]: (float(row[2]), float(row[3])) for row in rows}
    assert scores["ada"][0] == scores["ada"][1] > 0
    assert scores["eve"][0] == scores["bob"][0] == scores["mallory"][0] == 0
    pages = list((tmp_path / ".course" / "feedback").rglob("*.html"))
    notebooks = list((tmp_path / ".course" / "autograded").rglob("*.ipynb"))
    assert len(pages) == len(notebooks) == 4
    for page in pages:
        assert "<script>window.pwned" not in page.read_text(encoding="utf-8")
        assert "onerror" not in page.read_text(encoding="utf-8")
    titles = [c["source"] for c in release["cells"] if c["cell_type"] == "markdown"]
    for path in notebooks:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
        assert [c["source"] for c in cells if c["cell_type"] != "code"] == titles
        assert "pwned" not in json.dumps([notebook["metadata"], [c.get("outputs") for c in cells]])
        assert not any("attachments" in cell for cell in cells)
        assert (RIGHTS in path.read_text(encoding="utf-8")) == ("ada" in path.parts)
