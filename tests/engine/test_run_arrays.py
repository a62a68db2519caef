"""The data of a run without xarray answer as xarray does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim.engine.dataset import open_arrays
from evosim.engine.run_arrays import RunArrays

SMALL = {
    "evolution.population": 10, "evolution.levels": 2, "measure.sample": 3, "measure.levels": 1,
    "timeline.0.generations": 3, "timeline.1.generations": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    path = tmp_path_factory.mktemp("arrays") / "run"
    return evosim.run(
        "contraception", seed=3, replicates=2, settings=SMALL, out=path, workers=1, figures=False
    )


def same(ours: Any, theirs: Any) -> None:
    assert tuple(ours.dims) == tuple(theirs.dims)
    assert ours.values.dtype == theirs.values.dtype
    np.testing.assert_array_equal(ours.values, theirs.values, strict=True)


def test_they_are_those_of_the_dataset(run: evosim.Run) -> None:
    with open_arrays(run._folder) as arrays:
        assert set(arrays) == set(run.data.variables)
        assert set(arrays.coords) == set(run.data.coords)
        assert arrays.attrs == run.data.attrs
        assert dict(arrays.sizes) == dict(run.data.sizes)
        for name in arrays:
            same(arrays[name], run.data[name])
            assert arrays[name].sizes == dict(run.data[name].sizes)
            assert len(arrays[name]) == len(run.data[name])


PARTS = {
    "places": lambda d: d["genome"].isel(generation=-1, individual=[3, 0]),
    "a range": lambda d: d["payoff_total"].isel(generation=slice(2, 5)).sel(payoff="children"),
    "labels": lambda d: d["alignment"].sel(environment=["modern", "ancestral"], mind="evolved"),
    "one after another": lambda d: d["score"].isel(generation=slice(1, None)).sel(generation=4),
    "of all": lambda d: d.sel(probe=3, mind="evolved").isel(replicate=0)["capability"],
    "order": lambda d: d["alignment"].transpose(
        "mind", "sample", "replicate", "environment", "probe"
    ),
    "order of a part": lambda d: d["alignment"].isel(mind=0, replicate=[1]).transpose(
        "sample", "environment", "replicate", "probe"
    ),
    "mean": lambda d: d["score"].mean("replicate"),
    "mean over two": lambda d: d["payoff_total"].mean(["replicate", "individual"]),
    "mean without NaN": lambda d: d["alignment"].mean("sample"),
    "sum": lambda d: d["score"].sum("generation"),
    "label": lambda d: d.isel(probe=-1)["probe"],
    "what xarray has": lambda d: d["score"].max("individual"),
    "what xarray has of all": lambda d: d.drop_vars("genome")["score"],
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("kept", [0, 2**25])
def test_a_part_is_what_xarray_takes(
    run: evosim.Run, part: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evosim.engine.run_arrays._KEPT", kept)
    with open_arrays(run._folder) as arrays:
        same(PARTS[part](arrays), PARTS[part](run.data))


def test_numbers(run: evosim.Run) -> None:
    with open_arrays(run._folder) as arrays:
        assert int(arrays.isel(probe=-1)["probe"]) == int(run.data["probe"][-1])
        one = arrays["optimal_payoff"].isel(replicate=0).sel(environment="modern")
        assert float(one) == float(run.data["optimal_payoff"][0].sel(environment="modern"))
        assert np.asarray(arrays["score"]).shape == run.data["score"].shape


def test_what_is_not_there(run: evosim.Run) -> None:
    with open_arrays(run._folder) as arrays:
        assert "nothing" not in arrays
        with pytest.raises(KeyError, match="nothing"):
            arrays["nothing"]
        with pytest.raises(KeyError, match="nowhere"):
            arrays["alignment"].sel(environment="nowhere")


def test_a_damaged_file(run: evosim.Run, tmp_path: Path) -> None:
    folder = run._folder
    copied = tmp_path / "run"
    copied.mkdir()
    for name in ("run.json", "scenario.toml"):
        (copied / name).write_bytes((run.path / name).read_bytes())
    (copied / "run.nc").write_bytes(folder.data_path.read_bytes()[:2000])
    with pytest.raises(evosim.RunError, match="cannot be read"), open_arrays(type(folder)(copied)):
        pass


def test_a_plugins_figure_is_given_xarray(run: evosim.Run) -> None:
    with open_arrays(run._folder) as arrays:
        assert isinstance(arrays, RunArrays)
        assert arrays.whole()["score"].equals(run.data["score"])
