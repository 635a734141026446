"""A mistake in a chapter's source is named, with file and line, before anything is generated."""

import pytest

from autograder.build.source import read
from autograder.errors import BuildError

PLUS = "    sum_of_both = left + right  # one line\n"
ADD = 'exercise="add"'


def message(tiny) -> str:
    with pytest.raises(BuildError) as caught:
        read(tiny.source, tiny.chapter)
    return str(caught.value)


def test_a_sound_source_gives_its_cells_in_order(tiny):
    cells = read(tiny.source, tiny.chapter)
    assert [cell.kind for cell in cells] == ["markdown", "code", "code", "code", "code"]
    assert [cell.exercise for cell in cells] == [None, None, "add", "double", None]
    assert cells[4].tags == ("demonstration",)


def test_each_cell_knows_the_line_at_which_its_text_begins(tiny):
    lines = tiny.source.read_text().splitlines()
    for cell in read(tiny.source, tiny.chapter):
        assert lines[cell.line - 1].removeprefix("# ") == cell.text.split("\n")[0]


def test_the_bug_is_taken_out_of_the_cell_and_uncommented(tiny):
    cell = read(tiny.source, tiny.chapter)[3]
    assert cell.faulty == "twice_the_value = value**2\nreturn twice_the_value"
    assert "BUG" not in cell.text and "value**2" not in cell.text


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (ADD, 'exercise="ad"', 9, "no exercise 'ad'; it specifies add, double"),
        ('# %% exercise="double"', "# %%", 20, "outside an exercise"),
        ('exercise="double"', ADD, 17, "has a second cell"),
        ("def add(", "def plus(", 10, "'add' does not define it"),
        ("    ### END SOLUTION\n", "", 12, "'### BEGIN SOLUTION' without"),
        ("    ### BEGIN SOLUTION\n", "", 14, "'### END SOLUTION' without"),
        ("### BEGIN SOLUTION", "### begin solution", 12, "not quite a delimiter"),
        ("### BEGIN SOLUTION", "### BEGIN-SOLUTION", 12, "not quite a delimiter"),
        (PLUS, "    ### BEGIN SOLUTION\n", 13, "inside the one of line 12"),
        (PLUS, "    sum_of_both = left +\n", 13, "invalid syntax"),
        ('"three and four make"', '"three', 30, "unterminated string"),
        ("    ### END BUG\n", "", 24, "write one '### BEGIN BUG'"),
        ("    # return twice_the_value\n", "    return 0\n", 26, "starts with '#'"),
        ('["demonstration"]', '["demonstartion"]', 29, "unknown tag 'demonstartion'"),
        (ADD, 'exercize="add"', 9, "'exercize'"),
        ("# %%\ncheck", "# %% [markdown] exercise='add'\n# check", 6, "must be a code cell"),
        ("# %% [markdown]", "import os\n\n# %% [markdown]", 3, "start the file"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tiny, old, new, line, words):
    tiny.edit(old, new)
    said = message(tiny)
    assert said.startswith(f"{tiny.source}:{line}: "), said
    assert words in said


def test_a_second_cell_for_an_exercise_is_named_with_the_first(tiny):
    text = tiny.source.read_text()
    begin, end = text.index(f"# %% {ADD}"), text.index('# %% exercise="double"')
    tiny.source.write_text(text + "\n" + text[begin:end])
    said = message(tiny)
    assert f"{tiny.source}:32: exercise 'add' has a second cell; the first is at line 9" in said


def test_an_exercise_without_a_cell_is_named(tiny):
    text = tiny.source.read_text()
    begin, end = text.index('# %% exercise="double"'), text.index("# %% tags")
    tiny.source.write_text(text[:begin] + text[end:])
    assert "no cell for exercise 'double'" in message(tiny)


def test_exercises_out_of_the_order_of_the_specification_are_named(tiny):
    text = tiny.source.read_text()
    first, second = text.index(f"# %% {ADD}"), text.index('# %% exercise="double"')
    last = text.index("# %% tags")
    swapped = text[:first] + text[second:last] + text[first:second] + text[last:]
    tiny.source.write_text(swapped)
    assert "in the order double, add, but the specification has add, double" in message(tiny)


def test_a_find_the_bug_exercise_needs_a_bug_and_no_other_has_one(tiny):
    text = tiny.source.read_text()
    block = text[text.index("    ### BEGIN BUG") : text.index("# %% tags")]
    tiny.source.write_text(text.replace(block, ""))
    assert "'double' is of kind 'find the bug' and has no BUG block" in message(tiny)
    tiny.source.write_text(text.replace("### END SOLUTION\n", f"### END SOLUTION\n{block}", 1))
    assert "'add' is of kind 'build' and has a BUG block" in message(tiny)


def test_a_magic_is_no_syntax_error(tiny):
    tiny.edit("check = hint", "# %config InlineBackend.figure_formats = ['png']\ncheck = hint")
    assert read(tiny.source, tiny.chapter)[1].text.startswith("%config")
