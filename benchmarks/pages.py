"""Weight, time to interactive and latency of every page of the built book that has an explorer, in Chromium.

The book is served from this machine and nothing else can be reached. Each page is opened in fresh contexts, with
nothing in any cache, in a window of 1280 x 900 pixels.

- Weight: all that the browser asks for until the page has been scrolled to its end, as a static host would send it:
  text compressed with gzip, pictures and fonts as they are. "Theme" is what lies in `_static` and is not ours: the
  theme, KaTeX, Sphinx. "Own" is the rest, and under the limit. "Programs" are the compiled programs or stored runs
  of the page's explorers, a part of its own.
- Shift: the sum of layout shifts, as browsers score them, from the first request until the page is at rest there.
- Time to interactive: from the start of navigation to the first frame after the first explorer has a run and has drawn
  it, where the reader scrolls to it as soon as the document has been read, which is before the theme's scripts run.
- Latency: of 100 arrow keys on the slider with most places, towards its end and back. "Compute and draw" is the time of
  all handlers of the event, "key to paint" lasts from the key to the start of the second frame after it. The pauses
  between keys have changing lengths, so that keys fall anywhere within a frame.
"""

import argparse
import gzip
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for `tools`

from tools import browser as tools_browser  # noqa: E402

BOOK = ROOT / "_build" / "html"
FIGURE = "figure.implreg-explorer"
KEYS = 100
LIMIT_BYTES, LIMIT_SECONDS, LIMIT_MEDIAN, LIMIT_P95 = 1.5e6, 1.0, 8.0, 16.0
TEXT = {".html", ".css", ".js", ".json", ".svg", ".txt", ".xml"}
OURS = {"implreg-explorer.js", "implreg-explorer.css", "without-scripts.css"}  # and what `_assets` has
NOWHERE = {"server": "http://127.0.0.1:9", "bypass": "127.0.0.1"}  # a proxy that does not answer

HEAD = """
                    kilobytes; own, programs also raw       interactive, s  compute, draw, ms   key to paint, ms
page                 theme   own   raw programs   raw  shift median    max median   p95    max median   p95    max"""
ROW = "{:20}{:6.0f}{:6.0f}{:6.0f}{:9.1f}{:6.0f}{:7.3f}{:7.2f}{:7.2f}{:7.1f}{:6.1f}{:7.1f}{:7.1f}{:6.1f}{:7.1f}"

FRAME = "const frame = () => new Promise(requestAnimationFrame);"

SCROLL_AND_WAIT = f"""
{FRAME}
globalThis.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach(({{ value }}) => (shifted += value)))
  .observe({{ type: "layout-shift", buffered: true }});
globalThis.interactive = new Promise((done) => document.addEventListener("readystatechange", async () => {{
  const figure = document.querySelector("{FIGURE}");
  while (!figure.implreg?.run || !figure.querySelector("path[d]")) {{
    figure.scrollIntoView({{ behavior: "instant" }});
    await frame();
  }}
  await frame();
  done(performance.now());
}}, {{ once: true }}));
"""

# Pictures may be lazy.
SCROLL_THROUGH = f"""async () => {{
  {FRAME}
  for (let top = 0; top < document.documentElement.scrollHeight; top += innerHeight) {{
    scrollTo({{ top, behavior: "instant" }});
    await frame();
    await frame();
  }}
  await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
}}"""

# The slider with most places, focused; without one a field of a matrix, without that a radio button.
CHOOSE = """(figure) => {
  const places = ({ type, min, max, step }) => (type === "range" ? (max - min) / step : type === "number" ? 1 : 0);
  const inputs = [...figure.querySelectorAll(".implreg-controls input")];
  const input = inputs.reduce((best, next) => (places(next) > places(best) ? next : best));
  input.focus();
  return input;
}"""

WATCH = f"""(input) => {{
  {FRAME}
  const lines = () => [...document.querySelectorAll("{FIGURE} path")].map((path) => path.getAttribute("d")).join();
  let [begun, ended, drawn] = [0, 0, lines()];
  const watch = async ({{ timeStamp }}) => {{
    await frame();
    await frame();
    const painted = performance.now() - timeStamp;
    const before = drawn;
    drawn = lines();
    const value = Number(input.value);
    const [lower, upper] = [Number(input.min) < value, value + Number(input.step || 1) <= Number(input.max)];
    return {{ handled: ended - begun, painted, changed: drawn !== before, lower, upper }};
  }};
  addEventListener("keydown", (event) => (globalThis.keyAnswered = watch(event)), true);
  addEventListener("input", () => (begun = performance.now()), true);
  ["input", "change"].forEach((type) => addEventListener(type, () => (ended = performance.now())));
}}"""


def pages_with_explorers() -> list[str]:
    """Paths from the root of the book, without their suffix."""
    paths = [path.relative_to(BOOK) for path in BOOK.rglob("*.html")]
    shown = [path for path in paths if not path.parts[0].startswith("_") and path.name != "404.html"]
    marked = [path for path in shown if 'class="implreg-explorer"' in (BOOK / path).read_text(encoding="utf-8")]
    return sorted(path.with_suffix("").as_posix() for path in marked)


