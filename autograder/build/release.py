"""The learner's notebook, made by nbgrader's own GenerateAssignment.

It runs in a course folder of its own that is thrown away: the instructor's gradebook learns of
an assignment when they run nbgrader themselves, never because somebody built the notebooks.
"""

import ast
import tempfile
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import capture_log
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.build import files
from autograder.course import Course
from autograder.errors import BuildError


def release(course: Course, chapter: str, instructor: str) -> str:
    """The text of the learner's notebook.

    Args:
        course: whose `nbgrader_config.py` says which steps nbgrader takes.
        chapter: its name.
        instructor: the text of the instructor's notebook.

    Raises:
        BuildError: nbgrader failed, or left something that is not Python.
    """
    with tempfile.TemporaryDirectory() as scratch:
        throwaway = Course(Path(scratch).resolve())
        files.write(throwaway.instructor(chapter), instructor)
        _generate(_config(course, throwaway.root), chapter)
        notebook = nbformat.read(throwaway.release(chapter), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and "nbgrader" in cell.metadata:
            _check_python(cell.source, cell.metadata.nbgrader.grade_id, course.source(chapter))
    return files.to_text(notebook)


def _config(course: Course, root: Path) -> Config:
    """The course's configuration, with another root and gradebook."""
    config = PyFileConfigLoader(course.config.name, path=str(course.root)).load_config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    return config


def _generate(config: Config, chapter: str) -> None:
    directory = CourseDirectory(config=config, assignment_id=chapter)
    result = capture_log(GenerateAssignment(coursedir=directory, config=config))
    if not result["success"]:
        said = result.get("log", "") + result.get("error", "")
        raise BuildError(f"nbgrader could not make the release of {chapter}:\n{said}")


def _check_python(text: str, grade_id: str, source: Path) -> None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise BuildError(
            f"{source}: what learners get for {grade_id!r} is not Python: {error.msg}, "
            f"line {error.lineno} of:\n{text}"
        ) from error
