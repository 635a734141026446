"""Chapter 7's mistakes with targets, their mask and their loss, and other right ways.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
from torch import Tensor

# shift_right


def shifted_left(targets: Tensor, start_id: int) -> Tensor:
    end = torch.full_like(targets[:, :1], start_id)
    return torch.cat([targets[:, 1:], end], dim=1)


def shifted_left_with_padding(targets: Tensor, start_id: int) -> Tensor:
    return torch.cat([targets[:, 1:], torch.zeros_like(targets[:, :1])], dim=1)


def shifted_left_and_begun(targets: Tensor, start_id: int) -> Tensor:
    shifted = torch.cat([targets[:, 1:], torch.zeros_like(targets[:, :1])], dim=1)
    shifted[:, 0] = start_id
    return shifted


def shifted_round(targets: Tensor, start_id: int) -> Tensor:
    return targets.roll(1, dims=1)


def shifted_round_over_rows(targets: Tensor, start_id: int) -> Tensor:
    return targets.roll(1)


def shifted_with_padding(targets: Tensor, start_id: int) -> Tensor:
    return torch.cat([torch.zeros_like(targets[:, :1]), targets[:, :-1]], dim=1)


def shifted_and_longer(targets: Tensor, start_id: int) -> Tensor:
    start = torch.full_like(targets[:, :1], start_id)
    return torch.cat([start, targets], dim=1)


def start_written_over(targets: Tensor, start_id: int) -> Tensor:
    result = targets.clone()
    result[:, 0] = start_id
    return result


def start_dropped(targets: Tensor, start_id: int) -> Tensor:
    return targets[:, :-1]


def shifted_twice(targets: Tensor, start_id: int) -> Tensor:
    start = torch.full_like(targets[:, :2], start_id)
    return torch.cat([start, targets[:, :-2]], dim=1)


def shifted_in_place(targets: Tensor, start_id: int) -> Tensor:
    targets[:, 1:] = targets[:, :-1].clone()
    targets[:, 0] = start_id
    return targets


def shifted_down(targets: Tensor, start_id: int) -> Tensor:
    start = torch.full_like(targets[:1], start_id)
    return torch.cat([start, targets[:-1]], dim=0)


def shifted_by_roll(targets: Tensor, start_id: int) -> Tensor:
    result = targets.roll(1, dims=1)
    result[:, 0] = start_id
    return result


def shifted_into_an_empty_table(targets: Tensor, start_id: int) -> Tensor:
    result = torch.empty_like(targets)
    result[:, 0] = start_id
    result[:, 1:] = targets[:, :-1]
    return result


def shifted_row_by_row(targets: Tensor, start_id: int) -> Tensor:
    rows = [[start_id, *row[:-1]] for row in targets.tolist()]
    return torch.tensor(rows, dtype=targets.dtype)


# target_mask


def _past(seq: int) -> Tensor:
    return torch.ones(seq, seq, dtype=torch.bool).tril()


def target_past_or_real(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1]) | (ids != pad_id).unsqueeze(1)


def target_past_alone(ids: Tensor, pad_id: int = 0) -> Tensor:
    seq = ids.shape[1]
    return _past(seq).expand(len(ids), seq, seq)


def target_past_alone_without_batch(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1])


def target_pads_with_0(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1]) & (ids != 0).unsqueeze(1)


def target_real_alone(ids: Tensor, pad_id: int = 0) -> Tensor:
    seq = ids.shape[1]
    return (ids != pad_id).unsqueeze(1).expand(len(ids), seq, seq)


def target_without_itself(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1]).tril(-1) & (ids != pad_id).unsqueeze(1)


def target_one_ahead(ids: Tensor, pad_id: int = 0) -> Tensor:
    seq = ids.shape[1]
    past = torch.ones(seq, seq, dtype=torch.bool).tril(1)
    return past & (ids != pad_id).unsqueeze(1)


def target_the_future(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1]).T & (ids != pad_id).unsqueeze(1)


def target_hides_queries(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1]) & (ids != pad_id).unsqueeze(2)


def target_hides_queries_too(ids: Tensor, pad_id: int = 0) -> Tensor:
    real = ids != pad_id
    return _past(ids.shape[1]) & real.unsqueeze(1) & real.unsqueeze(2)


def target_squeezed(ids: Tensor, pad_id: int = 0) -> Tensor:
    past = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
    return (past & (ids != pad_id).unsqueeze(1)).squeeze()


def target_for_heads(ids: Tensor, pad_id: int = 0) -> Tensor:
    return (_past(ids.shape[1]) & (ids != pad_id).unsqueeze(1)).unsqueeze(1)


def target_as_numbers(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1]).float() * (ids != pad_id).unsqueeze(1).float()


def target_as_ints(ids: Tensor, pad_id: int = 0) -> Tensor:
    return _past(ids.shape[1]).long() * (ids != pad_id).unsqueeze(1).long()


def target_by_comparison(ids: Tensor, pad_id: int = 0) -> Tensor:
    place = torch.arange(ids.shape[1])
    return (place.unsqueeze(1) >= place) & (ids.unsqueeze(1) != pad_id)


def target_with_itself(ids: Tensor, pad_id: int = 0) -> Tensor:
    seq = ids.shape[1]
    real = (ids != pad_id).unsqueeze(1) | torch.eye(seq, dtype=torch.bool)
    return torch.logical_and(_past(seq), real)


def target_place_by_place(ids: Tensor, pad_id: int = 0) -> Tensor:
    rows = [
        [[j <= i and other != pad_id for j, other in enumerate(row)] for i in range(len(row))]
        for row in ids.tolist()
    ]
    return torch.tensor(rows, dtype=torch.bool)


# smoothed_probability


def smoothed_without_its_share(vocab: int, smoothing: float) -> float:
    return 1 - smoothing


def smoothed_with_a_share_of_the_others(vocab: int, smoothing: float) -> float:
    return 1 - smoothing + smoothing / (vocab - 1)


def smoothed_minus_a_share(vocab: int, smoothing: float) -> float:
    return 1 - smoothing / vocab


def smoothed_not_at_all(vocab: int, smoothing: float) -> float:
    return 1.0


def smoothed_share_alone(vocab: int, smoothing: float) -> float:
    return smoothing / vocab


def smoothed_in_one_fraction(vocab: int, smoothing: float) -> float:
    return (vocab - smoothing * (vocab - 1)) / vocab


def smoothed_by_what_the_others_get(vocab: int, smoothing: float) -> float:
    others = sum(smoothing / vocab for _ in range(vocab - 1))
    return 1.0 - others


# label_smoothing_loss


def _log_probabilities(logits: Tensor) -> Tensor:
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


def _counted(logits: Tensor, targets: Tensor, pad_id: int | None) -> tuple[Tensor, Tensor]:
    if pad_id is None:
        return logits, targets
    real = targets != pad_id
    return logits[real], targets[real]


def _right_and_all(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    logs = _log_probabilities(logits)
    return -logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1), -logs.sum(dim=-1)


def loss_without_smoothing(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, _ = _right_and_all(*_counted(logits, targets, pad_id))
    return right.mean()


def loss_over_the_others(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    share = smoothing / (logits.shape[-1] - 1)
    return ((1 - smoothing) * right + share * (every - right)).mean()


def loss_over_one_too_few(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    return ((1 - smoothing) * right + smoothing * every / (logits.shape[-1] - 1)).mean()


def loss_without_the_right_share(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    share = smoothing / logits.shape[-1]
    return ((1 - smoothing) * right + share * (every - right)).mean()


def loss_with_a_sum_of_all(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    return ((1 - smoothing) * right + smoothing * every).mean()


def loss_with_too_much_belief(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    return (right + smoothing * every / logits.shape[-1]).mean()


def loss_with_shares_exchanged(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    return (smoothing * right + (1 - smoothing) * every / logits.shape[-1]).mean()


def loss_averaged_over_padding(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(logits, targets)
    each = (1 - smoothing) * right + smoothing * every / logits.shape[-1]
    if pad_id is not None:
        each = each * (targets != pad_id)
    return each.mean()


def loss_counts_padding(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(logits, targets)
    return ((1 - smoothing) * right + smoothing * every / logits.shape[-1]).mean()


def loss_spreads_over_padding(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(logits, targets)
    each = smoothing * every / logits.shape[-1]
    each = each + (1 - smoothing) * (right if pad_id is None else right * (targets != pad_id))
    count = targets.numel() if pad_id is None else (targets != pad_id).sum()
    return each.sum() / count


def loss_summed(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    return ((1 - smoothing) * right + smoothing * every / logits.shape[-1]).sum()


def loss_a_sentence_at_a_time(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(logits, targets)
    each = (1 - smoothing) * right + smoothing * every / logits.shape[-1]
    real = torch.ones_like(each) if pad_id is None else (targets != pad_id).to(each)
    return ((each * real).sum(dim=-1) / real.sum(dim=-1)).mean()


def loss_always_without_0(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, 0))
    return ((1 - smoothing) * right + smoothing * every / logits.shape[-1]).mean()


def loss_by_plain_logarithm(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    logits, targets = _counted(logits, targets, pad_id)
    exponentials = logits.exp()
    logs = (exponentials / exponentials.sum(dim=-1, keepdim=True)).log()
    right = logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -((1 - smoothing) * right + smoothing * logs.mean(dim=-1)).mean()


def loss_by_stable_probabilities(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    logits, targets = _counted(logits, targets, pad_id)
    logs = logits.softmax(dim=-1).log()
    right = logs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -((1 - smoothing) * right + smoothing * logs.mean(dim=-1)).mean()


def loss_of_tables_alone(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    batch, seq, vocab = logits.shape
    told = torch.full((batch, seq, vocab), smoothing / vocab, dtype=logits.dtype)
    told.scatter_add_(2, targets.unsqueeze(2), torch.full_like(told, 1 - smoothing))
    losses = -(told * logits.log_softmax(dim=2)).sum(dim=2)
    return losses.mean() if pad_id is None else losses[targets != pad_id].mean()


def loss_each_by_itself(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    right, every = _right_and_all(*_counted(logits, targets, pad_id))
    return (1 - smoothing) * right + smoothing * every / logits.shape[-1]


def loss_by_full_targets(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    logs = torch.log_softmax(logits, dim=-1)
    vocab = logits.shape[-1]
    belief = torch.full_like(logs, smoothing / vocab)
    belief = belief.scatter(-1, targets.unsqueeze(-1), 1 - smoothing + smoothing / vocab)
    each = -(belief * logs).sum(dim=-1)
    if pad_id is None:
        return each.mean()
    return each[targets != pad_id].mean()


def loss_by_counting(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    flat, right = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    total, count = logits.new_zeros(()), 0
    for row, target in zip(flat, right.tolist(), strict=True):
        if target != pad_id:
            logs = row - torch.logsumexp(row, dim=0)
            total = total - (1 - smoothing) * logs[target] - smoothing * logs.mean()
            count += 1
    return total / count
