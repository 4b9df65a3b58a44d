"""A reader in JupyterLab: opens a notebook, reads it, runs it, saves it, comes back without a kernel."""

import re
import threading
import time
from contextlib import contextmanager

import psutil
import requests

RUN = 600_000  # ms
FAULTS = re.compile(r"\{[a-z:]+\}`|:::|\$|\\\\[a-zA-Z]+|\?\?\?|object at 0x")

READ = """() => {
  const visible = (node) => node.getClientRects().length > 0;
  const all = (query) => [...document.querySelectorAll(`.jp-Notebook ${query}`)];
  const prose = all(".jp-RenderedMarkdown").map((cell) => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("mjx-container, code, .jp-InternalAnchorLink").forEach((node) => node.remove());
    return copy.innerText;
  });
  return {
    prose,
    formulas: all(".jp-RenderedMarkdown mjx-container").length,
    bad: all("mjx-merror, [data-mjx-error], .MathJax_Error").map((node) => node.textContent),
    pictures: all(".jp-OutputArea img").filter((img) => visible(img) && img.naturalWidth > 100).length,
    explorers: all("figure.implreg-explorer").filter((figure) => visible(figure) && figure.implreg?.run).length,
    widgetless: all(".jupyter-widgets").filter((node) => visible(node) && /not found/.test(node.textContent)).length,
    hidden: all(".jp-InputPlaceholder").filter(visible).map((node) => node.textContent),
    open: all(".jp-RenderedMarkdown details[open]").length,
    errors: all('[data-mime-type="application/vnd.jupyter.error"]').map((node) => node.textContent.slice(-800)),
    waiting: all(".jp-InputPrompt").filter((prompt) => prompt.textContent.includes("*")).length,
  };
}"""


def choose(page, *names):
    """Walks Lab's menus."""
    for name in names:
        page.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel").and_(page.get_by_text(name, exact=True)).click()


def page_of(browser, server, height):
    """A page; and the list of what goes wrong in it: also what it asks of others than the server."""
    site, complaints = f"http://{server.address}/", []

    def asked(request):
        if not request.url.startswith((site, "data:", "blob:")):
            complaints.append(f"external request: {request.url}")

    page = browser.new_page(viewport={"width": 1280, "height": height})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", asked)
    return page, complaints


@contextmanager
def opened(browser, server, name, query=""):
    """A notebook open in JupyterLab, its formulas set; and the list of what goes wrong."""
    page, complaints = page_of(browser, server, height=1600)
    page.goto(f"http://{server.address}/lab/tree/{name}?reset&token={server.token}{query}")
    page.locator(".jp-Notebook .jp-RenderedMarkdown").first.wait_for(timeout=60_000)
    page.wait_for_function(f"{READ.replace('() =>', 'window.read = () =>')}, window.read() && true")
    settled(page)
    try:
        yield page, complaints
    finally:
        page.close()


def settled(page):
    """What is to be read once nothing more is set or drawn."""
    before = None
    for _ in range(100):
        now = page.evaluate("window.read()")
        if now == before and now["formulas"]:
            return now
        before = now
        page.wait_for_timeout(1000)
    raise TimeoutError("The notebook does not come to rest.")


def run_all(page, server):
    """Run all cells of the notebook that is open, alone, and wait until its kernel has answered the last."""
    page.get_by_text(re.compile(r"Python 3.*\| Idle")).wait_for(timeout=60_000)
    choose(page, "Run", "Run All Cells")
    deadline = time.monotonic() + RUN / 1000
    while time.monotonic() < deadline:
        page.wait_for_timeout(1000)
        read = page.evaluate("window.read()")
        idle = all(session["kernel"]["execution_state"] == "idle" for session in _sessions(server))
        if idle and not read["waiting"]:
            return settled(page)
    raise TimeoutError("The notebook does not end.")


def save(page):
    """Until the server has the file. The tab may say "unsaved" again at once: a living explorer changes its state."""
    page.locator(".jp-Notebook").click(position={"x": 3, "y": 3})
    with page.expect_response(lambda it: it.request.method == "PUT" and "/api/contents/" in it.url) as answer:
        choose(page, "File", "Save Notebook")
    assert answer.value.ok


def shut_down(server):
    """End all kernels."""
    for session in _sessions(server):
        ask = {"params": {"token": server.token}, "timeout": 60}
        assert requests.delete(f"http://{server.address}/api/sessions/{session['id']}", **ask).ok


def _sessions(server):
    ask = {"params": {"token": server.token}, "timeout": 60}
    return requests.get(f"http://{server.address}/api/sessions", **ask).json()


@contextmanager
def watched(server):
    """A dictionary that gets the most `megabytes` that JupyterLab and its kernels have together, and the `seconds`."""
    figures, over, begin = {"megabytes": 0}, threading.Event(), time.monotonic()

    def watch():
        while not over.wait(0.2):
            family = [psutil.Process(server.process), *psutil.Process(server.process).children(recursive=True)]
            figures["megabytes"] = max(figures["megabytes"], sum(map(resident, family)) / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield figures
    finally:
        over.set()
        thread.join()
        figures["seconds"] = time.monotonic() - begin


def resident(process):
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
