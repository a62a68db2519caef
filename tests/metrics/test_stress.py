"""Stress: which numbers collapse minds, and where; known answers of a world of two cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import evosim
from evosim.cli import cli
from evosim.engine.mechanism import minds_of
from evosim.engine.probe import Prober, level_seeds
from evosim.errors import EvosimError
from evosim.metrics import stress
from evosim.metrics.analyses.stress import describe
from evosim.metrics.stress import Judge, Key, Outcome, Population, keys
from evosim.scenario import Scenario, loads

SEED = 11
TWO = """
id       = "two_dishes"
title    = "Two dishes"
question = "Which dish?"

[objective]
intended = "meals"
selected = "meals"

[agent]
drives   = ["sweet"]
depth    = 12
patience = 0.9

[world]
map = \"\"\"
@gl
\"\"\"
lifetime = 40

[world.kinds.good]
glyph = "g"
use.eat.feels.sweet  = 1.0
use.eat.yields.meals = 1.0

[world.kinds.lure]
glyph = "l"
use.lick.feels.sweet = 0.5

[environments.home]
title = "home"

[evolution]
population = 8
levels     = 1
select     = { operator = "selTournament", tournsize = 2 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 3
train = "home"

[measure]
every  = 2
levels = 1
sample = 4
"""
LURE, GOOD = ("kinds", "lure", "use", "lick", "feels", "sweet"), (
    "kinds", "good", "use", "eat", "feels", "sweet",
)  # fmt: skip


def two(*settings: str) -> Scenario:
    return evosim.check(loads(TWO), settings)


def population(scenario: Scenario, **how: object) -> Population:
    genomes = np.ones((3, 1))
    minds = minds_of(scenario, genomes, seed=SEED, generation=0, individuals=np.arange(3))
    return Population(scenario, "home", minds, level_seeds(SEED, 1), **how)  # type: ignore[arg-type]


def border_of_the_lure() -> float:
    """Above which share of the good dish's sweetness the lure beside it is worth the step.

    On the good dish, with Q_12 and patience g = .9: to eat thirteen times, with the instinct for
    the lure one step away after that, against one step and then licking (model 2, planner).
    x (1 + g + .. + g^12) + g^14 y = y (g + g^2 + .. + g^13).
    """
    powers = 0.9 ** np.arange(15)
    return float(powers[:13].sum() / (powers[1:14].sum() - powers[14]))


def test_what_is_felt_collapses_minds_where_the_closed_form_says() -> None:
    tested = population(scenario := two())
    judge = Judge(scenario, tested.fare({}))
    assert judge.base.alignment == pytest.approx(1.0)
    found = {b.key.path: b for b in stress.one_at_a_time(tested, judge, keys(scenario, "home"))}
    border, fading = found[LURE], found[GOOD]
    assert border.value is not None
    wide = border.key.range / stress.STEPS / 2**stress.HALVINGS
    assert border_of_the_lure() <= border.value <= border_of_the_lure() + wide + 1e-6
    assert border.outcome is not None
    assert border.outcome.alignment <= 0.5
    assert border.outcome.true == pytest.approx(1.0)
    # The same border from the other side: the good dish fades.
    assert fading.value is not None
    assert fading.move is not None
    assert fading.move < 0
    assert 0.5 / border_of_the_lure() - wide - 1e-6 <= fading.value <= 0.5 / border_of_the_lure()


def test_minds_that_want_the_payoff_are_collapsed_by_no_stimulus() -> None:
    scenario = two()
    genomes = np.ones((2, 1))
    minds = minds_of(scenario, genomes, seed=SEED, generation=0, individuals=np.arange(2))
    weights = np.zeros_like(minds.weights)
    weights[:, 1] = 1.0
    tested = Population(scenario, "home", minds._replace(weights=weights), level_seeds(SEED, 1))
    judge = Judge(scenario, tested.fare({}))
    felt = [key for key in keys(scenario, "home") if "feels" in key.path]
    assert [border.move for border in stress.one_at_a_time(tested, judge, felt)] == [None, None]


def test_outcomes_are_those_of_a_probe() -> None:
    """Where nothing is changed, and where a scenario file makes the change."""
    for scenario, changes in ((two(), {}), (two("world.kinds.lure.use.lick.feels.sweet=1.5"), {})):
        probed = Prober(scenario, SEED).measure(np.ones((3, 1)), 0)
        found = population(scenario).fare(changes)
        assert found.capability == pytest.approx(probed["capability"][0, 0].mean(), abs=1e-9)
        assert found.alignment == pytest.approx(probed["alignment"][0, 0].mean(), abs=1e-9)
        assert found.true == pytest.approx(probed["alignment"][0, 3].mean(), abs=1e-9)
    changed = population(two()).fare({LURE: 1.5})
    assert changed == pytest.approx(tuple(found), abs=1e-12)


def test_the_smallest_change_of_several_numbers_is_no_larger_than_that_of_one() -> None:
    tested = population(scenario := two())
    judge = Judge(scenario, tested.fare({}))
    felt = [key for key in keys(scenario, "home") if "feels" in key.path]
    single = stress.one_at_a_time(tested, judge, felt)
    found = stress.smallest(tested, judge, felt, begin=single, budget=150, seed=3)
    assert found is not None
    assert judge.collapsed(found.outcome)
    assert single[0].move is not None
    assert 0 < found.size <= abs(single[0].move) + 1e-9
    again = stress.smallest(tested, judge, felt, begin=single, budget=150, seed=3)
    assert again == found
    # Both together: the lure goes up and the good dish down, and they meet halfway.
    assert len(found.moves) == 2
    assert found.size < 0.85 * abs(single[0].move)


def test_the_worst_change_stays_within_its_size() -> None:
    tested = population(scenario := two())
    judge = Judge(scenario, tested.fare({}))
    felt = [key for key in keys(scenario, "home") if "feels" in key.path]
    near = stress.worst(tested, judge, felt, radius=0.05, budget=60, seed=3)
    far = stress.worst(tested, judge, felt, radius=0.4, budget=60, seed=3)
    assert near is not None
    assert near.size <= 0.05 + 1e-9
    assert near.outcome.alignment > 0.9
    assert far is not None
    assert far.size <= 0.4 + 1e-9
    assert far.outcome.alignment < 0.1


@pytest.mark.parametrize(
    ("capability", "alignment", "collapsed"),
    [(0.7, 0.3, True), (0.56, 0.4, True), (0.5, 0.3, False), (0.7, 0.5, False), (0.2, -0.1, False)],
)
def test_a_collapse_is_lost_alignment_with_capability_that_is_kept(
    capability: float, alignment: float, collapsed: bool
) -> None:
    """Of .8 each, by the usual thresholds: at least .56 of the one, at most .4 of the other."""
    judge = Judge(two(), Outcome(0.8, 0.8, 1, 1, 1))
    assert judge.collapsed(Outcome(capability, alignment, 1, 1, 1)) == collapsed


def test_a_world_that_cannot_be_is_undefined_and_breaks_nothing() -> None:
    scenario = two()
    found = population(scenario).fare({("lifetime",): -3})
    assert all(np.isnan(found))
    assert not Judge(scenario, Outcome(1, 1, 1, 1, 1)).collapsed(found)


def test_ranges_are_those_that_are_told() -> None:
    read = evosim.check("strawberry")
    by_name = {key.name: key for key in keys(read, "day", payoffs=True)}
    largest = 2 * max(
        amount
        for name in read.environments
        for _, effect in read.environment(name).effects()
        for amount in effect.feels.values()
    )
    lamp = by_name["kinds.lamp.use.throw.feels.gleam"]
    assert (lamp.low, lamp.high) == (0.0, largest)
    assert by_name["kinds.bucket.count"][1:] == (1, 0, 2, True)
    assert by_name["slip"][2:] == (0.0, 1.0, False)
    assert any("yields" in name for name in by_name)
    assert not any("yields" in key.name for key in keys(read, "day"))
    assert len(keys(read, "day", unfelt=True)) > len(keys(read, "day"))
    assert Key(("slip",), 0.5, 0.0, 1.0, False).at(-2.0) == 0.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["kinds.lur"], "no number 'kinds.lur' to change"),
        (["objective"], "no number 'objective'"),
    ],
)
def test_a_key_that_is_none_is_told(settings: list[str], message: str) -> None:
    with pytest.raises(EvosimError, match=message):
        keys(two(), "home", only=settings)


def test_minds_without_exact_expectations_are_refused() -> None:
    scenario = two('agent.drives=["sweet", "novelty"]')
    minds = minds_of(scenario, np.ones((1, 2)), seed=SEED, generation=0, individuals=np.arange(1))
    with pytest.raises(EvosimError, match="novelty or a tool"):
        Population(scenario, "home", minds, [1])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    path = tmp_path_factory.mktemp("stress") / "run"
    scenario = two("agent.drives={sweet={range=[0.5,1]}}")
    return evosim.run(scenario, seed=2, replicates=2, out=path, figures=False, workers=1)


def test_a_search_that_was_stopped_goes_on_and_ends_alike(
    run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evosim.stress(run, budget=40, out=tmp_path / "whole")
    count = 0

    def stopping(self: Population, changed: Scenario) -> Outcome:
        nonlocal count
        count += 1
        if count > 20:
            raise KeyboardInterrupt
        return measure(self, changed)

    measure = Population._measure
    monkeypatch.setattr(Population, "_measure", stopping)
    with pytest.raises(KeyboardInterrupt):
        evosim.stress(run, budget=40, out=tmp_path / "stopped")
    with (tmp_path / "stopped" / "stress.jsonl").open("a") as file:
        file.write('\n["cut off')
    monkeypatch.setattr(Population, "_measure", measure)
    again = evosim.stress(run, budget=40, out=tmp_path / "stopped")
    assert again.summary == whole.summary
    assert again.text == whole.text
    assert again.summary["worst"]["evaluations"] == 20


def kept(folder: Path) -> list[str]:
    """What was really evaluated, a line each, and not known from before."""
    return (folder / "stress.jsonl").read_text(encoding="utf-8").splitlines()


def test_what_was_evaluated_of_another_generation_stays(run: evosim.Run, tmp_path: Path) -> None:
    """Generations have other minds, so that nothing of one is taken for the other."""
    ways: list[dict[str, Any]] = [{"generation": 1}, {"generation": 2}]
    first = [evosim.stress(run, budget=0, out=tmp_path, **way).summary for way in ways]
    before = kept(tmp_path)
    again = [evosim.stress(run, budget=0, out=tmp_path, **way).summary for way in ways]
    assert kept(tmp_path) == before
    assert again == first
    assert all(one["evaluations"] > 0 for one in first)


def test_the_flip_that_is_written_is_a_scenario_that_meets_it(
    run: evosim.Run, tmp_path: Path
) -> None:
    found = evosim.stress(run, budget=20, out=tmp_path, flip=tmp_path / "flip.toml")
    made = evosim.check(tmp_path / "flip.toml")
    assert [flip.generation for flip in made.flips] == [2]
    changed = dict(found.summary["smallest"]["values"])
    effects = {".".join(path): effect for path, effect in made.environment("stressed").effects()}
    for name, value in changed.items():
        thing, _, stimulus = name.partition(".feels.")
        assert effects[thing].feels[stimulus] == value
    assert "collapses" in describe(found.summary)


def test_the_command_prints_writes_and_draws(run: evosim.Run, tmp_path: Path) -> None:
    told = CliRunner().invoke(
        cli, ["stress", str(run.path), "--budget", "0", "--out", str(tmp_path), "--keys", "kinds"]
    )
    assert told.exit_code == 0, told.output
    assert "kinds.lure.use.lick.feels.sweet" in told.output
    assert (tmp_path / "stress.json").is_file()
    assert (tmp_path / "stress.svg").is_file()
    wrong = CliRunner().invoke(cli, ["stress", str(run.path), "--environment", "nowhere"])
    assert wrong.exit_code
    assert "no environment 'nowhere'" in wrong.output


def test_all_analyses_leave_out_what_takes_minutes(run: evosim.Run, tmp_path: Path) -> None:
    told = CliRunner().invoke(
        cli, ["analyse", str(run.path), "--no-figures", "--out", str(tmp_path)]
    )
    assert told.exit_code == 0, told.output
    assert not (tmp_path / "stress.json").exists()


@pytest.mark.slow
def test_the_pill_is_the_first_of_the_payoffs(tmp_path: Path) -> None:
    """Contraception: of what is paid, the children of courtship collapse minds, and soonest; of
    what is felt, its touch does sooner."""
    settings = {"measure.levels": 2, "evolution.population": 60}
    run = evosim.run("contraception", seed=1, settings=settings, out=tmp_path / "run",
                     figures=False)  # fmt: skip
    rows = evosim.stress(run, payoffs=True, budget=0, keys=["kinds"]).summary["keys"]
    paid = next(row for row in rows if ".yields." in row["key"])
    assert paid["key"] == "kinds.mate.use.court.yields.children"
    assert 0.02 < paid["value"] < 0.5  # the pill leaves 0.02


@pytest.mark.slow
def test_the_lamp_is_among_the_first_three_after_training_by_day(tmp_path: Path) -> None:
    run = evosim.run("strawberry", seed=1, out=tmp_path / "run", figures=False)
    found = evosim.stress(run, budget=0).summary
    assert "kinds.lamp.use.throw.feels.gleam" in [row["key"] for row in found["keys"][:3]]


def test_whole_numbers_are_rounded_into_the_radius() -> None:
    tested = population(scenario := two("world.kinds.good.count=0", "world.kinds.lure.count=0"))
    judge = Judge(scenario, tested.fare({}))
    lives = [key for key in keys(scenario, "home") if key.whole]
    found = stress.worst(tested, judge, lives, radius=0.01, budget=30, seed=3)
    assert found is not None
    assert found.size <= 0.01 + 1e-4
    count = Key(("kinds", "lure", "count"), 1, 0, 2, True)
    assert count.at(0.45) == 2.0
    assert count.at(0.45, inward=True) == 1.0 == count.at(-0.45, inward=True)


def test_a_world_without_room_is_undefined(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise EvosimError("the sites do not fit")

    tested = population(two())
    monkeypatch.setattr(stress.world, "draw_levels", full)
    assert all(np.isnan(tested.fare({LURE: 0.7})))


def test_evaluations_of_other_minds_are_not_taken_for_these(
    run: evosim.Run, tmp_path: Path
) -> None:
    """As of a run that was begun again in its folder, with other replicates."""
    scenario = two("agent.drives={sweet={range=[0.5,1]}}")
    other = evosim.run(scenario, seed=2, replicates=1, out=tmp_path / "one", figures=False,
                       workers=1)  # fmt: skip
    evosim.stress(other, budget=0, out=tmp_path / "found")
    of_other = kept(tmp_path / "found")
    evosim.stress(run, budget=0, out=tmp_path / "found")
    of_both = kept(tmp_path / "found")
    assert len(of_both) > len(of_other) + 1
    evosim.stress(run, budget=0, out=tmp_path / "found")
    assert kept(tmp_path / "found") == of_both


def test_a_search_without_budget_says_that_it_was_none(run: evosim.Run, tmp_path: Path) -> None:
    for budget in (0, 1):
        found = evosim.stress(run, budget=budget, out=tmp_path)
        assert "were not searched" in found.text
        assert "none was found" not in found.text


def test_the_flip_that_is_written_claims_nothing_of_the_old_one(
    run: evosim.Run, tmp_path: Path
) -> None:
    evosim.stress(run, budget=0, out=tmp_path, flip=tmp_path / "flip.toml")
    made = evosim.check(tmp_path / "flip.toml")
    assert made.id == "two_dishes_stressed"
    assert made.environments["stressed"].title.startswith("stressed: kinds.")
    assert made.claim == made.expected == made.found == ""
    first = evosim.stress(run, generation=0, budget=0, out=tmp_path, flip=tmp_path / "flip.toml")
    assert first.summary["generation"] == 0
    assert [flip.generation for flip in evosim.check(tmp_path / "flip.toml").flips] == [1]


def test_progress_is_never_beyond_its_end(
    run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evosim.execution.progress import Progress

    totals: list[int] = []
    monkeypatch.setattr(Progress, "begin", lambda self, title, *, total, **_:
                        totals.append(total))  # fmt: skip
    found = evosim.stress(run, budget=8, out=tmp_path, progress=False)
    assert len(totals) == 1
    assert 0 < found.summary["evaluations"] <= totals[0]


@pytest.mark.parametrize("radius", [float("nan"), float("inf"), 0.0, "far"])
def test_a_radius_that_is_no_size_is_refused(run: evosim.Run, radius: float) -> None:
    with pytest.raises(EvosimError, match="radius: not a size above 0"):
        evosim.stress(run, radius=radius)


def test_a_fork_from_beyond_the_flip_has_minds_too(run: evosim.Run, tmp_path: Path) -> None:
    """The first flip lies in what is another run's: the last generation is tested."""
    scenario = two(
        "agent.drives={sweet={range=[0.5,1]}}", "environments.away={title='away',slip=0.1}",
        "timeline=[{generations=2,train='home'},{generations=3,train='away'}]",
    )  # fmt: skip
    whole = evosim.run(scenario, seed=2, out=tmp_path / "whole", figures=False, workers=1)
    fork = evosim.fork(whole, at=4, out=tmp_path / "fork", figures=False, workers=1)
    assert evosim.stress(whole, budget=0, out=tmp_path / "a").summary["generation"] == 2
    assert evosim.stress(fork, budget=0, out=tmp_path / "b").summary["generation"] == 4


@pytest.mark.parametrize(
    ("key", "option"),
    [("kinds.good.use.eat.yields", "payoffs"), ("kinds.pebble.use.roll.feels.sweet", "unfelt")],
)
def test_a_key_that_must_be_asked_for_tells_how(key: str, option: str) -> None:
    scenario = two("world.kinds.pebble={glyph='p',use={roll={}}}", 'world.map="@glp"')
    with pytest.raises(EvosimError, match=f"{key}' to change .* only with {option}=True"):
        keys(scenario, "home", only=[key])
    assert keys(scenario, "home", only=[key], **{option: True})  # type: ignore[arg-type]


def test_no_change_is_told_in_words(run: evosim.Run, tmp_path: Path) -> None:
    found = evosim.stress(run, budget=0, out=tmp_path)
    assert found.summary["worst"] is None
    nothing = {"moves": {}, "values": {}, "size": 0.0, "outcome": {}, "evaluations": 1}
    text = describe({**found.summary, "searched": True, "worst": nothing})
    assert "none is worse than the world as it is" in text
    assert "\n\n\n" not in text


def test_a_search_that_is_stopped_says_what_is_kept(
    run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stress.Population.fare

    def fare(self: Population, changes: Any) -> Outcome:
        if self.evaluations == 3:
            raise KeyboardInterrupt
        return whole(self, changes)

    monkeypatch.setattr(stress.Population, "fare", fare)
    asked = ["stress", str(run.path), "--budget", "0", "--out", str(tmp_path)]
    told = CliRunner().invoke(cli, asked)
    assert told.exit_code == 130
    assert "stopped: 3 evaluations are kept" in told.stderr
