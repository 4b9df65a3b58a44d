"""Where the runs of an explorer come from: `Stored` has those of all listed settings, `Live` a program for each.

Either answers a setting, which has a value for each control that `compute` knows, in three ways: with the `outcome`
that the front end reads in Jupyter, with the `columns` as numbers, and, for all settings at once, with what a page
needs in order to answer by itself.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from implreg_core import own_matrix
from implreg_core.explorers._columns import LARGEST, encode_column
from implreg_core.explorers._controls import (
    AnyControl,
    Control,
    MatrixGrid,
    MatrixPad,
    Slider,
    TypedNorm,
    added_columns,
)
from implreg_core.explorers._endings import Ending
from implreg_core.explorers._front import script_json
from implreg_core.explorers._views import AnyView, View, plots
from implreg_core.javascript import compile_to_javascript

Run = dict[str, np.ndarray]


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


class _Runs:
    """What both have: the columns that `views` and `endings` need of `compute`, for an explorer's `question`."""

    def __init__(
        self,
        question: str,
        compute: Callable[..., Mapping],
        controls: Sequence[AnyControl],
        views: Sequence[AnyView],
        endings: Sequence[Ending],
    ):
        self._question, self._compute = question, compute
        self.scales = _drawn_scales(controls, views, endings)  # of the drawn columns
        self._listed = [control for control in controls if isinstance(control, Control)]

    def _settings(self) -> Iterator[dict]:
        """All settings of the listed controls; the last varies first."""
        names = [control.name for control in self._listed]
        for values in itertools.product(*(control.values for control in self._listed)):
            yield dict(zip(names, values))

    def _drawn(self, run: Mapping) -> dict:
        """The drawn columns of a run, refused unless they are all there and fit together."""
        if missing := set(self.scales) - set(run):
            raise ValueError(f"`compute` gave no column {sorted(missing)}, which a view draws; it gave {sorted(run)}.")
        shapes = {column: np.shape(run[column]) for column in self.scales}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(f"`compute` must give 1-D columns of one length; got shapes {shapes}.")
        return {column: run[column] for column in self.scales}


