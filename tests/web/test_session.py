"""Sessions of the lab: a session is the scenario that it writes, to the bit."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import evosim
from evosim.cli import cli
from evosim.errors import EvosimError
from evosim.testing import TINY
from evosim.web.session import LONGEST, Choice, Session, settings_of

AFTER = Choice("after", True, "food")


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return str(path)


def flipped(session: Session) -> list[evosim.Generation]:
    """Six generations: into the other world, there without selection, and back with it."""
    found = []
    for choice in (
        None,
        AFTER,
        AFTER._replace(select=False),
        None,
        AFTER._replace(train="before"),
        None,
    ):
        session.step()
        assert session._latest is not None
        found.append(session._latest)
        if choice is not None:
            session.flip(choice)
    return found


def test_the_command_of_a_session_repeats_it_to_the_bit(tiny: str, tmp_path: Path) -> None:
    session = Session(
        tiny, seed=3, settings=settings_of(evosim.load(tiny), {"agent.patience": 0.5})
    )
    found = flipped(session)
    words = session.command(out=str(tmp_path / "run"))
    done = CliRunner().invoke(cli, [*words[1:], "--no-figures", "--workers", "1"])
    assert done.exit_code == 0, done.output
    run = evosim.open_run(tmp_path / "run")
    assert run.scenario == session.to_scenario()
    data = run.data.isel(replicate=0)
    assert list(data["generation"].values) == [g.number for g in found]
    for generation in found:
        then = data.sel(generation=generation.number)
        for name, values in generation.arrays.items():
            assert values.tobytes() == then[name].values.tobytes(), (generation.number, name)


def test_what_a_flip_did_is_what_the_verdict_of_the_run_says(tiny: str, tmp_path: Path) -> None:
    session = Session(tiny, seed=3)
    flipped(session)
    run = evosim.run(session.to_scenario(), seed=3, out=tmp_path / "run", workers=1, figures=False)
    told = run.summary["flips"]
    assert [one["generation"] for one in told] == [o.generation for o in session.outcomes] == [2, 5]
    for flip, outcome in zip(told, session.outcomes, strict=True):
        for name, sides in outcome.of.items():
            np.testing.assert_allclose(sides, [flip[f"{name}_before"], flip[f"{name}_after"]])


def test_the_scenario_of_a_session_is_a_file(tiny: str) -> None:
    session = Session(tiny, seed=3)
    flipped(session)
    text = session.to_scenario().to_toml()
    timeline = [(p["generations"], p["select"]) for p in tomllib.loads(text)["timeline"]]
    assert timeline == [(2, True), (1, True), (2, False), (1, True)]
    again = evosim.simulate(evosim.Scenario.from_dict(tomllib.loads(text)), seed=3, probes=False)
    last = session._latest
    assert last is not None
    assert again["genome"].values[0, -1].tobytes() == last.arrays["genome"].tobytes()


def test_a_session_with_the_timeline_of_another_flips_as_that_one_did(tiny: str) -> None:
    first = Session(tiny, seed=3)
    flipped(first)
    second = Session(tiny, seed=3, phases=first.phases)
    for _ in range(6):
        second.step()
    # Before a flip that is known a generation is probed; all else is the same.
    for row in (*first.rows, *second.rows):
        del row["probe"]
    assert second.rows == first.rows
    assert second.outcomes == first.outcomes
    assert sum(p.generations for p in second.scenario.timeline) == LONGEST


def test_a_life_is_the_one_that_was_scored(tiny: str) -> None:
    session = Session(tiny, seed=3)
    flipped(session)
    latest = session._latest
    assert latest is not None
    for individual in (0, "best", "median"):
        lives = [session.life(individual, level, None) for level in range(2)]
        number = int(lives[0].heading.split("individual ")[1].split(",")[0])
        paid = np.mean([life.payoffs[-1] for life in lives], axis=0)
        np.testing.assert_allclose(paid, latest.payoffs[number])
    there = session.life(0, 0, "after")
    assert there.world.name == "after"


@pytest.mark.parametrize("individual", [20, -1, "worst"])
def test_nobody_else_has_a_life(tiny: str, individual: int | str) -> None:
    session = Session(tiny, seed=3)
    with pytest.raises(EvosimError, match="nobody lives"):
        session.life(0, 0, None)
    session.step()
    with pytest.raises(EvosimError, match=r"no individual|allowed are"):
        session.life(individual, 0, None)
    with pytest.raises(EvosimError, match="no level 2"):
        session.life(0, 2, None)
    with pytest.raises(EvosimError, match="no environment 'moon'"):
        session.life(0, 0, "moon")


def test_flips_to_nowhere_are_refused_and_change_nothing(tiny: str) -> None:
    session = Session(tiny, seed=3)
    with pytest.raises(EvosimError, match="take a step first"):
        session.flip(AFTER)
    session.step()
    for choice, reason in (
        (AFTER._replace(train="moon"), "unknown environment 'moon'"),
        (AFTER._replace(selected="fame"), "unknown payoff 'fame'"),
        (session.choice, "that is the world"),
    ):
        with pytest.raises(EvosimError, match=reason):
            session.flip(choice)
    assert session.step() is not None
    assert session.rows[-1]["world"] == "before"


def test_numbers_are_moved_within_their_bounds_only() -> None:
    pill = evosim.load("contraception")
    key = "environments.modern.kinds.mate.use.court.yields.children"
    assert settings_of(pill, {key: 0.5, "evolution.population": 100.0}) == {
        key: 0.5,
        "evolution.population": 100,
    }
    for name, value in (
        ("evolution.population", 10**9),
        ("evolution.population", "many"),
        ("evolution.population", True),
        ("evolution.population", float("nan")),
        ("world.rows", 9),
    ):
        with pytest.raises(EvosimError):
            settings_of(pill, {name: value})


def test_every_number_of_every_shipped_scenario_can_be_moved() -> None:
    for name in evosim.catalogue():
        scenario = evosim.load(name)
        session = Session(name, seed=1)
        assert [one.name for one in session.numbers()]
        for number in session.numbers():
            if not number.choices:
                assert number.low <= number.value <= number.high, (name, number)
                scenario.replace(settings_of(scenario, {number.name: number.value}))


def test_the_band_of_chance_is_that_of_the_run(tiny: str) -> None:
    session = Session(tiny, seed=3)
    assert not session.chance(now=True)
    for _ in range(10):
        session.step()
    assert session.chance()
    assert not session.chance(now=True)
    (band,) = session.band.values()  # both drives start alike
    assert len(band["low"]) == 10
    assert all(low <= high for low, high in zip(band["low"], band["high"], strict=True))
