"""Families of worlds: draws, arms in worlds, effects over worlds, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_experiment import EXPERIMENT

import evosim
from evosim import scenario, world
from evosim.cli import cli
from evosim.errors import EvosimError, ScenarioError
from evosim.metrics.hypotheses import Conditions, WeightedTerm
from evosim.metrics.query import Query
from evosim.rng import Purpose, key
from evosim.scenario import Scenario, loads, words
from evosim.scenario.family import Family
from evosim.scenario.settings import as_mapping
from evosim.stats import hierarchy
from evosim.stats.intervals import Bootstrap
from evosim.study import design, families

FAMILY = """
[family]
worlds     = 3
replicates = 2

[[family.draw]]
key     = "world.slip"
uniform = [0.0, 0.4]

[[family.draw]]
key   = "evolution.levels"
whole = [1, 2]
"""


def read(family: str = FAMILY) -> Scenario:
    return loads(EXPERIMENT + family)


def test_a_draw_is_within_its_range_and_takes_all_of_it() -> None:
    shares = np.linspace(0, 1, 1000, endpoint=False)
    drawn = Family(draw=[
        {"key": "a", "uniform": [2.0, 3.0]},
        {"key": "b", "log": [0.01, 100.0]},
        {"key": "c", "whole": [-1, 1]},
        {"key": "d", "choice": [{"x": 1}, "text", 3]},
    ]).draw  # fmt: skip
    uniform, log, whole, choice = ([one.value(share) for share in shares] for one in drawn)
    assert min(uniform) == 2.0
    assert 2.99 < max(uniform) < 3.0
    assert np.median(log) == pytest.approx(1.0, rel=0.02)
    assert [whole.count(v) for v in (-1, 0, 1)] == [334, 333, 333]
    assert [choice.count(v) for v in ({"x": 1}, "text", 3)] == [334, 333, 333]


def test_a_world_is_the_same_whatever_others_there_are() -> None:
    family = read().family
    assert family is not None
    worlds = [family.settings(5, w) for w in range(4)]
    assert worlds[2] == family.settings(5, 2) != family.settings(6, 2)
    assert len({str(w) for w in worlds}) == 4
    fewer = Family(draw=family.draw[:1])
    assert fewer.settings(5, 2)["world.slip"] == worlds[2]["world.slip"]


def test_keys_of_one_draw_get_one_value() -> None:
    family = Family(draw=[{"key": ["a", "b"], "uniform": [0.0, 1.0]}])
    found = family.settings(1, 0)
    assert found["a"] == found["b"]


def test_arms_are_paired_within_a_world_and_worlds_are_not() -> None:
    scenario = read()
    found = design.conditions(scenario, worlds=3, seed=9)
    arms = list(scenario.experiment.arms)  # type: ignore[union-attr]
    assert [c.key for c in found] == [f"world-{w:03d}-{arm}" for w in range(3) for arm in arms]
    assert {c.replicates for c in found} == {2}
    seeds = {(c.world, c.seed(9, 0)) for c in found}
    assert len(seeds) == 3
    assert (1, key(9, Purpose.WORLD, 1)) in seeds
    slips = [c.scenario(scenario).world.slip for c in found]
    assert slips[0] == slips[1] != slips[len(arms)]
    assert all(c.scenario(scenario).family is None for c in found)


def test_only_arms_that_the_claim_rests_on_are_run_over_worlds() -> None:
    smart = scenario.load("smart")
    over = {c.values["arm"] for c in design.conditions(smart, worlds=2, seed=9)}
    experiment = design.experiment_of(smart)
    counted = [f for f in experiment.findings if not f.secondary]
    assert over == {arm for f in counted for arm in design.arms_of(f, experiment)}
    assert over < set(experiment.arms)


def test_a_family_changes_nothing_of_the_scenario_itself() -> None:
    assert words.fingerprint(EXPERIMENT) == words.fingerprint(EXPERIMENT + FAMILY)
    assert words.promise(EXPERIMENT) == words.promise(EXPERIMENT + FAMILY)


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (FAMILY.replace("world.slip", "worlds.slip"), "nothing is there"),
        (FAMILY.replace("evolution.levels", "world.slip"), "drawn twice"),
        (FAMILY.replace("[0.0, 0.4]", "[0.4, 0.4]"), "no range"),
        (FAMILY.replace("whole = [1, 2]", "whole = [1, 2.5]"), "not whole numbers"),
        (FAMILY.replace("uniform = [0.0, 0.4]", ""), "not one distribution"),
        (FAMILY.replace("uniform = [0.0, 0.4]", "log = [0.0, 0.4]"), "a logarithm of what"),
        (FAMILY.replace("world.slip", "environments.nowhere.slip"), "nowhere"),
        (FAMILY.replace(
            "[family]", '[family]\npull = {lure="a.b", goal="c.d", where="nowhere"}'), "nowhere"),
    ],
)  # fmt: skip
def test_each_mistake_is_told(family: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read(family)


def test_a_key_that_no_world_can_have_is_told_before_anything_is_run(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(EXPERIMENT + FAMILY.replace("world.slip", "world.slop"))
    with pytest.raises(ScenarioError, match="slop"):
        evosim.check(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (FAMILY.replace("[family]", '[family]\npull = {lure="fruit.eta", goal="lime.eat", '
                        'where="after"}'), "family.pull: .*no event 'fruit.eta'; did you mean"),
        (FAMILY.replace("world.slip", "world.kinds.fruit.count").replace("evolution.levels",
         "world.kinds.lime.count").replace("uniform = [0.0, 0.4]", "whole = [4, 7]")
         .replace("[1, 2]", "[4, 7]"), "family.draw: world . of seed 1: .*more sites"),
    ],
)  # fmt: skip
def test_what_is_wrong_of_all_worlds_is_told_before_anything_is_run(
    tmp_path: Path, family: str, message: str
) -> None:
    (tmp_path / "mine.toml").write_text(EXPERIMENT + family)
    with pytest.raises(ScenarioError, match=message):
        evosim.check(tmp_path / "mine.toml")


def test_a_mistake_of_the_scenario_is_not_told_again_of_each_draw() -> None:
    told = CliRunner().invoke(cli, ["run", "strawberry", "--arms", "--set", "world.rows=1"])
    assert told.output.count("more sites than free cells") == 1


def test_what_a_setting_takes_away_is_not_drawn() -> None:
    family = scenario.load("detour", {"world.kinds.thorn.here": {}}).family
    assert family is not None
    keys = {key for draw in family.draw for key in draw.keys}
    assert "world.lifetime" in keys
    assert not any("thorn.here" in key for key in keys)


def test_a_scenario_without_a_family_has_no_worlds(tmp_path: Path) -> None:
    with pytest.raises(EvosimError, match=r"no \[family\]"):
        evosim.experiment(loads(EXPERIMENT), seed=1, worlds=2, out=tmp_path / "x")
    with pytest.raises(EvosimError, match="a family has other values already"):
        evosim.experiment(read(), seed=1, worlds=2, tuned=True, out=tmp_path / "x")
    with pytest.raises(EvosimError, match="worlds=1: one world says nothing of others"):
        evosim.experiment(read(), seed=1, worlds=1, out=tmp_path / "x")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> evosim.Experiment:
    path = tmp_path_factory.mktemp("families") / "worlds"
    return evosim.experiment(read(), seed=9, worlds=3, out=path, workers=1)


def test_an_experiment_over_worlds_has_its_verdict_and_figure(done: evosim.Experiment) -> None:
    summary = done.summary
    assert summary["worlds"] == 3
    assert summary["drawn"]["world.slip"] == [
        read().family.settings(9, w)["world.slip"]
        for w in range(3)  # type: ignore[union-attr]
    ]
    for finding in summary["findings"]:
        effects = np.array(finding["worlds"]["effects"], float)
        assert effects.shape == (3, 2)
        assert finding["value"] == pytest.approx(effects.mean())
    assert "over 3 worlds x 2 replicates" in done.verdict
    assert [path.name for path in done.figures if "family" in path.name]
    assert families.describe(summary) == done.verdict
    with pytest.raises(EvosimError, match="figure family shows their effects"):
        done.figure("findings")


def test_an_effect_is_that_of_the_runs_and_a_world_can_be_run_alone(
    done: evosim.Experiment, tmp_path: Path
) -> None:
    scenario = read()
    condition = design.conditions(scenario, worlds=3, seed=9)[0]
    alone = evosim.run(
        condition.scenario(scenario), seed=key(9, Purpose.WORLD, 0), replicates=2,
        out=tmp_path / "alone", figures=False, workers=1,
    )  # fmt: skip
    same = done.arms[condition.key]
    np.testing.assert_array_equal(alone.data["score"].values, same.data["score"].values)


def test_a_family_that_was_stopped_is_resumed(done: evosim.Experiment) -> None:
    done.summary_path.unlink()
    again = evosim.resume(done.path, workers=1, progress=False)
    assert isinstance(again, evosim.Experiment)
    assert again.summary["findings"] == done.summary["findings"]


def test_the_command_shows_and_runs_a_world(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(EXPERIMENT + FAMILY)
    shown = CliRunner().invoke(cli, ["show", str(tmp_path / "mine.toml"), "--world", "1"])
    assert shown.exit_code == 0, shown.output
    wrong = CliRunner().invoke(cli, ["run", str(tmp_path / "mine.toml"), "--world", "1", "--arms"])
    assert wrong.exit_code
    assert "leave out --arms" in wrong.output


# Statistics: known answers


def test_the_interval_over_worlds_is_wider_than_over_replicates_taken_for_worlds() -> None:
    """Five worlds that differ, twenty replicates that do not: what is known is of five numbers."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (5, 1)) + rng.normal(0, 0.01, (5, 20))
    over = hierarchy.mean(values, Bootstrap(key=2))
    flat = hierarchy.mean(values.reshape(-1, 1), Bootstrap(key=2))
    assert over.value == pytest.approx(flat.value)
    assert over.interval is not None
    assert flat.interval is not None
    assert np.ptp(over.interval) > 3 * np.ptp(flat.interval)
    # What resampling five means gives, whose replicates add nothing.
    width = 2 * 1.96 * values.mean(axis=1).std() / np.sqrt(5)
    assert np.ptp(over.interval) == pytest.approx(width, rel=0.15)


