"""Reading comforts made by the build: previews of references, names of proofs, BibTeX from the citation file."""

import runpy
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from pybtex.database import BibliographyData, Entry, Person, parse_string

pytestmark = pytest.mark.book

ROOT = Path(__file__).parents[1]
previews = runpy.run_path(str(ROOT / "_ext" / "previews.py"))
permalinks = runpy.run_path(str(ROOT / "_ext" / "permalinks.py"))
bibtex = runpy.run_path(str(ROOT / "_ext" / "bibtex.py"))

SOURCE = """<body><nav><a class="reference internal" href="chapters/two.html#here">not in the text</a></nav><article>
{}
</article></body>"""

TARGETS = r"""<body><article>
<section id="a-question"><span id="here"></span><h2>A question<a class="headerlink" href="#a-question">#</a></h2>
<p>Its <a class="reference internal" href="#thm">first</a> paragraph.</p><p>Its second.</p>
<div class="proof theorem admonition" id="thm"><p class="admonition-title">Theorem 1<a class="headerlink">#</a></p>
<section id="inner"><p><span class="math">\(\sigma &gt; 0 \,\&amp;\, x\)</span></p></section></div>
<figure id="fig"><a class="image-reference" href="../_images/x.svg"><img alt="A line." src="../_images/x.svg"/></a>
<figcaption><p>Fig. 1 It rises.</p></figcaption></figure>
<div class="math" id="eq"><span class="eqno">(1)<a class="headerlink" href="#eq">#</a></span>\[x\]</div>
<div class="citation" id="cite"><span class="label">[RC20]</span><p>Razin. <a href="https://arxiv.org">arXiv</a>.</p></div>
<dl><dt id="term">balanced</dt><dd><p>Conserved.</p></dd><dt>other</dt><dd><p>Not this.</p></dd></dl>
<dl class="simple glossary"><dt id="term-mode">mode<a class="headerlink" href="#term-mode">#</a></dt>
<dt id="term-axis">axis</dt><dd><p>A direction. → <a class="reference internal" href="one.html">One</a></p></dd></dl>
</section></article></body>"""


def previewed(*hrefs, path="index.html"):
    links = "".join(f'<p><a class="reference internal" href="{href}">there</a></p>' for href in hrefs)
    return previews["previews"]({path: SOURCE.format(links), "chapters/two.html": TARGETS})[path]


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("here", '<p class="preview-title">A question</p><p>Its first paragraph.</p>'),
        ("eq", r'<div class="math"><span class="eqno">(1)</span>\[x\]</div>'),
        ("cite", "<p>Razin. arXiv.</p>"),
        ("term", '<p class="preview-title">balanced</p><div><p>Conserved.</p></div>'),
        ("term-mode", '<p class="preview-title">mode</p><div><p>A direction. → One</p></div>'),
    ],
)
def test_preview_says_what_its_target_says(fragment, expected):
    href = f"chapters/two.html#{fragment}"
    assert previewed(href) == {href: expected}


def test_statements_keep_their_formulas_and_lose_their_ids():
    [shown] = previewed("chapters/two.html#thm").values()
    assert r"\(\sigma &gt; 0 \,\&amp;\, x\)" in shown and "Theorem 1" in shown
    assert not BeautifulSoup(shown, "html.parser").select("a, [id]")


@pytest.mark.parametrize(
    ("path", "href", "source"),
    [
        ("index.html", "chapters/two.html#fig", "_images/x.svg"),
        ("chapters/one.html", "two.html#fig", "../_images/x.svg"),
        ("other/deep/one.html", "../../chapters/two.html#fig", "../../_images/x.svg"),
    ],
)
def test_pictures_are_found_from_any_folder(path, href, source):
    [shown] = previewed(href, path=path).values()
    [image] = BeautifulSoup(shown, "html.parser").select("figure img")
    assert (image["src"], image["alt"]) == (source, "A line.")


def test_each_reference_is_previewed_once_and_unknown_ones_not_at_all():
    found = previewed("chapters/two.html#eq", "chapters/two.html#eq", "chapters/two.html#gone", "missing.html#eq")
    assert list(found) == ["chapters/two.html#eq"]


def test_references_within_a_page_are_previewed():
    found = previews["previews"]({"chapters/two.html": TARGETS})["chapters/two.html"]
    assert list(found) == ["#thm"] and "Theorem 1" in found["#thm"]


def test_proofs_are_named_after_their_statements():
    taken = set()
    names = [permalinks["proof_id"](label, taken) for label in ("thm", "lem", "thm", "thm")]
    assert names == ["proof-of-thm", "proof-of-lem", "proof-of-thm-2", "proof-of-thm-3"]


def test_labels_of_the_bibliography_are_as_the_text_cites():
    persons = {
        "one": ["Menon, Govind"],
        "two": ["Cand\\`es, Emmanuel", "Recht, Benjamin"],
        "more": ["de Moura, L.", "B", "C"],
    }
    works = [("one", "2024"), ("one", "2024"), ("two", "2009"), ("more", None)]
    entries = [
        Entry("misc", {"year": year} if year else {}, {"author": [Person(name) for name in persons[key]]})
        for key, year in works
    ]
    labels = list(bibtex["AuthorYearLabels"]().format_labels(entries))
    assert labels == ["Menon, 2024a", "Menon, 2024b", "Candès and Recht, 2009", "de Moura et al., n.d."]


def test_citation_file_becomes_bibtex():
    people = [{"family-names": "Razin", "given-names": "Noam"}, {"name": "The core authors"}]
    citation = {"authors": people, "title": "a_b", "version": 0.1, "date-released": "2026-11-23", "url": "https://x.y"}
    text = BibliographyData({"key": bibtex["entry_from_cff"](citation)}).to_string("bibtex")
    [entry] = parse_string(text, "bibtex").entries.values()
    assert entry.type == "software"
    assert dict(entry.fields) == {"title": r"a\_b", "version": "0.1", "year": "2026", "url": "https://x.y"}
    assert [str(person) for person in entry.persons["author"]] == ["Razin, Noam", "{The core authors}"]


def test_citation_file_names_the_book_and_leaves_out_what_it_does_not_know():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    fields = bibtex["entry_from_cff"](citation).fields
    assert fields["title"] == citation["title"] and all(fields.values())
