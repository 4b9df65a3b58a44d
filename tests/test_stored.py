"""The datasets that come with the package: complete, small, from one clean commit, and what their files ask for."""

from importlib import resources

import pytest

from implreg_core import sweeps

FOLDER = resources.files("implreg_core") / "stored"
NAMES = sorted(path.name.removesuffix(".toml") for path in FOLDER.iterdir() if path.name.endswith(".toml"))


def test_every_sweep_has_its_dataset_and_no_other_is_there():
    assert {path.name for path in FOLDER.iterdir() if path.name.endswith(".nc")} == {f"{name}.nc" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_dataset_is_complete_and_of_one_commit(name):
    dataset = sweeps.stored(name)
    assert dataset.done.all()
    assert dataset.attrs["mixed"] == "nothing" and dataset.attrs["threads"] == "1"
    assert len(dataset.attrs["commit"]) == 40  # a hash, without "-dirty"
    assert (FOLDER / f"{name}.nc").stat().st_size < 300_000
