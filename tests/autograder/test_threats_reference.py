"""Reaching the reference around the package that a worker is given: it is not to be had."""

import ast
import importlib
import json
import os
from pathlib import Path

import pytest
from threats import WRONG

from autograder import exercises, references
from autograder.course import Course
from autograder.grading import Grader
from autograder.sandbox import Limits, landlock
from autograder.submission import Cell, Submission

REACHES = {
    "past our importer": "import sys\nsys.meta_path.pop(0)\nfrom minitransformer.attention import softmax",
    "by its path": """
import importlib.util
spec = importlib.util.spec_from_file_location("m", "{root}/minitransformer/attention.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
softmax = module.softmax
""",
    "its compiled file": """
import glob, marshal
code = marshal.loads(open(glob.glob("{root}/minitransformer/__pycache__/attention*")[0], "rb").read()[16:])
exec(code)
""",
    "the solutions": "exec(open('{root}/solutions/02_attention.py').read())",
    "git's objects": "import os\nsoftmax = os.listdir('{root}/.git/objects')",
}


@pytest.mark.parametrize("source", REACHES.values(), ids=REACHES)
def test_the_reference_is_not_to_be_had_around_the_package(grade, source):
    root = landlock.COURSE
    result = grade(source.replace("{root}", str(root)), before=[WRONG])
    assert result.score == 0


@pytest.mark.parametrize("chapter", exercises.names())
def test_a_worker_is_given_all_of_the_package_but_what_is_still_to_be_built(chapter):
    cut = {
        references.place(exercise.reference)
        for later in exercises.names()
        if later >= chapter
        for exercise in exercises.load(later).exercises
    }
    given = references.package(chapter)
    for module in {module for module, _ in cut}:
        before = ast.parse(Path(importlib.import_module(module).__file__).read_text("utf-8"))
        names = {node.name for node in before.body if hasattr(node, "name")}
        left = {node.name for node in ast.parse(given[module]).body if hasattr(node, "name")}
        assert left == {name for name in names if (module, name) not in cut}
        assert not {name for _, name in cut} & set(_imported(given[module]))


def test_helpers_of_later_chapters_are_not_there_to_be_called(server):
    """BERT's way to cut a text at marks does half of what the first chapter's tokenize is to do."""
    source = (
        "import minitransformer.normalization as n\n"
        "def tokenize(text): return n.split_words(text.lower())\n"
    )
    exercise = exercises.load("01_embeddings").exercise("tokenize")
    cells = (Cell("tokenize", source, "solution"),)
    grader = Grader("01_embeddings", "a secret", server, Limits(seconds=30))
    result = grader.grade_exercise(Submission("ada", "01_embeddings", cells, {}), exercise)
    assert (result.score, result.status) == (0, "wrong")


@pytest.mark.parametrize("chapter", exercises.names())
def test_a_worker_has_every_module_that_this_chapter_or_an_earlier_one_uses(chapter):
    course = Course.find(Path(__file__).parents[2])
    notebooks = [course.release(name) for name in exercises.names() if name <= chapter]
    cells = [c for file in notebooks for c in json.loads(file.read_text("utf-8"))["cells"]]
    code = tuple("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    names = references.imported(code)
    used = {m for m in references._modules() if any(f"{n}.".startswith(f"{m}.") for n in names)}
    waiting = list(used)
    while waiting:
        module = waiting.pop()
        below = {m for m, users in references._users().items() if module in users} - used
        used |= below
        waiting += below
    assert used <= set(references.package(chapter))


def _imported(text):
    """Names that a source imports from the package."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minitransformer"):
            yield from (alias.name for alias in node.names)


def test_an_import_inside_what_is_cut_goes_with_it(monkeypatch):
    text = """
from minitransformer.a import kept, taught

@decorated(
    1
)
def taught():
    from minitransformer.a import kept, taught
    return \"\"\"
no code\"\"\"

def stays():
    from minitransformer.a import taught
    from elsewhere import taught as other
    return other  # untouched
"""
    monkeypatch.setattr(references, "_modules", lambda: {"minitransformer.b": text})
    cut = references._without.__wrapped__(
        "minitransformer.b", frozenset({"taught"}), frozenset({"taught"})
    )
    left = [line for line in cut.split("\n") if line]
    assert left == [
        "from minitransformer.a import kept",
        "pass",
        "def stays():",
        "    pass",
        "    from elsewhere import taught as other",
        "    return other  # untouched",
    ]


def test_a_course_installed_among_pythons_libraries_cannot_be_read(tmp_path, monkeypatch):
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    site = tmp_path / "lib" / "site-packages"
    for name in ("minitransformer/attention.py", "autograder/judge.py", "torch/nn.py", "six.py"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("text")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(landlock, "COURSE", site)
    monkeypatch.setattr(landlock, "READABLE", (str(tmp_path / "lib"),))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            landlock.kernel.prctl(landlock.kernel.SET_NO_NEW_PRIVS, 1)
            landlock.confine(str(scratch))
            code = _readable(site)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0b1100


def _readable(site):
    """One bit for each file that can be read."""
    bits = 0
    names = ("minitransformer/attention.py", "autograder/judge.py", "torch/nn.py", "six.py")
    for place, name in enumerate(names):
        try:
            (site / name).read_text()
        except PermissionError:
            continue
        bits |= 1 << place
    return bits if os.listdir(site) else 0
