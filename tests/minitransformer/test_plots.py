"""Pictures: their text alternatives, their bytes, their colours, and what they refuse."""

import struct
import warnings

import pytest
import torch

from minitransformer import plots

WEIGHTS = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])


def heat(alt="it looks at pizza"):
    return plots.heatmap(WEIGHTS, ["it", "was"], ["the", "pizza", "oven"], "Attention", alt)


def point_map():
    vectors = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    return plots.embedding_map(vectors, list("abcdefg"), list("xxyyzzz"), "Words", "three groups")


PICTURES = [
    heat,
    point_map,
    lambda: plots.lines({"mine": [3.0, 2, 1], "yours": [2.0, 2, 2]}, "Loss", "falls", optimum=0.5),
    lambda: plots.bars({"d = 4": 4.1, "d = 16": 15.7}, "Variance", "grows", xlabel="d_k"),
]


def luminance(colour):
    def linear(part):
        share = int(part, 16) / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(colour[i : i + 2]) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a, b):
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def chunks(png):
    """The kinds of the PNG's chunks."""
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.append(png[at + 4 : at + 8].decode())
        at += 12 + length
    return found


@pytest.mark.parametrize("picture", PICTURES)
def test_the_same_data_give_the_same_bytes_without_date_or_program(picture):
    with warnings.catch_warnings(action="error"):
        first = picture()
    assert first.png == picture().png
    assert first.png.startswith(b"\x89PNG")
    assert set(chunks(first.png)) <= {"IHDR", "pHYs", "IDAT", "IEND"}


@pytest.mark.parametrize("picture", PICTURES)
def test_backgrounds_are_transparent(picture):
    from io import BytesIO

    from matplotlib.image import imread

    pixels = imread(BytesIO(picture().png))
    assert pixels.shape[2] == 4
    assert pixels[0, 0, 3] == pixels[-1, -1, 3] == 0


def test_colours_are_readable_on_white_and_on_near_black():
    for page in ("#ffffff", "#111111"):
        assert contrast(plots.GREY, page) > 4  # writing
        assert all(contrast(colour, page) > 3 for colour in plots.COLOURS)  # lines and points


def test_a_notebook_shows_a_figure_with_its_words_escaped():
    figure = heat(alt='"it" looks at <pizza>')
    page = figure._repr_html_()
    assert page.startswith('<figure><img alt="&quot;it&quot; looks at &lt;pizza&gt;" src="data:')
    assert page.endswith("<figcaption>Attention</figcaption></figure>")
    assert repr(figure) == '"it" looks at <pizza>'


def test_ipython_offers_html_and_the_words():
    from IPython.core.formatters import DisplayFormatter

    data, _ = DisplayFormatter().format(heat())
    assert data["text/plain"] == "it looks at pizza" and "<figure>" in data["text/html"]


def test_a_figure_without_words_is_refused():
    with pytest.raises(ValueError, match="alt is empty"):
        heat(alt=" ")


def test_data_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\) .* 3 queries and 2 keys"):
        plots.heatmap(WEIGHTS, ["a", "b", "c"], ["a", "b"], "t", "alt")
    with pytest.raises(ValueError, match="2 vectors, 1 labels and 2 groups"):
        plots.embedding_map(WEIGHTS, ["a"], ["x", "y"], "t", "alt")
    with pytest.raises(ValueError, match="both at least 2"):
        plots.principal_components(torch.ones(1, 5))
    for function in (plots.lines, plots.bars):
        with pytest.raises(ValueError, match="nothing to draw"):
            function({}, "t", "alt")


def test_principal_components_keep_the_distances_of_flat_data():
    generator = torch.Generator().manual_seed(0)
    flat = torch.randn(11, 2, generator=generator, dtype=torch.float64) * torch.tensor([5, 1])
    turn = torch.linalg.qr(torch.randn(7, 7, generator=generator, dtype=torch.float64)).Q
    points = plots.principal_components(flat @ turn[:2] + 3)
    torch.testing.assert_close(torch.cdist(points, points), torch.cdist(flat, flat))
    assert points[:, 0].var() > points[:, 1].var()


def test_principal_components_do_not_depend_on_the_sign_that_svd_chose(monkeypatch):
    vectors = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    expected, svd = plots.principal_components(vectors), torch.linalg.svd

    class Turned:
        def __init__(self, *inputs, **options):
            self.Vh = -svd(*inputs, **options).Vh

    monkeypatch.setattr(torch.linalg, "svd", Turned)
    torch.testing.assert_close(plots.principal_components(vectors), expected)


def test_labels_do_not_cover_each_other():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas, axes = plots._axes(6, 4)
    points = [[0.0, 0.0], [0.01, 0.0], [0.0, 0.01], [1.0, 1.0], [0.01, 0.01]]
    axes.scatter(*zip(*points, strict=True))
    plots._label_points(canvas, axes, points, ["pizza", "bread", "cake", "soup", "orange"])
    FigureCanvasAgg(canvas).draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 5
    # get_window_extent of an annotation includes its line, so only the writing is compared
    boxes = [type(text).__mro__[1].get_window_extent(text) for text in axes.texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
