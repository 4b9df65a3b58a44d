"""A page with nothing but explorers, opened from disk, and what they show."""

import json

from implreg_core.explorers import _front

FIGURE = "figure.implreg-explorer"

WIDGET = """
const listeners = new Set();
const state = %s;
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; },
  save_changes: async () => {
    state.answer = await window.answer(state.choice);
    listeners.forEach((listener) => listener());
  },
  on: (event, listener) => event === "change:answer" && listeners.add(listener),
  off: (event, listener) => listeners.delete(listener),
};
const el = document.body.appendChild(document.createElement("div"));
%s
window.stop = explorer.render({ model, el });
window.listeners = listeners;
"""


def write_page(folder, body):
    """A page with explorers, as a file; its address."""
    (folder / "script.js").write_text(_front.page_script(), encoding="utf-8")
    (folder / "style.css").write_text(_front.stylesheet(), encoding="utf-8")
    (folder / "page.html").write_text(
        "<!doctype html><html lang='en' data-theme='light'><meta charset='utf-8'><title>Explorer</title>"
        "<meta name='viewport' content='width=device-width'><link rel='stylesheet' href='style.css'>"
        "<style>html[data-theme=dark] { --pst-color-background: #14181e; --pst-color-text-base: #ced6dd;"
        " --pst-color-text-muted: #9ca4af }</style>"
        f"<script async src='script.js'></script><body style='margin: 16px'>{body}",
        encoding="utf-8",
    )
    return (folder / "page.html").as_uri()


def mounted(page):
    page.wait_for_function(f"document.querySelector('{FIGURE}')?.implreg?.run")
    page.locator(f"{FIGURE} path").first.wait_for(state="attached")  # it may be behind a tab
    return page


def show_widget(page, widget):
    """Mount the module as Jupyter loads it, with `widget` in Python answering; `stop()` in the page removes it."""

    def answer(choice):
        widget.choice = choice
        return widget.answer

    module = _front.widget_module().replace("export default explorer;", "")
    start = json.dumps({"spec": widget.spec, "choice": widget.choice, "answer": widget.answer, "beside": widget.beside})
    page.expose_function("answer", answer)
    page.evaluate(f"() => {{ {WIDGET % (start, module)} }}")
    mounted(page)


def state(page):
    """`figure.implreg`, with the run as plain lists."""
    return page.evaluate(
        """(selector) => {
          const { settings, run, row, error } = document.querySelector(selector).implreg;
          const lists = Object.fromEntries(Object.entries(run).map(([name, values]) => [name, [...values]]));
          return { settings, run: lists, row, error };
        }""",
        FIGURE,
    )
