"""Pictures with a text alternative, readable on white pages and on dark ones.

Each function returns a :class:`Figure`, which a notebook shows by itself. Backgrounds are
transparent and all writing is mid-grey, with a contrast above 4 to white and to near-black
(#111). Colours are never the only sign: groups have their own markers, lines their own dashes.
Nothing here needs pyplot or changes matplotlib's settings.
"""

import base64
import html
import io
import itertools
import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from torch import Tensor

GREY = "#7a7a7a"
COLOURS = ("#2e86c1", "#d35f3f", "#2f9e62", "#a865c9", "#b8860b", "#d1497b", "#3a9aa0", "#7d8f2a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
LONGEST_LABEL = 16
LONGEST_NAME = 40
MANY = 20  # words beside a table, from which on numbers in its cells could not be read


class Figure:
    """A finished picture: PNG bytes, a title, and words for who cannot see it.

    Args:
        png: the picture.
        title: stands below it, as its caption.
        alt: what the picture shows, in a sentence or two; also its plain-text form.
    """

    def __init__(self, png: bytes, title: str, alt: str):
        if not alt.strip():
            raise ValueError("alt is empty; say in a sentence what the picture shows")
        self.png, self.title, self.alt = png, title, alt

    def __repr__(self) -> str:
        return self.alt

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode("ascii")
        return (
            f'<figure><img alt="{html.escape(self.alt)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(self.title)}</figcaption></figure>"
        )


def heatmap(
    weights: Tensor, queries: Sequence[str], keys: Sequence[str], title: str, alt: str
) -> Figure:
    """A table of weights as colours and numbers: one row per query, one column per key.

    Args:
        weights: ``(seq_q, seq_k)``, from 0 to 1.
        queries, keys: the words beside the rows and under the columns. Where there are more than
            20, a scale beside the table stands for the numbers.
    """
    if tuple(weights.shape) != (len(queries), len(keys)):
        raise ValueError(
            f"weights {tuple(weights.shape)} need one query per row and one key per column, "
            f"got {len(queries)} queries and {len(keys)} keys"
        )
    if not (queries and keys):
        raise ValueError(
            f"a table needs at least one query and one key, got {tuple(weights.shape)}; pass the "
            "weights of a text"
        )
    rows = weights.detach().cpu().tolist()
    queries, keys = [shown(word) for word in queries], [shown(word) for word in keys]
    many = max(len(queries), len(keys)) > MANY
    width, height = (0.25, 0.22) if many else (0.55, 0.42)  # of a cell, in inches
    canvas, axes = empty_axes(
        1.6 + width * len(keys) + room_for(queries) + room_for(keys),
        (2.2 if many else 1.2) + height * len(queries) + room_for(keys),
    )
    drawn = axes.imshow(rows, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    if many:
        add_scale(canvas, drawn, axes, "weight", shrink=0.8, aspect=40)
    for row, values in enumerate([] if many else rows):
        for column, value in enumerate(values):
            ink = "white" if value > 0.55 else "#333333"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(keys)), keys, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(queries)), queries)
    axes.set(xlabel="key: the word looked at", ylabel="query")
    return finish(canvas, title, alt)


def embedding_map(
    vectors: Tensor, labels: Sequence[str], groups: Sequence[str], title: str, alt: str
) -> Figure:
    """Words as points on a plane: the two directions in which their vectors differ most (PCA).

    Args:
        vectors: ``(n, d_model)``, n and d_model at least 2.
        labels: the n words.
        groups: for each word the name of its group, which decides colour and marker.
    """
    if not len(vectors) == len(labels) == len(groups):
        raise ValueError(
            f"each vector needs a label and a group, got {len(vectors)} vectors, "
            f"{len(labels)} labels and {len(groups)} groups"
        )
    points = principal_components(vectors)
    points = points.where(points.abs() > 1e-6 * points.abs().max(), 0.0)  # else it is rounding
    canvas, axes = empty_axes(8, 5.5)
    for number, group in enumerate(dict.fromkeys(groups)):
        members = [place for place, name in enumerate(groups) if name == group]
        colour = COLOURS[number % len(COLOURS)]
        marker = MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]  # no pair twice
        x, y = points[members].T.tolist()
        axes.scatter(x, y, s=36, color=colour, marker=marker, label=plain(group))
    axes.set(xlabel="first principal component", ylabel="second principal component")
    axes.margins(0.15)
    _legend(axes, outside=True)
    _label_points(canvas, axes, points.tolist(), [shown(label) for label in labels])
    return finish(canvas, title, alt)


