"""Does a chapter run in Binder's image, and is the image small?"""

import json
import struct
import uuid

import requests
import websocket


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


def test_a_chapter_runs_in_the_image(server, image):
    chapter = "chapters/intro.ipynb"
    ask = {"params": {"token": server.token}, "timeout": 60}
    notebook = requests.get(f"http://{server.address}/api/contents/{chapter}", **ask).json()["content"]
    request = {"path": chapter, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    session = requests.post(f"http://{server.address}/api/sessions", json=request, **ask)
    assert session.status_code == 201, session.text

    address = f"ws://{server.address}/api/kernels/{session.json()['kernel']['id']}/channels?token={server.token}"
    channel = websocket.create_connection(address, timeout=300)
    code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code, f"{chapter} has no code"
    for source in code:
        error = _execute(channel, source)
        assert error is None, f"{source}\n{error}"
    channel.close()


def test_the_image_is_small(image, capsys):
    with capsys.disabled():
        print(f"\nBinder: {image.added:.0f} MB on top of the base image")
    assert image.added < 1000  # jaxlib alone is about a third of this
