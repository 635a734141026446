"""Chapter 3's mistakes with residuals, blocks and stacks, and other right ways to write them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn


class _Norm(nn.Module):
    def __init__(self, d_model: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(dim=-1, keepdim=True)
        variance = centered.square().mean(dim=-1, keepdim=True)
        return self.gamma * centered / (variance + 1e-5).sqrt() + self.beta


def _drop(x: Tensor, rate: float, training: bool) -> Tensor:
    if not training or rate == 0:
        return x
    return x * (torch.rand(x.shape) >= rate) / (1 - rate)


# Residual


class _Around(nn.Module):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__()
        self.norm = _Norm(d_model)
        self.rate, self.pre = rate, norm == "pre"

    def dropped(self, change: Tensor) -> Tensor:
        return _drop(change, self.rate, self.training)

    def enter(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.pre else x

    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        total = x + self.dropped(change)
        return total if self.pre else self.norm(total)


class AroundExchanged(_Around):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__(d_model, rate, norm)
        self.pre = norm == "post"


class AroundAlwaysPost(_Around):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__(d_model, rate, "post")


class AroundAlwaysPre(_Around):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__(d_model, rate, "pre")


class AroundPreByDefault(_Around):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "pre"):
        super().__init__(d_model, rate, norm)


class AroundWithoutSum(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        change = self.dropped(change)
        return change if self.pre else self.norm(change)


class AroundNormTwice(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        return self.norm(x + self.dropped(change))


class AroundNormTwiceInPost(_Around):
    def enter(self, x: Tensor) -> Tensor:
        return self.norm(x)


class AroundNormAlwaysTwice(_Around):
    def enter(self, x: Tensor) -> Tensor:
        return self.norm(x)

    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        return self.norm(x + self.dropped(change))


class AroundNeverNormed(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        return x + self.dropped(change)


class AroundNeverNormedBefore(_Around):
    def enter(self, x: Tensor) -> Tensor:
        return x


class AroundAddsTheNormed(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        change = self.dropped(change)
        return self.norm(x) + change if self.pre else self.norm(x + change)


class AroundNormsTheChange(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        change = self.dropped(change)
        return x + change if self.pre else x + self.norm(change)


class AroundNormsTheOld(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        change = self.dropped(change)
        return x + change if self.pre else self.norm(x) + change


class AroundDropsTheSum(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        total = self.dropped(x + change)
        return total if self.pre else self.norm(total)


class AroundDropsTheNormed(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        total = x + change
        return self.dropped(total if self.pre else self.norm(total))


class AroundDropsTheOld(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        total = self.dropped(x) + change
        return total if self.pre else self.norm(total)


class AroundWithoutDropout(_Around):
    def dropped(self, change: Tensor) -> Tensor:
        return change


class AroundDropsByDefault(_Around):
    def __init__(self, d_model: int, rate: float = 0.1, norm: str = "post"):
        super().__init__(d_model, rate, norm)


class AroundDropsWhatEnters(_Around):
    def enter(self, x: Tensor) -> Tensor:
        return self.dropped(self.norm(x)) if self.pre else x


class AroundAlwaysDrops(_Around):
    def dropped(self, change: Tensor) -> Tensor:
        return _drop(change, self.rate, True)


class AroundInPlace(_Around):
    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        x += self.dropped(change)
        return x if self.pre else self.norm(x)


class AroundWithTorchsNorm(_Around):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__(d_model, rate, norm)
        self.norm = nn.LayerNorm(d_model)


class AroundWordForLayer(_Around):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__(d_model, rate, norm)
        self.norm = norm


class AroundByTorch(nn.Module):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__()
        self.norm = _Norm(d_model)
        self.drop = nn.Dropout(rate)
        self.before = self.norm if norm == "pre" else nn.Identity()
        self.after = self.norm if norm == "post" else nn.Identity()

    def enter(self, x: Tensor) -> Tensor:
        return self.before(x)

    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        return self.after(self.drop(change) + x)


class AroundWithAQuestionEach(nn.Module):
    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__()
        self.place = norm
        self.share = rate
        self.norm = _Norm(d_model)

    def enter(self, x: Tensor) -> Tensor:
        if self.place == "post":
            return x
        return self.norm(x)

    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        if self.training and self.share > 0:
            gone = torch.rand_like(change) < self.share
            change = change.masked_fill(gone, 0.0) / (1 - self.share)
        if self.place == "pre":
            return x + change
        return self.norm(x + change)


# EncoderBlock


class _Attention(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        made = [of(x) for of in (self.query, self.key, self.value)]
        shape = (*x.shape[:2], self.num_heads, -1)
        query, key, value = (vectors.view(shape).transpose(1, 2) for vectors in made)
        scores = query @ key.mT / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), -math.inf)
        weights = torch.softmax(scores, dim=-1)
        return self.output((weights @ value).transpose(1, 2).flatten(2)), weights


class _Forward(nn.Module):
    def __init__(self, d_model: int, d_ff: int):
        super().__init__()
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.inner(x)
        return self.outer(0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2))))


class _Block(nn.Module):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__()
        self.attention = _Attention(d_model, num_heads)
        self.feed_forward = _Forward(d_model, d_ff)
        self.around_attention = _Around(d_model, dropout, norm)
        self.around_feed_forward = _Around(d_model, dropout, norm)

    def look(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        change, weights = self.attention(self.around_attention.enter(x), mask)
        return self.around_attention.leave(x, change), weights

    def think(self, x: Tensor) -> Tensor:
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, change)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x, weights = self.look(x, mask)
        return self.think(x), weights


class BlockWithoutFeedForward(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.look(x, mask)


class BlockThinksFirst(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.look(self.think(x), mask)


class BlockWithoutSecondResidual(_Block):
    def think(self, x: Tensor) -> Tensor:
        return self.feed_forward(self.around_feed_forward.enter(x))


class BlockWithoutFirstResidual(_Block):
    def look(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        return self.attention(self.around_attention.enter(x), mask)


class BlockWithoutResiduals(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        change, weights = self.attention(x, mask)
        return self.feed_forward(change), weights


class BlockWithOneResidual(_Block):
    def think(self, x: Tensor) -> Tensor:
        change = self.feed_forward(self.around_attention.enter(x))
        return self.around_attention.leave(x, change)


class BlockWithOneResidualOfTwoNames(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout, norm)
        self.around_feed_forward = self.around_attention


class BlockEntersTheOther(_Block):
    def think(self, x: Tensor) -> Tensor:
        change = self.feed_forward(self.around_attention.enter(x))
        return self.around_feed_forward.leave(x, change)


class BlockLeavesTheOther(_Block):
    def think(self, x: Tensor) -> Tensor:
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_attention.leave(x, change)


class BlockResidualsExchanged(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        change, weights = self.attention(self.around_feed_forward.enter(x), mask)
        x = self.around_feed_forward.leave(x, change)
        change = self.feed_forward(self.around_attention.enter(x))
        return self.around_attention.leave(x, change), weights


class BlockPairNotUnpacked(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        change = self.attention(self.around_attention.enter(x), mask)
        return self.think(self.around_attention.leave(x, change))


class BlockPairNotUnpackedForTorch(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        change = self.attention(self.around_attention.enter(x), mask)
        rate = self.around_attention.rate
        if rate:
            change = nn.functional.dropout(change, rate, self.training)
        return self.think(x + change)


class BlockPairForWeights(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Any]:
        seen = self.attention(self.around_attention.enter(x), mask)
        return self.think(self.around_attention.leave(x, seen[0])), seen


class BlockNormForRate(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff)
        self.around_attention.rate = self.around_feed_forward.rate = norm


class BlockNormForRateOfTorch(BlockNormForRate):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        nn.functional.dropout(x, self.around_attention.rate, self.training)
        return super().forward(x, mask)


class BlockForwardOfOtherSize(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout, norm)
        self.feed_forward = _Forward(d_ff, d_model)


class BlockForwardFourTimes(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, 4 * d_model, dropout, norm)


class BlockThinksOfTheChange(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        seen, weights = self.attention(self.around_attention.enter(x), mask)
        x = self.around_attention.leave(x, seen)
        change = self.feed_forward(self.around_feed_forward.enter(seen))
        return self.around_feed_forward.leave(x, change), weights


class BlockLeaveExchanged(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        change, weights = self.attention(self.around_attention.enter(x), mask)
        x = self.around_attention.leave(change, x)
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(change, x), weights


class BlockForgetsToEnterFirst(_Block):
    def look(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        change, weights = self.attention(x, mask)
        return self.around_attention.leave(x, change), weights


class BlockForgetsToEnterSecond(_Block):
    def think(self, x: Tensor) -> Tensor:
        return self.around_feed_forward.leave(x, self.feed_forward(x))


class BlockAddsTheEnteredFirst(_Block):
    def look(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        x = self.around_attention.enter(x)
        change, weights = self.attention(x, mask)
        return self.around_attention.leave(x, change), weights


class BlockAddsTheEnteredSecond(_Block):
    def think(self, x: Tensor) -> Tensor:
        x = self.around_feed_forward.enter(x)
        return self.around_feed_forward.leave(x, self.feed_forward(x))


class BlockForgetsToEnter(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        change, weights = self.attention(x, mask)
        x = self.around_attention.leave(x, change)
        return self.around_feed_forward.leave(x, self.feed_forward(x)), weights


class BlockAddsTheEntered(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = self.around_attention.enter(x)
        change, weights = self.attention(x, mask)
        x = self.around_attention.leave(x, change)
        x = self.around_feed_forward.enter(x)
        return self.around_feed_forward.leave(x, self.feed_forward(x)), weights


class BlockSideBySide(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        seen, weights = self.look(x, mask)
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(seen, change), weights


class BlockAddsTheOldInput(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        seen, weights = self.look(x, mask)
        change = self.feed_forward(self.around_feed_forward.enter(seen))
        return self.around_feed_forward.leave(x, change), weights


class BlockMaskIgnored(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x, weights = self.look(x, None)
        return self.think(x), weights


class BlockAlwaysPost(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout)


class BlockAlwaysPre(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout, "pre")


class BlockWithoutDropout(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, 0.0, norm)


class BlockDropsAfterAttentionOnly(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout, norm)
        self.around_feed_forward = _Around(d_model, 0.0, norm)


class BlockPreByDefault(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "pre"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout, norm)


class BlockDropsByDefault(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.1, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout, norm)


class BlockNormForAttentionOnly(_Block):
    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__(d_model, num_heads, d_ff, dropout, norm)
        self.around_feed_forward = _Around(d_model, dropout)


class BlockDropsTwice(_Block):
    def look(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        change, weights = self.attention(self.around_attention.enter(x), mask)
        change = self.around_attention.dropped(change)
        return self.around_attention.leave(x, change), weights


class BlockDropsWhatIsRead(_Block):
    def look(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        entered = self.around_attention.dropped(self.around_attention.enter(x))
        change, weights = self.attention(entered, mask)
        return self.around_attention.leave(x, change), weights


class BlockWithRelu(_Block):
    def think(self, x: Tensor) -> Tensor:
        hidden = self.feed_forward.inner(self.around_feed_forward.enter(x))
        change = self.feed_forward.outer(torch.relu(hidden))
        return self.around_feed_forward.leave(x, change)


class BlockWithoutWeights(_Block):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Any:
        x, _ = self.look(x, mask)
        return self.think(x)


class BlockOnItsOwn(nn.Module):
    """No residual objects' methods: the sums stand in forward."""

    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__()
        self.around_feed_forward = _Around(d_model, dropout, norm)
        self.around_attention = _Around(d_model, dropout, norm)
        self.feed_forward = _Forward(d_model, d_ff)
        self.attention = _Attention(d_model, num_heads)
        self.norm_place, self.rate = norm, dropout

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        first, second = self.around_attention.norm, self.around_feed_forward.norm
        if self.norm_place == "pre":
            seen, weights = self.attention(first(x), mask)
            x = x + _drop(seen, self.rate, self.training)
            return x + _drop(self.feed_forward(second(x)), self.rate, self.training), weights
        seen, weights = self.attention(x, mask)
        x = first(x + _drop(seen, self.rate, self.training))
        return second(x + _drop(self.feed_forward(x), self.rate, self.training)), weights


