"""Gives the instructor's notebook its outputs: the stored ones while they hold, else new ones."""

import os
import tempfile
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from autograder.build.assemble import Draft
from autograder.build.dependencies import execution_hash
from autograder.build.outputs import normalise
from autograder.course import Course
from autograder.errors import BuildError
from autograder.spec import Chapter

CELL_SECONDS = 600
"""A cell that runs longer has gone wrong; whole chapters are to take 90 seconds."""

INLINE = "module://matplotlib_inline.backend_inline"


def keep_outputs(draft: Draft, stored: NotebookNode | None, chapter: Chapter) -> bool:
    """Puts the stored notebook's outputs into the draft, if they are still what it would print.

    Returns:
        whether they were; otherwise the draft is unchanged and has to be executed.
    """
    notes = draft.notebook.metadata.autograder
    wanted = execution_hash(draft.notebook, chapter)
    if stored is None or stored.metadata.get("autograder", {}).get("execution") != wanted:
        return False
    new, old = _code(draft.notebook), _code(stored)
    if [cell.source for cell in new] != [cell.source for cell in old]:
        return False
    for cell, before in zip(new, old, strict=True):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
    notes.execution = wanted
    return True


def execute(draft: Draft, course: Course, chapter: Chapter) -> None:
    """Runs the draft from top to bottom and keeps its outputs, normalised.

    Raises:
        BuildError: a cell failed; names the line of the source.
    """
    name, source = chapter.name, course.source(chapter.name)
    folder = course.instructor(name).parent
    folder.mkdir(parents=True, exist_ok=True)
    wanted = execution_hash(draft.notebook, chapter)
    language = dict(draft.notebook.metadata.language_info)
    with tempfile.TemporaryDirectory() as scratch:
        client = NotebookClient(
            draft.notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            config=_kernel(Path(scratch)),
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
        )
        try:
            client.execute(env=_environment(Path(scratch)))
        except CellTimeoutError as error:
            raise BuildError(f"{source}: a cell ran longer than {CELL_SECONDS} s") from error
        except DeadKernelError as error:
            raise BuildError(f"{source}: the kernel died while it ran the notebook") from error
        except CellExecutionError as error:
            raise _failed(draft, source, error) from error
    draft.notebook.metadata.language_info = language
    draft.notebook.metadata.autograder.execution = wanted
    for cell in draft.notebook.cells:
        cell.metadata.pop("execution", None)
    normalise(draft.notebook, course.root)


def _kernel(scratch: Path) -> Config:
    """Speaks through sockets in a folder of its own: no port is open while it runs."""
    manager = {"transport": "ipc", "connection_file": str(scratch / "kernel.json")}
    return Config({"KernelManager": manager})


def _environment(scratch: Path) -> dict[str, str]:
    """The kernel's: plots in the notebook, on the CPU, and nothing written to the home folder."""
    return {
        **os.environ,
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLBACKEND": INLINE,
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "MINITRANSFORMER_DEVICE": "cpu",
    }


def _failed(draft: Draft, source: Path, error: CellExecutionError) -> BuildError:
    """Names the source's line of the first cell that holds an error."""
    for cell in _code(draft.notebook):
        tags = cell.metadata.get("tags", [])
        if "raises-exception" not in tags and any(
            output.output_type == "error" for output in cell.outputs
        ):
            line = draft.lines[cell.id]
            return BuildError(f"{source}:{line}: this cell raised {error.ename}: {error.evalue}")
    return BuildError(f"{source}: a cell raised {error.ename}: {error.evalue}")


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
