"""Runs in memory equal those on disk; what is called after each generation can stop them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import xarray as xr

import evosim
from evosim.errors import EvosimError

ISLANDS = "evolution.islands={demes=4, every=2, migrants=2, select={operator='selBest'}}"
TOOL = ("agent.tool.depth=4", "agent.tool.reliance=[0, 1]", "world.kinds.lime.looks.green=1.0")
OPEN = "evolution.open={offspring=0.9, capacity=30}"


@pytest.mark.parametrize("sets", [(), (ISLANDS, *TOOL), (OPEN,)], ids=["plain", "islands", "open"])
def test_the_data_in_memory_are_those_of_the_run(
    tiny: Path, tmp_path: Path, sets: Sequence[str]
) -> None:
    run = evosim.run(
        tiny, seed=2**64 - 1, replicates=3, settings=sets, out=tmp_path / "run",
        figures=False, workers=1,
    )  # fmt: skip
    data = evosim.simulate(tiny, 2**64 - 1, replicates=3, settings=sets)
    recorded = run.data.load()
    assert set(data.variables) == set(recorded.variables)
    xr.testing.assert_identical(data.drop_attrs(deep=False), recorded.drop_attrs(deep=False))
    for name in data.variables:
        assert data[name].values.tobytes() == recorded[name].values.tobytes() or (
            data[name].dtype == object
        ), name
    for name in ("title", "scenario_id", "scenario", "seed"):
        assert data.attrs[name] == recorded.attrs[name]


def test_without_probes_their_variables_are_left_out(tiny: Path) -> None:
    data = evosim.simulate(tiny, seed=1, probes=False)
    assert "score" in data
    assert "capability" not in data
    assert {"probe", "mind", "sample"}.isdisjoint(data.dims)


def test_a_simulation_stops_when_it_is_told_to(tiny: Path) -> None:
    calls = []

    def stop_at_two(replicate: int, generation: int, score: float) -> bool:
        calls.append((replicate, generation))
        return generation == 2

    data = evosim.simulate(tiny, seed=1, replicates=2, on_generation=stop_at_two)
    assert calls == [(r, g) for g in range(3) for r in range(2)]
    whole = evosim.simulate(tiny, seed=1, replicates=2)
    xr.testing.assert_identical(data["genome"], whole["genome"].isel(generation=slice(3)))
    assert list(data["probe"]) == [0, 2]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_stops_when_it_is_told_to_and_can_be_resumed(
    tiny: Path, tmp_path: Path, workers: int
) -> None:
    calls = []

    def stop_at_two(replicate: int, generation: int, score: float) -> bool:
        calls.append((replicate, generation))
        return generation == 2

    settings = {"timeline.0.generations": 200, "measure.every": 1000}
    stopped = evosim.run(
        tiny, seed=1, replicates=2, settings=settings, figures=False,
        out=tmp_path / "run", workers=workers, on_generation=stop_at_two,
    )  # fmt: skip
    assert not stopped.complete
    assert 2 in [generation for _, generation in calls]
    whole = evosim.resume(stopped.path, workers=1)
    assert whole.complete
    data = evosim.simulate(tiny, seed=1, replicates=2, settings=settings)
    assert whole.data["genome"].values.tobytes() == data["genome"].values.tobytes()


def test_a_run_that_is_only_looked_at_is_complete(tiny: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, float]] = []
    run = evosim.run(
        tiny, seed=1, replicates=2, figures=False, out=tmp_path / "run", workers=2,
        on_generation=lambda *call: seen.append(call),
    )  # fmt: skip
    assert run.complete
    assert sorted(call[:2] for call in seen) == [(r, g) for r in range(2) for g in range(6)]
    for replicate, generation, score in seen:
        recorded = run.data["score"].values[replicate, generation].mean()
        assert score == pytest.approx(recorded)


def test_a_negative_replicate_is_refused(tiny: Path) -> None:
    with pytest.raises(EvosimError, match="replicate=-1: a whole number of at least 0"):
        evosim.iterate(tiny, seed=1, replicate=-1)
