"""A class from folder to report, on a real chapter: damaged notebooks, re-grades, the contract."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import exercises, grade
from autograder.course import Course
from autograder.errors import AutograderError, CourseError
from autograder.exports import export_marks
from autograder.sample import answered, solutions, write_class

ROOT = Path(__file__).parents[2]
CHAPTER = "02_attention"
HEADER = ["student", "assignment", "exercise", "score", "max_score", "status", "message"]
WRONG_ATTENTION = """
def scaled_dot_product_attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    weights = weights / weights.sum(-1, keepdim=True)
    return weights @ value, weights
"""


@pytest.fixture(scope="module")
def course():
    return Course.find(ROOT)


@pytest.fixture(scope="module")
def release(course):
    return json.loads(course.release(CHAPTER).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def right(course):
    return solutions(course, CHAPTER)


@pytest.fixture
def hand_in(tmp_path):
    def put(student, content):
        path = tmp_path / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
        )

    return put


@pytest.fixture
def run(course, tmp_path):
    """Grade what was handed in; {student: {exercise: row of grades.csv}}."""

    def graded():
        jobs = grade.find_jobs(course, tmp_path / "submitted", CHAPTER)
        written = grade.grade(course, jobs, tmp_path / "out", 1, lambda result: None)
        found = {}
        with written.grades.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["student"], {})[row["exercise"]] = row
        return found

    return graded


def marks(rows):
    return {name: (row["score"], row["status"]) for name, row in rows.items()}


def full(rows):
    return all(
        row["score"] == row["max_score"] and row["status"] == "correct" for row in rows.values()
    )


def test_a_damaged_notebook_costs_only_itself(hand_in, run, release, right):
    solved = answered(release, right)
    hand_in("ada", solved)
    hand_in("truncated", json.dumps(solved)[:9999])
    hand_in("nul", "\x00" * 10)
    hand_in("old", {"nbformat": 3, "worksheets": []})
    duplicate = answered(release, right)
    cells = duplicate["cells"]
    first = next(
        i for i, c in enumerate(cells) if c["metadata"].get("nbgrader", {}).get("solution")
    )
    cells.insert(first + 1, json.loads(json.dumps(cells[first])))
    hand_in("duplicate", duplicate)
    foreign = answered(release, right)
    for cell in foreign["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= {"schema_version": 99, "points": 500, "locked": False}
    hand_in("foreign", foreign)
    untested = answered(release, right)
    untested["cells"] = [
        c for c in untested["cells"] if not c["metadata"].get("nbgrader", {}).get("grade")
    ]
    hand_in("untested", untested)
    rows = run()
    for student in ("ada", "duplicate", "foreign", "untested"):
        assert full(rows[student]), student
    for student in ("truncated", "nul", "old"):
        assert {(row["score"], row["status"]) for row in rows[student].values()} == {
            ("0", "refused")
        }
        assert len(rows[student]) == len(exercises.load(CHAPTER).exercises)


def test_a_wrong_function_is_charged_once_and_the_learner_is_told(hand_in, run, release, right):
    hand_in("ada", answered(release, {**right, "scaled_dot_product_attention": WRONG_ATTENTION}))
    rows = run()["ada"]
    lost = {name for name, row in rows.items() if row["score"] != row["max_score"]}
    assert lost == {"scaled_dot_product_attention"}
    message = rows["SelfAttention"]["message"]
    assert "judged with the reference scaled_dot_product_attention" in message


def test_a_regraded_submission_keeps_no_old_score(hand_in, run, release, right, tmp_path):
    hand_in("ada", answered(release, right))
    assert full(run()["ada"])
    hand_in("ada", release)
    assert {row["status"] for row in run()["ada"].values()} == {"missing"}
    marks_file = tmp_path / "marks.csv"
    assert export_marks(f"sqlite:///{tmp_path / 'out' / 'gradebook.db'}", marks_file) == 1
    assert marks_file.read_text().splitlines()[1].split(",")[2] == "0"


def test_the_gradebook_says_what_grades_csv_says(hand_in, run, release, right, tmp_path):
    hand_in(
        "ada", answered(release, {**right, "softmax": "def softmax(scores, dim=-1): return scores"})
    )
    rows = run()["ada"]
    export_marks(f"sqlite:///{tmp_path / 'out' / 'gradebook.db'}", tmp_path / "marks.csv")
    total = sum(float(row["score"]) for row in rows.values())
    assert float(
        (tmp_path / "marks.csv").read_text().splitlines()[1].split(",")[2]
    ) == pytest.approx(total)


def test_an_endless_loop_in_one_exercise_leaves_the_others_graded(hand_in, run, release, right):
    loop = "def similarity_scores(query, key):\n    while True: pass\n"
    hand_in("ada", answered(release, {**right, "similarity_scores": loop}))
    rows = run()["ada"]
    assert rows["similarity_scores"]["status"] == "timeout"
    assert {row["status"] for name, row in rows.items() if name != "similarity_scores"} == {
        "correct"
    }


def test_a_student_who_handed_in_nothing_has_a_row_for_each_exercise(
    hand_in, run, release, tmp_path
):
    hand_in("ada", release)
    (tmp_path / "submitted" / "bao").mkdir()
    assert set(marks(run()["bao"]).values()) == {("0", "missing")}


def grade_command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "autograder.cli", "grade", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_keeps_its_contract(hand_in, release, right, tmp_path):
    hand_in("ada", answered(release, right))
    hand_in("=1+1", "not a notebook")
    out = tmp_path / "out"
    done = grade_command(
        tmp_path / "submitted", "--assignment", CHAPTER, "--out", out, "--jobs", "2"
    )
    assert done.returncode == 0, done.stderr
    raw = (out / "grades.csv").read_bytes()
    assert b"\r" not in raw
    rows = list(csv.reader(raw.decode().splitlines()))
    assert rows[0] == HEADER
    assert rows[1:] == sorted(rows[1:])
    assert {row[0] for row in rows[1:]} == {"ada", "'=1+1"}
    assert (out / "report.html").exists() and (out / "gradebook.db").exists()
    assert len(list((out / "feedback").rglob("*.html"))) == 2
    assert str(out / "report.html") in done.stdout


def test_wrong_usage_is_2_and_a_failed_run_is_1(tmp_path):
    assert grade_command(tmp_path / "nowhere").returncode == 2
    assert grade_command("--jobs", "0").returncode == 2
    (tmp_path / "empty").mkdir()
    failed = grade_command(tmp_path / "empty")
    assert failed.returncode == 1 and "there are no submissions" in failed.stderr
    (tmp_path / "empty" / "ada").mkdir()
    assert grade_command(tmp_path / "empty", "--assignment", "99_x").returncode == 1


def test_the_sample_class_is_the_same_every_time_and_grades_twice_to_the_same_bytes(
    course, tmp_path
):
    texts = []
    for name in ("one", "two"):
        write_class(course, tmp_path / name)
        files = sorted((tmp_path / name).rglob("*.ipynb"))
        texts.append([path.read_bytes() for path in files])
    assert texts[0] == texts[1]
    grades = []
    for name in ("one", "two"):
        jobs = grade.find_jobs(course, tmp_path / name, CHAPTER)
        written = grade.grade(course, jobs, tmp_path / f"{name} out", 2, lambda result: None)
        grades.append(written.grades.read_bytes())
    assert grades[0] == grades[1]
    statuses = {row["status"] for row in csv.DictReader(grades[0].decode().splitlines())}
    assert {"correct", "wrong", "missing", "refused", "crashed"} <= statuses


def test_right_work_on_top_of_a_stub_gets_its_points(hand_in, run, release, right):
    stubs = {"softmax", "similarity_scores"}
    hand_in("ada", answered(release, {k: v for k, v in right.items() if k not in stubs}))
    rows = run()["ada"]
    assert {name for name, row in rows.items() if row["status"] != "correct"} == stubs


def test_the_sample_class_never_mixes_with_a_real_one(course, tmp_path):
    sample = grade.begin_sample(course, tmp_path)
    assert (sample / "ada").is_dir()
    assert grade.begin_sample(course, tmp_path) == sample
    (tmp_path / "gradebook.db").touch()
    grade.forget_sample(tmp_path)
    assert list(tmp_path.iterdir()) == []
    real = tmp_path / "submitted" / "ada" / "notes.txt"
    real.parent.mkdir(parents=True)
    real.write_text("mine")
    with pytest.raises(CourseError, match="not the sample's"):
        grade.begin_sample(course, tmp_path)
    grade.forget_sample(tmp_path)
    assert real.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told_in_one_line(course, hand_in, release, tmp_path):
    hand_in("ada", release)
    jobs = grade.find_jobs(course, tmp_path / "submitted", CHAPTER)
    places = {name: tmp_path / name for name in ("file", "csv", "database", "locked")}
    places["file"].touch()
    (places["csv"] / "grades.csv").mkdir(parents=True)
    (places["locked"] / ".grading.lock").mkdir(parents=True)
    places["database"].mkdir()
    (places["database"] / "gradebook.db").write_text("not a database, not at all")
    for name, place in places.items():
        with pytest.raises(AutograderError, match=f"{name}.* cannot be written .*again"):
            grade.grade(course, jobs, place, 1, lambda result: None)


def test_the_name_of_the_output_folder_is_printed_as_it_is(hand_in, release, tmp_path):
    hand_in("ada", release)
    out = tmp_path / "[bold]class[ ]" / "a]"
    done = grade_command(tmp_path / "submitted", "--assignment", CHAPTER, "--out", out)
    assert done.returncode == 0, done.stderr
    assert str(out / "grades.csv") in done.stdout
