"""What a learner reads about the properties of their function."""

from autograder.messages import case_lines
from autograder.results import CaseResult


def case(name: str, reason: str | None = None) -> CaseResult:
    return CaseResult(name, passed=reason is None, explanation=reason or "")


def test_a_reason_that_comes_again_is_given_once():
    cases = [case("a", "raised KeyError"), case("b"), case("c", "raised KeyError"), case("d", "x")]
    assert case_lines(cases) == [
        ("✗", "a: no. Raised KeyError."),
        ("✓", "b"),
        ("✗", "c: no, for the same reason."),
        ("✗", "d: no. X."),
    ]


def test_three_reasons_are_enough():
    lines = case_lines([case(name, f"reason {name}") for name in "abcd"])
    assert lines[2:] == [("✗", "c: no. Reason c."), ("✗", "d: no.")]
