"""`make check` finds the tests about what has changed."""

import pytest

from tools import changed

pytestmark = pytest.mark.book

SOURCES = {
    "tests/test_norms.py": "from implreg_core import norms, ranks\n",
    "tests/test_flow.py": "def test():\n    from implreg_core.flow import _general\n",
    "tests/test_explorers.py": "from implreg_core.explorers import View\n",
    "tests/test_api.py": "import api_names\n",
    "tests/test_helped.py": "from drawn import fig\n",
    "tests/test_links.py": "from tools import links\n",
    "tests/test_chapters.py": "",
    "tests/test_other.py": "import implreg_core\n",
}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["implreg_core/ranks.py"], ["implreg_core/ranks.py", "tests/test_norms.py"]),
        (["implreg_core/flow/_general.py"], ["implreg_core/flow/_general.py", "tests/test_flow.py"]),
        (["implreg_core/flow/__init__.py"], ["implreg_core/flow/__init__.py", "tests/test_flow.py"]),
        (["implreg_core/explorers/front/host.js"], ["tests/test_explorers.py"]),
        (["_ext/api_names.py"], ["tests/test_api.py"]),
        (["tests/drawn.py"], ["tests/test_helped.py"]),
        (["tests/test_other.py"], ["tests/test_other.py"]),
        (["tools/links.py"], ["tests/test_links.py"]),
        (["chapters/intro.ipynb"], ["tests/test_chapters.py"]),
        (["README.md"], []),
        ([], []),
    ],
)
def test_tests_are_those_about_the_files(files, expected):
    assert changed.tests_about(files, SOURCES) == expected


def test_what_differs_and_what_is_new_is_found(tmp_path, monkeypatch):
    def git(*command):
        changed.subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=b", *command], cwd=tmp_path, check=True)

    monkeypatch.setattr(changed, "ROOT", tmp_path)
    git("init", "-q")
    for name in ("same.py", "other.py", "gone.py"):
        (tmp_path / name).write_text("")
    git("add", ".")
    git("commit", "-qm", "first")
    (tmp_path / "other.py").write_text("x = 1\n")
    (tmp_path / "gone.py").unlink()
    (tmp_path / "new file.py").write_text("")
    assert changed.changed("HEAD") == ["new file.py", "other.py"]
