"""Chapter 5's mistakes with sampling, and other right ways to write it.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math

import torch
from torch import Tensor, nn

# top_p_filter


def _top_p(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    before = _before(ordered.softmax(-1))
    ordered = ordered.masked_fill(before >= p, -math.inf) if p < 1 else ordered
    return torch.empty_like(logits).scatter(-1, order, ordered)


def _before(probabilities: Tensor) -> Tensor:
    return probabilities.cumsum(-1) - probabilities


def top_p_drops_the_crossing(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    total = ordered.softmax(-1).cumsum(-1)
    return torch.empty_like(logits).scatter(-1, order, ordered.masked_fill(total > p, -math.inf))


def top_p_drops_the_crossing_but_one(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    out = ordered.softmax(-1).cumsum(-1) > p
    out[..., 0] = False
    return torch.empty_like(logits).scatter(-1, order, ordered.masked_fill(out, -math.inf))


def top_p_drops_what_reaches_p(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    total = ordered.softmax(-1).cumsum(-1)
    return torch.empty_like(logits).scatter(-1, order, ordered.masked_fill(total >= p, -math.inf))


def top_p_drops_what_reaches_p_but_one(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    out = ordered.softmax(-1).cumsum(-1) >= p
    out[..., 0] = False
    return torch.empty_like(logits).scatter(-1, order, ordered.masked_fill(out, -math.inf))


def top_p_one_too_many(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    before = _before(ordered.softmax(-1)).roll(1, -1)
    before[..., 0] = 0
    return torch.empty_like(logits).scatter(-1, order, ordered.masked_fill(before >= p, -math.inf))


def top_p_left_in_order(logits: Tensor, p: float) -> Tensor:
    ordered = logits.sort(dim=-1, descending=True).values
    before = _before(ordered.softmax(-1))
    return ordered.masked_fill(before >= p, -math.inf)


def top_p_mask_left_in_order(logits: Tensor, p: float) -> Tensor:
    ordered = logits.sort(dim=-1, descending=True).values
    return logits.masked_fill(_before(ordered.softmax(-1)) >= p, -math.inf)


def top_p_from_the_rarest(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1)
    before = _before(ordered.softmax(-1))
    return torch.empty_like(logits).scatter(-1, order, ordered.masked_fill(before >= p, -math.inf))


def top_p_without_sorting(logits: Tensor, p: float) -> Tensor:
    return logits.masked_fill(_before(logits.softmax(-1)) >= p, -math.inf)


def top_p_as_a_least_probability(logits: Tensor, p: float) -> Tensor:
    return logits.masked_fill(logits.softmax(-1) < p, -math.inf)


def top_p_as_a_share_of_the_best(logits: Tensor, p: float) -> Tensor:
    probabilities = logits.softmax(-1)
    return logits.masked_fill(probabilities < p * probabilities.amax(-1, True), -math.inf)


def top_p_keeps_the_rest(logits: Tensor, p: float) -> Tensor:
    return _top_p(logits, 1 - p)


def top_p_fills_with_zero(logits: Tensor, p: float) -> Tensor:
    return _top_p(logits, p).masked_fill(_top_p(logits, p) == -math.inf, 0.0)


def top_p_as_probabilities(logits: Tensor, p: float) -> Tensor:
    return _top_p(logits, p).softmax(-1)


def top_p_sums_logits(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    return torch.empty_like(logits).scatter(-1, order, ordered.masked_fill(before >= p, -math.inf))


def top_p_over_the_batch(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=0, descending=True)
    probabilities = ordered.softmax(0)
    out = probabilities.cumsum(0) - probabilities >= p
    return torch.empty_like(logits).scatter(0, order, ordered.masked_fill(out, -math.inf))


def top_p_by_comparing(logits: Tensor, p: float) -> Tensor:
    probabilities = logits.softmax(dim=-1)
    larger = probabilities.unsqueeze(-2) > probabilities.unsqueeze(-1)  # (..., token, other)
    before = (probabilities.unsqueeze(-2) * larger).sum(-1)
    return logits.masked_fill(before >= p - 1e-7, -math.inf)


def top_p_from_the_other_end(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1)
    out = ordered.softmax(-1).cumsum(-1) <= 1 - p - 1e-6
    return logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)


def top_p_row_by_row(logits: Tensor, p: float) -> Tensor:
    result = torch.full_like(logits, -math.inf)
    for row, kept in zip(logits.reshape(-1, logits.shape[-1]), result.view(-1, logits.shape[-1]),
                         strict=True):  # fmt: skip
        probabilities, total = row.softmax(0), 0.0
        for token in row.argsort(descending=True).tolist():
            kept[token] = row[token]
            total += float(probabilities[token])
            if total >= p:
                break
    return result


# next_token_distribution


def _top_k(logits: Tensor, k: int) -> Tensor:
    kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < kth, -math.inf)


def _filtered(logits: Tensor, top_k: int | None, top_p: float | None) -> Tensor:
    if top_k is not None:
        logits = _top_k(logits, top_k)
    if top_p is not None:
        logits = _top_p(logits, top_p)
    return logits


def _best(logits: Tensor) -> Tensor:
    return nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits)


def next_temperature_multiplied(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(logits * temperature, top_k, top_p).softmax(-1)


def next_temperature_ignored(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(logits, top_k, top_p).softmax(-1)


def next_temperature_of_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(logits, top_k, top_p).softmax(-1) / temperature


def next_temperature_last(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return (_filtered(logits, top_k, top_p) / temperature).softmax(-1)


def next_top_p_first(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(_filtered(logits / temperature, None, top_p), top_k, None).softmax(-1)


def next_either_filter(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(logits / temperature, top_k, None if top_k else top_p).softmax(-1)


def next_one_kth_for_all(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    logits = logits / temperature
    if top_k is not None:
        kth = logits.topk(min(top_k, logits.shape[-1])).values.min()
        logits = logits.masked_fill(logits < kth, -math.inf)
    return _filtered(logits, None, top_p).softmax(-1)


def next_by_exp(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    parts = _filtered(logits / temperature, top_k, top_p).exp()
    return parts / parts.sum(-1, keepdim=True)


def next_nearly_greedy(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    return _filtered(logits / max(temperature, 1e-3), top_k, top_p).softmax(-1)


def next_loses_the_kth(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        kth = logits.topk(top_k).values[..., -1:]
        logits = logits.masked_fill(logits <= kth, -math.inf)
    return _filtered(logits, None, top_p).softmax(-1)


def next_cuts_ties(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    logits = logits / temperature
    if top_k is not None:
        best = logits.topk(min(top_k, logits.shape[-1]))
        logits = torch.full_like(logits, -math.inf).scatter(-1, best.indices, best.values)
    return _filtered(logits, None, top_p).softmax(-1)


def next_cuts_ties_by_sorting(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    logits = logits / temperature
    if top_k is not None:
        order = logits.argsort(dim=-1, descending=True, stable=True)[..., top_k:]
        logits = logits.scatter(-1, order, -math.inf)
    return _filtered(logits, None, top_p).softmax(-1)


def next_fills_with_zero(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    logits = _filtered(logits / temperature, top_k, None)
    logits = _filtered(logits.masked_fill(logits == -math.inf, 0.0), None, top_p)
    return logits.softmax(-1)


def next_not_renormalised(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    logits = logits / temperature
    kept = _filtered(logits, top_k, top_p) > -math.inf
    return logits.softmax(-1) * kept


def next_over_the_batch(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(logits / temperature, top_k, top_p).softmax(0)


def next_divides_by_zero(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    return _filtered(logits / temperature, top_k, top_p).softmax(-1)


def next_returns_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(logits / temperature, top_k, top_p)


def next_without_top_k(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    return _filtered(logits / temperature, None, top_p).softmax(-1)


def next_by_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if temperature == 0:
        return _best(logits)
    chances = (logits / temperature).softmax(-1)
    if top_k is not None and top_k < chances.shape[-1]:
        kth = chances.sort(dim=-1, descending=True).values[..., top_k - 1]
        chances = torch.where(chances >= kth.unsqueeze(-1), chances, 0.0)
        chances = chances / chances.sum(-1, keepdim=True)
    if top_p is not None:
        kept = _top_p(chances.log(), top_p) > -math.inf
        chances = torch.where(kept, chances, 0.0)
    return chances / chances.sum(-1, keepdim=True)


def next_by_sorting(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if not temperature:
        return (logits.argmax(-1, keepdim=True) == torch.arange(logits.shape[-1])).to(logits)
    scores = logits / temperature
    if top_k is not None:
        place = min(top_k, scores.shape[-1])
        least = scores.kthvalue(scores.shape[-1] - place + 1, dim=-1, keepdim=True).values
        scores = torch.where(scores < least, -math.inf, scores)
    if top_p is not None:
        scores = _top_p(scores, top_p)
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


# generate


def _next(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    return (
        _best(logits)
        if temperature == 0
        else _filtered(logits / temperature, top_k, top_p).softmax(-1)
    )


def _drawn(chances: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.multinomial(chances, 1, generator=generator)


def generate_the_best(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        new = _next(logits, temperature, top_k, top_p).argmax(-1, keepdim=True)
        ids = torch.cat([ids, new], dim=1)
    return ids


def generate_from_the_first_place(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, 0]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_from_the_beginning_alone(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    logits = model(ids[:, -model.config.max_seq :])[:, -1]
    for _ in range(max_new_tokens):
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_only_the_new(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    start = ids.shape[1]
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids[:, start:]


def generate_from_the_last_token(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -1:])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_beyond_the_context(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids)[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_from_the_first_tokens(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, : model.config.max_seq])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_without_generator(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), None)], dim=1)
    return ids


def generate_with_fixed_seed(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_without_settings(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(logits.softmax(-1), generator)], dim=1)
    return ids


def generate_without_filters(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, None, None), generator)], dim=1)
    return ids


def generate_without_top_p(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, None), generator)], dim=1)
    return ids


def generate_without_top_k(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, None, top_p), generator)], dim=1)
    return ids


def generate_stops_at_0(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        new = _drawn(_next(logits, temperature, top_k, top_p), generator)
        ids = torch.cat([ids, new], dim=1)
        if not new.any():
            break
    return ids


def generate_stops_texts_at_0(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    ended = torch.zeros(len(ids), 1, dtype=torch.bool)
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        new = _drawn(_next(logits, temperature, top_k, top_p), generator).masked_fill(ended, 0)
        ended = ended | (new == 0)
        ids = torch.cat([ids, new], dim=1)
    return ids


def generate_one_too_many(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens + 1):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_up_to(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    while ids.shape[1] < max_new_tokens:
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_loses_the_beginning(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        ids = ids[:, -model.config.max_seq :]
        logits = model(ids)[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
    return ids


def generate_ends_cut_to_the_context(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        ids = torch.cat([ids, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)
        ids = ids[:, -model.config.max_seq :]
    return ids


def generate_by_recursion(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    if max_new_tokens == 0:
        return ids
    shorter = generate_by_recursion(
        model, ids, max_new_tokens - 1, temperature, top_k, top_p, generator
    )
    logits = model(shorter[:, -model.config.max_seq :])[:, -1]
    return torch.cat([shorter, _drawn(_next(logits, temperature, top_k, top_p), generator)], dim=1)


def generate_by_inverse(
    model: nn.Module, ids: Tensor, max_new_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    rows = list(ids.unbind(1))
    for _ in range(max_new_tokens):
        logits = model(torch.stack(rows[-model.config.max_seq :], dim=1))[:, -1]
        climbing = _next(logits, temperature, top_k, top_p).double().cumsum(-1)
        point = torch.rand(len(ids), 1, generator=generator, dtype=torch.float64)
        rows.append((climbing <= point * climbing[:, -1:]).sum(-1))
    return torch.stack(rows, dim=1)
