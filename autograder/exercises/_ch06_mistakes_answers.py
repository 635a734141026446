"""Chapter 6's mistakes with answers as spans, and other right ways to write them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# SpanHead


class _Span(nn.Module):
    def __init__(self, d_model: int):
        super().__init__()
        self.dense = nn.Linear(d_model, 2)


class SpanHeadInverted(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits = self.dense(hidden)
        if allowed is not None:
            logits = logits.masked_fill(allowed.unsqueeze(-1), -math.inf)
        return logits[..., 0], logits[..., 1]


class SpanHeadAnywhere(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits = self.dense(hidden)
        return logits[..., 0], logits[..., 1]


class SpanHeadMultiplied(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits = self.dense(hidden)
        if allowed is not None:
            logits = logits * allowed.unsqueeze(-1)
        return logits[..., 0], logits[..., 1]


class SpanHeadMaskedBefore(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if allowed is not None:
            hidden = hidden * allowed.unsqueeze(-1)
        logits = self.dense(hidden)
        return logits[..., 0], logits[..., 1]


class SpanHeadMaskedBeforeByInfinity(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if allowed is not None:
            hidden = hidden.masked_fill(~allowed.unsqueeze(-1), -math.inf)
        logits = self.dense(hidden)
        return logits[..., 0], logits[..., 1]


class SpanHeadTimesInfinity(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).unbind(-1)
        if allowed is not None:
            start, end = (part + ~allowed * -math.inf for part in (start, end))
        return start, end


class SpanHeadWithABillion(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).unbind(-1)
        if allowed is not None:
            start, end = (part.masked_fill(~allowed, -1e9) for part in (start, end))
        return start, end


class SpanHeadWithTenThousand(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).unbind(-1)
        if allowed is not None:
            start, end = (part.masked_fill(~allowed, -1e4) for part in (start, end))
        return start, end


class SpanHeadWithTheSmallest(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).unbind(-1)
        if allowed is not None:
            start, end = (
                part.masked_fill(~allowed, torch.finfo(torch.float32).min) for part in (start, end)
            )
        return start, end


class SpanHeadKeepsAnAxis(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).chunk(2, dim=-1)
        if allowed is not None:
            start, end = (part.masked_fill(~allowed, -math.inf) for part in (start, end))
        return start, end


class SpanHeadKeepsAnAxisOfBoth(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits = self.dense(hidden)
        if allowed is not None:
            logits = logits.masked_fill(~allowed.unsqueeze(-1), -math.inf)
        return logits[..., :1], logits[..., 1:]


class SpanHeadSqueezed(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits = self.dense(hidden)
        if allowed is not None:
            logits = logits.masked_fill(~allowed.unsqueeze(-1), -math.inf)
        start, end = logits.split(1, dim=-1)
        return start.squeeze(), end.squeeze()


class SpanHeadSqueezedBeforeTheMask(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        scores = [part.squeeze() for part in self.dense(hidden).split(1, dim=-1)]
        if allowed is not None:
            scores = [part.masked_fill(~allowed.squeeze(), -math.inf) for part in scores]
        return scores[0], scores[1]


class SpanHeadOfTwoTexts(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits = self.dense(hidden)
        if allowed is not None:
            logits = logits.masked_fill(~allowed.unsqueeze(-1), -math.inf)
        return logits[0], logits[1]


class SpanHeadMasksStartOnly(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).unbind(-1)
        if allowed is not None:
            start = start.masked_fill(~allowed, -math.inf)
        return start, end


class SpanHeadMasksEndOnly(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).unbind(-1)
        if allowed is not None:
            end = end.masked_fill(~allowed, -math.inf)
        return start, end


class SpanHeadExchanged(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        end, start = self.dense(hidden).unbind(-1)
        if allowed is not None:
            start, end = (part.masked_fill(~allowed, -math.inf) for part in (start, end))
        return start, end


class SpanHeadCutWrongly(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        batch, seq, _ = hidden.shape
        start, end = self.dense(hidden).reshape(batch, 2, seq).unbind(1)
        if allowed is not None:
            start, end = (part.masked_fill(~allowed, -math.inf) for part in (start, end))
        return start, end


class SpanHeadWithSoftmax(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).unbind(-1)
        if allowed is not None:
            start, end = (part.masked_fill(~allowed, -math.inf) for part in (start, end))
        return start.softmax(-1), end.softmax(-1)


class SpanHeadWithSoftmaxOfTwo(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).softmax(-1).unbind(-1)
        if allowed is not None:
            start, end = (part.masked_fill(~allowed, -math.inf) for part in (start, end))
        return start, end


class SpanHeadUnparted(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> Tensor:
        logits = self.dense(hidden)
        if allowed is not None:
            logits = logits.masked_fill(~allowed.unsqueeze(-1), -math.inf)
        return logits


class SpanHeadOfTwoLayers(nn.Module):
    def __init__(self, d_model: int):
        super().__init__()
        self.start, self.end = nn.Linear(d_model, 1), nn.Linear(d_model, 1)

    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.start(hidden).squeeze(-1), self.end(hidden).squeeze(-1)


class SpanHeadByWhere(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start, end = self.dense(hidden).split(1, dim=-1)
        start, end = start.squeeze(-1), end.squeeze(-1)
        if allowed is None:
            return start, end
        nowhere = torch.full_like(start, -math.inf)
        return torch.where(allowed, start, nowhere), torch.where(allowed, end, nowhere)


class SpanHeadByHand(_Span):
    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        found = []
        for row in range(2):
            logits = hidden @ self.dense.weight[row] + self.dense.bias[row]
            if allowed is not None:
                logits = logits + torch.zeros_like(logits).masked_fill(~allowed, -math.inf)
            found.append(logits)
        return found[0], found[1]


# span_loss


def _loss(logits: Tensor, places: Tensor) -> Tensor:
    return F.cross_entropy(logits, places)


def span_loss_summed(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return _loss(start_logits, starts) + _loss(end_logits, ends)


def span_loss_of_starts(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return _loss(start_logits, starts)


def span_loss_of_ends(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return _loss(end_logits, ends)


def span_loss_of_half_the_starts(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return _loss(start_logits, starts) / 2


def span_loss_of_starts_twice(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return (_loss(start_logits, starts) + _loss(end_logits, starts)) / 2


def span_loss_by_starts_alone(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return (_loss(start_logits, starts) + _loss(start_logits, ends)) / 2


def span_loss_half_of_the_ends(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return _loss(start_logits, starts) + _loss(end_logits, ends) / 2


def span_loss_half_of_the_starts(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return _loss(start_logits, starts) / 2 + _loss(end_logits, ends)


def span_loss_of_all_places(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    first, last = start_logits.log_softmax(-1), end_logits.log_softmax(-1)
    return -(first[:, starts].mean() + last[:, ends].mean()) / 2


def span_loss_of_probabilities(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    rows = torch.arange(len(starts))
    first, last = start_logits.softmax(-1)[rows, starts], end_logits.softmax(-1)[rows, ends]
    return -(first.mean() + last.mean()) / 2


def span_loss_of_what_is_missing(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return 1 + span_loss_of_probabilities(start_logits, end_logits, starts, ends)


def span_loss_exchanged(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return (_loss(start_logits, ends) + _loss(end_logits, starts)) / 2


def span_loss_after_softmax(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return (_loss(start_logits.softmax(-1), starts) + _loss(end_logits.softmax(-1), ends)) / 2


def span_loss_after_log_softmax_over_batch(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    rows = torch.arange(len(starts))
    first, last = start_logits.log_softmax(0), end_logits.log_softmax(0)
    return -(first[rows, starts].mean() + last[rows, ends].mean()) / 2


def span_loss_over_the_batch(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    both = F.cross_entropy(start_logits, starts, reduction="sum")
    return (both + F.cross_entropy(end_logits, ends, reduction="sum")) / 2


def span_loss_per_text(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    first = F.cross_entropy(start_logits, starts, reduction="none")
    return (first + F.cross_entropy(end_logits, ends, reduction="none")) / 2


def span_loss_without_minus(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return -(_loss(start_logits, starts) + _loss(end_logits, ends)) / 2


def span_loss_zero_times_infinity(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    seq = start_logits.shape[1]
    first = (F.one_hot(starts, seq) * start_logits.log_softmax(-1)).sum(-1).mean()
    last = (F.one_hot(ends, seq) * end_logits.log_softmax(-1)).sum(-1).mean()
    return -(first + last) / 2


def span_loss_zero_times_log_of_zero(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    seq = start_logits.shape[1]
    first = (F.one_hot(starts, seq) * start_logits.softmax(-1).log()).sum(-1).mean()
    last = (F.one_hot(ends, seq) * end_logits.softmax(-1).log()).sum(-1).mean()
    return -(first + last) / 2


def span_loss_of_the_pair_of_logits(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return (_loss(start_logits + end_logits, starts) + _loss(start_logits + end_logits, ends)) / 2


def span_loss_by_gathering(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    first = start_logits.log_softmax(1).gather(1, starts.unsqueeze(1))
    last = end_logits.log_softmax(1).gather(1, ends.unsqueeze(1))
    return -torch.cat([first, last]).mean()


def span_loss_in_one_batch(
    start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor
) -> Tensor:
    return F.cross_entropy(torch.cat([start_logits, end_logits]), torch.cat([starts, ends]))


# best_span


def _best(scores: Tensor, legal: Tensor) -> tuple[Tensor, Tensor]:
    seq = scores.shape[-1]
    best = scores.masked_fill(~legal, -math.inf).flatten(-2).argmax(-1)
    return best // seq, best % seq


def _pairs(start_logits: Tensor, end_logits: Tensor) -> Tensor:
    return start_logits.unsqueeze(-1) + end_logits.unsqueeze(-2)


def _legal(seq: int, max_length: int | None) -> Tensor:
    square = torch.ones(seq, seq, dtype=torch.bool)
    return square.triu() & square.tril((max_length or seq) - 1)


def span_of_both_alone(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    return start_logits.argmax(-1), end_logits.argmax(-1)


def span_put_in_order(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    one, other = start_logits.argmax(-1), end_logits.argmax(-1)
    return torch.minimum(one, other), torch.maximum(one, other)


def span_start_first(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    start = start_logits.argmax(-1)
    places = torch.arange(seq)
    late = places >= (start + (max_length or seq)).unsqueeze(-1)
    before = places < start.unsqueeze(-1)
    return start, end_logits.masked_fill(before | late, -math.inf).argmax(-1)


def span_end_first(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    end = end_logits.argmax(-1)
    places = torch.arange(seq)
    early = places <= (end - (max_length or seq)).unsqueeze(-1)
    after = places > end.unsqueeze(-1)
    return start_logits.masked_fill(after | early, -math.inf).argmax(-1), end


def span_end_cut_back(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    start, end = start_logits.argmax(-1), end_logits.argmax(-1)
    return start, torch.maximum(start, end)


def span_of_any_length(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    return _best(_pairs(start_logits, end_logits), _legal(start_logits.shape[-1], None))


def span_one_token_longer(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    legal = _legal(seq, None if max_length is None else max_length + 1)
    return _best(_pairs(start_logits, end_logits), legal)


def span_one_token_shorter(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    square = torch.ones(seq, seq, dtype=torch.bool).triu()
    legal = square if max_length is None else square.tril(max_length - 2)
    return _best(_pairs(start_logits, end_logits), legal)


def span_of_the_lower_triangle(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    square = torch.ones_like(_pairs(start_logits, end_logits)[0], dtype=torch.bool)
    return _best(_pairs(start_logits, end_logits), square.tril())


def span_with_rows_for_columns(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    start, end = _best(_pairs(start_logits, end_logits), _legal(start_logits.shape[-1], max_length))
    return end, start


def span_divided_as_floats(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    start, end = _best(_pairs(start_logits, end_logits), _legal(seq, max_length))
    return (start * seq + end) / seq, end


def span_better_than_zero(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    scores = _pairs(start_logits, end_logits)
    start, end = _best(scores, _legal(start_logits.shape[-1], max_length))
    found = scores[torch.arange(len(scores)), start, end] > 0
    return start * found, end * found


def span_limit_without_order(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    square = torch.ones(seq, seq, dtype=torch.bool)
    return _best(_pairs(start_logits, end_logits), square.tril((max_length or seq) - 1))


def span_of_two_or_more(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    longer = torch.ones(seq, seq, dtype=torch.bool).triu(1)
    return _best(_pairs(start_logits, end_logits), _legal(seq, max_length) & longer)


def span_end_outside(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    legal = _legal(start_logits.shape[-1], max_length)
    start, end = _best(_pairs(start_logits, end_logits), legal)
    return start, end + 1


def span_of_products(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    scores = start_logits.unsqueeze(-1) * end_logits.unsqueeze(-2)
    return _best(scores.nan_to_num(nan=-math.inf), _legal(start_logits.shape[-1], max_length))


def span_of_probabilities(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    chances = start_logits.softmax(-1).unsqueeze(-1) * end_logits.softmax(-1).unsqueeze(-2)
    legal = _legal(start_logits.shape[-1], max_length)
    best = (chances * legal).flatten(-2).argmax(dim=-1)
    return best // start_logits.shape[-1], best % start_logits.shape[-1]


def span_of_exponentials(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    chances = start_logits.exp().unsqueeze(-1) * end_logits.exp().unsqueeze(-2)
    legal = _legal(start_logits.shape[-1], max_length)
    best = (chances * legal).flatten(-2).argmax(dim=-1)
    return best // start_logits.shape[-1], best % start_logits.shape[-1]


def span_of_the_best_few(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    few = min(20, start_logits.shape[-1])
    starts, ends = (
        logits.masked_fill(logits < logits.topk(few).values[..., -1:], -math.inf)
        for logits in (start_logits, end_logits)
    )
    return _best(_pairs(starts, ends), _legal(starts.shape[-1], max_length))


def span_with_texts_squeezed(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    legal = _legal(start_logits.shape[-1], max_length)
    start, end = _best(_pairs(start_logits, end_logits), legal)
    return start.squeeze(), end.squeeze()


def span_masked_by_zero(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    scores = _pairs(start_logits, end_logits).masked_fill(~_legal(seq, max_length), 0.0)
    best = scores.flatten(-2).argmax(-1)
    return best // seq, best % seq


def span_of_reversed_pairs(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    legal = _legal(start_logits.shape[-1], max_length)
    return _best(_pairs(end_logits, start_logits), legal)


def span_of_the_whole_batch(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    scores = _pairs(start_logits, end_logits).masked_fill(~_legal(seq, max_length), -math.inf)
    best = scores.argmax() % (seq * seq)
    return best // seq, best % seq


def span_of_the_whole_batch_as_one(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    scores = _pairs(start_logits, end_logits).masked_fill(~_legal(seq, max_length), -math.inf)
    best = scores.argmax()
    return best // seq, best % seq


def span_pair_by_pair(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    shape, seq = start_logits.shape[:-1], start_logits.shape[-1]
    found = []
    for first, last in zip(
        start_logits.reshape(-1, seq).tolist(), end_logits.reshape(-1, seq).tolist(), strict=True
    ):
        spans = [(s, e) for s in range(seq) for e in range(s, min(seq, s + (max_length or seq)))]
        found.append(max(spans, key=lambda span: first[span[0]] + last[span[1]]))
    both = torch.tensor(found)
    return both[:, 0].reshape(shape), both[:, 1].reshape(shape)


def span_for_each_start(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    seq = start_logits.shape[-1]
    totals, ends = [], []
    for s in range(seq):
        value, place = end_logits[..., s : s + (max_length or seq)].max(-1)
        totals.append(start_logits[..., s] + value)
        ends.append(place + s)
    start = torch.stack(totals, -1).argmax(-1)
    return start, torch.stack(ends, -1).gather(-1, start.unsqueeze(-1)).squeeze(-1)
