"""Beam search: look for the most probable text, not for the most probable next token.

Greedy writing cannot take a step back: a good first word may lead nowhere. A beam keeps several
texts side by side and lets them compete. The search itself, :func:`beam_search`, knows no model;
it asks a function for the next token's log-probabilities. The other two hand it one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from minitransformer.checks import check_stop, check_whole
from minitransformer.generation import (
    check_beginnings,
    decoding_limit,
    evaluation_mode,
    forbid,
    last_logits,
    usable,
)
from minitransformer.gpt import GPT
from minitransformer.multi_head import KVCache
from minitransformer.seq2seq import Seq2Seq


def beam_search(
    next_log_probabilities: Callable[[Tensor], Tensor],
    start: Tensor,
    num_beams: int,
    max_new_tokens: int,
    end_id: int,
    length_penalty: float = 0.0,
    pad_id: int | None = None,
    reorder: Callable[[Tensor], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """The ``num_beams`` best continuations that the beam meets, for each beginning.

        score(Y) = log P(Y) / |Y|^a

    with a the length penalty, and |Y| the number of tokens written, the end token included. At
    each step every text in the beam is continued with every token, and the best ``num_beams`` of
    them all stay. A text that has its end token stays in the beam as it is, for as long as its
    score holds. The search ends when every text has ended, or is cut at ``max_new_tokens``.

    Args:
        next_log_probabilities: ``(ids (rows, seq)) -> (rows, vocab)``, for
            rows = batch * num_beams texts; the beams of one beginning are neighbours.
        start: the beginnings ``(batch, seq)``.
        num_beams: how many texts compete; 1 is greedy.
        max_new_tokens: the longest continuation.
        end_id: the token that ends a text.
        length_penalty: a; 0 seeks the most probable text, more favours longer ones.
        pad_id: what ended texts are filled up with; the end token if left out.
        reorder: told after each step which of the rows before each row goes on from,
            ``(rows,)``: a cache has to move them likewise.

    Returns:
        ``(ids, scores)``: the continuations ``(batch, num_beams, new)``, best first, and their
        scores ``(batch, num_beams)``; -inf where there are fewer texts than beams.

    Source: Graves, Sequence Transduction with Recurrent Neural Networks (2012), section 2.6; the
    penalty: Wu et al., Google's Neural Machine Translation System (2016), section 7. Theirs is
    ((5 + |Y|) / 6)^a, and they set ended texts aside instead of letting them compete.
    """
    _check_sizes(num_beams, max_new_tokens)
    if not math.isfinite(length_penalty):
        raise ValueError(f"length_penalty must be finite, got {length_penalty}; 0 is for none")
    batch, prefix = start.shape
    fill = end_id if pad_id is None else pad_id
    texts = start.repeat_interleave(num_beams, dim=0)  # (batch * num_beams, seq)
    first_row = torch.arange(batch, device=start.device)[:, None] * num_beams
    total = torch.full((batch, num_beams), -math.inf, device=start.device)
    total[:, 0] = 0.0  # all beams begin alike, so only one of them counts
    length = torch.zeros(batch, num_beams, dtype=torch.int64, device=start.device)
    ended = torch.zeros(batch, num_beams, dtype=torch.bool, device=start.device)
    for _ in range(max_new_tokens):
        step = next_log_probabilities(texts).view(batch, num_beams, -1)
        step = torch.where(ended[..., None], _only(fill, step), step)
        totals = total[..., None] + step  # (batch, num_beams, vocab)
        length = length + ~ended
        divisor = length[..., None].to(totals.dtype) ** length_penalty
        candidates = (totals / divisor).flatten(1)
        scores, chosen = candidates.topk(num_beams, dim=1)
        parent, token = chosen // step.shape[-1], chosen % step.shape[-1]
        total, length = totals.flatten(1).gather(1, chosen), length.gather(1, parent)
        ended = ended.gather(1, parent) | (token == end_id) | (scores == -math.inf)
        rows = (first_row + parent).flatten()
        texts = torch.cat([texts[rows], token.to(texts.dtype).view(-1, 1)], dim=1)
        if ended.all():
            break
        if reorder is not None:
            reorder(rows)
    return texts[:, prefix:].view(batch, num_beams, -1), scores


def simple_beam_search(
    next_log_probabilities: Callable[[list[int]], Tensor],
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> list[tuple[list[int], float]]:
    """:func:`beam_search` for a single text, with lists: slower, and plain to read.

        score(Y) = log P(Y) / |Y|^a

    Args:
        next_log_probabilities: ``ids -> (vocab,)``, the log-probabilities of the token that
            follows these; the ids begin with the start token.
        num_beams: how many texts compete.
        max_new_tokens: the longest text.
        start_id, end_id: the tokens that begin and end a text.
        length_penalty: a, see :func:`beam_search`.

    Returns:
        At most ``num_beams`` pairs ``(ids, score)``, best first; the ids without the start token,
        with the end token where the text has ended.

    Source: as for :func:`beam_search`.
    """

    _check_sizes(num_beams, max_new_tokens)

    def score(text: tuple[list[int], float]) -> float:
        ids, total = text
        return total / len(ids) ** length_penalty

    beam: list[tuple[list[int], float]] = [([], 0.0)]  # tokens written, sum of log-probabilities
    for _ in range(max_new_tokens):
        candidates = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))  # ended: it competes as it is
                continue
            step = next_log_probabilities([start_id, *ids]).tolist()
            candidates += [([*ids, token], total + step[token]) for token in range(len(step))]
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(ids, score((ids, total))) for ids, total in beam]


def beam_decode(
    model: Seq2Seq,
    source: Tensor,
    num_beams: int,
    max_new_tokens: int | None = None,
    length_penalty: float = 0.0,
    use_cache: bool = True,
) -> tuple[Tensor, Tensor]:
    """Write a target for each source by beam search.

    Args:
        model: an encoder-decoder.
        source: token ids ``(batch, seq_k)``, filled up with ``pad_id``.
        num_beams, length_penalty: see :func:`beam_search`.
        max_new_tokens, use_cache: see ``generation.greedy_decode``.

    Returns:
        ``(targets, scores)``: ``(batch, num_beams, new)``, best first, each as ``greedy_decode``
        writes it, and ``(batch, num_beams)``.
    """
    config = model.config
    limit = decoding_limit(config, max_new_tokens)
    _check_sizes(num_beams, limit)
    with evaluation_mode(model):
        memory, memory_mask = model.encode(source)
        memory = memory.repeat_interleave(num_beams, dim=0)
        memory_mask = memory_mask.repeat_interleave(num_beams, dim=0)
        cache = model.new_cache() if use_cache else None

        def next_log_probabilities(ids: Tensor) -> Tensor:
            unread = ids if cache is None else ids[:, len(cache[0]) :]
            logits, _ = model.decode(unread, memory, memory_mask, cache)
            return forbid(usable(logits[:, -1]).log_softmax(dim=-1), config)

        start = torch.full((len(source), 1), config.start_id, device=source.device)
        targets, scores = beam_search(
            next_log_probabilities,
            start,
            num_beams,
            limit,
            config.end_id,
            length_penalty,
            config.pad_id,
            _mover(cache),
        )
    return targets.clone(), scores.clone()


def beam_generate(
    model: GPT,
    ids: Tensor,
    num_beams: int,
    max_new_tokens: int,
    stop_id: int,
    length_penalty: float = 0.0,
    *,
    real: Tensor | None = None,
    use_cache: bool = True,
) -> tuple[Tensor, Tensor]:
    """Continue each text by beam search.

    Texts must fit into the context: a window that slides would change what earlier tokens cost.

    Args:
        model: a GPT.
        ids: the beginnings ``(batch, seq)``.
        num_beams, max_new_tokens, length_penalty: see :func:`beam_search`.
        stop_id: the token that ends a text.
        real, use_cache: see ``generation.generate``.

    Returns:
        ``(continuations, scores)``: ``(batch, num_beams, new)``, best first, without the
        beginnings and filled up with ``stop_id``, and ``(batch, num_beams)``.
    """
    check_beginnings(ids, max_new_tokens, real)
    _check_sizes(num_beams, max_new_tokens)
    check_stop(stop_id, model.config.vocab_size)
    longest, max_seq = ids.shape[1] + max_new_tokens - 1, model.config.max_seq
    if longest > max_seq:  # the last token is written, and not read
        raise ValueError(
            f"{ids.shape[1]} tokens and {max_new_tokens} new ones do not fit into the context of "
            f"{max_seq}; ask for at most {max_seq + 1 - ids.shape[1]} new tokens"
        )
    known = None if real is None else real.repeat_interleave(num_beams, dim=0)
    with evaluation_mode(model):
        cache = model.new_cache() if use_cache else None

        def next_log_probabilities(texts: Tensor) -> Tensor:
            now = known
            if known is not None:
                written = known.new_ones(len(texts), texts.shape[1] - known.shape[1])
                now = torch.cat([known, written], dim=1)
            return last_logits(model, texts, now, cache).log_softmax(dim=-1)

        texts, scores = beam_search(
            next_log_probabilities,
            ids,
            num_beams,
            max_new_tokens,
            stop_id,
            length_penalty,
            reorder=_mover(cache),
        )
    return texts.clone(), scores.clone()


def _only(token: int, step: Tensor) -> Tensor:
    """Log-probabilities ``(vocab,)`` of one that is sure of this token."""
    return torch.full_like(step[0, 0], -math.inf).index_fill(
        0, torch.tensor(token, device=step.device), 0.0
    )


def _mover(cache: list[KVCache] | None) -> Callable[[Tensor], None] | None:
    """What moves the rows of every layer's cache."""
    if cache is None:
        return None

    def move(rows: Tensor) -> None:
        for layer in cache:
            layer.reorder(rows)

    return move


def _check_sizes(num_beams: int, max_new_tokens: int) -> None:
    for name, size in (("num_beams", num_beams), ("max_new_tokens", max_new_tokens)):
        check_whole(name, size)
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
