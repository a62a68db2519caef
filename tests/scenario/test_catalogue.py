"""Shipped scenarios, finding and reading files, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from texts import SMALL

from evosim import scenario
from evosim.errors import Problem, ScenarioError

SHIPPED = scenario.catalogue()


def refusal(source: str | Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        scenario.load(source)
    return str(caught.value)


def test_the_catalogue_holds_the_scenarios_by_id() -> None:
    assert {"contraception", "contraception_frozen", "foraging", "strawberry"} <= set(SHIPPED)
    assert all(path.is_file() for path in SHIPPED.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_tells_what_it_is_and_names_its_schema(name: str) -> None:
    read = scenario.load(name)
    assert read.id == name
    assert read.question.endswith("?")
    assert all([read.title, read.claim, read.source, read.control, read.expected])
    assert all(environment.title for environment in read.environments.values())
    assert SHIPPED[name].read_text().startswith("#:schema ./scenario.schema.json\n")


def test_contraception_has_the_numbers_of_its_prototype() -> None:
    read = scenario.load("contraception")
    world, modern = read.environment("ancestral"), read.environment("modern")
    assert world.n_states == modern.n_states == 784
    assert (read.evolution.population, read.evolution.levels, read.generations) == (400, 4, 160)
    assert (read.agent.depth.low, read.agent.depth.high) == (0, 20)
    assert read.agent.patience.low == 0.97
    assert {name: world.sites_of(name) for name in world.kinds} == {
        "berry": 2, "mate": 2, "baby": 1, "rock": 2, "candy": 1,
    }  # fmt: skip
    assert world.kinds["mate"].use["court"].yields == {"children": 1}
    assert modern.kinds["mate"].use["court"].yields == {"children": 0.02}


def test_the_frozen_variant_differs_from_contraception_in_selection_alone() -> None:
    plain, frozen = scenario.load("contraception"), scenario.load("contraception_frozen")
    assert [phase.select for phase in frozen.timeline] == [True, False]
    a, b = plain.to_dict(), frozen.to_dict()
    for key in ("id", "title", "question", "expected", "found", "experiment"):
        assert a.pop(key) != b.pop(key)
    assert b["timeline"][1].pop("select") != a["timeline"][1].pop("select")
    assert a == b


def test_only_the_lamp_changes_in_the_evening() -> None:
    read = scenario.load("strawberry")
    day, evening = read.environment("day"), read.environment("evening")
    bucket = day.kinds["bucket"].use["throw"].feels["gleam"]
    assert day.kinds["lamp"].use["throw"].feels["gleam"] < bucket
    assert evening.kinds["lamp"].use["throw"].feels["gleam"] > bucket
    assert [n for n in day.kinds if day.kinds[n] != evening.kinds[n]] == ["lamp"]
    assert read.payoffs == ("strawberries", "lamp_hits")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_control_that_a_scenario_names_can_be_run(name: str) -> None:
    found = scenario.load(name)
    assert found.control
    if "--set " in found.control:
        setting = found.control.split("--set ")[1].split()[0].rstrip(".,:;)")
        assert scenario.load(name, settings=[setting]) != found
    else:  # it is an arm of the experiment
        assert found.experiment is not None
        assert len(found.experiment.arms) > 1


def test_an_unknown_id_is_answered_with_the_nearest_and_all_known() -> None:
    assert refusal("contraceptoin") == (
        "contraceptoin: no such scenario, and no such file: did you mean 'contraception'? "
        f"known: {', '.join(sorted(SHIPPED))}"
    )


def test_a_path_to_nothing_says_so(tmp_path: Path) -> None:
    missing = tmp_path / "mine.toml"
    assert refusal(missing) == f"{missing}: no such file"
    (tmp_path / "mime.toml").touch()
    assert refusal(str(missing)) == (
        f"{missing}: no such file; did you mean '{tmp_path / 'mime.toml'}'?"
    )
    assert refusal("nowhere/foraging.toml").endswith("; the catalogue has it as 'foraging'")


def test_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALL)
    assert scenario.load(path) == scenario.load(str(path)) == scenario.loads(SMALL)


def test_errors_of_a_file_name_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALL.replace("rows = 4", "rows = 0"))
    assert refusal(path).startswith(f"{path}:15: world.rows: ")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert scenario.load(path).id == "small"


def test_a_folder_is_answered_as_such(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: is a folder, not a file"
    (tmp_path / "scenario.toml").touch()
    assert refusal(tmp_path).endswith("(it holds a scenario.toml)")


def test_text_that_is_not_utf8_is_answered_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b'id = "a"\ntitle = "\xe9"\n')
    assert refusal(path) == f"{path}:2: not UTF-8 text (byte 0xe9); save the file as UTF-8"


def test_a_file_that_may_not_be_read_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.toml"
    path.touch()

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("evosim.scenario.shipped._read_bytes", refuse)
    assert refusal(path) == f"{path}: cannot be read: Permission denied"


def test_further_checks_are_told_with_the_lines_of_their_keys() -> None:
    def check(read: scenario.Scenario) -> list[Problem]:
        name = read.evolution.select.operator
        return [Problem(file="?", line=None, key="evolution.select.operator", message=f"no {name}")]

    for sets, where in (
        ([], "s.toml:61"),
        (["evolution.select.operator=x"], "setting evolution.select.operator=x"),
    ):
        with pytest.raises(ScenarioError, match=r"evolution\.select\.operator: no") as caught:
            scenario.loads(SMALL, name="s.toml", settings=sets, checks=[check])
        assert str(caught.value).startswith(f"{where}: evolution.select.operator: no ")


def test_importing_the_package_imports_neither_numpy_nor_numba_nor_pydantic() -> None:
    code = (
        "import sys, evosim.scenario as s\n"
        "assert not {'numpy', 'numba', 'pydantic'} & set(sys.modules)\n"
        "s.catalogue()\n"
        "assert 'pydantic' not in sys.modules\n"
        "s.load('contraception')\n"
        "assert not {'numba', 'scipy', 'tree_sitter'} & set(sys.modules), 'loading'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_name_that_the_package_offers_exists() -> None:
    for name in scenario.__all__:
        assert getattr(scenario, name) is not None
    with pytest.raises(AttributeError, match="lod"):
        scenario.lod  # noqa: B018
