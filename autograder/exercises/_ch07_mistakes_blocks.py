"""Chapter 7's mistakes with cross-attention, the decoder block and the model around it.

Other right ways to write them stand here too. Every definition is lifted out of this file and run
in place of a learner's, so its body uses only torch, math and its neighbours here. The names say
what is wrong, or how it is done otherwise.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights


def _split(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, num_heads, d_model // num_heads).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def _for_heads(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask.unsqueeze(-3)


def _refuse(mask: Tensor | None, keys: Tensor) -> None:
    """What chapter 2's reference does with a mask of another length; torch raises RuntimeError."""
    if mask is not None and mask.shape[-1] != keys.shape[1]:
        raise ValueError("the mask does not fit")


def _refuse_pairs(keys: Tensor, values: Tensor) -> None:
    if keys.shape[1] != values.shape[1]:
        raise ValueError("each key needs one value")


# CrossAttention


class _Cross(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def mixed(
        self, asks: Tensor, is_found: Tensor, tells: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        query = _split(self.query(asks), self.num_heads)
        key = _split(self.key(is_found), self.num_heads)
        value = _split(self.value(tells), self.num_heads)
        context, weights = _attend(query, key, value, _for_heads(mask))
        return self.output(_merge(context)), weights

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(x, memory, memory, mask)


class CrossLooksAtItself(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(x, x, x, mask)


class CrossLooksAtItselfWithoutMask(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(x, x, x, None)


class CrossAsksTheMemory(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(memory, x, x, mask)


class CrossAsksTheMemoryWithoutMask(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(memory, x, x, None)


class CrossMemoryAsksItself(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(memory, memory, memory, mask)


class CrossValuesFromTheTarget(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(x, memory, x, mask)


class CrossKeysFromTheTarget(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(x, x, memory, mask)


class CrossLooksAtItselfRefused(CrossLooksAtItself):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        _refuse(mask, x)
        return super().forward(x, memory, mask)


class CrossAsksTheMemoryRefused(CrossAsksTheMemory):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        _refuse(mask, x)
        return super().forward(x, memory, mask)


class CrossValuesFromTheTargetRefused(CrossValuesFromTheTarget):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        _refuse_pairs(memory, x)
        return super().forward(x, memory, mask)


class CrossKeysFromTheTargetRefused(CrossKeysFromTheTarget):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        _refuse_pairs(memory, x)
        return super().forward(x, memory, mask)


class CrossMaskIgnored(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.mixed(x, memory, memory, None)


class CrossMaskWithoutAxis(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        query = _split(self.query(x), self.num_heads)
        key = _split(self.key(memory), self.num_heads)
        value = _split(self.value(memory), self.num_heads)
        context, weights = _attend(query, key, value, mask)
        return self.output(_merge(context)), weights


class CrossMaskWithoutAxisRefused(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if mask is not None and mask.shape[0] not in (1, self.num_heads):
            raise ValueError("the mask does not fit")
        query = _split(self.query(x), self.num_heads)
        key = _split(self.key(memory), self.num_heads)
        value = _split(self.value(memory), self.num_heads)
        context, weights = _attend(query, key, value, mask)
        return self.output(_merge(context)), weights


class CrossWithoutOutput(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        query = _split(self.query(x), self.num_heads)
        key = _split(self.key(memory), self.num_heads)
        value = _split(self.value(memory), self.num_heads)
        context, weights = _attend(query, key, value, _for_heads(mask))
        return _merge(context), weights


class CrossScaledByTheWholeSize(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        query = _split(self.query(x) / self.num_heads**0.5, self.num_heads)
        key, value = (_split(f(memory), self.num_heads) for f in (self.key, self.value))
        context, weights = _attend(query, key, value, _for_heads(mask))
        return self.output(_merge(context)), weights


class CrossNotScaled(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        query = _split(self.query(x), self.num_heads) * (x.shape[-1] / self.num_heads) ** 0.5
        key, value = (_split(f(memory), self.num_heads) for f in (self.key, self.value))
        context, weights = _attend(query, key, value, _for_heads(mask))
        return self.output(_merge(context)), weights


class CrossMergedWithoutTranspose(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        query = _split(self.query(x), self.num_heads)
        key, value = (_split(f(memory), self.num_heads) for f in (self.key, self.value))
        context, weights = _attend(query, key, value, _for_heads(mask))
        return self.output(context.reshape(x.shape)), weights


class CrossRemembersTheSource(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if not hasattr(self, "known"):
            self.known = [_split(f(memory), self.num_heads) for f in (self.key, self.value)]
        query = _split(self.query(x), self.num_heads)
        context, weights = _attend(query, *self.known, _for_heads(mask))
        return self.output(_merge(context)), weights


class CrossNotSplit(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        context, weights = _attend(self.query(x), self.key(memory), self.value(memory), mask)
        return self.output(context), weights


class CrossWithoutWeights(_Cross):
    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.mixed(x, memory, memory, mask)[0]


class CrossByEinsum(_Cross):
    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        query = _split(self.query(x), self.num_heads)
        key = _split(self.key(memory), self.num_heads)
        value = _split(self.value(memory), self.num_heads)
        scores = torch.einsum("bhqd,bhkd->bhqk", query, key) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -1e9)
        weights = torch.softmax(scores, dim=-1)
        context = torch.einsum("bhqk,bhkd->bqhd", weights, value).flatten(2)
        return self.output(context), weights


class CrossOneHeadAfterTheOther(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.output = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.query = nn.Linear(d_model, d_model)
        self.heads = num_heads

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        pieces = zip(
            self.query(x).chunk(self.heads, -1),
            self.key(memory).chunk(self.heads, -1),
            self.value(memory).chunk(self.heads, -1),
            strict=True,
        )
        seen = [_attend(query, key, value, mask) for query, key, value in pieces]
        context = torch.cat([context for context, _ in seen], dim=-1)
        return self.output(context), torch.stack([weights for _, weights in seen], dim=1)


# DecoderBlock


class _Norm(nn.Module):
    def __init__(self, d_model: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(dim=-1, keepdim=True)
        variance = centered.square().mean(dim=-1, keepdim=True)
        return self.gamma * centered / (variance + 1e-5).sqrt() + self.beta


class _Around(nn.Module):
    def __init__(self, d_model: int, norm: str = "post"):
        super().__init__()
        self.norm = _Norm(d_model)
        self.pre = norm == "pre"

    def enter(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.pre else x

    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        return x + change if self.pre else self.norm(x + change)


class _Forward(nn.Module):
    def __init__(self, d_model: int, d_ff: int):
        super().__init__()
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.inner(x)
        return self.outer(0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2))))


class _Decodes(nn.Module):
    def __init__(self, d_model: int, num_heads: int, d_ff: int, norm: str = "post"):
        super().__init__()
        self.attention = _Cross(d_model, num_heads)
        self.cross_attention = _Cross(d_model, num_heads)
        self.feed_forward = _Forward(d_model, d_ff)
        self.around_attention = _Around(d_model, norm)
        self.around_cross_attention = _Around(d_model, norm)
        self.around_feed_forward = _Around(d_model, norm)

    def remember(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        entered = self.around_attention.enter(x)
        change, weights = self.attention(entered, entered, mask)
        return self.around_attention.leave(x, change), weights

    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        around = self.around_cross_attention
        change, weights = self.cross_attention(around.enter(x), memory, mask)
        return around.leave(x, change), weights

    def think(self, x: Tensor) -> Tensor:
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, change)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, own = self.remember(x, mask)
        x, cross = self.read(x, memory, memory_mask)
        return self.think(x), own, cross


class DecodesFromItself(_Decodes):
    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        around = self.around_cross_attention
        entered = around.enter(x)
        change, weights = self.cross_attention(entered, entered, mask)
        return around.leave(x, change), weights


class DecodesFromItselfWithoutMask(_Decodes):
    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        around = self.around_cross_attention
        entered = around.enter(x)
        change, weights = self.cross_attention(entered, entered)
        return around.leave(x, change), weights


class DecodesWithQueriesOfTheEncoder(_Decodes):
    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        around = self.around_cross_attention
        change, weights = self.cross_attention(memory, around.enter(x), mask)
        return around.leave(x, change), weights


class DecodesWithMasksExchanged(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return super().forward(x, memory, memory_mask, mask)


class DecodesWithMemoryMaskTwice(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return super().forward(x, memory, memory_mask, memory_mask)


class DecodesWithTargetMaskTwice(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return super().forward(x, memory, mask, mask)


class DecodesFromItselfRefused(DecodesFromItself):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        _refuse(memory_mask, x)
        return super().forward(x, memory, mask, memory_mask)


class DecodesWithQueriesOfTheEncoderRefused(DecodesWithQueriesOfTheEncoder):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        _refuse(memory_mask, x)
        return super().forward(x, memory, mask, memory_mask)


class DecodesWithMasksExchangedRefused(DecodesWithMasksExchanged):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        _refuse(memory_mask, x)
        return super().forward(x, memory, mask, memory_mask)


class DecodesWithMemoryMaskTwiceRefused(DecodesWithMemoryMaskTwice):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        _refuse(memory_mask, x)
        return super().forward(x, memory, mask, memory_mask)


class DecodesWithTargetMaskTwiceRefused(DecodesWithTargetMaskTwice):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        _refuse(mask, memory)
        return super().forward(x, memory, mask, memory_mask)


class DecodesPaddingToo(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return super().forward(x, memory, mask, None)


class DecodesTheFutureToo(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return super().forward(x, memory, None, memory_mask)


class DecodesMemoryFirst(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, cross = self.read(x, memory, memory_mask)
        x, own = self.remember(x, mask)
        return self.think(x), own, cross


class DecodesSideBySide(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        after, own = self.remember(x, mask)
        around = self.around_cross_attention
        change, cross = self.cross_attention(around.enter(x), memory, memory_mask)
        return self.think(around.leave(after, change)), own, cross


class DecodesWithoutThinking(_Decodes):
    def think(self, x: Tensor) -> Tensor:
        return x


class DecodesWithoutSecondResidual(_Decodes):
    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        entered = self.around_cross_attention.enter(x)
        return self.cross_attention(entered, memory, mask)


class DecodesWithoutResiduals(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, own = self.attention(x, x, mask)
        x, cross = self.cross_attention(x, memory, memory_mask)
        return self.feed_forward(x), own, cross


class DecodesWithOneResidual(_Decodes):
    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        around = self.around_attention
        change, weights = self.cross_attention(around.enter(x), memory, mask)
        return around.leave(x, change), weights


class DecodesWithoutEntering(_Decodes):
    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        change, weights = self.cross_attention(x, memory, mask)
        return self.around_cross_attention.leave(x, change), weights


class DecodesWithoutEnteringAnything(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        change, own = self.attention(x, x, mask)
        x = self.around_attention.leave(x, change)
        change, cross = self.cross_attention(x, memory, memory_mask)
        x = self.around_cross_attention.leave(x, change)
        return self.around_feed_forward.leave(x, self.feed_forward(x)), own, cross


class DecodesANormedMemory(_Decodes):
    def read(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        around = self.around_cross_attention
        change, weights = self.cross_attention(around.enter(x), around.enter(memory), mask)
        return around.leave(x, change), weights


class DecodesAlwaysPost(_Decodes):
    def __init__(self, d_model: int, num_heads: int, d_ff: int, norm: str = "post"):
        super().__init__(d_model, num_heads, d_ff)


class DecodesAlwaysPre(_Decodes):
    def __init__(self, d_model: int, num_heads: int, d_ff: int, norm: str = "pre"):
        super().__init__(d_model, num_heads, d_ff, "pre")


class DecodesWithWeightsExchanged(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, own, cross = super().forward(x, memory, mask, memory_mask)
        return x, cross, own


class DecodesWithoutWeights(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        return super().forward(x, memory, mask, memory_mask)[0]


class DecodesWithOneKindOfWeights(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        x, _, cross = super().forward(x, memory, mask, memory_mask)
        return x, cross


class DecodesInALoop(_Decodes):
    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps = (
            (self.around_attention, lambda y: self.attention(y, y, mask)),
            (self.around_cross_attention, lambda y: self.cross_attention(y, memory, memory_mask)),
            (self.around_feed_forward, lambda y: (self.feed_forward(y), None)),
        )
        seen = []
        for around, sublayer in steps:
            change, weights = sublayer(around.enter(x))
            x = around.leave(x, change)
            seen.append(weights)
        return x, seen[0], seen[1]


class DecodesWithAQuestionAtTheTop(_Decodes):
    def __init__(self, d_model: int, num_heads: int, d_ff: int, norm: str = "post"):
        super().__init__(d_model, num_heads, d_ff, norm)
        self.first = norm == "pre"

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        one = self.around_attention.norm
        two = self.around_cross_attention.norm
        three = self.around_feed_forward.norm
        if self.first:
            change, own = self.attention(one(x), one(x), mask)
            x = x + change
            change, cross = self.cross_attention(two(x), memory, memory_mask)
            x = x + change
            return x + self.feed_forward(three(x)), own, cross
        change, own = self.attention(x, x, mask)
        x = one(x + change)
        change, cross = self.cross_attention(x, memory, memory_mask)
        x = two(x + change)
        return three(x + self.feed_forward(x)), own, cross


# Seq2Seq


class _EncodesBlock(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.attention = _Cross(config.d_model, config.num_heads)
        self.feed_forward = _Forward(config.d_model, config.d_ff)
        self.around_attention = _Around(config.d_model)
        self.around_feed_forward = _Around(config.d_model)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.around_attention.leave(x, self.attention(x, x, mask)[0])
        return self.around_feed_forward.leave(x, self.feed_forward(x))


class _Encodes(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.blocks = nn.ModuleList(_EncodesBlock(config) for _ in range(config.num_layers))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        for block in self.blocks:
            x = block(x, mask)
        return x


class _DecodesAll(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        sizes = (config.d_model, config.num_heads, config.d_ff)
        self.blocks = nn.ModuleList(_Decodes(*sizes) for _ in range(config.num_layers))

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x, _, cross = block(x, memory, mask, memory_mask)
            weights.append(cross)
        return x, weights


def _waves(seq: int, d_model: int) -> Tensor:
    place = torch.arange(seq).float().unsqueeze(1)
    angle = place / 10000 ** (torch.arange(0, d_model, 2).float() / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def _past(ids: Tensor, pad_id: int) -> Tensor:
    seq = ids.shape[1]
    return torch.ones(seq, seq, dtype=torch.bool).tril() & (ids != pad_id).unsqueeze(1)


class _Translates(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.config = config
        self.source_token = nn.Embedding(config.vocab_size, config.d_model)
        self.target_token = nn.Embedding(config.target_vocab_size, config.d_model)
        self.encoder = _Encodes(config)
        self.decoder = _DecodesAll(config)
        self.register_buffer("positions", _waves(config.max_seq, config.d_model), persistent=False)

    def embedded(self, ids: Tensor, table: nn.Embedding) -> Tensor:
        return table(ids) * math.sqrt(self.config.d_model) + self.positions[: ids.shape[1]]

    def mask_of(self, source: Tensor) -> Tensor:
        return (source != self.config.pad_id).unsqueeze(1)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        mask = self.mask_of(source)
        return self.encoder(self.embedded(source, self.source_token), mask), mask

    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        x = self.embedded(target, self.target_token)
        mask = _past(target, self.config.pad_id)
        hidden, weights = self.decoder(x, memory, mask, memory_mask)
        return hidden @ self.target_token.weight.T, weights

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory, mask = self.encode(source)
        return self.decode(target, memory, mask)[0]


class TranslatesFromEmbeddings(_Translates):
    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        return self.embedded(source, self.source_token), self.mask_of(source)


class TranslatesFromEmbeddingsInForward(_Translates):
    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory = self.embedded(source, self.source_token)
        return self.decode(target, memory, self.mask_of(source))[0]


class TranslatesWithoutSourceMask(_Translates):
    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        mask = self.mask_of(source)
        return self.encoder(self.embedded(source, self.source_token), None), mask


class TranslatesWithoutMemoryMask(_Translates):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        return super().decode(target, memory, None)


class TranslatesWithMasksExchanged(_Translates):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        x = self.embedded(target, self.target_token)
        mask = _past(target, self.config.pad_id)
        hidden, weights = self.decoder(x, memory, memory_mask, mask)
        return hidden @ self.target_token.weight.T, weights


class TranslatesWithMasksExchangedRefused(TranslatesWithMasksExchanged):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        _refuse(memory_mask, target)
        return super().decode(target, memory, memory_mask)


class TranslatesWithoutTargetPadding(_Translates):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        x = self.embedded(target, self.target_token)
        past = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).tril()
        hidden, weights = self.decoder(x, memory, past, memory_mask)
        return hidden @ self.target_token.weight.T, weights


class TranslatesWithSourcePadding0(_Translates):
    def mask_of(self, source: Tensor) -> Tensor:
        return (source != 0).unsqueeze(1)


class TranslatesWithTargetPadding0(_Translates):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        x = self.embedded(target, self.target_token)
        hidden, weights = self.decoder(x, memory, _past(target, 0), memory_mask)
        return hidden @ self.target_token.weight.T, weights


class TranslatesWithPadding0(TranslatesWithTargetPadding0):
    def mask_of(self, source: Tensor) -> Tensor:
        return (source != 0).unsqueeze(1)


class TranslatesSeeingTheFuture(_Translates):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        x = self.embedded(target, self.target_token)
        mask = (target != self.config.pad_id).unsqueeze(1)
        hidden, weights = self.decoder(x, memory, mask, memory_mask)
        return hidden @ self.target_token.weight.T, weights


class TranslatesReadingFromLeftToRight(_Translates):
    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        past = _past(source, self.config.pad_id)
        return self.encoder(self.embedded(source, self.source_token), past), self.mask_of(source)


class TranslatesWithoutScale(_Translates):
    def embedded(self, ids: Tensor, table: nn.Embedding) -> Tensor:
        return table(ids) + self.positions[: ids.shape[1]]


class TranslatesScalingTheSum(_Translates):
    def embedded(self, ids: Tensor, table: nn.Embedding) -> Tensor:
        return (table(ids) + self.positions[: ids.shape[1]]) * math.sqrt(self.config.d_model)


class TranslatesWithoutPositions(_Translates):
    def embedded(self, ids: Tensor, table: nn.Embedding) -> Tensor:
        return table(ids) * math.sqrt(self.config.d_model)


class TranslatesWithoutTargetPositions(_Translates):
    def embedded(self, ids: Tensor, table: nn.Embedding) -> Tensor:
        scaled = table(ids) * math.sqrt(self.config.d_model)
        return scaled + self.positions[: ids.shape[1]] if table is self.source_token else scaled


class TranslatesWithProbabilities(_Translates):
    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return super().forward(source, target).softmax(dim=-1)


class TranslatesWithLogProbabilities(_Translates):
    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return super().forward(source, target).log_softmax(dim=-1)


class TranslatesToHiddenVectors(_Translates):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        x = self.embedded(target, self.target_token)
        mask = _past(target, self.config.pad_id)
        return self.decoder(x, memory, mask, memory_mask)


class TranslatesWithPairs(_Translates):
    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, list[Tensor]]:
        memory, mask = self.encode(source)
        return self.decode(target, memory, mask)


class TranslatesWithoutDecoderWeights(_Translates):
    def decode(self, target: Tensor, memory: Tensor, memory_mask: Tensor) -> Tensor:
        return super().decode(target, memory, memory_mask)[0]

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.decode(target, *self.encode(source))


class TranslatesWithTheLastWeights(_Translates):
    def decode(self, target: Tensor, memory: Tensor, memory_mask: Tensor) -> tuple[Tensor, Tensor]:
        logits, weights = super().decode(target, memory, memory_mask)
        return logits, weights[-1]


class TranslatesTheFirstSource(_Translates):
    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        if not hasattr(self, "known"):
            self.known = self.encode(source)
        return self.decode(target, *self.known)[0]


class TranslatesWithoutReturningTheMask(_Translates):
    def encode(self, source: Tensor) -> Tensor:
        return super().encode(source)[0]

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.decode(target, self.encode(source), self.mask_of(source))[0]


class TranslatesByLinear(_Translates):
    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        root = self.config.d_model**0.5
        x = root * self.target_token(target) + self.positions[: target.shape[-1]].unsqueeze(0)
        place = torch.arange(target.shape[-1])
        past = (place.unsqueeze(1) >= place) & (target != self.config.pad_id)[:, None]
        hidden, weights = self.decoder(x, memory, past, memory_mask)
        return nn.functional.linear(hidden, self.target_token.weight), weights


class TranslatesByEinsum(_Translates):
    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        real = (source != self.config.pad_id)[:, None]
        memory = self.encoder(self.embedded(source, self.source_token), real)
        mask = _past(target, self.config.pad_id)
        x = self.embedded(target, self.target_token)
        hidden, _ = self.decoder(x, memory, mask, real)
        return torch.einsum("btd,vd->btv", hidden, self.target_token.weight)