@pytest.mark.slow
def test_the_interval_over_worlds_covers_the_mean() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for n in range(300):
        values = rng.normal(0, 1, (40, 1)) + rng.normal(0, 1, (40, 3))
        low, high = hierarchy.mean(values, Bootstrap(key=n, resamples=400)).interval or (0, 0)
        covered += low <= 0 <= high
    # 95 % give or take four standard errors of 300 trials; resampling both levels is a little wide.
    assert 0.90 <= covered / 300 <= 1.0


def test_components_are_those_that_were_put_in() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(0, 2, (4000, 1)) + rng.normal(0, 1, (4000, 3))
    found = hierarchy.components(values)
    assert found.between == pytest.approx(4.0, rel=0.1)
    assert found.within == pytest.approx(1.0, rel=0.1)
    assert found.share == pytest.approx(0.8, abs=0.02)


def test_a_line_is_judged_by_worlds_that_it_was_not_fitted_to() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=30)
    y = 2 * x + rng.normal(size=30)
    fit = hierarchy.predict(x, y)
    missed, mean_missed = [], []
    for i in range(30):
        rest = np.delete(np.arange(30), i)
        slope, intercept = np.polyfit(x[rest], y[rest], 1)
        missed.append(y[i] - slope * x[i] - intercept)
        mean_missed.append(y[i] - y[rest].mean())
    expected = 1 - np.square(missed).sum() / np.square(mean_missed).sum()
    assert fit.explained == pytest.approx(expected)
    noise = [hierarchy.predict(rng.normal(size=20), rng.normal(size=20)).explained
             for _ in range(40)]  # fmt: skip
    assert np.mean(noise) < 0.0


