"""Calling instead of building: what a reading of the code can see before anything runs.

A policy, not a wall: the references are not in the worker at all, and `runner.Shortcuts` and
`sandbox.bounds` hold torch's own functions while the code runs. This scan is there to say plainly
why there are no points.
"""

import ast

from autograder.references import place
from autograder.spec import Chapter
from autograder.submission import Submission


def refusals(chapter: Chapter, submission: Submission) -> dict[str, str]:
    """Exercise id → why it is refused, for solutions that reach for the course's reference."""
    refused: dict[str, str] = {}
    references = {place(exercise.reference)[1]: exercise.id for exercise in chapter.exercises}
    for cell in submission.cells:
        if cell.kind == "given":
            continue
        for name in sorted(_package_names(cell.source)):
            if name in references:
                why = f"it uses the course's own {name} instead of building it"
                refused.setdefault(references[name], why)
                if cell.kind == "solution":
                    refused.setdefault(cell.id, why)
    return refused


def _package_names(source: str) -> set[str]:
    """Names that a piece of code takes from `minitransformer`, by import or by attribute."""
    if source.isascii() and "minitransformer" not in source:
        return set()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    aliases, found = {"minitransformer"}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "minitransformer":
                    aliases.add((alias.asname or alias.name).split(".")[0])
        elif (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").split(".")[0] == "minitransformer"
        ):
            for alias in node.names:
                found.add(alias.name)
                aliases.add(alias.asname or alias.name)
    seen: set[ast.AST] = set()
    for node in ast.walk(tree):  # from the outside in: each chain of attributes is followed once
        names, root = [], node
        while isinstance(root, ast.Attribute) and root not in seen:
            seen.add(root)
            names.append(root.attr)
            root = root.value
        if isinstance(root, ast.Name) and root.id in aliases:
            found.update(names)
    return found
