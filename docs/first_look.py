"""Makes first-look.png, the README's picture: .venv/bin/python docs/first_look.py

A real message of a real check, and a figure that the instructor notebook of chapter 2 drew.
"""

import html
import json
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from autograder import exercises
from autograder.course import Course
from autograder.exercises import _ch02_mistakes
from autograder.notebook import _worded, judgement_of

CODE = """def softmax(scores, dim=-1):
    shifted = scores - scores.amax(dim=0, keepdim=True)
    exponentials = shifted.exp()
    return exponentials / exponentials.sum(dim=0, keepdim=True)

check(softmax)"""
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; padding: 22px 26px; width: 900px;
       background: #fff; color: #222 }
pre { background: #f4f4f2; padding: 12px 16px; border-radius: 6px; font-size: 14px;
      margin: 0 0 12px }
p { margin: 18px 0 4px; color: #555 } img { width: 860px; display: block }
"""


def figure(notebook: dict, words: str) -> str:
    """The picture of the cell whose text output has these words."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and words in "".join(data.get("text/plain", "")):
                return "".join(data["image/png"])
    raise SystemExit(f"no figure says {words!r}")


def main() -> None:
    """Render the page and take its picture."""
    chapter = exercises.load("02_attention")
    exercise = chapter.exercise("softmax")
    wrong = _ch02_mistakes.softmax_always_over_first_axis
    judgement, _ = judgement_of(chapter, exercise, wrong, {"softmax": wrong})
    message = _worded(exercise, judgement, ())._repr_html_()
    here = Path(__file__).parent
    notebook = json.loads(Course.find(here).instructor(chapter.name).read_text(encoding="utf-8"))
    picture = figure(notebook, "where “it tasted good”")
    page = f"""<meta charset="utf-8"><style>{STYLE}</style>
<pre>{html.escape(CODE)}</pre>{message}
<p>… and at the end of the chapter, where your own trained head looks from “it”:</p>
<img src="data:image/png;base64,{picture}">"""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 952, "height": 100})
        tab.set_content(page)
        tab.screenshot(path=here / "first-look.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
