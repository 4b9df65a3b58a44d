r"""Explorers: one interactive figure for every chapter, alive in the static page and in Jupyter.

A *run* is a table: columns of equal length, one row per recorded moment. An `Explorer` varies a few named
controls, asks `compute` for the run at each setting, and draws it in linked views with one marker that scrubs
through its rows. What is computed is the chapter's choice; drawing and controls are the front end's, `front/`,
which is the same in both places. There are two kinds:

- *stored*: all controls have listed values. In the static page (`IMPLREG_STATIC=1`) the runs of all settings are
  computed at build time and stored; in Jupyter each is computed when it is first asked for.
- *live*: some controls are continuous (`Slider`, `MatrixPad`, `MatrixGrid`), and `compute` is a JAX function of their
  values. In Jupyter it is compiled by XLA; for the static page it is compiled to JavaScript, so the page computes what
  the package computes.

In either, a `TypedNorm` lets the reader type a norm, which the front end evaluates along the run, and a `Guess` a
number, which it draws as a line. "Keep this run" leaves a run in all views, thin and with rings on its lines, beside
those that follow.
"""

import contextlib
import html
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from IPython.display import display
from matplotlib.figure import Figure

from implreg_core._static import static_build
from implreg_core.explorers import _front, _names, _opening, _own, _still
from implreg_core.explorers._controls import (
    AnyControl,
    Control,
    Guess,
    MatrixGrid,
    MatrixPad,
    Slider,
    TypedNorm,
    choice_of,
    complete_setting,
    extended,
    in_words,
    setting_of,
)
from implreg_core.explorers._endings import Ending, descent_endings, flow_endings, sentence
from implreg_core.explorers._front import script_json
from implreg_core.explorers._grid import GraphView, GridView
from implreg_core.explorers._runs import Live, NoRun, Stored
from implreg_core.explorers._space import SpaceView
from implreg_core.explorers._spec import control_spec, ending_spec, view_specs
from implreg_core.explorers._still import Drawn
from implreg_core.explorers._usual import usual_view
from implreg_core.explorers._views import AnyView, Curve, MatrixView, View, plots

__all__ = [
    "Control",
    "Curve",
    "Ending",
    "Explorer",
    "GraphView",
    "GridView",
    "Guess",
    "MatrixGrid",
    "MatrixPad",
    "MatrixView",
    "NoRun",
    "Slider",
    "SpaceView",
    "TypedNorm",
    "View",
    "descent_endings",
    "flow_endings",
    "static_build",
    "usual_view",
    "your_matrix",
]


