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


class HeadsWeightsAveraged(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        context, weights = _attend(*self.projected(x), _for_heads(mask))
        return self.output(_merge(context)), weights.mean(dim=1)


class HeadsWithoutWeights(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        context, _ = _attend(*self.projected(x), _for_heads(mask))
        return self.output(_merge(context))


class HeadsKeyFromQuery(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        query, _, value = self.projected(x)
        context, weights = _attend(query, query, value, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsValueFromKey(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        query, key, _ = self.projected(x)
        context, weights = _attend(query, key, key, _for_heads(mask))
        return self.output(_merge(context)), weights


class HeadsWithoutProjections(_Heads):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        heads = _split(x, self.num_heads)
        context, weights = _attend(heads, heads, heads, _for_heads(mask))
        return self.output(_merge(context)), weights


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
