"""Tensors in files: what is in them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import evosim
from evosim import mind
from evosim.api.tensors import tensors
from evosim.cli import cli
from evosim.errors import EvosimError

SMALL = (
    "evolution.population=6", "evolution.levels=1", "measure.levels=1", "measure.sample=2",
    "timeline.0.generations=2", "timeline.1.generations=2", "verdict.resamples=20",
)  # fmt: skip
ID = "true_drive"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    out = tmp_path_factory.mktemp("tensors") / "run"
    return evosim.run(ID, seed=4, replicates=2, settings=SMALL, out=out, figures=False, workers=1)


def test_both_formats_hold_the_same(tmp_path: Path) -> None:
    options = {"environment": "modern", "level_seed": 7}
    made = tensors(ID, **options)
    npz = evosim.export_tensors(ID, tmp_path / "a.npz", **options)
    nc = evosim.export_tensors(ID, tmp_path / "a.nc", **options)
    with np.load(npz) as one, xr.open_dataset(nc, engine="h5netcdf") as other:
        attributes = json.loads(str(one["attributes"]))
        assert set(one.files) - {"attributes"} == set(map(str, made.variables))
        for name in made.variables:
            np.testing.assert_array_equal(one[str(name)], made[name].values)
            np.testing.assert_array_equal(other[name].values, made[name].values)
            assert other[name].dims == made[name].dims
        for where in (attributes, other.attrs):
            assert where["environment"] == "modern"
            assert where["level_seed"] == "7"
            assert where["lifetime"] == evosim.load(ID).environment("modern").lifetime
        assert other["transition"].sel(state="dead", action="use", next_state="dead") == 1
    assert not list(tmp_path.glob(".*"))


def test_payoffs_are_features() -> None:
    made = tensors(ID)
    np.testing.assert_allclose(made["transition"].sum("next_state"), 1.0)
    intended = made["feature_reward"].sel(feature=made.attrs["intended"])
    np.testing.assert_array_equal(made["reward_intended"], intended)
    expected = (made["feature_reward"] * made["transition"]).sum("next_state")
    np.testing.assert_allclose(made["feature_expected"], expected)
    assert made["feature_kind"].sel(feature=made.attrs["intended"]) == "payoff"
    assert made["start"].sum() == pytest.approx(1.0)
    assert made["state"].values[-1] == "dead"


def test_of_a_run_the_drives_of_its_individuals_are_exported(run: evosim.Run) -> None:
    made = tensors(run, generation=1, individual=3, replicate=1, environment="ancestral")
    genome = run.data["genome"].sel(generation=1).isel(replicate=1).values
    found = mind.express(run.scenario, genome).weights[:, : made.sizes["feature"]]
    np.testing.assert_allclose(made["drives"], found, atol=1e-6)
    whole = (made["drives"].isel(individual=3) * made["feature_reward"]).sum("feature")
    np.testing.assert_allclose(made["reward_drives"], whole, atol=1e-12)
    assert (made.attrs["generation"], made.attrs["individual"]) == (1, 3)


def test_best_and_median_are_those_of_a_replay(run: evosim.Run) -> None:
    scores = run.data["score"].isel(replicate=0, generation=-1).values
    assert tensors(run.path).attrs["individual"] == int(np.argmax(scores))
    assert tensors(run, individual="best").attrs["individual"] == int(np.argmax(scores))
    middle = int(np.argsort(scores, kind="stable")[(len(scores) - 1) // 2])
    assert tensors(run, individual="median").attrs["individual"] == middle


def test_what_cannot_be_exported_is_refused_in_words(run: evosim.Run, tmp_path: Path) -> None:
    for options, words in (
        ({"environment": "moder"}, "no environment 'moder' .*did you mean 'modern'"),
        ({"generation": 1}, r"generation=\.\.\. is about a run"),
        ({"individual": "best"}, r"individual=\.\.\. is about a run"),
        ({"bound": 1000}, "more than the bound of"),
        ({"settings": ["world.rowz=3"]}, "rowz"),
    ):
        with pytest.raises(EvosimError, match=words):
            evosim.export_tensors(ID, tmp_path / "a.npz", **options)
    for options, words in (
        ({"settings": ["world.rows=3"]}, r"settings=\.\.\. changes a scenario"),
        ({"generation": 9}, "no generation 9"),
        ({"individual": 6}, r"no individual 6 in this run \(allowed 0 to 5\)"),
        ({"individual": "worst"}, "'best' and 'median'"),
        ({"replicate": 2}, r"no replicate 2 in this run \(allowed 0 to 1\)"),
    ):
        with pytest.raises(EvosimError, match=words):
            evosim.export_tensors(run, tmp_path / "a.npz", **options)
    with pytest.raises(EvosimError, match=r"written as \.npz \(numpy\) or \.nc"):
        evosim.export_tensors(ID, tmp_path / "a.csv")
    with pytest.raises(EvosimError, match="cannot write"):
        evosim.export_tensors(ID, tmp_path / "nowhere" / "a.nc")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_file_and_names_it(run: evosim.Run, tmp_path: Path) -> None:
    def invoke(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["export", *map(str, words)])
        return done.exit_code, done.output.strip()

    path = tmp_path / "a.npz"
    assert invoke(ID, "--tensors", path, "-e", "modern", "--set", "world.lifetime=9") == (
        0,
        str(path),
    )
    with np.load(path) as made:
        assert json.loads(str(made["attributes"]))["lifetime"] == 9
    assert invoke(run.path, "--tensors", path, "-i", "median") == (0, str(path))
    assert invoke(ID)[0] == 2
    assert "one of: --tensors" in invoke(ID)[1]
    assert "one of: --tensors" in invoke(run.path, "--tensors", path, "--trees", path)[1]
    both = invoke(run.path, "--trees", path, "-e", "modern")[1]
    assert "--environment is about tensors" in both
    assert "MiB, more than the bound of 1.0 MiB" in invoke(ID, "--tensors", path, "--bound", 1)[1]
