"""The page of claims: what it traces exists, what exists is traced, and what is ours says so."""

import io
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "_ext"))
import claims  # noqa: E402

pytestmark = pytest.mark.book

NOWHERE = {"kind": "result", "item": "Theorem 9", "says": "s", "verdict": "as stated"}
CLAIM = NOWHERE | {"stated": ["thm"], "proved": ["thm"]}
THEIRS = claims.Statement("one", "Theirs", ours=False, proved=True)
OURS = claims.Statement("one", "Ours", ours=True, proved=False)


def test_a_traced_book_gives_no_cause_for_complaint():
    source = {"claim": [CLAIM | {"tested": ["fig"]}], "evidence": {"prop": ["fig"]}}
    assert claims.complaints(source, {"thm": THEIRS, "prop": OURS}, {"fig"}) == []


@pytest.mark.parametrize(
    ("change", "evidence", "statements", "complaint"),
    [
        ({"tested": ["fig-gone"]}, {}, {}, "Theorem 9: there is no label 'fig-gone'"),
        ({"verdict": "perhaps"}, {}, {}, "the verdict 'perhaps' is none of"),
        ({"test": ["thm"]}, {}, {}, "unknown keys test"),
        ({}, {}, {"thm": THEIRS._replace(proved=False)}, "no proof follows 'thm'"),
        ({}, {}, {"lem": THEIRS}, "'lem' is neither traced to a claim"),
        ({}, {}, {"prop": OURS}, "'prop' is ours, without a proof"),
        ({}, {"prop": ["fig-gone"]}, {"prop": OURS}, "there is no label 'fig-gone'"),
        ({}, {"thm": ["fig"]}, {}, "evidence for 'thm', which is not ours"),
        ({}, {}, {"thm": THEIRS._replace(ours=True)}, "marked as ours and traced"),
    ],
)
def test_what_is_missing_is_named(change, evidence, statements, complaint):
    source = {"claim": [CLAIM | change], "evidence": evidence}
    [found] = claims.complaints(source, {"thm": THEIRS} | statements, {"fig"})
    assert complaint in found


def test_two_claims_of_one_item_would_have_one_link():
    [found] = claims.complaints({"claim": [CLAIM, CLAIM]}, {"thm": THEIRS}, set())
    assert found.startswith("'Theorem 9' is the item of two claims")


def test_a_claim_that_is_nowhere_is_not_shown():
    assert len(claims.complaints({"claim": [NOWHERE]}, {}, set())) == 1
    assert claims.complaints({"claim": [NOWHERE | {"verdict": "not shown"}]}, {}, set()) == []


def test_every_kind_of_claim_and_every_verdict_is_on_the_page():
    page = (ROOT / "chapters" / "claims.md").read_text(encoding="utf-8")
    source = tomllib.loads((ROOT / claims.SOURCE).read_text(encoding="utf-8"))["claim"]
    shown = re.findall(r"^```\{claims\} (\w+)$", page, re.MULTILINE)
    assert sorted(shown) == sorted({claim["kind"] for claim in source})
    assert set(re.findall(r"^([a-z ]+)\n: ", page, re.MULTILINE)) == set(claims.VERDICTS)


def test_every_statement_of_our_own_has_a_row_in_the_ledger_of_proofs():
    pages = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "chapters").glob("*.ipynb")}
    texts = "\n".join("".join(cell["source"]) for page in pages.values() for cell in page["cells"])
    ours = re.findall(r"^:label: (\S+)\n:class: ours$", texts, re.MULTILINE)
    printed = [
        "".join(output["text"])
        for cell in pages["proofs"]["cells"]
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    ]
    rows = re.findall(r"^(\S+)(?:, \w+)? +1 [DESNC]", "\n".join(printed), re.MULTILINE)
    missing = set(ours) - set(rows)
    assert len(ours) > 30
    assert not missing, "check their steps in chapters/proofs.ipynb, or say by `cited` what they use"


