"""The released notebooks, run from top to bottom with every exercise unsolved."""

import nbformat
import pytest
from nbclient import NotebookClient

from autograder import exercises
from autograder.course import Course

COURSE = Course.find()


def text_of(cell):
    """All that a code cell showed."""
    outputs = cell.outputs
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("chapter", exercises.names())
def test_an_untouched_release_runs_without_a_traceback_and_each_check_says_not_yet(
    chapter, tmp_path, monkeypatch
):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(COURSE.release(chapter), as_version=4)
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True)
    client.execute(cwd=str(COURSE.release(chapter).parent))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    errors = [out for cell in code for out in cell.outputs if out.output_type == "error"]
    assert [f"{error.ename}: {error.evalue}" for error in errors] == []
    checks = [cell for cell in code if cell.metadata.get("nbgrader", {}).get("grade")]
    assert len(checks) == len(exercises.load(chapter).exercises)
    for cell in checks:
        assert "not yet" in text_of(cell), cell.source


@pytest.mark.parametrize("chapter", exercises.names())
def test_a_release_has_the_version_of_its_specification_and_no_outputs(chapter):
    notebook = nbformat.read(COURSE.release(chapter), as_version=4)
    notes = notebook.metadata["autograder"]
    assert notes == {"chapter": chapter, "spec": exercises.load(chapter).version}
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_the_encoder_of_chapter_3_turns_every_queue_round():
    notebook = nbformat.read(COURSE.instructor("03_multi_head"), as_version=4)
    shown = [text_of(cell) for cell in notebook.cells if cell.cell_type == "code"]
    lines = "\n".join(shown).splitlines()
    assert [line for line in lines if line.startswith("step 300")][0].endswith("right 100.0%")
    assert [line for line in lines if line.startswith("2 heads")][0].endswith("both 100%")
