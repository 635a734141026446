"""Pictures of what a model does: where its heads look, how it would go on, where it finds answers.

In the style of ``plots``: transparent, readable on white pages and on dark ones, with a text
alternative.
"""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from minitransformer.plots import (
    COLOURS,
    GREY,
    Figure,
    add_scale,
    empty_axes,
    empty_grid,
    finish,
    room_for,
    shown,
)

MOST_COLUMNS = 6


def attention_grid(
    weights: Tensor, queries: Sequence[str], keys: Sequence[str], title: str, alt: str
) -> Figure:
    """The attention of every head in every layer: one small table each, dark where much is looked.

    A layer of more than six heads has its tables in several rows.

    Args:
        weights: ``(layers, num_heads, seq_q, seq_k)``, from 0 to 1; of one sentence, from the
            list that a model's ``hidden`` gives: ``torch.stack(weights)[:, 0]``. The list has
            tables only in a model made with ``readable_parts()``.
        queries, keys: the words beside the rows and under the columns.
    """
    if tuple(weights.shape[2:]) != (len(queries), len(keys)):
        raise ValueError(
            f"weights must be (layers, num_heads, {len(queries)}, {len(keys)}) for "
            f"{len(queries)} queries and {len(keys)} keys, got {tuple(weights.shape)}"
        )
    layers, num_heads = weights.shape[:2]
    queries, keys = [shown(word) for word in queries], [shown(word) for word in keys]
    lines = math.ceil(num_heads / MOST_COLUMNS)  # of tables, a layer
    columns, rows = math.ceil(num_heads / lines), layers * lines
    width = max(1.3, 0.5 + _spread(len(keys), 0.24, 4.8, 0.12))
    height = max(1.2, 0.4 + _spread(len(queries), 0.2, 4.0, 0.11))
    canvas, grid = empty_grid(
        1.4 + columns * width + room_for(queries), 0.8 + rows * height + room_for(keys),
        rows, columns, sharex=True, sharey=True,
    )  # fmt: skip
    for place, axes in enumerate(grid):
        layer, head = divmod(place, lines * columns)
        if head >= num_heads:  # the row has more places than heads are left
            axes.set_visible(False)
            grid[place - columns].tick_params(axis="x", labelbottom=True)
            continue
        table = weights[layer, head].detach().cpu().float().tolist()
        drawn = axes.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=8, color=GREY)
        axes.set_xticks(range(len(keys)), keys, rotation=90, fontsize=7)
        axes.set_yticks(range(len(queries)), queries, fontsize=7)
    add_scale(canvas, drawn, grid, "attention weight", shrink=0.8, aspect=30)
    return finish(canvas, title, alt)


def distributions(
    rows: Mapping[str, Tensor], tokens: Sequence[str], title: str, alt: str
) -> Figure:
    """Probabilities of the same tokens in several cases: one panel of bars each, to one scale.

    Args:
        rows: name to probabilities ``(len(tokens),)``.
        tokens: the words under the bars.
    """
    if not rows:
        raise ValueError("there is nothing to draw; pass {name: probabilities}")
    for name, row in rows.items():
        if tuple(row.shape) != (len(tokens),):
            raise ValueError(
                f"{name!r} needs one probability for each of the {len(tokens)} tokens, shape "
                f"({len(tokens)},), got {tuple(row.shape)}"
            )
    tokens = [shown(word) for word in tokens]
    width = max(1.6, 0.6 + _spread(len(tokens), 0.26, 4.0, 0.13))
    height = 2.6 + room_for(tokens)
    canvas, grid = empty_grid(0.7 + width * len(rows), height, 1, len(rows), sharey=True)
    for axes, (name, row) in zip(grid, rows.items(), strict=True):
        places = range(len(tokens))
        axes.bar(places, row.detach().cpu().tolist(), color=COLOURS[0], width=0.7)
        axes.set_title(name, fontsize=9, color=GREY)
        axes.set_xticks(places, tokens, rotation=90, fontsize=8)
    grid[0].set(ylabel="probability", ylim=(0, 1))
    return finish(canvas, title, alt)


def temperature_picture(
    logits: Tensor,
    tokens: Sequence[str],
    temperatures: Sequence[float],
    title: str,
    alt: str,
    top: int = 8,
) -> Figure:
    """What temperature does to the next token: the same scores, sharper or flatter.

        p = softmax(logits / temperature)

    Args:
        logits: scores ``(vocab,)`` of the next token.
        tokens: the vocabulary, one word an id.
        temperatures: positive; one panel each.
        top: how many tokens to show, those with the highest scores.
    """
    if tuple(logits.shape) != (len(tokens),):
        raise ValueError(
            f"logits must have one score a token, ({len(tokens)},), got {tuple(logits.shape)}"
        )
    if not temperatures or min(temperatures) <= 0:
        raise ValueError(f"temperatures must be positive, got {list(temperatures)}")
    best = logits.detach().cpu().double().sort(descending=True, stable=True)
    shown = [tokens[place] for place in best.indices[:top].tolist()]
    rows = {f"temperature {t:g}": (best.values / t).softmax(dim=0)[:top] for t in temperatures}
    return distributions(rows, shown, title, alt)


def span_picture(
    words: Sequence[str],
    start: Tensor,
    end: Tensor,
    best: tuple[int, int],
    title: str,
    alt: str,
) -> Figure:
    """Where a model finds an answer: how likely each word is its first, and its last.

    Args:
        words: the text.
        start, end: probabilities ``(len(words),)``.
        best: the places of the chosen span, shaded; the end belongs to it.
    """
    if not tuple(start.shape) == tuple(end.shape) == (len(words),):
        raise ValueError(
            f"start and end must have one probability a word, ({len(words)},), got "
            f"{tuple(start.shape)} and {tuple(end.shape)}"
        )
    first, last = best
    if not 0 <= first <= last < len(words):
        raise ValueError(
            f"best must be places (first <= last) among {len(words)} words, got {best}"
        )
    words = [shown(word) for word in words]
    width = max(4.0, 1.2 + _spread(len(words), 0.42, 10.0, 0.24))
    canvas, axes = empty_axes(width, 2.8 + room_for(words))
    axes.axvspan(first - 0.5, last + 0.5, color=GREY, alpha=0.25, linewidth=0, label="answer")
    for shift, row, name, hatch in ((-0.2, start, "start", ""), (0.2, end, "end", "////")):
        places = [place + shift for place in range(len(words))]
        colour = COLOURS[0] if name == "start" else COLOURS[1]
        axes.bar(
            places, row.detach().cpu().tolist(), 0.36, label=name, hatch=hatch,
            facecolor="none" if hatch else colour, edgecolor=colour,
        )  # fmt: skip
    axes.set_xticks(range(len(words)), words, rotation=45, ha="right", rotation_mode="anchor")
    axes.set(ylabel="probability", ylim=(0, 1))
    axes.legend(labelcolor=GREY, frameon=False, fontsize=9, ncols=3, loc="upper center",
                bbox_to_anchor=(0.5, 1.18))  # fmt: skip
    return finish(canvas, title, alt)


def _spread(count: int, usual: float, most: float, least: float) -> float:
    """The inches that ``count`` things take: ``usual`` each, less where they became too wide."""
    return count * max(least, min(usual, most / max(1, count)))
