"""Chapter 3's mistakes with heads, and other right ways to write its functions.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math

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


def _attend_or_refuse(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """As an attention that looks at the mask's shape first."""
    scores = query @ key.transpose(-2, -1)
    if mask is not None:
        try:
            mask.expand_as(scores)
        except RuntimeError:
            raise ValueError("the mask does not fit") from None
    return _attend(query, key, value, mask)


def _for_heads(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask.unsqueeze(-3)


# split_heads


def split_by_plain_reshape(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, num_heads, seq, d_model // num_heads)


def split_without_transpose(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, num_heads, d_model // num_heads)


def split_interleaved(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, d_model // num_heads, num_heads).permute(0, 3, 1, 2)


def split_into_heads_of_that_size(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, d_model // num_heads, num_heads).transpose(1, 2)


def split_heads_before_batch(x: Tensor, num_heads: int) -> Tensor:
    return torch.stack(x.chunk(num_heads, dim=-1))


def split_heads_last(x: Tensor, num_heads: int) -> Tensor:
    return torch.stack(x.chunk(num_heads, dim=-1), dim=-1)


def split_words_first(x: Tensor, num_heads: int) -> Tensor:
    return torch.stack(x.chunk(num_heads, dim=-1), dim=2).transpose(0, 1)


def split_sizes_first(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, num_heads, d_model // num_heads).permute(0, 3, 1, 2)


def split_by_reshape_then_transpose(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, num_heads, seq, d_model // num_heads).transpose(1, 2)


def split_by_transpose_then_reshape(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.transpose(1, 2).reshape(batch, num_heads, seq, d_model // num_heads)


def split_ready_for_the_scores(x: Tensor, num_heads: int) -> Tensor:
    return _split(x, num_heads).transpose(-2, -1)


def split_the_sentence(x: Tensor, num_heads: int) -> Tensor:
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, d_model // num_heads, num_heads).transpose(1, 3)


def split_by_chunks(x: Tensor, num_heads: int) -> Tensor:
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


def split_by_slices(x: Tensor, num_heads: int) -> Tensor:
    d_head = x.shape[-1] // num_heads
    heads = [x[:, :, h * d_head : (h + 1) * d_head].unsqueeze(1) for h in range(num_heads)]
    return torch.cat(heads, dim=1)


def split_by_unflatten(x: Tensor, num_heads: int) -> Tensor:
    return x.unflatten(-1, (num_heads, -1)).permute(0, 2, 1, 3)


# merge_heads


def merged_by_plain_reshape(x: Tensor) -> Tensor:
    batch, num_heads, seq, d_head = x.shape
    return x.reshape(batch, seq, num_heads * d_head)


def merged_after_wrong_transpose(x: Tensor) -> Tensor:
    batch, num_heads, seq, d_head = x.shape
    return x.transpose(2, 3).reshape(batch, seq, num_heads * d_head)


def merged_interleaved(x: Tensor) -> Tensor:
    batch, num_heads, seq, d_head = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, seq, d_head * num_heads)


def merged_by_sum(x: Tensor) -> Tensor:
    return x.sum(dim=1)


def merged_by_mean(x: Tensor) -> Tensor:
    return x.mean(dim=1)


def transposed_and_not_merged(x: Tensor) -> Tensor:
    return x.transpose(1, 2)


def merged_with_tokens_in_one_row(x: Tensor) -> Tensor:
    batch, num_heads, seq, d_head = x.shape
    return x.reshape(batch, num_heads * seq, d_head)


def merged_below_each_other(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(1, 2)


def merged_after_exchanging_heads_and_sizes(x: Tensor) -> Tensor:
    batch, num_heads, seq, d_head = x.shape
    return x.transpose(1, 3).reshape(batch, seq, num_heads * d_head)


def merged_by_view(x: Tensor) -> Tensor:
    batch, num_heads, seq, d_head = x.shape
    return x.transpose(1, 2).view(batch, seq, num_heads * d_head)


def merged_by_cat(x: Tensor) -> Tensor:
    return torch.cat(x.unbind(dim=1), dim=-1)


def merged_by_flatten(x: Tensor) -> Tensor:
    return x.permute(0, 2, 1, 3).flatten(start_dim=2)


def merged_into_an_empty_table(x: Tensor) -> Tensor:
    batch, num_heads, seq, d_head = x.shape
    merged = x.new_zeros(batch, seq, num_heads * d_head)
    for head in range(num_heads):
        merged[:, :, head * d_head : (head + 1) * d_head] = x[:, head]
    return merged


# MultiHeadAttention


class _Heads(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def projected(self, x: Tensor) -> list[Tensor]:
        return [_split(layer(x), self.num_heads) for layer in (self.query, self.key, self.value)]


class HeadsWithoutOutput(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return _merge(context), weights


class HeadsWithoutOutputLayer(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        projected = [_split(of(x), self.num_heads) for of in (self.query, self.key, self.value)]
        context, weights = _attend(*projected, _for_heads(mask))
        return _merge(context), weights


class HeadsOutputBeforeMerge(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return _merge(self.output(context)), weights


class HeadsNotMerged(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return self.output(context), weights


class HeadsPairNotUnpacked(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        context = _attend(*self.projected(x), _for_heads(mask))
        batch, num_heads, seq, d_head = context.shape
        return self.output(context.transpose(1, 2).reshape(batch, seq, num_heads * d_head))


class HeadsPairNotUnpackedToTranspose(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        context = _attend(*self.projected(x), _for_heads(mask))
        return self.output(_merge(context))


class HeadsPairTakenApartWrongly(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        weights, context = _attend(*self.projected(x), _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsPairReturnedWrongly(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return weights, self.output(_merge(context))


class HeadsWithResidual(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return x + self.output(_merge(context)), weights


class HeadsSmallLayers(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.query = nn.Linear(d_model, d_model // num_heads)
        self.key = nn.Linear(d_model, d_model // num_heads)
        self.value = nn.Linear(d_model, d_model // num_heads)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        projected = [_split(of(x), 1) for of in (self.query, self.key, self.value)]
        context, weights = _attend(*projected, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsOfThatSize(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        d_head = x.shape[-1] // self.num_heads
        projected = [_split(of(x), d_head) for of in (self.query, self.key, self.value)]
        context, weights = _attend(*projected, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsWithoutBias(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.key = nn.Linear(d_model, d_model, bias=False)
        self.value = nn.Linear(d_model, d_model, bias=False)
        self.output = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        projected = [_split(of(x), self.num_heads) for of in (self.query, self.key, self.value)]
        context, weights = _attend(*projected, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsWithoutOutputBias(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.key = nn.Linear(d_model, d_model, bias=False)
        self.value = nn.Linear(d_model, d_model, bias=False)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        projected = [_split(of(x), self.num_heads) for of in (self.query, self.key, self.value)]
        context, weights = _attend(*projected, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsNotSplit(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(self.query(x), self.key(x), self.value(x), mask)
        return self.output(context), weights


class HeadsSplitByReshape(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        batch, seq, d_model = x.shape
        shape = (batch, self.num_heads, seq, d_model // self.num_heads)
        projected = [of(x).reshape(shape) for of in (self.query, self.key, self.value)]
        context, weights = _attend(*projected, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsSplitAndMergedByReshape(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        batch, seq, d_model = x.shape
        shape = (batch, self.num_heads, seq, d_model // self.num_heads)
        projected = [of(x).reshape(shape) for of in (self.query, self.key, self.value)]
        context, weights = _attend(*projected, _for_heads(mask))
        return self.output(context.reshape(x.shape)), weights


class HeadsMergedByReshape(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return self.output(context.reshape(x.shape)), weights


class HeadsScaledByModelSize(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        query, key, value = self.projected(x)
        context, weights = _attend(query / math.sqrt(self.num_heads), key, value, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsScaledTwice(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        query, key, value = self.projected(x)
        query = query / math.sqrt(query.shape[-1])
        context, weights = _attend(query, key, value, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsMaskIgnored(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x))
        return self.output(_merge(context)), weights


class HeadsMaskWithoutAxis(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), mask)
        return self.output(_merge(context)), weights


class HeadsMaskWithoutAxisRefused(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if mask is not None and mask.dim() == 3 and mask.shape[0] not in (1, self.num_heads):
            raise ValueError("the mask does not fit")
        context, weights = _attend(*self.projected(x), mask)
        return self.output(_merge(context)), weights


class HeadsMaskAxisSecond(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mask = None if mask is None else mask.unsqueeze(1)
        context, weights = _attend(*self.projected(x), mask)
        return self.output(_merge(context)), weights


class HeadsMaskAxisSecondRefused(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mask = None if mask is None else mask.unsqueeze(1)
        context, weights = _attend_or_refuse(*self.projected(x), mask)
        return self.output(_merge(context)), weights


class HeadsMaskAxisLastButOne(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mask = None if mask is None else mask.unsqueeze(-2)
        context, weights = _attend(*self.projected(x), mask)
        return self.output(_merge(context)), weights


class HeadsMaskAxisLastButOneRefused(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mask = None if mask is None else mask.unsqueeze(-2)
        context, weights = _attend_or_refuse(*self.projected(x), mask)
        return self.output(_merge(context)), weights


class HeadsMaskNeverNone(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mask = mask.unsqueeze(-3)
        context, weights = _attend(*self.projected(x), mask)
        return self.output(_merge(context)), weights


class HeadsWeightsSummed(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return self.output(_merge(context)), weights.sum(dim=1)


class HeadsWeightsAveraged(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return self.output(_merge(context)), weights.mean(dim=1)


class HeadsWithoutWeights(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        context, _ = _attend(*self.projected(x), _for_heads(mask))
        return self.output(_merge(context))


class _HeadsFrom(_Heads):
    def made_by(self) -> str:
        """Which layer makes queries, keys and values, a letter each; x is none at all."""
        return "qkv"

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        made = {"q": self.query(x), "k": self.key(x), "v": self.value(x), "x": x}
        query, key, value = (_split(made[letter], self.num_heads) for letter in self.made_by())
        context, weights = _attend(query, key, value, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsKeyFromQuery(_HeadsFrom):
    def made_by(self) -> str:
        return "qqv"


class HeadsValueFromKey(_HeadsFrom):
    def made_by(self) -> str:
        return "qkk"


class HeadsValueFromQuery(_HeadsFrom):
    def made_by(self) -> str:
        return "qkq"


class HeadsQueryFromKey(_HeadsFrom):
    def made_by(self) -> str:
        return "kkv"


class HeadsAllFromQuery(_HeadsFrom):
    def made_by(self) -> str:
        return "qqq"


class HeadsQueryAsItIs(_HeadsFrom):
    def made_by(self) -> str:
        return "xkv"


class HeadsKeyAsItIs(_HeadsFrom):
    def made_by(self) -> str:
        return "qxv"


class HeadsValueAsItIs(_HeadsFrom):
    def made_by(self) -> str:
        return "qkx"


class HeadsWithoutProjections(_HeadsFrom):
    def made_by(self) -> str:
        return "xxx"


class HeadsKeyAndQueryExchanged(_HeadsFrom):
    def made_by(self) -> str:
        return "kqv"


class HeadsKeyAndValueExchanged(_HeadsFrom):
    def made_by(self) -> str:
        return "qvk"


class HeadsValueFirst(_HeadsFrom):
    def made_by(self) -> str:
        return "vkq"


class HeadsOneByOne(nn.Module):
    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.output = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.query = nn.Linear(d_model, d_model)
        self.heads = num_heads

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        contexts, maps = [], []
        pieces = zip(
            self.query(x).chunk(self.heads, -1),
            self.key(x).chunk(self.heads, -1),
            self.value(x).chunk(self.heads, -1),
            strict=True,
        )
        for query, key, value in pieces:
            context, weights = _attend(query, key, value, mask)
            contexts.append(context)
            maps.append(weights)
        return self.output(torch.cat(contexts, dim=-1)), torch.stack(maps, dim=1)


class HeadsByEinsum(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        query, key, value = self.projected(x)
        scores = torch.einsum("bhqd,bhkd->bhqk", query, key) / query.shape[-1] ** 0.5
        if mask is not None:
            mask = mask if mask.dim() < 3 else mask[:, None]
            scores = scores.masked_fill(~mask, -1e9)
        weights = torch.softmax(scores, dim=-1)
        context = torch.einsum("bhqk,bhkd->bqhd", weights, value).flatten(2)
        return self.output(context), weights
