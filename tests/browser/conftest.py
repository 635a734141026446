"""formgrader, served from whatever course a test makes, in headless Chromium.

A test module defines the fixture `course`: the folder of an nbgrader course.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

TOKEN = "for-this-test-only"


@pytest.fixture
def server(course):
    """The address of formgrader, served from the course."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = course / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    folders = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    options += [f"--ServerApp.root_dir={course}"]
    with open(course / "server.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *options],
            cwd=course,
            env={**kept, **folders, "HOME": str(home)},
            stdout=log,
            stderr=log,
        )
    try:
        _wait(f"http://127.0.0.1:{port}/api", process, course / "server.log")
        yield f"http://127.0.0.1:{port}/formgrader"
    finally:
        process.terminate()
        process.wait(30)


def _wait(address, process, log):
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    pytest.fail(f"the server did not answer within a minute:\n{log.read_text()}")


@pytest.fixture
def formgrader(chromium, server, course):
    """Opens a page of formgrader, logged in; nothing but the server can be reached."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    own = server.removesuffix("/formgrader")
    context.route(lambda url: not url.startswith(own), lambda route: route.abort())
    page = context.new_page()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{own}/api/status?token={TOKEN}")

    def opened(path, shot, ready):
        page.goto(f"{server}/{path}")
        page.wait_for_selector(ready)
        page.wait_for_timeout(300)
        page.screenshot(path=course / f"{shot}.png", full_page=True)
        return page

    yield SimpleNamespace(open=opened, dialogs=dialogs)
    context.close()
