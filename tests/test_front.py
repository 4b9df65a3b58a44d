"""The explorers' front end: its own tests, its lint, and the bundles that Jupyter and the pages get."""

import json
import re
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from in_node import find_node

from implreg_core.explorers import _front
from implreg_core.explorers._columns import decode_column, encode_column

ROOT = Path(__file__).parents[1]


def run(*command, **options) -> str:
    """What a command prints; where it fails, that is shown."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_module(code: str, data) -> str:
    """What JavaScript prints as an ES module that has `data`."""
    reading = 'import { readFileSync } from "node:fs"; const data = JSON.parse(readFileSync(0, "utf8"));'
    return run(find_node(), "--input-type=module", "--eval", reading + code, input=json.dumps(data))


def test_modules_pass_their_tests_in_node():
    files = sorted(map(str, (ROOT / "tests" / "front").glob("*.test.mjs")))
    report = run(find_node(), "--test", "--test-reporter=spec", *files)
    assert int(re.search(r"pass (\d+)", report)[1]) >= len(files) > 0
    assert re.search(r"skipped 0\s", report) and re.search(r"todo 0\s", report)


def test_no_script_has_a_complaint():
    folders = (_front.FRONT, ROOT / "tests" / "front", ROOT / "_assets")
    scripts = [path for folder in folders for path in folder.glob("*js")]
    run(Path(sysconfig.get_path("scripts")) / "oxlint", "--deny-warnings", *scripts)  # .oxlintrc.json says which
    lines = [(path.name, line) for path in scripts for line in path.read_text(encoding="utf-8").splitlines()]
    assert not [(name, line) for name, line in lines if len(line) > 120]


def test_jupyter_gets_one_module_with_render():
    code = """
      const { default: widget } = await import(`data:text/javascript,${encodeURIComponent(data)}`);
      process.stdout.write(`${Object.keys(widget)}: ${typeof widget.render}`);
    """
    assert in_module(code, _front.widget_module()) == "render: function"


def test_the_page_gets_one_classic_script_that_waits_for_the_page():
    code = """
      import vm from "node:vm";
      const waits = [];
      const document = { readyState: "loading", addEventListener: (name) => waits.push(name) };
      const page = { document };
      vm.runInNewContext(data, page);
      process.stdout.write([...waits, ...Object.keys(page)].join());
    """
    script = _front.page_script()
    assert in_module(code, script) == "readystatechange,document"  # and no new global
    modules = sorted(path.stem for path in _front.FRONT.glob("*.js"))
    assert sorted(re.findall(r"^const (\w+) = \(\(\) => \{$", script, re.MULTILINE)) == modules


@pytest.mark.parametrize(
    "line",
    ['import * as a from "./a.js";', 'import { a } from "elsewhere";', 'import "./a.js";', "export default 1;"]
    + ["export let changing = 1;", "export { render };", 'export * from "./a.js";'],
)
def test_forms_that_the_bundle_does_not_know_are_refused(tmp_path, line):
    (tmp_path / "explorer.js").write_text(f"export const render = 1;\n{line}\n")
    with pytest.raises(ValueError, match="explorer.js has a form .* that the bundle does not know: " + re.escape(line)):
        _front.widget_module(tmp_path)


def test_the_page_reads_what_the_build_stored():
    rng = np.random.default_rng(0)
    kinds = [(scale, sign, spread) for scale, sign in (("linear", -1), ("log", 1)) for spread in (1e-6, 1, 50)]
    columns = [encode_column(sign * rng.lognormal(0, spread, 200), scale=scale) for scale, sign, spread in kinds]
    columns += [encode_column(rng.integers(-9, 99, 50).astype(float), scale="linear")]
    code = f'import {{ decode }} from "{(_front.FRONT / "columns.js").as_uri()}";'
    code += "process.stdout.write(JSON.stringify(data.map((column) => Array.from(decode(column)))));"
    for column, found in zip(columns, json.loads(in_module(code, columns)), strict=True):
        found, tiny = np.array(found, float), 1e-15 * abs(column["low"])
        np.testing.assert_allclose(found, decode_column(column), rtol=1e-12, atol=tiny)
