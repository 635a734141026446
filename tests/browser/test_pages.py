"""Report and feedback pages in headless Chromium: they sort, they fit, and nothing runs."""

import dataclasses
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from autograder.report import class_report, feedback_page, feedback_path

pytestmark = pytest.mark.browser


@pytest.fixture
def watched(chromium):
    """A page that notes every dialog, every request and every complaint."""
    context = chromium.new_context(viewport={"width": 360, "height": 700})
    page = context.new_page()
    page.seen = []
    page.on("dialog", lambda dialog: (page.seen.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: page.seen.append(request.url))
    page.on("console", lambda message: page.seen.append(message.text))
    page.on("pageerror", lambda error: page.seen.append(str(error)))
    yield page
    context.close()


@pytest.fixture
def listener():
    """A web server on this machine that notes what it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def opened(page, path):
    """What was seen while the file was open, besides the file itself."""
    page.seen.clear()
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    page.wait_for_timeout(50)
    return [entry for entry in page.seen if entry != path.as_uri()]


def test_a_click_on_a_header_sorts_and_a_second_one_turns_it_round(
    watched, tmp_path, chapter, results
):
    class_report(results, [chapter], tmp_path / "report.html")
    assert opened(watched, tmp_path / "report.html") == []
    names = watched.locator(".grid tbody th")
    points = watched.locator(".grid thead button", has_text="Points")
    assert names.all_inner_texts() == ["Ada Lovelace", "bitdiddle", "hopper"]
    points.click()
    assert names.all_inner_texts() == ["hopper", "bitdiddle", "Ada Lovelace"]
    points.click()
    assert names.all_inner_texts() == ["Ada Lovelace", "bitdiddle", "hopper"]
    assert watched.locator(".grid th[aria-sort=ascending]").count() == 1


def test_the_slowest_submissions_can_be_sorted_and_are_inert(
    watched, tmp_path, chapter, results, hostile_results
):
    watched.set_viewport_size({"width": 1200, "height": 900})
    timed = [dataclasses.replace(r, seconds=10.0 + n) for n, r in enumerate(results)]
    class_report([*timed, *hostile_results], [chapter], tmp_path / "report.html")
    assert opened(watched, tmp_path / "report.html") == []
    table = watched.locator("h2:has-text('Slowest') + .scroll")
    names = table.locator("tbody th bdi")
    assert names.all_inner_texts()[:3] == ["Ada Lovelace", "bitdiddle", "hopper"]
    assert names.count() == 10
    table.locator("thead button", has_text="Seconds").click()
    table.locator("thead button", has_text="Seconds").click()
    assert names.all_inner_texts()[-1] == "Ada Lovelace"
    assert table.locator("script, img, style, base").count() == 0
    assert watched.evaluate("window.pwned") is None


def test_pages_fit_a_narrow_screen_and_complain_of_nothing(watched, tmp_path, chapter, results):
    for result in results:
        feedback_page(result, chapter, tmp_path / f"{result.student}.html")
    class_report(results, [chapter], tmp_path / "report.html")
    for path in tmp_path.glob("*.html"):
        assert opened(watched, path) == []
        assert watched.evaluate("document.documentElement.scrollWidth") == 360


def test_text_can_be_read_on_its_background_in_light_and_in_dark(
    watched, tmp_path, chapter, results
):
    contrast = """() => {
      const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
      const ground = (part) => {
        for (; part; part = part.parentElement) {
          const colour = getComputedStyle(part).backgroundColor;
          if (colour !== "rgba(0, 0, 0, 0)") return colour;
        }
      };
      const ratios = Array.from(document.querySelectorAll("body *"))
        .filter((part) => !part.closest("svg") && part.innerText &&
          Array.from(part.childNodes).some((node) => node.nodeType === 3 && node.data.trim()))
        .map((part) => [light(getComputedStyle(part).color), light(ground(part))])
        .map(([ink, paper]) => (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05));
      return Math.min(...ratios);
    }"""
    for result in results:
        feedback_page(result, chapter, tmp_path / f"{result.student}.html")
    class_report(results, [chapter], tmp_path / "report.html")
    for scheme in ("light", "dark"):
        watched.emulate_media(color_scheme=scheme)
        for path in tmp_path.glob("*.html"):
            opened(watched, path)
            assert watched.evaluate(contrast) >= 4.5, (scheme, path.name)


def test_no_dialog_opens_no_request_leaves_and_no_script_of_theirs_runs(
    watched, tmp_path, chapter, hostile_results
):
    class_report(hostile_results, [chapter], tmp_path / "report.html")
    paths = [tmp_path / "report.html"]
    for result in hostile_results:
        paths.append(tmp_path / feedback_path(result.student, result.assignment))
        feedback_page(result, chapter, paths[-1])
    for path in paths:
        assert opened(watched, path) == []
        assert watched.evaluate("window.pwned") is None
        assert watched.title() in ("Class report", f"{chapter.title}: feedback")


def test_even_a_page_with_script_smuggled_in_runs_nothing_and_calls_nobody(
    watched, listener, tmp_path, chapter, results
):
    feedback_page(results[0], chapter, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    smuggled = (
        "<script>window.pwned = 1; alert(1)</script>"
        f'<img src="{listener.url}/leak.png" onerror="window.pwned = 2">'
        f'<link rel="stylesheet" href="{listener.url}/leak.css">'
        f"<style>@import '{listener.url}/style.css';</style>"
        f'<iframe src="{listener.url}/frame"></iframe>'
        '<svg onload="window.pwned = 4"></svg>'
    )
    (tmp_path / "page.html").write_text(page.replace("<main>", f"<main>{smuggled}"))
    noted = opened(watched, tmp_path / "page.html")
    assert len([entry for entry in noted if "Content Security Policy" in entry]) >= 5
    assert watched.evaluate("window.pwned") is None
    assert listener.asked == []
