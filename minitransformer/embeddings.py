"""From token ids to vectors that know what they mean and where they stand.

Three parts, in the order in which they are met: tables of vectors and how to look into them,
word2vec (how such a table is learned from plain text), and positions with the layer that puts
everything together. Imports nothing from the package.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def one_hot(ids: Tensor, vocab_size: int) -> Tensor:
    """Each id as a row of zeros with a single 1 at the id's place.

    Args:
        ids: integers ``(...)``, each from 0 to ``vocab_size - 1``.
        vocab_size: the length of the rows.

    Returns:
        ``(..., vocab)`` in torch's default floating-point type, on the device of ``ids``.
    """
    _check_ids(ids, vocab_size)
    columns = torch.arange(vocab_size, device=ids.device)
    return (ids.unsqueeze(-1) == columns).to(torch.get_default_dtype())


def lookup(ids: Tensor, table: Tensor) -> Tensor:
    """The rows of a table that the ids name: the same as one-hot rows times the table.

        lookup(ids, E) = one_hot(ids) E

    but without the multiplications by zero.

    Args:
        ids: integers ``(...)``, each from 0 to ``vocab - 1``.
        table: ``(vocab, d_model)``, one vector per token.

    Returns:
        ``(..., d_model)``, with gradients to ``table``.
    """
    _check_ids(ids, len(table))
    return table[ids.long()]


def cosine_similarity_matrix(vectors: Tensor) -> Tensor:
    """How alike the directions of any two vectors are, from -1 (opposite) to 1 (the same).

        cos(a, b) = a . b / (|a| |b|)

    Args:
        vectors: ``(n, d_model)``.

    Returns:
        ``(n, n)``, symmetric, with 1 on the diagonal. A vector of zeros has no direction; its
        similarity to everything is 0 (lengths below 1e-8 are taken as 1e-8).
    """
    if vectors.dim() != 2:
        raise ValueError(f"vectors must have shape (n, d_model), got {tuple(vectors.shape)}")
    unit = vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    return unit @ unit.T


def skip_gram_pairs(ids: Sequence[int], window: int) -> list[tuple[int, int]]:
    """All pairs of a word and a neighbour: what word2vec learns from.

    Every word is the center once; its contexts are the words at most ``window`` places away, to
    the left and to the right, the word itself left out.

    Args:
        ids: the token ids of one sentence, a list or a one-dimensional tensor.
        window: how many places to each side, at least 1.

    Returns:
        ``(center id, context id)`` tuples, by the center's position, then by the context's.

    Source: Mikolov et al., Efficient Estimation of Word Representations in Vector Space (2013).
    We keep the window fixed, where word2vec draws its size anew for every word.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    ids = [int(index) for index in ids]
    pairs = []
    for position, center in enumerate(ids):
        first, last = max(0, position - window), min(len(ids) - 1, position + window)
        for neighbour in range(first, last + 1):
            if neighbour != position:
                pairs.append((center, ids[neighbour]))
    return pairs


def count_skip_gram_pairs(seq: int, window: int) -> int:
    """How many pairs :func:`skip_gram_pairs` makes from one sentence, without making them.

        pairs = w (2 seq - w - 1),   w = min(window, seq - 1)

    At distance d there are seq - d places to stand, and each gives two pairs (either word can be
    the center). The sum over d = 1..w is the formula.

    Args:
        seq: the number of tokens, at least 1.
        window: how many places to each side, at least 1.

    Returns:
        The number of pairs.
    """
    if seq < 1 or window < 1:
        raise ValueError(f"seq and window must be at least 1, got {seq} and {window}")
    reach = min(window, seq - 1)
    return reach * (2 * seq - reach - 1)


def noise_distribution(counts: Tensor, power: float = 0.75) -> Tensor:
    """The distribution that negative samples are drawn from.

        P(w) = count(w)^power / sum_v count(v)^power

    A power below 1 gives rare words more than their share, frequent words less.

    Args:
        counts: ``(vocab,)``, how often each token occurs; not negative, not all zero.
        power: 0.75 in word2vec.

    Returns:
        Probabilities ``(vocab,)``, floating point.

    Source: Mikolov et al., Distributed Representations of Words and Phrases (2013), section 2.2.
    """
    if counts.dim() != 1 or counts.min() < 0 or counts.max() <= 0:
        raise ValueError(
            "counts must be one row of numbers, none negative and not all zero, "
            f"got shape {tuple(counts.shape)}, sum {float(counts.sum()):g}"
        )
    if not counts.is_floating_point():
        counts = counts.to(torch.get_default_dtype())
    weights = counts**power
    return weights / weights.sum()


def sample_negatives(
    probabilities: Tensor, shape: tuple[int, ...], generator: torch.Generator | None = None
) -> Tensor:
    """Draw token ids at random, each independently with its probability.

    Args:
        probabilities: ``(vocab,)``, see :func:`noise_distribution`.
        shape: the shape of the result, e.g. ``(batch, k)``.
        generator: the source of randomness; the same seed gives the same draws.

    Returns:
        int64 ids of the given shape.
    """
    draws = torch.multinomial(
        probabilities, math.prod(shape), replacement=True, generator=generator
    )
    return draws.view(shape)