def test_undefined_replicates_and_worlds_are_left_out() -> None:
    values = [[1.0, np.nan], [np.nan, np.nan], [3.0, 5.0]]
    found = hierarchy.mean(values, Bootstrap(key=1))
    assert (found.value, found.n, found.n_undefined) == (2.5, 2, 1)


def test_a_world_that_alone_decides_the_line_leaves_nothing_explained() -> None:
    """All others have the same pull: without it there is no line, and the text says so."""
    fit = hierarchy.predict([0.0, 0.0, 0.0, 1.0], [1.0, 2.0, 3.0, 4.0])
    assert fit.slope == pytest.approx(2.0)
    assert np.isnan(fit.explained)
    assert np.isfinite(fit.spearman)
    finding = {
        "verdict": "supported", "says": "it", "secondary": False, "threshold": {"above": 0.0},
        "value": 2.5, "interval": [1.0, 4.0],
        "worlds": {
            "holds": 4, "of": 4, "share": {"value": 1.0, "interval": [0.4, 1.0]}, "between": None,
            "within": None, "predictor": {"spearman": fit.spearman, "explained": None},
        },
    }  # fmt: skip
    finding["worlds"]["effects"] = [[1.0], [2.0], [3.0], [4.0]]
    summary = {"verdict": "supported", "claim": "it", "worlds": 4, "replicates": 1,
               "confidence": 0.95, "findings": [finding]}  # fmt: skip
    assert families.describe(summary).splitlines()[-2].endswith(f"correlation {fit.spearman:.2f}")


