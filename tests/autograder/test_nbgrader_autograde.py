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
        path.write_text(json.dumps(answered(release, answers)), encoding="utf-8")
    nbgrader(tmp_path, "generate_assignment", CHAPTER, "--force")
    nbgrader(tmp_path, "autograde", CHAPTER)
    nbgrader(tmp_path, "generate_feedback", CHAPTER)
    export_marks(f"sqlite:///{tmp_path / '.course' / 'gradebook.db'}", tmp_path / "marks.csv")
    rows = [line.split(",") for line in (tmp_path / "marks.csv").read_text().splitlines()[1:]]
    scores = {row[0]: (float(row[2]), float(row[3])) for row in rows}
    assert scores["ada"][0] == scores["ada"][1] > 0
    assert scores["eve"][0] == scores["bob"][0] == 0
    assert len(list((tmp_path / ".course" / "feedback").rglob("*.html"))) == 3
