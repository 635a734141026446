"""A course of one small chapter, for the tests of the build; warm processes for the attacks."""

import functools

import pytest
from threats import graded
from tiny_course import CHAPTER, Tiny, make

from autograder import exercises
from autograder.sandbox import namespaces


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> Tiny:
    """A fresh course of one chapter, not built."""
    monkeypatch.setattr(exercises, "load", lambda name: CHAPTER)
    return make(tmp_path / "course")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory) -> Tiny:
    """The same course, built; for reading only."""
    from autograder.build import build

    tiny = make(tmp_path_factory.mktemp("built") / "course")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercises, "load", lambda name: CHAPTER)
        build(tiny.course)
    return tiny


@pytest.fixture
def built(built_once, tmp_path, monkeypatch) -> Tiny:
    """A built course of one's own, which a test may change."""
    monkeypatch.setattr(exercises, "load", lambda name: CHAPTER)
    return built_once.copy(tmp_path / "course")


@pytest.fixture(scope="session")
def servers():
    """One warm process with the base walls alone, one with namespaces on top."""
    from autograder.sandbox import Server

    with Server(namespaces=False) as base, Server() as both:
        yield {"base walls": base, "namespaces": both}


@pytest.fixture(params=["base walls", "namespaces"])
def server(request, servers):
    """The warm process that a test's workers come from; each test runs with both."""
    if request.param == "namespaces" and not namespaces.available():
        pytest.skip("this system allows no namespaces")
    return servers[request.param]


@pytest.fixture
def grade(server):
    """Grade a softmax; see `threats.graded`."""
    return functools.partial(graded, server)
