"""Runs of every base optimizer: frozen, stopped and resumed, forked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import evosim
from evosim.engine import fork
from evosim.engine.run_folder import RunFolder
from evosim.errors import RunError
from evosim.evolution import OPTIMIZERS
from evosim.execution import runner

SAMPLING = tuple(name for name in OPTIMIZERS if not OPTIMIZERS[name].pedigree)
OPEN = "evolution.open={offspring=0.8, capacity=30}"


def settings(kind: str) -> list[str]:
    if kind == "open":
        return [OPEN]
    if OPTIMIZERS[kind].trains:
        return ["agent.learner.factory=evosim.learners:q_learning", "agent.learner.obs=state"]
    # What is climbed has to rise smoothly.
    smooth = ["agent.depth=2", "agent.temperature=0.1"] if OPTIMIZERS[kind].slopes else []
    return [f"evolution.optimizer.name={kind}", *smooth]


def run(tiny: Path, out: Path, kind: str, *sets: str, **options: Any) -> evosim.Run:
    return evosim.run(
        tiny,
        seed=1,
        settings=[*settings(kind), *sets],
        out=out,
        figures=False,
        workers=1,
        **options,
    )


def assert_equal(one: evosim.Run, other: evosim.Run) -> None:
    xr.testing.assert_identical(one.data.drop_attrs(), other.data.drop_attrs())
    for name in one.data.variables:
        assert one.data[name].values.tobytes() == other.data[name].values.tobytes()


@pytest.mark.parametrize("kind", [*SAMPLING, "open"])
def test_a_run_stopped_anywhere_resumes_to_the_bit(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    whole = run(tiny, tmp_path / "whole", kind)
    with monkeypatch.context() as patch:
        patch.setattr("evosim.api.running._complete", lambda *_, **__: None)
        run(tiny, tmp_path / "run", kind)
    folder = RunFolder(tmp_path / "run")
    finished = 0
    while not runner.run_replicate(folder, 0, tell=lambda *_: True):
        finished += 1
        assert folder.generations_done(0) == finished
    assert finished == 5
    assert_equal(evosim.resume(tmp_path / "run"), whole)


@pytest.mark.parametrize("kind", [*SAMPLING, "open"])
def test_a_frozen_phase_keeps_the_population(tiny: Path, tmp_path: Path, kind: str) -> None:
    data = run(tiny, tmp_path / "run", kind, "timeline.1.select=false").data.isel(replicate=0)
    late = data.isel(generation=slice(3, None))
    for g in range(1, late.sizes["generation"]):
        np.testing.assert_array_equal(late["genome"][g], late["genome"][0])
        n = int(np.isfinite(late["score"][g]).sum())
        np.testing.assert_array_equal(late["parents"][g, :n, 0], np.arange(n))
    assert (data["genome"][3].values != data["genome"][2].values).any()


@pytest.mark.parametrize(
    "name", [n for n in SAMPLING if not (OPTIMIZERS[n].slopes or OPTIMIZERS[n].trains)]
)
def test_sampled_populations_have_no_parents_in_the_data(
    tiny: Path, tmp_path: Path, name: str
) -> None:
    data = run(tiny, tmp_path / "run", name).data
    assert (data["parents"] == -1).all()
    assert data.sizes["individual"] == 20


@pytest.mark.parametrize("kind", [*SAMPLING, "open"])
@pytest.mark.parametrize("at", [1, 4])
def test_a_fork_that_changes_nothing_ends_as_its_parent(
    tiny: Path, tmp_path: Path, kind: str, at: int
) -> None:
    parent = run(tiny, tmp_path / "run", kind, "timeline.0.select=false")
    child = evosim.fork(parent.path, at, out=tmp_path / "fork", figures=False, workers=1)
    assert_equal(child, parent)


@pytest.mark.parametrize("kind", [*SAMPLING, "open"])
def test_a_fork_of_a_fork_goes_on_beyond_the_end(tiny: Path, tmp_path: Path, kind: str) -> None:
    parent = run(tiny, tmp_path / "run", kind)
    longer = ["timeline.1.generations=5"]
    options: dict[str, Any] = {"figures": False, "workers": 1}
    child = evosim.fork(parent.path, 2, seed=9, out=tmp_path / "fork", **options)
    beyond = evosim.fork(child.path, 6, settings=longer, out=tmp_path / "beyond", **options)
    straight = evosim.fork(
        parent.path, 2, seed=9, settings=longer, out=tmp_path / "straight", **options
    )
    for name in ("genome", "score", "capability"):
        one, other = beyond.data[name].values[:, -1], straight.data[name].values[:, -1]
        assert one.tobytes() == other.tobytes()


def test_a_fork_is_refused_where_the_optimizer_would_have_asked_for_others(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = run(tiny, tmp_path / "run", "cma")
    first = fork.initial_population
    monkeypatch.setattr(fork, "initial_population", lambda of, seed: first(of, seed + 1))
    with pytest.raises(RunError, match=r"cannot be forked\. What cma knew of generation 0"):
        evosim.fork(parent.path, 3, out=tmp_path / "fork", figures=False)
    assert not (tmp_path / "fork").exists()


def test_a_fork_cannot_change_the_optimizer_or_the_capacity(tiny: Path, tmp_path: Path) -> None:
    parent = run(tiny, tmp_path / "run", "gradient")
    change = ["evolution.optimizer.name=cma"]
    with pytest.raises(RunError, match=r"evolution\.optimizer\.name was gradient in the history"):
        evosim.fork(parent.path, 3, settings=change, out=tmp_path / "fork", figures=False)
    opened = run(tiny, tmp_path / "open", "open")
    change = ["evolution.open.capacity=40"]
    with pytest.raises(RunError, match=r"evolution\.open\.capacity was 30 in the history"):
        evosim.fork(opened.path, 3, settings=change, out=tmp_path / "fork", figures=False)
