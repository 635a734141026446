"""Models at work: they continue a text, translate one, fill gaps, and say how likely a text is.

Everything here reads without training: dropout is off and nothing is recorded for gradients, and
the model is left as it was found. How one token is chosen is in ``sampling``, the search for the
best text in ``beams``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from minitransformer.bert import BertForPreTraining
from minitransformer.checks import (
    check_batch,
    check_numbers,
    check_real,
    check_stop,
    check_tensor,
    check_whole,
)
from minitransformer.config import Seq2SeqConfig
from minitransformer.gpt import GPT
from minitransformer.multi_head import KVCache
from minitransformer.sampling import draw, next_token_distribution
from minitransformer.seq2seq import Seq2Seq


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Inside, dropout is off and no gradients are kept; afterwards the model is as it was.

    Tensors made inside cannot take part in training; clone them outside to let them.
    """
    were = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, training in were:
            module.training = training


def generate(
    model: GPT,
    ids: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    *,
    real: Tensor | None = None,
    generator: torch.Generator | None = None,
    use_cache: bool = True,
    stop_id: int | None = None,
    next_token: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Continue each text, token by token.

        repeat:  logits after the last token -> distribution -> draw -> append

    With a cache each step computes only what is new: the same tokens, sooner. When a text is
    longer than the context, the model reads its last ``max_seq`` tokens, as if they were the
    whole text. Every token then has a new position at every step, so a cache cannot help and is
    dropped.

    Args:
        model: a GPT.
        ids: the beginnings ``(batch, seq)``, at least one token each.
        max_new_tokens: how many tokens to add at most.
        temperature, top_k, top_p: see ``sampling.next_token_distribution``; temperature 0 is
            greedy, always the most probable token.
        real: bool ``(batch, seq)``, False at padding, for beginnings of different lengths. The
            padding stands on the left; each row is continued as it would be alone.
        generator: the source of randomness for all rows together; see ``sampling.draw``.
        use_cache: keep the keys and values of what was read.
        stop_id: a row ends with this token; it is filled up with it while others go on.
        next_token: your own way to choose, in place of the three settings:
            ``(logits (batch, vocab)) -> ids (batch,)``.

    Returns:
        Token ids ``(batch, seq + new)``, the beginnings included; ``new`` is ``max_new_tokens``,
        or less where every row has stopped.
    """
    check_beginnings(ids, max_new_tokens, real)
    if stop_id is not None:
        check_stop(stop_id, model.config.vocab_size)

    def sample(logits: Tensor) -> Tensor:
        if temperature == 0:
            return logits.argmax(dim=-1)
        return draw(next_token_distribution(logits, temperature, top_k, top_p), generator)

    choose, text = next_token or sample, ids
    stopped = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    with evaluation_mode(model):
        cache = model.new_cache() if use_cache and hasattr(model, "new_cache") else None
        for _ in range(max_new_tokens):
            new = choose(last_logits(model, text, real, cache))
            if stop_id is not None:
                new = new.masked_fill(stopped, stop_id)
                stopped = stopped | (new == stop_id)
            text, real = _append(text, real, new)
            if stopped.all():
                break
    return text.clone()


def last_logits(
    model: GPT, text: Tensor, real: Tensor | None = None, cache: list[KVCache] | None = None
) -> Tensor:
    """The scores ``(batch, vocab)`` of the token after a text.

    Only the last ``max_seq`` tokens are read. With a cache only those that it has not read; once
    the text no longer fits, the cache is left aside. A model of your own may have nothing but its
    forward pass; then that is called. Scores of 16 bits come back as float32: too few digits are
    left of them to be divided or summed.
    """
    max_seq = model.config.max_seq
    if not hasattr(model, "hidden"):
        return usable(model(text[:, -max_seq:])[:, -1])
    if cache is not None and text.shape[1] <= max_seq:
        hidden, _ = model.hidden(text[:, len(cache[0]) :], real, cache)
    else:
        hidden, _ = model.hidden(text[:, -max_seq:], None if real is None else real[:, -max_seq:])
    # The head is the largest layer; only one place needs it.
    return usable(model.scores(hidden[:, -1]))


def greedy_decode(
    model: Seq2Seq, source: Tensor, max_new_tokens: int | None = None, use_cache: bool = True
) -> Tensor:
    """Write a target for each source, always with the most probable next token.

    Padding and the start token are never written.

    Args:
        model: an encoder-decoder.
        source: token ids ``(batch, seq_k)``, filled up with ``pad_id``.
        max_new_tokens: where to stop a target that has no end; ``max_seq`` if left out.
        use_cache: keep the keys and values of what was written.

    Returns:
        Targets ``(batch, new)`` as :meth:`Seq2Seq.loss` takes them: without the start token,
        with the end token (unless cut), filled up with ``pad_id``.
    """
    config = model.config
    limit = decoding_limit(config, max_new_tokens)
    with evaluation_mode(model):
        memory, memory_mask = model.encode(source)
        cache = model.new_cache() if use_cache else None
        text = torch.full((len(source), 1), config.start_id, device=source.device)
        ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
        for _ in range(limit):
            unread = text if cache is None else text[:, len(cache[0]) :]
            logits, _ = model.decode(unread, memory, memory_mask, cache)
            new = forbid(usable(logits[:, -1]), config).argmax(dim=-1)
            text = torch.cat([text, new.masked_fill(ended, config.pad_id)[:, None]], dim=1)
            ended = ended | (new == config.end_id)
            if ended.all():
                break
    return text[:, 1:].clone()


def forbid(scores: Tensor, config: Seq2SeqConfig) -> Tensor:
    """Scores ``(..., vocab)`` with -inf for padding and the start token: no target has them."""
    never = [token for token in (config.pad_id, config.start_id) if token != config.end_id]
    return scores.index_fill(-1, torch.tensor(never, device=scores.device), -math.inf)


def decoding_limit(config: Seq2SeqConfig, max_new_tokens: int | None) -> int:
    """How long a target may become: what was asked for, if the context is that long."""
    if max_new_tokens is None:
        return config.max_seq
    check_whole("max_new_tokens", max_new_tokens)
    if not 1 <= max_new_tokens <= config.max_seq:
        raise ValueError(
            f"max_new_tokens must lie in 1..{config.max_seq} (the context), got "
            f"{max_new_tokens}; ask for less, or make the model with a larger max_seq"
        )
    return max_new_tokens


def text_log_probability(model: GPT, ids: Tensor, real: Tensor | None = None) -> Tensor:
    """How probable the model finds each text, given its first token.

        log P(x_2 ... x_n | x_1) = sum_t log P(x_t | x_1 ... x_{t-1})

    Args:
        model: a GPT.
        ids: token ids ``(batch, seq)``; the first real token of each row is given, and costs
            nothing. To count a whole text, begin it with a token that begins every text.
        real: bool ``(batch, seq)``, False at padding, on either side.

    Returns:
        Natural logarithms ``(batch,)``.
    """
    with evaluation_mode(model):
        logits = model(ids) if real is None else model(ids, real)
        log_probabilities = usable(logits[:, :-1]).log_softmax(dim=-1)
        found = log_probabilities.gather(-1, ids[:, 1:].long().unsqueeze(-1)).squeeze(-1)
        total = found.masked_fill(~_predicted(ids, real), 0).sum(dim=1)
    return total.clone()


def perplexity(model: GPT, ids: Tensor, real: Tensor | None = None) -> Tensor:
    """Between how many equally probable tokens the model hesitates, on average.

        PPL = exp(-1/n sum log P(x_t | x_1 ... x_{t-1})),   over the n predicted tokens of all rows

    Args: as for :func:`text_log_probability`.

    Returns:
        A tensor without dimensions: 1 for a sure and right model, the size of the vocabulary for
        one that finds all tokens equally likely.

    Source: Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks
    (1977).
    """
    check_batch(ids)
    count = _predicted(ids, real).sum()
    if count == 0:
        raise ValueError(
            f"no token is predicted in texts of shape {tuple(ids.shape)}: the first of each row "
            "is given; pass texts of at least two tokens"
        )
    return (-text_log_probability(model, ids, real).sum() / count).exp()


def perplexity_of(log_probability: float, count: int) -> float:
    """The perplexity of a text of which only the log-probability is known.

        PPL = exp(-log P / n)

    Args:
        log_probability: the natural logarithm of the probability of all its predicted tokens.
        count: how many those are, at least 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}; no token was predicted")
    return math.exp(-log_probability / count)


