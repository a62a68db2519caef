"""The arms of an experiment: what they change, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import evosim
from evosim import scenario as scenarios
from evosim.cli.commands import cli
from evosim.errors import EvosimError, ScenarioError
from evosim.study import checks, design


def test_an_arm_is_the_scenario_with_its_settings_and_those_of_all(written: str) -> None:
    scenario = scenarios.loads(written)
    found = design.arms(scenario)
    assert list(found) == ["effect", "control", "two", "three"]
    assert all(arm.experiment is None for arm in found.values())
    assert {arm.agent.patience.low for arm in found.values()} == {0.8}
    assert [arm.world.kinds["fruit"].count for arm in found.values()] == [1, 1, 2, 3]
    assert [len(arm.flips) for arm in found.values()] == [1, 0, 1, 1]


def test_every_arm_is_probed_where_the_first_one_flips(written: str) -> None:
    found = design.arms(scenarios.loads(written, settings=["measure.also=[1]"]))
    assert {arm.measure.also for arm in found.values()} == {(1, 3)}


def test_conditions_are_the_arms_and_the_values_of_what_was_tuned(written: str) -> None:
    scenario = scenarios.loads(written)
    assert [c.key for c in design.conditions(scenario)] == ["effect", "control", "two", "three"]
    assert {c.replicates for c in design.conditions(scenario)} == {3}
    assert {c.replicates for c in design.conditions(scenario, replicates=5)} == {5}
    moved = [c for c in design.conditions(scenario, tuned=True) if c.values["tuned"] is not None]
    assert [c.key for c in moved] == [
        f"tuned-{i}-{a}" for i in range(3) for a in ("effect", "control")
    ]
    assert {c.replicates for c in moved} == {2}
    fewer = design.conditions(scenario, replicates=1, tuned=True)
    assert {c.replicates for c in fewer} == {1}
    foods = [
        c.scenario(scenario).environment("after").kinds["fruit"].use["eat"].yields["food"]
        for c in moved
    ]
    assert foods == [0.0, 0.0, 0.1, 0.1, 1.0, 1.0]


def test_what_an_arm_sets_itself_stays_its_own_where_the_number_is_moved(written: str) -> None:
    key = "environments.after.kinds.fruit.use.eat.yields.food"
    own = written.replace('set   = ["timeline.1.train=before"]', f'set = ["{key}=0.7"]')
    scenario = scenarios.loads(own)
    moved = [c for c in design.conditions(scenario, tuned=True) if c.values["tuned"] is not None]
    foods = [
        c.scenario(scenario).environment("after").kinds["fruit"].use["eat"].yields["food"]
        for c in moved
    ]
    assert foods == [0.0, 0.7, 0.1, 0.7, 1.0, 0.7]


def test_a_value_is_looked_up_in_the_world_where_the_environment_does_not_override_it(
    written: str,
) -> None:
    scenario = scenarios.loads(written)
    food = "kinds.fruit.use.eat.yields.food"
    assert design.value_at(scenario, f"environments.after.{food}") == 0.1
    assert design.value_at(scenario, f"environments.before.{food}") == 1.0
    assert design.value_at(scenario, "timeline.1.generations") == 3
    assert design.value_at(scenario, "timeline.7.generations") is None
    assert design.value_at(scenario, "evolution.population.size") is None


def test_a_scenario_without_an_experiment_says_so(world: str, tmp_path: Path) -> None:
    with pytest.raises(EvosimError, match=r"scenario 'tiny' has no \[experiment\]"):
        design.arms(scenarios.loads(world))
    (tmp_path / "bare.toml").write_text(world)
    with pytest.raises(EvosimError, match="writing-scenarios"):
        evosim.experiment(tmp_path / "bare.toml", seed=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


WRONG = [
    ('set   = ["timeline.1.train=before"]', 'set   = ["timeline.1.train=befor"]',
     "experiment.arms.control.set", "did you mean 'before'"),
    ('set   = ["world.kinds.fruit.count=2"]', 'set   = ["world.kinds.friut.count=2"]',
     "experiment.arms.two.set", "did you mean 'fruit'"),
    ('set   = ["world.kinds.fruit.count=3"]', 'set   = ["world.kinds.fruit.count"]',
     "experiment.arms.three.set", "not of the form key=value"),
    ('measure = "payoff"', 'measure = "payof"', "experiment.findings.0", "did you mean 'payoff'"),
    ('of       = "drive.sweet"', "", "experiment.findings.1", "needs of = ... (a locus)"),
    ('against = { arm = "control" }', 'against = { arm = "contrl" }',
     "experiment.findings.0.against.arm", "did you mean 'control'"),
    ('against = { arm = "control" }', "against = {}",
     "experiment.findings.0.against", "differs in nothing"),
    ("contrast = { effect = 0.5, two = 0.5, three = -1.0 }", "contrast = {}",
     "experiment.findings.1.contrast", "no arms"),
    ("contrast = { effect = 0.5, two = 0.5, three = -1.0 }", "contrast = { efect = 1.0 }",
     "experiment.findings.1.contrast.efect", "did you mean 'effect'"),
    ('of      = "food"', 'of = "fod"', "experiment.findings.0",
     "arm 'effect': measure 'payoff': unknown payoff 'fod': did you mean 'food'"),
    ('of       = "drive.sweet"', 'of = "drive.swet"', "experiment.findings.1",
     "did you mean 'drive.sweet'"),
    ('measure  = "gene"', 'measure = "takeoff"', "experiment.findings.1", "needs level = number"),
    ('measure  = "gene"', 'measure = "gene"\nmind = "true drive"', "experiment.findings.1",
     "measure 'gene' takes no mind (got 'true drive')"),
    ('measure  = "gene"', 'measure = "share"\nat = "peak"', "experiment.findings.1",
     "measure 'share' has no peak"),
    ('mind = "uniform"', 'mind = "unform"', "experiment.findings.2", "did you mean 'uniform'"),
    ('measure = "alignment"', 'measure = "deceptive"', "experiment.findings.2",
     "needs a scenario with [deception]"),
    ('measure = "alignment"', 'measure = "smallest"', "experiment.findings.2",
     "needs an open population: [evolution.open]"),
    ("below   = 0.0", "", "experiment.findings.0", "one of above, below and within = number"),
    ('key    = "environments.after.kinds.fruit.use.eat.yields.food"', 'key = "agent.patince"',
     "experiment.tuned.key", "did you mean 'patience'"),
    ('key    = "environments.after.kinds.fruit.use.eat.yields.food"', 'key = "agent.patience"',
     "experiment.tuned.key", "none of the values changes an arm of the first finding"),
    ("values = [0.0, 0.1, 1.0]", "values = []", "experiment.tuned.values", "no values"),
    ('["agent.patience=0.8"]', '["agent.patince=0.8"]', "experiment.set",
     "did you mean 'patience'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "message"), WRONG)
def test_what_is_wrong_with_an_experiment_is_told_with_its_line(
    old: str, new: str, key: str, message: str, written: str, tmp_path: Path
) -> None:
    assert old in written
    text = written.replace(old, new, 1)
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as refused:
        evosim.check(path)
    problems = refused.value.problems
    assert [p.key for p in problems] == [key], str(refused.value)
    assert message in problems[0].message
    assert problems[0].line is not None
    lines = text.splitlines()
    head = key.rsplit(".", 1)[0] if key.endswith(".set") else ".".join(key.split(".")[:2])
    begin = next(n for n, line in enumerate(lines) if f"[{head}" in line)
    assert problems[0].line > begin
    assert str(refused.value).startswith(f"{path}:{problems[0].line}: {key}: ")


def test_a_claim_that_rests_on_no_finding_is_refused(written: str) -> None:
    head = "[[experiment.findings]]"
    secondary = f"{head}\nsecondary = true"
    scenarios.loads(written.replace(head, secondary, 2))
    with pytest.raises(ScenarioError, match="all are secondary, so that the claim rests on none"):
        scenarios.loads(written.replace(head, secondary))


def test_what_is_shown_of_an_experiment_has_its_thresholds(written: str, tmp_path: Path) -> None:
    text = written.replace("below   = 0.0", "within  = 0.25\nsecondary = true")
    path = tmp_path / "shown.toml"
    path.write_text(text)
    shown = " ".join(CliRunner().invoke(cli, ["show", str(path)]).stdout.split())
    assert "payoff falls at the flip (payoff within 0.25; secondary)" in shown
    assert "alignment is not much changed (alignment above -5)" in shown


def test_a_fault_of_the_scenario_is_not_told_of_every_arm_again(
    written: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(written.replace("selTournament", "selTournamnt"))
    with pytest.raises(ScenarioError) as refused:
        evosim.check(path)
    assert [p.key for p in refused.value.problems] == ["evolution.select.operator"]


def test_what_is_tuned_cannot_move_the_flip_of_the_headline(written: str) -> None:
    text = written.replace(
        'key    = "environments.after.kinds.fruit.use.eat.yields.food"',
        'key = "timeline.0.generations"',
    ).replace("values = [0.0, 0.1, 1.0]", "values = [3, 4]")
    assert list(checks.check(scenarios.loads(text))) == []  # the headline looks at the end
    flips = text.replace('measure = "payoff"\nof      = "food"', 'measure = "collapse"')
    (problem,) = checks.check(scenarios.loads(flips))
    assert problem.key == "experiment.tuned.key"
    assert "no phase begins there (but in 4" in problem.message


def test_phases_of_an_arm_begin_where_those_of_the_first_do(written: str) -> None:
    text = written.replace('measure = "payoff"\nof      = "food"', 'measure = "collapse"')
    text = text.replace('"timeline.1.train=before"', '"timeline.0.generations=4"')
    (problem,) = checks.check(scenarios.loads(text))
    assert problem.key == "experiment.findings.0"
    assert problem.message.startswith("arm 'control': measure 'collapse' looks at the first arm's")
    assert "no phase begins there (but in 4; 7 generations in all)" in problem.message


def test_no_arm_is_called_as_a_run_of_what_is_tuned(written: str) -> None:
    text = written.replace("[experiment.arms.two]", "[experiment.arms.tuned-0-effect]")
    text = text.replace("two = 0.5", "tuned-0-effect = 0.5")
    (problem,) = checks.check(scenarios.loads(text))
    assert "call it otherwise" in problem.message


def test_settings_on_the_command_line_win_over_those_for_all_arms(
    written: str, tmp_path: Path
) -> None:
    experiment = scenarios.loads(written).experiment
    assert experiment is not None
    assert design.settings_not_overridden(experiment, ["agent.patience=0.5"]) == []
    assert design.settings_not_overridden(experiment, ["agent={}"]) == []
    assert design.settings_not_overridden(experiment, ["agent.depth=1"]) == ["agent.patience=0.8"]
    (tmp_path / "tiny.toml").write_text(written)
    done = evosim.experiment(
        tmp_path / "tiny.toml", seed=1, replicates=1, settings=["agent.patience=0.5"],
        out=tmp_path / "out", workers=1, figures=False, progress=False,
    )  # fmt: skip
    assert {arm.scenario.agent.patience.low for arm in done.arms.values()} == {0.5}


def test_a_sound_experiment_checks_clean(tiny: Path) -> None:
    assert evosim.check(tiny).experiment is not None
