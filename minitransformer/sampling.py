"""From logits to the next token: distributions, and one draw from them.

What is random is kept apart from what is not. Temperature, top-k and top-p each turn logits into
logits, and :func:`next_token_distribution` puts them together into probabilities: all of it exact
and repeatable. Only :func:`draw` throws the dice. Imports nothing from the package.
"""

import math

import torch
from torch import Tensor


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Make a distribution sharper (temperature below 1) or flatter (above 1).

        softmax(z / T):   T -> 0 leaves only the most probable token, T -> infinity all alike

    Args:
        logits: floating point ``(..., vocab)``.
        temperature: T, more than 0.

    Returns:
        ``logits / temperature``, the same shape.

    Source: Ackley, Hinton and Sejnowski, A Learning Algorithm for Boltzmann Machines (1985).
    """
    if not temperature >= 1e-30:  # logits divided by less are infinite
        raise ValueError(
            f"temperature must be more than 0, got {temperature}; "
            "for its limit 0, and below 1e-30, take the most probable token, logits.argmax(dim=-1)"
        )
    return logits / temperature


def top_k_filter(logits: Tensor, k: int) -> Tensor:
    """Leave only the ``k`` most probable tokens in the race.

    Tokens exactly as probable as the k-th stay too, so that no order decides between them.

    Args:
        logits: floating point ``(..., vocab)``.
        k: how many stay, at least 1; all of them where ``k`` is larger than the vocabulary.

    Returns:
        The logits, with -inf for the tokens that are out.

    Source: Fan, Lewis and Dauphin, Hierarchical Neural Story Generation (2018), section 5.4.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}; at least one token has to stay")
    kth = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < kth, -math.inf)


def top_p_filter(logits: Tensor, p: float) -> Tensor:
    """Leave only the most probable tokens that together have probability ``p`` (the nucleus).

    The smallest set of most probable tokens whose probabilities sum to at least p: the token that
    crosses the threshold stays. So at least one stays, whatever p is. Where the model is sure the
    set is small, where it is not the set is large; top-k has the same size everywhere. Of equally
    probable tokens at the threshold, those with the lower ids stay. Where p is 1 all stay.

    Args:
        logits: floating point ``(..., vocab)``.
        p: the probability to keep, more than 0 and at most 1.

    Returns:
        The logits, with -inf for the tokens that are out.

    Source: Holtzman et al., The Curious Case of Neural Text Degeneration (2020), section 3.1.
    """
    if not 0 < p <= 1:
        raise ValueError(f"p must be more than 0 and at most 1, got {p}; 1 keeps every token")
    if p == 1:
        return logits  # a sum of rounded numbers may reach 1 before the last token
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities  # of all that are more probable
    ordered = ordered.masked_fill(before >= p, -math.inf)
    return torch.empty_like(logits).scatter(-1, order, ordered)  # back to their places


def next_token_distribution(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The probabilities that the next token is drawn with.

        softmax(top_p(top_k(z / T)))

    Args:
        logits: floating point ``(..., vocab)``.
        temperature: see :func:`apply_temperature`; 0 stands for its limit, all probability on the
            most probable token.
        top_k, top_p: see :func:`top_k_filter` and :func:`top_p_filter`; left out, all tokens stay.

    Returns:
        Probabilities ``(..., vocab)``; each row sums to 1.
    """
    if temperature == 0:
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, best, 1.0)
    logits = apply_temperature(logits, temperature)
    if top_k is not None:
        logits = top_k_filter(logits, top_k)
    if top_p is not None:
        logits = top_p_filter(logits, top_p)
    return logits.softmax(dim=-1)


def draw(probabilities: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw one token from each distribution.

    Args:
        probabilities: ``(batch, vocab)``; a token with probability 0 is never drawn.
        generator: the source of randomness, on the same device; the same seed gives the same
            draws.

    Returns:
        int64 token ids ``(batch,)``.
    """
    return torch.multinomial(probabilities, num_samples=1, generator=generator).squeeze(-1)
