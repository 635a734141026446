"""Which changes run a notebook again, and which do not."""

import ast
from types import SimpleNamespace

import nbformat
import pytest

from autograder.build import dependencies
from autograder.build.dependencies import execution_hash, files_of, imported

CHAPTER = SimpleNamespace(name="09_sums", version="v7")
FILES = {
    "minitransformer/__init__.py": "",
    "minitransformer/attention.py": "from .losses import cross_entropy",
    "minitransformer/losses.py": "",
    "minitransformer/bert.py": "",
    "minitransformer/weights/one.safetensors": "weights",
    "autograder/__init__.py": "def __getattr__(name):\n    from autograder import notebook",
    "autograder/notebook.py": "from autograder.sandbox import Server",
    "autograder/sandbox/__init__.py": "class Server: ...",
    "autograder/sandbox/server.py": "from autograder import codec",
    "autograder/codec.py": "",
    "autograder/gradebook.py": "import nbgrader",
    "autograder/exercises/__init__.py": "",
    "autograder/exercises/ch09_sums.py": "",
    "autograder/exercises/ch08_other.py": "",
}
CODE = ["from minitransformer import attention\n", "from autograder import check", "1 + 1"]


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two small packages in place of ours."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(dependencies, "PACKAGES", tmp_path)
    dependencies._imports_of.cache_clear()
    return tmp_path


def notebook(*code):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in code])


def names(packages, *roots):
    return {path.relative_to(packages).as_posix() for path in files_of(roots)}


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ("minitransformer/attention.py", True),
        ("minitransformer/losses.py", True),
        ("minitransformer/weights/one.safetensors", True),
        ("minitransformer/bert.py", False),
        ("autograder/notebook.py", True),
        ("autograder/sandbox/server.py", True),
        ("autograder/codec.py", True),
        ("autograder/gradebook.py", False),
        ("autograder/exercises/ch09_sums.py", True),
        ("autograder/exercises/ch08_other.py", False),
    ],
)
def test_a_change_in_a_module_runs_a_notebook_that_reaches_it_and_no_other(packages, changed, runs):
    before = execution_hash(notebook(*CODE), CHAPTER)
    (packages / changed).write_text("changed = 1")
    assert (execution_hash(notebook(*CODE), CHAPTER) != before) is runs


def test_code_order_tags_and_specification_count_and_prose_does_not():
    tagged = notebook("1", "2")
    tagged.cells[0].metadata["tags"] = ["raises-exception"]
    prose = notebook("1", "2")
    prose.cells.insert(0, nbformat.v4.new_markdown_cell("# One"))
    other = SimpleNamespace(name="09_sums", version="v8")
    first = execution_hash(notebook("1", "2"), CHAPTER)
    assert execution_hash(prose, CHAPTER) == first
    hashes = {
        first,
        execution_hash(notebook("2", "1"), CHAPTER),
        execution_hash(notebook("1#", "2"), CHAPTER),
        execution_hash(notebook("1#[]2"), CHAPTER),
        execution_hash(tagged, CHAPTER),
        execution_hash(notebook("1", "2"), other),
    }
    assert len(hashes) == 6


def test_a_name_that_is_no_module_reaches_the_module_it_comes_from(packages):
    assert names(packages, "minitransformer.losses.cross_entropy") == {
        "minitransformer/__init__.py",
        "minitransformer/losses.py",
        "minitransformer/weights/one.safetensors",
    }


@pytest.mark.parametrize(
    ("text", "package", "found"),
    [
        ("import minitransformer.attention as a, os", "", ["minitransformer.attention"]),
        ("from . import losses", "minitransformer", ["minitransformer.losses"]),
        ("from ..errors import X", "autograder.build", ["autograder.errors.X"]),
        ("def f():\n    from autograder import cli", "", ["autograder.cli"]),
        ("import torch\nfrom numpy import array", "", []),
    ],
)
def test_imports_are_read_at_any_depth_and_resolved(text, package, found):
    assert list(imported(ast.parse(text), package)) == found
