"""What a notebook's outputs depend on, as one hash: its code, and our modules that it uses.

The modules are found by reading imports, not by importing: from the notebook's code cells and
the chapter's specification onwards, through `minitransformer` and `autograder`. A change in a
module that no cell can reach, such as the gradebook, runs no notebook again.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from autograder.spec import Chapter

PACKAGES = Path(__file__).resolve().parents[2]
"""Where our two packages lie."""

OURS = ("minitransformer", "autograder")
_NO_DATA = {"__pycache__", ".ipynb_checkpoints"}


def execution_hash(notebook: NotebookNode, chapter: Chapter) -> str:
    """Changes when the outputs may change: code, tags, specification, or a module in reach."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    digest = hashlib.sha256(chapter.version.encode())
    for cell in code:
        _feed(digest, repr(cell.metadata.get("tags", [])).encode())
        _feed(digest, cell.source.encode())
    sources = [TransformerManager().transform_cell(cell.source) for cell in code]
    roots = {name for source in sources for name in imported(ast.parse(source), "")}
    for path in files_of({*roots, f"autograder.exercises.ch{chapter.name}"}):
        _feed(digest, path.relative_to(PACKAGES).as_posix().encode())
        _feed(digest, path.read_bytes())
    return digest.hexdigest()[:16]


def files_of(roots: Iterable[str]) -> list[Path]:
    """Every file of our packages that these modules reach, sorted.

    A subpackage counts whole (a worker is started by file name, not by import); so does what
    `minitransformer` ships beside its code. Specifications count one by one.
    """
    found: set[Path] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        for part in _with_parents(name):
            for path in _module_files(part):
                if path not in found:
                    found.add(path)
                    waiting += _imports_of(path)
    if any(path.is_relative_to(PACKAGES / "minitransformer") for path in found):
        found |= set(_data_files(PACKAGES / "minitransformer"))
    return sorted(found)


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Names of our modules that a syntax tree imports, at any depth.

    Args:
        tree: the parsed module or cell.
        package: the module's package, for relative imports; empty for a cell.

    Yields:
        dotted names; the last part may turn out to be a function, which has no file.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                above = parents[: len(parents) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in OURS)


@functools.cache
def _imports_of(path: Path) -> tuple[str, ...]:
    package = ".".join(path.relative_to(PACKAGES).parent.parts)
    return tuple(imported(ast.parse(path.read_bytes()), package))


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _module_files(name: str) -> list[Path]:
    place = PACKAGES.joinpath(*name.split("."))
    if (place / "__init__.py").is_file():
        whole = name.count(".") == 1 and name != "autograder.exercises"
        return sorted(place.rglob("*.py")) if whole else [place / "__init__.py"]
    file = place.with_suffix(".py")
    return [file] if file.is_file() else []


def _data_files(package: Path) -> Iterator[Path]:
    for path in package.rglob("*"):
        if path.is_file() and path.suffix != ".py" and not _NO_DATA & set(path.parts):
            yield path


def _feed(digest: "hashlib._Hash", part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "big") + part)
