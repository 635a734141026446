"""The warm process imports, then forks servers; a server forks one worker a session. No secrets.

Started by `warm.Warm`; `start` is its first line. A server has one judge, and holds the package of
that judge's chapter and no other's. Its orders come over one socket: "p" with a `codec` frame
brings the course's package, as it may be seen, and what to import of it; "f" with a descriptor
forks a worker that serves it; "k" kills whatever came out of it, processes that detached
themselves included. Where forking after an import of torch is unsafe (not Linux), the warm process
is itself the server, of one session, and ends with it.
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys
from pathlib import Path

from autograder.sandbox import kernel, landlock
from autograder.sandbox.namespaces import Namespaces, available
from autograder.sandbox.warm import hung_up

REPLY = struct.Struct(">i")
IMPORTS = ("torch", "numpy", "IPython.core.inputtransformer2")


def warm() -> None:
    """Import what every notebook needs, so that a worker finds it there; more is ordered later."""
    os.environ["MPLBACKEND"] = "Agg"
    for name in IMPORTS:
        importlib.import_module(name)
    import torch

    from autograder import runner
    from autograder.sandbox import bounds

    torch.set_num_threads(1)
    runner.warm_up(alone=True)
    bounds.warm_up()
    gc.freeze()  # a worker's garbage collector need not walk, and so copy, all of torch
    gc.enable()


def end_all(spaces: Namespaces) -> None:
    """Kill every process that a session left: orphans come here, however they detached."""
    for _ in range(0 if spaces.end_all() else 1000):
        found = [
            int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        ]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        for pid in found:
            os.waitpid(pid, 0)
        if not found:
            return


def main(control: socket.socket, spaces: Namespaces) -> None:
    """Take orders until the judge closes its end."""
    from autograder.sandbox import codec, worker

    package = worker.Package({})
    sys.meta_path.insert(0, package)
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not order:
            return
        if order == b"p":
            prefix = control.recv(codec.PREFIX.size, socket.MSG_WAITALL)
            body = control.recv(sum(codec.lengths(prefix)), socket.MSG_WAITALL)
            brought = codec.message(prefix + body)
            package.sources.update(brought["sources"])
            package.warm(brought["imports"])
            gc.freeze()
            continue
        if order == b"f" and sys.platform != "linux":
            control.sendall(REPLY.pack(os.getpid()))
            worker.serve(socket.socket(fileno=descriptors[0]), spaces, package)
        if order == b"f":
            pid = spaces.fork()
            if pid == 0:
                control.close()
                os.setsid()
                worker.serve(socket.socket(fileno=descriptors[0]), spaces, package)
                os._exit(0)
            os.close(descriptors[0])
            control.sendall(REPLY.pack(pid))
        else:
            (pid,) = REPLY.unpack(control.recv(REPLY.size, socket.MSG_WAITALL))
            end_all(spaces)
            control.sendall(REPLY.pack(pid))


def serve(control: socket.socket, spaces: Namespaces) -> None:
    """A server's life: enter the namespaces, say hello, take orders."""
    from autograder.sandbox.worker import HELLO

    spaces.enter()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the judge is gone
        if sys.platform == "linux":
            kernel.prctl(kernel.SET_CHILD_SUBREAPER, 1)
            control.sendall(HELLO)
        main(control, spaces)


def start(descriptor: int, switch: str, hidden: tuple[str, ...]) -> None:
    """Import, then fork a server for each connection that is sent here.

    Args:
        descriptor: of the socket that the connections come through.
        switch: "off" to stay with the base walls.
        hidden: folders that stay closed to workers.
    """
    orders = socket.socket(fileno=descriptor)
    kinds = () if switch == "off" else available()
    if sys.platform == "linux":  # end with the process that began this one, even while importing
        kernel.prctl(kernel.SET_PDEATHSIG, signal.SIGKILL)
    if hung_up(orders):
        return
    warm()
    landlock.places(hidden)
    if sys.platform != "linux":
        serve(orders, Namespaces(kinds))
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no server's end is waited for
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, 1, 1)
        if not order:
            os._exit(0)  # at once: nothing here needs to be put away
        if os.fork() == 0:
            try:
                orders.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                serve(socket.socket(fileno=descriptors[0]), Namespaces(kinds))
            finally:
                os._exit(0)
        os.close(descriptors[0])
