"""The tests of the tests: is every exercise judged as its specification promises?

For each exercise the real worker and the real judge are given the solution, the untouched stub,
every misconception, every alternative, and the solution with its result disturbed at random. Each
has one right outcome. The notebook's check is asked the same and must agree.
"""

import contextlib
import io
import json
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from autograder import exercises
from autograder.course import Course
from autograder.grading import Grader
from autograder.jobs import release_cells
from autograder.results import ExerciseResult
from autograder.sample import answered, solutions, source_for
from autograder.sandbox import Server
from autograder.scheduling import spread
from autograder.spec import Chapter, Exercise
from autograder.submission import Submission, lay, plain

COUNTS = ("solution", "stub", "misconceptions", "alternatives", "perturbations", "agreement")
SECRET = "validate"
DISTURBANCES = ("scaled", "noisy", "one off", "shifted")

DISTURB = """

def _disturb(value, kind):
    import torch
    if isinstance(value, (tuple, list)) and any(isinstance(v, torch.Tensor) for v in value):
        return type(value)(_disturb(v, kind) for v in value)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        noise = torch.randn(value.shape, generator=torch.Generator().manual_seed(5)).to(value)
        one = torch.zeros_like(value).flatten()
        one[-1:] = 1 + value.detach().abs().max() if value.numel() else 0
        return {"scaled": value * 1.37 + 0.05, "noisy": value + 0.11 * noise + 0.01,
                "one off": value + 0.7 * one.reshape(value.shape),
                "shifted": value.flatten().roll(1).reshape(value.shape) + 0.23}[kind]
    if isinstance(value, torch.Tensor) and value.dtype == torch.bool:
        flips = torch.rand(value.numel(), generator=torch.Generator().manual_seed(5)) < 0.3
        flips[-1:] = True
        last = torch.arange(value.numel()) == value.numel() - 1
        flat = value.flatten()
        return {"scaled": torch.cat([flat, flat]), "noisy": (flat ^ flips).reshape(value.shape),
                "one off": (flat ^ last).reshape(value.shape), "shifted": flat ^ last}[kind]
    if isinstance(value, torch.Tensor):
        return {"scaled": value * 3 + 1, "noisy": value.flip(-1) + 2 if value.ndim else value + 2,
                "one off": value + 1, "shifted": value.double() + 0.5}[kind]
    if isinstance(value, dict):
        items = list(value.items())
        return {"scaled": dict(items[:-1]), "noisy": {k: _disturb(v, kind) for k, v in items},
                "one off": {**value, "one more": 0}, "shifted": dict(items[1:])}[kind]
    if isinstance(value, (list, tuple)):
        items = list(value)
        return {"scaled": items + items[:1] if items else [0],
                "noisy": items[:-1] if items else [7],
                "one off": [*items[:-1], "?"], "shifted": items[1:] + [0]}[kind]
    if isinstance(value, str):
        return {"scaled": value * 2 + "!", "noisy": value[:-1] + "?", "one off": value + "x",
                "shifted": " " + value + " ."}[kind]
    return {"scaled": value * 1.37 + 1, "noisy": value + 0.7, "one off": value + 13,
            "shifted": -value - 5}[kind]
"""


@dataclass
class Tally:
    """How many of each count held, for one exercise.

    Args:
        held, tried: by the names in `COUNTS`.
        gaps: one sentence for each that did not hold.
    """

    chapter: str
    exercise: str
    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    tried: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    gaps: list[str] = field(default_factory=list)

    def note(self, count: str, holds: bool, gap: str) -> None:
        """One trial of one count."""
        self.tried[count] += 1
        self.held[count] += holds
        if not holds:
            self.gaps.append(f"{self.exercise}: {gap}")


@dataclass(frozen=True)
class Bench:
    """What trying out a chapter's variants needs."""

    chapter: Chapter
    grader: Grader
    release: list[dict[str, Any]]
    right: dict[str, str]

    def submission(self, answers: dict[str, str]) -> Submission:
        """A notebook with these answers and the solutions elsewhere."""
        notebook = answered({"cells": self.release}, {**self.right, **answers})
        cells = json.loads(json.dumps(notebook))["cells"]
        plain_cells = [plain(cell) for cell in cells]
        return lay("validate", self.chapter, plain_cells, self.release)

    def grade(self, exercise: Exercise, source: str) -> ExerciseResult:
        """The result of one exercise with this solution cell."""
        submission = self.submission({exercise.id: source})
        return self.grader.grade_exercise(submission, exercise)


