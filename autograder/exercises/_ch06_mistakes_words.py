"""Chapter 6's mistakes with bags, bounds and logistic regression, and other right ways.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# bag_of_words


def _counts(ids: Tensor, vocab_size: int, pad_id: int) -> Tensor:
    return (F.one_hot(ids, vocab_size) * (ids != pad_id).unsqueeze(-1)).sum(1).float()


def bag_of_zeros_and_ones(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return _counts(ids, vocab_size, pad_id).clamp_max(1)


def bag_with_padding(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return F.one_hot(ids, vocab_size).sum(1).float()


def bag_up_to_the_first_padding(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    before = ((ids == pad_id).cumsum(1) == 0).unsqueeze(-1)
    return (F.one_hot(ids, vocab_size) * before).sum(1).float()


def bag_of_the_first_ones(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    bag = torch.zeros(len(ids), vocab_size)
    for row, number in enumerate((ids != pad_id).sum(1).tolist()):
        for word in ids[row, :number].tolist():
            bag[row, word] += 1
    return bag


def bag_always_without_zero(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return _counts(ids, vocab_size, 0)


def bag_of_shares(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    counts = _counts(ids, vocab_size, pad_id)
    return counts / counts.sum(1, keepdim=True)


def bag_of_shares_of_seq(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return _counts(ids, vocab_size, pad_id) / ids.shape[1]


def bag_of_the_whole_batch(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return _counts(ids, vocab_size, pad_id).sum(0)


def bag_words_by_texts(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return _counts(ids, vocab_size, pad_id).T


def bag_of_places(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return (F.one_hot(ids, vocab_size) * (ids != pad_id).unsqueeze(-1)).sum(0).float()


def bag_of_integers(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return _counts(ids, vocab_size, pad_id).long()


def bag_without_the_column_of_padding(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    counts = _counts(ids, vocab_size, pad_id)
    return torch.cat([counts[:, :pad_id], counts[:, pad_id + 1 :]], dim=1)


def bag_without_its_first_column(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return F.one_hot(ids, vocab_size).sum(1).float()[:, 1:]


def bag_up_to_the_largest_id(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    counts = F.one_hot(ids).sum(1).float()
    counts[:, pad_id] = 0
    return counts


def bag_up_to_each_largest_id(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return torch.stack([torch.bincount(text[text != pad_id]) for text in ids]).float()


def bag_of_ones(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return (F.one_hot(ids, vocab_size) * (ids != pad_id).unsqueeze(-1)).sum(2).float()


def bag_of_ones_with_padding(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    return F.one_hot(ids, vocab_size).sum(2).float()


def bag_text_by_text(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    counts = torch.zeros(len(ids), vocab_size)
    for row, text in enumerate(ids.tolist()):
        for word in text:
            if word != pad_id:
                counts[row, word] += 1
    return counts


def bag_by_bincount(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    counts = torch.stack([torch.bincount(text, minlength=vocab_size) for text in ids]).float()
    counts[:, pad_id] = 0
    return counts


# best_possible_accuracy


def best_of_each_view_alike(shares: Tensor) -> float:
    rows = shares / shares.sum(1, keepdim=True)
    return float(rows.amax(1).mean())


def best_of_each_view_alike_by_softmax(shares: Tensor) -> float:
    return float(shares.softmax(1).amax(1).mean())


def best_by_one_answer_for_all(shares: Tensor) -> float:
    return float(shares.sum(0).amax() / shares.sum())


def best_by_drawing_answers(shares: Tensor) -> float:
    rows = shares / shares.sum(1, keepdim=True)
    return float((shares * rows).sum() / shares.sum())


def best_over_the_views(shares: Tensor) -> float:
    return float(shares.amax(0).sum() / shares.sum())


def best_without_division(shares: Tensor) -> float:
    return float(shares.amax(1).sum())


def best_divided_by_views(shares: Tensor) -> float:
    return float(shares.amax(1).mean())


def best_in_percent(shares: Tensor) -> float:
    return float(100 * shares.amax(1).sum() / shares.sum())


def best_of_two_classes(shares: Tensor) -> float:
    return float(shares[:, :2].amax(1).sum() / shares.sum())


def best_of_two_classes_alone(shares: Tensor) -> float:
    return float(shares[:, :2].amax(1).sum() / shares[:, :2].sum())


def best_of_all_that_tie(shares: Tensor) -> float:
    largest = shares == shares.amax(dim=1, keepdim=True)
    return float(shares[largest].sum() / shares.sum())


def best_as_errors(shares: Tensor) -> float:
    return float(1 - shares.amax(1).sum() / shares.sum())


def best_of_the_last_class(shares: Tensor) -> float:
    return float(shares[:, -1].sum() / shares.sum())


def best_view_by_view(shares: Tensor) -> float:
    right = total = 0.0
    for row in shares.tolist():
        right += max(row)
        total += sum(row)
    return right / total


def best_by_choosing(shares: Tensor) -> float:
    answer = shares.argmax(dim=1, keepdim=True)
    return float(shares.gather(1, answer).sum() / shares.sum())


# logistic_step


def _error(features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return (features @ weight + bias).sigmoid() - labels


def step_uphill(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    gradient = features.T @ error / len(labels)
    return weight + learning_rate * gradient, bias + learning_rate * error.mean()


def step_of_a_sum(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    return weight - learning_rate * features.T @ error, bias - learning_rate * error.sum()


def step_of_a_sum_of_weights(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    return weight - learning_rate * features.T @ error, bias - learning_rate * error.mean()


def step_of_a_sum_for_bias(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.sum()


def step_without_sigmoid(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = features @ weight + bias - labels
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_with_softmax(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = (features @ weight + bias).softmax(0) - labels
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_of_squared_error(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    p = (features @ weight + bias).sigmoid()
    error = (p - labels) * p * (1 - p)
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_of_squared_error_doubled(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    p = (features @ weight + bias).sigmoid()
    error = 2 * (p - labels) * p * (1 - p)
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_without_bias(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    return weight - learning_rate * features.T @ error / len(labels), bias


def step_blind_to_bias(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = (features @ weight).sigmoid() - labels
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_with_moved_weights(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    moved = weight - learning_rate * features.T @ error / len(labels)
    return moved, bias - learning_rate * _error(features, labels, moved, bias).mean()


def step_without_rate(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    return weight - features.T @ error / len(labels), bias - error.mean()


def step_returns_gradients(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    return features.T @ error / len(labels), error.mean()


def step_divided_by_features(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    gradient = features.T @ error / features.shape[1]
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_all_divided_by_features(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    gradient = features.T @ error / len(weight)
    return weight - learning_rate * gradient, bias - learning_rate * error.sum() / len(weight)


def step_with_errors_along_features(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    gradient = (features * error).mean(0)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_with_features_as_they_lie(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    gradient = features @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_of_decided_answers(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = (features @ weight + bias > 0).to(features) - labels
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_of_decided_answers_with_ties(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = (features @ weight + bias >= 0).to(features) - labels
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_of_decided_answers_in_float32(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = (features @ weight + bias > 0).float() - labels
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_with_turned_sigmoid(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = 1 / (1 + torch.exp(features @ weight + bias)) - labels
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_squeezed(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    features, labels = features.squeeze(), labels.squeeze()
    error = (features @ weight + bias).sigmoid() - labels
    gradient = features.T @ error / len(features)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()


def step_in_place(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    error = _error(features, labels, weight, bias)
    weight -= learning_rate * features.T @ error / len(labels)
    bias -= learning_rate * error.mean()
    return weight, bias


def step_by_autograd(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    loss = F.binary_cross_entropy_with_logits(features @ w + b, labels.to(w))
    loss.backward()
    return weight - learning_rate * w.grad, bias - learning_rate * b.grad


def step_text_by_text(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    new_weight, new_bias = weight.clone(), bias.clone()
    for row, label in zip(features, labels, strict=True):
        p = 1 / (1 + torch.exp(-(row @ weight + bias)))
        new_weight = new_weight - learning_rate * (p - label) * row / len(features)
        new_bias = new_bias - learning_rate * (p - label) / len(features)
    return new_weight, new_bias
