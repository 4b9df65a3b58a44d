"""A reader's own matrix in a real browser: typed, clicked, pasted, resized, linked; and what is wrong, explained."""

import numpy as np
import pytest
from explorer_page import FIGURE, mounted, show_widget, state, write_page

from implreg_core import own_matrix
from implreg_core.explorers import Explorer, GraphView, MatrixGrid, Slider, usual_view, your_matrix

PLANETS = "-0.949,-1.423,?;-0.324,-0.486,0.161;0.421,?,-0.212"


@pytest.fixture(scope="module")
def explorer():
    return your_matrix(PLANETS, presets={"the paper's": "?, 1; 1, 0"}, max_steps=2000)


@pytest.fixture(scope="module")
def address(tmp_path_factory, explorer):
    return write_page(tmp_path_factory.mktemp("grid"), explorer.static_html())


def cell(page, i, j):
    return page.get_by_role("textbox", name=f"Entry in row {i}, column {j}")


def toggle(page, word, i, j):
    return page.get_by_role("button", name=f"{word} the entry in row {i}, column {j}")


def shown(page):
    return state(page)["settings"]["matrix"]


def note(page):
    return page.locator(".implreg-own > .implreg-note").text_content()


def assert_draws(page, explorer, text):
    """The run of the page is that of the package, also before it may grow chaotic; the table has its holes."""
    run, there = explorer.run(matrix=text), state(page)
    row = 3 * len(run["step"]) // 4
    assert there["settings"]["matrix"] == text and there["error"] is None
    for name in ("entry_11", "least_11", "nuclear", "least_nuclear", "sigma_1"):
        assert np.isclose(there["run"][name][row], run[name][row], rtol=1e-6, atol=1e-9), name
    rows = [row.split(",") for row in text.split(";")]
    assert page.locator(".implreg-box").count() == len(rows) * len(rows[0])
    assert page.locator(".implreg-hole").count() == text.count("?")


def test_entries_are_typed_and_the_run_follows(open_page, address, explorer):
    page = mounted(open_page(address))
    assert_draws(page, explorer, PLANETS)
    assert note(page) == "3 × 3, 7 of 9 entries seen."
    cell(page, 1, 1).fill("2.5")
    assert_draws(page, explorer, PLANETS.replace("-0.949", "2.5"))
    cell(page, 1, 3).fill("0.464")  # a hole is filled by typing
    assert "?" not in shown(page).split(";")[0] and toggle(page, "Hide", 1, 3).is_visible()
    cell(page, 1, 3).fill("")
    assert shown(page).split(";")[0] == "2.5,-1.423,?"
    cell(page, 1, 3).fill("?")
    assert shown(page).split(";")[0] == "2.5,-1.423,?"
    page.get_by_role("button", name="Reset").click()
    assert_draws(page, explorer, PLANETS)
    assert cell(page, 1, 1).input_value() == "-0.949"


def test_a_click_hides_an_entry_and_brings_it_back(open_page, address, explorer):
    page = mounted(open_page(address))
    toggle(page, "Hide", 2, 2).click()
    hidden = PLANETS.replace("-0.486", "?")
    assert_draws(page, explorer, hidden)
    assert cell(page, 2, 2).input_value() == "" and note(page) == "3 × 3, 6 of 9 entries seen."
    toggle(page, "Show", 2, 2).click()
    assert_draws(page, explorer, PLANETS)
    assert cell(page, 2, 2).input_value() == "-0.486"
    toggle(page, "Show", 1, 3).click()  # nobody has said what it is
    assert shown(page).split(";")[0] == "-0.949,-1.423,0"