class Stored(_Runs):
    """Runs at listed settings, each computed once, and stored in a page in short."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._done = {}  # values of the listed controls -> columns, and what is stored of them; or the reason

    def columns(self, setting: Mapping) -> Run:
        run = self._run(setting)
        if isinstance(run, NoRun):
            raise run
        return run[0]

    def outcome(self, setting: Mapping) -> dict:
        """The run as the page stores it, or why there is none."""
        run = self._run(setting)
        return {"error": str(run)} if isinstance(run, NoRun) else {"stored": run[1]}

    def page(self) -> tuple[dict, dict[str, str]]:
        """What is stored: the outcomes of all settings, and the range of each column over all of them.

        Axes that stay put show what a control changes.
        """
        outcomes, limits = [self.outcome(setting) for setting in self._settings()], {}
        for outcome in outcomes:
            for name, column in outcome.get("stored", {}).items():
                low, high = limits.get(name, (column["low"], column["high"]))
                limits[name] = [min(low, column["low"]), max(high, column["high"])]
        return {"limits": limits, "outcomes": outcomes}, {}

    def _run(self, setting: Mapping) -> tuple[Run, dict] | NoRun:
        key = tuple(setting[control.name] for control in self._listed)
        if key not in self._done:
            try:
                run = self._drawn(self._compute(**setting))
                columns = {name: np.asarray(values, float) for name, values in run.items()}
                self._done[key] = columns, {name: self._encoded(name, values) for name, values in columns.items()}
            except NoRun as reason:
                self._done[key] = reason
            except Exception as error:
                error.add_note(f"The explorer {self._question!r} was computing the run at {dict(setting)}.")
                raise
        return self._done[key]

    def _encoded(self, column: str, values: np.ndarray) -> dict:
        """A column on the scale that it is drawn on; where only an ending reads it, on the one that keeps digits."""
        scale = self.scales[column] or ("log" if values.size and values.min() > 0 else "linear")
        try:
            return encode_column(values, scale=scale)
        except ValueError as error:
            raise ValueError(f"`compute` gave a column {column!r} that cannot be drawn: {error}") from None


class Live(_Runs):
    """Runs that are computed when they are asked for: by XLA in Jupyter, by JavaScript in a page."""

    def __init__(self, question, compute, controls, views, endings):
        super().__init__(question, compute, controls, views, endings)
        self._continuous = [control for control in controls if isinstance(control, Slider | MatrixPad | MatrixGrid)]
        self._abscissa = plots(views)[0].x
        self._programs = {}  # values of the listed controls -> compiled function

    def columns(self, setting: Mapping) -> Run:
        """Up to the row where the front end ends a run: see `Explorer`."""
        run = self._all_rows(setting)
        usable = np.all([np.abs(values) < LARGEST for values in run.values()], axis=0)
        grows = np.diff(run[self._abscissa], prepend=-np.inf) > 0
        rows = np.append(np.logical_and(usable, grows), False).argmin()
        return {name: values[:rows] for name, values in run.items()}

    def outcome(self, setting: Mapping) -> dict:
        """The run to its last digit, where null is for what is not finite; or why there is none."""
        try:
            run = self._all_rows(setting)
        except NoRun as reason:
            return {"error": str(reason)}
        return {"computed": {name: np.where(np.isfinite(x), x, None).tolist() for name, x in run.items()}}

    def page(self) -> tuple[dict, dict[str, str]]:
        """No data, and the program of each setting of the listed controls, by their indices."""
        indices = itertools.product(*(range(len(control.values)) for control in self._listed))
        programs = {",".join(map(str, i)): self._javascript(setting) for i, setting in zip(indices, self._settings())}
        return {}, programs

    def _all_rows(self, setting: Mapping) -> Run:
        listed = {control.name: setting[control.name] for control in self._listed}
        key = tuple(listed.values())
        if key not in self._programs:
            self._programs[key] = jax.jit(self._program(listed))
        entries = [_argument(control, setting[control.name]) for control in self._continuous]
        return {name: np.asarray(values, float) for name, values in self._programs[key](*entries).items()}

    def _program(self, listed: Mapping) -> Callable:
        """`compute` as a function of the continuous controls alone, in order, with the drawn columns as result."""
        names = [control.name for control in self._continuous]

        def program(*values):
            return self._drawn(self._compute(**listed, **dict(zip(names, values, strict=True))))

        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        program.__signature__ = inspect.Signature(parameters)  # names the parameters of the JavaScript function
        return program

    def _javascript(self, listed: Mapping) -> str:
        """The program at a setting of the listed controls as a JavaScript expression; a text if it has no run."""
        examples = [control.example for control in self._continuous]
        try:
            return compile_to_javascript(self._program(listed), *examples, name="run").rstrip()
        except NoRun as reason:
            return script_json(str(reason))
        except Exception as error:
            error.add_note(f"The explorer {self._question!r} was compiling the program of {dict(listed)}.")
            raise


def _argument(control: AnyControl, entry):
    """What the program gets of a continuous control."""
    if not isinstance(control, MatrixGrid):
        return jnp.asarray(entry, float)
    try:
        return own_matrix.grid(entry)
    except ValueError as error:
        raise NoRun(str(error)) from None


def _drawn_scales(
    controls: Sequence[AnyControl], views: Sequence[AnyView], endings: Sequence[Ending]
) -> dict[str, str | None]:
    """The columns that views draw or endings alone read (None), and on which scale: logarithmic if on both. Those that
    the front end adds are not of `compute`, those that a typed norm reads are."""
    scales = {}
    for view in plots(views):
        for column, scale in [(view.x, view.xscale), *((column, view.yscale) for column in view.y)]:
            scales[column] = "log" if "log" in (scale, scales.get(column)) else "linear"
    others = [column for view in plots(views) for curve in view.curves for column in curve.columns]
    others += [column for view in plots(views) for column in view.where.values()]
    others += [column for view in views if not isinstance(view, View) for column in view.columns]
    for column in others:
        scales.setdefault(column, "linear")
    for ending in endings:
        scales = dict.fromkeys(ending.columns) | scales
    if any(isinstance(control, TypedNorm) for control in controls):
        scales |= dict.fromkeys(TypedNorm.READS, "log")
    added = added_columns(controls)
    return {column: scale for column, scale in scales.items() if column not in added}
