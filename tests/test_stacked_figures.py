"""Figures for a phone: panels one below another, in a file and on a page."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.transforms import Bbox

from implreg_core import figures
from implreg_core.figures import _stacked

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import stacked_figures  # noqa: E402


def pair():
    """Two panels that share the axis of losses."""
    figure, axes = figures.panels(2, sharey=True)
    for ax in axes:
        ax.semilogy([1, 2], [1e-3, 1])
        ax.set_xlabel("time")
    axes[0].set_ylabel("loss")
    return figure, axes


def look(figure):
    """Where axes are, and what they say."""
    figure.draw_without_rendering()
    axes = figure.axes
    ticks = [[label.get_visible() for label in ax.get_yticklabels()] for ax in axes]
    return [ax.get_position().bounds for ax in axes], ticks, [ax.get_ylabel() for ax in axes], figure.get_size_inches()


@pytest.mark.usefixtures("book_style")
def test_panels_are_stacked_say_what_they_share_and_are_put_back():
    figure, axes = pair()
    before = look(figure)
    with _stacked.stacked(figure) as possible:
        boxes, ticks, labels, size = look(figure)
        assert possible and size[0] == _stacked.WIDTH and size[1] > 1.2 * size[0]
        upper, lower = (Bbox.from_bounds(*box) for box in boxes)
        assert upper.y0 > lower.y1 and np.allclose(upper.intervalx, lower.intervalx, atol=1e-3)
        assert labels == ["loss", "loss"] and all(map(any, ticks))
    after = look(figure)
    assert np.allclose(before[0], after[0]) and before[2] == after[2] and np.all(before[3] == after[3])
    assert before[1] == after[1] and not any(after[1][1])


@pytest.mark.usefixtures("book_style")
def test_one_file_holds_both_and_gives_them_back():
    options = {"bbox_inches": "tight", "metadata": {"Date": None}}
    alone = _stacked.print_figure(pair()[0], "svg", **options)
    both = _stacked.svg(pair()[0], **options)
    wide, tall = _stacked.parts(both)
    assert wide == alone and tall != alone and tall.count('id="axes_2"') == 1
    assert _stacked.svg(pair()[0], **options) == both  # the same picture, the same file
    assert _stacked.parts(alone) == (alone, None)


@pytest.mark.usefixtures("book_style")
def test_panels_of_a_grid_say_what_those_of_their_row_and_column_say():
    figure, axes = plt.subplots(2, 2, sharex=True, sharey="row")
    for ax, title in zip(axes[0], ("rank 1", "rank 3")):
        ax.set_title(title)
    for ax, label in zip(axes[:, 0], ("error", "rank")):
        ax.set_ylabel(label)
    axes[1, 0].set_xlabel("seen")
    axes[1, 1].set_xlabel("seen")
    with _stacked.stacked(figure) as possible:
        assert possible
        said = [(ax.get_title("left"), ax.get_ylabel(), ax.get_xlabel()) for ax in axes.flat]
        assert said == [(title, y, "seen") for y in ("error", "rank") for title in ("rank 1", "rank 3")]
        heights = [ax.get_position().y0 for ax in (look(figure) and axes.T.flat)]  # a column below the one to its left
        assert heights == sorted(heights, reverse=True)
        assert all(label.get_visible() for ax in axes.flat for label in ax.get_xticklabels())
    assert [ax.get_title("left") for ax in axes.flat] == ["rank 1", "rank 3", "", ""]
    assert [ax.get_ylabel() for ax in axes.flat] == ["error", "", "rank", ""]
    assert [ax.get_xlabel() for ax in axes.flat] == ["", "", "seen", "seen"]


@pytest.mark.usefixtures("book_style")
def test_what_cannot_be_stacked_is_left_alone():
    many, _ = plt.subplots(1, _stacked.MOST_PANELS + 1)
    loose, empty = plt.figure(), plt.figure()
    loose.add_axes((0, 0, 1, 1))
    beside, ax = plt.subplots()
    beside.colorbar(ax.imshow(np.eye(2)), ax=ax)
    for figure in (many, loose, empty, beside):
        before = figure.get_size_inches().tolist()
        with _stacked.stacked(figure) as possible:
            assert not possible and figure.get_size_inches().tolist() == before


@pytest.mark.usefixtures("book_style")
def test_twins_stay_together_and_rows_follow_rows():
    figure, axes = plt.subplots(2, 2)
    twin = axes[0, 1].twinx()
    axes[0, 1].set_title("both")
    with _stacked.stacked(figure) as possible:
        heights = [ax.get_position().y0 for ax in (look(figure) and [*axes.T.flat])]
        assert possible and heights == sorted(heights, reverse=True)
        assert np.allclose(twin.get_position().bounds, axes[0, 1].get_position().bounds)
        assert [ax.get_title("left") for ax in (twin, *axes[:, 1])] == ["", "both", "both"]
        assert not twin.yaxis.get_tick_params()["labelleft"]


@pytest.mark.book
def test_a_page_names_both_files_where_there_are_two():
    image = '<img alt="Left, a line." src="../_images/{}.svg" />'
    figures = [f"<figure>{image.format(name)}<p>Left: a line.</p></figure>" for name in ("one", "two")]
    shown = stacked_figures.with_stacked("<p>Left of it.</p>".join(figures), {"one.svg"})
    source = '<source media="(max-width: 600px)" srcset="../_images/one.stacked.svg">'
    first = figures[0].replace(image.format("one"), f"<picture>{source}{image.format('one')}</picture>")
    first = first.replace("<p>Left", '<p><span class="side" data-stacked="Top">Left</span>')
    assert shown == "<p>Left of it.</p>".join([first, figures[1]])


@pytest.mark.book
@pytest.mark.parametrize(
    ("caption", "sides"),
    [
        ("Left, the path. Right: two arrows", ["Left", "Right"]),
        ("the matrix grows (left), and falls (right).", ["left", "right"]),
        ("that of the left panel; read from left to right, beyond the right edge", ["left"]),
        ('<a title="Left">Leftover</a>', []),
    ],
)
def test_sides_are_those_of_panels(caption, sides):
    assert stacked_figures.SIDE.findall(f"{caption}</p>") == sides
