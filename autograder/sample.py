"""Notebooks made from the specifications: for the sample class and for the tests of the tests.

Solutions come from the instructor notebook; alternatives, misconceptions and stubs from the
specification. Everything is seeded: the same class every time.
"""

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder import exercises
from autograder.course import Course
from autograder.sources import collect, renamed
from autograder.spec import Chapter, Exercise

FIRST = ("ada", "bao", "chloe", "dara", "emre", "farah", "goran", "hana", "ines", "jonas")
HOSTILE = {
    "always-equal": """
class Same(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
{name} = lambda *arguments, **options: Same()
""",
    "exits": "import os\n\n\ndef {name}(*arguments, **options):\n    os._exit(0)\n",
    "calls the reference": "from {module} import {name}\n",
}


def source_for(thing: Callable[..., Any], exercise: Exercise) -> str:
    """An alternative or misconception as the text of a solution cell."""
    piece = collect(thing, vars(__import__(thing.__module__, fromlist=["_"])))
    body = renamed(piece.source, thing.__name__, exercise.id)
    return "\n".join([*piece.imports, "", "", body]) + "\n"


def solutions(course: Course, chapter: str) -> dict[str, str]:
    """Exercise id → the text of the instructor's solution cell."""
    notebook = json.loads(course.instructor(chapter).read_text(encoding="utf-8"))
    found = {}
    for cell in notebook["cells"]:
        grading = cell["metadata"].get("nbgrader", {})
        if grading.get("solution"):
            found[grading["grade_id"]] = "".join(cell["source"])
    return found


def answered(release: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    """The release notebook with solution cells filled in."""
    notebook = copy.deepcopy(release)
    for cell in notebook["cells"]:
        grading = cell["metadata"].get("nbgrader", {})
        if grading.get("solution") and grading["grade_id"] in answers:
            cell["source"] = answers[grading["grade_id"]]
    return notebook


def write_class(course: Course, folder: Path, seed: int = 7) -> None:
    """The sample class: `folder/<student>/<chapter>/<chapter>.ipynb`."""
    for chapter_name in exercises.names():
        chapter = exercises.load(chapter_name)
        release = json.loads(course.release(chapter_name).read_text(encoding="utf-8"))
        right = solutions(course, chapter_name)
        for number, student in enumerate(FIRST):
            chance = random.Random(f"{seed}|{chapter_name}|{student}")
            notebook = answered(release, _answers(chapter, right, number, chance))
            text = json.dumps(notebook, indent=1)
            if number == 8:
                text = text[: len(text) // 2]  # saved while the battery ran out
            path = folder / student / chapter_name / f"{chapter_name}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _answers(
    chapter: Chapter, right: dict[str, str], number: int, chance: random.Random
) -> dict[str, str]:
    """One learner's answers: solved, mistaken, half done, untouched, broken or hostile."""
    answers: dict[str, str] = {}
    for place, exercise in enumerate(chapter.exercises):
        solution = right[exercise.id]
        if number in (0, 8):
            answers[exercise.id] = solution
        elif number == 1:
            answers[exercise.id] = source_for(chance.choice(exercise.alternatives), exercise)
        elif number in (2, 3, 4):
            wrong = chance.random() < 0.15 * number
            pick = chance.choice(exercise.misconceptions).wrong
            answers[exercise.id] = source_for(pick, exercise) if wrong else solution
        elif number == 5 and place < len(chapter.exercises) // 2:
            answers[exercise.id] = solution
        elif number == 7:
            broken = solution.replace("return", "retrun", 1) if place % 3 == 0 else solution
            answers[exercise.id] = broken
        elif number == 9:
            attack = HOSTILE[chance.choice(sorted(HOSTILE))]
            module = exercise.reference.__module__
            answers[exercise.id] = attack.format(name=exercise.id, module=module)
    return answers
