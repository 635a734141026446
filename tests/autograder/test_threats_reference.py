"""Reaching the reference around the package that a worker is given: it is not to be had."""

import os

import pytest
from threats import WRONG

from autograder.sandbox import landlock

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
