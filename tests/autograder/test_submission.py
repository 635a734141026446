"""Untrusted notebooks: read with care, laid into the release, repaired or refused alone."""

import json
import os
from pathlib import Path

import pytest

from autograder.errors import SubmissionError
from autograder.spec import Chapter, Exercise
from autograder.submission import fetch, lay, plain, read


def cell(source, grade_id=None, kind="code", tags=(), cell_id=None):
    metadata = {"tags": list(tags)} if tags else {}
    if grade_id:
        metadata["nbgrader"] = {"grade_id": grade_id, "solution": True}
    return {
        "cell_type": kind,
        "source": source,
        "metadata": metadata,
        "id": cell_id or grade_id or source[:8],
    }


def exercise(name):
    return Exercise(name, name, print, (), ("", "", ""), (), ())


CHAPTER = Chapter("01_x", "X", (exercise("first"), exercise("second")))
RELEASE = [
    cell("import torch", cell_id="imports"),
    cell("def first(): raise NotImplementedError()", "first"),
    cell("check(first)", "first_check"),
    cell("train()", tags=("demonstration",), cell_id="demo"),
    cell("def second(): raise NotImplementedError()", "second"),
    cell("check(second)", "second_check"),
]


def laid(cells):
    return lay("ada", CHAPTER, [plain(c) for c in cells], RELEASE)


def sources(submission):
    return [c.source for c in submission.cells]


def answered(**answers):
    found = []
    for c in RELEASE:
        grade_id = c["metadata"].get("nbgrader", {}).get("grade_id")
        found.append({**c, "source": answers.get(grade_id, c["source"])})
    return found


def test_answers_run_between_the_given_cells_and_demonstrations_do_not_run():
    submission = laid(answered(first="def first(): return 1", second="def second(): return 2"))
    assert sources(submission) == [
        "import torch",
        "def first(): return 1",
        "def second(): return 2",
    ]
    assert submission.missing == {}


def test_an_untouched_stub_is_missing():
    assert laid(answered(first="def first(): return 1")).missing == {"second": "not attempted yet"}


def test_extra_cells_run_where_they_stand():
    cells = answered(first="def first(): return helper()", second="def second(): return 2")
    cells.insert(1, cell("def helper(): return 1"))
    assert sources(laid(cells))[:3] == [
        "import torch",
        "def helper(): return 1",
        "def first(): return helper()",
    ]


def test_of_two_cells_with_one_grade_id_both_run_and_the_later_wins():
    cells = answered(first="def first(): return 1", second="def second(): return 2")
    cells.insert(3, cell("def first(): return 11", "first"))
    submission = laid(cells)
    assert sources(submission).index("def first(): return 11") == 2
    assert "twice" in submission.note


def test_a_deleted_solution_cell_is_missing_and_costs_nothing_else():
    cells = [c for c in answered(second="def second(): return 2") if c["id"] != "first"]
    submission = laid(cells)
    assert "not in the notebook" in submission.missing["first"]
    assert "second" not in submission.missing


def test_an_answer_written_in_an_extra_cell_counts():
    cells = [*RELEASE, cell("def first():\n    return 1")]
    assert "first" not in laid(cells).missing


def test_deleted_or_changed_check_cells_change_nothing():
    full = answered(first="def first(): return 1", second="def second(): return 2")
    without = [c for c in full if "check" not in c["source"]]
    forged = [{**c, "source": "print('passed')"} if "check" in c["source"] else c for c in full]
    assert laid(without).cells == laid(full).cells
    assert laid(forged).cells == laid(full).cells


def test_a_changed_given_cell_runs_as_ours_then_as_theirs():
    cells = answered(first="def first(): return 1")
    cells[0] = {**cells[0], "source": "import torch\nimport math"}
    assert sources(laid(cells))[:2] == ["import torch", "import torch\nimport math"]


def test_flipped_flags_and_a_foreign_schema_version_are_ignored():
    cells = answered(first="def first(): return 1")
    cells[1]["metadata"]["nbgrader"] |= {
        "schema_version": 99,
        "points": 1000,
        "grade": True,
        "locked": "x",
    }
    assert laid(cells).solutions["first"] == "def first(): return 1"


