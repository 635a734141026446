"""Pictures: their text alternatives, their bytes, their colours, and what they refuse."""

import math
import struct
import warnings

import pytest
import torch

from minitransformer import model_plots, plots

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
    lambda: plots.lines({"mine": [3.0, 2, 1]}, "Loss", "falls", levels={"bigram": 2.1, "exact": 1}),
    lambda: model_plots.attention_grid(
        WEIGHTS.expand(2, 3, 2, 3), ["it", "was"], ["the", "pizza", "oven"], "Heads", "six heads"
    ),
    lambda: model_plots.temperature_picture(
        torch.tensor([1.0, 3.0, 2.0]), ["soup", "pizza", "bread"], [0.5, 2], "Next", "sharp, flat"
    ),
    lambda: model_plots.span_picture(
        ["Mia", "eats", "bread"], WEIGHTS[0], WEIGHTS[1], (0, 1), "Answer", "Mia eats"
    ),
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


def test_the_page_is_seen_between_what_is_drawn():
    from io import BytesIO

    from matplotlib.image import imread

    picture = plots.lines({"mine": [3.0, 2, 1]}, "Loss", "falls")
    assert (imread(BytesIO(picture.png))[..., 3] == 0).mean() > 0.8


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

    canvas, axes = plots.empty_axes(6, 4)
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


def seen(monkeypatch, draw):
    """The canvas of a picture, before it became bytes."""
    kept = []

    def keep(canvas, title, alt):
        kept.append(canvas)
        return plots.Figure(b"", title, alt)

    monkeypatch.setattr(plots, "finish", keep)
    monkeypatch.setattr(model_plots, "finish", keep)
    draw()
    return kept[0]


