"""Binder's image, made as Binder makes it but in a clean virtual environment: does a chapter run in it?"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
import requests
import websocket

ROOT = Path(__file__).parents[1]
TOKEN = "test"


def _run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}"
    return done.stdout


def _megabytes(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A clean copy of the tree, its image's environment variables, and the megabytes added to the base."""
    home = tmp_path_factory.mktemp("image")
    copy, venv = home / "repository", home / "venv"
    for name in _run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines():
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)

    outside = ("IMPLREG_", "JUPYTER", "IPYTHON", "PYTHON", "VIRTUAL_ENV")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    variables |= {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    variables |= {"PATH": f"{venv / 'bin'}:{variables['PATH']}", "IPYTHONDIR": str(home / "ipython")}

    def step(*command):
        _run(*command, cwd=copy, env=variables)

    step(sys.executable, "-m", "venv", str(venv))  # in CI this is the version that binder/runtime.txt names
    step("pip", "install", "--require-hashes", "-r", "requirements/jupyter.txt")  # Binder's base image
    base = _megabytes(venv)
    step("pip", "install", "-r", "binder/requirements.txt")
    step("binder/postBuild")
    step("pip", "check")
    return copy, variables, _megabytes(venv) - base


@pytest.fixture(scope="module")
def server(image, tmp_path_factory):
    """Address of a Jupyter server running in the image."""
    copy, variables, _ = image
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["jupyter", "server", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
             f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={copy}"],
            cwd=copy, env=variables, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        address = f"127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while not _answers(address):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _answers(address):
    try:
        return requests.get(f"http://{address}/api/status", params={"token": TOKEN}, timeout=5).ok
    except requests.ConnectionError:
        return False


def _execute(channel, source):
    """Run `source` as a notebook page would; returns the error output, or None."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "test",
              "version": "5.3", "date": ""}  # fmt: skip
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
    channel.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content,
                             "channel": "shell", "buffers": []}))  # fmt: skip
    error = None
    while True:
        frame = channel.recv()
        if isinstance(frame, bytes):  # with a widget's binary data: number of parts, offsets, JSON, data
            start, end = struct.unpack_from("!II", frame, 4)
            frame = frame[start:end]
        message = json.loads(frame)
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if message["msg_type"] == "error":
            error = "\n".join(message["content"]["traceback"])
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return error


def test_a_chapter_runs_in_the_image(server):
    chapter = sorted((ROOT / "chapters").glob("*.ipynb"))[0].relative_to(ROOT).as_posix()
    ask = {"params": {"token": TOKEN}, "timeout": 60}
    notebook = requests.get(f"http://{server}/api/contents/{chapter}", **ask).json()["content"]
    request = {"path": chapter, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    session = requests.post(f"http://{server}/api/sessions", json=request, **ask)
    assert session.status_code == 201, session.text

    address = f"ws://{server}/api/kernels/{session.json()['kernel']['id']}/channels?token={TOKEN}"
    channel = websocket.create_connection(address, timeout=300)
    code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code, f"{chapter} has no code"
    for source in code:
        error = _execute(channel, source)
        assert error is None, f"{source}\n{error}"
    channel.close()


def test_the_image_is_small(image, capsys):
    _, _, added = image
    with capsys.disabled():
        print(f"\nBinder: {added:.0f} MB on top of the base image")
    assert added < 1000  # jaxlib alone is about a third of this
