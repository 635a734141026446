"""The folders of a course: the only module that knows their names.

Everyone else asks a `Course` where things are. Chapters are discovered from `solutions/`, never
listed anywhere.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError

CONFIG = "nbgrader_config.py"
"""nbgrader's own configuration file marks the course's root, beside `solutions/`."""

ENVIRONMENT = "AUTOGRADER_COURSE"
"""Names the course's folder for a command that runs elsewhere."""

SOLUTIONS, RELEASES, WORK, RUNTIME = "solutions", "notebooks", "work", ".course"

_CHAPTER = re.compile(r"[0-9]{2}_[a-z0-9_]+")


@dataclass(frozen=True)
class Course:
    """One course on this disk.

    Args:
        root: the folder with `nbgrader_config.py` and `solutions/`.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | str | None = None) -> "Course":
        """The course around a folder.

        Args:
            start: where to look, and upwards from there. Without it, the folder that the
                environment variable AUTOGRADER_COURSE names, else the current folder.

        Raises:
            CourseError: there is no course there; says where it looked and what to do.
        """
        named = os.environ.get(ENVIRONMENT)
        if start is None and named:
            root = Path(named).resolve()
            if _is_course(root):
                return cls(root)
            raise CourseError(
                f"{ENVIRONMENT} is {named!r}, which has no {CONFIG} beside {SOLUTIONS}/; "
                f"set it to the course's folder, or unset it"
            )
        here = Path.cwd() if start is None else Path(start).resolve()
        for folder in (here, *here.parents):
            if _is_course(folder):
                return cls(folder)
        raise CourseError(
            f"no course at {here} or above it: a course has {CONFIG} beside {SOLUTIONS}/; "
            f"go into its folder, or set {ENVIRONMENT} to it"
        )

    @property
    def solutions(self) -> Path:
        """Hand-edited sources, and the instructor notebooks made from them."""
        return self.root / SOLUTIONS

    @property
    def notebooks(self) -> Path:
        """The learners' releases, generated."""
        return self.root / RELEASES

    @property
    def work(self) -> Path:
        """The learner's own copies, and the package they are building."""
        return self.root / WORK

    @property
    def runtime(self) -> Path:
        """Whatever runs produce: gradebook, submissions, results, reports."""
        return self.root / RUNTIME

    @property
    def config(self) -> Path:
        """nbgrader's configuration of this course."""
        return self.root / CONFIG

    def chapters(self) -> list[str]:
        """The names of all chapters, such as "02_attention", in order."""
        names = (path.stem for path in self.solutions.glob("*.py"))
        return sorted(name for name in names if _CHAPTER.fullmatch(name))

    def require(self, chapter: str) -> str:
        """The chapter's name, if it has a source.

        Raises:
            CourseError: it has none; the message lists those there are.
        """
        if chapter not in self.chapters():
            known = ", ".join(self.chapters()) or "none yet"
            raise CourseError(f"there is no chapter {chapter!r}; the course has {known}")
        return chapter

    def source(self, chapter: str) -> Path:
        """The one hand-edited file of a chapter."""
        return self.solutions / f"{chapter}.py"

    def instructor(self, chapter: str) -> Path:
        """The generated notebook with solutions and outputs; nbgrader's source."""
        return self.solutions / chapter / f"{chapter}.ipynb"

    def release(self, chapter: str) -> Path:
        """The generated notebook that learners get."""
        return self.notebooks / chapter / f"{chapter}.ipynb"

    def work_copy(self, chapter: str) -> Path:
        """The learner's own copy of the release."""
        return self.work / chapter / f"{chapter}.ipynb"


def _is_course(folder: Path) -> bool:
    return (folder / CONFIG).is_file() and (folder / SOLUTIONS).is_dir()
