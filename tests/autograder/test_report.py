"""The instructor's page and the learner's page, read as text; Chromium reads them elsewhere."""

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from autograder.report import class_report, feedback_page, feedback_path
from autograder.results import CaseResult, ExerciseResult, SubmissionResult


class Page(HTMLParser):
    """The tags and the visible text of a page."""

    def __init__(self, path):
        super().__init__()
        self.source = Path(path).read_text(encoding="utf-8")
        self.tags, self.words, self.raw = [], [], {"script": [], "style": []}
        self._inside = ""
        self.feed(self.source)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        (self.raw[self._inside] if self._inside in self.raw else self.words).append(data)

    def policy(self):
        equiv = [attrs for tag, attrs in self.tags if attrs.get("http-equiv")]
        return dict(part.split(" ", 1) for part in equiv[0]["content"].split("; "))


@pytest.fixture
def report(tmp_path, chapter):
    def write(results):
        class_report(results, [chapter], tmp_path / "report.html")
        return Page(tmp_path / "report.html")

    return write


@pytest.fixture
def feedback(tmp_path, chapter):
    def write(result):
        feedback_page(result, chapter, tmp_path / "page.html")
        return Page(tmp_path / "page.html")

    return write


def one(**fields):
    fields = {"score": 0, "max_score": 3, "status": "wrong", "message": "No."} | fields
    record = ExerciseResult("causal_mask", **fields)
    return SubmissionResult("hopper", "02_attention", (record,))


