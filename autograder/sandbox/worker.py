"""The worker: runs a notebook's cells, then probes. It holds no expected value and no secret.

It speaks `codec` frames over one socket. First comes the job:
    {"cells": [{"id", "source"}], "package": {module: source}, "replace": [ids],
     "scratch": folder, "limits": {…}, "hidden": [folders]}
Each cell is answered by {"cell": id, "error": None or description}; then each request
    {"name", "probe", "inputs", "forbidden"}
is answered by an observation. Cells named in "replace" are not run: the reference of that name is
taken from the package instead, and stays in force after all later cells.
"""

import builtins
import importlib
import importlib.abc
import importlib.machinery
import linecache
import os
import socket
import sys
import types
from typing import Any

from autograder.runner import describe, observe
from autograder.sandbox import codec, walls
from autograder.sandbox.bounds import Bounds
from autograder.sandbox.namespaces import Namespaces

HELLO = b"+"
"""A worker's first byte: with it the kernel tells the judge the worker's process number."""

ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_CTYPE": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
}
BODY_MAGICS = ("time", "timeit", "capture", "prun")


def serve(channel: socket.socket, spaces: Namespaces) -> None:
    """Everything a worker does, until the judge closes its end."""
    channel.sendall(HELLO)
    job = _receive(channel)
    walls.confine(job, channel.fileno(), spaces)
    os.environ.clear()
    os.environ.update(ENVIRONMENT, HOME=job["scratch"])
    _forget_course(job["package"])
    main = types.ModuleType("__main__")
    main.get_ipython = lambda: _Shell(main.__dict__)  # type: ignore[attr-defined]
    main.display = lambda *things, **options: None  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    references = _references(job)
    for cell in job["cells"]:
        error = None
        if cell["id"] in references:
            main.__dict__[cell["id"]] = references[cell["id"]]
        else:
            error = run_cell(cell["source"], cell["id"], main.__dict__)
        channel.sendall(codec.encode({"cell": cell["id"], "error": error}))
    main.__dict__.update(references)
    bounds = Bounds()
    while True:
        request = _receive(channel)
        bounds.forbid(tuple(request["forbidden"]))
        seen = _seen(main.__dict__, request)
        if bounds.called:
            seen["shortcut"] = bounds.called[0]
        channel.sendall(_frame(seen))


def _seen(namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    try:
        return observe(
            namespace,
            request["name"],
            request["probe"],
            request["inputs"],
            tuple(request["forbidden"]),
        )
    except KeyboardInterrupt as error:  # nobody interrupts a grading run: the learner raised it
        return {"error": describe(error)}


def run_cell(source: str, name: str, namespace: dict[str, Any]) -> dict[str, Any] | None:
    """Run one cell as IPython would, without its magic commands.

    Returns:
        None, or what was raised, as `runner.describe` tells it.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        text = TransformerManager().transform_cell(source)
        filename = f"<cell {name}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec"), namespace)
    except MemoryError:
        return {"type": "MemoryError", "message": "", "line": 0, "cell": name}
    except BaseException as error:
        return describe(error)
    return None


class _Shell:
    """Stands in for IPython: magics that wrap code run the code, all others do nothing."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.user_ns = namespace

    def run_cell_magic(self, magic: str, line: str, body: str) -> None:
        if magic in BODY_MAGICS:
            exec(compile(body, f"<cell %%{magic}>", "exec"), self.namespace)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: None


class _Package(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports `minitransformer` and `autograder` from the sources that the judge sent."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in self.sources:
            package = any(other.startswith(f"{name}.") for other in self.sources) or "." not in name
            return importlib.machinery.ModuleSpec(name, self, is_package=package)
        if name.split(".")[0] in ("minitransformer", "autograder"):
            raise ModuleNotFoundError(f"{name} is not part of a grading run", name=name)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(
            compile(self.sources[module.__name__], f"<{module.__name__}>", "exec"), module.__dict__
        )


def _references(job: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, module in job["replace"].items():
        found[name] = getattr(importlib.import_module(module), name)
    return found


def _forget_course(package: dict[str, str]) -> None:
    """No course packages but the one that came with the job, and nothing that tells of us."""
    root = sys.path.pop()
    sys.path[:] = [e for e in sys.path if e != root and not e.startswith("__editable__")]
    sys.argv[:] = [""]
    sys.meta_path[:] = [
        f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")
    ]
    for name in list(sys.modules):
        if name.split(".")[0] in ("minitransformer", "autograder"):
            del sys.modules[name]
    sys.meta_path.insert(0, _Package(package))
    builtins.input = _no_input


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() waits for a person, and a grading run has none: remove it")


def _frame(seen: dict[str, Any]) -> bytes:
    try:
        return codec.encode(seen)
    except BaseException as error:
        return codec.encode({"error": describe(error)})


def _receive(channel: socket.socket) -> Any:
    def exactly(size: int) -> bytes:
        parts = b""
        while len(parts) < size:
            part = channel.recv(size - len(parts))
            if not part:
                os._exit(0)
            parts += part
        return parts

    header, arrays = codec.lengths(exactly(codec.PREFIX.size))
    return codec.decode(exactly(header), exactly(arrays))
