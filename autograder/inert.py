"""Text that came from a submission, made harmless for whoever opens what we write.

Names of folders, exception messages and sources are the learner's to choose. Everything written
for people passes through here: one line, no control characters, no formulas, no odd file names.
Escaping for HTML is not done here; the templates do it, always.
"""

import hashlib
import os
import re
import secrets
import unicodedata
from pathlib import Path

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
FORMULA = tuple("=+-@＝＋－＠")
JOINERS = "\u200c\u200d"  # needed to spell Persian and many Indian names


def flat(text: str, limit: int = 2000, lines: bool = False) -> str:
    """The text with nothing in it that moves a cursor, turns the reading direction or hides.

    Args:
        text: anything, lone surrogates included.
        limit: longer texts are cut to this many characters; an ellipsis shows it.
        lines: keep line ends (as `\\n`); otherwise all white space becomes single spaces.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if lines:
        return "\n".join(flat_line(line) for line in text.splitlines())
    return " ".join(flat_line(text).split())


def flat_line(line: str) -> str:
    """One line's characters, with control, direction and lone surrogate characters shown as �."""
    if line.isprintable():
        return line
    kept = []
    for character in line:
        if character.isspace():
            kept.append(" ")
        elif unicodedata.category(character)[0] == "C" and character not in JOINERS:
            kept.append(UNKNOWN)
        else:
            kept.append(character)
    return "".join(kept)


def csv_cell(text: str) -> str:
    """The text as a spreadsheet will show it and never compute it.

    A leading apostrophe marks text in every spreadsheet. A formula after `;` is defused too:
    where the comma is the decimal sign, spreadsheets part columns there.
    """
    line = flat(text)
    if text.startswith(("\t", "\r", *FORMULA)) or line.startswith(FORMULA):
        line = "'" + line
    return re.sub(r"(;\s*)(?=[=+\-@＝＋－＠])", r"\1'", line)


def safe_name(text: str) -> str:
    """The text as the name of one file or folder, and as a key in nbgrader's gradebook.

    Ordinary names (letters of any script, digits, inner spaces and `. _ - @ +`) stay as they are.
    Any other is cleaned, and a hash of the original follows a `~`, which no ordinary name holds,
    so that two names which look alike once cleaned are still two.
    """
    cleaned = "".join(character if _ordinary(character) else "_" for character in text)
    trimmed = cleaned.lstrip(".-@+ ").rstrip(". ")
    spelled = unicodedata.normalize("NFC", text) == text
    if trimmed == text and spelled and 0 < len(text.encode(errors="replace")) <= 100:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{trimmed[:40]}~{digest}"


def _ordinary(character: str) -> bool:
    return character in "._-@+ " or unicodedata.category(character)[0] in "LNM"


def write_atomically(path: str | os.PathLike, text: str) -> None:
    """Write the text as UTF-8 with LF line ends: the whole of it, or the file stays as it was.

    Raises:
        OSError: the folder cannot be made or written; nothing half-written stays behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".draft-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(draft, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
