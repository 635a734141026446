"""nbgrader's formgrader in headless Chromium: the class is there, with our marks, and it is inert.

The server is a real `jupyter server` with nbgrader's extension, on an empty home.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from autograder.gradebook import fill_gradebook, write_autograded
from autograder.inert import safe_name

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOKEN = "for-this-test-only"
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
        folder = tmp_path / "autograded" / safe_name(result.student) / "02_attention"
        write_autograded(result, release, cells, folder / "02_attention.ipynb")
    return tmp_path


@pytest.fixture
def server(course):
    """The address of formgrader, served from the course."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = course / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    folders = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    options += [f"--ServerApp.root_dir={course}"]
    with open(course / "server.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *options],
            cwd=course,
            env={**kept, **folders, "HOME": str(home)},
            stdout=log,
            stderr=log,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/api", process, course / "server.log")
        yield f"http://127.0.0.1:{port}/formgrader"
    finally:
        process.terminate()
        process.wait(30)


def _wait(address, process, log):
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    pytest.fail(f"the server did not answer within a minute:\n{log.read_text()}")


@pytest.fixture
def formgrader(chromium, server, course):
    """Opens a page of formgrader, logged in; nothing but the server can be reached."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    own = server.removesuffix("/formgrader")
    context.route(lambda url: not url.startswith(own), lambda route: route.abort())
    page = context.new_page()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{own}/api/status?token={TOKEN}")

    def opened(path, shot, ready):
        page.goto(f"{server}/{path}")
        page.wait_for_selector(ready)
        page.wait_for_timeout(300)
        page.screenshot(path=course / f"{shot}.png", full_page=True)
        return page

    yield SimpleNamespace(open=opened, dialogs=dialogs)
    context.close()


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
