"""What a learner sees in the notebook, as text and as HTML of the same words."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.results import CaseResult

EXPLAINED = 3
"""How many failures are explained with values: a wrong function often fails everywhere alike."""

GOOD, BAD, QUIET = "#2e8b57", "#c8553d", "#808080"


@dataclass(frozen=True)
class Message:
    """Lines of (sign, text), shown as text in a terminal and as a small card in a notebook.

    Args:
        title: the first line.
        good: True for a green edge, False for a red one, None for a quiet one.
        lines: (sign, text) pairs; the sign is "✓", "✗" or "".
    """

    title: str
    good: bool | None
    lines: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        rows = [f"  {sign} {text}" if sign else f"  {text}" for sign, text in self.lines]
        return "\n".join([self.title, *rows])

    def _repr_html_(self) -> str:
        colour = {True: GOOD, False: BAD, None: QUIET}[self.good]
        rows = "".join(
            f'<div style="margin-left:1em"><span style="color:{_colour(sign)};display:inline-block;'
            f'width:1.4em;margin-left:-1.4em">{sign}</span>{_text(text)}</div>'
            if sign
            else f'<div style="margin-top:.3em">{_text(text)}</div>'
            for sign, text in self.lines
        )
        return (
            f'<div style="border-left:4px solid {colour};padding:.3em .9em;line-height:1.5;'
            'max-width:52em">'
            f"<b>{html.escape(self.title)}</b>{rows}</div>"
        )


def _colour(sign: str) -> str:
    return {"✓": GOOD, "✗": BAD}.get(sign, QUIET)


def _text(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def case_lines(cases: Iterable[CaseResult]) -> list[tuple[str, str]]:
    """A line for each property; the first that fail are explained, each reason once."""
    lines = []
    explained: list[str] = []
    for case in cases:
        if case.passed:
            lines.append(("✓", case.name))
        elif case.explanation in explained:
            lines.append(("✗", f"{case.name}: no, for the same reason."))
        elif len(explained) < EXPLAINED:
            explained.append(case.explanation)
            lines.append(("✗", f"{case.name}: no. {sentence(case.explanation)}"))
        else:
            lines.append(("✗", f"{case.name}: no."))
    return lines


def sentence(text: str) -> str:
    """Capital at the start, full stop at the end."""
    text = capital(text.strip())
    return text if not text else text + ("" if text[-1] in ".?:" else ".")


def capital(text: str) -> str:
    """Capital at the start, unless a symbol (k, λ) or a name of code stands there."""
    first = (text.split(maxsplit=1) or [""])[0]
    following = text[len(first) :].lstrip()[:1]
    word = first.rstrip(":,;.")
    is_symbol = len(word) == 1 and (word != "a" or word != first or following in "=<>")
    is_code = following == "=" or word != word.lower() or bool(re.search(r"[\d_.=\[(]", word))
    return text if is_symbol or is_code else text[:1].upper() + text[1:]
