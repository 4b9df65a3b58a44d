r"""Explorers: one interactive figure for every chapter, alive in the static page and in Jupyter.

A *run* is a table: columns of equal length, one row per recorded moment. An `Explorer` varies a few named
controls, asks `compute` for the run at each setting, and draws it in linked views with one marker that scrubs
through its rows. What is computed is the chapter's choice; drawing and controls are the front end's, `front/`,
which is the same in both places. There are two kinds:

- *stored*: all controls have listed values. In the static page (`IMPLREG_STATIC=1`) the runs of all settings are
  computed at build time and stored; in Jupyter each is computed when it is first asked for.
- *live*: some controls are continuous (`Slider`, `MatrixPad`), and `compute` is a JAX function of their values. In
  Jupyter it is compiled by XLA; for the static page it is compiled to JavaScript, so the page computes what the
  package computes.

In either, a `TypedNorm` lets the reader type a norm, which the front end evaluates along the run.
"""

import base64
import contextlib
import html
import inspect
import io
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence

import anywidget
import jax
import jax.numpy as jnp
import numpy as np
import traitlets
from IPython.display import display
from matplotlib.figure import Figure

from implreg_core import _explorer_names, _explorer_still, _front
from implreg_core._columns import LARGEST, decode_column, encode_column
from implreg_core._explorer_parts import Control, Curve, MatrixPad, Slider, TypedNorm, View
from implreg_core._static import static_build
from implreg_core.javascript import compile_to_javascript

__all__ = ["Control", "Curve", "Explorer", "MatrixPad", "NoRun", "Slider", "TypedNorm", "View", "static_build"]

_DOTS_PER_INCH = 100  # of a picture on the screen, which has twice as many pixels


class NoRun(ValueError):
    """Raised by `compute` where a setting has no run to show; the message is what the reader sees there.

    **Example:**

    ```python
    >>> def compute(depth):
    ...     raise explorers.NoRun(f"depth {depth} has nothing to show")
    ...
    >>> view = explorers.View("V", "t", {"w": "w"}, "t", "w")
    >>> control = explorers.Control("depth", "depth", [2], 2)
    >>> explorer = explorers.Explorer(
    ...     question="What?", controls=[control], compute=compute, views=[view], caption="None."
    ... )
    >>> explorer.widget().answer["error"]
    'depth 2 has nothing to show'

    ```
    """


