"""`grades.csv`, nbgrader's gradebook and the notebooks for manual grading."""

import csv
import dataclasses
import json
import sysconfig

import nbformat
import pytest
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import compute_checksum

from autograder.autograded import autograded_notebook
from autograder.gradebook import fill_gradebook, write_grades_csv
from autograder.inert import safe_name
from autograder.results import ExerciseResult, SubmissionResult

HEADER = "student,assignment,exercise,score,max_score,status,message"


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rescored(result, **scores):
    records = (
        dataclasses.replace(record, score=scores.get(record.exercise, record.score))
        for record in result.exercises
    )
    return dataclasses.replace(result, exercises=tuple(records))


@pytest.fixture
def db_url(tmp_path):
    return f"sqlite:///{tmp_path / 'course' / 'gradebook.db'}"


def grade_of(db_url, student, cell):
    with Gradebook(db_url) as gradebook:
        return gradebook.find_grade(cell, "02_attention", "02_attention", student).to_dict()


class TestGradesCsv:
    def test_the_file_is_the_contract_byte_for_byte(self, tmp_path, chapter):
        records = (
            ExerciseResult("softmax", 4 / 3, 2, "partial", 'It says "no",\nthen stops.'),
            ExerciseResult("attention_weights", 3, 3, "correct", "All hold."),
        )
        chapter = dataclasses.replace(chapter, exercises=chapter.exercises[:2])
        path = tmp_path / "out" / "grades.csv"
        write_grades_csv([SubmissionResult("hopper", "02_attention", records)], [chapter], path)
        assert path.read_bytes().decode() == (
            f"{HEADER}\n"
            "hopper,02_attention,attention_weights,3,3,correct,All hold.\n"
            'hopper,02_attention,softmax,1.33333,2,partial,"It says ""no"", then stops."\n'
        )

    def test_rows_are_sorted_whatever_the_order_of_the_results(self, tmp_path, chapter, results):
        write_grades_csv(results, [chapter], tmp_path / "a.csv")
        write_grades_csv(reversed(results), [chapter], tmp_path / "b.csv")
        rows = rows_of(tmp_path / "a.csv")
        keys = [(row["student"], row["assignment"], row["exercise"]) for row in rows]
        assert keys == sorted(keys) and len(keys) == 3 * 4
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()

    def test_an_exercise_without_a_record_still_has_its_row(self, tmp_path, chapter):
        write_grades_csv([SubmissionResult("lost", "02_attention", ())], [chapter], tmp_path / "g")
        rows = rows_of(tmp_path / "g")
        assert [(row["score"], row["max_score"], row["status"]) for row in rows] == [
            ("0", "3", "missing"),
            ("0", "3", "missing"),
            ("0", "5", "missing"),
            ("0", "2", "missing"),
        ]

    def test_the_same_submission_twice_counts_once_and_the_last_counts(
        self, tmp_path, chapter, results
    ):
        again = rescored(results[0], softmax=0.5)
        write_grades_csv([*results, again], [chapter], tmp_path / "g")
        marks = [
            row["score"]
            for row in rows_of(tmp_path / "g")
            if (row["student"], row["exercise"]) == ("hopper", "softmax")
        ]
        assert marks == ["0.5"]

    def test_hostile_texts_make_no_formula_no_control_character_and_no_extra_row(
        self, tmp_path, chapter, hostile_results
    ):
        write_grades_csv(hostile_results, [chapter], tmp_path / "g")
        rows = rows_of(tmp_path / "g")
        assert len(rows) == len(hostile_results) * 4
        for row in rows:
            for cell in (row["student"], row["assignment"], row["message"]):
                assert not cell.lstrip().startswith(("=", "+", "-", "@"))
                assert cell.isprintable() or "�" in cell
        assert (tmp_path / "g").read_bytes().count(b"\n") == len(rows) + 1


