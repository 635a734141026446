"""The specifications, one file a chapter: `ch02_attention.py` holds chapter "02_attention".

Each file defines `CHAPTER`. Chapters are discovered here, never listed anywhere.
"""

import dataclasses
import functools
import hashlib
import importlib
from pathlib import Path

from autograder import chances, probes
from autograder.errors import CourseError
from autograder.spec import Chapter


def names() -> tuple[str, ...]:
    """Names of all chapters that have a specification, in order."""
    files = Path(__file__).parent.glob("ch[0-9][0-9]_*.py")
    return tuple(sorted(path.stem.removeprefix("ch") for path in files))


@functools.lru_cache
def load(name: str) -> Chapter:
    """The chapter's specification, with its version filled in.

    The version is a hash of the specification's sources and of the probes and tests it uses.

    Raises:
        CourseError: there is no such chapter.
    """
    if name not in names():
        known = ", ".join(names())
        raise CourseError(f"there is no chapter {name!r}; the course has {known}")
    module = importlib.import_module(f"autograder.exercises.ch{name}")
    digest = hashlib.sha256()
    files = sorted(Path(__file__).parent.glob(f"*ch{name[:2]}_*.py"))
    shared = sorted(Path(str(probes.__file__)).parent.glob("*.py"))
    for file in (*files, *shared, Path(str(chances.__file__))):
        digest.update(file.read_bytes())
    chapter: Chapter = module.CHAPTER
    if chapter.name != name:
        raise CourseError(f"{module.__name__} says it is {chapter.name!r}, expected {name!r}")
    return dataclasses.replace(chapter, version=digest.hexdigest()[:12])


def chapter_of(exercise_id: str) -> Chapter:
    """The chapter that holds an exercise.

    Raises:
        CourseError: none does.
    """
    for name in names():
        chapter = load(name)
        if any(exercise.id == exercise_id for exercise in chapter.exercises):
            return chapter
    raise CourseError(f"there is no exercise {exercise_id!r} in this course")