class Explorer:
    """An interactive figure for a reader's `question`: linked `views` of the run at a setting of `controls`.

    `compute(**setting)` returns a run: a mapping from column names to equally long 1-D arrays of numbers. Columns that
    no view draws are ignored. Where it raises `NoRun`, the reader sees the message and the former drawing; any other
    exception stops a static build, and is shown in the figure in Jupyter. `scrubber` names the column that the marker
    moves along, the `x` of the first view that is a plot.

    `beside` is a setting, of some controls or all, whose run is kept for comparison when the figure opens, until the
    reader forgets it. The first of `endings` that fits is said of how a run ended. The figure opens at the end of the
    run; one that `opens` at its `"start"` draws nothing of what comes until it has been played once, by the button
    called `play`; one that `opens` at a column and a number, where that is first as large, else at the end. With
    `play=None` there is no such button, for a scrubber along which nothing happens in time.

    `continues` names explorers of other pages, the name of a page -> the question of its explorer: in the book's pages,
    links take the settings there. What is carried are the controls that have one name in both, as far as their ranges
    go; the reader is told what is not. The book's build warns of an explorer that is not there.

    *Stored*, with listed controls only: `compute` is called once per setting. Its columns are finite, and positive
    where a view draws them on a logarithmic axis.

    *Live*, with continuous controls: `compute` is a JAX function of them (float64 scalars, 2 x 2 matrices, grids); the
    listed ones are Python values. Its columns have one length. A run ends where the column of the scrubber stops
    growing, or before a row with a number that is not finite or beyond 1e300: then the reader is told that it diverges.

    Evaluated at the end of a cell, an explorer displays itself.

    **Raises:** `ValueError` for `views` without a plot, two typed norms, controls that share a name or have one that
    addresses need (`at`, `beside`, `from`, `view`), a page of `continues` that is no plain name, a `beside` that names
    no setting, an unknown `opens`, or one at the start with nothing to `play`; on display, for a run that cannot be
    drawn, naming setting, column and row, for a live `compute` that JavaScript cannot express, and in a static build
    for two figures of a page with one question.

    **Example:**

    ```python
    >>> view = explorers.View("Decay", x="t", y={"loss": "loss"}, xlabel="time", ylabel="loss", yscale="log")
    >>> def compute(rate):
    ...     t = jnp.linspace(0.0, 5.0, 20)
    ...     return {"t": t, "loss": jnp.exp(-rate * t)}
    ...
    >>> explorer = explorers.Explorer(
    ...     question="How fast?",
    ...     controls=[explorers.Slider("rate", "rate", 0.1, 2.0, default=1.0)],
    ...     compute=compute,
    ...     views=[view],
    ...     caption="A decay.",
    ...     endings=[explorers.Ending("ended at loss {loss}", "loss", at_least=0)],
    ... )
    >>> explorer
    Explorer('How fast?', rate=0.1..2)

    ```
    """

    def __init__(
        self,
        *,
        question: str,
        controls: Sequence[AnyControl],
        compute: Callable[..., Mapping],
        views: Sequence[AnyView],
        caption: str,
        scrubber: str = "Training time",
        beside: Mapping | None = None,
        endings: Sequence[Ending] = (),
        opens: _opening.Opening = "end",
        play: str | None = "Play",
        continues: Mapping[str, str] | None = None,
    ):
        names = [control.name for control in controls]
        if len(set(names)) < len(names) or _names.RESERVED & set(names):
            raise ValueError(f"`controls` must have distinct names, other than {sorted(_names.RESERVED)}; got {names}.")
        if sum(isinstance(control, TypedNorm) for control in controls) > 1:
            raise ValueError(f"`controls` may have one TypedNorm at most, whose columns have fixed names; got {names}.")
        if not plots(views):
            raise ValueError(f"`views` must have one plot at least, a `View`; got {list(views)}.")
        if opens == "start" and play is None:
            raise ValueError('`opens="start"` needs a `play` button, by which the run is drawn; got None.')
        self.question, self.caption, self.scrubber, self.play = question, caption, scrubber, play
        self.controls, self.views, self.endings = tuple(controls), tuple(views), tuple(endings)
        self.beside = None if beside is None else complete_setting(self.controls, beside)
        self.live = any(isinstance(control, Slider | MatrixPad | MatrixGrid) for control in controls)
        self._runs = (Live if self.live else Stored)(question, compute, self.controls, self.views, self.endings)
        self.opens = _opening.checked(opens, self._runs.scales)
        self.continues = _names.checked_pages(continues or {})

    @property
    def slug(self) -> str:
        """What the figure is called in addresses and file names: its question in plain letters.

        Where letters are lost, as those that are not Latin, a short hash of the question follows.
        """
        return _names.slug(self.question)

    def __repr__(self) -> str:
        settings = "".join(f", {control.name}={control.range}" for control in self.controls)
        return f"Explorer({self.question!r}{settings})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        if static_build():  # the picture is for the notebooks that the book's build makes
            page, (png, size) = self.static_html(), _still.png(self.picture())
            _names.claim(self.slug, self.question, page)
            return {"text/plain": repr(self), "text/html": page, "image/png": png}, {"image/png": size}
        view, _ = self.widget()._repr_mimebundle_()
        return {**view, "text/plain": repr(self)}, {}  # the widget's own text holds a memory address

    def _ipython_display_(self) -> None:
        """In a notebook, the picture comes first: the front end hides it when it mounts, and it stays if none does."""
        if static_build():
            raise NotImplementedError  # IPython's sign to take the bundle above
        with contextlib.suppress(Exception):  # the widget says what is wrong
            text = f"{self.question} {self.caption}"
            display({"text/html": _still.html(self.picture(), self.slug, text)}, raw=True)
        display(*self._repr_mimebundle_(), raw=True)

    def static_html(self) -> str:
        """The figure for a page without a kernel, for `front/host.js` to mount.

        A stored one carries the runs of all settings, a live one a JavaScript program for each setting of its listed
        controls.

        **Raises:** whatever `compute` raises, `NoRun` apart, with the setting noted.

        **Example:**

        ```python
        >>> explorer.static_html()[:54]
        '<figure class="implreg-explorer" id="explore-how-fast"'

        ```
        """
        data, programs = self._runs.page()
        data = {"spec": self._spec()} | data
        script = ""
        if programs:
            text = ",\n".join(f'"{indices}": {program}' for indices, program in programs.items())
            if re.search("<!--|</script|<script", text, re.IGNORECASE):
                raise ValueError("a compiled program holds a text that ends a script element.")
            opening = f'(globalThis.implregPrograms ??= {{}})["{self.slug}"] = {{'
            script = f"<script>\n{opening}\n{text}}};\n</script>"
        question, caption = html.escape(self.question), html.escape(self.caption)
        return (
            f'<figure class="implreg-explorer" id="{self.slug}" aria-label="{question}">'
            f'<p class="implreg-question">{question}</p>'
            "<noscript><p>The controls and drawings of this figure need JavaScript.</p></noscript>"
            f"<figcaption>{caption}</figcaption>"
            f'{script}<script type="application/json">{script_json(data)}</script></figure>'
        )

    def save(self, path: str | os.PathLike) -> Path:
        """Write the figure as one HTML file that needs no kernel, no server and no connection.

        It opens from a folder, and in a frame of another page. A stored one computes the runs of all settings first.

        **Returns:** the path.

        **Raises:** as `static_html`; `OSError` where nothing can be written.

        **Example:**

        ```python
        >>> import tempfile
        >>> explorer.save(f"{tempfile.mkdtemp()}/decay.html").read_text(encoding="utf-8")[:15]
        '<!doctype html>'

        ```
        """
        page = _front.standalone_page(self.static_html(), title=self.question)
        path = Path(path)
        path.write_text(page, encoding="utf-8")
        return path

    def run(self, **setting) -> dict[str, np.ndarray]:
        """What the figure draws at a setting: columns of float64 with one number for each row.

        Controls that `setting` does not name stand at their defaults. The run ends where the drawn one does.

        **Raises:** `NoRun` where there is no run; `ValueError` for a name or a value that no control has.

        **Example:** the numbers behind a curve, for a check beside it:

        ```python
        >>> explorer.run(rate=0.5)["loss"][[0, -1]].round(3)
        array([1.   , 0.082])

        ```
        """
        values = complete_setting(self.controls, setting)
        known = {c.name: values[c.name] for c in self.controls if not isinstance(c, TypedNorm | Guess)}
        return extended(self.controls, self._runs.columns(known), values)

    def ending(self, **setting) -> str:
        """What the figure says of how the run at a setting ended; an empty text where none of `endings` fits.

        A live run that diverges is described by the figure itself, not here.

        **Raises:** as `run`.

        **Example:**

        ```python
        >>> explorer.ending(rate=0.5)
        'This run ended at loss 0.0821.'

        ```
        """
        return sentence(self.endings, self.run(**setting))

    def picture(self) -> Figure:
        """The figure as it opens, with its question, settings and caption, and the whole run, drawn by matplotlib.

        **Raises:** `NoRun` where there is no run at the default setting, or at `beside`.

        **Example:**

        ```python
        >>> [ax.get_title(loc="left") for ax in explorer.picture().axes]
        ['Decay']

        ```
        """
        settings, kept = "; ".join(f"{control.label}: {control.text}" for control in self.controls), None
        try:
            run = self.run()
            if self.beside is not None:
                words = in_words(self.controls, self.beside, complete_setting(self.controls, {}))
                kept = Drawn(self.run(**self.beside), self.beside, words)
        except NoRun as reason:
            raise NoRun(f"The explorer {self.question!r} has no run to open with: {reason}") from None
        caption = " ".join(filter(None, [sentence(self.endings, run), self.caption]))
        drawn = _still.Shown(run, complete_setting(self.controls, {}), _opening.marked_row(self.opens, run))
        return _still.draw(self.views, drawn, kept, heading=self.question, subheading=settings, caption=caption)

    def widget(self) -> anywidget.AnyWidget:
        """The figure for Jupyter: a new widget at the default setting, which asks this explorer for runs.

        **Example:**

        ```python
        >>> widget = explorer.widget()
        >>> widget.choice = [0.5]  # as the slider in the page does
        >>> sorted(widget.answer)
        ['choice', 'computed']

        ```
        """
        spec = self._spec()
        default, beside = spec["default"], spec["beside"]
        widget = _Widget(spec=spec, choice=default, beside=None if beside is None else self._answer(beside))
        widget.answer = self._answer(default)
        widget.observe(lambda change: widget.set_trait("answer", self._answer(change.new)), "choice")
        return widget

    def _spec(self) -> dict:
        """What the front end must know before any run: see `explorers._spec`."""
        return {
            "slug": self.slug,
            "question": self.question,
            "caption": self.caption,
            "scrubber": self.scrubber,
            "columns": sorted(self._runs.scales),
            "default": [control.entry for control in self.controls],
            "beside": None if self.beside is None else choice_of(self.controls, self.beside),
            "opens": _opening.opening_spec(self.opens),
            "play": self.play,
            "continues": _names.continued(self.continues),
            "endings": [ending_spec(ending) for ending in self.endings],
            "controls": [control_spec(control) for control in self.controls],
            "views": view_specs(self.views),
        }

    def _answer(self, choice: Sequence) -> dict:
        """What the widget sends for a choice. A traceback would go unseen: the figure shows the message."""
        try:
            outcome = self._runs.outcome(setting_of(self.controls, choice))
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}"}
        return {"choice": list(choice), **outcome}


