"""What a transformer is stacked from: layer norm, feed-forward, dropout, residuals, blocks.

An encoder block lets tokens look at each other and then thinks about each alone; a decoder block
looks at a second sequence in between. Each sublayer's result is added to what came in (the
residual), with the norm after the sum ("post", 2017) or before the sublayer ("pre", GPT-2).
"""

import math

import torch
from torch import Tensor, nn

from minitransformer.config import ACTIVATIONS, NORMS, check_choice
from minitransformer.multi_head import KVCache, MultiHeadAttention
from minitransformer.parts import Parts, readable_parts


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Give each vector mean 0 and variance 1, then a learned scale and shift.

        y = gamma (x - mean) / sqrt(variance + eps) + beta

    Mean and variance are those of the vector's own d_model numbers; the variance divides by
    d_model, not d_model - 1.

    Args:
        x: ``(..., d_model)``.
        gamma, beta: ``(d_model,)``.
        eps: keeps the root away from 0.

    Source: Ba, Kiros and Hinton, Layer Normalization (2016), equation 4.
    """
    centered = x - x.mean(dim=-1, keepdim=True)
    variance = centered.square().mean(dim=-1, keepdim=True)
    return gamma * centered / (variance + eps).sqrt() + beta


class LayerNorm(nn.Module):
    """:func:`layer_norm` with its parameters ``gamma`` (ones) and ``beta`` (zeros).

    Args:
        d_model: the size of the vectors.
        eps: the number inside the root.
        parts: whose ``layer_norm`` to use.
    """

    def __init__(self, d_model: int, eps: float = 1e-5, parts: Parts | None = None):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))
        self.eps = eps
        self.normalize = (parts or Parts()).layer_norm

    def forward(self, x: Tensor) -> Tensor:
        """``(..., d_model)`` to the same shape."""
        return self.normalize(x, self.gamma, self.beta, self.eps)


def gelu(x: Tensor) -> Tensor:
    """The Gaussian error linear unit: a ReLU with a soft knee.

        gelu(x) = x Phi(x) = x/2 (1 + erf(x / sqrt(2)))

    Source: Hendrycks and Gimpel, Gaussian Error Linear Units (2016).
    """
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def dropout(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    """In training, set each number to 0 with probability ``rate`` and scale up the others.

        y = x m / (1 - rate),   m = 1 with probability 1 - rate, else 0

    The scale keeps the expected value, so that nothing needs to change when dropout is off.

    Args:
        x: any shape.
        rate: from 0 up to, not including, 1.
        training: without training, x comes back as it is.
        generator: the source of randomness.

    Source: Srivastava et al., Dropout (2014), section 10 (scaling in training).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be in [0, 1), got {rate}")
    if not training or rate == 0:
        return x
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= rate
    return x * kept / (1 - rate)


class FeedForward(nn.Module):
    """Two linear layers with a bend between them, applied to each token alone.

        FFN(x) = activation(x W_1 + b_1) W_2 + b_2

    Args:
        d_model: the size in and out.
        d_ff: the inner size, in most models 4 d_model.
        activation: ``"gelu"``, ``"gelu_tanh"`` or ``"relu"``.
        parts: whose ``gelu`` to use.

    The layers are ``inner`` and ``outer``. Source: Vaswani et al. (2017), section 3.3, with ReLU.
    """

    def __init__(
        self, d_model: int, d_ff: int, activation: str = "gelu", parts: Parts | None = None
    ):
        super().__init__()
        check_choice("activation", activation, ACTIVATIONS)
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)
        self.activation, self.parts = activation, parts or Parts()

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, seq, d_model)`` to the same shape."""
        return self.outer(self.parts.activate(self.inner(x), self.activation))


class Residual(nn.Module):
    """The sum around a sublayer, with its norm and dropout.

        post:  y = LayerNorm(x + dropout(sublayer(x)))
        pre:   y = x + dropout(sublayer(LayerNorm(x)))

    Args:
        d_model: the size of the vectors.
        rate: the share of the change that dropout sets to 0 in training.
        norm: ``"post"`` or ``"pre"``.
        norm_eps: the number inside the root of layer norm.
        parts: whose ``LayerNorm`` or ``layer_norm`` to use.

    Around a sublayer: ``y = around.leave(x, sublayer(around.enter(x)))``.

    Source: He et al., Deep Residual Learning (2016); post-norm: Vaswani et al. (2017), section
    5.4; pre-norm: Xiong et al., On Layer Normalization in the Transformer (2020).
    """

    def __init__(
        self,
        d_model: int,
        rate: float = 0.0,
        norm: str = "post",
        norm_eps: float = 1e-5,
        parts: Parts | None = None,
    ):
        super().__init__()
        check_choice("norm", norm, NORMS)
        self.norm = make_norm(d_model, norm_eps, parts or Parts())
        self.rate, self.pre = rate, norm == "pre"

    def enter(self, x: Tensor) -> Tensor:
        """What the sublayer reads."""
        return self.norm(x) if self.pre else x

    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        """What the sublayer's result becomes."""
        if self.rate:
            change = nn.functional.dropout(change, self.rate, self.training)
        return x + change if self.pre else self.norm(x + change)


