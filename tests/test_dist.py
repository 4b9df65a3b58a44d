"""What goes to PyPI: all of the package and nothing more, with the addresses of the repository that builds it."""

import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import implreg_core
from tools import dist

pytestmark = pytest.mark.book

ROOT = Path(__file__).parents[1]
NAME = f"implreg_core-{implreg_core.__version__}"
REPOSITORY = "https://github.com/some-owner/its.book"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    return dist.build(folder, dist.os.environ | {"BOOK_REPOSITORY": REPOSITORY})


def test_both_hold_the_package_and_nothing_more(built):
    sdist, wheel = built
    command = ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "implreg_core"]
    package = {
        name for name in subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.split()
        if (ROOT / name).exists()
    }  # fmt: skip
    data = {"py.typed", "explorers/front/host.js", "stored/families.nc"}
    assert {f"implreg_core/{name}" for name in data} <= package
    with tarfile.open(sdist) as archive:
        extra = {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"}
        assert {member.name for member in archive if member.isfile()} == {f"{NAME}/{name}" for name in package | extra}
    with zipfile.ZipFile(wheel) as archive:
        extra = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")}
        assert set(archive.namelist()) == package | extra
    assert wheel.name == f"{NAME}-py3-none-any.whl"


def test_metadata_names_the_repository_that_builds_it(built):
    with zipfile.ZipFile(built[1]) as archive:
        metadata = message_from_bytes(archive.read(f"{NAME}.dist-info/METADATA"))
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert urls["Repository"] == REPOSITORY and urls["Documentation"] == "https://some-owner.github.io/its.book/"
    readme = metadata.get_payload()
    assert f"({REPOSITORY}/raw/HEAD/_assets/every-norm-grows.svg)" in readme
    assert f"[LICENSE]({REPOSITORY}/blob/HEAD/LICENSE)" in readme
    assert "](https://arxiv.org/abs/2005.06398)" in readme  # links that are whole stay


def test_without_a_repository_there_are_no_addresses(tmp_path, monkeypatch):
    monkeypatch.setattr(dist, "find_repository", lambda environ, root: None)
    dist.source(tmp_path)
    for name in dist.FILES:
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
