"""Reads a finished release as a learner would, and finds what gives a solution away.

Shares no code with the rest of the build: it reads the source and the release on its own, so
that a mistake there does not blind it here.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.errors import LeakError
from autograder.spec import Chapter

SHORTEST = 16
"""Lines of a solution shorter than this, without blanks, give nothing away."""

_GAP = r"[ \t_\-#*]*"
_DELIMITER = re.compile(
    rf"(?:begin|end|start|stop){_GAP}(?:of{_GAP})?(?:the{_GAP})?"
    rf"(?:solution|bug|hidden{_GAP}test|mark{_GAP}scheme)|autotest",
    re.IGNORECASE,
)
_SOLUTION = re.compile(r"^[ \t]*### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION", re.M | re.S)
_BUG = re.compile(r"^[ \t]*### BEGIN BUG\n(.*?)^[ \t]*### END BUG", re.M | re.S)
_COMMON = {"super().__init__()", "returnself", "raiseNotImplementedError()"}

_NOTEBOOK_KEYS = {"autograder", "kernelspec", "language_info"}
_NOTE_KEYS = {"chapter", "spec"}
_CELL_KEYS = {"nbgrader", "tags", "deletable", "editable"}


def scan(release: str, source: Path, chapter: Chapter) -> None:
    """Raises if the release's text gives away a solution, a hint or a named mistake.

    Args:
        release: the text of the learner's notebook.
        source: the chapter's source, whose solutions must not be in it.
        chapter: whose hints and misconceptions must not be in it.

    Raises:
        LeakError: lists every finding.
    """
    notebook = json.loads(release)
    found = [*_delimiters(notebook), *_metadata(notebook), *_outputs(notebook)]
    everything = [(where, _squeezed(text)) for where, text in _texts(notebook)]
    for what, secret in _secrets(source.read_text(encoding="utf-8"), chapter):
        found += [f"{where}: {what}" for where, text in everything if secret in text]
    if found:
        raise LeakError(f"the release of {chapter.name} gives away:\n  " + "\n  ".join(found))


def strays(folder: Path, notebook: Path) -> list[Path]:
    """Whatever lies in a release's folder and is not its notebook, a plain file."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path != notebook or path.is_symlink())


def _secrets(source: str, chapter: Chapter) -> Iterator[tuple[str, str]]:
    faulty = {
        _squeezed(line.strip().removeprefix("#"))
        for block in _BUG.findall(source)
        for line in block.splitlines()
    }
    for block in _SOLUTION.findall(source):
        for line in block.splitlines():
            secret = _squeezed(_uncommented(line))
            if len(secret) >= SHORTEST and secret not in _COMMON | faulty:
                yield f"a line of a solution: {line.strip()}", secret
    for exercise in chapter.exercises:
        for number, hint in enumerate(exercise.hints, 1):
            yield f"hint {number} of {exercise.id}", _squeezed(hint)
        for misconception in exercise.misconceptions:
            yield f"the sentence of {misconception.id}", _squeezed(misconception.sentence)


def _delimiters(notebook: dict[str, Any]) -> Iterator[str]:
    for where, text in _texts(notebook):
        for match in _DELIMITER.finditer(unicodedata.normalize("NFKC", text)):
            yield f"{where}: a delimiter: {match.group()!r}"


def _metadata(notebook: dict[str, Any]) -> Iterator[str]:
    notes = notebook["metadata"].get("autograder", {})
    extra = set(notebook["metadata"]) - _NOTEBOOK_KEYS | set(notes) - _NOTE_KEYS
    if extra:
        yield f"the notebook's metadata: {', '.join(sorted(extra))}"
    for number, cell in enumerate(notebook["cells"], 1):
        extra = set(cell["metadata"]) - _CELL_KEYS
        if extra:
            yield f"cell {number}: metadata {', '.join(sorted(extra))}"


def _outputs(notebook: dict[str, Any]) -> Iterator[str]:
    for number, cell in enumerate(notebook["cells"], 1):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield f"cell {number}: outputs"


def _texts(notebook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text in the file, with where it stands."""
    yield from _strings("the notebook's metadata", notebook["metadata"])
    for number, cell in enumerate(notebook["cells"], 1):
        for key, value in cell.items():
            where = f"cell {number}" if key == "source" else f"cell {number}, {key}"
            if isinstance(value, list) and all(isinstance(part, str) for part in value):
                value = "".join(value)
            yield from _strings(where, value)


def _strings(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _strings(where, key)
            yield from _strings(where, part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(where, part)


def _uncommented(line: str) -> str:
    return re.sub(r"\s+#.*$", "", line)


def _squeezed(text: str) -> str:
    """Without blanks, so that another indent or line break hides nothing."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
