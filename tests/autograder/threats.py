"""What the tests of attacks share: a right softmax, and how to grade one with cells around it."""

import textwrap

from autograder import exercises
from autograder.grading import Grader
from autograder.sandbox import Limits
from autograder.submission import Cell, Submission

CHAPTER = "02_attention"
RIGHT = """
import torch
def softmax(scores, dim=-1):
    exponentials = (scores - scores.amax(dim=dim, keepdim=True)).exp()
    return exponentials / exponentials.sum(dim=dim, keepdim=True)
"""
WRONG = "def softmax(scores, dim=-1): return scores\n"


def graded(
    server, source, before=(), after=(), seconds=30.0, secret="a secret", name="softmax", **limits
):
    """The result of one exercise of the attention chapter.

    Args:
        source: its solution cell.
        before, after: extra cells around it.
        limits: of `Limits`.
    """
    exercise = exercises.load(CHAPTER).exercise(name)
    first = [Cell(f"before {i}", text, "extra") for i, text in enumerate(before)]
    last = [Cell(f"after {i}", text, "extra") for i, text in enumerate(after)]
    cells = (*first, Cell(name, source, "solution"), *last)
    grader = Grader(CHAPTER, secret, server, Limits(seconds=seconds, **limits))
    return grader.grade_exercise(Submission("ada", CHAPTER, cells, {}), exercise)


def refused_by_the_system(attempt):
    """A solution that is right exactly when the attempt raises an OSError."""
    tried = textwrap.indent(textwrap.dedent(attempt).strip(), "    ")
    return (
        f"blocked = False\ntry:\n{tried}\nexcept OSError: blocked = True\n{RIGHT}\n"
        "if not blocked: del softmax\n"
    )


CALLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if result == -1: raise OSError(ctypes.get_errno(), "refused")
    return result
"""
"""Lets an attempt make a system call by its number."""
