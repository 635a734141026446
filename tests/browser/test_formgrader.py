"""nbgrader's formgrader in headless Chromium: the class is there, with our marks, and it is inert.

The server is a real `jupyter server` with nbgrader's extension, on an empty home.
"""

import pytest

from autograder.autograded import autograded_notebook, autograded_path
from autograder.gradebook import fill_gradebook
from autograder.inert import safe_name, write_atomically

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONFIG = """
c = get_config()  # noqa: F821
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "course"
c.CourseDirectory.db_url = {db_url!r}
"""
GRADEBOOK = "gradebook/02_attention/02_attention"


@pytest.fixture
def course(tmp_path, chapter, results, hostile_results, release):
    """An nbgrader course whose gradebook and autograded notebooks we wrote."""
    db_url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    (tmp_path / "nbgrader_config.py").write_text(CONFIG.format(root=str(tmp_path), db_url=db_url))
    everyone = [*results, *hostile_results]
    fill_gradebook(everyone, [chapter], db_url, {"02_attention": release}, "course")
    (tmp_path / "source" / "02_attention").mkdir(parents=True)
    for result in everyone:
        (tmp_path / "submitted" / safe_name(result.student) / "02_attention").mkdir(parents=True)
        cells = [dict(cell) for cell in release.cells]
        cells[1]["source"] = f"def softmax(scores):\n    '''{result.student[:99]}'''"
        cells.append({"cell_type": "markdown", "source": result.student})
        path = tmp_path / autograded_path(result.student, "02_attention")
        write_atomically(path, autograded_notebook(result, release, cells))
    return tmp_path


def test_formgrader_shows_the_class_with_our_marks(formgrader, course, results):
    page = formgrader.open("manage_assignments", "assignments", "tr:has-text('02_attention')")
    assert page.locator("td.num-submissions").inner_text() == "14"

    page = formgrader.open(GRADEBOOK, "submissions", "tbody td.score")
    page.click("#toggle_names")
    shown = {
        row.locator("td.name").inner_text().strip(): row.locator("td.score").inner_text()
        for row in page.locator("tbody tr").all()
    }
    assert len(shown) == 14
    for result in results:
        assert shown[result.student] == f"{result.score:g} / 13"

    page.get_by_role("link", name="bitdiddle", exact=True).click()
    page.wait_for_selector("#attention_weights_check")
    page.wait_for_function("document.querySelector('#attention_weights_check').placeholder")
    page.screenshot(path=course / "submission.png", full_page=True)
    marks = {
        record.exercise: page.get_attribute(f"#{record.exercise}_check", "placeholder")
        for record in results[1].exercises
    }
    assert marks == {
        "softmax": "2",
        "attention_weights": "1.5",
        "causal_mask": "0",
        "scaled_dot_product_attention": "0",
    }
    body = page.inner_text("body")
    assert "partial: 1.5 of 3 points" in body and "'''bitdiddle'''" in body
    comment = page.get_attribute("#attention_weights-comment", "placeholder")
    assert comment.startswith("It looks as if the softmax runs over the queries")


def test_hostile_names_and_words_are_inert_in_formgrader(formgrader, course):
    formgrader.open("manage_students", "students", "tr:has-text('bitdiddle')")
    page = formgrader.open(GRADEBOOK, "submissions", "tbody td.score")
    links = [link.get_attribute("href") for link in page.locator("td.name a.name-shown").all()]
    assert len(links) == 14
    own = page.url.split("/formgrader/")[0]
    for number, link in enumerate(links):
        page.goto(own + link)
        page.wait_for_selector("#softmax_check")
        page.wait_for_function("document.querySelector('#softmax_check').placeholder")
        page.screenshot(path=course / f"hostile-{number}.png", full_page=True)
        assert page.evaluate("window.pwned") is None
        assert page.locator("#notebook-container script, #notebook-container img").count() == 0
    assert formgrader.dialogs == []
