"""Notebooks to bytes and bytes to disk: always the same bytes, always whole files."""

import os
import secrets
from pathlib import Path

import nbformat
from nbformat import NotebookNode


def to_text(notebook: NotebookNode) -> str:
    """The notebook's one spelling: keys sorted, one blank of indent, a newline at the end."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def load(path: Path) -> NotebookNode | None:
    """The notebook at a path, or None where there is none that can be read."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError, nbformat.ValidationError):
        return None


def differs(path: Path, text: str) -> bool:
    """Whether the file is missing or holds other bytes."""
    try:
        return path.read_bytes() != text.encode()
    except OSError:
        return True


def write(path: Path, text: str) -> None:
    """Puts the text at the path in one step: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_bytes(text.encode())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
