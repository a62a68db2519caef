"""Which levels are the same, and what trained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import evosim
from evosim import describe, world
from evosim.errors import EvosimError, RunError, ScenarioError
from evosim.metrics import leakage
from evosim.metrics.leakage import Drawn
from evosim.rng import Purpose, key
from evosim.scenario import Scenario, loads
from evosim.scenario.check_placement import count_layouts
from evosim.starter import starter

SMALL = (
    "evolution.population=6", "evolution.levels=2", "measure.levels=4", "measure.sample=2",
    "timeline.0.generations=3", "timeline.1.generations=3", "verdict.resamples=50",
)  # fmt: skip
TIGHT = ("world.rows=2", "world.cols=2", "world.kinds.fruit.count=1", "world.kinds.thorn.count=0",
         "environments.shop.kinds.candy.count=1")  # fmt: skip


def made(*sets: str) -> Scenario:
    return loads(starter("mine"), settings=[*SMALL, *sets])


def run(folder: Path, *sets: str, replicates: int = 1, seed: int = 1) -> evosim.Run:
    return evosim.run(
        made(*sets), seed=seed, replicates=replicates, out=folder / "run", workers=1,
        figures=False, progress=False,
    )  # fmt: skip


def pictures(scenario: Scenario, environment: str, seeds: Sequence[int]) -> list[tuple[str, ...]]:
    """Each level as a picture of its cells: the slow way to tell which are the same."""
    here = scenario.environment(environment)
    found = []
    for seed in seeds:
        slots, start = world.draw_level(scenario, environment, seed)
        cells = [here.slots[slot].kind if slot >= 0 else "" for slot in slots]
        found.append((*cells, str(start)))
    return found


def test_levels_are_the_same_where_their_pictures_are():
    scenario = made(*TIGHT)
    seeds = range(60)
    drawn = leakage.layouts(scenario, "orchard", seeds)
    seen = pictures(scenario, "orchard", seeds)
    equal = np.array([[a == b for b in seen] for a in seen])
    assert (leakage.same(scenario, drawn, drawn) == equal).all()
    assert 60 < equal.sum() < 60 * 60
    levels = [Drawn(0, i, "orchard", seed) for i, seed in enumerate(seeds)]
    assert leakage.distinct(scenario, levels) == {"orchard": len(set(seen))}


def test_sites_of_a_kind_that_regrows_are_alike():
    scenario = made(*TIGHT, "world.kinds.fruit.count=2", "world.kinds.fruit.regrow=0.1")
    drawn = leakage.layouts(scenario, "orchard", range(60))
    seen = pictures(scenario, "orchard", range(60))
    equal = np.array([[a == b for b in seen] for a in seen])
    assert (leakage.same(scenario, drawn, drawn) == equal).all()


def test_one_seed_gives_the_same_level_in_environments_that_share_their_kinds():
    scenario = made()
    ours, theirs = (leakage.layouts(scenario, name, range(40)) for name in ("orchard", "shop"))
    assert (leakage.same(scenario, ours, theirs) == np.eye(40, dtype=bool)).all()


def test_of_a_kind_that_one_environment_has_more_of_the_fewer_must_be_among_the_more():
    scenario = made("environments.shop.kinds.fruit.count=5")
    ours, theirs = (leakage.layouts(scenario, name, range(30)) for name in ("orchard", "shop"))
    assert (leakage.same(scenario, ours, theirs) == np.eye(30, dtype=bool)).all()
    assert (leakage.same(scenario, theirs, ours) == np.eye(30, dtype=bool)).all()


@pytest.mark.parametrize(
    "change", ["environments.shop.rows=6", "environments.shop.edges=torus", "nothing in common"]
)
def test_other_walls_or_nothing_in_common_make_other_levels(change: str):
    sets = [change]
    if change == "nothing in common":
        sets = [f"environments.shop.kinds.{kind}.count=0" for kind in ("fruit", "thorn")]
    scenario = made(*sets)
    drawn = [leakage.layouts(scenario, name, range(20)) for name in ("orchard", "shop")]
    assert not leakage.same(scenario, *drawn).any()


def test_the_first_level_that_was_seen_is_told():
    scenario = made()
    training = [Drawn(g, i, "orchard", 10 * g + i) for g in range(4) for i in range(2)]
    asked = [Drawn(0, 0, "shop", 99), Drawn(0, 1, "shop", 21), Drawn(0, 2, "orchard", 30)]
    late = [*training, Drawn(9, 0, "shop", 21)]
    assert leakage.seen(scenario, asked, late) == [None, training[5], training[6]]
    assert leakage.seen(scenario, asked, []) == [None] * 3


def test_comparing_by_the_piece_is_comparing_at_once(monkeypatch: pytest.MonkeyPatch):
    scenario = made(*TIGHT)
    training = [Drawn(i, 0, "orchard", i) for i in range(20)]
    asked = [Drawn(0, i, "shop", 1000 + i) for i in range(20)]
    whole = leakage.seen(scenario, asked, training)
    assert any(whole)
    monkeypatch.setattr(leakage, "CHUNK", 3)
    assert leakage.seen(scenario, asked, training) == whole


def test_deployment_begins_where_selection_ends_or_the_mixture_changes():
    assert leakage.deployment_start(made()) == 3
    assert leakage.deployment_start(made("timeline.1.train=orchard")) is None
    assert (
        leakage.deployment_start(made("timeline.1.train=orchard", "timeline.1.select=false")) == 3
    )
    levels = [Drawn(g, 0, "orchard", g) for g in range(6)]
    assert leakage.trained(made("timeline.1.select=false"), levels) == levels[:3]
    assert leakage.trained(made(), levels) == levels


def test_the_levels_that_are_possible_are_counted():
    orchard = made(*TIGHT).environment("orchard")
    # One fruit on four cells, and three to start on.
    assert count_layouts(orchard) == 12
    seen = set(pictures(made(*TIGHT), "orchard", range(400)))
    assert len(seen) == 12
    shop = made(*TIGHT).environment("shop")
    assert count_layouts(shop) == 4 * 3 * 2
    with_region = made(*TIGHT, "world.kinds.fruit.region={rows=[0, 0], cols=[0, 1]}")
    assert count_layouts(with_region.environment("orchard")) == 2 * 3


def test_a_maze_makes_other_levels():
    maze = made(*TIGHT, "world.maze=0.5")
    assert count_layouts(maze.environment("orchard")) == 12 * 2**4
    levels = [Drawn(0, i, "orchard", i) for i in range(1500)]
    # One of the four passages of 2 x 2 cells may be closed.
    assert leakage.distinct(maze, levels) == {"orchard": 12 * 5}
    assert leakage.seen(maze, levels[:1], levels) == levels[:1]
    fixed = made(*TIGHT)
    assert leakage.distinct(fixed, levels) == {"orchard": 12}


def test_a_run_with_disjoint_levels_is_lived_and_one_without_is_refused(tmp_path: Path):
    assert run(tmp_path, "measure.disjoint=true").complete
    with pytest.raises(RunError) as refused:
        run(tmp_path / "tight", *TIGHT, "measure.disjoint=true", replicates=2)
    message = str(refused.value)
    assert "measure.disjoint = true, and with seed 1 that is not so" in message
    assert "'orchard' has 12 different levels at most, and 12 are drawn to train" in message
    assert "leave measure.disjoint out" in message
    assert not (tmp_path / "tight").exists()
    assert run(tmp_path / "tight", *TIGHT).complete


def test_deployment_levels_are_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Probes that meet nothing leave the flip to be refused for."""
    monkeypatch.setattr(leakage, "probes", lambda scenario, seed: [])
    with pytest.raises(RunError, match=r"the first: level of deployment \d of generation [345]"):
        run(tmp_path, *TIGHT, "measure.disjoint=true", "evolution.levels=8")


