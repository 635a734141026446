"""The warm process: it only imports, then forks one worker a session. It holds no secret.

Run by `session.Server` as a script. Orders come over one socket: "f" with a descriptor forks a
worker that serves it, "k" kills whatever came out of it, processes that detached themselves
included. Where forking after an import of torch is unsafe (not Linux), this very process serves
one session and ends.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import struct
import sys
from pathlib import Path

REPLY = struct.Struct(">i")
SET_CHILD_SUBREAPER = 36
IMPORTS = ("torch", "numpy", "matplotlib.pyplot", "IPython.core.inputtransformer2")


def warm() -> None:
    """Import what notebooks import, so that a worker finds it there."""
    os.environ["MPLBACKEND"] = "Agg"
    for name in IMPORTS:
        importlib.import_module(name)
    import torch

    from autograder.runner import warm_up

    torch.set_num_threads(1)
    warm_up()
    gc.collect()
    gc.freeze()  # a worker's garbage collector need not walk, and so copy, all of torch


def end_all() -> None:
    """Kill every process that a session left: orphans come here, however they detached."""
    for _ in range(1000):
        found = [
            int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        ]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        for pid in found:
            os.waitpid(pid, 0)
        if not found:
            return


def main(control: socket.socket) -> None:
    """Take orders until the judge closes its end."""
    from autograder.sandbox import worker

    while True:
        order, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not order:
            return
        if order == b"f" and sys.platform != "linux":
            control.sendall(REPLY.pack(os.getpid()))
            worker.serve(socket.socket(fileno=descriptors[0]))
        if order == b"f":
            pid = os.fork()
            if pid == 0:
                control.close()
                os.setsid()
                worker.serve(socket.socket(fileno=descriptors[0]))
                os._exit(0)
            os.close(descriptors[0])
            control.sendall(REPLY.pack(pid))
        else:
            (pid,) = REPLY.unpack(control.recv(REPLY.size, socket.MSG_WAITALL))
            end_all()
            control.sendall(REPLY.pack(pid))


if __name__ == "__main__":
    # -I keeps the working directory and the environment out of sys.path; the course comes last
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    warm()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the judge is gone
        main(socket.socket(fileno=int(sys.argv[1])))
