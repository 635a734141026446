"""How judge and worker talk: all of an exercise at once, in one package, judged once."""

import os
import signal
import time

import pytest
import torch
from threats import CHAPTER, RIGHT

from autograder import exercises, references, replay
from autograder.errors import CodecError, SandboxError
from autograder.judge import trials
from autograder.sandbox import Limits, Server, codec, host
from autograder.sandbox.warm import FORKS, Warm, hung_up

ECHO = "def echo(x): return x\n"


def job(*sources):
    cells = [{"id": f"cell {n}", "source": source} for n, source in enumerate(sources)]
    return {"cells": cells, "package": {}, "replace": {}}


def request(name, *values):
    inputs = {f"x{n}": value for n, value in enumerate(values)}
    return codec.encode({"name": name, "probe": "call", "inputs": inputs, "forbidden": ()})


def results(frames):
    return [codec.message(frame)["values"]["result"] for frame in frames]


def test_answers_come_in_the_order_of_the_requests(server):
    with server.open(job(ECHO)) as session:
        session.receive(10)
        frames = session.exchange(b"".join(request("echo", n) for n in range(7)), 7, 10)
    assert results(frames) == list(range(7))


def test_requests_and_answers_larger_than_any_buffer_do_not_wait_for_each_other(server):
    large = torch.ones(2**20)  # 4 MiB; a socket holds some hundred KiB
    asked = b"".join(request("echo", large) for _ in range(5))
    with server.open(job(ECHO)) as session:
        session.receive(10)
        frames = session.exchange(asked, 5, 30)
    assert all(torch.equal(one, large) for one in results(frames))


def test_a_frame_that_nobody_asked_for_ends_the_session(server):
    forged = """
import os
def echo(x):
    for number in range(3, 64):
        try: os.write(number, FRAME)
        except OSError: pass
    return x
""".replace("FRAME", repr(codec.encode({"values": {"result": 1}})))
    with server.open(job(forged)) as session:
        session.receive(10)
        session.exchange(request("echo", 1), 1, 10)
        with pytest.raises(CodecError, match="not asked for"):
            for _ in range(9):
                time.sleep(0.05)  # until both frames, the forged one and ours, are there
                session.exchange(request("echo", 2), 1, 10)


def test_a_server_that_held_another_chapters_package_starts_anew(server):
    numbers = []
    for chapter in ("01_embeddings", CHAPTER, CHAPTER):
        with server.open(job(), package=references.package(chapter)):
            numbers.append(server._pid)
    assert numbers[0] != numbers[1] == numbers[2]


IMPORTED = """
import sys
def echo(): return sorted(name for name in sys.modules if name.startswith("minitransformer"))
"""


def test_what_given_cells_import_is_there_before_the_fork(server):
    package, ahead = references.package(CHAPTER), ("minitransformer.tokenizers.WordTokenizer",)
    with server.open(job(IMPORTED), package=package, imports=ahead) as session:
        session.receive(10)
        found = results(session.exchange(request("echo"), 1, 10))[0]
    assert "minitransformer.tokenizers" in found
    assert "minitransformer.attention" not in found


def test_a_session_with_a_changed_module_sees_the_change_and_nothing_imported_before(server):
    package, ahead = references.package(CHAPTER), ("minitransformer.tokenizers",)
    changed = {"minitransformer.tokenizers": "WordTokenizer = 'another'\n"}
    source = IMPORTED + "from minitransformer.tokenizers import WordTokenizer as echo\n"
    source = source.replace("as echo", "as found") + "echo = lambda: found\n"
    with server.open({**job(source), "package": changed}, None, package, ahead) as session:
        session.receive(10)
        assert results(session.exchange(request("echo"), 1, 10)) == ["another"]


def test_the_same_answers_are_judged_once_and_one_other_byte_is_another_answer(monkeypatch):
    exercise = exercises.load(CHAPTER).exercise("softmax")
    seen = [{"values": trial.expected} for trial in trials(CHAPTER, "softmax", "once")]
    frames = [codec.encode(one) for one in seen]
    judged = []
    monkeypatch.setattr(replay, "judge", lambda *a: judged.append(a) or len(judged))
    monkeypatch.setattr(replay, "_known", {})
    assert [replay.scored(exercise, CHAPTER, "once", frames) for _ in range(2)] == [1, 1]
    seen[0] = {"values": {"result": seen[0]["values"]["result"] + 1e-6}}
    other = [codec.encode(one) for one in seen]
    assert replay.scored(exercise, CHAPTER, "once", other) == 2
    assert replay.scored(exercise, CHAPTER, "another secret", frames) == 3


