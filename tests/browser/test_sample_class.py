"""The sample class, graded with the repository's own configuration, as formgrader shows it."""

import shutil
from pathlib import Path

import pytest

from autograder import grade
from autograder.course import Course
from autograder.sample import write_class

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
CHAPTER = "02_attention"


@pytest.fixture
def course(tmp_path):
    """A copy of this course in which `make grade` has run."""
    for name in ("solutions", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


@pytest.fixture
def results(course):
    here = Course(course)
    write_class(here, here.runtime / "submitted")
    jobs = grade.find_jobs(here, here.runtime / "submitted", CHAPTER)
    return grade.grade(here, jobs, here.runtime, 1, lambda result: None).results


def test_formgrader_shows_the_sample_class_with_the_same_marks(results, formgrader, course):
    page = formgrader.open("manage_assignments", "assignments", f"tr:has-text('{CHAPTER}')")
    row = page.locator(f"tr:has-text('{CHAPTER}')")
    assert row.locator("td.num-submissions").inner_text() == str(len(results))

    page = formgrader.open(f"gradebook/{CHAPTER}/{CHAPTER}", "submissions", "tbody td.score")
    page.click("#toggle_names")
    shown = {
        row.locator("td.name").inner_text().strip(): row.locator("td.score").inner_text()
        for row in page.locator("tbody tr").all()
    }
    assert len({result.score for result in results}) > 4
    for result in results:
        score, _, best = shown[result.student].partition(" / ")
        assert float(score) == pytest.approx(result.score, abs=0.01)
        assert float(best) == result.max_score

    page.get_by_role("link", name="ada", exact=True).click()
    page.wait_for_selector("#softmax_check")
    page.screenshot(path=course / "ada.png", full_page=True)
    assert "correct: 2 of 2 points" in page.inner_text("body")
