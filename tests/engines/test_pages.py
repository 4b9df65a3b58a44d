"""Every page in every engine: no complaint, nothing runs out at the side, each control changes what is drawn."""

from functools import partial

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

SCROLL_THROUGH = """const done = arguments[arguments.length - 1];
(async () => {
  const pause = () => new Promise((next) => setTimeout(next, 30));
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) { scrollTo(0, y); await pause(); }
  done();
})();"""
DRAWN = """return [...arguments[0].querySelectorAll(".implreg-plot, .implreg-matrix, .implreg-grid")]
  .map((view) => view.innerHTML).join()"""

# A phone is a frame of its width: no engine makes a window as narrow.
PHONE = """const [address, done] = arguments;
const frame = document.createElement("iframe");
frame.style.cssText = "position: fixed; inset: 0 auto auto 0; width: 390px; height: 844px; border: 0";
frame.addEventListener("load", () => setTimeout(() => {
  const root = frame.contentDocument.documentElement;
  done([root.scrollWidth, frame.contentWindow.innerWidth, frame.contentWindow.faults]);
  frame.remove();
}, 300));
frame.src = address;
document.body.append(frame);"""


@pytest.fixture
def page(engine, site, page_path):
    engine.get(f"{site}/{page_path}")
    engine.execute_async_script(SCROLL_THROUGH)
    yield engine
    assert engine.execute_script("return faults") == []


def figures(engine):
    """The explorers, as soon as all have drawn."""
    found = engine.find_elements(By.CSS_SELECTOR, "figure.implreg-explorer")
    for figure in found:
        engine.execute_script("arguments[0].scrollIntoView({ block: 'center' })", figure)
        drawn = partial(engine.execute_script, "return Boolean(arguments[0].implreg?.run)", figure)
        WebDriverWait(engine, 30).until(lambda _: drawn())
    return found


def controls(figure):
    """What can be operated, each with how to do so."""
    for kind, key in (("range", Keys.ARROW_RIGHT), ("number", Keys.ARROW_UP)):
        for field in figure.find_elements(By.CSS_SELECTOR, f".implreg-control input[type={kind}]"):
            last = kind == "range" and field.get_property("value") == field.get_property("max")
            yield field, partial(field.send_keys, Keys.ARROW_LEFT if last else key)
    for button in figure.find_elements(By.CSS_SELECTOR, ".implreg-control input[type=radio]:not(:checked)")[:1]:
        yield button, button.find_element(By.XPATH, "ancestor::label | following-sibling::label").click


def test_nothing_runs_out_at_the_side(page):
    assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    width, seen, faults = page.execute_async_script(PHONE, page.current_url)
    assert width <= seen == 390 and faults == []


def test_each_control_changes_what_is_drawn(page):
    for figure in figures(page):
        drawn = partial(page.execute_script, DRAWN, figure)
        found = list(controls(figure))
        assert found
        for control, operate in found:
            before = drawn()
            page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", control)
            operate()
            WebDriverWait(page, 10).until(lambda _: drawn() != before, control.accessible_name)  # noqa: B023
            assert not page.execute_script("return arguments[0].implreg.error", figure)