def test_a_solution_cell_turned_into_markdown_is_missing():
    cells = answered(first="def first(): return 1")
    cells[1] = {**cells[1], "cell_type": "markdown"}
    assert "first" in laid(cells).missing


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize(
    "content, words",
    [
        (b'{"cells": [{"cell_ty', "cut off"),
        (b"\x00\x00\x00", "cut off"),
        (b"", "cut off"),
        ([], "format 4"),
        ({"nbformat": 3, "worksheets": []}, "format 4"),
        ({"nbformat": 4}, "format 4"),
        ({"nbformat": 4, "cells": "none"}, "format 4"),
        (b"[" * 100_000, "cut off"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_remedy(tmp_path, content, words):
    with pytest.raises(SubmissionError, match=words):
        read(fetch(write(tmp_path / "n.ipynb", content)))


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "n.ipynb"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    with pytest.raises(SubmissionError, match="200 MB"):
        fetch(path)


def test_a_symbolic_link_is_refused(tmp_path):
    secret = write(tmp_path / "secret.json", {"nbformat": 4, "cells": []})
    (tmp_path / "n.ipynb").symlink_to(secret)
    with pytest.raises(SubmissionError, match="regular"):
        fetch(tmp_path / "n.ipynb")


def test_cells_of_strange_types_are_read_as_empty(tmp_path):
    cells = [
        7,
        {"cell_type": "code", "source": 5, "metadata": "x"},
        {"cell_type": "code", "source": ["a", 1, "b"]},
    ]
    found = read(fetch(write(tmp_path / "n.ipynb", {"nbformat": 4, "cells": cells})))
    assert [c["source"] for c in found] == ["", "ab"]


def test_a_deleted_solution_cell_typed_again_counts():
    cells = [c for c in answered(second="def second(): return 2") if c["id"] != "first"]
    cells.insert(1, cell("def first():\n    return 1", cell_id="typed again"))
    submission = laid(cells)
    assert submission.missing == {}
    assert sources(submission)[:2] == ["import torch", "def first():\n    return 1"]


def test_a_solution_cell_that_lost_its_metadata_is_known_by_its_id():
    cells = answered(first="def first(): return 1")
    cells[1] = {**cells[1], "metadata": {}}
    assert laid(cells).solutions["first"] == "def first(): return 1"


@pytest.mark.parametrize(
    "source", ["first = lambda: 1", "first: object = partial(f, 1)", "from mine import first"]
)
def test_an_answer_bound_in_any_way_in_an_extra_cell_counts(source):
    assert "first" not in laid([*RELEASE, cell(source)]).missing


def test_a_cell_too_long_to_run_is_told(tmp_path):
    cells = answered(first="x" * 300_000)
    assert "too long" in laid(cells).note


def test_a_file_larger_than_any_honest_notebook_is_refused_and_told_what_to_do(tmp_path):
    """Ten times smaller than what its lists would take in memory; the course's own have 0.5 MB."""
    content = b'{"nbformat": 4, "cells": [], "x": [' + b"[]," * (7 * 2**20) + b"0]}"
    with pytest.raises(SubmissionError, match="21 MB, more than 20; clear all outputs"):
        fetch(write(tmp_path / "n.ipynb", content))


@pytest.mark.parametrize("other", ["a link", "a pipe", "a longer one"])
def test_a_file_that_is_exchanged_while_it_is_looked_at_is_refused(tmp_path, monkeypatch, other):
    path = write(tmp_path / "n.ipynb", {"nbformat": 4, "cells": []})
    lstat = Path.lstat

    def exchanged(seen):
        found = lstat(seen)
        path.unlink()
        if other == "a link":
            path.symlink_to(write(tmp_path / "another's.ipynb", []))
        elif other == "a pipe":
            os.mkfifo(path)
        else:
            with path.open("wb") as file:
                file.truncate(200 * 2**20)
        return found

    monkeypatch.setattr(Path, "lstat", exchanged)
    with pytest.raises(SubmissionError, match="regular|cannot be read|more than"):
        fetch(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_notebook_that_an_editor_saved_in_another_encoding_is_read(tmp_path, encoding):
    text = json.dumps({"nbformat": 4, "cells": [cell("é = 1")]}, ensure_ascii=False)
    found = read(fetch(write(tmp_path / "n.ipynb", text.encode(encoding))))
    assert found[0]["source"] == "é = 1"


def test_two_solution_cells_that_were_merged_both_count():
    cells = answered(first="def first(): return 1\n\ndef second(): return 2")
    submission = laid([c for c in cells if c["id"] != "second"])
    assert submission.missing == {}


def test_more_code_or_cells_than_any_honest_notebook_has_is_refused():
    with pytest.raises(SubmissionError, match="2 MB of code"):
        laid([*RELEASE, *(cell("#" * 199_999) for _ in range(11))])
    with pytest.raises(SubmissionError, match="2000 cells"):
        laid([cell("x")] * 2001)


def test_line_ends_of_another_system_are_no_change():
    release = [cell("import torch\nimport math", cell_id="a"), *RELEASE[1:]]
    other = [{**c, "source": c["source"].replace("\n", "\r\n")} for c in release]
    found = lay("ada", CHAPTER, [plain(c) for c in other], release)
    assert [c.kind for c in found.cells] == ["given", "solution", "solution"]


def test_a_solution_cell_whose_grade_id_was_renamed_is_known_by_its_id():
    cells = answered(first="def first(): return 1")
    cells[1] = {**cells[1], "metadata": {"nbgrader": {"grade_id": "first-copy1"}}}
    assert laid(cells).solutions["first"] == "def first(): return 1"
