"""Public data sets by name: downloaded once, proven by their hash, kept in a cache folder.

Nothing here is part of the course's own promise, which needs no internet. A file is trusted only
when its SHA-256 is the one written down here, and it comes to stand under its name in one move:
whoever finds it there finds all of it.
"""

import hashlib
import os
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from minitransformer.data.files import read_text

CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A public file, and what one should know about it.

    Args:
        name: what it is called here, and its file in the cache.
        url: where it is, ``https://``, ``http://`` or ``file://``.
        sha256: the hash of its bytes, 64 hexadecimal digits.
        size: the number of its bytes.
        licence: under which terms it may be used.
        description: what it is.
        citation: who made it.
    """

    name: str
    url: str
    sha256: str
    size: int
    licence: str
    description: str
    citation: str

    def __post_init__(self):
        if not self.name.isidentifier():
            raise ValueError(f"name must be letters, digits and underscores, got {self.name!r}")
        if urllib.parse.urlsplit(self.url).scheme not in ("https", "http", "file"):
            raise ValueError(f"url must begin with https://, http:// or file://, got {self.url!r}")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError(f"sha256 must be 64 hexadecimal digits, got {self.sha256!r}")
        if self.size < 1:
            raise ValueError(f"size must be at least 1 byte, got {self.size}")


DATA_SETS = {
    "tinyshakespeare": DataSet(
        name="tinyshakespeare",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        size=1_115_394,
        licence="public domain (the text)",
        description="40,000 lines from Shakespeare's plays, 65 different characters",
        citation="Karpathy, char-rnn (2015), https://github.com/karpathy/char-rnn",
    ),
}
"""The data sets that are known by name."""


def cache_folder() -> Path:
    """Where downloads go: ``MINITRANSFORMER_CACHE`` if set, else the system's cache folder."""
    chosen = os.environ.get("MINITRANSFORMER_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "minitransformer"


def find(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        ValueError: there is none; the message lists those that there are.
    """
    if name not in DATA_SETS:
        raise ValueError(
            f"there is no data set {name!r}, only {', '.join(sorted(DATA_SETS))}; "
            "for a text of your own pass the path of its file"
        )
    return DATA_SETS[name]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    data_set: str | DataSet,
    folder: Path | None = None,
    timeout: float = 30.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """The file of a data set, from the cache or, the first time, from its address.

    Args:
        data_set: its name, or a description of one's own.
        folder: the cache; :func:`cache_folder` if left out.
        timeout: seconds to wait for an answer, and for each next piece.
        progress: called with ``(bytes so far, bytes in all)`` after each piece.

    Returns:
        The path of a file whose hash is right. One in the cache whose hash is not is replaced.

    Raises:
        ConnectionError: the address cannot be reached, or answers with an error.
        ValueError: what came is not the file that was expected. Nothing of it is kept.
    """
    data_set = find(data_set) if isinstance(data_set, str) else data_set
    folder = cache_folder() if folder is None else Path(folder)
    suffix = Path(urllib.parse.urlsplit(data_set.url).path).suffix
    path = folder / f"{data_set.name}{suffix}"
    if path.is_file() and sha256_of(path) == data_set.sha256:
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"the cache folder {folder} cannot be made ({error.strerror}); set "
            "MINITRANSFORMER_CACHE to a folder that can"
        ) from error
    # Beside its later place, so that the move is one step; gone with all in it, whatever happens.
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{data_set.name}-") as beside:
        part = Path(beside) / "part"
        try:
            _download(data_set, part, timeout, progress)
        except (OSError, HTTPException) as error:
            raise ConnectionError(_unreachable(data_set, path, error)) from error
        _check(data_set, part, path)
        os.replace(part, path)
    return path


def load_text(
    data_set: str | DataSet,
    folder: Path | None = None,
    timeout: float = 30.0,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """The text of a data set; the arguments are those of :func:`fetch`."""
    return read_text(fetch(data_set, folder, timeout, progress))


def _download(
    data_set: DataSet, part: Path, timeout: float, progress: Callable[[int, int], None] | None
) -> None:
    """Write what the address gives, and stop once it is more than expected."""
    done = 0
    with urllib.request.urlopen(data_set.url, timeout=timeout) as answer, open(part, "wb") as file:
        while done <= data_set.size and (piece := answer.read(CHUNK)):
            file.write(piece)
            done += len(piece)
            if progress is not None:
                progress(done, data_set.size)


def _check(data_set: DataSet, part: Path, path: Path) -> None:
    size, found = part.stat().st_size, sha256_of(part)
    if found != data_set.sha256:
        size_said = f"more than {data_set.size}" if size > data_set.size else str(size)
        raise ValueError(
            f"{data_set.url} gave {size_said} bytes with SHA-256 {found}, but {data_set.name} has "
            f"{data_set.size} bytes with SHA-256 {data_set.sha256}; nothing was kept. Try again; "
            f"if it stays so, the file at that address has changed: put the right one at {path}"
        )


def _unreachable(data_set: DataSet, path: Path, error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(error, urllib.error.HTTPError):
        reason = f"the server answered {error.code} {error.reason}"
    there = ""
    if path.is_file():
        there = (
            f" (the file that is there has SHA-256 {sha256_of(path)}, expected {data_set.sha256})"
        )
    return (
        f"{data_set.name} could not be fetched from {data_set.url}: {reason}. Go online and try "
        f"again, or put the file at {path}{there}; the course's own small world needs no internet"
    )
