"""A Chromium that runs, a local server for the built book, a reader in either theme: for tests and pictures.

Run as a script, it finds or installs the browser and prints its path.
"""

import functools
import os
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import sync_playwright

# No sandbox: it cannot start for root. The rest keeps the browser itself from calling home.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync"]  # fmt: skip


def _runs(path):
    """Whether `path` is a browser that starts: a stub or a missing library shows here, not later."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _installed():
    """The first browser on the search path, or Playwright's own, that runs; else None.

    The headless shell is Chromium without windows and menus: the same engine for half of the processor time.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    with sync_playwright() as playwright:
        paths = [shutil.which(name) for name in names] + [playwright.chromium.executable_path]
    return next((path for path in paths if path and _runs(path)), None)


@functools.cache
def ensure_chromium() -> str:
    """Path of a Chromium that runs: `$CHROMIUM`, an installed one, apt's (when root), or Playwright's own.

    **Raises:** RuntimeError where none can be had.
    """
    if named := os.environ.get("CHROMIUM"):
        path = shutil.which(named)
        if not (path and _runs(path)):
            raise RuntimeError(f"CHROMIUM={named} is not a browser that runs; name another one or unset it.")
        return path
    if path := _installed():
        return path
    installers = [f"{shlex.quote(sys.executable)} -m playwright install --no-shell chromium"]
    if shutil.which("apt-get") and os.geteuid() == 0:
        apt = "DEBIAN_FRONTEND=noninteractive apt-get -qy"
        install = f"{apt} install --no-install-recommends"
        installers.insert(0, f"{apt} update && ({install} chromium-headless-shell || {install} chromium)")
    for command in installers:
        print(f"No Chromium yet: {command}", file=sys.stderr, flush=True)
        subprocess.run(command, shell=True, stdout=sys.stderr)
        if path := _installed():
            return path
    raise RuntimeError("No Chromium, and none could be installed (the output above says why). "
                       "Install Chromium or Chrome, or set CHROMIUM to its path.")  # fmt: skip


@contextmanager
def chromium():
    """A running headless Chromium (Playwright's `Browser`)."""
    path = ensure_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def reader(browser, width, theme):
    """A fresh browser context, `width` pixels wide, in `theme` "light" or "dark" as the book stores it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    context.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
    return context


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a page asks for fifty files at once; who finds no place in the queue waits a second


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def serve(folder):
    """Serve `folder` on a free local port; gives the address, without a trailing slash."""
    server = _Server(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    try:
        print(ensure_chromium())
    except RuntimeError as error:
        sys.exit(str(error))