class _Widget(anywidget.AnyWidget):
    """The Jupyter side of `front/explorer.js`: `choice` comes from the reader, `answer` goes back; `beside` is that of
    the run that the figure opens with beside its own."""

    _esm = _front.widget_module()
    _css = _front.stylesheet()
    spec = traitlets.Dict().tag(sync=True)
    choice = traitlets.List().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    beside = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)


def your_matrix(
    text: str,
    *,
    presets: Mapping[str, str] | None = None,
    question: str = "What does your matrix do?",
    max_steps: int = 10_000,
) -> Explorer:
    r"""The explorer of a reader's own matrix, up to 6 x 6, which opens with the matrix `text`.

    Matrix, depth, scale, learning rate and start vary; `own_matrix.columns` computes the descent and the completion of
    least nuclear norm, and both are drawn. `text` and each of `presets`, label to text, are as `own_matrix.grid` reads
    them; `own_matrix.text` writes that of a problem.

    **Raises:** `ValueError` if one of them is no matrix.

    **Example:**

    ```python
    >>> explorer = explorers.your_matrix("?, 1; 1, 0")
    >>> explorer.run(depth=2)["least_11"].round(6)[-1]
    np.float64(0.0)

    ```
    """
    return Explorer(question=question, **_own.parts(text, presets or {}, max_steps))