def principal_components(vectors: Tensor) -> Tensor:
    """The coordinates ``(n, 2)`` of vectors ``(n, d_model)`` along their two main directions.

    Each direction has an arbitrary sign; here its largest entry is positive, so that the same
    vectors always give the same picture.
    """
    if vectors.dim() != 2 or min(vectors.shape) < 2:
        raise ValueError(
            f"vectors must be (n, d_model) with both at least 2, got {tuple(vectors.shape)}"
        )
    broken = int((~vectors.isfinite()).any(dim=1).sum())
    if broken:
        raise ValueError(
            f"{broken} of the {len(vectors)} vectors have numbers that are not finite; leave them "
            "out, or see where the nan or inf began"
        )
    centered = (vectors - vectors.mean(dim=0)).detach().cpu().double()
    directions = torch.linalg.svd(centered, full_matrices=False).Vh[:2]  # (2, d_model)
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return centered @ (directions * largest.sign()).T


def lines(
    series: Mapping[str, Sequence[float]],
    title: str,
    alt: str,
    xlabel: str = "training step",
    ylabel: str = "loss (nats)",
    optimum: float | None = None,
    levels: Mapping[str, float] | None = None,
    every: int = 1,
) -> Figure:
    """Curves over steps 0, 1, 2, ..., one per name.

    Args:
        series: name to values, e.g. ``{"my loss": losses}``.
        optimum: the value that no model can beat, drawn as a dashed line.
        levels: more values to compare with, e.g. ``{"bigram": 2.1}``, as thin lines across.
        every: how many steps lie between two values of a series.
    """
    if not series:
        raise ValueError("there is nothing to draw; pass {name: values}")
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}; it is the steps between values")
    canvas, axes = empty_axes(7, 3.6)
    for number, (name, values) in enumerate(series.items()):
        dash = DASHES[(number + number // len(COLOURS)) % len(DASHES)]  # no pair twice
        colour, steps = COLOURS[number % len(COLOURS)], range(0, every * len(values), every)
        dot = "o" if len(values) == 1 else None  # one value makes no line
        axes.plot(steps, values, dash, color=colour, linewidth=1.5, label=plain(name), marker=dot)
    if optimum is not None:
        axes.axhline(optimum, color=GREY, linestyle=(0, (6, 3)), label="best possible")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _draw_levels(canvas, axes, levels or {})
    _legend(axes)
    return finish(canvas, title, alt)


def bars(
    values: Mapping[str, float], title: str, alt: str, xlabel: str = "", ylabel: str = "value"
) -> Figure:
    """One bar per name, with its value on top."""
    if not values:
        raise ValueError("there is nothing to draw; pass {name: value}")
    names = [shown(name, LONGEST_NAME) for name in values]
    crowded = any(len(one) + len(two) > 20 for one, two in itertools.pairwise(names))
    height = 3.6 + (room_for(names) if crowded else 0.0)
    canvas, axes = empty_axes(max(4.0, 1.2 + 0.8 * len(values)), height)
    drawn = axes.bar(range(len(names)), list(values.values()), color=COLOURS[0], width=0.6)
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axes.set_xticks(range(len(names)), names, **turned)
    axes.bar_label(drawn, fmt="%.3g", color=GREY, padding=2)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.margins(y=0.15)
    return finish(canvas, title, alt)


def shown(word: str, longest: int = LONGEST_LABEL) -> str:
    """A token as it stands in a picture: short, on one line, and never read as a formula."""
    if not word.strip(" "):
        word = word.replace(" ", "\u2423")  # an open box, as else there is nothing to see
    for sign, written in (("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t")):
        word = word.replace(sign, written)
    if len(word) > longest:
        word = f"{word[: longest - 5]}…{word[-4:]}"
    return plain(word)


def plain(name: str) -> str:
    """A name whose dollars are dollars: between two of them matplotlib would read a formula."""
    return name.replace("$", r"\$")


def room_for(words: Sequence[str]) -> float:
    """How many inches the longest word needs beyond what is there for one of 8 letters."""
    return 0.07 * max(0, max(map(len, words), default=0) - 8)


def add_scale(canvas: Canvas, drawn, axes, label: str, **options: float) -> None:
    """A scale beside tables: which colour stands for which number."""
    bar = canvas.colorbar(drawn, ax=axes, **options)
    bar.set_label(label, color=GREY, fontsize=8)
    bar.ax.tick_params(colors=GREY, labelsize=7)
    bar.outline.set_edgecolor(GREY)


def empty_axes(width: float, height: float):
    """An empty transparent picture (inches) with grey axes: ``(canvas, axes)``."""
    canvas, (axes,) = empty_grid(width, height, 1, 1)
    return canvas, axes


def empty_grid(width: float, height: float, rows: int, columns: int, **shared: bool):
    """The same with rows x columns axes, which may share their scales (``sharex``, ``sharey``).

    Returns:
        ``(canvas, axes)``, a list, row by row.
    """
    canvas = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    canvas.patch.set_alpha(0)
    grid = canvas.subplots(rows, columns, squeeze=False, **shared).ravel().tolist()
    for axes in grid:
        axes.patch.set_alpha(0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[:].set_color(GREY)
        axes.tick_params(colors=GREY)
        axes.xaxis.label.set_color(GREY)
        axes.yaxis.label.set_color(GREY)
    return canvas, grid


def _draw_levels(canvas: Canvas, axes, levels: Mapping[str, float]) -> None:
    """Thin lines across, each named at its right end; names too close are moved apart."""
    ordered = sorted(levels.items(), key=lambda item: item[1])
    for number, (_, value) in enumerate(ordered):
        axes.axhline(value, color=GREY, linewidth=1, linestyle=(0, (1 + 2 * number, 2)))
    canvas.draw_without_rendering()  # settles where on the page each line lies
    last = -math.inf
    for name, value in ordered:
        height = axes.transData.transform((0, value))[1] * 72 / canvas.dpi
        last = max(height, last + 11)
        axes.annotate(
            f"{plain(name)} {value:.3g}", (1, value), xycoords=("axes fraction", "data"),
            xytext=(6, last - height), textcoords="offset points", va="center", fontsize=8,
            color=GREY, annotation_clip=False,
        )  # fmt: skip


def _label_points(canvas: Canvas, axes, points: list, labels: Sequence[str]) -> None:
    """Write each label as near to its point as it can stand without covering another."""
    canvas.draw_without_rendering()  # settles where on the page each point lies
    places = axes.transData.transform(points) * 72 / canvas.dpi  # in typographic points
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in places]
    for (x, y), point, label in zip(places, points, labels, strict=True):
        width, height = 5.0 * len(label), 9.0
        for radius, turn in itertools.product(range(8, 120, 4), range(0, 360, 30)):
            dx, dy = radius * math.cos(math.radians(turn)), radius * math.sin(math.radians(turn))
            left = x + dx - (width if dx < -1 else 0)
            box = (left, y + dy - height / 2, left + width, y + dy + height / 2)
            if not any(_overlap(box, other) for other in taken):
                break
        taken.append(box)
        line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.4} if radius > 8 else None
        axes.annotate(
            label, point, xytext=(dx, dy), textcoords="offset points", fontsize=8, color=GREY,
            ha="right" if dx < -1 else "left", va="center", arrowprops=line,
        ).set_in_layout(False)  # fmt: skip


def _overlap(a: tuple, b: tuple) -> bool:
    """Whether two boxes (left, bottom, right, top) cover a common spot."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _legend(axes, outside: bool = False) -> None:
    place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if outside else {"loc": "best"}
    axes.legend(labelcolor=GREY, frameon=False, fontsize=9, **place)


def finish(canvas: Canvas, title: str, alt: str) -> Figure:
    """Draw it once; without the program's name and the date, the same picture is the same bytes."""
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return Figure(buffer.getvalue(), title, alt)
