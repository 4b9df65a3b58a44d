"""The page that answers the reviewers: every question has an answer, evidence and a place, and the count is counted."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "_ext"))
import questions  # noqa: E402

pytestmark = pytest.mark.book

FILE = ROOT / "chapters" / "reviewers.toml"
POINTS = re.compile(r"\{(?:ref|numref|prf:ref|eq)\}`|\]\(#")


def test_every_question_is_answered_with_evidence_and_a_place():
    found = questions.read(FILE)
    assert {question["reviewer"] for question in found} == {1, 2, 3, 4}
    for question in found:
        assert POINTS.search(question["place"]), f"{question['id']}: the place is no link"
        assert "FILL" not in "".join(map(str, question.values())), question["id"]


def test_numbers_in_answers_come_from_chapters():
    """A number with a decimal point or a percent sign is glued, not typed. Losses and scales are powers of ten."""
    for question in questions.read(FILE):
        for field in ("answer", "evidence", "open"):
            text = re.sub(r"\{[^}]*\}`[^`]*`|\$[^$]*\$", "", question[field])
            assert not re.search(r"\d\.\d|\d\s*%", text), f"{question['id']}, {field}: {text}"


def test_the_page_counts_and_links_them():
    found = questions.read(FILE)
    page = questions.markdown(found)
    assert f"hold {len(found)} questions" in page
    assert page.count("\n### ") == page.count("**Our answer.**") == len(found)
    for question in found:
        assert f"(question-{question['id']})=" in page and f"](#question-{question['id']})" in page
    rows = [line for line in page.splitlines() if re.match(r"\| \d\.\d", line)]
    assert len(rows) == len(found) and all(row.count("|") == 5 for row in rows)


def test_the_table_has_the_first_sentence():
    assert questions.first_sentence("At $|w| > 1$ it\nholds. More.") == r"At $\vert w\vert  > 1$ it holds."
    assert questions.first_sentence("Yes, that is $2.5$ times. (No.)") == "Yes, that is $2.5$ times."


GOOD = dict(
    id="1-1", reviewer=1, title="t", asked="a", verdict="answered", answer="b", evidence="c", place="e", open="d"
)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"id": "1-2"}, 'expected `id = "1-1"`'),
        ({"answer": " "}, "answer"),
        ({"anser": "b"}, "anser"),
        ({"verdict": "yes"}, "`verdict` must be one of"),
    ],
)
def test_a_faulty_question_is_named(tmp_path, change, message):
    file = tmp_path / "q.toml"
    file.write_text("[[question]]\n" + "".join(f"{k} = {v!r}\n" for k, v in (GOOD | change).items()))
    with pytest.raises(ValueError, match=message):
        questions.read(file)
