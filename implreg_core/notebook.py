"""What a chapter needs of its notebook: the look of figures, and numbers for the prose."""

import os

from IPython import get_ipython
from IPython.display import display

from implreg_core import figures


def static_build() -> bool:
    """Whether the book is being built (`make book` sets IMPLREG_STATIC=1), rather than a notebook being run."""
    return os.environ.get("IMPLREG_STATIC") == "1"


def setup() -> None:
    """Apply the book's style; pictures are SVG in the book and sharp PNG elsewhere."""
    figures.apply_style()
    shell = get_ipython()
    if shell is not None:
        shell.run_line_magic("config", f"InlineBackend.figure_formats = [{'svg' if static_build() else 'retina'!r}]")


def glue(**texts: str) -> None:
    """Make short texts available to the prose as {glue:text}`name`.

    The caller formats each number, so that the page, and nbval's comparison, see only the digits that matter.

    **Raises:** `ValueError` if a value is not a text.
    """
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"`{name}` must be a formatted text such as f'{{x:.3g}}'; got {text!r}.")
        record = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
        display({"application/papermill.record/text/plain": repr(text)}, raw=True, metadata=record)