def test_the_keyboard_walks_and_types(open_page, address):
    page = mounted(open_page(address))
    cell(page, 1, 1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    page.keyboard.type("4")
    page.keyboard.press("ArrowDown")  # the last row: stays
    page.keyboard.type("5")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.type("1")
    assert [row.split(",")[0] for row in shown(page).split(";")] == ["1", "3", "45"]
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert shown(page).startswith("?,")


def test_rows_and_columns_come_and_go(open_page, address, explorer):
    page = mounted(open_page(address))
    page.get_by_role("button", name="Add a column").click()
    assert shown(page).split(";")[0] == "-0.949,-1.423,?,?"
    for _ in range(3):
        page.get_by_role("button", name="Add a row").click()
    assert page.get_by_role("button", name="Add a row").is_disabled()
    assert_draws(page, explorer, f"{PLANETS.replace(';', ',?;')},?;?,?,?,?;?,?,?,?;?,?,?,?")
    for _ in range(5):
        page.get_by_role("button", name="Remove the last row").click()
    for _ in range(2):
        page.get_by_role("button", name="Remove the last column").click()
    assert_draws(page, explorer, "-0.949,-1.423")
    page.get_by_role("button", name="the paper's").click()
    assert_draws(page, explorer, "?,1;1,0")


def test_a_table_is_pasted(open_page, address, explorer):
    page = mounted(open_page(address))
    page.get_by_text("Paste a table").click()
    table = page.get_by_role("textbox", name="Rows as lines")
    table.fill("5\t3\t\n4\tNA\t1\n")
    page.get_by_role("button", name="Use this table").click()
    assert_draws(page, explorer, "5,3,?;4,?,1")
    paste = """(text) => { const data = new DataTransfer(); data.setData("text/plain", text);
      document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, cancelable: true })); }"""
    cell(page, 1, 1).focus()
    page.evaluate(paste, "1,2\n3,?")
    assert_draws(page, explorer, "1,2;3,?")
    cell(page, 1, 1).focus()
    page.evaluate(paste, "\n".join(["1,2,3,4,5,6,7"] * 7))
    assert page.get_by_role("alert").filter(has_text="largest").text_content() == (
        "The table is 7 x 7. The largest that fits is 6 x 6."
    )
    assert shown(page) == "1,2;3,?"


@pytest.mark.parametrize(
    ("typed", "said"),
    [("abc", "“abc” in row 1, column 1 is no number."), ("1,5", "“1,5” in row 1, column 1 is no number."),
     ("2e9", "2e9 in row 1, column 1 is too large")],
)  # fmt: skip
def test_what_is_no_number_is_said_and_changes_nothing(open_page, address, typed, said):
    page = mounted(open_page(address))
    before = page.locator(".implreg-view").first.inner_html()
    cell(page, 1, 1).fill(typed)
    assert note(page).startswith(said) and note(page).endswith("(The drawing has not changed.)")
    assert cell(page, 1, 1).get_attribute("aria-invalid") == "true" and shown(page) == PLANETS
    assert page.locator(".implreg-view").first.inner_html() == before
    cell(page, 1, 1).fill("-0.949")
    assert note(page) == "3 × 3, 7 of 9 entries seen." and cell(page, 1, 1).get_attribute("aria-invalid") == "false"


def test_a_matrix_of_holes_is_said_and_changes_nothing(open_page, address):
    page = mounted(open_page(f"{address}?matrix=1,?#explore-what-does-your-matrix-do"))
    toggle(page, "Hide", 1, 1).click()
    assert note(page) == "Every entry is hidden. Show one at least. (The drawing has not changed.)"
    assert shown(page) == "1,?"
    toggle(page, "Show", 1, 1).click()
    assert note(page) == "1 × 2, 1 of 2 entries seen."


def test_a_link_opens_matrix_and_mask(open_page, address, explorer):
    page = mounted(open_page(f"{address}?matrix=?,1,2;1,?,-3.5&depth=2&at=4#explore-what-does-your-matrix-do"))
    there = state(page)
    assert there["settings"]["matrix"] == "?,1,2;1,?,-3.5" and there["settings"]["depth"] == 2 and there["row"] == 4
    assert cell(page, 2, 3).input_value() == "-3.5" and cell(page, 1, 1).input_value() == ""
    cell(page, 1, 1).fill("8")
    page.wait_for_function("location.search.includes('matrix=8,1,2;1,?,-3.5')")
    page = mounted(open_page(f"{address}?matrix=1,2;3#explore-what-does-your-matrix-do"))
    assert "your matrix: 1,2;3" in page.locator(".implreg-message").text_content()
    assert_draws(page, explorer, PLANETS)


def test_the_views_move_with_the_marker(open_page, address):
    page = mounted(open_page(address))
    run = state(page)["run"]
    table, scatter = page.locator(".implreg-still-plot").all()
    last = table.get_attribute("aria-label")
    page.get_by_role("slider", name="Step", exact=True).fill("10")
    first = table.get_attribute("aria-label")
    assert first != last and first.startswith("The matrix, row by row: ")
    assert scatter.locator("circle").count() == 2
    ys = [float(dot.get_attribute("cy")) for dot in scatter.locator("circle").all()]
    page.get_by_role("slider", name="Step", exact=True).fill(str(len(run["step"]) - 1))
    assert ys != [float(dot.get_attribute("cy")) for dot in scatter.locator("circle").all()]
    page.get_by_role("button", name="Download the picture as SVG").is_visible()


def test_with_all_entries_seen_nothing_is_left(open_page, address):
    page = mounted(open_page(f"{address}?matrix=1,2;3,4#explore-what-does-your-matrix-do"))
    assert page.get_by_text("Every entry is seen: nothing is left to choose.").is_visible()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_largest_grid_fits(open_page, address, width, theme):
    text = ";".join([",".join(["-1234.567"] * 5 + ["?"])] * 6)
    page = mounted(open_page(f"{address}?matrix={text}#explore-what-does-your-matrix-do", width, color_scheme=theme))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [toggle(page, "Hide", i, j).bounding_box() for i in (1, 6) for j in (1, 5)]
    assert all(box["height"] >= 28 and box["width"] >= 40 for box in boxes)


def test_a_change_is_computed_in_a_moment(open_page, address):
    page = mounted(open_page(address))
    cell(page, 1, 1).fill("1")
    page.wait_for_timeout(300)  # the program is warm
    took = page.evaluate(
        """(selector) => {
          const field = document.querySelector(`${selector} .implreg-own-cell input`);
          const times = [];
          for (let k = 0; k < 5; k++) {
            field.value = String(k + 2);
            const start = performance.now();
            field.dispatchEvent(new Event("input"));
            times.push(performance.now() - start);
          }
          return Math.min(...times);
        }""",
        FIGURE,
    )
    assert took < 500  # a desktop takes a tenth of that; tests run beside others


def test_in_jupyter_the_kernel_answers(open_page, address, explorer, tmp_path):
    (tmp_path / "empty.html").write_text("<!doctype html><html lang='en'><title>Widget</title><body>", encoding="utf-8")
    page = open_page((tmp_path / "empty.html").as_uri())
    show_widget(page, explorer.widget())
    cell(page, 1, 1).fill("2")
    page.wait_for_function(f"document.querySelector('{FIGURE}').implreg.settings.matrix.startsWith('2,')")
    page.wait_for_function(f"!document.querySelector('{FIGURE}').hasAttribute('aria-busy')")
    assert_draws(page, explorer, PLANETS.replace("-0.949", "2"))


def test_a_graph_is_connected_by_a_click(open_page, tmp_path):
    def compute(matrix, depth):
        run = own_matrix.columns(matrix, depth, 1e-3, 0.1, max_steps=300)
        return run | own_matrix.graph_columns(matrix, run)

    explorer = Explorer(
        question="What hangs together?",
        controls=[MatrixGrid("matrix", "matrix", "1,?;?,2"), Slider("depth", "depth", 1, 4, default=2, step=1)],
        compute=compute,
        views=[GraphView("Graph", "matrix"), usual_view("nuclear", "within_nuclear", x="step")],
        caption="",
    )
    page = mounted(open_page(write_page(tmp_path, explorer.static_html())))
    graph = page.locator(".implreg-view", has_text="Graph")

    def said():
        return graph.get_by_role("img").get_attribute("aria-label"), graph.locator(".implreg-edge").count()

    assert said() == ("2 components: row 1, column 1; row 2, column 2.", 2)
    colors = graph.locator(".implreg-edge").evaluate_all("all => all.map((line) => getComputedStyle(line).stroke)")
    assert colors[0] != colors[1]
    toggle(page, "Show", 1, 2).click()
    assert said() == ("connected: 1 component: row 1, row 2, column 1, column 2.", 3)
    toggle(page, "Hide", 1, 1).click()
    toggle(page, "Hide", 1, 2).click()  # row 1 and column 1 are left alone
    assert said() == ("3 components: row 1; row 2, column 2; column 1.", 1)
    run = explorer.run(matrix=shown(page))
    assert np.isclose(state(page)["run"]["within_nuclear"][-1], run["within_nuclear"][-1], rtol=1e-6)
