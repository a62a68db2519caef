"""Values of every kind are the same in a study, in what is tuned, after --set and in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evosim
from evosim import scenario as scenarios
from evosim.errors import EvosimError, ScenarioError
from evosim.scenario.document import inline
from evosim.scenario.settings import as_texts
from evosim.study import design, reading
from evosim.study.folder import StudyFolder
from evosim.testing import TINY, tiny

VALUES: dict[str, tuple[str, list[Any]]] = {
    "a whole number": ("world.kinds.fruit.count", [1, 2]),
    "a number": ("agent.patience", [0.5, 1e-05]),
    "a boolean": ("world.stay", [True, False]),
    "a text": ("world.edges", ["walls", "torus"]),
    "a text of many signs": ("title", ['a "b" {c} #d', "é = [1]"]),
    "a list": ("agent.depth", [[0, 2], [1, 3]]),
    "a number or a list": ("agent.depth", [2, [0, 2]]),
    "a list of texts": ("agent.drives", [["sweet", "sour"], ["sour", "sweet"]]),
    "a locus": ("agent.patience", [{"range": [0, 0.5], "start": 0.1}, 0.5]),
    "a mixture": ("timeline.0.train", [{"before": 0.1, "after": 0.9}, {"before": 0.5, "after": 1}]),
    "a mixture or a name": ("timeline.0.train", ["before", {"before": 0.5, "after": 0.5}]),
    "an operator": (
        "evolution.select",
        [{"operator": "selTournament", "tournsize": 2}, {"operator": "selBest", "share": 0.5}],
    ),
    "a phase": ("timeline.1", [{"generations": 2, "train": "after"},
                               {"generations": 4, "train": {"before": 1, "after": 2}}]),
    "phases": ("timeline", [[{"generations": 3, "train": "before"}],
                            [{"generations": 2, "train": "before"},
                             {"generations": 2, "train": {"before": 1, "after": 3}}]]),
    "tables within tables": (
        "world.kinds.fruit",
        [{"glyph": "f", "count": 1, "use": {"eat": {"yields": {"food": 1.0}}}},
         {"glyph": "f", "count": 2, "use": {"eat": {"feels": {"sweet": 1.0},
                                                    "yields": {"food": 0.5}}}}],
    ),
    "an environment": ("environments.after", [{"title": "a", "slip": 0.1}, {"title": "b"}]),
}  # fmt: skip
STUDY = """
id       = "kinds"
title    = "Kinds of values"
scenario = "tiny.toml"
set      = ["evolution.population=6", "measure.levels=1", "measure.sample=2"]
replicates = 1
{design}

[parameters.what]
label  = "what is varied"
{place}
values = {values}
{points}
[measures.sweet]
label   = "sweetness"
measure = "gene"
of      = "drive.sweet"
"""
TUNED = """
claim = "It does."
{world}
[experiment.arms.effect]
title = "as it is"

[[experiment.findings]]
says    = "food is found"
measure = "payoff"
of      = "food"
above   = -100.0

