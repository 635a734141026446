"""Public data sets: against a server on this machine, against files, and with nobody there."""

import hashlib
import http.server
import socket
import threading

import pytest

from minitransformer.data import registry
from minitransformer.data.registry import DataSet, fetch, load_text

TEXT = "To be, or not to be.\n" * 10_000  # more than one piece
DATA = TEXT.encode()


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives DATA at /data.txt, and other answers elsewhere."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/moved.txt":
            self.send_response(302)
            self.send_header("Location", "/data.txt")
            self.end_headers()
            return
        if self.path == "/endless.txt":
            self.send_response(200)
            self.end_headers()
            self._pour()
            return
        if self.path not in ("/data.txt", "/short.txt"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA if self.path == "/data.txt" else DATA[:70_000])

    def _pour(self):
        try:
            for _ in range(2000):
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass  # hung up, as it should be

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.url = f"http://127.0.0.1:{running.server_port}"
        yield running
        running.shutdown()
        thread.join()


def data_set(url, **changes):
    values = dict(
        name="hamlet", url=url, sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA),
        licence="public domain", description="one line, often", citation="Shakespeare (1603)",
    )  # fmt: skip
    return DataSet(**{**values, **changes})


def left(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_is_fetched_once_and_kept(server, tmp_path):
    wanted = data_set(server.url + "/data.txt")
    path = fetch(wanted, tmp_path / "new" / "cache")
    assert path.read_bytes() == DATA and left(path.parent) == ["hamlet.txt"]
    assert fetch(wanted, path.parent) == path
    assert load_text(wanted, path.parent) == TEXT
    assert server.asked == ["/data.txt"]


def test_progress_is_told_in_bytes_up_to_the_whole(server, tmp_path):
    told = []
    fetch(data_set(server.url + "/data.txt"), tmp_path, progress=lambda *now: told.append(now))
    done, in_all = zip(*told, strict=True)
    assert len(done) > 2 and list(done) == sorted(set(done)) and done[-1] == len(DATA)
    assert set(in_all) == {len(DATA)}


def test_a_redirect_is_followed(server, tmp_path):
    assert fetch(data_set(server.url + "/moved.txt"), tmp_path).read_bytes() == DATA


def test_a_file_of_this_machine_can_be_a_data_set(tmp_path):
    source = tmp_path / "source.txt"
    source.write_bytes(DATA)
    assert load_text(data_set(source.as_uri()), tmp_path / "cache") == TEXT


def test_a_spoilt_file_in_the_cache_is_replaced(server, tmp_path):
    wanted = data_set(server.url + "/data.txt")
    (tmp_path / "hamlet.txt").write_bytes(DATA[:-1])
    assert fetch(wanted, tmp_path).read_bytes() == DATA


def test_a_wrong_hash_names_both_and_leaves_nothing_behind(server, tmp_path):
    wrong = data_set(server.url + "/data.txt", sha256="0" * 64)
    with pytest.raises(ValueError) as caught:
        fetch(wrong, tmp_path)
    message = str(caught.value)
    assert hashlib.sha256(DATA).hexdigest() in message and "0" * 64 in message
    assert "nothing was kept" in message and str(tmp_path / "hamlet.txt") in message
    assert left(tmp_path) == []


def test_a_wrong_hash_leaves_the_file_that_was_there(server, tmp_path):
    (tmp_path / "hamlet.txt").write_bytes(b"old")
    with pytest.raises(ValueError, match="nothing was kept"):
        fetch(data_set(server.url + "/data.txt", sha256="0" * 64), tmp_path)
    assert (tmp_path / "hamlet.txt").read_bytes() == b"old" and left(tmp_path) == ["hamlet.txt"]


def test_a_download_that_breaks_off_is_not_kept(server, tmp_path):
    with pytest.raises((ValueError, ConnectionError), match="hamlet"):
        fetch(data_set(server.url + "/short.txt"), tmp_path)
    assert left(tmp_path) == []


def test_a_download_without_end_is_stopped(server, tmp_path):
    told = []
    with pytest.raises(ValueError, match=f"gave more than {len(DATA)} bytes"):
        fetch(
            data_set(server.url + "/endless.txt"), tmp_path, progress=lambda *now: told.append(now)
        )
    assert left(tmp_path) == []
    assert told[-1][0] <= len(DATA) + registry.CHUNK


def test_an_error_of_the_server_is_told(server, tmp_path):
    with pytest.raises(ConnectionError, match="the server answered 404"):
        fetch(data_set(server.url + "/gone.txt"), tmp_path)
    assert left(tmp_path) == []


def test_offline_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as taken:  # bound and not listening: whoever knocks is refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/data.txt"
        with pytest.raises(ConnectionError) as caught:
            fetch(data_set(url), tmp_path)
    message = str(caught.value)
    assert f"hamlet could not be fetched from {url}: " in message and "refused" in message
    assert f"put the file at {tmp_path / 'hamlet.txt'}" in message
    assert left(tmp_path) == []


def test_offline_a_file_in_the_cache_is_enough(tmp_path):
    (tmp_path / "hamlet.txt").write_bytes(DATA)
    assert load_text(data_set("http://127.0.0.1:1/data.txt"), tmp_path) == TEXT


def test_offline_a_wrong_file_in_the_cache_is_told_from_a_missing_one(tmp_path):
    (tmp_path / "hamlet.txt").write_bytes(b"old")
    with pytest.raises(ConnectionError) as caught:
        fetch(data_set("http://127.0.0.1:1/data.txt"), tmp_path)
    message, found = str(caught.value), hashlib.sha256(b"old").hexdigest()
    assert f"the file that is there has SHA-256 {found}, expected " in message
    assert hashlib.sha256(DATA).hexdigest() in message
    assert (tmp_path / "hamlet.txt").read_bytes() == b"old"


def test_a_server_that_says_nothing_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/data.txt"
        with pytest.raises(ConnectionError, match="timed out"):
            fetch(data_set(url), tmp_path, timeout=0.1)
    assert left(tmp_path) == []


def test_the_timeout_is_the_one_that_was_asked_for(tmp_path, monkeypatch):
    asked = []

    def refuse(url, timeout):
        asked.append(timeout)
        raise OSError("no")

    monkeypatch.setattr(registry.urllib.request, "urlopen", refuse)
    with pytest.raises(ConnectionError):
        fetch(data_set("http://host/data.txt"), tmp_path, timeout=7.5)
    assert asked == [7.5]


def test_an_interrupted_download_leaves_nothing_behind(server, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(data_set(server.url + "/data.txt"), tmp_path, progress=stop)
    assert left(tmp_path) == []


def test_the_cache_is_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITRANSFORMER_CACHE", str(tmp_path / "here"))
    assert registry.cache_folder() == tmp_path / "here"
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "hamlet.txt").write_bytes(DATA)
    assert load_text(data_set("http://127.0.0.1:1/data.txt")) == TEXT


@pytest.mark.parametrize(
    "system, variable, expected",
    [
        ("linux", "XDG_CACHE_HOME", "base/minitransformer"),
        ("linux", None, "home/.cache/minitransformer"),
        ("darwin", None, "home/Library/Caches/minitransformer"),
        ("win32", "LOCALAPPDATA", "base/minitransformer"),
        ("win32", None, "home/AppData/Local/minitransformer"),
    ],
)
def test_without_the_variable_it_is_the_systems_own(
    system, variable, expected, tmp_path, monkeypatch
):
    for name in ("MINITRANSFORMER_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(registry.sys, "platform", system)
    monkeypatch.setattr(registry.Path, "home", lambda: tmp_path / "home")
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "base"))
    assert registry.cache_folder() == tmp_path / expected


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(
        ValueError, match="cache folder .*file.deep cannot be made .* MINITRANSFORMER"
    ):
        fetch(data_set("http://127.0.0.1:1/data.txt"), tmp_path / "file" / "deep")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="no data set 'hamlet', only tinyshakespeare; .* path"):
        fetch("hamlet")


def test_every_set_of_the_registry_says_all_about_itself():
    for name, known in registry.DATA_SETS.items():
        assert known.name == name and known.url.startswith("https://")
        assert known.licence and known.description and known.citation


@pytest.mark.parametrize(
    "change, message",
    [
        ({"name": "../up"}, "name must be letters"),
        ({"url": "ftp://host/x"}, "url must begin with"),
        ({"sha256": "ABC"}, "sha256 must be 64"),
        ({"sha256": "a" * 63}, "sha256 must be 64"),
        ({"sha256": "G" * 64}, "sha256 must be 64"),
        ({"size": 0}, "size must be at least 1"),
    ],
)
def test_a_wrong_description_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        data_set(**{"url": "http://host/data.txt", **change})
