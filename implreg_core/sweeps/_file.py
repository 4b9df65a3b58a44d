"""The file that describes a sweep: which function, what is fixed, what varies, which seeds; and the runs it asks for.

Reading a file imports nothing, so that `status` answers at once; `function_of` imports the experiment and checks
that it takes these settings.
"""

import hashlib
import importlib
import inspect
import itertools
import json
import math
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path

Setting = bool | int | float | str


@dataclass(frozen=True)
class Run:
    """One combination of settings with one seed: what is computed, stored and counted as a whole.

    **Example:**

    ```python
    >>> one = sweeps.Run("module:function", {"a": 1, "b": 2}, seed=0)
    >>> same = sweeps.Run("module:function", {"b": 2, "a": 1}, seed=0)
    >>> one.identity == same.identity
    True

    ```
    """

    experiment: str
    settings: dict[str, Setting]
    seed: int

    @cached_property
    def identity(self) -> str:
        """A hash of experiment, settings and seed: the same on every machine, whatever the order of the settings."""
        contents = {"experiment": self.experiment, "settings": self.settings, "seed": self.seed}
        text = json.dumps(contents, sort_keys=True, allow_nan=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def __str__(self):
        return ", ".join(f"{name}={value!r}" for name, value in (*self.settings.items(), ("seed", self.seed)))


@dataclass(frozen=True)
class Sweep:
    """An experiment, and the settings and seeds that it is to be run with.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> sweep.experiment
    'implreg_core.experiments:convex_completion'
    >>> sweep.fixed, sweep.axes
    ({'size': 100, 'rank': 5}, {'observed': (2000, 5000), 'seed': (0, 1, 2)})

    ```
    """

    path: Path
    text: str
    experiment: str
    fixed: dict[str, Setting]
    vary: dict[str, tuple[Setting, ...]]
    seeds: tuple[int, ...]

    @property
    def axes(self) -> dict[str, tuple[Setting, ...]]:
        """What differs from run to run, with its values, in the order of the file and the seed last."""
        return {**self.vary, "seed": self.seeds}

    @property
    def size(self) -> int:
        """Number of runs."""
        return math.prod(map(len, self.axes.values()))

    def runs(self) -> Iterator[Run]:
        r"""Every combination of the settings, with every seed; the last axis varies fastest.

        **Example:**

        ```python
        >>> from importlib.resources import files
        >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
        >>> print(*sweep.runs(), sep="\n")
        size=100, rank=5, observed=2000, seed=0
        size=100, rank=5, observed=2000, seed=1
        size=100, rank=5, observed=2000, seed=2
        size=100, rank=5, observed=5000, seed=0
        size=100, rank=5, observed=5000, seed=1
        size=100, rank=5, observed=5000, seed=2

        ```
        """
        for *values, seed in itertools.product(*self.axes.values()):
            yield Run(self.experiment, {**self.fixed, **dict(zip(self.vary, values))}, seed)

    def same_runs(self, other: "Sweep") -> bool:
        """Whether `other` asks for the same runs along the same axes; comments and layout may differ.

        **Example:**

        ```python
        >>> from importlib.resources import files
        >>> folder = files("implreg_core") / "stored"
        >>> convex, deep = (sweeps.read(folder / f"evidence-{name}.toml") for name in ("convex", "deep"))
        >>> convex.same_runs(convex), convex.same_runs(deep)
        (True, False)

        ```
        """
        return self._meaning() == other._meaning()

    def _meaning(self):
        return repr((self.experiment, sorted(self.fixed.items()), self.axes))  # repr tells 1 from 1.0 and true


def read(path: str | Path) -> Sweep:
    """The sweep that a TOML file describes.

    ```toml
    experiment = "implreg_core.experiments:tensor_completion"  # a function of keyword arguments that returns a dict
    seeds = 5                                                  # 0, 1, 2, 3, 4; or a list
    [fixed]
    order = 3
    [vary]                                                     # every combination
    rank = [1, 3]
    init_std = [1e-3, 1e-2]
    ```

    Settings are numbers, texts or Booleans. An axis of whole and other numbers is one of floats.

    **Raises:** ValueError, naming the file, if it cannot be read, is not TOML, or does not describe a sweep.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> sweep.size, sweep.vary, sweep.seeds
    (6, {'observed': (2000, 5000)}, (0, 1, 2))

    ```
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        text = data.decode().replace("\r\n", "\n")  # datasets hold it: the same text on every system
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"{path} is not UTF-8 text (at line {line}). Save it as UTF-8.") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Sweep:
    """The sweep that `text` describes; `path` is where it comes from.

    **Raises:** ValueError as for `read`.
    """
    try:
        contents = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}.") from None
    try:
        return Sweep(path, text, *_checked(contents))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def function_of(sweep: Sweep) -> Callable[..., dict]:
    """The experiment of a sweep, checked to take its settings.

    **Raises:** ValueError if it cannot be imported, does not take one of the settings, or needs one more.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> sweeps.function_of(sweep).__name__
    'convex_completion'

    ```
    """
    try:
        function = resolve(sweep.experiment, sweep.path.parent)
        inspect.signature(function).bind(**next(sweep.runs()).settings, seed=sweep.seeds[0])
    except TypeError as error:
        raise ValueError(f"{sweep.path}: {sweep.experiment} does not take these settings: {error}.") from None
    except ValueError as error:
        raise ValueError(f"{sweep.path}: {error}") from None
    return function


def resolve(experiment: str, folder: Path) -> Callable[..., dict]:
    """The function called "module:function"; modules in `folder`, that of the sweep file, are found too.

    **Raises:** ValueError if there is no such module or function, or if another module of that name hides it.
    """
    folder = str(folder.absolute())
    if folder not in sys.path:
        sys.path.append(folder)  # last, so that nothing there hides an installed package
        importlib.invalidate_caches()
    module, name = experiment.split(":")
    top = module.split(".")[0]
    try:
        found = getattr(importlib.import_module(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may fail in any way while it is imported
        raise ValueError(
            f"`experiment` {experiment!r} cannot be imported: {type(error).__name__}: {error}. Install its module, "
            "or put it next to the sweep file."
        ) from error
    beside, loaded = PathFinder.find_spec(top, [folder]), sys.modules[top]
    if beside and beside.origin and beside.origin != loaded.__file__:
        raise ValueError(f"`experiment` {experiment!r} is {loaded.__file__} here, not {beside.origin}; rename one.")
    if not callable(found):
        raise ValueError(f"`experiment` must name a function; {experiment!r} is of type {type(found).__name__}.")
    return found


def _checked(contents):
    """`experiment`, `fixed`, `vary` and `seeds` of a parsed file."""
    for key in contents.keys() - {"experiment", "seeds", "fixed", "vary"}:
        raise ValueError(f"unknown key {key!r}; a sweep has experiment, seeds, [fixed] and [vary].")
    for key in ("experiment", "seeds"):
        if key not in contents:
            raise ValueError(f"`{key}` is missing.")
    experiment, fixed, vary = contents["experiment"], contents.get("fixed", {}), contents.get("vary", {})
    if not isinstance(experiment, str) or not re.fullmatch(r"[\w.]+:\w+", experiment):
        raise ValueError(f'`experiment` must be a text "module:function"; got {experiment!r}.')
    for key, table in {"fixed": fixed, "vary": vary}.items():
        if not isinstance(table, dict):
            raise ValueError(f"`{key}` must be a table, [{key}]; got {table!r}.")
        for name in table:
            if not name.isidentifier() or name == "seed":
                raise ValueError(f"`{key}.{name}` cannot be a setting; a setting is a Python name other than seed.")
    for name in fixed.keys() & vary.keys():
        raise ValueError(f"`{name}` is both fixed and varied; remove it from one of the two.")
    for name, value in fixed.items():
        _check_value(value, f"fixed.{name}")
    return experiment, fixed, {name: _axis(values, f"vary.{name}") for name, values in vary.items()}, _seeds(contents)


def _check_value(value, name):
    if not isinstance(value, Setting):
        raise ValueError(f"`{name}` must be a number, a text or true or false; got {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"`{name}` must be finite; got {value}.")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError(f"`{name}` must fit into 64 bits; got {value}. Write it as a float.")


def _axis(values, name):
    """The values of one varied setting, of one type."""
    if not isinstance(values, list) or not values:
        raise ValueError(f"`{name}` must be a list of one value or more; got {values!r}.")
    for value in values:
        _check_value(value, name)
    types = set(map(type, values))
    if types == {int, float}:
        values, types = list(map(float, values)), {float}
    if len(types) > 1:
        raise ValueError(f"`{name}` must hold numbers, texts or Booleans, not a mixture; got {values}.")
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"`{name}` repeats {value!r}; remove one of them.")
    return tuple(values)


def _seeds(contents):
    seeds = contents["seeds"]
    if type(seeds) is int and 0 < seeds < 2**31:
        return tuple(range(seeds))
    good = isinstance(seeds, list) and seeds and all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds)
    if not good or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be a number of seeds, or a list of distinct ones from 0 up; got {seeds!r}.")
    return tuple(seeds)
