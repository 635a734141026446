"""The grading engine: exercises, checks, sandboxed grading, gradebook.

Notebooks import five names from here: `check`, `hint`, `quiz`, `progress` and `use`. They are
loaded on first use, so that the worker, which imports this package for its probes, never loads
the judge or the specifications.
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["check", "hint", "progress", "quiz", "use"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from autograder import notebook

        return getattr(notebook, name)
    raise AttributeError(f"autograder has no {name!r}; notebooks use {', '.join(__all__)}")