class Explorer:
    """An interactive figure for a reader's `question`: linked `views` of the run at a setting of `controls`.

    `compute(**setting)` returns a run: a mapping from column names to equally long 1-D arrays of numbers. Columns that
    no view draws are ignored. Where it raises `NoRun`, the reader sees the message and the former drawing; any other
    exception stops a static build, and is shown in the figure in Jupyter. `scrubber` names the column that the marker
    moves along, the `x` of the first view.

    *Stored*, with listed controls only: `compute` is called once per setting. Its columns are finite, and positive
    where a view draws them on a logarithmic axis.

    *Live*, with continuous controls: `compute` is a JAX function of them (float64 scalars and 2 x 2 matrices); the
    listed ones are Python values. Its columns have one length. A run ends where the column of the scrubber stops
    growing, or before a row with a number that is not finite or beyond 1e300: then the reader is told that it diverges.

    Evaluated at the end of a cell, an explorer displays itself.

    **Raises:** `ValueError` for an empty `views`, two typed norms, or controls that share a name or are called "at"; on
    display, for a run that cannot be drawn, naming setting, column and row, for a live `compute` that JavaScript cannot
    express, and in a static build for two figures of a page with one question.

    **Example:**

    ```python
    >>> view = explorers.View("Decay", x="t", y={"loss": "loss"}, xlabel="time", ylabel="loss", yscale="log")
    >>> def compute(rate):
    ...     t = jnp.linspace(0.0, 5.0, 20)
    ...     return {"t": t, "loss": jnp.exp(-rate * t)}
    ...
    >>> slider = explorers.Slider("rate", "rate", 0.1, 2.0, default=1.0)
    >>> explorers.Explorer(question="How fast?", controls=[slider], compute=compute, views=[view], caption="A decay.")
    Explorer('How fast?', rate=0.1..2)

    ```
    """

    def __init__(
        self,
        *,
        question: str,
        controls: Sequence[Control | Slider | MatrixPad | TypedNorm],
        compute: Callable[..., Mapping],
        views: Sequence[View],
        caption: str,
        scrubber: str = "Training time",
    ):
        names = [control.name for control in controls]
        if len(set(names)) < len(names) or "at" in names:
            raise ValueError(f"`controls` must have distinct names other than 'at'; got {names}.")
        if sum(isinstance(control, TypedNorm) for control in controls) > 1:
            raise ValueError(f"`controls` may have one TypedNorm at most, whose columns have fixed names; got {names}.")
        if not views:
            raise ValueError("`views` is empty; an explorer needs one view at least.")
        self.question, self.caption, self.scrubber = question, caption, scrubber
        self.controls, self.views = tuple(controls), tuple(views)
        self.live = any(isinstance(control, Slider | MatrixPad) for control in controls)
        self._compute = compute
        self._outcomes = {}  # of a stored one: choice -> {"stored": columns} or {"error": text}
        self._programs = {}  # of a live one: values of the listed controls -> compiled function
        self._scales = self._drawn_scales()

    @property
    def slug(self) -> str:
        """What the figure is called in addresses and file names: its question in plain letters.

        Where letters are lost, as those that are not Latin, a short hash of the question follows.
        """
        return _explorer_names.slug(self.question)

    def __repr__(self) -> str:
        settings = "".join(f", {control.name}={control.range}" for control in self.controls)
        return f"Explorer({self.question!r}{settings})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        if static_build():  # the picture is for the notebooks that the book's build makes
            page, (png, size) = self.static_html(), self._png()
            _explorer_names.claim(self.slug, self.question, page)
            return {"text/plain": repr(self), "text/html": page, "image/png": png}, {"image/png": size}
        view, _ = self.widget()._repr_mimebundle_()
        return {**view, "text/plain": repr(self)}, {}  # the widget's own text holds a memory address

    def _ipython_display_(self) -> None:
        """In a notebook, the picture comes first: the front end hides it when it mounts, and it stays if none does."""
        if static_build():
            raise NotImplementedError  # IPython's sign to take the bundle above
        with contextlib.suppress(NoRun):  # then the widget says so
            display({"text/html": self._still_html()}, raw=True)
        display(*self._repr_mimebundle_(), raw=True)

    def static_html(self) -> str:
        """The figure for a page without a kernel, for `front/host.js` to mount.

        A stored one carries the runs of all settings, a live one a JavaScript program for each setting of its listed
        controls.

        **Raises:** whatever `compute` raises, `NoRun` apart, with the setting noted.

        **Example:**

        ```python
        >>> def compute(power):
        ...     return {"t": np.arange(3.0), "w": np.arange(3.0) ** power}
        ...
        >>> view = explorers.View("V", "t", {"w": "w"}, "t", "w")
        >>> control = explorers.Control("power", "power", [1, 2], 1)
        >>> explorer = explorers.Explorer(
        ...     question="How steep?", controls=[control], compute=compute, views=[view], caption="Powers."
        ... )
        >>> explorer.static_html()[:55]
        '<figure class="implreg-explorer" id="explore-how-steep"'

        ```
        """
        listed = [control for control in self.controls if isinstance(control, Control)]
        choices = list(itertools.product(*(range(len(control.values)) for control in listed)))
        if self.live:
            data = {"spec": self._spec()}
            values = [[control.values[i] for control, i in zip(listed, choice)] for choice in choices]
            programs = [f'"{",".join(map(str, i))}": {self._javascript(tuple(v))}' for i, v in zip(choices, values)]
            text = ",\n".join(programs)
            if re.search("<!--|</script|<script", text, re.IGNORECASE):
                raise ValueError("a compiled program holds a text that ends a script element.")
            opening = f'(globalThis.implregPrograms ??= {{}})["{self.slug}"] = {{'
            programs = f"<script>\n{opening}\n{text}}};\n</script>"
        else:
            outcomes = [self._outcome(choice) for choice in choices]
            data = {"spec": self._spec() | {"limits": self._limits()}, "outcomes": outcomes}
            programs = ""
        question, caption = html.escape(self.question), html.escape(self.caption)
        return (
            f'<figure class="implreg-explorer" id="{self.slug}" aria-label="{question}">'
            f'<p class="implreg-question">{question}</p>'
            "<noscript><p>The controls and drawings of this figure need JavaScript.</p></noscript>"
            f"<figcaption>{caption}</figcaption>"
            f'{programs}<script type="application/json">{_json(data)}</script></figure>'
        )

    def picture(self) -> Figure:
        """The figure as it opens, with its question, settings and caption, drawn by matplotlib.

        **Raises:** `NoRun` where there is no run at the default setting.

        **Example:**

        ```python
        >>> def compute(power):
        ...     return {"t": np.arange(3.0), "w": np.arange(3.0) ** power}
        ...
        >>> view = explorers.View("A power", "t", {"w": "w"}, "t", "w")
        >>> control = explorers.Control("power", "power", [1, 2], 1)
        >>> explorer = explorers.Explorer(
        ...     question="How steep?", controls=[control], compute=compute, views=[view], caption="Powers."
        ... )
        >>> [ax.get_title(loc="left") for ax in explorer.picture().axes]
        ['A power']

        ```
        """
        settings = "; ".join(f"{control.label}: {control.text}" for control in self.controls)
        run = self._first_run()
        return _explorer_still.draw(self.views, run, heading=self.question, subheading=settings, caption=self.caption)

    def widget(self) -> anywidget.AnyWidget:
        """The figure for Jupyter: a new widget at the default setting, which asks this explorer for runs.

        **Example:**

        ```python
        >>> def compute(power):
        ...     return {"t": np.arange(3.0), "w": np.arange(3.0) ** power}
        ...
        >>> view = explorers.View("V", "t", {"w": "w"}, "t", "w")
        >>> control = explorers.Control("power", "power", [1, 2], 1)
        >>> explorer = explorers.Explorer(
        ...     question="How steep?", controls=[control], compute=compute, views=[view], caption="Powers."
        ... )
        >>> widget = explorer.widget()
        >>> widget.choice = [1]  # as the slider in the page does
        >>> sorted(widget.answer["stored"])
        ['t', 'w']

        ```
        """
        default = [control.entry for control in self.controls]
        widget = _Widget(spec=self._spec(), choice=default)
        widget.answer = self._answer(default)
        widget.observe(lambda change: widget.set_trait("answer", self._answer(change.new)), "choice")
        return widget

    def _png(self) -> tuple[str, dict]:
        """The picture in base 64, and its size on the screen."""
        figure, buffer = self.picture(), io.BytesIO()
        figure.savefig(buffer, format="png", dpi=2 * _DOTS_PER_INCH)
        width, height = (round(_DOTS_PER_INCH * inches) for inches in figure.get_size_inches())
        return base64.b64encode(buffer.getvalue()).decode(), {"width": width, "height": height}

    def _still_html(self) -> str:
        """The picture for a notebook. Where a saved one is reopened without a kernel, JupyterLab finds no widget;
        the style hides the line in which it says so."""
        png, size = self._png()
        text = html.escape(f"{self.question} {self.caption}")
        child = ".jp-OutputArea-child"
        return (
            f"<style>{child}:has([data-still]) + {child}:has(.jupyter-widgets):not(:has(.implreg-explorer))"
            " { display: none; }</style>"
            f'<div><img data-still="{self.slug}" width="{size["width"]}" alt="{text}" '
            f'src="data:image/png;base64,{png}"></div>'
        )

    def _spec(self) -> dict:
        """What the front end must know before any run."""
        colors = {column: None for view in self.views for column in view.y}  # a set that keeps the order
        return {
            "slug": self.slug,
            "question": self.question,
            "caption": self.caption,
            "scrubber": self.scrubber,
            "columns": sorted(self._scales),
            "default": [control.entry for control in self.controls],
            "controls": [control.spec() for control in self.controls],
            "views": [
                {
                    "title": view.title,
                    "x": {"column": view.x, "label": view.xlabel, "scale": view.xscale, "limits": view.xlim},
                    "y": {"label": view.ylabel, "scale": view.yscale, "limits": view.ylim},
                    "series": [
                        {
                            "column": column,
                            "label": label,
                            "dashed": column in view.dashed,
                            "color": list(colors).index(column),  # one colour per column, in all views
                        }
                        for column, label in view.y.items()
                    ],
                    "curves": [
                        {"label": curve.label, "coefficients": list(curve.coefficients), "shaded": curve.shaded}
                        for curve in view.curves
                    ],
                    "points": [{"label": label, "x": x, "y": y} for label, (x, y) in view.points.items()],
                }
                for view in self.views
            ],
        }

    def _answer(self, choice: Sequence) -> dict:
        """What the widget sends for a choice. A traceback would go unseen: the figure shows the message."""
        try:
            entries = [(k, entry) for k, entry in zip(self.controls, choice) if not isinstance(k, TypedNorm)]
            outcome = self._live_outcome(entries) if self.live else self._outcome(tuple(i for _, i in entries))
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}"}
        return {"choice": list(choice), **outcome}

    def _first_run(self) -> dict[str, np.ndarray]:
        """The columns that the figure opens with, as `readRun` of the front end reads them."""
        answer = self._answer([control.entry for control in self.controls])
        if "error" in answer:
            raise NoRun(f"The explorer {self.question!r} has no run to open with: {answer['error']}")
        if "stored" in answer:
            run = {name: decode_column(column) for name, column in answer["stored"].items()}
        else:
            run = {name: np.array(values, float) for name, values in answer["computed"].items()}  # None becomes NaN
            usable = np.all([np.abs(values) < LARGEST for values in run.values()], axis=0)
            grows = np.diff(run[self.views[0].x], prepend=-np.inf) > 0
            rows = np.append(np.logical_and(usable, grows), False).argmin()
            run = {name: values[:rows] for name, values in run.items()}
        for control in self.controls:
            if isinstance(control, TypedNorm):
                run |= control.columns(run)
        return run

    # ---- stored runs

    def _outcome(self, choice: tuple[int, ...]) -> dict:
        """The run at a choice, computed once, or the reason why there is none."""
        if choice not in self._outcomes:
            listed = [control for control in self.controls if isinstance(control, Control)]
            setting = {control.name: control.values[i] for control, i in zip(listed, choice)}
            try:
                self._outcomes[choice] = {"stored": self._encode(self._compute(**setting))}
            except NoRun as reason:
                self._outcomes[choice] = {"error": str(reason)}
            except Exception as error:
                error.add_note(f"The explorer {self.question!r} was computing the run at {setting}.")
                raise
        return self._outcomes[choice]

    def _encode(self, run: Mapping) -> dict:
        """The drawn columns of a run, each on the scale it is drawn on."""
        columns = {name: np.asarray(values, float) for name, values in self._drawn(run).items()}
        encoded = {}
        for column, values in columns.items():
            try:
                encoded[column] = encode_column(values, scale=self._scales[column])
            except ValueError as error:
                raise ValueError(f"`compute` gave a column {column!r} that cannot be drawn: {error}") from None
        return encoded

    def _limits(self) -> dict:
        """The range of each column over all runs: axes that stay put show what a control changes."""
        limits = {}
        for outcome in self._outcomes.values():
            for name, column in outcome.get("stored", {}).items():
                low, high = limits.get(name, (column["low"], column["high"]))
                limits[name] = [min(low, column["low"]), max(high, column["high"])]
        return limits

    # ---- live programs

    def _live_outcome(self, controls: list[tuple]) -> dict:
        """The run at a choice, given as pairs (control, entry), to its last digit; null is for what is not finite."""
        listed = tuple(control.values[entry] for control, entry in controls if isinstance(control, Control))
        entries = [
            jnp.asarray(entry, float).reshape(control.example.shape)
            for control, entry in controls
            if not isinstance(control, Control)
        ]
        if listed not in self._programs:
            self._programs[listed] = jax.jit(self._program(listed))
        try:
            run = self._programs[listed](*entries)
        except NoRun as reason:
            return {"error": str(reason)}
        numbers = {name: np.asarray(values, float) for name, values in run.items()}
        return {"computed": {name: np.where(np.isfinite(x), x, None).tolist() for name, x in numbers.items()}}

    def _program(self, listed: tuple) -> Callable:
        """`compute` as a function of the continuous controls alone, in order, with the drawn columns as result."""
        fixed = dict(zip((control.name for control in self.controls if isinstance(control, Control)), listed))
        names = [control.name for control in self.controls if isinstance(control, Slider | MatrixPad)]

        def program(*values):
            return self._drawn(self._compute(**fixed, **dict(zip(names, values, strict=True))))

        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        program.__signature__ = inspect.Signature(parameters)  # names the parameters of the JavaScript function
        return program

    def _javascript(self, listed: tuple) -> str:
        """The program at a setting of the listed controls as a JavaScript expression; a text if it has no run."""
        examples = [control.example for control in self.controls if isinstance(control, Slider | MatrixPad)]
        try:
            return compile_to_javascript(self._program(listed), *examples, name="run").rstrip()
        except NoRun as reason:
            return _json(str(reason))
        except Exception as error:
            error.add_note(f"The explorer {self.question!r} was compiling the program of {listed}.")
            raise

    # ---- columns

    def _drawn_scales(self) -> dict[str, str]:
        """The columns that views draw, and on which scale: logarithmic if on both. Those that a typed norm adds are not
        of `compute`, those that it reads are."""
        scales = {}
        for view in self.views:
            for column, scale in [(view.x, view.xscale), *((column, view.yscale) for column in view.y)]:
                scales[column] = "log" if "log" in (scale, scales.get(column)) else "linear"
            for column in itertools.chain.from_iterable(curve.columns for curve in view.curves):
                scales.setdefault(column, "linear")
        if any(isinstance(control, TypedNorm) for control in self.controls):
            scales |= dict.fromkeys(TypedNorm.READS, "log")
            scales = {column: scale for column, scale in scales.items() if column not in TypedNorm.ADDS}
        return scales

    def _drawn(self, run: Mapping) -> dict:
        """The drawn columns of a run, refused unless they are all there and fit together."""
        if missing := set(self._scales) - set(run):
            raise ValueError(f"`compute` gave no column {sorted(missing)}, which a view draws; it gave {sorted(run)}.")
        shapes = {column: np.shape(run[column]) for column in self._scales}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(f"`compute` must give 1-D columns of one length; got shapes {shapes}.")
        return {column: run[column] for column in self._scales}


class _Widget(anywidget.AnyWidget):
    """The Jupyter side of `front/explorer.js`: `choice` comes from the reader, `answer` goes back."""

    _esm = _front.widget_module()
    _css = _front.stylesheet()
    spec = traitlets.Dict().tag(sync=True)
    choice = traitlets.List().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)


def _json(data) -> str:
    """Compact JSON that is safe inside a script element: no `<`, so nothing in it can close the element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")