def test_the_levels_that_are_checked_are_those_that_are_lived(tmp_path: Path):
    """Of a mixture, and in a fork by the seed of its own generations."""
    from evosim.engine.evaluation import environments_of
    from evosim.engine.loop import replicate_seed
    from evosim.metrics import leakage

    scenario = made("timeline.0.train={orchard=0.5, shop=0.5}")
    seeds = [{"from": 0, "seed": 1}, {"from": 2, "seed": 7}]
    levels = leakage._timeline_levels(scenario, seeds, 1)
    assert len(levels) == 6 * 2
    for (generation, level), drawn in zip(product(range(6), range(2)), levels, strict=True):
        seed = replicate_seed(1 if generation < 2 else 7, 1)
        assert drawn == Drawn(
            generation,
            level,
            environments_of(scenario, generation, seed)[level],
            key(seed, Purpose.LEVEL, generation, level),
        )


def test_a_map_that_fixes_everything_cannot_be_disjoint():
    drawn_map = 'map = """\n@..\n.f.\n"""\n'
    text = starter("mine").replace("rows     = 5\ncols     = 5\n", drawn_map)
    sets = [f"world.kinds.{kind}.count=0" for kind in ("fruit", "thorn")]
    with pytest.raises(ScenarioError) as refused:
        loads(text, settings=[*SMALL, *sets, "measure.disjoint=true"])
    (problem,) = refused.value.problems
    assert problem.key == "measure.disjoint"
    assert 'environment "orchard" has one level only' in problem.message


