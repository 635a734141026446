"""What the build makes of a source: the same bytes everywhere, and run only when it must be."""

import json

import nbformat
import pytest
from tiny_course import HINT, NAME

from autograder import build as building
from autograder.build import build, stale
from autograder.build.assemble import header
from autograder.errors import BuildError, LeakError


def instructor(tiny):
    return nbformat.read(tiny.course.instructor(NAME), as_version=4)


def released(tiny):
    return nbformat.read(tiny.course.release(NAME), as_version=4)


def cell(notebook, name):
    return next(found for found in notebook.cells if found.id == name)


def generated(tiny):
    return [tiny.course.instructor(NAME).read_bytes(), tiny.course.release(NAME).read_bytes()]


@pytest.fixture
def no_kernel(monkeypatch):
    """Running a notebook fails the test."""
    monkeypatch.setattr(building, "run", lambda *a: pytest.fail("it was executed"))


def test_around_a_solution_stand_its_header_its_check_and_its_hint(built_once):
    names = [found.id for found in released(built_once).cells]
    at = names.index("add")
    assert names[at - 1 : at + 3] == ["add_header", "add", "add_check", "add_hint"]
    assert cell(released(built_once), "add_check").source == "check(add)"
    assert cell(released(built_once), "add_hint").source.startswith("# hint(add)  # stuck?")


def test_the_header_says_title_difficulty_minutes_and_points(tiny):
    assert header(tiny.chapter.exercise("double")) == (
        "### Find the bug: Double numbers\n\n"
        "Exercise `double` · difficulty ●●○○○ (2 of 5) · about 7 minutes · 3 points"
    )


def test_nbgrader_finds_a_solution_cell_and_a_locked_grade_cell_with_the_points(built_once):
    solution = cell(released(built_once), "add").metadata.nbgrader
    check = cell(released(built_once), "add_check").metadata.nbgrader
    assert (solution.solution, solution.grade, solution.locked) == (True, False, False)
    assert (check.solution, check.grade, check.locked, check.points) == (False, True, True, 3)
    assert cell(released(built_once), "add_check").metadata.editable is False


def test_a_release_holds_the_stub_where_the_solution_stood(built_once):
    source = cell(released(built_once), "add").source
    assert source.endswith('is 5."""\n    # YOUR CODE HERE\n    raise NotImplementedError()')


def test_a_find_the_bug_release_starts_from_the_bug(built_once):
    assert cell(instructor(built_once), "double").source.count("value**2") == 0
    assert cell(released(built_once), "double").source == (
        'def double(value):\n    """Twice a number."""\n'
        "    twice_the_value = value**2\n    return twice_the_value"
    )


def test_the_instructor_notebook_keeps_solutions_and_outputs(built_once):
    assert "### BEGIN SOLUTION" in cell(instructor(built_once), "add").source
    assert instructor(built_once).cells[-1].outputs[0].text == "three and four make 7\n"


def test_a_release_has_no_outputs_and_no_notes_of_the_build(built_once):
    notebook = released(built_once)
    assert all(not found.get("outputs") for found in notebook.cells)
    assert notebook.metadata.autograder == {"chapter": NAME, "spec": "v7"}


def test_no_interpreter_version_time_or_path_is_stored(built_once):
    for notebook in (instructor(built_once), released(built_once)):
        assert "version" not in notebook.metadata.language_info
        assert all("execution" not in found.metadata for found in notebook.cells)
    assert str(built_once.course.root).encode() not in b"".join(generated(built_once))


def test_every_generated_file_ends_with_one_newline(built_once):
    assert all(text.endswith(b"}\n") for text in generated(built_once))


def test_building_again_writes_nothing_and_runs_nothing(built, no_kernel):
    before = generated(built)
    assert build(built.course) == []
    assert generated(built) == before
    assert stale(built.course) == []


@pytest.mark.slow
def test_another_clone_that_runs_everything_gives_the_same_bytes(built, tmp_path):
    clone = built.copy(tmp_path / "another" / "clone")
    clone.course.instructor(NAME).unlink()
    clone.course.release(NAME).unlink()
    build(clone.course)
    assert generated(clone) == generated(built)


