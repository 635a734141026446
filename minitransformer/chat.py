"""A conversation as one text: what an assistant is tuned on, and what it is asked with.

A language model goes on with a text. It answers because the text it is given looks like a
conversation that has come to the assistant's turn; every model has its own way to write that, and
understands no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn

ROLE_TOKENS = {"user": "[USER]", "assistant": "[BOT]"}
"""Role to the token that opens its turn."""

END = "[END]"
"""What closes every turn."""

CHAT_TOKENS = (*ROLE_TOKENS.values(), END)
"""The tokens of :func:`chat_template`, which no ordinary text has."""


def chat_template(
    messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = False
) -> str:
    """Write a conversation as one text.

        [USER] what the user says [END] [BOT] what the assistant says [END]

    Args:
        messages: the turns in order, each ``{"role": "user" or "assistant", "content": text}``.
        add_generation_prompt: open a turn of the assistant at the end, ``[BOT]``, for the model
            to go on with.

    Returns:
        The turns, single spaces between their parts; empty for no messages and no prompt.

    Source: OpenAI, Chat Markup Language (2023), in its shape; the arguments are named as in
    Hugging Face's ``apply_chat_template``.
    """
    parts = []
    for message in messages:
        if message["role"] not in ROLE_TOKENS:
            known = " or ".join(ROLE_TOKENS)
            raise ValueError(f"role must be {known}, got {message['role']!r}")
        parts += [ROLE_TOKENS[message["role"]], message["content"], END]
    if add_generation_prompt:
        parts.append(ROLE_TOKENS["assistant"])
    return " ".join(parts)


def grow_vocabulary(
    model: nn.Module, vocab: Mapping[str, int], tokens: Sequence[str]
) -> dict[str, int]:
    """Give a GPT new tokens: new rows at the end of its table, all else as it was.

    A new row starts as the mean of the old ones with a little noise, so that at first a new token
    is neither likely nor impossible.

    Args:
        model: a GPT, changed in place; its head is tied to the table and grows with it.
        vocab: token to id, of the model.
        tokens: the new ones.

    Returns:
        The new vocabulary; ``vocab`` is unchanged.

    Source: Hewitt, Initializing New Word Embeddings for Pretrained Language Models (2021).
    """
    known = [token for token in tokens if token in vocab]
    if known or len(set(tokens)) < len(tokens):
        raise ValueError(f"new tokens must be new and different, got {list(tokens)}")
    old = model.token.weight.detach()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(tokens), old.shape[1], generator=generator).to(old) * 0.02
    table = nn.Embedding(len(old) + len(tokens), old.shape[1])
    table.weight = nn.Parameter(torch.cat([old, old.mean(dim=0) + noise]))
    model.token = table
    model.config = replace(model.config, vocab_size=len(table.weight))
    return dict(vocab) | {token: len(old) + place for place, token in enumerate(tokens)}