def test_each_head_has_its_own_table_with_words_at_the_edges(monkeypatch):
    weights = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    canvas = seen(
        monkeypatch,
        lambda: model_plots.attention_grid(weights, list("abcd"), list("vwxyz"), "t", "a"),
    )
    *tables, _bar = canvas.axes
    assert [axes.get_title() for axes in tables[:4]] == [
        "layer 1, head 1", "layer 1, head 2", "layer 1, head 3", "layer 2, head 1",
    ]  # fmt: skip
    for place, axes in enumerate(tables):
        drawn = torch.tensor(axes.images[0].get_array().tolist())
        torch.testing.assert_close(drawn, weights[place // 3, place % 3])
        assert axes.images[0].get_clim() == (0, 1)
    assert [text.get_text() for text in tables[3].get_xticklabels()] == list("vwxyz")
    assert [text.get_text() for text in tables[3].get_yticklabels()] == list("abcd")


def test_levels_are_named_with_their_values_and_do_not_cover_each_other(monkeypatch):
    levels = {"bigram": 2.101, "bag of words": 2.1, "exact": 0.9, "unigram": 2.105}
    canvas = seen(monkeypatch, lambda: plots.lines({"mine": [3.0, 1]}, "t", "a", levels=levels))
    axes = canvas.axes[0]
    across = sorted(line.get_ydata()[0] for line in axes.lines[1:])
    assert across == sorted(levels.values())
    canvas.draw_without_rendering()
    names = sorted(axes.texts, key=lambda text: text.get_window_extent().y0)
    assert [text.get_text() for text in names] == [
        "exact 0.9", "bag of words 2.1", "bigram 2.1", "unigram 2.1",
    ]  # fmt: skip
    boxes = [text.get_window_extent() for text in names]
    for lower, upper in zip(boxes, boxes[1:], strict=False):
        assert lower.y1 <= upper.y0 + 1
    assert all(box.x1 <= canvas.bbox.x1 for box in boxes)


def test_a_curve_can_have_several_steps_between_its_values(monkeypatch):
    canvas = seen(monkeypatch, lambda: plots.lines({"mine": [3.0, 2, 1]}, "t", "a", every=25))
    assert list(canvas.axes[0].lines[0].get_xdata()) == [0, 25, 50]


def test_temperature_shows_the_best_tokens_with_probabilities_over_all(monkeypatch):
    logits, words = (
        torch.tensor([1.0, 3.0, -9.0, 2.0, 0.0]),
        ["soup", "pizza", "tree", "bread", "of"],
    )
    canvas = seen(
        monkeypatch,
        lambda: model_plots.temperature_picture(logits, words, [0.5, 2], "t", "a", top=3),
    )
    for axes, temperature in zip(canvas.axes, (0.5, 2), strict=True):
        assert axes.get_title() == f"temperature {temperature}"
        assert [text.get_text() for text in axes.get_xticklabels()] == ["pizza", "bread", "soup"]
        whole = sum(math.exp(logit / temperature) for logit in logits.tolist())
        expected = [math.exp(logit / temperature) / whole for logit in (3, 2, 1)]
        assert [bar.get_height() for bar in axes.patches] == pytest.approx(expected)
        assert axes.get_ylim() == (0, 1)


def test_the_chosen_span_is_shaded_from_its_first_word_to_its_last(monkeypatch):
    start, end = torch.tensor([0.1, 0.7, 0.1, 0.1]), torch.tensor([0.0, 0.2, 0.7, 0.1])
    canvas = seen(
        monkeypatch, lambda: model_plots.span_picture(list("abcd"), start, end, (1, 2), "t", "a")
    )
    shade, *drawn = canvas.axes[0].patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (0.5, 2.5)
    heights = [bar.get_height() for bar in drawn]
    assert heights == pytest.approx([*start.tolist(), *end.tolist()])


def test_pictures_of_models_refuse_data_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\(layers, num_heads, 2, 3\) .* got \(2, 3\)"):
        model_plots.attention_grid(WEIGHTS, ["a", "b"], ["x", "y", "z"], "t", "a")
    with pytest.raises(ValueError, match=r"\(layers, num_heads, 3, 2\)"):
        model_plots.attention_grid(WEIGHTS[None, None], ["a", "b", "c"], ["x", "y"], "t", "a")
    with pytest.raises(ValueError, match=r"'mine' needs .* 2 tokens, shape \(2,\), got \(3,\)"):
        model_plots.distributions({"mine": WEIGHTS[0]}, ["a", "b"], "t", "a")
    with pytest.raises(ValueError, match="nothing to draw"):
        model_plots.distributions({}, ["a"], "t", "a")
    with pytest.raises(ValueError, match=r"one score a token, \(2,\), got \(3,\)"):
        model_plots.temperature_picture(WEIGHTS[0], ["a", "b"], [1], "t", "a")
    for temperatures in ([], [1, 0]):
        with pytest.raises(ValueError, match="temperatures must be positive"):
            model_plots.temperature_picture(WEIGHTS[0], list("abc"), temperatures, "t", "a")
    with pytest.raises(ValueError, match=r"one probability a word, \(2,\), got \(3,\)"):
        model_plots.span_picture(["a", "b"], WEIGHTS[0], WEIGHTS[1], (0, 0), "t", "a")
    for best in ((1, 0), (0, 3), (-1, 0)):
        with pytest.raises(ValueError, match="first <= last"):
            model_plots.span_picture(list("abc"), WEIGHTS[0], WEIGHTS[1], best, "t", "a")


LONG = ["Donaudampfschifffahrtsgesellschaft", "[MASK]", "antidisestablishmentarianism"]


def inside(canvas):
    """Whether everything that is drawn lies on the picture."""
    canvas.draw_without_rendering()
    page, found = canvas.bbox, [axes.get_tightbbox() for axes in canvas.axes]
    return all(
        box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1 and box.y0 >= page.y0 - 1
        and box.y1 <= page.y1 + 1 for box in found
    )  # fmt: skip


def inches(canvas, axes):
    canvas.draw_without_rendering()
    box = axes.get_window_extent()
    return box.width / canvas.dpi, box.height / canvas.dpi


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.heatmap(torch.full((3, 3), 1 / 3), LONG, LONG, "t", "a"),
        lambda: model_plots.attention_grid(torch.full((1, 2, 3, 3), 1 / 3), LONG, LONG, "t", "a"),
        lambda: model_plots.temperature_picture(torch.zeros(3), LONG, [0.5, 1, 2], "t", "a"),
        lambda: model_plots.span_picture(
            LONG, torch.full((3,), 0.3), torch.full((3,), 0.3), (0, 1), "t", "a"
        ),
    ],
)
def test_long_words_are_cut_and_leave_room_for_what_is_shown(monkeypatch, draw):
    canvas = seen(monkeypatch, draw)
    assert inside(canvas)
    width, height = inches(canvas, canvas.axes[0])
    assert width > 0.7 and height > 0.7
    shown = [text.get_text() for text in canvas.axes[0].get_xticklabels()]
    assert "[MASK]" in shown and max(map(len, shown)) <= 16
    assert len(set(shown)) == 3 and all(word[:5] in "".join(shown) for word in LONG)