class EncoderBlock(nn.Module):
    """Self-attention, then a feed-forward layer, each with residual and norm.

    With a causal mask this is also the block of GPT.

    Args:
        d_model, num_heads, d_ff: sizes.
        dropout, attention_dropout, activation, norm, norm_eps: see ``config.ModelConfig``.
        parts: what to build it from; a block made by itself takes the written-out formulas, so
            that its attention weights can be read.
        rotary: whether attention turns queries and keys by their positions.

    The parts are ``attention``, ``feed_forward``, and the two residuals ``around_attention`` and
    ``around_feed_forward``. Source: Vaswani et al. (2017), section 3.1.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_ff: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        activation: str = "gelu",
        norm: str = "post",
        norm_eps: float = 1e-5,
        parts: Parts | None = None,
        rotary: bool = False,
    ):
        super().__init__()
        parts = parts or readable_parts()
        self.attention = make_attention(d_model, num_heads, attention_dropout, parts, rotary)
        self.feed_forward = make_feed_forward(d_model, d_ff, activation, parts)
        self.around_attention = Residual(d_model, dropout, norm, norm_eps, parts)
        self.around_feed_forward = Residual(d_model, dropout, norm, norm_eps, parts)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | str | None = None,
        cache: KVCache | None = None,
        needed: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Let the tokens look at each other, then think about each alone.

        Args:
            x: ``(batch, seq, d_model)``.
            mask: see :meth:`MultiHeadAttention.forward`.
            cache: keys and values of earlier tokens.
            needed: bool ``(batch, seq)``, the only tokens that somebody asks about.

        Returns:
            ``(x, weights)``: the same shape, or ``(n, d_model)`` for the n tokens needed; and the
            attention weights (or None).
        """
        options = {} if cache is None else {"cache": cache}
        change, weights = self.attention(self.around_attention.enter(x), mask, **options)
        if needed is not None:
            x, change = x[needed], change[needed]
        x = self.around_attention.leave(x, change)
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, change), weights


class DecoderBlock(nn.Module):
    """Masked self-attention, cross-attention to a memory, then a feed-forward layer.

    Args: as for :class:`EncoderBlock`.

    The parts are ``attention``, ``cross_attention``, ``feed_forward``, and the residuals
    ``around_attention``, ``around_cross_attention`` and ``around_feed_forward``.
    Source: Vaswani et al. (2017), section 3.1.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_ff: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        activation: str = "gelu",
        norm: str = "post",
        norm_eps: float = 1e-5,
        parts: Parts | None = None,
    ):
        super().__init__()
        parts = parts or readable_parts()
        self.attention = make_attention(d_model, num_heads, attention_dropout, parts)
        self.cross_attention = make_attention(d_model, num_heads, attention_dropout, parts)
        self.feed_forward = make_feed_forward(d_model, d_ff, activation, parts)
        self.around_attention = Residual(d_model, dropout, norm, norm_eps, parts)
        self.around_cross_attention = Residual(d_model, dropout, norm, norm_eps, parts)
        self.around_feed_forward = Residual(d_model, dropout, norm, norm_eps, parts)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Read the target so far and the memory.

        Args:
            x: the target ``(batch, seq, d_model)``.
            memory: the encoder's output ``(batch, seq_k, d_model)``.
            mask: bool, which target tokens may be seen; broadcasts to ``(batch, seq, seq)``.
            memory_mask: bool, which of the memory; broadcasts to ``(batch, seq, seq_k)``.
            cache: keys and values of the target's earlier tokens.

        Returns:
            ``(x, self_weights, cross_weights)``; the weights are None with fused attention.
        """
        options = {} if cache is None else {"cache": cache}
        change, own = self.attention(self.around_attention.enter(x), mask, **options)
        x = self.around_attention.leave(x, change)
        around = self.around_cross_attention
        change, cross = self.cross_attention(around.enter(x), memory_mask, memory=memory)
        x = around.leave(x, change)
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, change), own, cross


def make_norm(d_model: int, eps: float, parts: Parts) -> nn.Module:
    """The layer norm that the parts name, or the package's own."""
    if parts.LayerNorm is not None:
        return parts.LayerNorm(d_model, eps)
    return LayerNorm(d_model, eps, parts)


def make_attention(
    d_model: int, num_heads: int, dropout: float, parts: Parts, rotary: bool = False
) -> nn.Module:
    """The multi-head attention that the parts name, or the package's own."""
    if parts.MultiHeadAttention is not None:
        return parts.MultiHeadAttention(d_model, num_heads)
    return MultiHeadAttention(d_model, num_heads, dropout=dropout, parts=parts, rotary=rotary)


def make_feed_forward(d_model: int, d_ff: int, activation: str, parts: Parts) -> nn.Module:
    """The feed-forward layer that the parts name, or the package's own."""
    if parts.FeedForward is not None:
        return parts.FeedForward(d_model, d_ff)
    return FeedForward(d_model, d_ff, activation, parts)


def count_parameters(model: nn.Module) -> int:
    """How many numbers a model learns; a weight used twice counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
