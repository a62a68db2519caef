"""A fork keeps the history and lives another future from it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import evosim
from evosim.engine.run_folder import RunFolder
from evosim.errors import RunError

Command = Callable[..., subprocess.CompletedProcess[str]]


def forked(parent: Path, out: Path, at: int, *sets: str, seed: int | None = None) -> evosim.Run:
    return evosim.fork(parent, at, settings=sets, seed=seed, out=out, figures=False)


def unlived(parent: Path, out: Path, at: int, *sets: str) -> Path:
    """A fork that has simulated nothing yet of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evosim.api.running._complete", lambda *_, **__: None)
        forked(parent, out, at, *sets)
    return out


slow = pytest.mark.slow


@pytest.mark.parametrize("at", [pytest.param(1, marks=slow), 3, pytest.param(5, marks=slow)])
def test_a_fork_that_changes_nothing_ends_as_its_parent(
    whole: Path, tmp_path: Path, at: int
) -> None:
    child = forked(whole, tmp_path / "fork", at)
    parent = evosim.open_run(whole)
    xr.testing.assert_equal(child.data, parent.data)
    for name in parent.data.variables:
        assert child.data[name].values.tobytes() == parent.data[name].values.tobytes()
    assert child.summary["flips"] == parent.summary["flips"]
    assert child.manifest["parent"]["at"] == at
    assert json.loads(child.data.attrs["provenance"])["parent"]["seed"] == 1


def test_a_fork_lives_on_in_the_changed_world_from_the_same_population(
    whole: Path, tmp_path: Path
) -> None:
    change = "environments.after.kinds.fruit.use.eat.yields.food=50.0"
    child = forked(whole, tmp_path / "fork", 4, change)
    old, new = evosim.open_run(whole).data, child.data
    history = {"generation": slice(0, 4)}
    for name in ("genome", "score", "payoff_total", "lifespan", "parents", "train"):
        xr.testing.assert_equal(new[name].isel(history), old[name].isel(history))
    born = {"generation": 4}
    for name in ("genome", "parents", "crossover"):
        xr.testing.assert_equal(new[name].isel(born), old[name].isel(born))
    np.testing.assert_allclose(new["payoff_total"].isel(born), 500 * old["payoff_total"].isel(born))
    assert (new["score"].isel(generation=5) != old["score"].isel(generation=5)).any()


def test_a_fork_with_another_seed_keeps_history_and_probe_levels(
    whole: Path, tmp_path: Path
) -> None:
    child = forked(whole, tmp_path / "fork", 3, seed=9)
    old, new = evosim.open_run(whole).data, child.data
    history = {"generation": slice(0, 3)}
    xr.testing.assert_equal(new["score"].isel(history), old["score"].isel(history))
    assert (new["score"].isel(generation=3) != old["score"].isel(generation=3)).any()
    assert new.attrs["seed"] == "9"
    xr.testing.assert_equal(new["optimal_payoff"], old["optimal_payoff"])
    assert child.manifest["seeds"] == [{"from": 0, "seed": 1}, {"from": 3, "seed": 9}]


def test_environments_of_a_fork_are_matched_by_name_and_nan_where_new(
    whole: Path, tmp_path: Path
) -> None:
    child = forked(
        whole,
        tmp_path / "fork",
        4,
        'environments.third={title="dark", lifetime=5}',
        'timeline=[{generations=3, train="before"}, {generations=1, train="after"}, '
        '{generations=3, train="third"}]',
    )
    new = child.data
    assert list(new["environment"].values) == ["before", "after", "third"]
    assert new.sizes["generation"] == 7
    assert list(new["probe"].values) == [0, 2, 3, 4, 6]
    evolved = new["capability"].sel(mind="evolved", environment="third")
    assert np.isnan(evolved.sel(probe=3)).all()
    old = evosim.open_run(whole).data
    then = {"probe": 2, "environment": ["before", "after"]}
    xr.testing.assert_equal(new["expected_payoff"].sel(then), old["expected_payoff"].sel(then))
    assert (new["train"].isel(generation=slice(4, 7)) == 2).all()
    assert [flip["generation"] for flip in child.summary["flips"]] == [3, 4]


