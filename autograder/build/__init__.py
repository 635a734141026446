"""From a chapter's source to the instructor's notebook and the learner's release.

    solutions/NN_topic.py → source → assemble → execute → solutions/NN_topic/NN_topic.ipynb
                                                        → release → leaks → notebooks/NN_topic/…

Building twice gives the same bytes. A chapter is executed only when its code, its specification
or a module it uses changed. Nothing is written unless the whole chapter came through.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from autograder import exercises
from autograder.build import files, leaks
from autograder.build.assemble import assemble
from autograder.build.execute import execute as run
from autograder.build.execute import keep_outputs
from autograder.build.release import release
from autograder.build.source import read
from autograder.course import Course
from autograder.errors import LeakError

Say = Callable[[str], None]


def build(
    course: Course,
    chapters: Sequence[str] | None = None,
    execute: bool = True,
    say: Say = lambda line: None,
) -> list[Path]:
    """Builds chapters' notebooks, and writes those that changed.

    Args:
        course: where.
        chapters: names; all of them when None.
        execute: False leaves a changed chapter without outputs; the next build runs it.
        say: told what is going on, one line at a time.

    Returns:
        the files that were written.

    Raises:
        BuildError: a source is wrong, a cell failed, or a release would leak (`LeakError`).
    """
    written = []
    for name in _names(course, chapters):
        for path, text in _built(course, name, execute, say).items():
            if files.differs(path, text):
                files.write(path, text)
                written.append(path)
    return written


def stale(course: Course, chapters: Sequence[str] | None = None) -> list[str]:
    """What `build` would change, without writing or executing anything.

    Returns:
        one line a finding; empty when every generated file is what its source makes.
    """
    found = []
    for name in _names(course, chapters):
        for path, text in _built(course, name, False, lambda line: None).items():
            if files.differs(path, text):
                found.append(f"{path.relative_to(course.root)} is not what its source makes")
    if chapters is None:
        found += _orphans(course)
    return found


def _built(course: Course, name: str, execute: bool, say: Say) -> dict[Path, str]:
    """The texts of a chapter's two notebooks, by path."""
    chapter = exercises.load(name)
    draft = assemble(read(course.source(name), chapter), chapter)
    kept = keep_outputs(draft, files.load(course.instructor(name)), chapter)
    if not kept and execute:
        say(f"running {name}")
        run(draft, course, chapter)
    instructor = files.to_text(draft.notebook)
    released = release(course, name, instructor)
    leaks.scan(released, course.source(name), chapter)
    strays = leaks.strays(course.release(name).parent, course.release(name))
    if strays:
        raise LeakError(f"the release of {name} would carry {', '.join(map(str, strays))}")
    return {course.instructor(name): instructor, course.release(name): released}


def _names(course: Course, chapters: Sequence[str] | None) -> list[str]:
    if chapters is None:
        return course.chapters()
    return [course.require(name) for name in chapters]


def _orphans(course: Course) -> list[str]:
    """Generated folders whose source is gone."""
    known = set(course.chapters())
    folders = [*course.solutions.glob("*/"), *course.notebooks.glob("*/")]
    return [
        f"{folder.relative_to(course.root)} has no source; delete it"
        for folder in sorted(folders)
        if folder.is_dir() and folder.name not in known and not folder.name.startswith((".", "_"))
    ]