def source_expression(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class TestClassReport:
    def test_it_counts_learners_submissions_and_points(self, report, results):
        text = report(results).text
        for words in ("learners 3", "submissions 3", "points earned 50%", "entries to look at 4"):
            assert words in text

    def test_every_cell_has_a_sign_and_a_title_besides_its_colour(self, report, results):
        page = report(results)
        cells = [attrs for tag, attrs in page.tags if "mark" in attrs.get("class", "").split()]
        assert len(cells) == 3 * 4
        assert cells[5]["title"] == "attention_weights: partial, 1.5 of 3"
        assert cells[5]["class"] == "mark partial"
        assert re.findall(r'class="mark \w+"[^>]*>(.)<', page.source) == list("!✗✓R✓½–T✓✓✓✓")

    def test_each_exercise_has_its_success_rate_and_commonest_mistakes(self, report, results):
        page = report(results)
        text = page.text
        assert "softmax Turn scores into weights 2 of 3 67%" in text
        bars = [attrs["width"] for tag, attrs in page.tags if attrs.get("class") == "done"]
        assert bars == ["67", "33", "67", "33"]
        assert "1 × softmax_over_queries It looks as if the softmax runs over the queries" in text

    def test_the_commonest_mistake_comes_first_and_at_most_three_are_shown(self, report):
        def mistaken(student, name):
            record = ExerciseResult("softmax", 0, 2, "wrong", "No.", misconception=name)
            return SubmissionResult(student, "02_attention", (record,))

        names = ["rare", "common", "common", "second", "second", "common", "a_once", "b_once"]
        page = report([mistaken(f"s{number}", name) for number, name in enumerate(names)])
        assert re.findall(r"<b>(\d) ×</b> <code>(\w+)</code>", page.source) == [
            ("3", "common"), ("2", "second"), ("1", "a_once"),
        ]  # fmt: skip

    def test_refused_timed_out_and_crashed_work_is_listed_with_its_reason(self, report, results):
        text = report(results).text.split("To look at")[1]
        assert "refused scaled_dot_product_attention It calls PyTorch's own." in text
        assert "timeout scaled_dot_product_attention Stopped after 10 s." in text
        assert "crashed softmax The process ended (signal 11)." in text
        assert "note The check cell of softmax was missing; it was put back." in text

    def test_each_exercise_has_its_time_and_the_slowest_submissions_are_listed(
        self, report, results
    ):
        def timed(result, seconds):
            records = [dataclasses.replace(r, seconds=seconds / 10) for r in result.exercises]
            records[1] = dataclasses.replace(records[1], seconds=seconds / 2)
            return dataclasses.replace(result, exercises=tuple(records), seconds=seconds)

        page = report([timed(r, t) for r, t in zip(results, (1.0, 20.0, 3.0), strict=True)])
        assert "2 of 3 67% 0.30 s up to 2.00 s" in page.text
        slowest = page.text.split("Slowest")[1]
        row = r"(\w+) 02_attention ([\d.]+) s attention_weights ([\d.]+) s"
        assert re.findall(row, slowest) == [
            ("bitdiddle", "20.00", "10.00"),
            ("Lovelace", "3.00", "1.50"),
            ("hopper", "1.00", "0.50"),
        ]

    def test_a_class_without_times_lists_no_slowest(self, report, results):
        assert "Slowest" not in report(results).text

    def test_a_refused_notebook_is_one_entry_not_one_for_each_exercise(self, report, chapter):
        why = "The notebook cannot be read."
        records = tuple(
            ExerciseResult(exercise.id, 0, exercise.points, "refused", why)
            for exercise in chapter.exercises
        )
        page = report([SubmissionResult("hopper", "02_attention", records, note=why)])
        assert "entries to look at 1 " in page.text

    def test_every_link_leads_to_that_learners_page(self, tmp_path, report, results, chapter):
        names = ("a#b?c%41", "../x", "é<&")
        odd = [dataclasses.replace(results[0], student=name) for name in names]
        for result in [*results, *odd]:
            path = tmp_path / feedback_path(result.student, result.assignment)
            feedback_page(result, chapter, path)
        links = [attrs["href"] for tag, attrs in report([*results, *odd]).tags if tag == "a"]
        pages = {link for link in links if not link.startswith("#")}
        assert len(pages) == 6
        for link in pages:
            assert (tmp_path / unquote(link)).is_file()

    def test_an_empty_class_is_a_page_too(self, report):
        assert "submissions 0" in report([]).text

    def test_the_page_is_the_same_bytes_whatever_the_order(self, report, results):
        assert report(results).source == report(results[::-1]).source


class TestFeedbackPage:
    def test_it_shows_score_status_and_the_next_thing_to_open(self, feedback, results):
        page = feedback(results[1])
        assert "3.5 of 13 points 1 of 4 exercises is right." in page.text
        assert "The closest to done is attention_weights ." in page.text
        assert ("a", {"href": "#exercise-2"}) in page.tags
        assert "This one is still waiting for you." in page.text

    def test_a_named_mistake_is_shown_once(self, feedback, results):
        page = feedback(results[1])
        assert page.text.count("It looks as if the softmax runs over the queries") == 1

    def test_values_are_shown_under_the_example_inputs(self, feedback, results):
        page = feedback(results[1])
        assert "On the example inputs shape (2, 3) is right" in page.text
        assert "[0, 2]:\nexpected 0.6652, got 0.1192." in page.source

    def test_a_case_that_holds_on_the_examples_only_says_so(self, feedback):
        hidden, visible = CaseResult("it masks", False), CaseResult("it masks", True)
        page = feedback(one(cases=(hidden,), visible=(visible,)))
        assert "This holds there, but not for other sizes and values." in page.text

    def test_a_visible_verdict_without_a_hidden_one_is_shown_too(self, feedback):
        page = feedback(one(visible=(CaseResult("it masks", False, explanation="got 7"),)))
        assert "it masks On the example inputs got 7" in page.text

    def test_a_finished_chapter_is_told_so(self, feedback, results):
        assert "Every exercise of this chapter is right." in feedback(results[0]).text

    def test_an_untouched_chapter_is_met_kindly(self, feedback):
        text = feedback(SubmissionResult("hopper", "02_attention", ())).text
        assert "0 of 13 points Every exercise here can still be won." in text

    def test_what_was_repaired_is_said(self, feedback, results):
        assert "About your notebook: The check cell of softmax" in feedback(results[2]).text


class TestInertness:
    def test_the_policy_admits_our_style_and_script_and_nothing_else(
        self, report, feedback, results
    ):
        page = report(results)
        assert page.policy() == {
            "default-src": "'none'",
            "img-src": "data:",
            "style-src": source_expression("".join(page.raw["style"])),
            "script-src": source_expression("".join(page.raw["script"])),
            "base-uri": "'none'",
            "form-action": "'none'",
        }
        page = feedback(results[0])
        assert "script-src" not in page.policy() and not page.raw["script"]

    def test_the_policy_stands_before_anything_it_should_govern(self, report, results):
        assert [tag for tag, _ in report(results).tags][:4] == ["html", "head", "meta", "meta"]

    def test_hostile_texts_add_no_tag_no_handler_and_no_address(
        self, report, feedback, results, hostile_results
    ):
        usual = {tag for tag, _ in report(results).tags} | {
            tag for result in results for tag, _ in feedback(result).tags
        }
        for page in (report(hostile_results), *map(feedback, hostile_results)):
            assert {tag for tag, _ in page.tags} <= usual
            for tag, attrs in page.tags:
                assert not [name for name in attrs if name.startswith("on") or name == "style"]
                assert re.match(r"feedback/|#[a-z0-9-]+$", attrs.get("href", "#ok")), (tag, attrs)
            assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f]", page.source)
        assert "{{ 7 * 7 }}{% raw %}" in report(hostile_results).text

    def test_a_name_of_ten_thousand_characters_is_shortened(self, report, hostile_results):
        assert "x" * 60 not in report(hostile_results).text.split("To look at")[0]

    def test_pages_of_different_learners_never_share_a_file(self, results, hostile_results):
        students = [result.student for result in hostile_results] + ["a/b", "a_b", "..", "."]
        pages = {feedback_path(student, "02_attention") for student in students}
        assert len(pages) == len(students)
        assert all(len(page.parts) == 3 and ".." not in page.parts for page in pages)
