"""The course's own promises, for every chapter that has a specification."""

from collections import Counter
from statistics import mean

import pytest

from autograder import exercises
from autograder.course import Course

CHAPTERS = [exercises.load(name) for name in exercises.names()]
EXERCISES = [exercise for chapter in CHAPTERS for exercise in chapter.exercises]
QUIZZES = [quiz for chapter in CHAPTERS for quiz in chapter.quizzes]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_an_exercise_has_cases_misconceptions_alternatives_and_hints(exercise):
    assert len(exercise.cases) >= 3
    assert sum(not case.guard for case in exercise.cases) >= 2
    assert len({case.name for case in exercise.cases}) == len(exercise.cases)
    assert len(exercise.misconceptions) >= 2
    assert len(exercise.alternatives) >= 1
    assert len(set(exercise.hints)) == 3
    assert 1 <= exercise.difficulty <= 5 and exercise.points >= 1 and exercise.minutes >= 2


def test_on_average_there_are_three_misconceptions_and_two_alternatives():
    assert mean(len(e.misconceptions) for e in EXERCISES) >= 3
    assert mean(len(e.alternatives) for e in EXERCISES) >= 2


def test_names_of_exercises_and_questions_are_unique_in_the_course():
    for names in ([e.id for e in EXERCISES], [q.id for q in QUIZZES]):
        assert [name for name, count in Counter(names).items() if count > 1] == []


def test_an_exercise_has_the_name_of_its_reference():
    assert [e.id for e in EXERCISES if e.reference.__name__ != e.id] == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_chapter_has_quizzes_a_bug_to_find_and_a_prediction(chapter):
    assert {"build", "find the bug", "predict"} <= {e.kind for e in chapter.exercises}
    assert len(chapter.quizzes) >= 4
    for quiz in chapter.quizzes:
        assert sum(choice.right for choice in quiz.choices) == 1
        assert all(choice.why for choice in quiz.choices)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_what_an_exercise_stands_on_comes_before_it(chapter):
    order = [e.id for e in chapter.exercises]
    for exercise in chapter.exercises:
        assert all(order.index(name) < order.index(exercise.id) for name in exercise.stands_on)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_notebook_asks_every_question_and_every_exercise(chapter):
    source = Course.find().source(chapter.name).read_text(encoding="utf-8")
    for quiz in chapter.quizzes:
        assert f'quiz("{quiz.id}")' in source
    for exercise in chapter.exercises:
        assert f'exercise="{exercise.id}"' in source
