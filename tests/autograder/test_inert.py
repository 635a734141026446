"""Text from submissions, as it reaches spreadsheets, file systems and terminals."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.inert import csv_cell, flat, safe_name, write_atomically

NAMES = ["hopper", "Ada Lovelace", "o_neil-2.b", "a@b.org", "José", "李雷", "علی", "विद्या"]


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_compute_becomes_text(start):
    assert csv_cell(start).startswith("'")


def test_a_formula_after_a_semicolon_is_defused_too():
    assert csv_cell("name 'x';=HYPERLINK(1)") == "name 'x';'=HYPERLINK(1)"


def test_an_ordinary_message_is_left_as_it_is():
    message = "each row sums to 1: no; expected (2, 3), got (3, 2)."
    assert csv_cell(message) == message


def test_control_direction_and_surrogate_characters_are_shown_as_unknown():
    assert flat("a\x1b[31mb\u202ec\udcffd\x00") == "a�[31mb�c�d�"


def test_line_ends_become_spaces_unless_lines_are_kept():
    assert flat("one\r\ntwo\u2028three\n") == "one two three"
    assert flat("one\r\ntwo\x0bthree\n", lines=True) == "one\ntwo\nthree"


def test_a_long_text_is_cut_to_the_limit():
    assert flat("x" * 10_000, 60) == "x" * 59 + "…"


@pytest.mark.parametrize("name", NAMES)
def test_ordinary_names_of_any_script_stay_as_they_are(name):
    assert safe_name(name) == name


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=300))
def test_any_name_becomes_one_component_that_stays_in_its_folder(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    cleaned = safe_name(name)
    inside = Path(folder, cleaned).resolve()
    assert inside.parent == folder.resolve() and inside != folder.resolve()
    assert len(f"{cleaned}.html".encode()) <= 255
    assert not set(cleaned) & set("/\\<>\"'&%#?*[]{}`$|;:\0\n")
    assert not cleaned.startswith((".", "-"))


def test_names_that_look_alike_once_cleaned_stay_apart():
    alike = ["a/b", "a\\b", "a_b", "a?b", "a<b", "../a_b", "e\u0301", "é", "", " ", ".", ".."]
    assert len({safe_name(name) for name in alike}) == len(alike)


def test_no_name_can_be_chosen_to_meet_the_cleaned_name_of_another():
    assert safe_name(safe_name("a/b")) != safe_name("a/b")


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "grades.csv"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \udcff")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_in_the_way_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "page.html").symlink_to(tmp_path / "elsewhere")
    write_atomically(tmp_path / "page.html", "ours")
    assert (tmp_path / "elsewhere").read_text() == "mine"
