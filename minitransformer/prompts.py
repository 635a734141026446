"""Text from a saved model: a GPT goes on, a BERT fills gaps, an encoder-decoder translates."""

import torch

from minitransformer.generation import fill_mask, generate, greedy_decode
from minitransformer.saving import SavedModel
from minitransformer.tokenizers import SPECIAL_TOKENS, check_special, split_at_special
from minitransformer.training.devices import device_of


class PromptError(ValueError):
    """The prompt is not what this kind of model needs."""


def write(
    saved: SavedModel,
    prompt: str = "",
    max_new_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
) -> str:
    """What a model makes of a prompt.

    Args:
        saved: the model and its tokenizer.
        prompt: where a GPT begins (it may begin by itself if it knows how texts begin); a text
            with ``[MASK]`` for a BERT, its parts divided by ``[SEP]``; a source to translate.
        max_new_tokens: how many tokens to add at most.
        temperature, top_k, top_p: as in ``generation.generate``; for a GPT only.
        seed: of the draws.

    Returns:
        The text, the prompt included. Of a BERT: the filled text, then a line for each gap with
        its likeliest words. Of an encoder-decoder: the translation.

    Raises:
        PromptError: the prompt is missing or has no gap.
        ValueError: the model was saved without a tokenizer, or the tokenizer cannot read this.
    """
    if saved.tokenizer is None:
        raise ValueError("the model was saved without a tokenizer; save it with one")
    kind = saved.model.config.kind
    if kind == "bert":
        return _fill(saved, prompt)
    if kind == "seq2seq":
        return _translate(saved, prompt, max_new_tokens)
    check_seed(seed)
    generator = torch.Generator(device_of(saved.model)).manual_seed(seed)
    return _continue(saved, prompt, max_new_tokens, temperature, top_k, top_p, generator)


def check_seed(seed: int) -> None:
    """A seed fits into the 64 bits that a generator has for it."""
    if not -(2**63) <= seed < 2**63:
        raise ValueError(f"seed must lie in -2^63 .. 2^63 - 1, got {seed}; take a smaller one")


def _continue(saved: SavedModel, prompt: str, max_new_tokens: int, *settings) -> str:
    *settings, generator = settings
    tokenizer, start = saved.tokenizer, saved.notes.get("start_id")
    ids = tokenizer.encode(prompt) if prompt else []
    between_texts = tokenizer.vocab.get("[SEP]")
    begun = start is not None and (not ids or start == between_texts)
    if begun:
        ids = [start, *ids]
    if not ids:
        raise PromptError("this model needs something to go on from: --prompt TEXT")
    first = torch.tensor([ids], device=device_of(saved.model))
    text = generate(saved.model, first, max_new_tokens, *settings, generator=generator)
    written = tokenizer.decode(text[0, begun:].tolist())
    if begun and start == between_texts:  # one text a line
        return written.replace(" [SEP]", "\n").replace("\n ", "\n").rstrip("\n")
    return written


def _fill(saved: SavedModel, prompt: str) -> str:
    """The prompt with its gaps filled, then the likeliest words of each gap."""
    tokenizer, vocab = saved.tokenizer, saved.tokenizer.vocab
    if "[MASK]" not in prompt:
        raise PromptError("a BERT fills gaps: --prompt with [MASK] where a word is missing")
    check_special(vocab, SPECIAL_TOKENS, "a BERT")
    ids, segments = [vocab["[CLS]"]], [0]
    for part in split_at_special(prompt, SPECIAL_TOKENS):
        new = [vocab[part]] if part in SPECIAL_TOKENS else tokenizer.encode(part)
        ids += new
        segments += [min(1, ids[: -len(new)].count(vocab["[SEP]"]))] * len(new) if new else []
    if ids[-1] != vocab["[SEP]"]:
        ids, segments = [*ids, vocab["[SEP]"]], [*segments, segments[-1]]
    rows = (torch.tensor([row], device=device_of(saved.model)) for row in (ids, segments))
    batch, kinds = rows
    filled, chances = fill_mask(saved.model, batch, vocab["[MASK]"], kinds)
    lines = [tokenizer.decode(filled[0, 1:-1].tolist())]
    for gap, row in enumerate(chances, start=1):
        best = row.topk(min(5, len(row)))
        words = (tokenizer.decode([index]) for index in best.indices.tolist())
        listed = zip(words, best.values.tolist(), strict=True)
        lines.append(f"gap {gap}: " + ", ".join(f"{word} {share:.0%}" for word, share in listed))
    return "\n".join(lines)


def _translate(saved: SavedModel, prompt: str, max_new_tokens: int) -> str:
    ids = saved.tokenizer.encode(prompt)
    if not ids:
        raise PromptError("there is nothing to translate: --prompt TEXT")
    config, target = saved.model.config, saved.target_tokenizer or saved.tokenizer
    source = torch.tensor([ids], device=device_of(saved.model))
    limit = min(max_new_tokens, config.max_seq)
    if limit == 0:
        return ""
    written = greedy_decode(saved.model, source, limit)[0].tolist()
    return target.decode(index for index in written if index not in (config.pad_id, config.end_id))
