"""Several attention heads side by side, each with its own idea of what to look for.

The same formula as in ``attention``, num_heads times in parallel: project, split the vectors into
heads, attend in each, merge, project once more. Also the cache that lets a model write token by
token without reading everything again.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minitransformer.attention import scaled_dot_product_attention
from minitransformer.checks import check_heads, check_vectors
from minitransformer.parts import Parts, fused_attention


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Cut each vector into ``num_heads`` pieces, and let the heads come before the tokens.

    Args:
        x: ``(batch, seq, d_model)``; head h gets the numbers h d_head .. (h + 1) d_head - 1.
        num_heads: how many heads; divides d_model.

    Returns:
        ``(batch, num_heads, seq, d_head)`` with d_head = d_model / num_heads.
    """
    batch, seq, d_model = x.shape
    check_heads(d_model, num_heads)
    return x.view(batch, seq, num_heads, d_model // num_heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Put the heads' pieces back side by side: the inverse of :func:`split_heads`.

    Args:
        x: ``(batch, num_heads, seq, d_head)``.

    Returns:
        ``(batch, seq, num_heads * d_head)``.
    """
    batch, num_heads, seq, d_head = x.shape
    return x.transpose(1, 2).reshape(batch, seq, num_heads * d_head)


def rotate(x: Tensor, past: int = 0) -> Tensor:
    """Turn each pair of numbers by an angle that grows with the position.

        (x_2i + j x_2i+1) exp(j pos theta_i),   theta_i = 10000^(-2i / d_head)

    A query and a key turned so have a dot product that depends on how far apart they stand, not
    on where. No table of positions is needed.

    Args:
        x: ``(batch, num_heads, seq, d_head)``, d_head even.
        past: how many tokens come before the first of these.

    Returns:
        The same shape and dtype.

    Source: Su et al., RoFormer (2021), section 3.2.2.
    """
    seq, d_head = x.shape[-2:]
    exact = x.double() if x.dtype == torch.float64 else x.float()
    even = torch.arange(0, d_head, 2, device=x.device, dtype=exact.dtype)  # 2i
    place = torch.arange(past, past + seq, device=x.device, dtype=exact.dtype)
    angle = place.unsqueeze(1) * 10000 ** (-even / d_head)  # (seq, d_head / 2)
    turn = torch.polar(torch.ones_like(angle), angle)
    pairs = torch.view_as_complex(exact.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2).type_as(x)


class KVCache:
    """The keys and values of the tokens that one attention layer has read so far.

    A token's key and value never change once it is read (later tokens cannot reach back), so a
    model that writes needs to compute them for the new token only.

    Source: Pope et al., Efficiently Scaling Transformer Inference (2022), section 3.3.
    """

    def __init__(self):
        self.key: Tensor | None = None
        self.value: Tensor | None = None

    def __len__(self) -> int:
        """How many tokens have been read."""
        return 0 if self.key is None else self.key.shape[-2]

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add new tokens ``(batch, num_heads, new, d_head)``; all keys and values so far."""
        if self.key is not None:
            key = torch.cat([self.key, key], dim=-2)
            value = torch.cat([self.value, value], dim=-2)
        self.key, self.value = key, value
        return key, value

    def reorder(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order (beam search moves texts about)."""
        if self.key is not None:
            self.key, self.value = self.key[rows], self.value[rows]


class MultiHeadAttention(nn.Module):
    """Multi-head attention: ``num_heads`` small attentions side by side, then one mix of them.

        head_h = Attention(Q_h, K_h, V_h),   Q = X W_Q + b_Q,  K = M W_K + b_K,  V = M W_V + b_V
        MultiHead(X, M) = [head_1 ... head_H] W_O + b_O

    with X ``(batch, seq, d_model)``, and M the memory that is looked at: X itself in
    self-attention, the encoder's output in cross-attention. The four linear layers are ``query``,
    ``key``, ``value`` and ``output``, each ``(d_model, d_model)``.

    Args:
        d_model: the size of the vectors; a multiple of ``num_heads``.
        num_heads: how many heads, each of size d_model / num_heads.
        bias: whether the linear layers add b.
        dropout: the share of attention weights set to 0 in training.
        parts: whose ``scaled_dot_product_attention`` to use; a layer made by itself, without
            parts, takes the written-out one, which keeps its weights.
        rotary: turn queries and keys by their positions, see :func:`rotate`; self-attention only.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.2.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        bias: bool = True,
        dropout: float = 0.0,
        parts: Parts | None = None,
        rotary: bool = False,
    ):
        super().__init__()
        check_heads(d_model, num_heads)
        if rotary and d_model // num_heads % 2:
            raise ValueError(
                "rotary positions turn pairs of numbers, so d_model / num_heads must be even, "
                f"got {d_model} / {num_heads}"
            )
        self.d_model = d_model
        self.num_heads, self.dropout, self.rotary = num_heads, dropout, rotary
        self.attend = parts.scaled_dot_product_attention if parts else scaled_dot_product_attention
        self.query = nn.Linear(d_model, d_model, bias)
        self.key = nn.Linear(d_model, d_model, bias)
        self.value = nn.Linear(d_model, d_model, bias)
        self.output = nn.Linear(d_model, d_model, bias)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | str | None = None,
        memory: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Let every token look at every token of the memory that the mask allows.

        Args:
            x: ``(batch, seq, d_model)``, who looks.
            mask: bool, broadcasts to ``(batch, seq, seq_k)``; True = may be attended to. Or
                ``parts.CAUSAL``, where the attention is the fused one.
            memory: ``(batch, seq_k, d_model)``, what is looked at; ``x`` itself if left out.
            cache: keys and values of earlier tokens; those of ``x`` are added to it.

        Returns:
            ``(context, weights)``: ``(batch, seq, d_model)``, and ``(batch, num_heads, seq,
            seq_k)``, or None where the attention keeps no weights (the fused one).
        """
        check_vectors(x, self.d_model)
        if memory is None:
            memory = x
        else:
            _check_memory(memory, x, self.d_model)
        query = split_heads(self.query(x), self.num_heads)  # (batch, num_heads, seq, d_head)
        key = split_heads(self.key(memory), self.num_heads)
        value = split_heads(self.value(memory), self.num_heads)
        if self.rotary:
            past = 0 if cache is None else len(cache)
            query, key = rotate(query, past), rotate(key, past)
        if cache is not None:
            key, value = cache.append(key, value)
        if isinstance(mask, Tensor) and mask.dim() == 3:
            mask = mask.unsqueeze(1)  # (batch, 1, seq, seq_k): the same for every head
        context, weights = self._attend(query, key, value, mask)
        return self.output(merge_heads(context)), weights

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | str | None
    ) -> tuple[Tensor, Tensor | None]:
        """Attention by the part, in training with dropout on its weights."""
        rate = self.dropout if self.training else 0.0
        if rate == 0:
            return self.attend(query, key, value, mask)
        if self.attend is fused_attention:
            return fused_attention(query, key, value, mask, rate)
        weights = self.attend(query, key, value, mask)[1]
        if weights is None:
            raise ValueError(
                f"attention_dropout is {rate}, but the part scaled_dot_product_attention returns "
                "no weights to drop; return them, or make the model with attention_dropout=0"
            )
        weights = F.dropout(weights, rate)
        return weights @ value, weights


class CrossAttention(nn.Module):
    """One sequence looks at another: :class:`MultiHeadAttention` with a memory, cut to the bone.

        head_h = Attention(Q_h, K_h, V_h),   Q = X W_Q + b_Q,  K = M W_K + b_K,  V = M W_V + b_V
        CrossAttention(X, M) = [head_1 ... head_H] W_O + b_O

    Args:
        d_model: the size of the vectors; a multiple of ``num_heads``.
        num_heads: how many heads, each of size d_model / num_heads.

    The four linear layers have the names that they have in :class:`MultiHeadAttention`, which
    the models use, and which gives the same for ``memory=memory``.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.3.
    """

    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        check_heads(d_model, num_heads)
        self.d_model, self.num_heads = d_model, num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Let every token of x look at every token of the memory that the mask allows.

        Args:
            x: ``(batch, seq, d_model)``, who looks.
            memory: ``(batch, seq_k, d_model)``, what is looked at.
            mask: bool, broadcasts to ``(batch, seq, seq_k)``; True = may be attended to.

        Returns:
            ``(context, weights)``: ``(batch, seq, d_model)`` and ``(batch, num_heads, seq,
            seq_k)``.
        """
        check_vectors(x, self.d_model)
        _check_memory(memory, x, self.d_model)
        query = split_heads(self.query(x), self.num_heads)
        key = split_heads(self.key(memory), self.num_heads)
        value = split_heads(self.value(memory), self.num_heads)
        mask = None if mask is None else mask.unsqueeze(-3)  # the same for every head
        context, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(merge_heads(context)), weights


def _check_memory(memory: Tensor, x: Tensor, d_model: int) -> None:
    check_vectors(memory, d_model, "memory")
    if len(memory) not in (1, len(x)):
        raise ValueError(
            f"each text needs its own memory, or all of them one, got {len(x)} texts and "
            f"{len(memory)} memories"
        )