def fill_mask(
    model: BertForPreTraining,
    ids: Tensor,
    mask_id: int,
    segments: Tensor | None = None,
    real: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Put the most probable token in place of each ``[MASK]``.

    Each gap is filled on its own, without regard to what goes into the others.

    Args:
        model: a BERT with its masked-language-model head.
        ids: token ids ``(batch, seq)`` with gaps.
        mask_id: the id of ``[MASK]``.
        segments, real: see :meth:`Bert.forward`.

    Returns:
        ``(filled, probabilities)``: the ids with their gaps filled, and the whole distribution
        at each of the n gaps, ``(n, vocab)``, in reading order.
    """
    check_batch(ids)
    gaps = ids == mask_id
    if not gaps.any():
        raise ValueError(f"there is no gap to fill: no id is {mask_id}, the mask_id")
    with evaluation_mode(model):
        logits, _ = model(ids, segments, real)
        probabilities = usable(logits[gaps]).softmax(dim=-1)  # (n, vocab)
        filled = ids.masked_scatter(gaps, probabilities.argmax(dim=-1).to(ids.dtype))
    return filled.clone(), probabilities.clone()


def usable(logits: Tensor) -> Tensor:
    """The scores, if they are numbers; those of 16 bits with more digits."""
    check_numbers(logits)
    return logits if logits.dtype == torch.float64 else logits.float()


def _predicted(ids: Tensor, real: Tensor | None) -> Tensor:
    """Which of the tokens 2 .. seq have a real token before them, and are real."""
    if real is None:
        return torch.ones_like(ids[:, 1:], dtype=torch.bool)
    check_real(real, ids.shape)
    return real[:, 1:] & real[:, :-1]


def _append(text: Tensor, real: Tensor | None, new: Tensor) -> tuple[Tensor, Tensor | None]:
    if not isinstance(new, Tensor) or new.is_floating_point():
        got = new.dtype if isinstance(new, Tensor) else f"a {type(new).__name__}"
        raise TypeError(
            f"next_token must give a tensor of ids, one a row, got {got}; "
            "choose with logits.argmax(dim=-1), for instance"
        )
    if new.shape != text.shape[:1]:
        raise ValueError(
            f"next_token must give one id a row, shape {tuple(text.shape[:1])}, "
            f"got {tuple(new.shape)}"
        )
    text = torch.cat([text, new.to(text.dtype)[:, None]], dim=1)
    if real is not None:
        real = torch.cat([real, torch.ones_like(real[:, :1])], dim=1)
    return text, real


def check_beginnings(ids: Tensor, max_new_tokens: int, real: Tensor | None) -> None:
    """Texts to go on from: a batch of ids, whose padding, if any, stands on the left."""
    check_batch(ids)
    check_whole("max_new_tokens", max_new_tokens)
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens must be at least 0, got {max_new_tokens}")
    if real is None:
        return
    check_tensor(real, "real")
    if real.shape != ids.shape or real.dtype != torch.bool:
        raise ValueError(
            f"real must be bool with one entry a token, shape {tuple(ids.shape)}, "
            f"got {real.dtype} {tuple(real.shape)}"
        )
    if not real[:, -1].all() or (real[:, :-1] & ~real[:, 1:]).any():
        raise ValueError(
            "the padding must stand on the left of every row, so that each text goes on right "
            "after its last token; move it there, or generate row by row"
        )