def test_words_are_shown_as_they_are(monkeypatch):
    words = ["$a$", r"$\frac$", " ", "\n", "a\tb"]
    canvas = seen(monkeypatch, lambda: plots.heatmap(torch.eye(5), words, words, "t", "a"))
    for axis in (canvas.axes[0].get_xticklabels(), canvas.axes[0].get_yticklabels()):
        assert [text.get_text() for text in axis] == [
            r"\$a\$", r"\$\frac\$", "\u2423", r"\n", r"a\tb",
        ]  # fmt: skip
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    canvas = seen(monkeypatch, lambda: plots.embedding_map(points, words, list("xxyyy"), "t", "a"))
    assert r"\$a\$" in [text.get_text() for text in canvas.axes[0].texts]


def test_a_table_of_many_words_has_a_scale_in_place_of_numbers(monkeypatch):
    words = [f"word{i}" for i in range(40)]
    canvas = seen(monkeypatch, lambda: plots.heatmap(torch.eye(40), words, words, "t", "a"))
    axes, bar = canvas.axes
    assert not axes.texts and bar.get_ylabel() == "weight" and inside(canvas)
    assert max(canvas.get_size_inches()) < 14
    few = seen(monkeypatch, lambda: plots.heatmap(torch.eye(20), words[:20], words[:20], "t", "a"))
    assert len(few.axes) == 1 and len(few.axes[0].texts) == 400


def test_many_words_make_no_poster_of_a_picture(monkeypatch):
    words = [f"word{i}" for i in range(40)]
    grid = torch.full((2, 4, 40, 40), 1 / 40)
    for draw in (
        lambda: model_plots.attention_grid(grid, words, words, "t", "a"),
        lambda: model_plots.temperature_picture(torch.zeros(40), words, [0.5, 1, 2], "t", "a", 40),
    ):
        assert seen(monkeypatch, draw).get_size_inches()[0] < 24


def test_more_than_six_heads_stand_in_several_rows(monkeypatch):
    weights = torch.rand(2, 8, 3, 3, generator=torch.Generator().manual_seed(0))
    words = ["a", "b", "c"]
    canvas = seen(monkeypatch, lambda: model_plots.attention_grid(weights, words, words, "t", "a"))
    *tables, _bar = canvas.axes
    assert len(tables) == 16 and tables[0].get_gridspec().get_geometry() == (4, 4)
    canvas = seen(
        monkeypatch, lambda: model_plots.attention_grid(weights[:, :7], words, words, "t", "a")
    )
    *tables, _bar = canvas.axes
    shown = [axes for axes in tables if axes.get_visible()]
    assert [axes.get_title() for axes in shown[5:8]] == [
        "layer 1, head 6", "layer 1, head 7", "layer 2, head 1",
    ]  # fmt: skip
    assert len(shown) == 14
    for axes, table in zip(shown, weights[:, :7].flatten(0, 1), strict=True):
        torch.testing.assert_close(torch.tensor(axes.images[0].get_array().tolist()), table)
    lowest = [axes for axes in shown[-4:]]
    assert all(axes.xaxis.get_tick_params()["labelbottom"] for axes in lowest)


