"""How a claim gets into the book: a sentence that quantifies says of what, or refers to its proof; numbers are held.

A sentence *claims* if it quantifies over what the book is about, starts, runs, norms and the like, or says "never" or
"exactly" of them. In a statement or a proof it may. In prose it has a range: a number, glued or typed, a relation, a
word such as "most", or "these" and "our" for what was just counted. Or else it, or the sentence beside it, refers to a
statement, a section, an equation or a work. Questions, predictions, names of pages, captions, whose figures show their
range, and lists of what was not shown are left alone. A typed decimal, percentage or large number is one that the
code of the same chapter holds too, in a setting or an assertion.
"""

import re
import tomllib
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted((ROOT / "chapters").glob("*.ipynb")),
    *(ROOT / "chapters" / name for name in ["claims.md", "field.md", "reading-guide.md", "reviewers.md"]),
    *(ROOT / "chapters" / name for name in ["claims.toml", "reviewers.toml"]),
    ROOT / "README.md",
]
NOUNS = r"""bound|depth|descent|determinant|dimension|family|families|flow|learning\ rate|limit|loss|losses|matrix|
matrices|minimizer|network|neuron|norm|quasi-norm|optimizer|problem|rank|run|scale|seed|singular\ value|size|slope|
solution|start|task|tensor|width"""
NOUN = rf"\b(?:{NOUNS})(?:s|es)?\b"
BETWEEN = r"(?:of\ (?:the|its|their)\ )?(?:(?!(?:the|an?|of|in|that|is|are|was|were|has|have)\b)[\w()'*-]+[ ,]+){0,2}?"
QUANTIFIED = re.compile(rf"\b(?:every|each|all|none|no|any)\ {BETWEEN}{NOUN}", re.VERBOSE | re.IGNORECASE)
OUTRIGHT = re.compile(
    r"\b(?:never|always|(?<!not )exactly|cannot|for ?ever|whatever (?:the|its|M)|as \w+ as one likes)\b", re.IGNORECASE
)
NEGATED = re.compile(r"\bnot (?:\w+ ){0,2}(?:every|all|each|always)\b", re.IGNORECASE)
BOUNDED = re.compile(
    r"\b(?:all|each|every one|none|no|any)\s+(?:of\s+)?(?:these|those|our|them|its|their|such|other)\b"
    r"|\b(?:of|in|from) (?:this|that|these|those|our)\b|\b(?:we|was|were) (?:tried|tested|drew|seen|saw|sample)\b"
    r"|\b(?:here|stored|shown|drawn|because|since)\b",
    re.IGNORECASE,
)
COUNT = r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty\S*|half|most|nearly|almost"
REFERS = re.compile(r"\{(?:prf:ref|ref|numref|eq|glue:text|cite:[tp]|doc)\}`|\]\(#|STATEMENT")
RANGE = re.compile(rf"\d|\\(?:ge|le|in|to|approx|ne)\b|[<>]|\b(?:{COUNT})\b", re.IGNORECASE)
BLOCK = re.compile(r"^(:{3,}|`{3,})(\{?[^\n]*)\n.*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
STATEMENT = re.compile(r"\{prf:(?!proof)")
LEFT_ALONE = re.compile(r"\*\*(?:Prediction|Guess)|^Guess\b|^# ")


def text_of(path):
    """The prose of a page: paragraphs, list items and headings, without code, displays, statements and proofs."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    elif path.suffix == ".toml":  # what a claim of the paper says carries its labels beside it
        entries = next(
            value for value in tomllib.loads(path.read_text(encoding="utf-8")).values() if isinstance(value, list)
        )
        text = "\n\n".join(entry[f] for entry in entries for f in ("remark", "answer", "evidence") if f in entry)
    else:
        text = path.read_text(encoding="utf-8")
    text = re.split(r"^## What was not shown$", text, flags=re.MULTILINE)
    text = text[0] + "".join(re.sub(r"\A.*?(?=^## |\Z)", "", rest, flags=re.MULTILINE | re.DOTALL) for rest in text[1:])
    text = BLOCK.sub(lambda block: "\n\nSTATEMENT\n\n" if STATEMENT.match(block[2]) else "", text)
    return re.sub(r"\$\$.*?\$\$(?: \(eq-[\w-]+\))?|!\[[^\]]*\]", "", text, flags=re.DOTALL)


def paragraphs(text):
    """Lists of sentences that stand together; a statement stands with what is before and after it."""
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=[#|])", text):
        paragraph = LEFT_ALONE.split(" ".join(paragraph.split()))[0]
        if paragraph:
            found.append(re.split(r"(?<=[.!?:;])(?:\*{1,2}|\")?\s+(?=[A-Z*$({\[\"])", paragraph))
    statement = ["STATEMENT"]
    around = zip([[], *found], found, [*found[1:], []])
    return [statement * (a == statement) + here + statement * (b == statement) for a, here, b in around]


def claims(sentence):
    """Whether a sentence quantifies over what the book is about."""
    words = re.sub(r"\{term\}`([^`<]*?)(?: <[^>]*>)?`", r"\1", sentence)
    words = re.sub(r"\$[^$]*\$", "M", re.sub(r"\{[\w:]+\}`[^`]*`|`[^`]*`", "", words))
    if sentence.rstrip('*_") ').endswith("?") or NEGATED.search(words):
        return False
    return bool(QUANTIFIED.search(words) or (OUTRIGHT.search(words) and re.search(NOUN, words, re.VERBOSE)))


def supported(sentence):
    """Whether it says of what, or where that is shown."""
    return any(found.search(sentence) for found in (REFERS, RANGE, BOUNDED))


def unsupported(path):
    """The claims of a page that nothing supports, in them or beside them."""
    found = []
    for sentences in paragraphs(text_of(path)):
        for k, sentence in enumerate(sentences):
            beside = sentences[max(k - 1, 0) : k + 2]
            if claims(sentence) and not supported(sentence) and not any(map(REFERS.search, beside)):
                found.append(sentence)
    return found


def typed_numbers(path):
    """Decimals, percentages and numbers of three digits or more that the prose types and the code lacks."""
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code").replace("_", "").replace(",", "")
    held = {float(x) for x in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?", code)}
    prose = re.sub(r"\{[\w:]+\}`[^`]*`|`[^`]*`|\]\([^)]*\)", "", text_of(path))
    number = r"(?<![\w.{^-])(\d+\.\d+|\d{1,3}(?:,\d{3})+|\d{3,}|\d+ ?\\?%)(?![\w.]*\d)"

    def computed(number):
        value = float(re.sub(r"[^\d.]", "", number))
        values = {value / 100, 1 + value / 100, 1 - value / 100} if "%" in number else {value}
        return any(abs(x - y) < 1e-9 for x in values for y in held)

    return [found for found in re.findall(number, prose) if not computed(found)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_quantifies_says_of_what_or_where_it_is_shown(path):
    assert unsupported(path) == []


@pytest.mark.parametrize("path", [path for path in PAGES if path.suffix == ".ipynb"], ids=lambda path: path.stem)
def test_numbers_in_prose_are_in_the_code(path):
    assert typed_numbers(path) == []


@pytest.mark.parametrize(
    ("prose", "count"),
    [
        ("From every start the loss goes to zero.", 1),
        ("## Every start, every depth", 1),
        ("The flow never stalls.", 1),
        ("No run of any depth is flat.", 1),
        ("It holds for any balanced start.", 1),
        ("A smaller rate moves the loss as far as one likes.", 1),
        ("All runs end there. We stop them.", 1),
        ("All runs end there. ({prf:ref}`thm-one` says why.)", 0),
        ("All {glue:text}`count` runs end there.", 0),
        ("All of these runs end there.", 0),
        ("At every depth $L \\ge 2$ the norm grows.", 0),
        ("Not every start does it. Does every start?", 0),
        ("**Prediction.** All norms grow.", 0),
        ("Every control has a name.", 0),
        ("All norms grow.\n\n:::{prf:theorem} T\n:label: t\n\nEvery norm grows.\n:::", 0),
        (":::{prf:proof}\nAll norms grow.\n:::\n\nAll norms grow.", 1),
        ("All norms grow.\n\n## What was not shown\n\n- All norms.", 1),
    ],
)
def test_the_test_finds_what_it_should(tmp_path, prose, count):
    page = tmp_path / "page.md"
    page.write_text(prose)
    assert len(unsupported(page)) == count


def test_typed_numbers_are_found(tmp_path):
    cells = [nbformat.v4.new_markdown_cell(text) for text in ("Within 5% and 0.25, at 1,000 steps.", "At 7% and 22.4.")]
    cells.append(nbformat.v4.new_code_cell("assert x < 0.25 and error < 1.05 and steps == 1_000"))
    path = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert typed_numbers(path) == ["7%", "22.4"]
