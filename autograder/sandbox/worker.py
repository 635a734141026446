"""The worker: runs a notebook's cells, then probes. It holds no expected value and no secret.

It speaks `codec` frames over one socket. First comes the job, answered by a byte when the walls
stand:
    {"cells": [{"id", "source"}], "package": {module: source}, "replace": {id: module},
     "scratch": folder, "limits": {…}, "hidden": [folders]}
Each cell is answered by {"cell": id, "error": None or description}; then each request
    {"name", "probe", "inputs", "forbidden"}
is answered by an observation, in the same order. The course's package is the one that the warm
process holds, but for the modules in "package". Cells named in "replace" are not run: the
reference of that name is taken from the package instead, and stays in force after all later cells.
"""

import builtins
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import linecache
import multiprocessing.synchronize
import os
import pkgutil
import socket
import subprocess
import sys
import types
from typing import Any, NoReturn

from autograder.runner import describe, observe
from autograder.sandbox import codec, walls
from autograder.sandbox.bounds import Bounds
from autograder.sandbox.namespaces import Namespaces

HELLO = READY = b"+"
"""A worker's first byte: with it the kernel tells the judge the worker's process number. And its
second: the walls stand, and what ends it from now on came with the submission."""

ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_CTYPE": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
}
LIBRARIES = ("transformers", "tokenizers")
"""What only the course's own tests need: installed beside it, they do many an exercise."""

BODY_MAGICS = ("time", "timeit", "capture", "prun")


def serve(connection: socket.socket, spaces: Namespaces, package: "Package") -> None:
    """Everything a worker does, until the judge closes its end."""
    connection.sendall(HELLO)
    channel = Channel(connection)
    job = channel.receive()
    walls.confine(job, connection.fileno(), spaces)
    os.environ.clear()
    os.environ.update(ENVIRONMENT, HOME=job["scratch"])
    _forget_course(package, job["package"])
    _say_what_is_missing()
    main = types.ModuleType("__main__")
    main.get_ipython = lambda: _Shell(main.__dict__)  # type: ignore[attr-defined]
    main.display = lambda *things, **options: None  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    connection.sendall(READY)
    references = _references(job)
    for cell in job["cells"]:
        error = None
        if cell["id"] in references:
            main.__dict__[cell["id"]] = references[cell["id"]]
        else:
            error = run_cell(cell["source"], cell["id"], main.__dict__)
        channel.send(codec.encode({"cell": cell["id"], "error": error}))
        channel.flush()
    main.__dict__.update(references)
    bounds = Bounds()
    while True:
        request = channel.receive()
        bounds.forbid(tuple(request["forbidden"]))
        answer = seen(main.__dict__, request, job["limits"]["device"])
        if bounds.called:
            answer["shortcut"] = bounds.called[0]
        channel.send(_frame(answer))


def seen(namespace: dict[str, Any], request: dict[str, Any], device: str = "cpu") -> dict[str, Any]:
    """One observation, as `runner.observe` makes it."""
    try:
        return observe(
            namespace,
            request["name"],
            request["probe"],
            request["inputs"],
            tuple(request["forbidden"]),
            alone=True,
            device=device,
        )
    except KeyboardInterrupt as error:  # nobody interrupts a grading run: the learner raised it
        return {"error": describe(error)}


def run_cell(source: str, name: str, namespace: dict[str, Any]) -> dict[str, Any] | None:
    """Run one cell as IPython would, without its magic commands.

    Returns:
        None, or what was raised, as `runner.describe` tells it.
    """
    filename = f"<cell {name}>"
    try:
        text, code = source, _compiled(source, filename)
        if code is None:
            from IPython.core.inputtransformer2 import TransformerManager

            text = TransformerManager().transform_cell(source)
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(code or compile(text, filename, "exec"), namespace)
    except MemoryError:
        return {"type": "MemoryError", "message": "", "line": 0, "cell": name}
    except BaseException as error:
        return describe(error)
    return None


def _compiled(source: str, filename: str) -> types.CodeType | None:
    """The code of plain Python; None for what only IPython understands, or nobody."""
    try:
        return compile(source, filename, "exec")
    except (SyntaxError, ValueError):
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


class Package(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the course's packages from the sources that the judge sent, and from nowhere else.

    Of `LIBRARIES` there are none: a policy, like all that is held in the worker.

    Args:
        sources: module → source. What the server imported or compiled is there already.
    """

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = dict(sources)
        self.codes: dict[str, types.CodeType] = {}
        self.names: tuple[str, ...] = ("minitransformer",)

    def warm(self, imports: list[str]) -> None:
        """In the server: import what is named, and compile the stub of our own package."""
        if "autograder" in self.sources:
            self.codes["autograder"] = self._compiled("autograder")
        for name in imports:
            with contextlib.suppress(ImportError, AttributeError):  # cut out of the package
                pkgutil.resolve_name(name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split(".")[0] not in self.names:
            return None
        if name not in self.sources:
            raise ModuleNotFoundError(f"{name} is not part of a grading run", name=name)
        package = any(other.startswith(f"{name}.") for other in self.sources) or "." not in name
        return importlib.machinery.ModuleSpec(name, self, is_package=package)

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        if name not in self.codes:
            self.codes[name] = self._compiled(name)
        exec(self.codes[name], module.__dict__)

    def _compiled(self, name: str) -> types.CodeType:
        return compile(self.sources[name], f"<{name}>", "exec")


def _references(job: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, module in job["replace"].items():
        found[name] = getattr(importlib.import_module(module), name)
    return found


def _forget_course(package: Package, changed: dict[str, str]) -> None:
    """No course packages but the judge's, and nothing that tells of us."""
    root = sys.path.pop()
    sys.path[:] = [e for e in sys.path if e != root and not e.startswith("__editable__")]
    sys.argv[:] = [""]
    sys.meta_path[:] = [
        f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")
    ]
    package.names = ("minitransformer", "autograder", *LIBRARIES)
    package.sources.update(changed)
    gone = package.names if changed else ("autograder",)
    for name in list(sys.modules):
        if name.split(".")[0] in gone:
            del sys.modules[name]
    for name in changed:
        package.codes.pop(name, None)


def _say_what_is_missing() -> None:
    """The walls stop what these would do; here they say so in words."""
    builtins.input = _no_input
    for owner, name in (
        (os, "fork"),
        (subprocess.Popen, "__init__"),
        (multiprocessing.synchronize.SemLock, "__init__"),
    ):
        setattr(owner, name, _no_process)


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() waits for a person, and a grading run has none: remove it")


def _no_process(*arguments: object, **options: object) -> NoReturn:
    raise PermissionError(
        "a grading run starts no other process and no program: use threads, or do without "
        "(a data loader with num_workers=0)"
    )


def _frame(answer: dict[str, Any]) -> bytes:
    try:
        return codec.encode(answer)
    except BaseException as error:
        return codec.encode({"error": describe(error)})


class Channel:
    """The one connection to the judge. Answers wait until no further request is there."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = bytearray()
        self._answers: list[bytes] = []

    def receive(self) -> Any:
        """The next message; the process ends when the judge has closed its end."""
        while (frame := codec.whole(self._received)) is None:
            self.flush()
            part = self._connection.recv(2**16)
            if not part:
                os._exit(0)
            self._received += part
        return codec.message(frame)

    def send(self, frame: bytes) -> None:
        """An answer, which goes out with the next `flush` or wait."""
        self._answers.append(frame)

    def flush(self) -> None:
        """Send the answers that wait."""
        if self._answers:
            self._connection.sendall(b"".join(self._answers))
            self._answers.clear()
