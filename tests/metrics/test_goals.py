"""The analysis of what minds are directed at, on a small run across a flip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import evosim
from evosim.api.analyses import Analysed, analyse
from evosim.engine.meg import Discounted
from evosim.errors import EvosimError
from evosim.metrics import goal_inference
from evosim.metrics.analyses import goals
from evosim.starter import starter

SMALL = (
    "evolution.population=20", "evolution.levels=2", "measure.levels=3", "measure.sample=4",
    "measure.every=20", "timeline.0.generations=15", "timeline.1.generations=1",
    "world.rows=4", "world.cols=4", "world.lifetime=40", "agent.depth=[0, 6]",
    "world.variables.energy.values=4", "world.variables.energy.start=3",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    path = folder / "mine.toml"
    path.write_text(starter("mine"))
    done = evosim.run(
        path, seed=1, settings=list(SMALL), out=folder / "run", workers=1, figures=False,
        progress=False,
    )  # fmt: skip
    return done.path


@pytest.fixture(scope="module", autouse=True)
def few() -> Iterator[None]:
    """Few individuals and few drives considered: what is tested here does not need many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(goals, "INDIVIDUALS", 3)
        patch.setattr(goal_inference, "PAIRS", 16)
        yield


@pytest.fixture(scope="module")
def found(run: Path, few: None) -> Analysed:
    return analyse(run, "goals")


def test_the_population_of_the_flip_is_looked_at_on_both_sides_of_it(
    run: Path, found: Analysed
) -> None:
    summary = found.summary
    assert summary["generation"] == 15
    assert len(summary["environments"]) == 2
    n = len(summary["individuals"])
    probed = evosim.open_run(run).data["probe_individual"].sel(probe=15).isel(replicate=0)
    assert set(summary["individuals"]) <= set(probed.values.tolist())
    for environment in summary["environments"].values():
        assert len(environment["stances"]) == len(environment["inferred"]) == n
        for role in ("own", "intended", "selected"):
            for one in environment["directed"][role]:
                assert one["nats"] is None or one["nats"] >= 0
                assert one["per_step"] is None or one["per_step"] <= np.log(6) + 1e-9
        for one in environment["stances"]:
            assert one["agent"] + one["reflex"] + one["table"] == pytest.approx(1.0)
        for one in environment["inferred"]:
            assert -1.0 <= one["cosine"] <= 1.0 + 1e-12
            assert one["guessed"] < one["own"] + 1e-9
    assert "goals, as a share" in found.text
    assert "of 3" in found.text
    assert json.loads(found.path.read_text()) == summary


def test_the_same_is_found_again(run: Path, found: Analysed) -> None:
    assert analyse(run, "goals").summary == found.summary


def test_it_is_drawn(found: Analysed, tmp_path: Path) -> None:
    (path,) = found.plot(folder=tmp_path, formats=["svg"])
    assert path.read_text().startswith("<?xml")
    assert len(found.figure().axes) > 1


def test_own_drives_are_weighed_anew_where_something_else_is_felt() -> None:
    process = Discounted(sparse.csr_array(np.eye(2)), np.array([1.0, 0.0]), 0.9)
    here = goals._Own(process, np.ones((2, 1, 3)), np.ones((4, 2, 1)), [])
    assert goals._alike(here, here._replace(megs=[{}]))
    assert not goals._alike(here, here._replace(felt=here.felt * 2))
    assert not goals._alike(here, here._replace(visits=here.visits * 2))
    assert not goals._alike(here, here._replace(process=process._replace(discount=0.8)))
    swapped = sparse.csr_array(np.eye(2)[::-1])
    assert not goals._alike(here, here._replace(process=process._replace(chances=swapped)))


def test_another_generation_can_be_asked_for(run: Path) -> None:
    summary = analyse(run, "goals", generation=0).summary
    assert summary["generation"] == 0
    assert summary["flip"] is None


def test_a_fork_of_another_seed_is_looked_at_as_its_probes_are(run: Path, tmp_path: Path) -> None:
    """Its probes keep the levels and the samples of its parent, so that the two can be compared."""
    child = evosim.open_run(run).fork(
        15, seed=9, out=tmp_path / "fork", figures=False, progress=False
    )
    probed = child.data["probe_individual"].sel(probe=15).isel(replicate=0).values
    parent, own = (analyse(path, "goals").summary for path in (run, child.path))
    assert set(own["individuals"]) <= set(probed.tolist())
    assert own["individuals"] == parent["individuals"]
    # Generation 15 was bred by the parent: only what is sampled of its lives could differ.
    for name, there in parent["environments"].items():
        assert own["environments"][name]["directed"] == there["directed"]


def test_minds_that_feel_novelty_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(starter("mine").replace('["sweetness",', '["novelty", "sweetness",'))
    done = evosim.run(
        path, seed=1, settings=[*SMALL, "timeline.0.generations=1", "measure.levels=1"],
        out=tmp_path / "run", workers=1, figures=False, progress=False,
    )  # fmt: skip
    with pytest.raises(EvosimError, match="feel novelty"):
        analyse(done.path, "goals")