class TestFillGradebook:
    def test_nbgrader_shows_our_marks(self, db_url, chapter, results):
        fill_gradebook(results, [chapter], db_url)
        with Gradebook(db_url) as gradebook:
            for result in results:
                submission = gradebook.find_submission("02_attention", result.student)
                assert (submission.score, submission.max_score) == (result.score, 13)
                assert submission.needs_manual_grade is False
            cell = gradebook.find_grade_cell("softmax_check", "02_attention", "02_attention")
            assert (cell.max_score, cell.cell_type) == (2, "code")
            assert gradebook.find_solution_cell("softmax", "02_attention", "02_attention")

    def test_a_regraded_submission_keeps_no_old_automatic_score(self, db_url, chapter, results):
        fill_gradebook(results, [chapter], db_url)
        fill_gradebook([rescored(results[0], softmax=0)], [chapter], db_url)
        assert grade_of(db_url, "hopper", "softmax_check")["auto_score"] == 0
        gone = SubmissionResult("hopper", "02_attention", ())
        fill_gradebook([gone], [chapter], db_url)
        with Gradebook(db_url) as gradebook:
            assert gradebook.find_submission("02_attention", "hopper").score == 0
            assert gradebook.find_submission("02_attention", "bitdiddle").score == 3.5

    def test_what_a_person_entered_survives_and_is_to_be_looked_at(self, db_url, chapter, results):
        fill_gradebook(results, [chapter], db_url)
        place = ("02_attention", "02_attention", "hopper")
        with Gradebook(db_url) as gradebook:
            gradebook.find_grade("softmax_check", *place).manual_score = 1.25
            gradebook.find_grade("softmax_check", *place).extra_credit = 0.5
            gradebook.find_comment("softmax", *place).manual_comment = "Neat."
            gradebook.db.commit()
        fill_gradebook([rescored(results[0], softmax=0)], [chapter], db_url)
        grade = grade_of(db_url, "hopper", "softmax_check")
        assert (grade["auto_score"], grade["manual_score"], grade["extra_credit"]) == (0, 1.25, 0.5)
        assert grade["needs_manual_grade"] is True
        assert grade_of(db_url, "hopper", "causal_mask_check")["needs_manual_grade"] is False
        with Gradebook(db_url) as gradebook:
            assert gradebook.find_comment("softmax", *place).comment == "Neat."

    def test_filling_twice_changes_nothing(self, db_url, chapter, results):
        def dump():
            with Gradebook(db_url) as gradebook:
                lines = gradebook.db.connection().connection.dbapi_connection.iterdump()
                return sorted(lines)

        fill_gradebook(results, [chapter], db_url)
        before = dump()
        fill_gradebook(results, [chapter], db_url)
        assert dump() == before

    def test_an_exercise_that_left_the_chapter_leaves_the_gradebook(self, db_url, chapter, results):
        fill_gradebook(results, [chapter], db_url)
        place = ("02_attention", "02_attention", "hopper")
        with Gradebook(db_url) as gradebook:
            gradebook.find_grade("causal_mask_check", *place).manual_score = 1
            gradebook.db.commit()
        shorter = dataclasses.replace(chapter, exercises=chapter.exercises[:2])
        fill_gradebook(results, [shorter], db_url)
        with Gradebook(db_url) as gradebook:
            with pytest.raises(MissingEntry):
                gradebook.find_grade("scaled_dot_product_attention_check", *place)
            kept = gradebook.find_grade("causal_mask_check", *place)
            assert (kept.auto_score, kept.manual_score) == (None, 1)
            assert gradebook.find_submission("02_attention", "hopper").score == 2 + 3 + 1

    def test_whoever_and_whatever_comes_later_is_added(self, db_url, chapter, results):
        shorter = dataclasses.replace(chapter, exercises=chapter.exercises[1:])
        fill_gradebook(results[1:], [shorter], db_url)
        fill_gradebook(results, [chapter], db_url)
        with Gradebook(db_url) as gradebook:
            for result in results:
                submission = gradebook.find_submission("02_attention", result.student)
                assert (submission.score, submission.max_score) == (result.score, 13)

    def test_a_failure_half_way_leaves_the_gradebook_as_it_was(self, db_url, chapter, results):
        fill_gradebook(results, [chapter], db_url)
        other = dataclasses.replace(chapter, name="03_multi_head")
        broken = dataclasses.replace(results[0].exercises[0], score="a lot")
        worse = SubmissionResult("hopper", "03_multi_head", (broken,))
        with pytest.raises(Exception, match="float"):
            fill_gradebook([rescored(results[1], softmax=0), worse], [chapter, other], db_url)
        assert grade_of(db_url, "bitdiddle", "softmax_check")["auto_score"] == 2

    def test_source_cells_come_from_the_release_and_are_kept_without_one(
        self, db_url, chapter, results, release
    ):
        fill_gradebook(results, [chapter], db_url, {"02_attention": release})
        fill_gradebook(results, [chapter], db_url)
        with Gradebook(db_url) as gradebook:
            solution = gradebook.find_source_cell("softmax", "02_attention", "02_attention")
            check = gradebook.find_source_cell("softmax_check", "02_attention", "02_attention")
        assert (solution.source, solution.locked) == (release.cells[1].source, False)
        assert (check.source, check.locked) == ("check(softmax)", True)
        assert check.checksum == compute_checksum(release.cells[2])

    def test_hostile_names_and_words_enter_as_safe_names_and_our_own_words(
        self, db_url, chapter, hostile_results
    ):
        fill_gradebook(hostile_results, [chapter], db_url)
        with Gradebook(db_url) as gradebook:
            found = {student.id for student in gradebook.students}
            comments = {
                gradebook.find_comment("softmax", "02_attention", "02_attention", student).comment
                for student in found
            }
        assert found == {safe_name(result.student) for result in hostile_results}
        assert comments == {"This does not hold yet; the check cell below lists what was tried."}

    def test_a_new_gradebook_is_what_nbgrader_makes_itself(
        self, db_url, chapter, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=":")

        def schema(url):
            with Gradebook(url) as gradebook:
                connection = gradebook.db.connection().connection.dbapi_connection
                kept = ("CREATE", 'INSERT INTO "alembic_version"')
                lines = [line for line in connection.iterdump() if line.startswith(kept)]
                return sorted("".join(line.split()) for line in lines)

        fill_gradebook([], [chapter], db_url)
        assert schema(db_url) == schema(f"sqlite:///{tmp_path / 'stock.db'}")
        assert [path.name for path in (tmp_path / "course").iterdir()] == ["gradebook.db"]

    def test_alembic_is_found_although_it_is_not_in_the_path(
        self, db_url, chapter, results, monkeypatch
    ):
        monkeypatch.setenv("PATH", "/nowhere")
        fill_gradebook(results, [chapter], db_url)
        assert grade_of(db_url, "hopper", "softmax_check")["auto_score"] == 2


