"""A filled template as one page that works offline and in print, and runs nothing but our own.

Each page carries a content security policy that admits our style sheet and our script by their
hashes and nothing else; the templates escape every value. The learner's page has no script at all.
"""

import base64
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from autograder.gradebook import SIGNS
from autograder.results import ExerciseResult
from autograder.spec import Chapter

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, script: str, **values: Any) -> str:
    """The filled template under a policy that fits its style sheet and its script.

    Args:
        template: a file of `TEMPLATES`.
        script: our own JavaScript, or nothing: then the page may run none.
        values: what the template asks for; one it lacks raises `jinja2.UndefinedError`.
    """
    return _environment().get_template(template).render(**_frame(script), **values)


@functools.cache
def _frame(script: str) -> dict[str, Any]:
    """Style sheet, script, and the policy that admits them."""
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    policy = ["default-src 'none'", f"style-src {_hash(style)}", "img-src data:"]
    if script:
        policy.append(f"script-src {_hash(script)}")
    policy += ["base-uri 'none'", "form-action 'none'"]
    return {"style": Markup(style), "script": Markup(script), "policy": "; ".join(policy)}


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["signs"] = SIGNS
    environment.filters["points"] = lambda number: f"{number:g}"
    environment.filters["seconds"] = lambda number: f"{number:.2f} s"
    return environment


def _hash(text: str) -> str:
    """The text's source expression for a content security policy."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def titles_of(chapter: Chapter | None) -> dict[str, str]:
    """Exercise id → title."""
    return {exercise.id: exercise.title for exercise in chapter.exercises} if chapter else {}


def total(records: Iterable[ExerciseResult]) -> tuple[float, float]:
    """Points earned and points to be had."""
    pairs = [(record.score, record.max_score) for record in records]
    return sum(score for score, _ in pairs), sum(best for _, best in pairs)


def percent(part: float, whole: float) -> int:
    """A whole percentage; 100 only when nothing is missing, 0 only when there is nothing."""
    if part <= 0 or whole <= 0:
        return 0
    return 100 if part >= whole else min(99, max(1, round(100 * part / whole)))