def negative_sampling_loss(center: Tensor, context: Tensor, negatives: Tensor) -> Tensor:
    """Word2vec's loss: pull true neighbours together, push random words away.

        loss = - mean over the batch [ log sigma(c . o) + sum_k log sigma(-c . n_k) ]

    with the center vector c, its true neighbour o, the random words n_k, and the sigmoid sigma.

    Args:
        center: ``(batch, d_model)``.
        context: ``(batch, d_model)``.
        negatives: ``(batch, k, d_model)``.

    Returns:
        A tensor without dimensions.

    Source: Mikolov et al., Distributed Representations of Words and Phrases (2013), equation 4.
    """
    if center.dim() != 2 or context.shape != center.shape or negatives.shape[::2] != center.shape:
        raise ValueError(
            "center, context and negatives must have the shapes (batch, d_model), "
            "(batch, d_model) and (batch, k, d_model), got "
            f"{tuple(center.shape)}, {tuple(context.shape)} and {tuple(negatives.shape)}"
        )
    true_score = (center * context).sum(dim=-1)  # (batch,)
    noise_score = (negatives @ center.unsqueeze(-1)).squeeze(-1)  # (batch, k)
    return -(F.logsigmoid(true_score) + F.logsigmoid(-noise_score).sum(dim=-1)).mean()


def sinusoidal_positions(seq: int, d_model: int) -> Tensor:
    """A fixed vector for every position, made of waves from fast to slow.

        PE[pos, 2i]   = sin(pos / 10000^(2i / d_model))
        PE[pos, 2i+1] = cos(pos / 10000^(2i / d_model))

    Sine and cosine of one frequency stand side by side, so a step along the sentence is a
    rotation of each pair, the same at every position.

    Args:
        seq: the number of positions.
        d_model: the size of the vectors; even.

    Returns:
        ``(seq, d_model)`` in torch's default floating-point type, on the CPU.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.5.
    """
    if d_model % 2:
        raise ValueError(f"d_model must be even (each sine has a cosine), got {d_model}")
    position = torch.arange(seq, dtype=torch.get_default_dtype()).unsqueeze(1)  # (seq, 1)
    even = torch.arange(0, d_model, 2, dtype=torch.get_default_dtype())  # 2i
    angle = position / 10000 ** (even / d_model)  # (seq, d_model / 2)
    table = torch.empty(seq, d_model)
    table[:, 0::2] = angle.sin()
    table[:, 1::2] = angle.cos()
    return table


class TokenEmbedding(nn.Module):
    """A learned vector for every token, scaled to length about sqrt(d_model).

        embedding(t) = sqrt(d_model) E[t],   E drawn from N(0, 1 / d_model)

    The entries of E have standard deviation 1 / sqrt(d_model), so after the scaling they have
    standard deviation 1: of the size of sines and cosines, and not drowned by the positions.

    Args:
        vocab_size: the number of tokens.
        d_model: the size of the vectors. The parameter ``weight`` is ``(vocab, d_model)``.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.4.
    """

    def __init__(self, vocab_size: int, d_model: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) / math.sqrt(d_model))

    def forward(self, ids: Tensor) -> Tensor:
        """Ids ``(batch, seq)`` to vectors ``(batch, seq, d_model)``."""
        return lookup(ids, self.weight) * math.sqrt(self.weight.shape[1])


class LearnedPositions(nn.Module):
    """A learned vector for every position, added to the token that stands there.

    Args:
        max_seq: the longest sentence.
        d_model: the size of the vectors. The parameter ``weight`` is ``(max_seq, d_model)``,
            drawn from N(0, 0.02^2).

    Source: Devlin et al., BERT (2019), section 3.
    """

    def __init__(self, max_seq: int, d_model: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(max_seq, d_model) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Add the first ``seq`` positions to x ``(batch, seq, d_model)``; same shape out."""
        seq, max_seq = x.shape[-2], len(self.weight)
        if seq > max_seq:
            raise ValueError(
                f"the sentence has {seq} tokens, but there are only {max_seq} positions; "
                "cut it, or make the layer with a larger max_seq"
            )
        return x + self.weight[:seq]


class EmbeddingLayer(nn.Module):
    """What goes into a transformer: token + position + segment.

        X[b, i] = sqrt(d_model) E[ids[b, i]] + P[i] + S[segments[b, i]]

    Args:
        vocab_size: the number of tokens.
        d_model: the size of the vectors.
        max_seq: the longest sentence.
        num_segments: how many kinds of passage there are (BERT: sentence A and sentence B).

    The parts: ``token`` (:class:`TokenEmbedding`), ``position`` (:class:`LearnedPositions`) and
    the parameter ``segment`` ``(num_segments, d_model)``, drawn from N(0, 0.02^2).

    Source: Devlin et al., BERT (2019), figure 2. BERT leaves out the factor sqrt(d_model), and
    applies layer norm and dropout afterwards.
    """

    def __init__(self, vocab_size: int, d_model: int, max_seq: int, num_segments: int = 2):
        super().__init__()
        self.token = TokenEmbedding(vocab_size, d_model)
        self.position = LearnedPositions(max_seq, d_model)
        self.segment = nn.Parameter(torch.randn(num_segments, d_model) * 0.02)

    def forward(self, ids: Tensor, segments: Tensor | None = None) -> Tensor:
        """Ids ``(batch, seq)`` to vectors ``(batch, seq, d_model)``.

        Args:
            ids: token ids ``(batch, seq)``.
            segments: segment ids ``(batch, seq)``; left out, every token is in segment 0.
        """
        if segments is None:
            segments = torch.zeros_like(ids)
        return self.position(self.token(ids)) + lookup(segments, self.segment)


def _check_ids(ids: Tensor, size: int) -> None:
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise TypeError(f"ids must be integers, got {ids.dtype}; convert them with ids.long()")
    if ids.numel() and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(
            f"ids must lie in 0..{size - 1} (there are {size} rows), "
            f"got {int(ids.min())}..{int(ids.max())}; use the vocabulary that the table belongs to"
        )