class TestAutogradedNotebook:
    @pytest.fixture
    def written(self, tmp_path, results, release):
        def write(cells, result=results[2]):
            path = tmp_path / "nb.ipynb"
            path.write_text(autograded_notebook(result, release, cells), encoding="utf-8")
            return nbformat.read(path, as_version=4)

        return write

    def test_it_is_the_release_with_the_learners_source_and_our_verdict(
        self, written, release, results
    ):
        cells = [dict(cell) for cell in release.cells]
        cells[1]["source"] = "def softmax(scores):\n    return scores"
        notebook = written(cells, results[1])
        nbformat.validate(notebook)
        assert [cell.source for cell in notebook.cells[:3]] == [
            "# Attention",
            "def softmax(scores):\n    return scores",
            "check(softmax)",
        ]
        assert notebook.cells[1].metadata == release.cells[1].metadata
        assert notebook.cells[2].metadata == release.cells[2].metadata
        assert notebook.metadata == release.metadata
        shown = notebook.cells[2].outputs[0].data["text/plain"]
        assert shown.startswith("correct: 2 of 2 points\n")
        assert "✓ each row of the weights sums to 1" in shown

    def test_nothing_of_a_tampered_cell_but_its_source_arrives(self, written, release):
        evil = "<img src=x onerror=alert(1)>"
        cells = json.loads(nbformat.writes(release))["cells"]
        for cell in cells:
            cell.update(id=evil, attachments={evil: {"image/svg+xml": evil}}, execution_count=evil)
            cell["outputs"] = [{"output_type": "display_data", "data": {"text/html": evil}}]
            cell["metadata"] = {**cell["metadata"], "name": evil, "tags": [evil]}
        cells[1]["metadata"]["nbgrader"] |= {"points": 99, "locked": evil}
        cells[2]["source"] = ["check(", "everything)"]
        notebook = written(cells)
        assert evil not in nbformat.writes(notebook)
        assert notebook.cells[3].source == "check(softmax)"

    def test_markdown_and_unknown_cells_of_the_learner_are_shown_as_code(self, written, release):
        extra = [
            {"cell_type": "markdown", "source": "<script>alert(1)</script>", "metadata": {}},
            {"cell_type": "raw", "source": "<svg onload=alert(1)>", "metadata": {"nbgrader": 7}},
            {"cell_type": "code", "source": ["x =", " 1"], "metadata": None},
            {},
        ]
        added = written([*release.cells, *extra]).cells[-4:]
        assert [cell.cell_type for cell in added] == ["code"] * 4
        assert [cell.source for cell in added][2:] == ["x = 1", ""]

    def test_a_second_cell_with_the_same_grade_id_is_only_an_extra_one(self, written, release):
        again = {"source": "again", "metadata": {"nbgrader": {"grade_id": "softmax"}}}
        assert "nbgrader" not in written([*release.cells, again]).cells[-1].metadata

    def test_the_note_stands_first_on_one_line(self, written, release, results):
        noted = dataclasses.replace(results[0], note="repaired\nimport os")
        first = written(release.cells, noted).cells[0].source
        assert first == "# A note from the grader: repaired import os"

    def test_a_verdict_with_hostile_words_is_escaped_text(self, written, release, hostile_results):
        for result in hostile_results:
            data = written(release.cells, result).cells[3].outputs[0].data
            inside = data["text/html"].removeprefix('<pre style="white-space: pre-wrap"><b>')
            assert inside.count("<") == 2 and inside.endswith("</pre>")  # </b> and </pre>
            assert "\x1b" not in data["text/plain"]

    def test_an_endless_source_is_cut(self, written, release):
        cells = [{"source": "#" * 3_000_000, "metadata": {}}]
        assert len(written(cells).cells[1].source) < 101_000

    def test_code_cannot_look_like_other_code(self, written, release):
        """Direction, terminal and invisible characters reorder or hide what a person reads."""
        tricks = "if True:\n\tx = '\u202e' # \u2066 safe\x1b[2K\x00\u200b\rend"
        cells = [dict(cell) for cell in release.cells]
        cells[1]["source"] = tricks
        shown = written([*cells, {"source": tricks, "metadata": {}}])
        for cell in (shown.cells[2], shown.cells[-1]):
            assert cell.source == "if True:\n    x = '�' # � safe�[2K�� end"
