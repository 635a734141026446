"""What can be known: exact probabilities of texts, of the next token, of a hidden word, of a label.

One routine, forward-backward, answers all of it. It reads a batch of texts through a *channel*: a
table that says how likely each true token is to be seen as each token. The clean channel is the
identity; the masked language model's corruption is a channel in which visible tokens may lie. No
model can predict better than these figures. Texts are rows of ids, filled up with ``[PAD]``
(id 0) on the right; results are float64 tensors.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from minitransformer.data.automaton import START
from minitransformer.data.forward_backward import PAD_ID, batches, forward_backward
from minitransformer.data.process import Process


def clean_channel(vocab_size: int) -> Tensor:
    """Every token is seen as what it is: the identity ``(vocab, vocab)``."""
    return torch.eye(vocab_size, dtype=torch.float64)


def corruption_channel(
    vocab_size: int,
    mask_id: int,
    random_ids: Collection[int],
    rate: float = 0.15,
    never: Collection[int] = (),
    mask_share: float = 0.8,
    random_share: float = 0.1,
) -> Tensor:
    """The masked language model's corruption as a table: row = true token, column = seen token.

    Each token is chosen with probability ``rate``, on its own. A chosen token is replaced by
    ``[MASK]`` (80 %), by a word drawn evenly from ``random_ids`` (10 %; it may draw the true
    word), or kept (10 %).

    Args:
        vocab_size: rows and columns.
        mask_id: the id of ``[MASK]``.
        random_ids: the ids that a random replacement is drawn from, as in the trainer.
        rate: the share of positions that are chosen; 1 gives the channel of a position of which
            we know that it was chosen.
        never: ids that are never chosen, such as [CLS], [SEP], [PAD].

    Returns:
        float64 ``(vocab, vocab)``; every row sums to 1.

    Source: Devlin et al., BERT (2019), section 3.1. There a fixed number of positions is chosen
    per text; here each position on its own, as most implementations do.
    """
    replaced = torch.zeros(vocab_size, dtype=torch.float64)
    replaced[list(random_ids)] = random_share / len(random_ids)
    replaced[mask_id] += mask_share
    kept = 1 - mask_share - random_share
    channel = rate * replaced.expand(vocab_size, -1).clone()
    channel += (1 - rate + rate * kept) * clean_channel(vocab_size)
    spared = list(never)
    channel[spared] = clean_channel(vocab_size)[spared]
    return channel


def text_log_probability(process: Process, ids: Tensor, channel: Tensor | None = None) -> Tensor:
    """The natural logarithm of the probability of whole texts.

    Args:
        process: what writes the texts.
        ids: ``(batch, seq)``, filled up with 0.
        channel: ``(vocab, vocab)``, how true tokens are seen; clean if left out.

    Returns:
        ``(batch,)``; -inf for texts that cannot occur.
    """
    found = torch.zeros(len(ids), dtype=torch.float64)
    for part, rows, observation, steps in batches(process, ids, channel):
        beliefs = forward_backward(process, rows, observation, steps, backward=False)
        found[part] = beliefs.log_probability
    return found


def next_token_distribution(process: Process, ids: Tensor, end_id: int) -> Tensor:
    """The exact distribution of every next token.

    Args:
        ids: ``(batch, seq)``, texts or the beginnings of texts, filled up with 0.
        end_id: the id that stands for "the text is over".

    Returns:
        ``(batch, seq + 1, vocab)``: entry t is P(token t | tokens before t). It sums to 1 up to
        and including the place after a row's last token, and is zero beyond.
    """
    vocab = process.emission.shape[1]
    found = torch.zeros(ids.shape[0], ids.shape[1] + 1, vocab, dtype=torch.float64)
    emission, ending = torch.from_numpy(process.emission), torch.from_numpy(process.ending)
    extended = torch.nn.functional.pad(torch.as_tensor(ids), (0, 1), value=PAD_ID)
    for part, rows, observation, steps in batches(process, extended, None):
        beliefs = forward_backward(process, rows, observation, steps, backward=False)
        lengths = (rows != PAD_ID).sum(1)
        stops = ending[START].expand(len(rows))
        for t, step in enumerate(steps):
            words = beliefs.before[t].T @ emission[step.states]  # (batch, vocab)
            words[:, end_id] += stops
            found[part, t] = torch.where((t <= lengths)[:, None], words, 0.0)
            belief = beliefs.before[t] * beliefs.seen[t]
            stops = ending[step.states] @ (belief / belief.sum(0).clamp(min=1e-300))
    return found


def token_posterior(
    process: Process, seen: Tensor, channel: Tensor, chosen: Tensor, both_ways: bool = True
) -> Tensor:
    """The exact distribution of the true token at each position, given a corrupted text.

    Every other token is read through ``channel``. The token itself is read through ``chosen``,
    the channel of a position of which it is known that it was chosen: the masked-LM loss counts
    only there. At [MASK] both tell the same, that is nothing.

        P(true w at i | seen) ~ chosen[w, seen_i] . sum_s P(s at i | the others) P(w | s)

    Args:
        seen: ``(batch, seq)``, corrupted ids, filled up with 0.
        channel: ``(vocab, vocab)``, see :func:`corruption_channel`.
        chosen: the same with ``rate=1``.
        both_ways: False reads from left to right only: "the others" are those before i.

    Returns:
        ``(batch, seq, vocab)``; sums to 1 at each position that can be what was seen, 0 at [PAD].
    """
    emission = torch.from_numpy(process.emission)
    found = torch.zeros(*seen.shape, emission.shape[1], dtype=torch.float64)
    for part, rows, observation, steps in batches(process, seen, channel):
        beliefs = forward_backward(process, rows, observation, steps, both_ways)
        for t, step in enumerate(steps):
            known = beliefs.before[t] * beliefs.after[t] if both_ways else beliefs.before[t]
            others = known.T @ emission[step.states]
            words = others * chosen[:, rows[:, t]].T  # (batch, vocab)
            words = words / words.sum(1, keepdim=True).clamp(min=1e-300)
            found[part, t] = torch.where((rows[:, t] != PAD_ID)[:, None], words, 0.0)
    return found


def mark_posterior(
    process: Process, seen: Tensor, mark: str, channel: Tensor | None = None
) -> Tensor:
    """The probability that the state at each position carries a mark, given the whole text.

    Returns:
        ``(batch, seq)``, 0 at [PAD].
    """
    marked = torch.from_numpy(process.marked(mark)).double()
    found = torch.zeros(seen.shape, dtype=torch.float64)
    for part, rows, observation, steps in batches(process, seen, channel):
        beliefs = forward_backward(process, rows, observation, steps)
        for t, step in enumerate(steps):
            here = beliefs.before[t] * beliefs.seen[t] * beliefs.after[t]
            share = (marked[step.states] @ here) / here.sum(0).clamp(min=1e-300)
            found[part, t] = torch.where(rows[:, t] != PAD_ID, share, 0.0)
    return found


def label_posterior(
    process: Process, seen: Tensor, mark: str, channel: Tensor | None = None
) -> Tensor:
    """The probability of a label, given the whole text: ``(batch,)``.

    A label is a mark on every state in which such a text can end. A classifier that answers
    "yes" where this exceeds 1/2 is the best there is; see :func:`bayes_accuracy`.
    """
    lengths = (seen != PAD_ID).sum(1)
    shares = mark_posterior(process, seen, mark, channel)
    return shares.gather(1, (lengths - 1).clamp(min=0)[:, None]).squeeze(1)


def bayes_accuracy(posterior: Tensor) -> float:
    """The accuracy of the best classifier on these texts, in expectation over their labels.

    The mean of max(p, 1 - p): it has less noise than counting hits, and equals them on average.
    """
    return float(torch.maximum(posterior, 1 - posterior).mean())