def test_a_single_value_is_seen_and_many_groups_differ(monkeypatch):
    canvas = seen(monkeypatch, lambda: plots.lines({"mine": [2.0]}, "t", "a", optimum=1.9))
    assert canvas.axes[0].lines[0].get_marker() == "o"
    series = {str(number): [1.0, 2.0] for number in range(12)}
    drawn = seen(monkeypatch, lambda: plots.lines(series, "t", "a")).axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn}) == 12
    vectors = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    names = [str(number) for number in range(20)]
    canvas = seen(monkeypatch, lambda: plots.embedding_map(vectors, names, names, "t", "a"))
    looks = {
        (
            tuple(each.get_facecolor()[0]),
            len(each.get_paths()[0].vertices),
            tuple(each.get_paths()[0].vertices.ravel()),
        )
        for each in canvas.axes[0].collections
    }
    assert len(looks) == 20


def test_what_is_rounding_only_is_not_spread_over_the_map(monkeypatch):
    vectors = torch.tensor([[0.1, 0.7, 0.3], [0.9, 0.2, 0.4]])  # two points lie on a line
    canvas = seen(
        monkeypatch, lambda: plots.embedding_map(vectors, ["a", "b"], ["x", "y"], "t", "a")
    )
    assert [points.get_offsets()[0][1] for points in canvas.axes[0].collections] == [0, 0]


def test_names_under_bars_do_not_cover_each_other(monkeypatch):
    values = {"unigram": 3.4, "a very long name of a model": 2.1, "bigram": 2.0}
    canvas = seen(monkeypatch, lambda: plots.bars(values, "t", "a"))
    canvas.draw_without_rendering()
    names = canvas.axes[0].get_xticklabels()
    assert all(text.get_rotation() == 45 for text in names) and inside(canvas)
    plain = seen(monkeypatch, lambda: plots.bars({"d = 4": 4.1, "d = 16": 15.7}, "t", "a"))
    assert all(text.get_rotation() == 0 for text in plain.axes[0].get_xticklabels())


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"at least one query and one key, got \(0, 0\)"):
        plots.heatmap(torch.rand(0, 0), [], [], "Attention", "nothing")
    vectors = torch.tensor([[1.0, 2.0], [math.nan, 3.0], [5.0, math.inf]])
    with pytest.raises(ValueError, match="2 of the 3 vectors have numbers that are not finite"):
        plots.embedding_map(vectors, list("abc"), list("xxy"), "Words", "none")
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        plots.lines({"mine": [2.0, 1.0]}, "Loss", "falls", every=0)


def test_names_with_dollars_are_words_and_no_formulas(monkeypatch):
    odd, written = r"$\frac{$", r"\$\frac{\$"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines = seen(
            monkeypatch, lambda: plots.lines({odd: [2.0, 1.0]}, "t", "a", levels={odd: 1.5})
        )
        bars = seen(monkeypatch, lambda: plots.bars({odd: 1.0, "b": 2.0}, "t", "a"))
        groups, words = [odd, odd, "x"], list("abc")
        points = seen(
            monkeypatch, lambda: plots.embedding_map(torch.eye(3), words, groups, "t", "a")
        )
    assert [text.get_text() for text in lines.axes[0].texts] == [f"{written} 1.5"]
    assert lines.axes[0].get_legend_handles_labels()[1] == [written]
    assert [text.get_text() for text in bars.axes[0].get_xticklabels()] == [written, "b"]
    assert written in points.axes[0].get_legend_handles_labels()[1]


def test_a_very_long_name_does_not_push_the_bars_off_the_picture():
    def height(name):
        png = plots.bars({name: 1.0, "b": 2.0}, "Scores", "two").png
        return struct.unpack(">II", png[16:24])[1]

    assert height("c" * 300) == height("c" * 80) < 2 * height("c")
