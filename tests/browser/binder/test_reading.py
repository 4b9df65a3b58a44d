"""Published notebooks as a reader meets them in Binder's JupyterLab: complete before they run, alive when they run.

`make reading` does this for every chapter, and prints the time and memory that each takes.
"""

import os

import nbformat
import pytest
from lab import FAULTS, opened, run_all, save, settled, shut_down, watched

from tools.publish import EDITION

EVERY = sorted(path.stem for path in EDITION.glob("*.ipynb"))
CHAPTERS = EVERY if os.environ.get("CHAPTERS") == "all" else os.environ.get("CHAPTERS", "intro theorem").split()
BINDER = 2000  # megabytes


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_read_run_and_read_again(browser, server, image, chapter, capsys):
    name = f"{chapter}.ipynb"
    notebook = nbformat.read(image.tree / name, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    plain = [output.get("data", {}) for cell in code for output in cell.outputs]
    pictures = sum("image/png" in data for data in plain)
    explorers = sum(data.get("text/plain", "").startswith("Explorer(") for data in plain)
    hidden = [cell.source.splitlines()[0] for cell in code if cell.metadata.get("jupyter", {}).get("source_hidden")]

    with opened(browser, server, name) as (page, complaints):
        fresh = settled(page)
        assert (fresh["bad"], fresh["open"], fresh["errors"], fresh["explorers"]) == ([], 0, [], 0)
        assert [found for text in fresh["prose"] for found in FAULTS.findall(text)] == []
        assert fresh["pictures"] == pictures and fresh["formulas"] > 10
        assert [text.removesuffix("…").strip() for text in fresh["hidden"]] == hidden
        with watched(server) as figures:
            run = run_all(page, server)
        assert run["errors"] == [] and run["prose"] == fresh["prose"]
        assert (run["pictures"], run["explorers"]) == (pictures - explorers, explorers)  # these have come alive
        save(page)
        assert complaints == []
    shut_down(server)
    with opened(browser, server, name, "&kernel=none") as (page, complaints):
        again = settled(page)
        assert (again["pictures"], again["explorers"], again["widgetless"]) == (pictures, 0, 0)
        assert complaints == []
    shut_down(server)
    with capsys.disabled():
        print(f"\n{chapter}: {figures['seconds']:.0f} s on one processor, {figures['megabytes']:.0f} MB at most")
    assert figures["megabytes"] < BINDER
