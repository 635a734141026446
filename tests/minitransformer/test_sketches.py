"""Drawings of the notebooks' own: shown once, with words, readable on both pages."""

import base64

import IPython.display
import matplotlib.pyplot as plt
import pytest

from minitransformer.sketches import STYLE, show


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr(
        IPython.display, "display", lambda thing, **options: seen.append((thing, options))
    )
    return seen


def drawn():
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(2, 1))
        ax.plot([1, 2])
    return figure


def test_a_figure_is_shown_with_its_words_and_closed(shown):
    show(drawn(), "a line goes up")
    (picture, options), (words, _) = shown
    assert picture["text/plain"] == options["metadata"]["image/png"]["alt"] == "a line goes up"
    assert words.data == "*In words:* a line goes up"
    assert plt.get_fignums() == []


def test_the_background_is_transparent_and_the_bytes_name_no_program(shown):
    show(drawn(), "a line goes up")
    png = base64.b64decode(shown[0][0]["image/png"])
    assert png[25] == 6  # colour type: with alpha
    assert b"Software" not in png


def test_a_figure_without_words_is_refused(shown):
    with pytest.raises(ValueError, match="say in a sentence"):
        show(drawn(), " ")
    plt.close("all")