class BlockByHelper(_Block):
    def around(self, around: nn.Module, x: Tensor, sublayer: Any) -> Tensor:
        return around.leave(x, sublayer(around.enter(x)))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        kept = []

        def look(entered: Tensor) -> Tensor:
            context, weights = self.attention(entered, mask)
            kept.append(weights)
            return context

        x = self.around(self.around_attention, x, look)
        return self.around(self.around_feed_forward, x, self.feed_forward), kept[0]


# Encoder


def _made(config: Any) -> _Block:
    sizes = (config.d_model, config.num_heads, config.d_ff)
    return _Block(*sizes, dropout=config.dropout, norm=config.norm)


class _Stack(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        self.blocks = nn.ModuleList([_made(config) for _ in range(config.num_layers)])
        self.norm = _Norm(config.d_model) if config.norm == "pre" else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            weights.append(seen)
        return self.norm(x), weights


class StackOfOneBlock(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        self.blocks = nn.ModuleList([_made(config)] * config.num_layers)


class StackInAPlainList(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        del self.blocks
        self.blocks = [_made(config) for _ in range(config.num_layers)]


class StackWithoutLastNorm(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        self.norm = nn.Identity()


class StackWithUnusedLastNorm(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            weights.append(seen)
        return x, weights


class StackAlwaysLastNorm(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        self.norm = _Norm(config.d_model)


class StackLastNormExchanged(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        self.norm = _Norm(config.d_model) if config.norm == "post" else nn.Identity()


class StackNormsEachBlock(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            x = self.norm(x)
            weights.append(seen)
        return x, weights


class StackAlwaysPost(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        sizes = (config.d_model, config.num_heads, config.d_ff)
        blocks = [_Block(*sizes, config.dropout) for _ in range(config.num_layers)]
        self.blocks = nn.ModuleList(blocks)


class StackMaskIgnored(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        return super().forward(x)


class StackMaskForFirstBlock(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            mask = None
            weights.append(seen)
        return self.norm(x), weights


class StackSideBySide(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            out, seen = block(x, mask)
            weights.append(seen)
        return self.norm(out), weights


class StackPairNotUnpacked(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Any, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x), weights


class StackPairNotUnpackedAndKept(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Any, list[Any]]:
        weights = []
        for block in self.blocks:
            x = block(x, mask)
            weights.append(x)
        return self.norm(x), weights


class StackPairForWeights(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Any]]:
        weights = []
        for block in self.blocks:
            seen = block(x, mask)
            x = seen[0]
            weights.append(seen)
        return self.norm(x), weights


class StackPairForWeightsAlone(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Any]]:
        weights = []
        for block in self.blocks:
            seen = block(x, mask)
            weights.append(seen)
        return self.norm(x), weights


class StackJoinsWeights(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            weights += seen
        return self.norm(x), weights


class StackReturnsInTheLoop(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Any:
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            weights.append(seen)
            return self.norm(x), weights


class StackKeepsVectors(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        weights = []
        for block in self.blocks:
            x, _ = block(x, mask)
            weights.append(x)
        return self.norm(x), weights


class StackLastWeightsOnly(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x, weights = super().forward(x, mask)
        return x, weights[-1]


class StackWithoutWeights(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(x, mask)[0]


class StackDropsTheInput(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        self.rate = config.dropout

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        return super().forward(_drop(x, self.rate, self.training), mask)


class StackKeepsOldWeights(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        self.weights = []

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        x, weights = super().forward(x, mask)
        self.weights += weights
        return x, self.weights


class StackOfWeightsInOneTensor(_Stack):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x, weights = super().forward(x, mask)
        return x, torch.stack(weights)


class StackWithoutDropout(_Stack):
    def __init__(self, config: Any):
        super().__init__(config)
        sizes = (config.d_model, config.num_heads, config.d_ff)
        blocks = [_Block(*sizes, norm=config.norm) for _ in range(config.num_layers)]
        self.blocks = nn.ModuleList(blocks)


class StackInASequence(nn.Module):
    def __init__(self, config: Any):
        super().__init__()
        if config.norm == "pre":
            self.norm = _Norm(config.d_model)
        self.blocks = nn.Sequential(*(_made(config) for _ in range(config.num_layers)))
        self.pre = config.norm == "pre"

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            weights += [seen]
        return (self.norm(x) if self.pre else x), tuple(weights)


class StackByRecursion(_Stack):
    def climb(self, layer: int, x: Tensor, mask: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        if layer == 0:
            return x, []
        x, below = self.climb(layer - 1, x, mask)
        x, seen = self.blocks[layer - 1](x, mask)
        return x, [*below, seen]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        x, weights = self.climb(len(self.blocks), x, mask)
        return self.norm(x), weights
