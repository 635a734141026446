"""Stacks of blocks: what BERT, GPT and the encoder-decoder are made of.

One configuration, num_layers blocks, and, where the norm stands before the sublayers, one last
norm on top (a pre-norm sum is never normalised by its own block).
"""

from torch import Tensor, nn

from minitransformer.blocks import DecoderBlock, EncoderBlock, make_norm
from minitransformer.config import ModelConfig
from minitransformer.multi_head import KVCache
from minitransformer.parts import Parts, readable_parts


class Encoder(nn.Module):
    """``num_layers`` encoder blocks, one on top of the other.

    Args:
        config: the sizes.
        parts: what to build it from; a stack made by itself takes the written-out formulas.

    The blocks are ``blocks``; ``norm`` is the last norm, an identity in post-norm models.
    """

    def __init__(self, config: ModelConfig, parts: Parts | None = None):
        super().__init__()
        parts = parts or readable_parts()
        make = parts.EncoderBlock
        self.blocks = nn.ModuleList(
            make(config.d_model, config.num_heads, config.d_ff)
            if make
            else EncoderBlock(*block_sizes(config), parts, **block_options(config))
            for _ in range(config.num_layers)
        )
        self.norm = last_norm(config, parts)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | str | None = None,
        cache: list[KVCache] | None = None,
        needed: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Read ``(batch, seq, d_model)``.

        Args:
            mask: bool, broadcasts to ``(batch, seq, seq_k)``; True = may be attended to.
            cache: one :class:`KVCache` a layer.
            needed: bool ``(batch, seq)``, the only tokens that somebody asks about. All are read,
                but the last block spends its feed-forward layer on these alone.

        Returns:
            ``(x, weights)``: the same shape, or ``(n, d_model)`` for the n tokens needed; and the
            attention weights of every layer (None where the attention keeps none).
        """
        weights, last = [], len(self.blocks) - 1
        for layer, block in enumerate(self.blocks):
            options = {} if cache is None else {"cache": cache[layer]}
            if layer == last and needed is not None and isinstance(block, EncoderBlock):
                options["needed"] = needed
            x, seen = block(x, mask, **options)
            weights.append(seen)
        if needed is not None and x.dim() == 3:  # a block of your own has worked on all
            x = x[needed]
        return self.norm(x), weights


class Decoder(nn.Module):
    """``num_layers`` decoder blocks, one on top of the other.

    Args: as for :class:`Encoder`.
    """

    def __init__(self, config: ModelConfig, parts: Parts | None = None):
        super().__init__()
        parts = parts or readable_parts()
        make = parts.DecoderBlock
        self.blocks = nn.ModuleList(
            make(config.d_model, config.num_heads, config.d_ff)
            if make
            else DecoderBlock(*block_sizes(config), parts)
            for _ in range(config.num_layers)
        )
        self.norm = last_norm(config, parts)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: list[KVCache] | None = None,
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Read the target ``(batch, seq, d_model)`` beside the memory; see :class:`DecoderBlock`.

        Returns:
            ``(x, weights)``: the same shape, and the cross-attention weights of every layer.
        """
        weights = []
        for layer, block in enumerate(self.blocks):
            options = {} if cache is None else {"cache": cache[layer]}
            x, _, cross = block(x, memory, mask, memory_mask, **options)
            weights.append(cross)
        return self.norm(x), weights


def encoder_parameters(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    """How many numbers a stack of post-norm encoder blocks learns, without building it.

        num_layers (4 (d_model^2 + d_model) + 2 d_model d_ff + d_ff + d_model + 4 d_model)

    Attention has four square layers with bias, however many heads they are cut into; then come the
    two layers of the feed-forward part, and a scale and a shift in each of two norms.

    Args:
        d_model, num_heads, d_ff, num_layers: the sizes, as in ``config.ModelConfig``.
    """
    attention = 4 * (d_model**2 + d_model)
    feed_forward = d_model * d_ff + d_ff + d_ff * d_model + d_model
    norms = 2 * 2 * d_model
    return num_layers * (attention + feed_forward + norms)


def block_sizes(config: ModelConfig) -> tuple:
    """A configuration as the arguments of a block."""
    return (
        config.d_model,
        config.num_heads,
        config.d_ff,
        config.dropout,
        config.attention_dropout,
        config.activation,
        config.norm,
        config.norm_eps,
    )


def block_options(config: ModelConfig) -> dict[str, bool]:
    """What only some kinds of model have."""
    return {"rotary": getattr(config, "positions", "") == "rotary"}


def last_norm(config: ModelConfig, parts: Parts) -> nn.Module:
    """The norm on top of a pre-norm stack; post-norm blocks have normalised already."""
    if config.norm == "post":
        return nn.Identity()
    return make_norm(config.d_model, config.norm_eps, parts)