def test_a_probe_that_the_new_timeline_needs_in_the_past_is_measured(
    whole: Path, tmp_path: Path
) -> None:
    # The parent probed 0, 2, 3, 4 and 5; every generation is wanted now.
    child = forked(whole, tmp_path / "fork", 4, "measure.every=1")
    assert list(child.data["probe"].values) == [0, 1, 2, 3, 4, 5]
    assert np.isfinite(child.data["expected_payoff"].sel(probe=1, mind="evolved")).all()


def test_a_run_can_go_on_beyond_its_end_in_a_fork(whole: Path, tmp_path: Path) -> None:
    longer = forked(whole, tmp_path / "fork", 6, "timeline.1.generations=5")
    straight = evosim.run(
        whole / "scenario.toml",
        seed=1,
        settings=["timeline.1.generations=5"],
        out=tmp_path / "straight",
        figures=False,
    )
    assert longer.data.sizes["generation"] == 8
    for name in ("genome", "score", "parents", "train", "expected_payoff"):
        at = {"probe": [0, 2, 3, 4, 6, 7]} if name == "expected_payoff" else {}
        xr.testing.assert_equal(longer.data[name].sel(at), straight.data[name].sel(at))


@slow
def test_an_unfinished_run_can_be_forked_where_it_was_lived(
    whole: Path, tmp_path: Path, tiny: Path
) -> None:
    evosim.run(
        tiny, seed=1, out=tmp_path / "unfinished", figures=False, workers=1,
        on_generation=lambda replicate, generation, score: generation == 3,
    )  # fmt: skip
    child = forked(tmp_path / "unfinished", tmp_path / "fork", 3)
    xr.testing.assert_equal(child.data, evosim.open_run(whole).data)
    with pytest.raises(
        RunError, match=r"can be forked at generations 1 to 3 \(4 of 6 done so far\)"
    ):
        forked(tmp_path / "unfinished", tmp_path / "other", 4)


@pytest.mark.parametrize(
    ("at", "sets", "message"),
    [
        (0, (), r"at=0: .*a new run is evosim\.run\("),
        (7, (), "can be forked at generations 1 to 5, or at 6 with a longer"),
        (6, (), r"nothing is left to simulate.*timeline\.1\.generations"),
        (4, ("evolution.population=10",), "evolution.population was 20"),
        (4, ("evolution.levels=5",), "evolution.levels was 2"),
        (4, ("measure.sample=5",), "measure.sample was 4"),
        (4, ("agent.depth=2",), "the loci were .* and cannot become"),
        (4, ("agent.depth=[0, 9]",), "the loci were .* and cannot become"),
        (4, ("timeline.0.train=after",), "generation 0 is history.*train"),
        (4, ("timeline.0.generations=4",), "generation 3 is history.*train"),
        (4, ("timeline.0.select=false",), "generation 0 is history.*select True -> False"),
        (4, ("timeline.1.window=3",), "generation 3 is history.*window None -> 3"),
    ],
)
def test_a_fork_that_contradicts_the_history_is_refused(
    whole: Path, tmp_path: Path, at: int, sets: tuple[str, ...], message: str
) -> None:
    with pytest.raises(RunError, match=message):
        forked(whole, tmp_path / "fork", at, *sets)
    assert list(tmp_path.iterdir()) == []


@slow
def test_a_fork_of_a_fork_knows_all_seeds_and_lives_replay_by_them(
    whole: Path, tmp_path: Path
) -> None:
    one = forked(whole, tmp_path / "one", 2, seed=5)
    two = forked(one.path, tmp_path / "two", 4, seed=6)
    assert [s["seed"] for s in two.manifest["seeds"]] == [1, 5, 6]
    parent = evosim.open_run(whole)
    gifs = [
        run.replay(generation=1, out=tmp_path / f"{i}.gif") for i, run in enumerate((parent, two))
    ]
    assert gifs[0] is not None
    assert gifs[1] is not None
    assert gifs[0].read_bytes() == gifs[1].read_bytes()


