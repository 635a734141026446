"""The leak scan, on releases that were spoiled by hand."""

import copy
import json

import pytest
from tiny_course import HINT, NAME, SENTENCE

from autograder.build.leaks import scan, strays
from autograder.errors import LeakError


@pytest.fixture
def release(built_once):
    return json.loads(built_once.course.release(NAME).read_text())


def findings(notebook, tiny) -> str:
    with pytest.raises(LeakError) as caught:
        scan(json.dumps(notebook), tiny.source, tiny.chapter)
    return str(caught.value)


def test_the_release_itself_is_clean(release, built_once):
    assert not scan(json.dumps(release), built_once.source, built_once.chapter)


@pytest.mark.parametrize(
    "text",
    [
        "### BEGIN SOLUTION",
        "#end solution",
        "#BeginSolution",
        "### begin_hidden_tests",
        "### END  HIDDEN-TESTS",
        "### BEGIN MARK SCHEME",
        "# Begin bug",
        "### ＢＥＧＩＮ ＳＯＬＵＴＩＯＮ",
        "### AUTOTEST add(1)",
    ],
)
def test_a_delimiter_in_any_spelling_is_found(release, built_once, text):
    release["cells"][0]["source"] = ["# Sums\n", text]
    assert "cell 1: a delimiter" in findings(release, built_once)


@pytest.mark.parametrize(
    "text", ["find the bug", "in the end, hidden states", "the solution is near"]
)
def test_plain_prose_is_no_delimiter(release, built_once, text):
    release["cells"][0]["source"] = [text]
    assert not scan(json.dumps(release), built_once.source, built_once.chapter)


@pytest.mark.parametrize(
    "text",
    [
        "sum_of_both = left + right",
        "    sum_of_both=left+right # another blank",
        "Write `sum_of_both = left +\n  right`.",
    ],
)
def test_a_line_of_a_solution_is_found_whatever_its_blanks(release, built_once, text):
    release["cells"][0]["source"] = [text]
    assert "a line of a solution" in findings(release, built_once)


def test_the_right_line_beside_a_bug_is_found_and_shared_lines_are_not(release, built_once):
    release["cells"][0]["source"] = ["return twice_the_value"]
    scan(json.dumps(release), built_once.source, built_once.chapter)
    release["cells"][0]["source"] = ["twice_the_value = 2 * value"]
    assert "a line of a solution" in findings(release, built_once)


@pytest.mark.parametrize(("text", "words"), [(HINT, "hint 1"), (SENTENCE, "the sentence of minus")])
def test_hints_and_sentences_are_found_wherever_they_stand(release, built_once, text, words):
    spoiled = []
    for place in ("source", "outputs", "metadata", "attachments"):
        notebook = copy.deepcopy(release)
        notebook["cells"][1][place] = [text] if place == "source" else {"deep": [{"in": text}]}
        spoiled.append(notebook)
    release["metadata"]["autograder"]["spec"] = text
    for notebook in [*spoiled, release]:
        assert words in findings(notebook, built_once)


def test_outputs_and_unknown_metadata_are_found(release, built_once):
    release["cells"][1]["execution_count"] = 1
    release["cells"][2]["metadata"]["autograder"] = {}
    release["metadata"]["autograder"]["execution"] = "hash"
    said = findings(release, built_once)
    assert "cell 2: outputs" in said
    assert "cell 3: metadata autograder" in said
    assert "the notebook's metadata: execution" in said


def test_a_link_in_place_of_the_notebook_is_a_stray(tmp_path):
    notebook = tmp_path / "release" / "a.ipynb"
    notebook.parent.mkdir()
    (tmp_path / "elsewhere").write_text("")
    notebook.symlink_to(tmp_path / "elsewhere")
    assert strays(notebook.parent, notebook) == [notebook]
