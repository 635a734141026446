"""Chapter 8's mistakes and alternatives, first part: a GPT that learns a task.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
from torch import Tensor


def _at(hidden: Tensor, places: Tensor) -> Tensor:
    return hidden[torch.arange(len(hidden), device=hidden.device), places]


# last_vector


def last_of_the_row(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden[:, -1]


def first_of_the_row(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden[:, 0]


def last_first_real(hidden: Tensor, real: Tensor) -> Tensor:
    return _at(hidden, real.long().argmax(dim=1))


def last_on_another_device(hidden: Tensor, real: Tensor) -> Tensor:
    batch, seq = real.shape
    places = torch.arange(seq).masked_fill(~real, 0).amax(dim=1)
    return hidden[torch.arange(batch), places]


def last_numbered_on_another_device(hidden: Tensor, real: Tensor) -> Tensor:
    places = (torch.arange(real.shape[1]) * real).amax(dim=1)
    return hidden[range(len(real)), places]


def last_as_mean(hidden: Tensor, real: Tensor) -> Tensor:
    counts = real.sum(dim=1, keepdim=True)
    return (hidden * real.unsqueeze(-1)).sum(dim=1) / counts


def last_as_mean_of_all(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.mean(dim=1)


def last_by_count(hidden: Tensor, real: Tensor) -> Tensor:
    return _at(hidden, real.sum(dim=1) - 1)


def last_by_count_without_minus_one(hidden: Tensor, real: Tensor) -> Tensor:
    places = real.sum(dim=1).clamp(max=hidden.shape[1] - 1)
    return _at(hidden, places)


def last_but_one(hidden: Tensor, real: Tensor) -> Tensor:
    places = torch.arange(real.shape[1], device=real.device).masked_fill(~real, 0).amax(dim=1)
    return _at(hidden, (places - 1).clamp(min=0))


def last_of_the_longest(hidden: Tensor, real: Tensor) -> Tensor:
    places = torch.arange(real.shape[1], device=real.device).masked_fill(~real, 0).amax()
    return hidden[:, places]


def last_with_an_axis_left(hidden: Tensor, real: Tensor) -> Tensor:
    places = torch.arange(real.shape[1], device=real.device).masked_fill(~real, 0).amax(dim=1)
    return hidden.gather(1, places[:, None, None].expand(-1, 1, hidden.shape[2]))


def last_of_all_pairs(hidden: Tensor, real: Tensor) -> Tensor:
    places = torch.arange(real.shape[1], device=real.device).masked_fill(~real, 0).amax(dim=1)
    return hidden[:, places]


def last_as_sum(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1)).sum(dim=1)


def last_as_largest(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.masked_fill(~real.unsqueeze(-1), float("-inf")).amax(dim=1)


def last_as_place(hidden: Tensor, real: Tensor) -> Tensor:
    places = torch.arange(real.shape[1], device=real.device).masked_fill(~real, 0).amax(dim=1)
    return places


def last_of_the_batch(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden[real][-1]


def last_cut_off(hidden: Tensor, real: Tensor) -> Tensor:
    places = torch.arange(real.shape[1], device=real.device).masked_fill(~real, 0).amax(dim=1)
    return _at(hidden, places).detach()


def last_of_the_row_padding_zeroed(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1))[:, -1]


def last_by_loop(hidden: Tensor, real: Tensor) -> Tensor:
    rows = []
    for vectors, there in zip(hidden, real, strict=True):
        rows.append(vectors[there][-1])
    return torch.stack(rows)


def last_by_flip(hidden: Tensor, real: Tensor) -> Tensor:
    from_the_end = real.flip(1).long().argmax(dim=1)
    return _at(hidden, real.shape[1] - 1 - from_the_end)


def last_by_gather(hidden: Tensor, real: Tensor) -> Tensor:
    order = torch.arange(1, real.shape[1] + 1, device=real.device) * real
    places = order.argmax(dim=1)
    return hidden.gather(1, places[:, None, None].expand(-1, 1, hidden.shape[2])).squeeze(1)


# two_objective_loss


def objectives_weight_on_task(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return weight * task + language


def objectives_halved(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return (task + weight * language) / 2


def objectives_weighted_mean(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return (task + weight * language) / (1 + weight)


def objectives_shared(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return (1 - weight) * task + weight * language


def objectives_shared_the_other_way(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return weight * task + (1 - weight) * language


def objectives_without_weight(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task + language


def objectives_always_half(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task + 0.5 * language


def objectives_weight_on_both(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return weight * (task + language)


def objectives_task_alone(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task


def objectives_language_detached(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task + weight * language.detach()


def objectives_language_as_number(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task + weight * language.item()


def objectives_in_place(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task.add_(weight * language)


def objectives_as_numbers(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return torch.tensor(task.item() + weight * language.item(), dtype=task.dtype)


def objectives_detached(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return (task + weight * language).detach()


def objectives_subtracted(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task - weight * language


def objectives_multiplied(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task * weight * language


def objectives_task_detached(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task.detach() + weight * language


def objectives_language_alone(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return weight * language


def objectives_one_minus_weight(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return task + (1 - weight) * language


def objectives_by_dot(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    both = torch.stack([task, language])
    return both @ torch.tensor([1.0, weight], dtype=both.dtype, device=both.device)


def objectives_by_add(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    return torch.add(task, language, alpha=weight)