def test_new_prose_keeps_the_outputs_without_a_run(built, no_kernel):
    built.edit("Two numbers make one.", "Two numbers become one.")
    assert build(built.course) == [built.course.instructor(NAME), built.course.release(NAME)]
    assert instructor(built).cells[-1].outputs[0].text == "three and four make 7\n"


def test_new_prose_changes_no_other_cell_id(built, built_once, no_kernel):
    built.edit("Two numbers make one.", "Two numbers become one.")
    build(built.course)
    before, after = ([found.id for found in released(t).cells] for t in (built_once, built))
    assert before[1:] == after[1:]


@pytest.mark.slow
def test_new_code_is_run(built):
    built.edit("add(3, 4))", "add(3, 5))")
    said = []
    build(built.course, say=said.append)
    assert said == [f"running {NAME}"]
    assert instructor(built).cells[-1].outputs[0].text == "three and four make 8\n"


def test_without_execution_a_changed_chapter_loses_its_outputs_and_is_stale(built, no_kernel):
    built.edit("add(3, 4))", "add(3, 5))")
    build(built.course, execute=False)
    assert instructor(built).cells[-1].outputs == []
    assert "execution" not in instructor(built).metadata.autograder


@pytest.mark.slow
def test_a_cell_that_fails_is_named_with_its_line_and_nothing_is_written(built):
    before = generated(built)
    built.edit('print("three and four make", add(3, 4))', "add(3, 1 / 0)")
    with pytest.raises(BuildError, match=rf"{NAME}\.py:30: this cell raised ZeroDivisionError"):
        build(built.course)
    assert generated(built) == before


def test_a_release_that_was_edited_is_reported_and_put_back(built, no_kernel):
    before = generated(built)
    built.course.release(NAME).write_text("{}")
    assert stale(built.course) == [f"notebooks/{NAME}/{NAME}.ipynb is not what its source makes"]
    assert build(built.course) == [built.course.release(NAME)]
    assert generated(built) == before


def test_a_generated_folder_without_a_source_is_reported(built, no_kernel):
    (built.course.notebooks / "08_gone").mkdir()
    assert stale(built.course) == ["notebooks/08_gone has no source; delete it"]


def test_a_stray_file_in_a_release_stops_the_build(built, no_kernel):
    (built.course.release(NAME).parent / "solution.py").write_text("")
    with pytest.raises(LeakError, match="solution.py"):
        build(built.course)


def test_a_file_beside_the_instructor_notebook_does_not_reach_the_release(built, no_kernel):
    for name in ("answers.txt", ".answers"):
        (built.course.instructor(NAME).parent / name).write_text("5")
    build(built.course)
    assert list(built.course.release(NAME).parent.iterdir()) == [built.course.release(NAME)]


def test_a_hint_in_the_prose_stops_the_build(built, no_kernel):
    built.edit("Two numbers make one.", HINT)
    with pytest.raises(LeakError, match="hint 1 of add"):
        build(built.course)


def test_a_bug_that_is_not_python_is_named(built, no_kernel):
    built.edit("# twice_the_value = value**2", "# twice_the_value = value*")
    with pytest.raises(BuildError, match="what learners get for 'double' is not Python"):
        build(built.course)


def test_the_instructors_gradebook_hears_nothing_of_a_build(built, no_kernel):
    build(built.course)
    assert not (built.course.runtime / "gradebook.db").exists()


def test_a_learners_copy_is_never_touched(built, no_kernel):
    copy = built.course.work_copy(NAME)
    copy.parent.mkdir(parents=True)
    copy.write_text("mine")
    built.edit("Two numbers make one.", "Two numbers become one.")
    build(built.course)
    assert copy.read_text() == "mine"


def test_outputs_of_other_cells_are_not_kept_even_under_the_right_hash(built):
    path = built.course.instructor(NAME)
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["source"] = ["print(1)"]
    path.write_text(json.dumps(notebook))
    build(built.course, execute=False)
    assert instructor(built).cells[-1].outputs == []