def validate(course: Course, chapters: list[str], processes: int | None = None) -> Iterator[Tally]:
    """Try every exercise of the chapters; tallies come as they are ready.

    Args:
        processes: as for `scheduling.spread`.
    """
    tasks = [
        (course, name, exercise.id)
        for name in chapters
        for exercise in exercises.load(name).exercises
    ]
    return spread(_tally, tasks, processes)


def _tally(task: tuple[Course, str, str], server: Server) -> Tally:
    course, name, exercise_id = task
    chapter = exercises.load(name)
    grader = Grader(name, SECRET, server)
    bench = Bench(chapter, grader, release_cells(course.release(name)), solutions(course, name))
    return _try(bench, chapter.exercise(exercise_id))


def _try(bench: Bench, exercise: Exercise) -> Tally:
    tally = Tally(bench.chapter.name, exercise.id)
    solution = bench.right[exercise.id]
    result = bench.grade(exercise, solution)
    tally.note("solution", result.status == "correct", f"the solution is {_said(result)}")
    _agree(bench, exercise, solution, result, "the solution", tally)
    _stub(bench, exercise, tally)
    for misconception, wrong in [(m, way) for m in exercise.misconceptions for way in m.ways]:
        source = source_for(wrong, exercise)
        result = bench.grade(exercise, source)
        named = result.status != "correct" and result.misconception == misconception.id
        tally.note("misconceptions", named, f"misconception {wrong.__name__} is {_said(result)}")
        _agree(bench, exercise, source, result, wrong.__name__, tally)
    for alternative in exercise.alternatives:
        source = source_for(alternative, exercise)
        result = bench.grade(exercise, source)
        what = f"alternative {alternative.__name__}"
        tally.note("alternatives", result.status == "correct", f"{what} is {_said(result)}")
        _agree(bench, exercise, source, result, what, tally)
    for kind in DISTURBANCES:
        result = bench.grade(exercise, _disturbed(solution, exercise, kind))
        fails = result.status in ("wrong", "partial") and result.misconception is None
        tally.note("perturbations", fails, f"the solution {kind} is {_said(result)}")
    return tally


def _stub(bench: Bench, exercise: Exercise, tally: Tally) -> None:
    """Untouched, and touched just enough to be run: no points either way, and no crash."""
    stub = next(
        "".join(cell["source"])
        for cell in bench.release
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == exercise.id
    )
    untouched = bench.grade(exercise, stub)
    tally.note(
        "stub",
        untouched.status == "missing" and untouched.score == 0,
        f"the stub is {_said(untouched)}",
    )
    run = bench.grade(exercise, stub + "\n# looked at")
    fails = run.status in ("missing", "wrong", "partial") and run.score < run.max_score
    if exercise.kind != "find the bug":
        fails = fails and run.score == 0
    tally.note("stub", fails, f"the stub, when run, is {_said(run)}")


def _agree(
    bench: Bench, exercise: Exercise, source: str, graded: ExerciseResult, what: str, tally: Tally
) -> None:
    """The notebook's check says right exactly when the grade does, and names the same mistake."""
    from autograder import notebook

    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in bench.submission({exercise.id: source}).cells:
        filename = f"<cell {cell.id}>"
        linecache.cache[filename] = (len(cell.source), None, cell.source.splitlines(True), filename)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(cell.source, filename, "exec"), space)
    target = space[exercise.id]
    local, _ = notebook.judgement_of(bench.chapter, exercise, target, space)
    same = local.right == (graded.status == "correct")
    named = local.misconception.id if local.misconception else None
    same = same and named == graded.misconception
    verdict = "right" if local.right else f"not right ({named})"
    tally.note("agreement", same, f"{what}: the check says {verdict}, the grade {_said(graded)}")


def _disturbed(solution: str, exercise: Exercise, kind: str) -> str:
    if isinstance(exercise.reference, type):
        wrapper = f"class {exercise.id}(_solution):\n" + "".join(
            f"    def {method}(self, *arguments, **options):\n"
            f"        return _disturb(super().{method}(*arguments, **options), {kind!r})\n"
            for method in _methods(exercise.reference)
        )
    else:
        wrapper = (
            f"def {exercise.id}(*arguments, **options):\n"
            f"    return _disturb(_solution(*arguments, **options), {kind!r})\n"
        )
    return f"{solution}\n\n_solution = {exercise.id}\n{DISTURB}\n\n{wrapper}"


def _methods(reference: type) -> list[str]:
    """What a class of the exercise can be asked for: the methods that it defines for others."""
    own = [name for name, thing in vars(reference).items() if isinstance(thing, FunctionType)]
    return [name for name in own if not name.startswith("_")]


def _said(result: ExerciseResult) -> str:
    named = f", named {result.misconception}" if result.misconception else ", nothing named"
    return f"{result.status} with {result.score:g} of {result.max_score:g}{named}: {result.message}"