ONE = """(ch-one)=
# A question

:::{prf:theorem} Theirs
:label: thm

A.
:::

:::{prf:proof}
B.
:::

:::{prf:proposition} Of our own
:label: prop
:class: ours

C.
:::

:::{figure} x.svg
:name: fig

Caption.
:::
"""
PAGE = "(ch-claims)=\n# Claims\n\n```{exceptions}\n```\n\n```{claims} result\n```\n\n```{ours}\n```\n"
CORRECTED = [r"Schatten- \(p\) after Roy ¶", "corrected", "No.", "Stated: A question"]
TOML = """[[claim]]
kind = "result"
item = "Theorem 9"
says = "That $x$ holds."
stated = ["thm"]
proved = ["thm"]
tested = ["fig", "ch-one"]
verdict = "as stated"

[[claim]]
kind = "result"
item = "Schatten-$p$ after Roy"
says = "No."
stated = ["ch-one"]
verdict = "corrected"

[evidence]
prop = ["fig"]
"""


@pytest.fixture
def build(tmp_path):
    source = tmp_path / "chapters"
    source.mkdir()
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\nchapters/one\nchapters/claims\n```\n")
    (source / "x.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (source / "one.md").write_text(ONE)
    (source / "claims.md").write_text(PAGE)
    (source / "claims.toml").write_text(TOML)

    def build():
        """The page of claims, that of the statements, and the warnings that claims.py gave."""
        settings = {
            "extensions": ["myst_parser", "sphinx_proof", "sphinx_exercise", "permalinks", "claims"],
            "myst_enable_extensions": ["colon_fence", "dollarmath"],
            "numfig": True,
        }
        out, warnings = tmp_path / "out", io.StringIO()
        with docutils_namespace():  # other tests build with Sphinx, too
            app = Sphinx(tmp_path, None, out, out / ".doctrees", "html", settings, status=None, warning=warnings)
            app.build()
        claimed, one = ((out / f"chapters/{name}.html").read_text() for name in ("claims", "one"))
        pages = BeautifulSoup(claimed, "html.parser"), BeautifulSoup(one, "html.parser")
        return *pages, [line for line in warnings.getvalue().splitlines() if claims.SOURCE in line]

    return source, build


def texts(elements):
    return [" ".join(element.get_text(" ").split()).replace(" ,", ",") for element in elements]


def cells(table):
    return texts(table.select("td"))


def test_tables_are_written_from_labels_and_stay_right(build):
    source, build = build
    page, statements, warnings = build()
    assert warnings == []
    traced, ours = page.select("table")
    places = "Stated: Theorem 1 Proved: proof of Theorem 1 Tested: Fig. 1, A question"
    assert cells(traced) == ["Theorem 9 ¶", "as stated", r"That \(x\) holds.", places, *CORRECTED]
    assert [row["id"] for row in traced.select("tbody tr")] == ["claim-theorem-9", "claim-schatten-p-after-roy"]
    [exception] = page.select("li:has(> p > a[href='#claim-schatten-p-after-roy'])")
    assert texts([exception]) == [r"Schatten- \(p\) after Roy: corrected"]
    assert page.select_one("td .verdict-corrected") and page.select_one("td .verdict-as-stated")
    assert cells(ours) == ["Proposition 1 . Of our own", "A question", "Fig. 1"]
    for link in page.select("table a"):  # each leads to something that is there
        _, _, anchor = link["href"].partition("#")
        assert not anchor or (page if link["href"][0] == "#" else statements).find(id=anchor), link
    assert texts(statements.select(".admonition-title:has(.ours-tag)")) == ["Proposition 1 (Of our own) ours ¶"]

    # A second build, in which one page has changed: the page of claims follows, and what is not traced is named.
    new = "\n:::{prf:lemma} New\n:label: lem\n\nD.\n:::\n"
    (source / "one.md").write_text(ONE.replace("Of our own", "Renamed") + new)
    page, _, warnings = build()
    assert cells(page.select("table")[1])[0] == "Proposition 1 . Renamed"
    assert len(warnings) == 1 and "'lem' is neither traced" in warnings[0]


def test_pages_read_in_parallel_are_merged_and_removed_ones_forgotten():
    class Env:
        pass

    here, there = Env(), Env()
    claims._statements(here)["thm"] = THEIRS
    claims._statements(there).update(prop=OURS._replace(docname="two"), old=OURS)
    claims._merge(None, here, {"two"}, there)
    assert set(claims._statements(here)) == {"thm", "prop"}
    claims._purge(None, here, "one")
    assert set(claims._statements(here)) == {"prop"}
