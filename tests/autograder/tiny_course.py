"""A course of one small chapter, for the tests of the build."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course
from autograder.spec import Chapter, Exercise, Misconception

CONFIG = Path(__file__).resolve().parents[2] / "nbgrader_config.py"
NAME = "09_sums"
HINT = "Both numbers have to end up in what you return."
SENTENCE = "It looks as if the second number is taken away; put it on top instead."
SOURCE = '''\
# %% [markdown]
# # Sums
#
# Two numbers make one.

# %%
check = hint = print

# %% exercise="add"
def add(left, right):
    """The sum of two numbers: add(2, 3) is 5."""
    ### BEGIN SOLUTION
    sum_of_both = left + right  # one line
    return sum_of_both
    ### END SOLUTION

# %% exercise="double"
def double(value):
    """Twice a number."""
    ### BEGIN SOLUTION
    twice_the_value = 2 * value
    return twice_the_value
    ### END SOLUTION
    ### BEGIN BUG
    # twice_the_value = value**2
    # return twice_the_value
    ### END BUG

# %% tags=["demonstration"]
print("three and four make", add(3, 4))
'''


def reference(*numbers):
    return sum(numbers)


def minus(left, right):
    return left - right


def _exercise(name: str, kind: str) -> Exercise:
    return Exercise(
        name, f"{name} numbers", reference, (), (HINT, HINT + " Use it.", HINT + " Use plus."),
        (Misconception(minus, SENTENCE),), (), points=3, minutes=7, difficulty=2, kind=kind,
    )  # fmt: skip


CHAPTER = Chapter(
    NAME, "Sums", (_exercise("add", "build"), _exercise("double", "find the bug")), version="v7"
)


@dataclass
class Tiny:
    """The course, its chapter, and its source."""

    course: Course
    chapter: Chapter = CHAPTER

    @property
    def source(self) -> Path:
        return self.course.source(NAME)

    def edit(self, old: str, new: str) -> None:
        text = self.source.read_text()
        assert old in text
        self.source.write_text(text.replace(old, new, 1))

    def copy(self, to: Path) -> "Tiny":
        shutil.copytree(self.course.root, to)
        return Tiny(Course(to))


def make(root: Path) -> Tiny:
    """A new course in an empty folder, not built."""
    (root / "solutions").mkdir(parents=True)
    shutil.copy(CONFIG, root)
    tiny = Tiny(Course(root))
    tiny.source.write_text(SOURCE)
    return tiny
