"""Phases, mixtures, flips and objectives by generation."""

from __future__ import annotations

import pytest
from texts import SMALL, changed

from evosim.errors import EvosimError
from evosim.scenario import load, loads


def test_generations_are_numbered_from_0_through_all_phases() -> None:
    scenario = loads(SMALL)
    assert scenario.generations == 5
    assert [scenario.phase_at(g) is scenario.timeline[0] for g in range(5)] == [True] * 3 + [
        False
    ] * 2


@pytest.mark.parametrize("generation", [-1, 5])
def test_a_generation_beyond_the_timeline_is_refused(generation: int) -> None:
    with pytest.raises(EvosimError, match=rf"no generation {generation} \(allowed 0 to 4\)"):
        loads(SMALL).phase_at(generation)


def test_weights_of_a_mixture_sum_to_one() -> None:
    scenario = loads(SMALL)
    assert scenario.timeline[0].mixture == {"home": 1.0}
    assert scenario.timeline[1].mixture == {"home": 0.25, "away": 0.75}


def test_environments_of_weight_0_take_no_part() -> None:
    scenario = loads(changed(("train = { home = 1, away = 3 }", "train = { home = 2, away = 0 }")))
    assert scenario.timeline[1].mixture == {"home": 1.0}
    assert scenario.flips == ()


def test_a_flip_is_where_the_mixture_changes() -> None:
    (flip,) = loads(SMALL).flips
    assert flip.generation == 3
    assert flip.before == {"home": 1.0}
    assert flip.after == {"home": 0.25, "away": 0.75}
    assert flip.label_before == "home"
    assert flip.label_after == "25 % home, 75 % away"


def test_a_phase_that_only_ends_selection_is_no_flip() -> None:
    text = changed(("train = { home = 1, away = 3 }", 'train = "home"\nselect = false'))
    assert loads(text).flips == ()


def test_every_flip_of_a_longer_timeline_is_found() -> None:
    text = SMALL + '\n[[timeline]]\ngenerations = 4\ntrain = "home"\n'
    assert [flip.generation for flip in loads(text).flips] == [3, 5]


def test_a_phase_overrides_the_half_of_the_objective_that_it_names() -> None:
    text = changed(
        ("here = { feels", "here = { yields = { dust = 1 }, feels"),
        ("window = 20", 'window = 20\nobjective.selected = "dust"'),
    )
    scenario = loads(text)
    assert scenario.objective_at(0).selected == "food"
    assert scenario.objective_at(3).selected == "dust"
    assert scenario.objective_at(3).intended == "food"


def test_a_phase_pays_for_other_steps_and_keeps_the_payoffs() -> None:
    scenario = loads(changed(("window = 20", "window = 20\nobjective.observed = { night = 1 }")))
    assert scenario.objective_at(0).observed == {}
    assert scenario.objective_at(3) == scenario.objective.model_copy(
        update={"observed": {"night": 1}}
    )
    assert loads(scenario.to_toml()) == scenario


def test_contraception_flips_once_in_the_middle() -> None:
    (flip,) = load("contraception").flips
    assert (flip.generation, flip.label_before, flip.label_after) == (80, "ancestral", "modern")


# Ramps

RAMP = SMALL.replace("window = 20", "ramp = 2")


def test_a_ramp_goes_to_its_phase_in_equal_steps() -> None:
    scenario = loads(RAMP.replace("{ home = 1, away = 3 }", '"away"'))
    assert [scenario.mixture_at(g) for g in (2, 3, 4)] == [
        {"home": 1.0}, {"home": 0.5, "away": 0.5}, {"away": 1.0},
    ]  # fmt: skip
    (flip,) = scenario.flips
    assert (flip.generation, flip.arrival, flip.after) == (3, 4, {"away": 1.0})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RAMP.replace("ramp = 2", "ramp = 3"), "ramp beyond its phase (got 3, allowed 1 to"),
        (SMALL.replace('train = "home"', 'train = "home"\nramp = 1'), "the first phase has none"),
        (
            RAMP.replace("ramp = 2", "ramp = 2\nwindow = 40").replace(
                'title = "away"', 'title = "away"\nlifetime = 50'
            ).replace("{ home = 1, away = 3 }", '"away"'),
            "window beyond the lifetime (got 40, allowed 1 to 30 in home)",
        ),
    ],
    ids=["too long", "first", "window"],
)  # fmt: skip
def test_a_ramp_that_is_wrong_is_refused(text: str, message: str) -> None:
    with pytest.raises(EvosimError) as error:
        loads(text)
    assert message in str(error.value)
