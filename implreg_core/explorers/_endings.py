"""Why a run of an explorer ended: what its figure says, by the numbers in the last row."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from implreg_core.explorers._controls import Number, as_text


@dataclass(frozen=True)
class Ending:
    """What is said of a run if the last row of `column` is at most `at_most`, and at least `at_least`.

    `text` goes on after "This run"; in it, `{name}` stands for the last number of the column `name`. Without a `column`
    it is said of any run that no ending before describes.

    **Raises:** `ValueError` for a limit without a column, or a column without a limit.

    **Example:**

    ```python
    >>> explorers.Ending("fits: it stopped at loss {loss}", "loss", at_most=1e-5).columns
    ('loss',)

    ```
    """

    text: str
    column: str | None = None
    at_most: Number | None = None
    at_least: Number | None = None

    def __post_init__(self):
        if (self.column is None) != (self.at_most is None and self.at_least is None):
            raise ValueError(
                f"an ending has both a `column` and a limit (`at_most`, `at_least`) or neither; got {self.column!r}, "
                f"{self.at_most}, {self.at_least}."
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        named = re.findall(r"\{(\w+)\}", self.text)
        return tuple(dict.fromkeys(([self.column] if self.column else []) + named))

    def is_met(self, run: Mapping[str, np.ndarray]) -> bool:
        """Whether it describes how a run ended.

        **Example:**

        ```python
        >>> explorers.Ending("fits", "loss", at_most=1e-5).is_met({"loss": np.array([1.0, 1e-6])})
        True

        ```
        """
        if self.column is None:
            return True
        last = float(run[self.column][-1])
        return (self.at_most is None or last <= self.at_most) and (self.at_least is None or last >= self.at_least)


def descent_endings(*, max_steps: int, target_loss: Number | None = None) -> tuple[Ending, ...]:
    """How gradient descent ends, by its columns `loss` and `step`, as `live.descent_columns` counts them, from 1.

    It meets its target loss, or uses up its steps. (A run that diverges is told by the figure itself.)

    **Example:**

    ```python
    >>> [ending.text for ending in explorers.descent_endings(max_steps=1000, target_loss=1e-5)]
    ['fits: it stopped at loss {loss}, in step {step}', 'ended after 1,000 steps, at loss {loss}']

    ```
    """
    used_up = Ending(f"ended after {max_steps:,} steps, at loss {{loss}}", "step", at_least=max_steps)
    if target_loss is None:
        return (used_up,)
    return Ending("fits: it stopped at loss {loss}, in step {step}", "loss", at_most=target_loss), used_up


def flow_endings(*, target_loss: Number) -> tuple[Ending, ...]:
    """How gradient flow ends, by its column `loss`, as that of `live.flow_columns`.

    It meets its target loss, or goes no further: near a saddle point, or at a least loss that it cannot pass.

    **Example:**

    ```python
    >>> [ending.text for ending in explorers.flow_endings(target_loss=1e-20)]
    ['was stopped at its target, loss 10⁻²⁰', 'goes no further than loss {loss}']

    ```
    """
    met = Ending(f"was stopped at its target, loss {as_text(target_loss)}", "loss", at_most=1.001 * target_loss)
    return met, Ending("goes no further than loss {loss}")


def sentence(endings: Sequence[Ending], run: Mapping[str, np.ndarray]) -> str:
    """What a figure says of how a run ended; an empty text if it cannot tell."""
    for ending in endings:
        if ending.is_met(run):
            text = re.sub(r"\{(\w+)\}", lambda found: _written(float(run[found[1]][-1])), ending.text)
            return f"This run {text}."
    return ""


def _written(value: float) -> str:
    """A whole number with its thousands set apart, or three digits."""
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e15 else as_text(float(f"{value:.3g}"))
