"""The reading guide: its minutes, and that it leaves out no chapter."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils import nodes

pytestmark = pytest.mark.book

ROOT = Path(__file__).parents[1]
reading_time = runpy.run_path(str(ROOT / "_ext" / "reading_time.py"))
minutes = reading_time["minutes"]


def words(count):
    return nodes.paragraph("", "word " * count)


def test_minutes_count_what_is_read():
    figure = nodes.figure("", nodes.image(uri="x.svg", alt="not on show"), nodes.caption("", "word " * 10))
    code = nodes.literal_block("", "x = 1 " * 1000)
    explorer = nodes.raw("", '<figure class="implreg-explorer"><script>1 2 3</script></figure>', format="html")
    formula = nodes.math_block("", r"a + b + c \le d + e + f")
    sentence = nodes.paragraph("", "", nodes.Text("Let "), nodes.math("", r"a + b = c"), nodes.Text(" be so."))
    assert minutes(words(200)) == pytest.approx(1)
    assert minutes(nodes.section("", figure, code, formula)) == pytest.approx(0.2 + 10 / 200 + 0.2)
    assert minutes(nodes.container("", explorer)) == 1
    assert minutes(sentence) == pytest.approx(4 / 200)


def test_tables_count_in_the_text_and_not_as_output():
    table = nodes.table("", words(40))
    assert minutes(nodes.section("", table.deepcopy())) == pytest.approx(0.2 + 40 / 200)
    output = nodes.container("", nodes.container("", table), words(20), classes=["cell_output", "docutils"])
    assert minutes(nodes.section("", output)) == pytest.approx(20 / 200)


def test_proofs_and_exercises_wait_for_a_full_reading():
    later = [node("", words(100)) for node in reading_time["AT_A_SECOND_READING"]]
    chapter = nodes.section("", words(100), *later)
    assert minutes(chapter) == pytest.approx(0.5)
    assert minutes(chapter, in_full=True) == pytest.approx(0.5 * (1 + len(later)))


def test_opening_ends_at_the_first_section():
    chapter = nodes.section("", words(100), nodes.section("", words(300)))
    assert minutes(chapter) == pytest.approx(2)
    assert minutes(chapter, opening=True) == pytest.approx(0.5)


def test_labels_and_limit_are_read_from_the_role():
    listed = reading_time["LIST"].fullmatch("opening of ch-one, sec-two at most 10")
    assert listed.groups() == ("opening of ch-one, sec-two", "10")
    assert reading_time["LIST"].fullmatch("ch-one").groups() == ("ch-one", None)


@pytest.mark.parametrize(("limit", "complaints"), [(None, 0), (2, 0), (1, 1)])
def test_a_route_that_is_too_long_is_reported(monkeypatch, limit, complaints):
    inside, said = reading_time["_resolve"].__globals__, []
    monkeypatch.setitem(inside, "_target", lambda env, label: {"ch-known": words(400)}.get(label))
    monkeypatch.setattr(inside["logger"], "warning", lambda text, *values, **_: said.append(text))
    page = nodes.section("", inside["minutes_node"](labels=["ch-known"], limit=limit, in_full=False))
    inside["_resolve"](SimpleNamespace(env=None), page, "guide")
    assert (page.astext(), len(said)) == ("2", complaints)


def test_an_unknown_label_is_reported(monkeypatch):
    inside, said = reading_time["_resolve"].__globals__, []
    monkeypatch.setitem(inside, "_target", lambda env, label: None)
    monkeypatch.setattr(inside["logger"], "warning", lambda text, *values, **_: said.append(values))
    page = nodes.section("", inside["minutes_node"](labels=["opening of ch-gone"], limit=None, in_full=False))
    inside["_resolve"](SimpleNamespace(env=None), page, "guide")
    assert said == [("ch-gone",)]


def test_guide_says_how_minutes_are_counted():
    guide = (ROOT / "chapters" / "reading-guide.md").read_text(encoding="utf-8")
    assert f"{reading_time['WORDS_PER_MINUTE']} words a minute" in guide
    assert (reading_time["MINUTES_PER_DISPLAY"] * 60, "twelve seconds for each figure" in guide) == (12, True)
    assert (reading_time["MINUTES_PER_EXPLORER"], "a minute for each {term}`explorer`" in guide) == (1, True)


def test_guide_leads_to_every_chapter():
    guide = (ROOT / "chapters" / "reading-guide.md").read_text(encoding="utf-8")
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    to_look_up = ("api", "notation", "glossary", "bibliography", "reading-guide")
    names = [name for file in files if not (name := Path(file).name).startswith(to_look_up)]
    assert "counterexample" in names
    assert [name for name in names if f"{{ref}}`ch-{name}`" not in guide] == []
