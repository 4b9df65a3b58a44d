"""What all runs of a sweep must return alike, so that they make one dataset: names, types and shapes."""

import numpy as np

from implreg_core.sweeps._file import Run, Sweep

Shapes = dict[str, tuple[int, ...]]


class Layout:
    """The layout of the first run that is seen, by which the others are measured."""

    def __init__(self, sweep: Sweep):
        self.sweep, self.first, self.kinds = sweep, None, {}

    def misfit(self, run: Run, results: dict[str, np.ndarray]) -> str | None:
        """Why the results of a run do not fit those of the first; None if they do.

        **Raises:** ValueError if a name of theirs cannot be in the dataset, which no other run would mend.
        """
        kinds = {name: f"{array.dtype} of shape {array.shape}" for name, array in results.items()}
        if self.first is None:
            check_names(self.sweep, {name: array.shape for name, array in results.items()})
            self.first, self.kinds = run, kinds
        differ = sorted({name for name, _ in kinds.items() ^ self.kinds.items()})
        if not differ:
            return None
        here, there = (
            ", ".join(f"`{name}` is {found.get(name, 'missing')}" for name in differ) for found in (kinds, self.kinds)
        )
        return f"its results do not fit together with those of {self.first}: {here} here, and {there} there"


def check_names(sweep: Sweep, shapes: Shapes) -> None:
    """Refuse results that are called as something else in the dataset is.

    **Raises:** ValueError, naming the result.
    """
    dimensions = {f"{name}_{i}": name for name, shape in shapes.items() for i in range(len(shape))}
    axes = {*sweep.axes, "done"}
    for name in shapes.keys() & {*axes, *dimensions}:
        raise ValueError(f"The result `{name}` of {sweep.experiment} needs another name; this one is taken.")
    for dimension in dimensions.keys() & axes:
        name = dimensions[dimension]
        raise ValueError(
            f"The result `{name}` of {sweep.experiment} needs another name; its dimension `{dimension}` is taken."
        )
