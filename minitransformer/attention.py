"""Which words look at which: softmax, scores, masks, attention, and one self-attention head.

Everything here follows one formula,

    Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V,

cut into functions that can be read, tested and replaced one at a time. Masks are boolean, and
True means "may be attended to".
"""

import math

import torch
from torch import Tensor, nn

from minitransformer.checks import check_mask


def softmax(scores: Tensor, dim: int = -1) -> Tensor:
    """Turn scores into weights that are positive and sum to 1 along ``dim``.

        softmax(s)_j = exp(s_j) / sum_k exp(s_k)

    The largest score is subtracted first. That changes nothing in the fraction, and keeps exp
    from overflowing. A score of -inf gets the weight 0.

    Args:
        scores: floating point, any shape.
        dim: the axis along which the weights sum to 1.

    Returns:
        Weights, same shape and dtype as ``scores``.
    """
    exponentials = (scores - scores.amax(dim=dim, keepdim=True)).exp()
    return exponentials / exponentials.sum(dim=dim, keepdim=True)


def similarity_scores(query: Tensor, key: Tensor) -> Tensor:
    """Scaled dot products: how well each query fits each key.

        scores = Q K^T / sqrt(d_k)

    A dot product of two random vectors of length d_k has variance d_k. Divided by sqrt(d_k) it
    has variance 1, whatever the size, and the softmax that follows stays soft.

    Args:
        query: ``(..., seq_q, d_k)``.
        key: ``(..., seq_k, d_k)``.

    Returns:
        Scores ``(..., seq_q, seq_k)``; row i belongs to query i.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.1.
    """
    d_k = query.shape[-1]
    if key.shape[-1] != d_k:
        raise ValueError(
            f"query and key must have the same last size d_k, got {d_k} and {key.shape[-1]} "
            f"(shapes {tuple(query.shape)} and {tuple(key.shape)})"
        )
    return query @ key.transpose(-2, -1) / math.sqrt(d_k)


def score_variance(d_k: int, divisor: float = 1.0) -> float:
    """The variance of a dot product of two random vectors, after a division.

        Var(q . k / c) = d_k / c^2

    for independent standard normal entries: each of the d_k products has variance 1, variances
    of independent terms add, and a division by c divides a variance by c^2. The divisor that
    keeps the variance at 1 is therefore sqrt(d_k).

    Args:
        d_k: the length of the two vectors.
        divisor: the number c that the dot product is divided by.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.1, footnote 4.
    """
    return d_k / divisor**2


def padding_mask(ids: Tensor, pad_id: int = 0) -> Tensor:
    """Which keys are real tokens, and not padding.

    Args:
        ids: token ids ``(batch, seq)``.
        pad_id: the id of ``[PAD]``.

    Returns:
        A bool tensor ``(batch, 1, seq)``, True where a token is real. The axis of size 1 stands
        for the queries: all queries of a sentence may see the same keys.
    """
    if ids.dim() != 2:
        raise ValueError(
            f"ids must have shape (batch, seq), got {tuple(ids.shape)}; "
            "make one sentence a batch of one with ids.unsqueeze(0)"
        )
    return (ids != pad_id).unsqueeze(1)


