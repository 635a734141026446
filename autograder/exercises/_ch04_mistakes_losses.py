"""Chapter 4's mistakes with losses, and other right ways to write them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
import torch.nn.functional as F

# masked_lm_loss


def _mean(logits, targets):
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def _each(logits, labels):
    """The loss at every place, where nothing was chosen that of the word 0."""
    targets = labels.masked_fill(labels == -100, 0)
    return -logits.log_softmax(dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def loss_multiplied_after_the_mean(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    loss = _mean(logits, labels.masked_fill(~chosen, 0))
    return (loss * chosen).sum() / chosen.sum()


def loss_multiplied_by_the_share(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    loss = _mean(logits, labels.masked_fill(~chosen, 0))
    return (loss * chosen).mean()


def loss_multiplied_and_divided(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    return _mean(logits, labels.masked_fill(~chosen, 0)) * chosen.numel() / chosen.sum()


def loss_of_logits_set_to_0(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    return _mean(logits * chosen.unsqueeze(-1), labels.masked_fill(~chosen, 0))


def loss_of_logits_set_to_0_and_divided(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    return loss_of_logits_set_to_0(logits, labels) * chosen.numel() / chosen.sum()


def loss_divided_twice(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    return _mean(logits[chosen], labels[chosen]) / chosen.sum()


def loss_of_the_others(logits, labels):
    others = labels == -100
    if not others.any():
        return logits[others].sum()
    return _mean(logits[others], labels[others].masked_fill(labels[others] == -100, 0))


def loss_divided_by_all(logits, labels):
    return (_each(logits, labels) * (labels != -100)).mean()


def loss_with_elsewhere_as_word_0(logits, labels):
    return _each(logits, labels).mean()


def loss_summed(logits, labels):
    return (_each(logits, labels) * (labels != -100)).sum()


def loss_mean_of_rows(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    rows = (_each(logits, labels) * chosen).reshape(-1, labels.shape[-1])
    counts = chosen.reshape(-1, labels.shape[-1]).sum(dim=-1)
    return (rows.sum(dim=-1)[counts > 0] / counts[counts > 0]).mean()


def loss_without_word_0(logits, labels):
    chosen = labels > 0
    if not chosen.any():
        return logits[chosen].sum()
    return _mean(logits[chosen], labels[chosen])


def loss_not_a_number(logits, labels):
    chosen = labels != -100
    return _mean(logits[chosen], labels[chosen])


def loss_log_of_softmax(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    probabilities = logits[chosen].softmax(dim=-1)
    return -probabilities.gather(-1, labels[chosen].unsqueeze(-1)).log().mean()


def loss_by_exp(logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()
    parts = logits[chosen].exp()
    right = parts.gather(-1, labels[chosen].unsqueeze(-1)).squeeze(-1)
    return -(right / parts.sum(dim=-1)).log().mean()


def loss_by_ignore_index(logits, labels):
    flat, targets = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    total = F.cross_entropy(flat, targets, ignore_index=-100, reduction="sum")
    return total / (targets != -100).sum().clamp_min(1)


def loss_by_weights(logits, labels):
    chosen = (labels != -100).to(logits.dtype)
    return (_each(logits, labels) * chosen).sum() / chosen.sum().clamp_min(1)


def loss_word_by_word(logits, labels):
    found = logits.reshape(-1, logits.shape[-1])
    terms = [
        found[place].logsumexp(0) - found[place, label]
        for place, label in enumerate(labels.flatten().tolist())
        if label != -100
    ]
    return sum(terms) / len(terms) if terms else (logits * 0).sum()


# pretraining_loss


def _words(mlm_logits, labels):
    chosen = labels != -100
    if not chosen.any():
        return mlm_logits[chosen].sum()
    return _mean(mlm_logits[chosen], labels[chosen])


def joint_label_0_ignored(mlm_logits, labels, nsp_logits, is_next):
    pairs = F.cross_entropy(nsp_logits, (~is_next).long(), ignore_index=0)
    return _words(mlm_logits, labels) + pairs


def joint_label_0_multiplied_away(mlm_logits, labels, nsp_logits, is_next):
    classes = (~is_next).long()
    each = F.cross_entropy(nsp_logits, classes, reduction="none")
    return _words(mlm_logits, labels) + (each * classes).mean()


def joint_classes_exchanged(mlm_logits, labels, nsp_logits, is_next):
    return _words(mlm_logits, labels) + F.cross_entropy(nsp_logits, is_next.long())


def joint_mean(mlm_logits, labels, nsp_logits, is_next):
    pairs = F.cross_entropy(nsp_logits, (~is_next).long())
    return (_words(mlm_logits, labels) + pairs) / 2


def joint_words_only(mlm_logits, labels, nsp_logits, is_next):
    return _words(mlm_logits, labels)


def joint_pairs_only(mlm_logits, labels, nsp_logits, is_next):
    return F.cross_entropy(nsp_logits, (~is_next).long())


def joint_softmax_first(mlm_logits, labels, nsp_logits, is_next):
    pairs = F.cross_entropy(nsp_logits.softmax(dim=-1), (~is_next).long())
    return _words(mlm_logits, labels) + pairs


def joint_over_all_words(mlm_logits, labels, nsp_logits, is_next):
    return _each(mlm_logits, labels).mean() + F.cross_entropy(nsp_logits, (~is_next).long())


def joint_pairs_summed(mlm_logits, labels, nsp_logits, is_next):
    pairs = F.cross_entropy(nsp_logits, (~is_next).long(), reduction="sum")
    return _words(mlm_logits, labels) + pairs


def joint_multiplied(mlm_logits, labels, nsp_logits, is_next):
    return _words(mlm_logits, labels) * F.cross_entropy(nsp_logits, (~is_next).long())


def joint_not_added(mlm_logits, labels, nsp_logits, is_next):
    return _words(mlm_logits, labels), F.cross_entropy(nsp_logits, (~is_next).long())


def joint_not_a_number(mlm_logits, labels, nsp_logits, is_next):
    words = F.cross_entropy(mlm_logits.flatten(0, -2), labels.flatten())
    return words + F.cross_entropy(nsp_logits, (~is_next).long())


def joint_always_next(mlm_logits, labels, nsp_logits, is_next):
    pairs = -nsp_logits.log_softmax(dim=-1)[:, 0].mean()
    return _words(mlm_logits, labels) + pairs


def joint_by_one_logit(mlm_logits, labels, nsp_logits, is_next):
    pairs = F.binary_cross_entropy_with_logits(nsp_logits[:, 0], is_next.float())
    return _words(mlm_logits, labels) + pairs


def joint_by_the_other_logit(mlm_logits, labels, nsp_logits, is_next):
    pairs = F.binary_cross_entropy_with_logits(nsp_logits[:, 1], (~is_next).float())
    return _words(mlm_logits, labels) + pairs


def joint_by_torch(mlm_logits, labels, nsp_logits, is_next):
    total = F.cross_entropy(mlm_logits.flatten(0, -2), labels.flatten(), reduction="sum")
    words = total / (labels != -100).sum().clamp_min(1)
    return words + F.cross_entropy(nsp_logits, 1 - is_next.long())


def joint_by_where(mlm_logits, labels, nsp_logits, is_next):
    sure = nsp_logits.log_softmax(dim=-1)
    pairs = -torch.where(is_next, sure[:, 0], sure[:, 1]).mean()
    return pairs + _words(mlm_logits, labels)
