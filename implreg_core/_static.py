"""Whether the book is being built: then nothing is shown that a reader could not use."""

import os


def static_build() -> bool:
    """Whether the book is being built (`make book` sets IMPLREG_STATIC=1), rather than a notebook being run.

    **Example:**

    ```python
    >>> explorers.static_build()
    False

    ```
    """
    return os.environ.get("IMPLREG_STATIC") == "1"
