"""The API reference: everything public is documented, with an example that is run, on one page of the book.

The examples themselves are tests of their own (`--doctest-modules`; see `conftest.py`).
"""

import doctest
import importlib
import io
import re
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

import implreg_core

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "_ext"))
import api  # noqa: E402
import api_names  # noqa: E402
import api_source  # noqa: E402

pytestmark = pytest.mark.book

PAGES = sorted((ROOT / "chapters/api").glob("*.md"))
MODULES = api_names.modules()


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_is_documented_with_an_example(name):
    assert list(api_names.entries(MODULES[name]))
    assert api_names.undocumented(MODULES[name]) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_example_is_run(name):
    """doctest looks for docstrings in objects, as pytest lets it: it must find what we read in the source."""
    for entry in api_names.entries(MODULES[name]):
        if api_names.EXAMPLE.search(entry.docstring):
            home = importlib.import_module(getattr(MODULES[name], entry.name.split(".")[0]).__module__)
            found = {test.name: test.examples for test in doctest.DocTestFinder().find(home)}
            assert found.get(f"{home.__name__}.{entry.name}"), entry.address


def test_each_module_is_on_one_page_of_the_book():
    shown = [
        name
        for page in PAGES
        for patterns in re.findall(r"^```\{api-modules\} (.*)$", page.read_text(), re.MULTILINE)
        for name in api.selected(patterns)
    ]
    assert sorted(shown) == sorted(MODULES)
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    (sections,) = (
        chapter["sections"] for part in parts for chapter in part["chapters"] if chapter["file"] == "chapters/api"
    )
    assert sorted(section["file"] for section in sections) == [f"chapters/api/{page.stem}" for page in PAGES]


DUMMY = '''
"""A module as an author might leave it."""

from dataclasses import dataclass
from functools import cached_property, partial

import jax

LIMIT = 3


def shown(x: int) -> int:
    """Told, and shown: `Record`.

    **Example:**

    ```python
    >>> 1 + 1
    2

    ```
    """


def undocumented():
    pass


@jax.jit
def compiled(x):
    """Told only."""


@partial(jax.vmap, in_axes=0)
def batched(x):
    """Told only."""


@dataclass
class Record:
    """Told, and shown.

    **Example:**

    ```python
    >>> "a record"
    'a record'

    ```
    """

    size: int  # of something

    def method(self):
        """Told only."""

    @cached_property
    def half(self):
        """Half the size."""

    @property
    def untold(self):
        return 0

    def __call__(self):
        """As the example shows."""

    def _private(self):
        pass


def _private():
    pass
'''


USE = """%matplotlib inline
from implreg_core import dummy as tools

if True:
    tools.shown(tools.LIMIT)
    tools.Record(3).method()
"""


@pytest.fixture
def dummy(tmp_path, monkeypatch):
    """A module of the package, for as long as a test lasts."""
    (tmp_path / "dummy.py").write_text(DUMMY)
    monkeypatch.setattr(implreg_core, "__path__", [*implreg_core.__path__, str(tmp_path)])
    yield importlib.import_module("implreg_core.dummy")
    del sys.modules["implreg_core.dummy"], implreg_core.dummy


def test_the_check_finds_what_is_missing(dummy):
    names = ["undocumented", "compiled", "batched", "Record.method", "Record.untold"]
    assert api_names.undocumented(dummy) == [f"implreg_core.dummy.{name}" for name in names]


def test_a_page_has_a_linked_section_for_each_name(dummy, tmp_path, monkeypatch):
    for module in (api, api_source):
        monkeypatch.setattr(module, "modules", lambda: {"implreg_core.dummy": dummy})
    api.addresses.cache_clear()
    directives = ("{api-modules} dummy", "{api-index}", "{toctree}\nuse\nwords")
    blocks = "\n\n".join(f"```{each}\n```" for each in directives)
    (tmp_path / "index.md").write_text(f"# Reference\n\n{blocks}\n")
    (tmp_path / "_toc.yml").write_text("root: index\nchapters: [{file: use}, {file: words}]\n")
    cells = [nbformat.v4.new_markdown_cell("# A chapter"), nbformat.v4.new_code_cell(USE)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "use.ipynb")
    (tmp_path / "use.md").write_text("# A chapter\n")  # Sphinx reads no notebooks here
    (tmp_path / "words.md").write_text("# Words\n")
    out, warnings = tmp_path / "out", io.StringIO()
    settings = {"extensions": ["myst_parser", "api"], "nitpicky": True}
    with docutils_namespace():  # other tests may have built with Sphinx before
        app = Sphinx(tmp_path, None, out, out / ".doctrees", "html", settings, status=None, warning=warnings)
        app.build()
    api.addresses.cache_clear()
    assert warnings.getvalue() == ""

    page = BeautifulSoup((out / "index.html").read_text(), "html.parser")
    sections = {section["id"]: section for section in page.select("section section[id]")}
    addresses = [entry.address for entry in api_names.entries(dummy)]
    assert list(sections) == ["implreg_core.dummy", *addresses]
    assert {link["href"] for link in page.select("dd a")} == {f"#{each}" for each in addresses if each.count(".") == 2}
    assert sections["implreg_core.dummy.shown"].find("a", href="#implreg_core.dummy.Record")
    assert sections["implreg_core.dummy.Record"].pre.get_text() == "class Record:\n    size: int  # of something\n"
    assert page.select("pre")[-1].get_text() == "LIMIT = 3\n"

    ways = {each: sections[each].find(class_="api-ways", recursive=False) for each in addresses}
    used = {each for each, way in ways.items() if way.find("a", href="use.html")}
    assert used == {"implreg_core.dummy.shown", "implreg_core.dummy.Record"}
    assert ways["implreg_core.dummy.shown"].get_text() == "Used in A chapter. Source"
    for entry in api_names.entries(dummy):
        file, line = ways[entry.address].find("a", string="Source")["href"].split("#")
        source = BeautifulSoup((out / file).read_text(), "html.parser")
        name = entry.name.split(".")[-1]
        assert re.search(rf"(def|class) {name}\b", source.find(id=line).get_text())


def test_constants_of_a_package_are_those_that_its_modules_define():
    lines = api_names.values(MODULES["implreg_core.figures"])
    assert any(line.startswith("DASHES = ") for line in lines) and any(line.startswith("COLORS = ") for line in lines)
    assert not any("_STYLE" in line for line in lines)


def test_a_module_that_is_none_is_named():
    with pytest.raises(ValueError, match="norm"):
        api.selected("norms nroms")


def test_the_page_of_notation_leads_to_what_is_documented():
    page = (ROOT / "chapters" / "notation.md").read_text(encoding="utf-8")
    targets = re.findall(r"\{py:obj\}`[^`<]*<([^>]*)>`", page)
    assert len(targets) >= 30 and set(targets) <= api.addresses()