def causal_mask(seq: int) -> Tensor:
    """Which keys lie in the past: query i may see the keys 0..i, itself included.

    Args:
        seq: the number of tokens.

    Returns:
        A bool tensor ``(seq, seq)``, True on and below the diagonal, on the CPU (move it with
        ``.to(device)``).
    """
    return torch.ones(seq, seq, dtype=torch.bool).tril()


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """A softmax over the keys that may be seen; the hidden ones get weight exactly 0.

        weights = softmax(scores), with score -inf wherever the mask is False

    Args:
        scores: ``(..., seq_q, seq_k)``.
        mask: bool, any shape that broadcasts to the scores; True = may be attended to. Each
            query needs at least one key that it may see.

    Returns:
        Weights ``(..., seq_q, seq_k)``; each row sums to 1.
    """
    _check_mask(mask, scores)
    return softmax(scores.masked_fill(~mask, -math.inf), dim=-1)  # over the keys


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    """How much each query attends to each key.

        weights = softmax(Q K^T / sqrt(d_k)), over the keys that the mask allows

    Args:
        query: ``(..., seq_q, d_k)``.
        key: ``(..., seq_k, d_k)``.
        mask: bool, any shape that broadcasts to ``(..., seq_q, seq_k)``; True = may be attended
            to. Each query needs at least one key that it may see.

    Returns:
        Weights ``(..., seq_q, seq_k)``; each row sums to 1, masked keys have weight exactly 0.
    """
    scores = similarity_scores(query, key)
    return softmax(scores, dim=-1) if mask is None else masked_softmax(scores, mask)


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention: for each query, the mean of the values, weighted by how well their keys fit.

        Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V

    Args:
        query: ``(..., seq_q, d_k)``.
        key: ``(..., seq_k, d_k)``.
        value: ``(..., seq_k, d_v)``; one value per key.
        mask: see :func:`attention_weights`.

    Returns:
        ``(context, weights)``: the context vectors ``(..., seq_q, d_v)`` and the weights
        ``(..., seq_q, seq_k)`` they were mixed with.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.1, equation 1. We also
    return the weights, to look at them.
    """
    if value.shape[-2] != key.shape[-2]:
        raise ValueError(
            f"each key needs one value, got {key.shape[-2]} keys and {value.shape[-2]} values "
            f"(shapes {tuple(key.shape)} and {tuple(value.shape)})"
        )
    weights = attention_weights(query, key, mask)
    return weights @ value, weights


class SelfAttention(nn.Module):
    """One attention head in which the tokens of a sentence look at each other.

        Q = X W_Q,  K = X W_K,  V = X W_V,  context = Attention(Q, K, V)

    with X ``(batch, seq, d_model)`` and W_Q, W_K, W_V ``(d_model, d_head)``, held by three linear
    layers ``query``, ``key`` and ``value`` without bias. (``nn.Linear`` stores its weight
    transposed: ``query.weight`` is ``(d_head, d_model)``.)

    Args:
        d_model: the size of the vectors that come in.
        d_head: the size of queries, keys and values.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2; one head, and no
    output projection, which comes with several heads.
    """

    def __init__(self, d_model: int, d_head: int):
        super().__init__()
        self.query = nn.Linear(d_model, d_head, bias=False)
        self.key = nn.Linear(d_model, d_head, bias=False)
        self.value = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Let every token look at every token that the mask allows.

        Args:
            x: ``(batch, seq, d_model)``.
            mask: bool, broadcasts to ``(batch, seq, seq)``, True = may be attended to.

        Returns:
            ``(context, weights)`` with shapes ``(batch, seq, d_head)`` and ``(batch, seq, seq)``.
        """
        return scaled_dot_product_attention(self.query(x), self.key(x), self.value(x), mask)


def contextual_similarity(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    """How alike two words are after each has looked around in its own sentence.

        cos(C_a[position_a], C_b[position_b]),   C = Attention(X, X, X)

    The same word has the same static embedding in both sentences, with cosine 1. Its context
    vectors differ as far as its neighbours do.

    Args:
        sentence_a: the static embeddings of one sentence, ``(seq_a, d_model)``.
        sentence_b: those of the other, ``(seq_b, d_model)``.
        position_a, position_b: where the words stand.

    Returns:
        The cosine, a tensor without dimensions, from -1 to 1.
    """
    context_a, _ = scaled_dot_product_attention(sentence_a, sentence_a, sentence_a)
    context_b, _ = scaled_dot_product_attention(sentence_b, sentence_b, sentence_b)
    a, b = context_a[position_a], context_b[position_b]  # (d_model,)
    return a @ b / (a.norm() * b.norm())


def _check_mask(mask: Tensor, scores: Tensor) -> None:
    check_mask(mask, scores.shape)
    if not mask.any(dim=-1).all():
        raise ValueError(
            "mask hides every key from at least one query, and a softmax over nothing is not "
            "defined; leave each query at least one key"
        )
