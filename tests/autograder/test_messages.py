"""What a learner reads about the properties of their function."""

import pytest

from autograder.messages import case_lines, sentence
from autograder.results import CaseResult


def case(name: str, reason: str | None = None) -> CaseResult:
    return CaseResult(name, passed=reason is None, explanation=reason or "")


def test_a_reason_that_comes_again_is_given_once():
    cases = [
        case("a", "raised KeyError"),
        case("b"),
        case("c", "raised KeyError"),
        case("d", "no tensor"),
    ]
    assert case_lines(cases) == [
        ("✗", "a: no. Raised KeyError."),
        ("✓", "b"),
        ("✗", "c: no, for the same reason."),
        ("✗", "d: no. No tensor."),
    ]


def test_three_reasons_are_enough():
    lines = case_lines([case(name, f"reason {name}") for name in "abcd"])
    assert lines[2:] == [("✗", "c: no. Reason c."), ("✗", "d: no.")]


@pytest.mark.parametrize(
    "text",
    [
        "k = 14 of 13 passages: expected 'ValueError', got 'IndexError'.",
        "λ = 0: expected 1, got 2.",
        "λ stands on the task.",
        "a: expected 1, got 2.",
        "a = 2: expected 1, got 2.",
        "heads = 2: expected 1, got 2.",
        "d_model should divide.",
        "query_vectors after the call: expected shape (2,), got (3,).",
        "torch.softmax is called.",
        "topk(k) is called.",
        "nn.Module is missing.",
        "gptConfig is missing.",
    ],
)
def test_a_symbol_or_a_name_of_code_keeps_its_case(text):
    assert sentence(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a tensor came", "A tensor came."),
        ("places: expected shape (2,)", "Places: expected shape (2,)."),
        ("that's no list", "That's no list."),
        ("sub-words come first", "Sub-words come first."),
        ("k", "k."),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_and_ends_with_a_full_stop(text, said):
    assert sentence(text) == said
