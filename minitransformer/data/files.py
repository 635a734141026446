"""Real text from a local file: read it, split it, and take labelled lines apart.

What cannot be read is refused with the reason and the remedy, never read halfway.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class LabelledText(NamedTuple):
    """A text and the name of its class, as a line like ``3 ||| A lovely film .`` holds them."""

    label: str
    text: str


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8") -> str:
    """All of a text file, with line ends as ``\\n`` and without a byte order mark.

    Args:
        path: the file.
        encoding: how its bytes stand for characters, such as ``"latin-1"``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a folder, empty, not text, or in another encoding.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder, but a text file is needed; name a file in it")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no file {path} (looked for from {Path.cwd()}); check the name"
        ) from None
    text = _decode(data, path, encoding)
    if "\0" in text:
        raise ValueError(
            f"{path} has a zero byte at {text.index(chr(0))} and is no text file in {encoding}; "
            "export it as plain text, or name its encoding, such as 'utf-16'"
        )
    if not text.strip():
        raise ValueError(f"{path} is empty ({len(data)} bytes), but a text is needed to learn from")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split(items: Sequence, train_share: float = 0.9) -> tuple[Sequence, Sequence]:
    """The first part to train on, and the rest to validate on.

    Not shuffled: neighbouring places of a text are alike, and a place that was trained on must
    not help with its neighbour.

    Args:
        items: a text, a list, or a tensor of ids.
        train_share: the share of the first part; its length is rounded down.

    Returns:
        ``(train, validation)``, both with at least one item.
    """
    if not 0 < train_share < 1:
        raise ValueError(f"train_share must lie between 0 and 1, got {train_share}")
    cut = int(len(items) * train_share)
    if cut == 0 or cut == len(items):
        raise ValueError(
            f"{len(items)} items cannot be split {train_share:g} to {1 - train_share:g} with "
            "something on both sides; pass more"
        )
    return items[:cut], items[cut:]


def read_labelled(
    path: str | os.PathLike[str], separator: str = "|||", encoding: str = "utf-8"
) -> list[LabelledText]:
    """The lines of a file with a label, a separator and a text each.

    Args:
        path: the file. White space around label and text is dropped; blank lines are skipped.
        separator: what stands between the two; a later one belongs to the text.
        encoding: see :func:`read_text`.

    Raises:
        ValueError: a line has no separator, no label or no text; the message names the line.
    """
    found = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        label, _, text = (part.strip() for part in line.partition(separator))
        if not (label and text):  # without a separator, all of the line is label
            shown = line if len(line) <= 60 else line[:57] + "..."
            raise ValueError(
                f"line {number} of {path} must be {f'LABEL {separator} text'!r}, got {shown!r}; "
                "write it so, or pass the separator that the file has"
            )
        found.append(LabelledText(label, text))
    return found


def number_labels(lines: Sequence[LabelledText]) -> tuple[list[str], list[int]]:
    """The classes, and each line's class as a number: what a classification head learns from.

    Returns:
        ``(names, ids)``: the different labels in alphabetical order, and for every line the
        place of its label among them.
    """
    names = sorted({line.label for line in lines})
    place = {name: number for number, name in enumerate(names)}
    return names, [place[line.label] for line in lines]


def _decode(data: bytes, path: Path, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        raise ValueError(
            f"{path} is not {encoding}: byte {error.start} is 0x{data[error.start]:02x} "
            f"({error.reason}); name its encoding, such as "
            f"{'utf-16' if wide else 'latin-1'!r}, or save it as UTF-8"
        ) from None
    except LookupError:
        raise ValueError(
            f"encoding must be one that Python knows, such as 'utf-8', got {encoding!r}"
        ) from None
    return text.removeprefix("\ufeff")
