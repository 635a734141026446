"""A course of one small chapter, for the tests of the build."""

import pytest
from tiny_course import CHAPTER, Tiny, make

from autograder import exercises


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