@contextmanager
def first_visit(browser, address, slowdown):
    """The page at `address`, opened with empty caches and scrolled to its first explorer, and what it asks for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, proxy=NOWHERE)
    context.add_init_script(SCROLL_AND_WAIT)
    page, requested = context.new_page(), set()
    page.on("request", lambda request: request.url.startswith("http") and requested.add(request.url.split("?")[0]))
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    page.goto(address)
    yield page, requested
    page.wait_for_load_state("networkidle")  # or the server would complain of a reader who has left
    context.close()


def transferred(path: Path) -> int:
    """Bytes of a file as a static host sends it."""
    body = path.read_bytes()
    return len(gzip.compress(body, 6)) if path.suffix in TEXT else len(body)


def weigh(page, requested, site) -> list[float]:
    """Kilobytes of all that the page asks for until it has been scrolled to its end: the columns of the table."""
    page.evaluate(SCROLL_THROUGH)
    page.wait_for_load_state("networkidle")
    if outside := [url for url in requested if not url.startswith(f"{site}/")]:
        sys.exit(f"{page.url} asks the network for {', '.join(outside)}.")
    names = OURS | {path.name for path in (ROOT / "_assets").iterdir()}
    files = [BOOK / unquote(urlsplit(url).path).lstrip("/") for url in requested]
    theme = [path for path in files if path.is_relative_to(BOOK / "_static") and path.name not in names]
    own = [path for path in files if path not in theme]
    document = BeautifulSoup((BOOK / unquote(urlsplit(page.url).path).lstrip("/")).read_bytes(), "html.parser")
    programs = "".join(script.get_text() for script in document.select(f"{FIGURE} script")).encode()
    sizes = [
        sum(map(transferred, theme)),
        sum(map(transferred, own)),
        sum(path.stat().st_size for path in own),
        len(gzip.compress(programs, 6)),
        len(programs),
    ]
    return [size / 1e3 for size in sizes]


def press_keys(page, number: int) -> list[dict]:
    """What `WATCH` saw of `KEYS` presses on a control of explorer `number` of the page."""
    figure = page.locator(FIGURE).nth(number)
    figure.scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelectorAll('{FIGURE}')[{number}].implreg?.run")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)  # a reader looks before pressing a key
    control = figure.evaluate_handle(CHOOSE)
    control.evaluate(WATCH)
    forward, back = {"range": ("ArrowRight", "ArrowLeft"), "number": ("ArrowUp", "ArrowDown")}.get(
        control.evaluate("(input) => input.type"), ("ArrowRight", "ArrowRight")
    )
    key, answers = forward, []
    for step in range(KEYS):
        page.wait_for_timeout(20 + 17 * (0.618 * step % 1))
        page.keyboard.press(key)
        answers.append(page.evaluate("keyAnswered"))
        key = forward if not answers[-1]["lower"] else back if not answers[-1]["upper"] else key
    return answers


def measure(browser, site, name, loads, slowdown) -> list[float]:
    """The columns of the table."""
    seconds = []
    for load in range(loads):
        with first_visit(browser, f"{site}/{name}.html", slowdown) as (page, requested):
            seconds.append(page.evaluate("interactive") / 1e3)
            if load == loads - 1:
                page.wait_for_load_state("networkidle")
                shift = page.evaluate("shifted")
                explorers = page.locator(FIGURE).count()
                answers = [answer for number in range(explorers) for answer in press_keys(page, number)]
                kilobytes = weigh(page, requested, site)
    if sum(answer["changed"] for answer in answers) < len(answers) / 2:
        sys.exit(f"{name}: most keys leave the drawing as it is.")
    times = [[answer[kind] for answer in answers] for kind in ("handled", "painted")]
    latencies = [number for ms in times for number in (*np.percentile(ms, [50, 95]), max(ms))]
    return [*kilobytes, shift, np.median(seconds), max(seconds), *latencies]


def over_limits(row) -> str:
    """What is beyond its limit, in words."""
    _, own, _, _, _, _, seconds, _, median, p95, *_ = row
    found = {
        "own weight": 1e3 * own > LIMIT_BYTES,
        "time to interactive": seconds > LIMIT_SECONDS,
        "compute and draw": median > LIMIT_MEDIAN or p95 > LIMIT_P95,
    }
    return ", ".join(name for name, over in found.items() if over)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", nargs="+", metavar="PAGE", help="such as chapters/identity; default: all")
    parser.add_argument("--loads", type=int, default=5, help="first visits to each page (default: 5)")
    parser.add_argument("--slowdown", type=float, default=1, help="how many times slower the processor shall be")
    arguments = parser.parse_args()
    if arguments.loads < 1 or arguments.slowdown < 1:
        parser.error(f"--loads and --slowdown must be at least 1; got {arguments.loads} and {arguments.slowdown}")
    if not (BOOK / "index.html").exists():
        sys.exit(f"There is no built book in {BOOK}: run make book.")
    known = pages_with_explorers()
    names = arguments.pages or known
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"no explorer on {', '.join(unknown)}; --pages may name {', '.join(known)}")

    print(f"Limits: {LIMIT_BYTES / 1e3:.0f} kB own; {LIMIT_SECONDS:g} s; {LIMIT_MEDIAN:g} ms, p95 {LIMIT_P95:g} ms")
    print(HEAD)
    beyond = []
    with tools_browser.chromium() as browser, tools_browser.serve(BOOK) as site:
        for name in names:
            row = measure(browser, site, name, arguments.loads, arguments.slowdown)
            over = over_limits(row)
            print(ROW.format(name.removeprefix("chapters/"), *row) + f"  over: {over}" * bool(over), flush=True)
            beyond += [name] * bool(over)
    sys.exit(f"Over a limit: {', '.join(beyond)}" if beyond else None)


if __name__ == "__main__":
    main()
