"""Chapter 2's mistakes that learners make, and other right ways to write its functions.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _soft(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.amax(dim, keepdim=True)).exp()
    return e / e.sum(dim, keepdim=True)


def _scores(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) / math.sqrt(key.shape[-1])


def _hidden(scores: Tensor, mask: Tensor | None) -> Tensor:
    return scores if mask is None else scores.masked_fill(~mask, -math.inf)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    weights = _soft(_hidden(_scores(query, key), mask))
    return weights @ value, weights


# softmax


def softmax_always_over_first_axis(scores: Tensor, dim: int = -1) -> Tensor:
    return _soft(scores, 0)


def softmax_always_over_last_axis(scores: Tensor, dim: int = -1) -> Tensor:
    return _soft(scores, -1)


def softmax_without_sum(scores: Tensor, dim: int = -1) -> Tensor:
    return (scores - scores.amax(dim, keepdim=True)).exp()


def softmax_without_maximum(scores: Tensor, dim: int = -1) -> Tensor:
    return scores.exp() / scores.exp().sum(dim, keepdim=True)


def softmax_with_one_maximum(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.max()).exp()
    return e / e.sum(dim, keepdim=True)


def softmax_without_keepdim(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.amax(dim, keepdim=True)).exp()
    return e / e.sum(dim)


def softmax_in_place(scores: Tensor, dim: int = -1) -> Tensor:
    scores -= scores.amax(dim, keepdim=True)
    return scores.exp() / scores.exp().sum(dim, keepdim=True)


def softmax_naive_over_first_axis(scores: Tensor, dim: int = -1) -> Tensor:
    return scores.exp() / scores.exp().sum(0)


def softmax_naive_over_last_axis(scores: Tensor, dim: int = -1) -> Tensor:
    return scores.exp() / scores.exp().sum(-1, keepdim=True)


def softmax_always_over_axis_1(scores: Tensor, dim: int = -1) -> Tensor:
    return _soft(scores, 1)


def softmax_always_over_last_but_one(scores: Tensor, dim: int = -1) -> Tensor:
    return _soft(scores, -2)


def softmax_over_whole_table(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.max()).exp()
    return e / e.sum()


def softmax_naive_over_whole_table(scores: Tensor, dim: int = -1) -> Tensor:
    return scores.exp() / scores.exp().sum()


def softmax_summed_over_whole_table(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.amax(dim, keepdim=True)).exp()
    return e / e.sum()


def softmax_without_both_keepdims(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.amax(dim)).exp()
    return e / e.sum(dim)


def softmax_naive_without_keepdim(scores: Tensor, dim: int = -1) -> Tensor:
    return scores.exp() / scores.exp().sum(dim)


def softmax_one_maximum_without_keepdim(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.max()).exp()
    return e / e.sum(dim)


def softmax_maximum_without_keepdim(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores - scores.amax(dim)).exp()
    return e / e.sum(dim, keepdim=True)


def softmax_in_place_twice(scores: Tensor, dim: int = -1) -> Tensor:
    scores -= scores.amax(dim, keepdim=True)
    scores.exp_()
    return scores / scores.sum(dim, keepdim=True)


def softmax_in_place_throughout(scores: Tensor, dim: int = -1) -> Tensor:
    scores -= scores.amax(dim, keepdim=True)
    scores.exp_()
    scores /= scores.sum(dim, keepdim=True)
    return scores


def softmax_with_overflow_hidden(scores: Tensor, dim: int = -1) -> Tensor:
    return (scores.exp() / scores.exp().sum(dim, keepdim=True)).nan_to_num()


def softmax_of_clamped_scores(scores: Tensor, dim: int = -1) -> Tensor:
    e = scores.clamp(max=80).exp()
    return e / e.sum(dim, keepdim=True)


def softmax_of_minus_scores(scores: Tensor, dim: int = -1) -> Tensor:
    e = (scores.amax(dim, keepdim=True) - scores).exp()
    return e / e.sum(dim, keepdim=True)


def softmax_by_logsumexp(scores: Tensor, dim: int = -1) -> Tensor:
    return (scores - torch.logsumexp(scores, dim, keepdim=True)).exp()


def softmax_row_by_row(scores: Tensor, dim: int = -1) -> Tensor:
    last = scores.movedim(dim, -1)
    rows = []
    for row in last.reshape(-1, last.shape[-1]):
        e = torch.exp(row - torch.max(row))
        rows.append(e / torch.sum(e))
    return torch.stack(rows).reshape(last.shape).movedim(-1, dim)


# cross_entropy


def _log_soft(logits: Tensor) -> Tensor:
    shifted = logits - logits.amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    return -_log_soft(logits).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def cross_entropy_summed(logits: Tensor, targets: Tensor) -> Tensor:
    return _losses(logits, targets).sum()


def cross_entropy_per_token(logits: Tensor, targets: Tensor) -> Tensor:
    return _losses(logits, targets)


def cross_entropy_mean_over_sentences(logits: Tensor, targets: Tensor) -> Tensor:
    return _losses(logits, targets).sum() / logits.shape[0]


def cross_entropy_softmax_twice(logits: Tensor, targets: Tensor) -> Tensor:
    return _losses(_soft(logits), targets).mean()


def cross_entropy_log_of_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    right = _soft(logits).gather(-1, targets.unsqueeze(-1))
    return -right.log().mean()


def cross_entropy_without_maximum(logits: Tensor, targets: Tensor) -> Tensor:
    right = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (logits.exp().sum(-1).log() - right).mean()


def cross_entropy_every_pair(logits: Tensor, targets: Tensor) -> Tensor:
    return -_log_soft(logits)[..., targets].mean()


def _chosen(logits: Tensor, targets: Tensor) -> Tensor:
    return _soft(logits).gather(-1, targets.unsqueeze(-1))


def _chosen_naively(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits.exp() / logits.exp().sum(-1, keepdim=True)).gather(-1, targets.unsqueeze(-1))


def cross_entropy_log_of_p_plus_1e12(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen(logits, targets) + 1e-12).log().mean()


def cross_entropy_log_of_p_plus_1e10(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen(logits, targets) + 1e-10).log().mean()


def cross_entropy_log_of_p_plus_1e9(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen(logits, targets) + 1e-9).log().mean()


def cross_entropy_log_of_p_plus_1e8(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen(logits, targets) + 1e-8).log().mean()


def cross_entropy_log_of_p_plus_1e7(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen(logits, targets) + 1e-7).log().mean()


def cross_entropy_log_of_p_plus_1e6(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen(logits, targets) + 1e-6).log().mean()


def cross_entropy_log_of_p_at_least_1e12(logits: Tensor, targets: Tensor) -> Tensor:
    return -_chosen(logits, targets).clamp_min(1e-12).log().mean()


def cross_entropy_log_of_p_at_least_1e10(logits: Tensor, targets: Tensor) -> Tensor:
    return -_chosen(logits, targets).clamp_min(1e-10).log().mean()


def cross_entropy_log_of_p_at_least_1e9(logits: Tensor, targets: Tensor) -> Tensor:
    return -_chosen(logits, targets).clamp_min(1e-9).log().mean()


def cross_entropy_log_of_p_at_least_1e8(logits: Tensor, targets: Tensor) -> Tensor:
    return -_chosen(logits, targets).clamp_min(1e-8).log().mean()


def cross_entropy_log_of_p_at_least_1e7(logits: Tensor, targets: Tensor) -> Tensor:
    return -_chosen(logits, targets).clamp_min(1e-7).log().mean()


def cross_entropy_log_of_naive_softmax(logits: Tensor, targets: Tensor) -> Tensor:
    return -_chosen_naively(logits, targets).log().mean()


def cross_entropy_log_of_naive_p_plus_1e12(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen_naively(logits, targets) + 1e-12).log().mean()


def cross_entropy_log_of_naive_p_plus_1e10(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen_naively(logits, targets) + 1e-10).log().mean()


def cross_entropy_log_of_naive_p_plus_1e9(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen_naively(logits, targets) + 1e-9).log().mean()


def cross_entropy_log_of_naive_p_plus_1e8(logits: Tensor, targets: Tensor) -> Tensor:
    return -(_chosen_naively(logits, targets) + 1e-8).log().mean()


def cross_entropy_for_two_axes_by_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    return -_soft(logits)[torch.arange(len(targets)), targets].log().mean()


def cross_entropy_without_minus(logits: Tensor, targets: Tensor) -> Tensor:
    return -_losses(logits, targets).mean()


def cross_entropy_of_probabilities_without_minus(logits: Tensor, targets: Tensor) -> Tensor:
    return _chosen(logits, targets).log().mean()


def cross_entropy_mean_over_vocab(logits: Tensor, targets: Tensor) -> Tensor:
    return _losses(logits, targets).mean() / logits.shape[-1]


def cross_entropy_for_two_axes(logits: Tensor, targets: Tensor) -> Tensor:
    return -_log_soft(logits)[torch.arange(len(targets)), targets].mean()


def cross_entropy_for_two_axes_by_logits(logits: Tensor, targets: Tensor) -> Tensor:
    right = logits[torch.arange(len(targets)), targets]
    return (torch.logsumexp(logits, -1) - right).mean()


def cross_entropy_over_axis_1(logits: Tensor, targets: Tensor) -> Tensor:
    right = logits[torch.arange(len(targets)), targets]
    return (torch.logsumexp(logits, 1) - right).mean()


def cross_entropy_shifted_over_axis_1(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - torch.logsumexp(logits, 1, keepdim=True)
    return -shifted[torch.arange(len(targets)), targets].mean()


def cross_entropy_gathered_over_axis_1(logits: Tensor, targets: Tensor) -> Tensor:
    right = logits.gather(1, targets.unsqueeze(1)).squeeze(1)
    return (torch.logsumexp(logits, 1) - right).mean()


def cross_entropy_log_gathered_over_axis_1(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - torch.logsumexp(logits, 1, keepdim=True)
    return -shifted.gather(1, targets.unsqueeze(1)).mean()


def cross_entropy_sum_of_each_sentence(logits: Tensor, targets: Tensor) -> Tensor:
    return _losses(logits, targets).sum(-1).mean()


def cross_entropy_with_one_maximum(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - logits.max()
    right = shifted.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (shifted.exp().sum(-1).log() - right).mean()


def cross_entropy_half_shifted(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - logits.amax(-1, keepdim=True)
    right = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (shifted.exp().sum(-1).log() - right).mean()


def cross_entropy_other_half_shifted(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - logits.amax(-1, keepdim=True)
    right = shifted.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (logits.logsumexp(-1) - right).mean()


def cross_entropy_gathered_not_squeezed(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - logits.amax(-1, keepdim=True)
    right = shifted.gather(-1, targets.unsqueeze(-1))
    return (shifted.exp().sum(-1).log() - right).mean()


def cross_entropy_cut_off(logits: Tensor, targets: Tensor) -> Tensor:
    return _losses(logits.detach(), targets).mean()


def cross_entropy_by_index(logits: Tensor, targets: Tensor) -> Tensor:
    flat, wanted = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    right = flat[torch.arange(len(wanted)), wanted]
    return (torch.logsumexp(flat, dim=-1) - right).mean()


def cross_entropy_by_one_hot(logits: Tensor, targets: Tensor) -> Tensor:
    chosen = F.one_hot(targets, logits.shape[-1]).to(logits.dtype)
    return -(chosen * _log_soft(logits)).sum(-1).mean()


# score_variance


def variance_as_standard_deviation(d_k: int, divisor: float = 1.0) -> float:
    return math.sqrt(d_k) / divisor


def variance_divisor_not_squared(d_k: int, divisor: float = 1.0) -> float:
    return d_k / divisor


def variance_divisor_ignored(d_k: int, divisor: float = 1.0) -> float:
    return float(d_k)


def variance_of_equal_terms(d_k: int, divisor: float = 1.0) -> float:
    return d_k**2 / divisor**2


def variance_term_by_term(d_k: int, divisor: float = 1.0) -> float:
    return sum((1 / divisor) ** 2 for _ in range(d_k))


def variance_from_deviation(d_k: int, divisor: float = 1.0) -> float:
    return (math.sqrt(d_k) / divisor) ** 2


# similarity_scores


def scores_not_scaled(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1)


def scores_divided_by_d_k(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) / key.shape[-1]


def scores_scaled_by_length_of_sentence(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) / math.sqrt(key.shape[-2])


def scores_with_all_axes_reversed(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.permute(*reversed(range(key.ndim))) / math.sqrt(key.shape[-1])


def scores_keys_by_queries(query: Tensor, key: Tensor) -> Tensor:
    return key @ query.transpose(-2, -1) / math.sqrt(key.shape[-1])


def scores_as_cosines(query: Tensor, key: Tensor) -> Tensor:
    q, k = (v / v.norm(dim=-1, keepdim=True) for v in (query, key))
    return q @ k.transpose(-2, -1)


def scores_in_place(query: Tensor, key: Tensor) -> Tensor:
    query /= math.sqrt(query.shape[-1])
    return query @ key.transpose(-2, -1)


def scores_of_reversed_keys_not_scaled(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.permute(*reversed(range(key.ndim)))


def scores_of_first_axes_not_scaled(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(0, 1)


def scores_of_last_axes_of_three_not_scaled(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(1, 2)


def scores_exchange_first_axes(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(0, 1) / math.sqrt(key.shape[-1])


def scores_exchange_axes_1_and_2(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(1, 2) / math.sqrt(key.shape[-1])


def scores_scaled_by_number_of_queries(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) / math.sqrt(query.shape[-2])


def scores_scaled_by_first_axis_of_query(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) / math.sqrt(query.shape[0])


def scores_scaled_by_first_axis_of_key(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) / math.sqrt(key.shape[0])


def scores_scaled_by_axis_1(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) / math.sqrt(query.shape[1])


def scores_multiplied(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.transpose(-2, -1) * math.sqrt(key.shape[-1])


def scores_after_softmax(query: Tensor, key: Tensor) -> Tensor:
    return _soft(_scores(query, key))


def scores_in_place_of_key(query: Tensor, key: Tensor) -> Tensor:
    key /= math.sqrt(key.shape[-1])
    return query @ key.transpose(-2, -1)


def scores_in_place_of_both(query: Tensor, key: Tensor) -> Tensor:
    query /= query.shape[-1] ** 0.25
    key /= key.shape[-1] ** 0.25
    return query @ key.transpose(-2, -1)


def scores_by_einsum(query: Tensor, key: Tensor) -> Tensor:
    return torch.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5


def scores_by_products(query: Tensor, key: Tensor) -> Tensor:
    products = query.unsqueeze(-2) * key.unsqueeze(-3)
    return products.sum(-1) * key.shape[-1] ** -0.5


# padding_mask


def padding_inverted(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids == pad_id).unsqueeze(1)


def padding_without_query_axis(ids: Tensor, pad_id: int = 0) -> Tensor:
    return ids != pad_id


def padding_hides_queries(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(-1)


def padding_repeated_for_queries(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(1).repeat(1, ids.shape[1], 1)


def padding_axis_in_front(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(0)


def padding_by_lengths(ids: Tensor, pad_id: int = 0) -> Tensor:
    lengths = (ids != pad_id).sum(-1, keepdim=True)
    return (torch.arange(ids.shape[1]) < lengths).unsqueeze(1)


def padding_from_the_first(ids: Tensor, pad_id: int = 0) -> Tensor:
    return ((ids == pad_id).cumsum(-1) == 0).unsqueeze(1)


def padding_after_the_last_word(ids: Tensor, pad_id: int = 0) -> Tensor:
    return ((ids != pad_id).flip(-1).cumsum(-1).flip(-1) > 0).unsqueeze(1)


def padding_as_numbers(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(1).float()


def padding_always_zero(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != 0).unsqueeze(1)


def padding_ids_above(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids > pad_id).unsqueeze(1)


def padding_inverted_without_query_axis(ids: Tensor, pad_id: int = 0) -> Tensor:
    return ids == pad_id


def padding_as_int(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(1).int()


def padding_as_long(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(1).long()


def padding_as_bytes(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(1).byte()


def padding_for_heads(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids != pad_id).unsqueeze(1).unsqueeze(1)


def padding_hides_queries_too(ids: Tensor, pad_id: int = 0) -> Tensor:
    real = ids != pad_id
    return real.unsqueeze(1) & real.unsqueeze(2)


def padding_to_be_added(ids: Tensor, pad_id: int = 0) -> Tensor:
    return torch.zeros(ids.shape).masked_fill(ids == pad_id, -math.inf).unsqueeze(1)


def padding_marked_as_float(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids == pad_id).unsqueeze(1).float()


def padding_marked_as_int(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids == pad_id).unsqueeze(1).int()


def padding_marked_as_long(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids == pad_id).unsqueeze(1).long()


def padding_large_to_be_added(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (ids == pad_id).unsqueeze(1) * -1e9


def padding_by_index(ids: Tensor, pad_id: int = 0) -> Tensor:
    return ~ids.eq(pad_id)[:, None, :]


def padding_word_by_word(ids: Tensor, pad_id: int = 0) -> Tensor:
    rows = [[[token != pad_id for token in row]] for row in ids.tolist()]
    return torch.tensor(rows, dtype=torch.bool)


# causal_mask


def causal_upper_triangle(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool).triu()


def causal_without_diagonal(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool).tril(-1)


def causal_one_word_ahead(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool).tril(1)


def causal_inverted(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool).triu(1)


def causal_as_numbers(seq: int) -> Tensor:
    return torch.ones(seq, seq).tril()


def causal_to_be_added(seq: int) -> Tensor:
    return torch.full((seq, seq), -math.inf).triu(1)


def causal_as_int(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.int).tril()


def causal_as_long(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.long).tril()


def causal_as_bytes(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.uint8).tril()


def causal_future_as_float(seq: int) -> Tensor:
    return torch.ones(seq, seq).triu(1)


def causal_future_as_int(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.int).triu(1)


def causal_future_as_long(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.long).triu(1)


def causal_large_to_be_added(seq: int) -> Tensor:
    return torch.full((seq, seq), -1e9).triu(1)


def causal_with_batch_axis(seq: int) -> Tensor:
    return torch.ones(1, seq, seq, dtype=torch.bool).tril()


def causal_by_comparison(seq: int) -> Tensor:
    place = torch.arange(seq)
    return place.unsqueeze(0) <= place.unsqueeze(1)


def causal_row_by_row(seq: int) -> Tensor:
    mask = torch.zeros(seq, seq, dtype=torch.bool)
    for query in range(seq):
        mask[query, : query + 1] = True
    return mask


# masked_softmax


def masked_after_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores) * mask


def masked_and_rescaled(scores: Tensor, mask: Tensor) -> Tensor:
    weights = _soft(scores) * mask
    return weights / weights.sum(-1, keepdim=True)


def masked_by_zero_scores(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores * mask)


def masked_inverted(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores.masked_fill(mask, -math.inf))


def masked_over_queries(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(_hidden(scores, mask), -2)


def masked_not_at_all(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores)


def masked_in_place(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores.masked_fill_(~mask, -math.inf))


def masked_by_infinity_after_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores).masked_fill(~mask, -math.inf)


def masked_by_minus_1(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores.masked_fill(~mask, -1))


def masked_by_minus_5(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores.masked_fill(~mask, -5))


def masked_by_minus_10(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores.masked_fill(~mask, -10))


def masked_by_minus_100(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores.masked_fill(~mask, -100))


def masked_before_second_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(_hidden(_soft(scores), mask))


def masked_where_score_is_zero(scores: Tensor, mask: Tensor) -> Tensor:
    visible = scores * mask
    return _soft(visible.masked_fill(visible == 0, -math.inf))


def masked_by_zero_times_infinity(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores + (1 - mask.float()) * -math.inf)


def masked_by_where(scores: Tensor, mask: Tensor) -> Tensor:
    return torch.softmax(torch.where(mask, scores, torch.full_like(scores, -1e9)), dim=-1)


def masked_by_adding(scores: Tensor, mask: Tensor) -> Tensor:
    return _soft(scores + torch.zeros_like(scores).masked_fill(~mask, -math.inf))


# attention_weights


def weights_not_scaled(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    return _soft(_hidden(query @ key.transpose(-2, -1), mask))


def weights_divided_by_d_k(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    return _soft(_hidden(query @ key.transpose(-2, -1) / key.shape[-1], mask))


def weights_over_queries(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    return _soft(_hidden(_scores(query, key), mask), -2)


def weights_mask_ignored(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    return _soft(_scores(query, key))


def weights_mask_inverted(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = _scores(query, key)
    return _soft(scores if mask is None else scores.masked_fill(mask, -math.inf))


def weights_mask_multiplied(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = _scores(query, key)
    return _soft(scores if mask is None else scores * mask)


def weights_mask_after_softmax(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    weights = _soft(_scores(query, key))
    return weights if mask is None else weights * mask


def weights_mask_after_by_infinity(
    query: Tensor, key: Tensor, mask: Tensor | None = None
) -> Tensor:
    return _hidden(_soft(_scores(query, key)), mask)


def weights_keys_by_queries(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    return _soft(_hidden(_scores(key, query), mask))


def weights_without_softmax(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    return _hidden(_scores(query, key), mask)


def weights_scores_alone(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    return _scores(query, key)


def weights_mask_with_another_axis(
    query: Tensor, key: Tensor, mask: Tensor | None = None
) -> Tensor:
    mask = mask.unsqueeze(1) if mask is not None and mask.ndim == 3 else mask
    return _soft(_hidden(_scores(query, key), mask))


def weights_mask_with_another_axis_in_front(
    query: Tensor, key: Tensor, mask: Tensor | None = None
) -> Tensor:
    return _soft(_hidden(_scores(query, key), None if mask is None else mask.unsqueeze(-3)))


def weights_and_scores(
    query: Tensor, key: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    scores = _scores(query, key)
    return _soft(_hidden(scores, mask)), scores


def weights_query_by_query(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    rows = []
    for place in range(query.shape[-2]):
        scores = (key * query[..., place : place + 1, :]).sum(-1) / math.sqrt(key.shape[-1])
        if mask is not None:
            allowed = mask[..., 0 if mask.shape[-2] == 1 else place, :]
            scores = scores.masked_fill(~allowed, -1e9)
        rows.append(F.softmax(scores, dim=-1))
    return torch.stack(rows, dim=-2)


def weights_by_einsum(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = torch.einsum("...qd,...kd->...qk", query, key) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = torch.where(mask, scores, -torch.inf)
    return (scores - scores.logsumexp(-1, keepdim=True)).exp()


# scaled_dot_product_attention


def attention_without_weights(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> Tensor:
    return _attend(query, key, value, mask)[0]


def attention_weights_first(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    context, weights = _attend(query, key, value, mask)
    return weights, context


def attention_mask_ignored(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    return _attend(query, key, value)


def attention_mixes_keys(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    return _attend(query, key, key, mask)


def attention_weights_transposed(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    weights = _attend(query, key, value, mask)[1]
    return weights.transpose(-2, -1) @ value, weights


def attention_not_scaled(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    return _attend(query * math.sqrt(key.shape[-1]), key, value, mask)


def attention_over_queries(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    weights = _soft(_hidden(_scores(query, key), mask), -2)
    return weights @ value, weights


def attention_mask_after_softmax(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    weights = _soft(_scores(query, key))
    weights = weights if mask is None else weights * mask
    return weights @ value, weights


def attention_mask_inverted(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    return _attend(query, key, value, None if mask is None else ~mask)


def attention_keys_by_queries(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    return _attend(key, query, value, mask)


def attention_without_softmax(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    scores = _hidden(_scores(query, key), mask)
    return scores @ value, scores


def attention_by_scores_alone(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    scores = _scores(query, key)
    return scores @ value, scores


def attention_returns_scores(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    return _attend(query, key, value, mask)[0], _scores(query, key)


def attention_returns_weights_without_mask(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    return _attend(query, key, value, mask)[0], _soft(_scores(query, key))


def attention_mask_with_another_axis(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    mask = mask.unsqueeze(1) if mask is not None and mask.ndim == 3 else mask
    return _attend(query, key, value, mask)


def attention_by_einsum(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    scores = torch.einsum("...qd,...kd->...qk", query, key) / math.sqrt(key.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    weights = torch.softmax(scores, dim=-1)
    return torch.einsum("...qk,...kd->...qd", weights, value), weights


def attention_word_by_word(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    scores = _hidden((query / math.sqrt(query.shape[-1])) @ key.mT, mask)
    weights = (scores - scores.logsumexp(-1, keepdim=True)).exp()
    context = query.new_zeros(*query.shape[:-1], value.shape[-1])
    for place in range(value.shape[-2]):
        context = context + weights[..., place, None] * value[..., place : place + 1, :]
    return context, weights


# SelfAttention


class _Head(nn.Module):
    def __init__(self, d_model: int, d_head: int, bias: bool = False):
        super().__init__()
        self.query = nn.Linear(d_model, d_head, bias=bias)
        self.key = nn.Linear(d_model, d_head, bias=bias)
        self.value = nn.Linear(d_model, d_head, bias=bias)


class HeadWithBias(nn.Module):
    def __init__(self, d_model: int, d_head: int):
        super().__init__()
        self.query = nn.Linear(d_model, d_head)
        self.key = nn.Linear(d_model, d_head)
        self.value = nn.Linear(d_model, d_head)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.key(x), self.value(x), mask)


class HeadOfModelSize(_Head):
    def __init__(self, d_model: int, d_head: int):
        super().__init__(d_model, d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.key(x), self.value(x), mask)


class HeadSizesExchanged(_Head):
    def __init__(self, d_model: int, d_head: int):
        super().__init__(d_head, d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.key(x), self.value(x), mask)


class HeadOfOneLayer(nn.Module):
    def __init__(self, d_model: int, d_head: int):
        super().__init__()
        self.query = self.key = self.value = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.key(x), self.value(x), mask)


class HeadKeyFromQuery(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.query(x), self.value(x), mask)


class HeadValueNotProjected(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.key(x), x, mask)


class HeadMaskIgnored(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.key(x), self.value(x))


class HeadScaledByModelSize(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        query, key = self.query(x), self.key(x)
        scores = query @ key.transpose(-2, -1) / math.sqrt(x.shape[-1])
        weights = _soft(_hidden(scores, mask))
        return weights @ self.value(x), weights


class HeadWithoutWeights(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return _attend(self.query(x), self.key(x), self.value(x), mask)[0]


class HeadWithoutProjections(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(x, x, x, mask)


class HeadNotScaled(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(
            self.query(x) * math.sqrt(self.query.weight.shape[0]), self.key(x), self.value(x), mask
        )


class HeadScaledTwice(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(
            self.query(x) / math.sqrt(self.query.weight.shape[0]), self.key(x), self.value(x), mask
        )


class HeadScaledTwiceByModelSize(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x) / math.sqrt(x.shape[-1]), self.key(x), self.value(x), mask)


class HeadQueryAndKeySwapped(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.key(x), self.query(x), self.value(x), mask)


class HeadKeyAndValueSwapped(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return _attend(self.query(x), self.value(x), self.key(x), mask)


class HeadInAnotherOrder(nn.Module):
    def __init__(self, d_model: int, d_head: int):
        super().__init__()
        self.value = nn.Linear(d_model, d_head, bias=False)
        self.key = nn.Linear(d_model, d_head, bias=False)
        self.query = nn.Linear(d_model, d_head, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        query, key, value = self.query(x), self.key(x), self.value(x)
        scores = torch.einsum("bqd,bkd->bqk", query, key) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e9)
        weights = torch.softmax(scores, dim=-1)
        return torch.einsum("bqk,bkd->bqd", weights, value), weights


class HeadWithOneProduct(_Head):
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        together = torch.cat([self.query.weight, self.key.weight, self.value.weight])
        query, key, value = (x @ together.T).chunk(3, dim=-1)
        return _attend(query, key, value, mask)


# contextual_similarity


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum() / (a.norm() * b.norm())


def _mixed(sentence: Tensor) -> Tensor:
    return _attend(sentence, sentence, sentence)[0]


def similarity_of_static_vectors(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    return _cosine(sentence_a[position_a], sentence_b[position_b])


def similarity_without_lengths(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    return _mixed(sentence_a)[position_a] @ _mixed(sentence_b)[position_b]


def similarity_of_whole_sentences(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    return _cosine(_mixed(sentence_a).mean(0), _mixed(sentence_b).mean(0))


def similarity_at_one_position(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    return _cosine(_mixed(sentence_a)[position_a], _mixed(sentence_b)[position_a])


def similarity_across_sentences(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    a = _attend(sentence_a, sentence_b, sentence_b)[0]
    b = _attend(sentence_b, sentence_a, sentence_a)[0]
    return _cosine(a[position_a], b[position_b])


def similarity_without_brackets(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    a, b = _mixed(sentence_a)[position_a], _mixed(sentence_b)[position_b]
    return a @ b / a.norm() * b.norm()


def similarity_cut_off(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    a, b = _mixed(sentence_a)[position_a], _mixed(sentence_b)[position_b]
    return _cosine(a.detach(), b.detach())


def similarity_divided_by_root(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    product = _mixed(sentence_a)[position_a] @ _mixed(sentence_b)[position_b]
    return product / math.sqrt(sentence_a.shape[-1])


def similarity_positions_swapped(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    return _cosine(_mixed(sentence_a)[position_b], _mixed(sentence_b)[position_a])


def similarity_of_weights(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    a = _attend(sentence_a, sentence_a, sentence_a)[1]
    b = _attend(sentence_b, sentence_b, sentence_b)[1]
    return _cosine(a[position_a], b[position_b])


def similarity_by_torch(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    a, b = _mixed(sentence_a)[position_a], _mixed(sentence_b)[position_b]
    return F.cosine_similarity(a, b, dim=0)


def similarity_of_the_two_words_alone(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    vectors = []
    for sentence, place in ((sentence_a, position_a), (sentence_b, position_b)):
        scores = sentence @ sentence[place] / math.sqrt(sentence.shape[-1])
        vector = torch.softmax(scores, dim=0) @ sentence
        vectors.append(vector / vector.norm())
    return vectors[0] @ vectors[1]
