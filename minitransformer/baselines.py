"""What a transformer is measured against: bags of words, logistic regression, the best possible.

A bag keeps the words of a text and loses their order. Logistic regression is one weight a feature
and one bias; on top of a bag it is the classic way to tell praise from complaint. And
:func:`best_possible_accuracy` says what nobody can beat who sees no more than that. Imports
nothing from the package.
"""

import torch
from torch import Tensor


def bag_of_words(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    """How often each word of the vocabulary occurs in each text; padding is no word.

        counts_bw = number of places i with ids_bi = w,   counts_b,pad = 0

    Args:
        ids: token ids ``(batch, seq)``.
        vocab_size: how many words there are.
        pad_id: the id of ``[PAD]``.

    Returns:
        float ``(batch, vocab)``.
    """
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < vocab_size:
        raise ValueError(
            f"ids must lie in 0..{vocab_size - 1}, got {int(ids.min())} to {int(ids.max())}; "
            "pass the size of the vocabulary that made them"
        )
    counts = torch.zeros(len(ids), vocab_size, device=ids.device)
    return counts.scatter_add_(1, ids, (ids != pad_id).to(counts.dtype))


def best_possible_accuracy(shares: Tensor) -> float:
    """The accuracy that nobody can beat who sees only this much of each text.

        sum over views v of max over classes c of shares_vc / sum of all shares

    Texts that look alike get the same answer, whoever gives it; the best answer is the class that
    is more frequent among them.

    Args:
        shares: ``(views, classes)``, how often each view (a bag, say) comes with each class:
            counts or probabilities.
    """
    if shares.dim() != 2 or not shares.sum() > 0 or (shares < 0).any():
        raise ValueError(
            f"shares must be (views, classes), not negative and not all 0, got shape "
            f"{tuple(shares.shape)}; count each view with each class"
        )
    return float(shares.amax(dim=1).sum() / shares.sum())


def logistic_step(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    """One step of logistic regression down the slope of its loss.

        p = sigmoid(X w + b),   w <- w - rate X^T (p - y) / n,   b <- b - rate mean(p - y)

    The fractions are the gradients of the mean cross-entropy, -log p where the label is 1 and
    -log(1 - p) where it is 0.

    Args:
        features: X ``(n, num_features)``.
        labels: y ``(n,)``, each 0 or 1.
        weight: w ``(num_features,)``.
        bias: b, a tensor without dimensions.
        learning_rate: how far to go.

    Returns:
        The new ``(weight, bias)``; those passed in stay as they are.

    Source: Cox, The Regression Analysis of Binary Sequences (1958).
    """
    error = (features @ weight + bias).sigmoid() - labels  # (n,)
    gradient = features.T @ error / len(labels)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()
