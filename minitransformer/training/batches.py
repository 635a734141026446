"""A corpus as batches by number: what the training loop asks for.

Each maker returns a function from the number of a step to its batch. The batch depends on the
seed and that number alone, so a run can stop and go on anywhere.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minitransformer.training.devices import device_of


def step_generator(seed: int, step: int) -> torch.Generator:
    """The source of randomness for one step of a run."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def text_windows(
    ids: Tensor, batch_size: int, seq: int, seed: int
) -> Callable[[int], dict[str, Tensor]]:
    """Windows of a long text, each beginning anywhere.

    Args:
        ids: the whole text as token ids, one long row.
        batch_size: windows in a batch.
        seq: tokens in a window.
        seed: of the places.

    Returns:
        Step to ``{"ids": (batch, seq), "targets": (batch, seq)}``; the targets are one later.
    """
    if ids.dim() != 1 or len(ids) < seq + 1:
        raise ValueError(
            f"a window of {seq} tokens and the one after it need a text of at least {seq + 1} "
            f"tokens, got shape {tuple(ids.shape)}; use a longer text or a shorter context"
        )
    offsets = torch.arange(seq + 1)

    def batch(step: int) -> dict[str, Tensor]:
        generator = step_generator(seed, step)
        starts = torch.randint(len(ids) - seq, (batch_size, 1), generator=generator)
        windows = ids[starts + offsets]  # (batch, seq + 1)
        return {"ids": windows[:, :-1], "targets": windows[:, 1:]}

    return batch


def table_rows(
    table: dict[str, Tensor],
    batch_size: int,
    seed: int,
    change: Callable[[dict[str, Tensor], torch.Generator], dict[str, Tensor]] | None = None,
) -> Callable[[int], dict[str, Tensor]]:
    """Rows of a table of examples, every row once before any returns.

    Args:
        table: column to tensor; all have the same number of rows.
        batch_size: rows in a batch, at most as many as there are.
        seed: of the order.
        change: makes the batch from the rows, with randomness of its own (masking words, say).

    Returns:
        Step to a batch of the same columns, or of what ``change`` makes of them.
    """
    rows = {len(column) for column in table.values()}
    if len(rows) != 1 or not 1 <= batch_size <= min(rows):
        raise ValueError(
            f"columns must have the same number of rows, at least batch_size = {batch_size}; "
            f"got {sorted(rows)} rows"
        )
    per_epoch = rows.pop() // batch_size
    order: dict[int, Tensor] = {}  # the latest epoch's

    def batch(step: int) -> dict[str, Tensor]:
        epoch, place = divmod(step, per_epoch)
        if epoch not in order:
            order.clear()
            size = len(next(iter(table.values())))
            order[epoch] = torch.randperm(size, generator=step_generator(seed, -1 - epoch))
        chosen = order[epoch][place * batch_size : (place + 1) * batch_size]
        picked = {name: column[chosen] for name, column in table.items()}
        return picked if change is None else change(picked, step_generator(seed, step))

    return batch


def text_loss(ids: Tensor, seq: int, batch_size: int = 128) -> Callable[[nn.Module], float]:
    """The mean loss over all windows of a text that do not overlap, as an evaluation.

    Args:
        ids: the held-out text as token ids, one long row; what is left after the last whole
            window is not scored.
        seq: tokens in a window.
        batch_size: windows at a time.
    """
    count = (len(ids) - 1) // seq
    if count < 1:
        raise ValueError(
            f"a held-out text of {len(ids)} tokens has no window of {seq} and the one after; "
            "use a longer text, or a shorter context"
        )
    inputs = ids[: count * seq].view(count, seq)
    targets = ids[1 : count * seq + 1].view(count, seq)
    return table_loss({"ids": inputs, "targets": targets}, batch_size)


def table_loss(
    table: dict[str, Tensor],
    batch_size: int = 128,
    weigh: str | None = None,
    ignored: int = -100,
) -> Callable[[nn.Module], float]:
    """The mean of ``model.loss`` over all rows of a table, as an evaluation.

    Args:
        table: column to tensor, as ``model.loss`` takes them.
        batch_size: rows at a time.
        weigh: the column whose entries other than ``ignored`` are what the loss is a mean over;
            left out, every row counts the same.
        ignored: see ``weigh``.
    """
    rows = len(next(iter(table.values())))

    def evaluate(model: nn.Module) -> float:
        device = device_of(model)
        total, weight = 0.0, 0
        for first in range(0, rows, batch_size):
            batch = {name: col[first : first + batch_size] for name, col in table.items()}
            size = len(next(iter(batch.values())))
            share = size if weigh is None else int((batch[weigh] != ignored).sum())
            if share:
                moved = {name: column.to(device) for name, column in batch.items()}
                total, weight = total + float(model.loss(**moved).detach()) * share, weight + share
        if not weight:
            raise ValueError(
                f"no entry of {weigh} counts: all are {ignored}, and the mean over nothing is not "
                "defined; pass rows with at least one that counts"
            )
        return total / weight

    return evaluate
