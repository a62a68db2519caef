"""An adversary: where it proposes environments by known regrets, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import evosim
from evosim.errors import RunError, ScenarioError
from evosim.scenario import Scenario, loads

# Minds of a drive that does not evolve: they lick the lure where it is clearly sweeter than the
# dish (1), a step further on; there a life is worth nothing, and elsewhere all that it can be.
DISHES = """
id       = "dishes"
title    = "Dishes"
question = "Which lure is proposed?"

[objective]
intended = "meals"
selected = "meals"

[agent]
drives   = { sweet = 1.0, warm = 0.01 }
depth    = 30
patience = 0.95
temperature = { range = [0, 1], start = 0 }

[world]
map = "@gl"
lifetime = 40

[world.kinds.good]
glyph = "g"
use.eat.feels  = { sweet = 1.0 }
use.eat.yields = { meals = 1.0 }

[world.kinds.lure]
glyph = "l"
use.lick.feels = { sweet = 0.5, warm = 0.5 }

[environments.usual]
title = "the dish is the sweetest"

[evolution]
population = 6
levels     = 4
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 0.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 0.0 }

[[timeline]]
generations = 30
train.adversary.environment = "usual"
train.adversary.ranges.kinds.lure.use.lick.feels.sweet = [0, 1.5]

[measure]
every  = 100
levels = 1
sample = 2
"""
AT = "timeline.0.train.adversary"
SWEET = "kinds.lure.use.lick.feels.sweet"


def read(*settings: str) -> Scenario:
    return evosim.check(loads(DISHES), settings)


def proposed(*settings: str) -> np.ndarray:
    """[generation, level] after the first generations, when environments are kept."""
    data = evosim.simulate(read(*settings), seed=1, probes=False)
    return np.asarray(data["proposed"].values[0, 5:, :, 0])


@pytest.mark.parametrize("proposer", ["replay", "population"])
def test_proposals_are_where_regret_is(proposer: str) -> None:
    assert (proposed(f"{AT}.proposer={proposer}") > 1.0).all()
    # Uniform, a third of the range is there.
    assert 0.2 < (proposed(f"{AT}.proposer=uniform") > 1.0).mean() < 0.5


def test_the_largest_regret_is_proposed_most() -> None:
    # A life in which nothing is eaten loses as much more as it is longer.
    lure = "world.kinds.lure.use.lick.feels.sweet=3.0"
    found = proposed(lure, AT + ".ranges={ lifetime = [10, 60] }", f"{AT}.proposer=population")
    assert set(np.unique(found)) <= set(range(10, 61))
    assert found[-10:].mean() > 50
    assert (
        abs(proposed(lure, AT + ".ranges={ lifetime = [10, 60] }", f"{AT}.budget=0").mean() - 35)
        < 5
    )


def test_where_nothing_is_to_be_learnt_proposals_are_uniform() -> None:
    settings = f"{AT}.ranges.{SWEET}=[0, 0.9]"
    by_regret, uniform = proposed(settings), proposed(settings, f"{AT}.proposer=uniform")
    np.testing.assert_array_equal(by_regret, uniform)
    assert abs(by_regret.mean() - 0.45) < 0.08


def test_what_nobody_can_do_does_not_count_against_the_best() -> None:
    # All minds are alike: none does better than the mean of them.
    data = evosim.simulate(read(f"{AT}.against=best"), seed=1, probes=False)
    np.testing.assert_allclose(data["proposed_regret"], 0.0, atol=1e-9)
    assert (data["kept_measured"] == -1).all()


def test_regret_is_measured_as_often_as_is_said() -> None:
    data = evosim.simulate(read(f"{AT}.budget=3"), seed=1, probes=False)
    trained = data["proposed"].values[0, :, :, 0]
    each = [len(np.unique(levels)) + 3 for levels in trained]
    assert data["regrets_measured"].values[0].tolist() == each
    uniform = evosim.simulate(read(f"{AT}.budget=0"), seed=1, probes=False)
    assert uniform["regrets_measured"].sum() == 0


def test_lives_are_lived_where_it_proposes() -> None:
    # In a world of longer lives more is eaten.
    settings = [AT + ".ranges={ lifetime = [10, 60] }", f"{AT}.proposer=uniform"]
    data = evosim.simulate(read(*settings), seed=1, probes=False)
    lifetimes = data["proposed"].values[0, :, :, 0].mean(axis=1)
    np.testing.assert_allclose(data["lifespan"].values[0], np.repeat(lifetimes[:, None], 6, axis=1))


def test_a_run_goes_on_to_the_bit(tmp_path: Path) -> None:
    settings: list[Any] = ["agent.drives.sweet=[-1, 1]", "evolution.mutate.chance=1.0"]
    written = tmp_path / "dishes.toml"
    written.write_text(read(*settings).to_toml())
    whole = evosim.run(written, seed=1, out=tmp_path / "whole", figures=False)

    def stop(replicate: int, generation: int, score: float) -> bool:
        return generation >= 11

    stopped = evosim.run(written, seed=1, out=tmp_path / "cut", figures=False, on_generation=stop)
    assert not stopped.complete
    cut = evosim.resume(tmp_path / "cut")
    one, other = whole.data.load(), cut.data.load()
    assert float(one["kept_regret"].max()) > 0
    xr.testing.assert_identical(one.drop_attrs(deep=False), other.drop_attrs(deep=False))
    # A fork knows what was kept when it begins.
    forked = evosim.fork(whole, 12, out=tmp_path / "fork", figures=False).data.load()
    np.testing.assert_array_equal(forked["kept"], one["kept"])
    with pytest.raises(RunError, match="adversary"):
        evosim.fork(whole, 12, settings=["timeline.0.train=usual"], out=tmp_path / "no")


def test_regret_can_be_the_score_there() -> None:
    settings = ["evolution.score=regret", "agent.drives.sweet=[-1, 1]", f"{AT}.fresh=0.0"]
    data = evosim.simulate(read(*settings), seed=1, probes=False)
    worst = -data["score"].values[0]
    assert (worst >= -1e-4).all()
    assert worst.max() > 1.0


@pytest.mark.parametrize(
    ("settings", "key", "what"),
    [
        ([f"{AT}.environment=unusual"], "environment", "no such environment|unknown environment"),
        ([AT + ".ranges={ slip = [0, 2] }"], "slip", "at 2: "),
        ([AT + ".ranges={ slipp = [0, 1] }"], "slipp", "no such number.*slip"),
        ([AT + ".ranges={ slip = [1, 0] }"], "ranges", "slip has no range"),
        ([AT + ".ranges={}"], "ranges", "no ranges"),
        ([AT + ".ranges={ lifetime = [10.5, 20] }"], "lifetime", "whole numbers"),
        (["timeline.0.window=10"], "window", "whole lives"),
        (["measure.disjoint=true"], "disjoint", "known only when it is run"),
        ([f"{AT}.buffer=0"], "buffer", "out of range"),
        ([f"{AT}.buffr=3"], "buffr", "no such key|unknown key"),
    ],
)
def test_what_cannot_be_is_refused(settings: list[str], key: str, what: str) -> None:
    with pytest.raises(ScenarioError, match=what) as caught:
        read(*settings)
    assert any(problem.key.endswith(key) for problem in caught.value.problems)


def test_a_misspelt_adversary_is_told_as_one() -> None:
    with pytest.raises(ScenarioError, match=r"adversry.*did you mean 'adversary'"):
        read('timeline.0.train={ adversry = { environment = "usual" } }')


def test_counts_that_fit_alone_and_not_together_are_refused() -> None:
    counts = "{{ kinds = {{ good.count = [1, {n}], lure.count = [1, {n}] }} }}"
    wide = ['world.map="@..........."', "world.kinds.good.count=1", "world.kinds.lure.count=1"]
    assert read(*wide, f"{AT}.ranges={counts.format(n=5)}")
    told = r"at kinds.good.count = 8, kinds.lure.count = 8 together: more sites"
    with pytest.raises(ScenarioError, match=told):
        read(*wide, f"{AT}.ranges={counts.format(n=8)}")
