"""What the notebooks' own drawings share: a style for light and dark pages, and words below each.

`plots` makes finished pictures; a chapter that draws something of its own with matplotlib puts on
`STYLE` and hands the figure to `show`.
"""

import base64
import io

from matplotlib.figure import Figure

GREY, BLUE, ORANGE, RED = "#7a7a7a", "#3b8ed0", "#e07b39", "#d04a6a"
"""Readable on a white page and on a dark one."""

STYLE = {
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "text.color": GREY, "axes.labelcolor": GREY, "axes.edgecolor": GREY,
    "xtick.color": GREY, "ytick.color": GREY, "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110,
}  # fmt: skip
"""Settings for `matplotlib.pyplot.rcParams`: no background, mid-grey writing."""


def show(figure: Figure, words: str) -> None:
    """Show a figure in a notebook, and say in words what is to be seen.

    The words are the picture's text alternative and stand below it.

    Args:
        figure: drawn with matplotlib; it is closed afterwards.
        words: one or two sentences.

    Raises:
        ValueError: there are no words.
    """
    if not words.strip():
        raise ValueError("words is empty; say in a sentence what the picture shows")
    import matplotlib.pyplot as plt
    from IPython.display import Markdown, display

    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    picture = {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": words}
    display(picture, metadata={"image/png": {"alt": words}}, raw=True)
    display(Markdown(f"*In words:* {words}"))
