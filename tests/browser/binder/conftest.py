"""Binder's image, made as Binder makes it but in a clean virtual environment, and a JupyterLab that runs in it.

It is made from the branch that the book publishes, by way of a repository on this machine.

Building takes a minute, so all tests that need it live here, where one process runs them.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import requests

from tools import publish

ROOT = Path(__file__).parents[3]


class Image(NamedTuple):
    tree: Path  # a clone of the published branch, installed
    variables: dict[str, str]  # the environment that its commands run in
    added: float  # megabytes on top of the base image


class Server(NamedTuple):
    address: str  # host and port
    token: str
    process: int


def _run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}"
    return done.stdout


def _megabytes(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """The image, built."""
    home = tmp_path_factory.mktemp("image")
    tree, venv = home / "repository", home / "venv"
    remote = home / "remote.git"
    _run("git", "init", "-q", "--bare", remote)
    publish.publish(str(remote))
    _run("git", "clone", "-q", "-b", "notebooks", remote, tree)

    outside = ("IMPLREG_", "JAX_", "XLA_", "NPROC", "JUPYTER", "IPYTHON", "PYTHON", "VIRTUAL_ENV")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    variables |= {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    variables |= {"PATH": f"{venv / 'bin'}:{variables['PATH']}", "IPYTHONDIR": str(home / "ipython")}

    def step(*command):
        _run(*command, cwd=tree, env=variables)

    step(sys.executable, "-m", "venv", str(venv))  # in CI this is the version that binder/runtime.txt names
    install = ("pip", "install", "--no-compile")  # modules get their bytecode when they are imported
    base_image = str(ROOT / "requirements" / "jupyter.txt")  # of Binder
    step(*install, "--require-hashes", "-r", base_image)
    base = _megabytes(venv)
    step(*install, "-r", "binder/requirements.txt")
    step("binder/postBuild")
    step("pip", "check")
    return Image(tree, variables, _megabytes(venv) - base)


@pytest.fixture(scope="session")
def server(image, tmp_path_factory):
    """A JupyterLab that runs in the image and serves its clone; it asks for no news and has one processor."""
    settings = Path(image.variables["JUPYTER_CONFIG_DIR"], "lab/user-settings/@jupyterlab")
    for name, values in {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "notebook-extension/tracker": {"windowingMode": "none"},  # else what is out of sight leaves the page
    }.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["binder/start", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
             "--IdentityProvider.token=test", f"--ServerApp.root_dir={image.tree}",
             "--LabApp.extension_manager=readonly"],
            cwd=image.tree, env=image.variables, stdout=output, stderr=output,
        )  # fmt: skip
    psutil.Process(process.pid).cpu_affinity([0])  # as on Binder; its kernels inherit it
    here = Server(f"127.0.0.1:{port}", "test", process.pid)
    try:
        deadline = time.monotonic() + 60
        while not _answers(here):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        yield here
    finally:
        process.terminate()
        process.wait(30)


def _answers(server):
    try:
        return requests.get(f"http://{server.address}/api/status", params={"token": server.token}, timeout=5).ok
    except requests.ConnectionError:
        return False
