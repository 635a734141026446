"""What a model is trained to make small. Imports nothing from the package."""

import torch
from torch import Tensor


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean negative log-probability that the logits give to the right classes.

    For one position with logits z and right class t

        loss = -log softmax(z)_t = log sum_j exp(z_j) - z_t,

    and the result is the mean over all positions. The largest logit is subtracted first: the
    loss does not change, and no exp can overflow (the log-sum-exp trick).

    Args:
        logits: floating point ``(..., vocab)``, one score per class.
        targets: integers ``(...)``, the right classes, each from 0 to ``vocab - 1``.

    Returns:
        A tensor without dimensions, in nats: 0 for a sure and right model, log(vocab) for one
        that finds all classes equally likely.

    Source: Goodfellow, Bengio and Courville, Deep Learning (2016), sections 4.1 and 6.2.2.
    """
    _check_targets(logits, targets)
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    log_normalizer = shifted.exp().sum(dim=-1).log()  # (...)
    target_logit = shifted.gather(-1, targets.long().unsqueeze(-1)).squeeze(-1)  # (...)
    return (log_normalizer - target_logit).mean()


def next_token_loss(logits: Tensor, ids: Tensor) -> Tensor:
    """The cross-entropy of each token, predicted from those before it. The shift is made here.

        loss = mean over t of  -log P(ids_{t+1} | ids_1 ... ids_t)

    Pass logits and ids as the model gave and read them, place for place: the logits at t are
    compared with the token at t + 1, the last logits and the first token with nothing. Ids that
    are shifted already would be shifted twice; those go into :func:`cross_entropy`.

    Args:
        logits: floating point ``(batch, seq, vocab)``.
        ids: token ids ``(batch, seq)``, or labels: the same with -100 where nothing is to be
            learned (padding, a prompt).

    Returns:
        A tensor without dimensions, in nats: the mean over all tokens that count, of all rows.

    Source: Radford et al., Improving Language Understanding by Generative Pre-Training (2018),
    section 3.1, equation 1; the mean instead of the sum.
    """
    if ids.dim() != 2 or logits.shape[:-1] != ids.shape:
        raise ValueError(
            f"logits (batch, seq, vocab) need ids (batch, seq), got {tuple(logits.shape)} and "
            f"{tuple(ids.shape)}; shift neither"
        )
    predicted, wanted = logits[:, :-1], ids[:, 1:]
    kept = wanted != -100
    return cross_entropy(predicted[kept], wanted[kept])


def masked_lm_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of the hidden words: the mean over the chosen positions only.

        loss = 1/|M| sum_{i in M} -log P(labels_i | corrupted text),   M = {i : labels_i != -100}

    Args:
        logits: floating point ``(..., vocab)``.
        labels: the true ids ``(...)`` where a word was chosen, -100 elsewhere.

    Returns:
        A tensor without dimensions, in nats. Where no word was chosen, which happens by chance in
        a small batch, there is nothing to learn: 0, with gradients of 0.

    Source: Devlin et al., BERT (2019), section 3.1, task 1.
    """
    if logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} need labels of shape {tuple(logits.shape[:-1])} "
            f"(all but the last axis), got {tuple(labels.shape)}"
        )
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()  # of no numbers: 0, and part of the graph
    return cross_entropy(logits[chosen], labels[chosen])


def pretraining_loss(
    mlm_logits: Tensor, labels: Tensor, nsp_logits: Tensor, is_next: Tensor
) -> Tensor:
    """BERT's two tasks together: the mean loss of the hidden words, plus that of the pairs.

        loss = L_MLM + L_NSP,   class 0 = "is next", class 1 = "is not next"

    Args:
        mlm_logits, labels: see :func:`masked_lm_loss`.
        nsp_logits: floating point ``(batch, 2)``.
        is_next: bool ``(batch,)``.

    Returns:
        A tensor without dimensions, in nats.

    Source: Devlin et al., BERT (2019), section 3.1 and appendix A.2. In its code class 0 is
    "is next", as here.
    """
    if is_next.dtype != torch.bool:
        raise TypeError(f"is_next must be bool (True = it follows), got {is_next.dtype}")
    return masked_lm_loss(mlm_logits, labels) + cross_entropy(nsp_logits, (~is_next).long())


def label_smoothing_loss(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    """Cross-entropy against a target that is not quite sure of itself.

        q_j = (1 - s) [j = t] + s / vocab,   loss = -sum_j q_j log softmax(z)_j

    A model that is taught full certainty makes its logits larger without end. Here it is at its
    best when it gives the right class 1 - s + s / vocab.

    Args:
        logits: floating point ``(..., vocab)``.
        targets: the right classes ``(...)``.
        smoothing: s, the share of belief spread evenly over all classes, in [0, 1].
        pad_id: targets that do not count; None counts all.

    Returns:
        A tensor without dimensions, in nats: the mean over the targets that count. It cannot
        reach 0, unless the smoothing is 0.

    Source: Szegedy et al., Rethinking the Inception Architecture (2016), section 7; in
    transformers: Vaswani et al. (2017), section 5.4, with s = 0.1.
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing must be a share from 0 to 1, got {smoothing}")
    if pad_id is not None:
        kept = targets != pad_id
        logits, targets = logits[kept], targets[kept]  # (n, vocab) and (n,)
    _check_targets(logits, targets)
    log_probabilities = logits - logits.logsumexp(dim=-1, keepdim=True)
    right = -log_probabilities.gather(-1, targets.long().unsqueeze(-1)).squeeze(-1)
    even = -log_probabilities.mean(dim=-1)
    return ((1 - smoothing) * right + smoothing * even).mean()


def smoothed_probability(vocab: int, smoothing: float) -> float:
    """What the best model gives the right word when it learns by :func:`label_smoothing_loss`.

        q_t = 1 - s + s / vocab

    A share s of the belief is spread over all words, and the right one is among them.

    Args:
        vocab: how many words there are.
        smoothing: s, from 0 to 1.

    Source: Szegedy et al., Rethinking the Inception Architecture (2016), section 7.
    """
    return 1 - smoothing + smoothing / vocab


def two_objective_loss(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    """Learn a task without forgetting the language.

        loss = L_task + weight * L_language

    Args:
        task: the loss of the task that is being tuned for.
        language: the language model's loss on the same texts.
        weight: how much the language counts; lambda in the paper, 0.5 there.

    Source: Radford et al. (2018), section 3.2, equation 5.
    """
    if weight < 0:
        raise ValueError(f"weight must be at least 0, got {weight}; 0 leaves the task alone")
    return task + weight * language


def _check_targets(logits: Tensor, targets: Tensor) -> None:
    if targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
        raise TypeError(
            f"targets must be integer class numbers, got {targets.dtype}; "
            "pass ids, not one-hot rows or probabilities"
        )
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} need targets of shape {tuple(logits.shape[:-1])} "
            f"(all but the last axis), got {tuple(targets.shape)}"
        )
    if targets.numel() == 0:
        raise ValueError("the mean over no targets is not defined; pass at least one position")
    vocab = logits.shape[-1]
    if targets.min() < 0 or targets.max() >= vocab:
        raise ValueError(
            f"targets must lie in 0..{vocab - 1} (logits have {vocab} classes), "
            f"got {int(targets.min())}..{int(targets.max())}"
        )