@slow
def test_the_command_forks(whole: Path, command: Command, tmp_path: Path) -> None:
    done = command(
        "fork", whole, "--at", 3, "--set", "timeline.1.select=false", "--no-figures", "--json"
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["parent"]["sets"] == ["timeline.1.select=false"]
    child = evosim.open_run(tmp_path / "runs" / "tiny-1-at-3")
    assert child.complete
    genome = child.data["genome"].isel(replicate=0)
    assert (genome.isel(generation=3) == genome.isel(generation=5)).all()


def test_a_life_of_the_history_is_replayed_in_the_world_it_was_lived_in(
    whole: Path, tmp_path: Path
) -> None:
    harsh = "world.variables.energy.start=1"
    one = unlived(whole, tmp_path / "one", 4, harsh)
    two = unlived(one, tmp_path / "two", 3, harsh, "world.lifetime=5")
    for path in (one, two):
        assert [p.name for p in sorted((path / "history").iterdir())] == ["000000.toml"]
    gifs = [
        evosim.open_run(path).replay(generation=1, out=tmp_path / f"{path.name}.gif")
        for path in (whole, one, two)
    ]
    assert len({gif.read_bytes() for gif in gifs if gif is not None}) == 1
    shutil.rmtree(two / "history")
    with pytest.raises(RunError, match=f"was not kept; ask .*{one}"):
        evosim.open_run(two).replay(generation=1, out=tmp_path / "no.gif")


def test_a_fork_of_a_fork_keeps_a_scenario_for_each_part_of_its_history(
    whole: Path, tmp_path: Path
) -> None:
    one = evosim.fork(whole, 2, settings=["world.lifetime=9"], out=tmp_path / "one", figures=False)
    two = RunFolder(unlived(one.path, tmp_path / "two", 4, "world.lifetime=7"))
    lifetimes = [two.scenario_at(g).world.lifetime for g in range(6)]
    assert lifetimes == [20, 20, 9, 9, 7, 7]


@pytest.fixture
def parent(whole: Path, tmp_path: Path) -> Path:
    """A run that may be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "parent"))


def assert_same(one: Path, other: Path) -> None:
    """The data of two runs are equal to the bit."""
    first, second = evosim.open_run(one).data, evosim.open_run(other).data
    assert set(first.variables) == set(second.variables)
    for name in first.variables:
        assert first[name].values.tobytes() == second[name].values.tobytes()


def test_a_fork_holds_a_link_until_it_is_complete_and_all_data_after(
    parent: Path, tmp_path: Path
) -> None:
    child = unlived(parent, tmp_path / "fork", 4, "world.lifetime=9")
    assert not list(child.rglob("*.npz"))
    assert RunFolder(child).generations_done(0) == 4
    half = evosim.open_run(child).data
    xr.testing.assert_equal(half["score"], evosim.open_run(parent).data["score"][:, :4])
    evosim.resume(child)
    assert_same(child, forked(parent, tmp_path / "at_once", 4, "world.lifetime=9").path)
    shutil.rmtree(parent)
    assert evosim.open_run(child).data.sizes["generation"] == 6
    assert evosim.resume(child).complete


def test_a_fork_finds_its_parent_where_both_or_the_fork_alone_were_moved(
    parent: Path, tmp_path: Path
) -> None:
    whole_fork = forked(parent, tmp_path / "at_once", 4, "world.lifetime=9").path
    unlived(parent, tmp_path / "fork", 4, "world.lifetime=9")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    alone = tmp_path / "deep" / "down" / "fork"
    shutil.copytree(tmp_path / "fork", alone)
    assert_same(evosim.resume(alone).path, whole_fork)
    for name in ("fork", "parent"):
        (tmp_path / name).rename(tmp_path / "deep" / name)
    assert_same(evosim.resume(tmp_path / "deep" / "fork").path, whole_fork)


@pytest.mark.parametrize("how", ["gone", "another", "damaged"])
def test_a_fork_whose_parent_is_not_what_it_was_is_refused_and_nothing_removed(
    parent: Path, tmp_path: Path, tiny: Path, how: str
) -> None:
    child = unlived(parent, tmp_path / "fork", 4, "world.lifetime=9")
    aside = tmp_path / "aside"
    shutil.copytree(parent, aside)
    message = f"its history .* is that of {parent}, which is gone or is another run now.*fork"
    if how == "damaged":
        (parent / "run.nc").write_bytes(b"no data")
        message = "parent/run.nc cannot be read"
    else:
        shutil.rmtree(parent)
    if how == "another":
        evosim.run(tiny, seed=2, out=parent, figures=False)
    before = {p: p.read_bytes() for p in child.rglob("*") if p.is_file()}
    with pytest.raises(RunError, match=message):
        evosim.resume(child)
    after = {p: p.read_bytes() for p in child.rglob("*") if p.is_file() and p.name != ".lock"}
    after = {p: data for p, data in after.items() if p.name != "run.json"}  # resumed, it says
    assert after.items() <= before.items()
    assert len(after) == len(before) - 1
    shutil.rmtree(parent, ignore_errors=True)
    aside.rename(parent)
    evosim.resume(child)
    assert_same(child, forked(parent, tmp_path / "at_once", 4, "world.lifetime=9").path)


def as_older_evosim_made_it(path: Path) -> Path:
    """A fork that holds its history in chunks of its own, one for each generation."""
    folder = RunFolder(path)
    for file in folder.chunk_files(0):
        later = {"next_population": folder.population_after(file)}
        folder.write(0, folder.read(file)._replace(**later))
    del folder.manifest["history"]
    (path / "run.json").write_text(json.dumps(folder.manifest))
    return path


@pytest.mark.parametrize("how", ["torn", "missing", "no run.nc"])
def test_a_fork_of_an_older_evosim_whose_history_is_not_whole_is_refused_and_nothing_removed(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("evosim.engine.run_folder._PIECE", 1)  # a piece for each generation
    child = as_older_evosim_made_it(unlived(whole, tmp_path / "fork", 4, "world.lifetime=9"))
    kept = shutil.copytree(child, tmp_path / "kept")
    file = child / "replicates" / "000" / "000001-000001.npz"
    if how == "torn":
        file.write_bytes(file.read_bytes()[:-9])
        message = f"{file} is damaged.*fork {whole} again at generation 4"
    elif how == "missing":
        file.unlink()
        message = f"000001-.*npz is missing.*fork {whole} again at generation 4"
    else:
        shutil.rmtree(child / "replicates")
        message = f"000000-.*npz is missing.*fork {whole} again at generation 4"
    before = {p: p.read_bytes() for p in child.rglob("*") if p.is_file()}
    with pytest.raises(RunError, match=message):
        evosim.resume(child)
    with pytest.raises(RunError, match=message):
        RunFolder(child).tidy(0)
    after = {p: p.read_bytes() for p in child.rglob("*") if p.is_file() and p.name != ".lock"}
    assert after == before
    evosim.resume(kept)
    assert_same(kept, forked(whole, tmp_path / "now", 4, "world.lifetime=9").path)


def test_the_figure_of_a_life_of_the_history_is_in_the_world_it_was_lived_in(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = unlived(whole, tmp_path / "fork", 4, "world.lifetime=9")
    drawn = []
    monkeypatch.setattr("evosim.plot.draw", lambda *_, episode, **__: drawn.append(episode))
    evosim.open_run(child).plot("level")
    assert [episode.environment.lifetime for episode in drawn[0]] == [20, 20]
