"""The law of collapse: models are judged by what they have not seen; the page is of its table."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import evosim
from evosim import scenario
from evosim.study import families

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def law() -> ModuleType:
    return load("law_of_collapse")


def drawn(law: ModuleType, *, slope: float, offsets: float = 0.0):
    """Worlds of five scenarios whose collapse follows one predictor."""
    rng = np.random.default_rng(3)
    known = rng.normal(size=(100, len(law.PREDICTORS)))
    scenario = np.repeat(list("abcde"), 20)
    collapse = slope * known[:, law.PREDICTORS.index("epic_out")] + 0.1 * rng.normal(size=100)
    return law.Table(scenario, known, collapse + offsets * np.repeat(np.arange(5.0), 20))


@pytest.mark.slow
def test_what_is_known_of_a_world_before_is_measured_in_its_runs(
    law: ModuleType, tmp_path: Path
) -> None:
    evosim.experiment(
        "strawberry", worlds=2, replicates=2, seed=5, out=tmp_path / "worlds", workers=1,
        progress=False, figures=False,
        settings={
            "evolution.population": 16, "timeline.0.generations": 4, "timeline.1.generations": 1,
            "measure.levels": 2, "measure.sample": 16,
        },
    )  # fmt: skip
    rows = list(law.measured(tmp_path / "worlds"))
    family = scenario.load("strawberry").family
    assert family is not None
    drawn = families.drawn(family, 5, 2)
    lamp, gleam, roundness = (np.array(column) for column in list(drawn.values())[:3])
    pulls = [float(row["pull"]) for row in rows]
    np.testing.assert_allclose(pulls, lamp * gleam / (gleam**2 + roundness**2), rtol=1e-5)
    for number, row in enumerate(rows):
        assert (row["scenario"], row["world"]) == ("strawberry", number)
        assert 0.0 < float(row["meg"]) <= 1.0
        assert 0.0 < float(row["collapse"]) <= 1.0
        assert all(np.isfinite(float(row[name])) for name in law.PREDICTORS)


@pytest.mark.parametrize("whole", [False, True])
def test_a_law_that_was_put_in_is_found_and_noise_is_worse_than_the_mean(
    law: ModuleType, whole: bool
) -> None:
    found = law.explained(drawn(law, slope=1.0), whole_scenarios=whole)
    assert found["epic_out"]["value"] > 0.95
    assert found["all"]["value"] > 0.9
    assert found["all"]["more"]["interval"][0] > 0.5
    assert abs(found["pull"]["value"]) < 0.15
    noise = law.explained(drawn(law, slope=0.0), whole_scenarios=whole)
    assert noise["all"]["value"] < 0.0


def test_what_differs_between_scenarios_alone_is_no_law_within_them(law: ModuleType) -> None:
    table = drawn(law, slope=0.0, offsets=1.0)
    assert law.explained(table, whole_scenarios=False)["all"]["value"] < 0.0


@pytest.mark.parametrize("whole", [False, True])
def test_the_outcome_of_what_is_left_out_changes_nothing_of_its_prediction(
    law: ModuleType, whole: bool
) -> None:
    table = drawn(law, slope=1.0)
    left_out = table.scenario == "c" if whole else np.arange(100) == 47
    other = table._replace(collapse=np.where(left_out, 99.0, table.collapse))
    for names in ((), law.PREDICTORS):
        one, two = (
            law.predictions(t, names, whole_scenarios=whole)[left_out] for t in (table, other)
        )
        np.testing.assert_array_equal(one, two)


def test_what_is_undefined_counts_as_the_mean(law: ModuleType) -> None:
    table = drawn(law, slope=1.0)
    table.known[:, law.PREDICTORS.index("meg")] = np.nan
    table.known[::7, law.PREDICTORS.index("starc_in")] = np.nan
    assert np.isfinite(law.predictions(table, law.PREDICTORS, whole_scenarios=True)).all()
    alone = law.predictions(table, ("meg",), whole_scenarios=False)
    np.testing.assert_allclose(alone, law.predictions(table, (), whole_scenarios=False))


def test_the_numbers_of_the_page_are_those_of_the_table(law: ModuleType) -> None:
    page = law.TABLE.with_suffix(".md").read_text(encoding="utf-8")
    assert law.tables(law.read()) in page, "write them again: python tools/law_of_collapse.py"
    table = law.read()

    def mean(scenario: str, name: str) -> float:
        here = table.scenario == scenario
        return float(table.known[here, law.PREDICTORS.index(name)].mean())

    assert set(table.scenario) == set(law.ARMS)
    assert {round(mean("insect", name), 2) for name in ("epic_in", "starc_in")} == {0.03}
    assert f"{table.collapse[table.scenario == 'insect'].mean():.2f}" == "0.68"
    pulls = {name: mean(name, "pull") for name in law.ARMS}
    apart = round(pulls.pop("myopic_mesa"), 1), round(pulls.pop("power"), 2)
    assert apart == (4.6, 0.07)
    assert [round(end(pulls.values()), 1) for end in (min, max)] == [0.3, 2.2]
    redundancy = table.known[:, law.PREDICTORS.index("redundancy")]
    assert (np.mean(redundancy > 2.0), round(redundancy.mean(), 1)) == (0.0, 1.5)


def test_half_of_the_worlds_of_a_family_tell_how_many_kinds_are_left_in_the_other() -> None:
    rows = list(load("unseen_kinds").of_families())
    told, counted, within = np.mean([numbers for _, _, numbers in rows], axis=0)
    assert abs(told - counted) < 0.02  # a quarter of what is left
    assert within > 0.9
