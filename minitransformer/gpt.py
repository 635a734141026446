"""GPT: reads left to right, and at every place says what could come next.

Token and position vectors, a stack of pre-norm blocks in which a token sees only the past, and a
head that compares each result with every token's vector (the same table as below: tied weights).
With the same weights the logits are those of GPT-2.
"""

import math

import torch
from torch import Tensor, nn

from minitransformer.attention import causal_mask
from minitransformer.checks import (
    check_batch,
    check_cache,
    check_device,
    check_ids,
    check_real,
    check_targets,
)
from minitransformer.config import GPTConfig
from minitransformer.multi_head import KVCache
from minitransformer.parts import CAUSAL, Parts
from minitransformer.stacks import Encoder


class GPT(nn.Module):
    """A decoder-only transformer, as in GPT-2.

        x_i = E[ids_i] + P[i],   h = blocks(x, causal),   logits = LayerNorm(h) E^T

    (with rotary positions there is no P; the blocks turn their queries and keys instead)

    Args:
        config: the sizes.
        parts: what to build it from; see ``parts.Parts``.

    The parts are ``token`` and ``position`` (embeddings ``(vocab, d_model)`` and
    ``(max_seq, d_model)``) and ``decoder`` (a stack of blocks with its last norm).

    Source: Radford et al., Improving Language Understanding by Generative Pre-Training (2018) and
    Language Models are Unsupervised Multitask Learners (2019); tied weights: Press and Wolf,
    Using the Output Embedding to Improve Language Models (2017).
    """

    def __init__(self, config: GPTConfig, parts: Parts | None = None):
        super().__init__()
        self.config, self.parts = config, parts or Parts()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        if config.positions == "learned":
            self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config, self.parts)
        initialize(self, config.num_layers)

    def forward(
        self, ids: Tensor, real: Tensor | None = None, cache: list[KVCache] | None = None
    ) -> Tensor:
        """The scores of every token as the next one, at every place.

        Args:
            ids: token ids ``(batch, seq)``.
            real: bool ``(batch, seq)``, False where padding stands, on either side; with a cache
                ``(batch, read + seq)``, the tokens read before included.
            cache: from :meth:`new_cache`; what was read with it before comes first.

        Returns:
            Logits ``(batch, seq, vocab)``; at padding they mean nothing.
        """
        return self.scores(self.hidden(ids, real, cache)[0])

    def hidden(
        self, ids: Tensor, real: Tensor | None = None, cache: list[KVCache] | None = None
    ) -> tuple[Tensor, list[Tensor | None]]:
        """The vectors ``(batch, seq, d_model)`` before the head, and the attention weights."""
        check_batch(ids)
        if cache is not None:
            check_cache(cache, self.config.num_layers, len(ids))
        seq, past = ids.shape[1], len(cache[0]) if cache else 0
        check_ids(ids, self.config.vocab_size)
        check_device(ids, self.token.weight)
        if past + seq > self.config.max_seq:
            raise ValueError(
                f"the sequence has {past + seq} tokens, but the context is "
                f"{self.config.max_seq}; cut it, or make the model with a larger max_seq"
            )
        if real is None and past == 0 and self.parts.fused_causal:
            mask = CAUSAL
        else:
            mask = self.parts.mask_causal(past + seq, ids.device)[past:]  # (seq, past + seq)
        place = torch.arange(past, past + seq, device=ids.device)
        if real is not None:
            check_real(real, (len(ids), past + seq))
            # A padding token sees itself, so that no row is empty; nobody reads the result.
            itself = torch.eye(past + seq, dtype=torch.bool, device=ids.device)[past:]
            mask = mask & real.unsqueeze(1) | itself  # (batch, seq, past + seq)
            place = (real.cumsum(dim=1) - 1).clamp(min=0)[:, past:]  # counts real tokens only
        x = self.token(ids)
        if self.config.positions == "learned":
            x = x + self.position(place)
        x = nn.functional.dropout(x, self.config.dropout, self.training)
        return self.decoder(x, mask, cache)

    def scores(self, hidden: Tensor) -> Tensor:
        """The tied head: how well each vector fits each token, ``(..., vocab)``."""
        return nn.functional.linear(hidden, self.token.weight)

    def loss(self, ids: Tensor, targets: Tensor, real: Tensor | None = None) -> Tensor:
        """The mean cross-entropy of the next tokens.

        Args:
            ids: what is read, ``(batch, seq)``.
            targets: the token after each, ``(batch, seq)``; -100 where nothing is to be learned.
                If that is everywhere, the loss is 0, with gradients of 0.
        """
        check_targets(targets, ids.shape, self.config.vocab_size, "targets")
        hidden, targets = self.hidden(ids, real)[0].flatten(0, 1), targets.flatten().long()
        chosen = targets != -100
        if not chosen.all():  # score the vocabulary only where there is something to learn
            hidden, targets = hidden[chosen], targets[chosen]
        logits = self.scores(hidden)
        return self.parts.cross_entropy(logits, targets) if len(targets) else logits.sum()

    def new_cache(self) -> list[KVCache]:
        """An empty cache, for reading a text piece by piece."""
        return [KVCache() for _ in range(self.config.num_layers)]


def read_on(model: nn.Module, ids: Tensor, cache: list[KVCache]) -> Tensor:
    """Read new tokens after those that the cache holds, and put them into the cache.

        place of the i-th new token = past + i;   it sees the places 0 .. past + i

    What :meth:`GPT.forward` does with a cache, written out.

    Args:
        model: has ``token``, ``position`` and ``decoder``, as a :class:`GPT` has (no rotation).
        ids: the new tokens ``(batch, new)``.
        cache: one :class:`KVCache` a layer, which holds the ``past`` tokens read so far.

    Returns:
        The logits at the new tokens ``(batch, new, vocab)``.

    Source: Pope et al., Efficiently Scaling Transformer Inference (2022), section 3.3.
    """
    past, new = len(cache[0]), ids.shape[1]
    place = torch.arange(past, past + new, device=ids.device)
    x = model.token(ids) + model.position(place)
    mask = causal_mask(past + new)[past:].to(ids.device)  # (new, past + new)
    hidden, _ = model.decoder(x, mask, cache)
    return nn.functional.linear(hidden, model.token.weight)


def initialize(model: nn.Module, num_layers: int) -> None:
    """Draw the weights as GPT-2 does, from torch's global generator.

    Linear layers and embeddings from N(0, 0.02^2), biases 0; the layers that write into the
    residual sum (``output`` of attention, ``outer`` of feed-forward) from a normal that is
    smaller by sqrt(2 num_layers), so that the sum does not grow with depth.

    Source: Radford et al. (2019), section 2.3.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            shrink = math.sqrt(2 * num_layers) if name.endswith((".output", ".outer")) else 1.0
            nn.init.normal_(module.weight, std=0.02 / shrink)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
