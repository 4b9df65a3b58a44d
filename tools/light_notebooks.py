"""Execute notebooks and store them light: small text outputs only, nothing that changes from run to run.

Pictures, HTML and widgets are made anew by the book's build, so they are not committed. What stays is what
`nbval` compares (with `tools/nbval_light.py`): printed text, plain representations, and glued values.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

GLUE = "application/papermill.record/"
_HEAVY = ("image/png", "image/jpeg", "image/svg+xml", "text/html", "text/markdown", "application/javascript",
          "application/vnd.jupyter.widget-view+json")  # fmt: skip
HEAVY = {prefix + mime for prefix in ("", GLUE) for mime in _HEAVY}
LARGEST_TEXT = 4000  # characters in one output: about a screen
VOLATILE_METADATA = {"ExecuteTime", "collapsed", "execution", "papermill", "scrolled", "trusted"}
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def _light_output(output):
    """`output` without its heavy parts, or None where nothing remains."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if output.output_type == "error":
        return output
    output.data = {mime: data for mime, data in output.data.items() if mime not in HEAVY}
    output.metadata = {key: value for key, value in output.metadata.items() if key == "scrapbook"}
    return output if output.data else None


def lighten(notebook):
    """Strip `notebook` in place; a second time changes nothing."""
    notebook.metadata = nbformat.from_dict(KERNEL)
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key not in VOLATILE_METADATA}
        if cell.cell_type == "code":
            cell.outputs = _joined(light for output in cell.outputs if (light := _light_output(output)))


def _joined(outputs):
    """`outputs` with what was printed in one piece, however it arrived."""
    joined = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def complaints(notebook):
    """What would keep a lightened `notebook` from being small, or from comparing equal after the next run."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.execution_count is None and cell.source.strip():
            yield f"cell {number} was not executed, so nbval would not compare it"
        for output in cell.outputs:
            texts = {"text": output.text} if output.output_type == "stream" else output.get("data", {})
            if output.output_type == "error":
                yield f"cell {number} ends in {output.ename}"
            for kind, text in texts.items():
                if not (kind.removeprefix(GLUE).startswith("text")):
                    yield f"cell {number} shows {kind}; only text is stored"
                elif len(text) > LARGEST_TEXT:
                    yield f"cell {number} stores {len(text)} characters ({kind}); at most {LARGEST_TEXT}"
                elif re.search(r"\bat 0x[0-9a-f]+", text):
                    yield f"cell {number} shows a memory address, which changes from run to run"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--strip-only", action="store_true", help="strip what is stored; execute nothing")
    mode.add_argument("--check", action="store_true", help="change nothing; fail unless all are light")
    arguments = parser.parse_args()

    faults = []
    for path in arguments.notebooks:
        notebook = nbformat.read(path, as_version=4)
        if not (arguments.check or arguments.strip_only):
            print(f"executing {path}", flush=True)
            here = {"metadata": {"path": path.parent}}
            NotebookClient(notebook, kernel_name="python3", resources=here).execute()
        stored = nbformat.writes(notebook)
        lighten(notebook)
        faults += [f"{path}: {fault}" for fault in complaints(notebook)]
        if not arguments.check:
            nbformat.write(notebook, path)
        elif nbformat.writes(notebook) != stored:
            faults.append(f"{path} is not stored light; run: make notebooks")
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
