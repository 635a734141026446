"""Chapter 2: which words should look at which."""

import torch
from torch import Tensor

from autograder import probes
from autograder.spec import Case, Chapter, Draw, Exercise, Failure, Misconception
from minitransformer import attention


def _scores(draw: Draw) -> dict[str, Tensor]:
    rows, columns = draw.sizes(2, 2, 7)
    return {"scores": draw.normal(rows, columns, scale=3)}


def _sums_to_one(observed, expected, inputs):  # noqa: ANN
    sums = observed["result"].sum(-1)
    if (sums - 1).abs().max() > 1e-4:
        return Failure(f"The rows sum to {sums.flatten()[0]:.3g}, and should sum to 1.", "sums")
    return None


def over_queries(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.amax(0, keepdim=True)).exp()
    return e / e.sum(0, keepdim=True)


def no_normalisation(scores: Tensor, dim: int = -1) -> Tensor:
    return (scores - scores.amax(dim, keepdim=True)).exp()


def with_logsumexp(scores: Tensor, dim: int = -1) -> Tensor:
    return (scores - torch.logsumexp(scores, dim, keepdim=True)).exp()


softmax = Exercise(
    id="softmax",
    title="softmax that never overflows",
    reference=attention.softmax,
    cases=(
        Case("each row sums to 1", _scores, holds=_sums_to_one),
        Case("huge scores do not overflow", lambda draw: {"scores": draw.normal(3, 5) * 300}),
        Case("the scores are left as they were", _scores, probe=probes.untouched, guard=True),
    ),
    hints=("a", "b", "c"),
    misconceptions=(
        Misconception(over_queries, "It looks as if the softmax runs over the first axis."),
        Misconception(no_normalisation, "It looks as if the division by the sum is missing."),
    ),
    alternatives=(with_logsumexp,),
    forbidden=("softmax", "log_softmax"),
)

CHAPTER = Chapter("02_attention", "Which words should look at which", (softmax,))
