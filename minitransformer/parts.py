"""The seam: the parts of a model that can be exchanged, so that your code runs the real model.

    model = GPT(config, Parts(scaled_dot_product_attention=mine))

builds a GPT whose every block calls *your* attention. A field of :class:`Parts` has the name of
what it replaces. What is left out is the fastest kernel of the same formula where there is a
choice, and the package's own code elsewhere. :func:`readable_parts` takes the package's
explicit formulas everywhere; the tests prove both paths equal.
"""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minitransformer.checks import check_mask
from minitransformer.kernels import GeluTanh, ShortAttention

CAUSAL = "causal"
"""In place of a mask, for the fused attention only: each token sees itself and what came before.
The kernel knows this shape, needs no table for it, and leaves out what nobody may see."""

SHORT = 128
"""Up to so many keys, training on a CPU takes ``kernels.ShortAttention``: 1.4 to 2.5 times as fast
as PyTorch's kernel at 20 to 64 keys, as fast at 128, slower at 256."""


def fused_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | str | None = None,
    dropout: float = 0.0,
) -> tuple[Tensor, None]:
    """``scaled_dot_product_attention`` by the fastest kernel at hand; it returns no weights.

    Args:
        query, key, value: as in ``attention.scaled_dot_product_attention``.
        mask: as there, or :data:`CAUSAL`.
        dropout: the share of attention weights set to 0.

    Returns:
        ``(context, None)``. In PyTorch's kernel the weights never exist as a table, which is
        what makes it fast; a training on a CPU with up to :data:`SHORT` keys keeps them.

    Source: Dao et al., FlashAttention (2022).
    """
    causal = mask is CAUSAL
    if causal:
        mask = None
    elif mask is not None:
        check_mask(mask, (*query.shape[:-1], key.shape[-2]))
        mask = torch.atleast_2d(mask)  # the kernel wants an axis of queries
    if dropout == 0 and _is_short(query, key, value, mask):
        return ShortAttention.apply(query, key, value, _bias(query, key, mask, causal)), None
    return F.scaled_dot_product_attention(query, key, value, mask, dropout, causal), None


def _is_short(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> bool:
    """Whether ``kernels.ShortAttention`` can do it, and is worth it."""
    inputs = (query, key, value)
    return (
        torch.is_grad_enabled()
        and any(x.requires_grad for x in inputs)
        and all(x.dim() == 4 and x.shape[:2] == query.shape[:2] for x in inputs)
        and key.shape[-2] <= SHORT
        and _by_hand(query)
        and (mask is None or bool(mask.any(dim=-1).all()))  # a row of -inf has no softmax
    )


def _bias(query: Tensor, key: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
    """A mask as numbers to add: 0 where a key may be seen, -inf where it is hidden."""
    if causal:
        return query.new_full((query.shape[-2], key.shape[-2]), -math.inf).triu_(1)
    if mask is None:
        return query.new_zeros(())
    bias = query.new_zeros(mask.shape).masked_fill_(~mask, -math.inf)
    return bias.expand(*query.shape[:2], *bias.shape[-2:]).flatten(0, 1)


def fused_layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    """``layer_norm`` by PyTorch's fused kernel."""
    return F.layer_norm(x, gamma.shape, gamma, beta, eps)


def fused_gelu(x: Tensor, tanh: bool) -> Tensor:
    """GELU by the fastest kernel at hand: exact, or by GPT-2's tanh approximation."""
    if not tanh:
        return F.gelu(x)
    return GeluTanh.apply(x) if _by_hand(x) else F.gelu(x, approximate="tanh")


def _by_hand(x: Tensor) -> bool:
    """Whether a kernel of our own may take it: on a CPU, in full precision."""
    full = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    return x.device.type == "cpu" and full


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