def test_a_scenario_that_does_not_say_so_is_written_as_before():
    assert "disjoint" not in made().to_toml()
    assert "disjoint = true" in made("measure.disjoint=true").to_toml()


def test_the_description_of_a_scenario_says_so():
    assert "on 4 levels that are not used in training" in describe._evolution(
        made("measure.disjoint=true")
    )
    assert "on 4 levels, 2 individuals" in describe._evolution(made())


def test_a_fork_is_looked_at_by_its_own_generations_and_its_parents_probes(tmp_path: Path):
    parent = run(tmp_path, *TIGHT)
    child = parent.fork(3, seed=9, out=tmp_path / "fork", figures=False, progress=False)
    found = evosim.analyse(child, "leakage")
    assert [row["what"] for row in found.summary["rows"]] == ["probe", "probe"]
    assert "Only generations from 3 on" in found.text
    scenario, lives = child.scenario, key(9, Purpose.REPLICATE, 0)
    trained = [key(lives, Purpose.LEVEL, g, level) for g in range(3, 6) for level in range(2)]
    probes = [key(key(1, Purpose.REPLICATE, 0), Purpose.PROBE, i) for i in range(4)]
    known = set(pictures(scenario, "shop", trained))
    (same,) = found.summary["rows"][1]["same"]
    assert same == sum(one in known for one in pictures(scenario, "shop", probes))


def test_the_analysis_counts_what_was_seen(tmp_path: Path):
    done = run(tmp_path, *TIGHT, replicates=2)
    found = evosim.analyse(done, "leakage")
    rows = {(row["environment"], row["what"]): row for row in found.summary["rows"]}
    assert list(rows) == [("orchard", "probe"), ("shop", "probe"), ("shop", "deployment")]
    assert rows["shop", "deployment"]["levels"] == [6, 6]
    training = found.summary["training"]
    assert training["orchard"]["drawn"] == [6, 6]
    assert training["orchard"]["possible"] == 12
    for replicate in range(2):
        seed = key(1, Purpose.REPLICATE, replicate)
        seeds = [key(seed, Purpose.LEVEL, g, level) for g in range(3) for level in range(2)]
        different = set(pictures(done.scenario, "orchard", seeds))
        assert training["orchard"]["different"][replicate] == len(different)
    assert sum(rows["orchard", "probe"]["same"]) > 0
    assert "Share of probe levels" in found.text
    assert "12 possible at most" in found.text
    (path,) = found.plot(folder=tmp_path, formats=["svg"])
    assert path.stat().st_size > 1000


def test_without_training_there_is_nothing_to_overlap_with(tmp_path: Path):
    done = run(tmp_path, "timeline.0.select=false", "timeline.1.select=false")
    with pytest.raises(EvosimError, match="selection acts in none of them"):
        evosim.analyse(done, "leakage")


def test_the_levels_of_a_large_maze_are_counted_in_words(tmp_path: Path):
    maze = ("world.rows=40", "world.cols=40", "world.maze=0.3", "world.lifetime=4",
            "agent.depth=[0, 1]", "measure.levels=1", "measure.sample=1")  # fmt: skip
    done = evosim.analyse(run(tmp_path, *maze), "leakage")
    possible = done.summary["training"]["orchard"]["possible"]
    assert isinstance(possible, str)
    assert possible[1] == "."
    assert int(possible.partition("e+")[2]) > 900
    assert f"{possible} possible at most" in done.text
