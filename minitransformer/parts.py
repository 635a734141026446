"""The seam: the parts of a model that can be exchanged, so that your code runs the real model.

    model = GPT(config, Parts(scaled_dot_product_attention=mine))

builds a GPT whose every block calls *your* attention. A field of :class:`Parts` has the name of
what it replaces. What is left out is the fused kernel of the same formula where there is one,
for speed, and the package's own code elsewhere. :func:`readable_parts` takes the package's
explicit formulas everywhere; the tests prove both paths equal.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minitransformer.checks import check_mask
from minitransformer.kernels import GeluTanh

CAUSAL = "causal"
"""In place of a mask, for the fused attention only: each token sees itself and what came before.
The kernel knows this shape, needs no table for it, and leaves out what nobody may see."""


def fused_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | str | None = None,
    dropout: float = 0.0,
) -> tuple[Tensor, None]:
    """``scaled_dot_product_attention`` by PyTorch's fused kernel, which keeps no weights.

    Args:
        query, key, value: as in ``attention.scaled_dot_product_attention``.
        mask: as there, or :data:`CAUSAL`.
        dropout: the share of attention weights set to 0.

    Returns:
        ``(context, None)``: the weights never exist as a table; that is what makes it fast.

    Source: Dao et al., FlashAttention (2022).
    """
    if mask is CAUSAL:
        causal = F.scaled_dot_product_attention(query, key, value, None, dropout, is_causal=True)
        return causal, None
    if mask is not None:
        check_mask(mask, (*query.shape[:-1], key.shape[-2]))
        mask = torch.atleast_2d(mask)  # the kernel wants an axis of queries
    return F.scaled_dot_product_attention(query, key, value, mask, dropout), None


def fused_layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    """``layer_norm`` by PyTorch's fused kernel."""
    return F.layer_norm(x, gamma.shape, gamma, beta, eps)


def fused_gelu(x: Tensor, tanh: bool) -> Tensor:
    """GELU by the fastest kernel at hand: exact, or by GPT-2's tanh approximation."""
    if not tanh:
        return F.gelu(x)
    full = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    by_hand = x.device.type == "cpu" and full
    return GeluTanh.apply(x) if by_hand else F.gelu(x, approximate="tanh")


@dataclass(frozen=True)
class Parts:
    """What a model is made of; each field can be your own.

    Functions:
        scaled_dot_product_attention: ``(query, key, value, mask) -> (context, weights)``.
            Where a model has ``attention_dropout``, some of the weights are set to 0 in training
            and the values are mixed with what is left, so the weights must be returned.
        layer_norm: ``(x, gamma, beta, eps) -> x``'s shape.
        gelu: ``(x) -> x``'s shape; in models whose activation is GELU, exact or by tanh.
        causal_mask: ``(seq) -> bool (seq, seq)``.
        padding_mask: ``(ids, pad_id) -> bool (batch, 1, seq)``.
        target_mask: ``(ids, pad_id) -> bool (batch, seq, seq)``; in an encoder-decoder.
        cross_entropy: ``(logits (n, vocab), targets (n,)) -> scalar``.

    Modules, made with these arguments and called as the package's own are:
        MultiHeadAttention: ``(d_model, num_heads)``, called ``(x, mask) -> (context, weights)``.
        LayerNorm: ``(d_model, eps)``.
        FeedForward: ``(d_model, d_ff)``.
        EncoderBlock: ``(d_model, num_heads, d_ff)``, called ``(x, mask) -> (x, weights)``.
        DecoderBlock: ``(d_model, num_heads, d_ff)``, called
            ``(x, memory, mask, memory_mask) -> (x, self_weights, cross_weights)``.

    A module of your own brings its own inside: a ``MultiHeadAttention`` given here does not see
    the ``scaled_dot_product_attention`` given beside it, nor a dropout.
    """

    scaled_dot_product_attention: Callable[..., Any] = fused_attention
    layer_norm: Callable[..., Tensor] = fused_layer_norm
    gelu: Callable[..., Tensor] | None = None
    cross_entropy: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy
    causal_mask: Callable[[int], Tensor] | None = None
    padding_mask: Callable[[Tensor, int], Tensor] | None = None
    target_mask: Callable[[Tensor, int], Tensor] | None = None
    MultiHeadAttention: Callable[..., nn.Module] | None = None
    LayerNorm: Callable[..., nn.Module] | None = None
    FeedForward: Callable[..., nn.Module] | None = None
    EncoderBlock: Callable[..., nn.Module] | None = None
    DecoderBlock: Callable[..., nn.Module] | None = None

    def __post_init__(self):
        for field in fields(self):
            part = getattr(self, field.name)
            if part is not None and not callable(part):
                raise TypeError(f"the part {field.name} must be callable, got {part!r}")

    def mask_causal(self, seq: int, device: torch.device | str) -> Tensor:
        """The causal mask ``(seq, seq)`` on a device."""
        return (self.causal_mask or _public("attention", "causal_mask"))(seq).to(device)

    @property
    def fused_causal(self) -> bool:
        """Whether :data:`CAUSAL` can stand for the causal mask: nothing replaced looks at it."""
        replaced = (self.causal_mask, self.MultiHeadAttention, self.EncoderBlock)
        fused = self.scaled_dot_product_attention is fused_attention
        return fused and all(part is None for part in replaced)

    def mask_padding(self, ids: Tensor, pad_id: int) -> Tensor:
        """The padding mask ``(batch, 1, seq)`` of a batch of ids."""
        return (self.padding_mask or _public("attention", "padding_mask"))(ids, pad_id)

    def activate(self, x: Tensor, activation: str) -> Tensor:
        """GELU, its tanh approximation, or ReLU."""
        if activation == "relu":
            return F.relu(x)
        if self.gelu is not None:
            return self.gelu(x)
        return fused_gelu(x, tanh=activation == "gelu_tanh")


def readable_parts() -> Parts:
    """Every formula by the package's own explicit code: what to read, and slower to run."""
    return Parts(
        scaled_dot_product_attention=_public("attention", "scaled_dot_product_attention"),
        layer_norm=_public("blocks", "layer_norm"),
        gelu=None,
        cross_entropy=_public("losses", "cross_entropy"),
    )


def _public(module: str, name: str) -> Any:
    """A function of the package, looked up when it is needed and not when this is imported."""
    return getattr(importlib.import_module(f"minitransformer.{module}"), name)
