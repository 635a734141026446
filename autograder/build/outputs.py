"""Takes out of outputs what depends on the machine or the moment that made them."""

import base64
import re
import struct
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.build.dependencies import PACKAGES

ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
CELL_FILE = re.compile(r"[^\s\"'(]*ipykernel_\d+[/\\]\d+\.py")
"""Both stand in tests/nbval.cfg as well: nbval compares outputs after the same substitutions."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_NOTES = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"}


def normalise(notebook: NotebookNode, root: Path) -> None:
    """Rewrites every output of the notebook in place.

    Absolute paths become relative to the course, memory addresses `0x...`, and pictures lose their
    text chunks (the plotting library's version).
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.update(_cleaned(dict(output), root))


def plain_text(text: str, root: Path) -> str:
    """The text without paths of this machine and without addresses."""
    for folder, name in ((root, "."), (PACKAGES, "."), (Path(sys.prefix), "<python>")):
        text = text.replace(f"{folder}/", "" if name == "." else f"{name}/")
        text = text.replace(str(folder), name)
    return ADDRESS.sub("0x...", CELL_FILE.sub("<cell>", text))


def without_notes(png: bytes) -> bytes:
    """A PNG without text, time and EXIF chunks; other bytes are given back as they are."""
    if not png.startswith(_PNG):
        return png
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        end = at + 12 + length
        if png[at + 4 : at + 8] not in _PNG_NOTES:
            kept.append(png[at:end])
        at = end
    return b"".join(kept)


def _cleaned(value: Any, root: Path, key: str = "") -> Any:
    if key == "image/png" and not isinstance(value, dict):  # a dict is the picture's metadata
        text = value if isinstance(value, str) else "".join(value)
        return base64.b64encode(without_notes(base64.b64decode(text))).decode() + "\n"
    if isinstance(value, str):
        return plain_text(value, root)
    if isinstance(value, dict):
        return {name: _cleaned(part, root, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(part, root) for part in value]
    return value