def test_the_world_that_is_shown_is_that_of_the_seed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(EXPERIMENT + FAMILY)
    family = read().family
    assert family is not None
    for seed in (0, 3):
        shown = CliRunner().invoke(
            cli, ["show", str(tmp_path / "mine.toml"), "--world", "1", "--seed", str(seed)]
        )
        assert f"world.slip={family.settings(seed, 1)['world.slip']}" in shown.output


SHIPPED = [name for name in scenario.catalogue() if scenario.load(name).family]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999], ids=["lowest", "middle", "highest"])
@pytest.mark.parametrize("name", SHIPPED)
def test_every_arm_fits_the_ends_of_a_shipped_family(name: str, share: float) -> None:
    """Settings apply, sites have room, and the events of the pull are there."""
    written = scenario.load(name)
    family, experiment = design.family_of(written), design.experiment_of(written)
    drawn = {key: draw.value(share) for draw in family.draw for key in draw.keys}
    for arm in experiment.arms.values():
        made = design.changed(written, as_mapping(drawn, experiment.set, arm.set))
        for where in made.environments:
            world.draw_level(made, where, seed=0)
        assert np.isfinite(families.pull(made, written)) == (family.pull is not None)


def test_a_measure_of_several_replicates_has_one_number_in_a_world(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Two means that differ by 2 have variance 2; each replicate has variance 2 within it.
    columns = (np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    monkeypatch.setattr(families.hypotheses, "columns_of", lambda *_: columns)
    term = WeightedTerm(1.0, "effect", Query(measure="between"))
    np.testing.assert_allclose(families.effect([term], {}), [0.5, 0.5])


def test_a_map_of_several_lines_can_be_drawn() -> None:
    family = """
[family]

[[family.draw]]
key    = "world.map"
choice = ["a.\\n.@", "a..\\n..@"]
"""
    drawn = read(family).family
    assert drawn is not None
    assert {drawn.settings(1, w)["world.map"] for w in range(9)} == {"a.\n.@", "a..\n..@"}


def test_the_chance_of_a_kind_not_seen_is_the_share_of_those_seen_once() -> None:
    """Good 1953: known answers, and the chance that is covered where it is known."""
    assert hierarchy.unseen("abcd", Bootstrap()).value == 1.0
    assert hierarchy.unseen("aabb", Bootstrap()).value == 0.0
    none = hierarchy.unseen("a" * 40, Bootstrap())
    assert none.interval == pytest.approx((0.0, 1 - 0.025 ** (1 / 40)))
    assert np.isnan(hierarchy.unseen("", Bootstrap()).value)
    chances = 1 / np.arange(1.0, 51.0)
    chances /= chances.sum()
    rng = np.random.default_rng(6)
    missed, covered = [], 0
    for _ in range(300):
        drawn = rng.choice(50, 40, p=chances)
        rest = 1.0 - chances[np.unique(drawn)].sum()
        found = hierarchy.unseen(drawn.tolist(), Bootstrap())
        assert found.interval is not None
        missed.append(found.value - rest)
        covered += found.interval[0] <= rest <= found.interval[1]
    # Biased by less than 1 / n, as theory has it; four standard errors of 300 trials.
    assert abs(np.mean(missed)) < 1 / 40 + 4 * np.std(missed) / np.sqrt(300)
    assert 0.88 <= covered / 300 <= 1.0


def test_the_kind_of_a_world_is_which_findings_hold_in_it() -> None:
    def finding(side: str, threshold: float, *effects: float | None) -> dict[str, object]:
        rows = [[effect, effect] for effect in effects]
        return {"threshold": {side: threshold}, "worlds": {"effects": rows}}

    summary = {"confidence": 0.95, "findings": [
        finding("above", 0.3, 0.4, 0.2, 0.4, None), finding("within", 0.1, 0.0, -0.1, 0.2, 0.0),
    ]}  # fmt: skip
    assert families.kinds(summary) == [(True, True), (False, True), (True, False), (None, True)]
    assert families.unseen(summary).startswith("1.00 [")
    assert families.unseen(summary).endswith("4 of 4 worlds are the only ones of their kind, of 4")


def test_a_world_is_measured_at_its_own_flip(tmp_path: Path) -> None:
    """Where the family draws how long training takes, as where one world alone is run."""
    drawn = '\n[[family.draw]]\nkey = "timeline.0.generations"\nwhole = [1, 8]\n'
    scenario = loads(EXPERIMENT.replace('"timeline.0.generations=8", ', "") + FAMILY + drawn)
    found = evosim.experiment(
        scenario, worlds=4, seed=2, out=tmp_path / "worlds", workers=1, progress=False,
        figures=False,
    )  # fmt: skip
    assert scenario.family is not None
    lengths = [scenario.family.settings(2, w)["timeline.0.generations"] for w in range(4)]
    assert len({*lengths}) > 1
    lost = found.summary["findings"][1]
    assert lost["measure"] == "capability_lost"
    for number, effects in enumerate(lost["worlds"]["effects"]):
        run = evosim.open_run(tmp_path / "worlds" / "arms" / design.world_key(number, "effect"))
        (flip,) = run.scenario.flips
        assert flip.generation == lengths[number]
        term = WeightedTerm(1.0, "effect", Query(measure="capability_lost", turn=lengths[number]))
        arms = {"effect": Conditions(run.data, run.scenario)}
        assert effects == pytest.approx(families.effect([term], arms).tolist())


def test_a_run_of_one_world_says_which_and_what_was_drawn(tmp_path: Path) -> None:
    """Its folder is named as that of a run of the scenario's own world."""
    mine = tmp_path / "mine.toml"
    mine.write_text(EXPERIMENT + FAMILY, encoding="utf-8")
    asked = ["run", str(mine), "--world", "1", "--no-figures", "--out", str(tmp_path / "run")]
    told = CliRunner().invoke(cli, [*asked, "--workers", "1", "--json"]).stderr
    slip = design.family_of(read()).settings(1, 1)["world.slip"]
    assert f"world 1 of the family of seed 1: world.slip={slip}, evolution.levels=" in told


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--worlds", "0"], "0 is not in the range"),
        (["--worlds", "1"], "--worlds 1: one world says nothing of others: 2 or more"),
        (["--worlds", "2", "--tuned"], "--tuned: a family has other values already"),
    ],
)
def test_worlds_that_say_nothing_of_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(EXPERIMENT + FAMILY, encoding="utf-8")
    refused = CliRunner().invoke(cli, ["run", "mine.toml", *asked])
    assert told in refused.stderr
    assert not Path("runs").exists()