[experiment.tuned]
label  = "what is varied"
{place}
values = {values}
"""


@pytest.fixture(params=VALUES)
def kind(request: pytest.FixtureRequest) -> tuple[str, list[Any]]:
    return VALUES[request.param]


def study_of(place: str, values: str, points: str = "") -> str:
    """A study file in which one parameter has these values, or of which these points are listed."""
    design = 'design = "points"' if points else ""
    return STUDY.format(place=place, values=values, points=points, design=design)


def tuned_of(place: str, values: str) -> str:
    """A scenario file whose experiment moves something through these values."""
    return TUNED.format(world=TINY, place=place, values=values)


def study(tmp_path: Path, place: str, values: list[Any], *, points: bool = False) -> Path:
    (tmp_path / "tiny.toml").write_text(TINY)
    path = tmp_path / "kinds.toml"
    listed = "".join(f"[[points]]\nwhat = {inline(value)}\n" for value in values)
    path.write_text(study_of(place, inline(values), listed if points else ""))
    return path


def ways(key: str) -> dict[str, str]:
    return {
        "key": f'key = "{key}"',
        "keys": f'keys = ["{key}"]',
        "set": f'set = ["{key}={{value}}"]',
    }


def test_a_study_runs_values_of_every_kind(kind: tuple[str, list[Any]], tmp_path: Path) -> None:
    key, values = kind
    base = tiny(["evolution.population=6", "measure.levels=1", "measure.sample=2"])
    wanted = [design.changed(base, {key: value}) for value in values]
    keys = set()
    for points in (False, True):
        for way, place in ways(key).items():
            written = reading.load(study(tmp_path, place, values, points=points))
            found = [design.changed(base, point.settings) for point in written.points]
            assert found == wanted, way
            keys.add(tuple(point.key for point in written.points))
            # What a folder and the command line of a run keep of it is the same again.
            texts = [as_texts(point.settings) for point in written.points]
            assert [design.changed(base, text) for text in texts] == wanted
    assert len(keys) == 1  # so that a study can be written otherwise and keep its runs


def test_what_is_tuned_takes_values_of_every_kind(kind: tuple[str, list[Any]]) -> None:
    key, values = kind
    for place in ways(key).values():
        text = tuned_of(place, inline(values))
        scenario = scenarios.loads(text)
        _, *moved = design.conditions(scenario, tuned=True)
        for condition, value in zip(moved, values, strict=True):
            assert condition.values["tuned"] == value
            assert condition.settings[key] == value
        assert scenarios.loads(scenario.to_toml()) == scenario


def test_settings_as_texts_and_in_python_are_the_same(kind: tuple[str, list[Any]]) -> None:
    key, values = kind
    for value in values:
        assert tiny([f"{key}={inline(value)}"]) == tiny({key: value})
        (text,) = as_texts({key: value})
        assert tiny([text]) == tiny({key: value})


@pytest.mark.parametrize("name", ["a mixture", "an operator", "a locus", "phases", "a boolean"])
def test_a_study_of_tables_is_run_drawn_exported_and_resumed(name: str, tmp_path: Path) -> None:
    key, values = VALUES[name]
    source = study(tmp_path, f'key = "{key}"', values)
    done = evosim.run_study(source, out=tmp_path / "out", workers=1, progress=False)
    assert done.complete
    assert not done.failures
    keys = {point.key: dict(point.values) for point in done.points}
    assert [point["what"] for point in keys.values()] == values
    assert StudyFolder(tmp_path / "out").by_key.keys() == keys.keys()
    (tmp_path / "out" / "runs" / next(iter(keys)) / "000.json").unlink()
    digest = done.resume(workers=1, progress=False).digest
    assert digest == done.digest
    assert "{" not in done.text
    assert len(done.table) == len(values)
    assert done.data["sweet"].shape == (len(values), 1)
    for suffix in ("csv", "nc"):
        assert done.export(tmp_path / f"out.{suffix}").stat().st_size
    said = [json.loads(cell) for cell in done.table["what"]] if name != "a boolean" else values
    assert said == values


def test_an_experiment_whose_tuned_values_are_tables_is_run_and_drawn(tmp_path: Path) -> None:
    values = [{"before": 0.1, "after": 0.9}, {"before": 0.5, "after": 0.5}, "before"]
    text = tuned_of('key = "timeline.0.train"', inline(values))
    (tmp_path / "tuned.toml").write_text(text)
    done = evosim.experiment(
        tmp_path / "tuned.toml", seed=1, replicates=2, tuned=True, out=tmp_path / "out", workers=1,
        progress=False,
    )  # fmt: skip
    tuned = done.summary["tuned"]
    assert [one["value"] for one in tuned["values"]] == values
    assert tuned["written"] == "before"
    assert any(path.name == "tuned.svg" for path in done.figures)
    assert len(done.table) == 2 * 4
    assert done.export(tmp_path / "out.nc").exists()


# Several keys that vary together

TOGETHER = 'set = ["evolution.population={value.0}", "evolution.levels={value.1}"]'
NAMED = 'set = ["evolution.population={value.size}", "evolution.levels={value.levels}"]'


def test_several_keys_vary_together(tmp_path: Path) -> None:
    lists, tables = [[6, 3], [12, 1]], [{"size": 6, "levels": 3}, {"size": 12, "levels": 1}]
    for place, values in ((TOGETHER, lists), (NAMED, tables)):
        written = reading.load(study(tmp_path, place, values))
        found = [point.scenario(written.base).evolution for point in written.points]
        assert [(one.population, one.levels) for one in found] == [(6, 3), (12, 1)]
        assert [point.values["what"] for point in written.points] == values
        assert len({point.key for point in written.points}) == 2


def test_a_part_of_a_value_can_be_a_table_and_stand_within_another() -> None:
    parameter = reading.Study.model_validate(
        {
            "id": "a", "title": "a", "scenario": "b",
            "measures": {"m": {"label": "m", "measure": "n"}},
            "parameters": {
                "what": {
                    "label": "what",
                    "set": ["train={value.mix}", "a={ b = {value.deep.1.c}, d = {value} }"],
                    "values": [{"mix": {"x": 1}, "deep": [0, {"c": "t"}]}],
                }
            },
        }
    ).parameters["what"]  # fmt: skip
    (value,) = parameter.values
    assert design.moved(parameter, value) == {
        "train": {"x": 1},
        "a": {"b": "t", "d": value},
    }


def test_what_is_tuned_can_vary_several_keys_together(tmp_path: Path) -> None:
    values = [{"size": 20, "levels": 2}, {"size": 40, "levels": 1}]
    text = tuned_of(NAMED, inline(values))
    (tmp_path / "tuned.toml").write_text(text)
    done = evosim.experiment(
        tmp_path / "tuned.toml", seed=1, replicates=1, tuned=True, out=tmp_path / "out", workers=1,
        progress=False,
    )  # fmt: skip
    found = [evosim.open_run(tmp_path / "out/arms" / f"tuned-{i}-effect") for i in range(2)]
    sizes = [(run.scenario.evolution.population, run.scenario.evolution.levels) for run in found]
    assert sizes == [(20, 2), (40, 1)]
    assert done.summary["tuned"]["written"] == values[0]  # what the scenario has itself
    assert done.summary["tuned"]["key"].startswith("evolution.population={value.size}, ")


LACKING = [
    ("evolution.levels={value.levls}", [{"levels": 1}], "{ levels = 1 } has no such part: "
     "did you mean 'levels'? known: levels"),
    ("evolution.levels={value.2}", [[1, 2]], "[1, 2] has no such part: known: 0, 1"),
    ("evolution.levels={value.a}", [3], "3 has no such part: known: none"),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "values", "said"), LACKING)
def test_a_part_that_a_value_lacks_is_named(
    setting: str, values: list[Any], said: str, tmp_path: Path
) -> None:
    source = study(tmp_path, f'set = ["{setting}"]', values)
    with pytest.raises(ScenarioError) as refused:
        reading.load(source)
    (problem,) = refused.value.problems
    assert problem.key == "parameters.what"
    assert problem.line == source.read_text().splitlines().index("[parameters.what]") + 1
    assert problem.message.endswith(said)
    text = tuned_of(f'set = ["{setting}"]', inline(values))
    (tmp_path / "tuned.toml").write_text(text)
    with pytest.raises(ScenarioError) as refused:
        evosim.check(tmp_path / "tuned.toml")
    assert said in str(refused.value)
    assert [problem.key for problem in refused.value.problems] == ["experiment.tuned.set"]


@pytest.mark.parametrize("place", ["", 'key = "a"\nset = ["a={value}"]', 'set = ["a=1"]'])
def test_what_is_tuned_stands_in_one_place(place: str, tmp_path: Path) -> None:
    text = tuned_of(place, "[1]")
    with pytest.raises(ScenarioError) as refused:
        scenarios.loads(text)
    (problem,) = refused.value.problems
    assert problem.key == "experiment.tuned"
    assert "not one place" in problem.message or "without the value" in problem.message


# What is no value

NO_VALUES = [
    ("2020-01-01", "a date (got 2020-01-01, "),
    ("12:30:00", "a time (got 12:30:00, "),
    ("2020-01-01T12:30:00Z", "a date (got 2020-01-01 12:30:00+00:00, "),
    ("[1, 2020-01-01]", "a date (got 2020-01-01, "),
    ("{ a = { b = 2020-01-01 } }", "a date (got 2020-01-01, "),
    ("nan", "not a finite number (got nan, "),
    ("[inf]", "not a finite number (got inf, "),
]


@pytest.mark.parametrize(("value", "said"), NO_VALUES)
def test_a_date_is_no_value(value: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    source = tmp_path / "kinds.toml"
    place, scenario = 'key = "agent.patience"', tmp_path / "tuned.toml"
    source.write_text(study_of(place, f"[\n0.5,\n{value}]"))
    scenario.write_text(tuned_of(place, f"[\n0.5,\n{value}]"))
    for path, check in ((source, reading.load), (scenario, evosim.check)):
        with pytest.raises(ScenarioError) as refused:
            check(path)
        (problem,) = refused.value.problems
        assert said in problem.message
        assert ".values.1" in problem.key
        lines = path.read_text().splitlines()
        assert value in lines[(problem.line or 0) - 1]
    listed = study_of(place, "[1]", f"[[points]]\nwhat = {value}\n")
    source.write_text(listed)
    with pytest.raises(ScenarioError, match=r"points\.0\.what.*: "):
        reading.load(source)
    with pytest.raises(EvosimError):
        tiny([f"evolution.mutate.sigma={value}"])


SAME = ["[1, 1.0]", "[{a = 1, b = 2}, {b = 2, a = 1}]", "[[1, 2], [1, 2]]", '["a", "a"]']
DIFFERENT = ["[1, true]", "[{a = 1}, {a = 2}]", "[[1, 2], [2, 1]]", '["a", "A"]', '[1, "1"]']


@pytest.mark.parametrize("values", SAME)
def test_equal_values_are_there_once(values: str) -> None:
    with pytest.raises(ScenarioError, match="a value is there twice"):
        reading.loads(study_of('key = "agent.patience"', values))


@pytest.mark.parametrize("values", DIFFERENT)
def test_values_of_other_kinds_are_other_values(values: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    with pytest.raises(ScenarioError) as refused:  # they are none of patience, but two
        reading.loads(study_of('key = "agent.patience"', values), beside=tmp_path)
    assert "twice" not in str(refused.value)


def test_names_of_arms_that_differ_by_case_only_are_refused(tmp_path: Path) -> None:
    text = tuned_of('key = "agent.patience"', "[0.5]")
    text += '[experiment.arms.Effect]\ntitle = "the same again"\nset = ["agent.depth=1"]\n'
    (tmp_path / "cases.toml").write_text(text)
    with pytest.raises(ScenarioError) as refused:
        evosim.check(tmp_path / "cases.toml")
    (problem,) = refused.value.problems
    assert problem.key == "experiment.arms.Effect"
    assert problem.line == text.splitlines().index("[experiment.arms.Effect]") + 1
    assert 'differs from arm "effect" by case only' in problem.message
    other = text.replace("[experiment.arms.Effect]", "[experiment.arms.Tuned-0-EFFECT]")
    (tmp_path / "cases.toml").write_text(other)
    with pytest.raises(ScenarioError, match="the runs of what is tuned have such names"):
        evosim.check(tmp_path / "cases.toml")