def test_visible_inputs_come_before_any_hidden_one(grade):
    """A worker serves both: what a learner is shown may not know of what only the judge knows."""
    teller = (
        RIGHT
        + "calls = []\nright = softmax\n"
        + (
            "def softmax(scores, dim=-1):\n"
            "    calls.append(float(scores.double().sum()))\n"
            "    return right(scores, dim) + sum(calls)\n"
        )
    )
    one, other = grade(teller, secret="one"), grade(teller, secret="other")
    assert one.visible == other.visible
    assert one.score < one.max_score


@pytest.mark.skipif(not FORKS, reason="here every session is a process of its own")
@pytest.mark.parametrize("namespaces", [True, False])
def test_judges_share_the_imports_and_end_their_own_workers_alone(namespaces):
    with (
        Warm(namespaces) as warm,
        Server(namespaces, warm) as one,
        Server(namespaces, warm) as other,
        other.open(job(ECHO)) as session,
    ):
        session.receive(10)
        with one.open(job(ECHO)) as second:  # its end kills whatever came out of that server
            second.receive(10)
        assert one._pid != other._pid
        assert results(session.exchange(request("echo", 3), 1, 10)) == [3]


@pytest.mark.skipif(not FORKS, reason="here every session is a process of its own")
@pytest.mark.parametrize("shared", [True, False])
def test_a_server_whose_warm_process_was_killed_gets_another(shared):
    with Warm() as warm, Server(warm=warm if shared else None) as server:
        with server.open(job(ECHO)) as session:
            session.receive(10)
        lost = server._warm.process
        lost.kill()
        lost.wait()
        while not hung_up(server._control):  # it ends with the warm process, in its own time
            time.sleep(0.01)
        with server.open(job(ECHO)) as session:
            session.receive(10)
            assert results(session.exchange(request("echo", 5), 1, 10)) == [5]
        assert server._warm.process.pid != lost.pid


@pytest.mark.skipif(not FORKS, reason="here every session is a process of its own")
def test_a_server_that_ends_while_it_is_asked_is_replaced(monkeypatch):
    with Server() as server:
        with server.open(job(ECHO)) as session:
            session.receive(10)
        ended = server._pid
        os.kill(ended, signal.SIGKILL)
        while not hung_up(server._control):
            time.sleep(0.01)
        answers = iter([False])  # it looks alive once more
        monkeypatch.setattr(host, "hung_up", lambda control: next(answers, True))
        with server.open(job(ECHO)) as session:
            session.receive(10)
            assert results(session.exchange(request("echo", 5), 1, 10)) == [5]
        assert server._pid != ended


@pytest.mark.parametrize("times", [1, 3])
def test_a_machine_that_is_short_of_something_for_a_moment_is_asked_again(
    monkeypatch, tmp_path, times
):
    """Another submission's threads may be all that the system has; nothing is left of each try."""
    with Server() as server:
        fork, failures = server._forked, iter([BlockingIOError(11, "no more processes")] * times)

        def short(*arguments):
            for failure in failures:
                raise failure
            return fork(*arguments)

        monkeypatch.setattr(server, "_forked", short)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with server.open(job(ECHO)) as session:
            session.receive(10)
            assert results(session.exchange(request("echo", 5), 1, 10)) == [5]
    assert list(tmp_path.iterdir()) == []


def test_a_wall_that_cannot_be_put_up_is_no_fault_of_the_submission(server, monkeypatch, tmp_path):
    """It stops the run, which can be taken up again, and is not graded as a crash."""
    with server.open(job()):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SandboxError, match="did not get ready") as stopped:
        server.open(job(ECHO), Limits(scratch=2**70, file_size=2**70))
    assert type(stopped.value) is SandboxError
    assert list(tmp_path.iterdir()) == []


def test_only_what_a_cell_names_is_imported_late():
    assert references.late(("import matplotlib.pyplot as plt", "x = 1")) == ("matplotlib.pyplot",)
    assert references.late(("torch.optim.SGD", "torch.compile(f)")) == ("torch._dynamo",)
    assert references.late(("re.compile('the optimum')",)) == ()
