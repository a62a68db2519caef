"""Operators and their keywords, checked when a scenario is read."""

from __future__ import annotations

from typing import Any

import pytest
from breeding import GAUSSIAN, MATE, MUTATE, SELECT, TOURNAMENT, UNIFORM, with_genes

from evosim import evolution
from evosim.evolution.check import _ALLOWED


def complaints(**parts: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a scenario, by key."""
    problems = evolution.check(with_genes(2, **parts))
    assert len({problem.key for problem in problems}) == len(problems)
    return {problem.key: problem.message for problem in problems}


@pytest.mark.parametrize("select", SELECT)
@pytest.mark.parametrize("mate", MATE)
@pytest.mark.parametrize("mutate", MUTATE)
def test_operators_with_their_keywords_are_accepted(select: str, mate: str, mutate: str) -> None:
    assert not complaints(
        select={"operator": select, **SELECT[select]},
        mate={"operator": mate, "chance": 0.5, **MATE[mate]},
        mutate={"operator": mutate, "chance": 0.5, **MUTATE[mutate]},
    )


def test_everything_wrong_is_told_at_once() -> None:
    found = complaints(
        select={"operator": "selTournment", "tournsize": 3},
        mate={"operator": "cxUniform", "indbp": 0.5},
        mutate={**GAUSSIAN, "sigma": -1.0},
    )
    assert set(found) == {
        "evolution.select.operator",
        "evolution.mate.indbp",
        "evolution.mate",
        "evolution.mutate.sigma",
    }


def test_a_misspelt_operator_is_answered_with_the_nearest() -> None:
    found = complaints(select={"operator": "selTournment", "tournsize": 3})
    message = found["evolution.select.operator"]
    assert "did you mean 'selTournament'?" in message
    assert "selRoulette" in message


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("select", "selWorst"),  # of deap.tools, but not allowed
        ("select", "selNSGA2"),
        ("mate", "cxOrdered"),
        ("mutate", "mutESLogNormal"),
        ("mutate", "cxUniform"),  # allowed, but of another kind
        ("select", "__class__"),
    ],
)
def test_operators_that_are_not_on_the_list_are_refused(part: str, name: str) -> None:
    assert list(complaints(**{part: {"operator": name}})) == [f"evolution.{part}.operator"]


def test_a_misspelt_keyword_is_answered_with_the_nearest() -> None:
    found = complaints(select={"operator": "selTournament", "tournsize": 3, "toursize": 3})
    assert "did you mean 'tournsize'?" in found["evolution.select.toursize"]


def test_a_missing_keyword_is_named_with_what_it_may_be() -> None:
    found = complaints(select={"operator": "selTournament"})
    expected = "selTournament needs tournsize (a whole number from 1 to 10,000)"
    assert found == {"evolution.select": expected}


@pytest.mark.parametrize("name", ["individuals", "k", "fit_attr"])
def test_what_evosim_passes_itself_is_no_keyword(name: str) -> None:
    assert list(complaints(select={**TOURNAMENT, name: 3})) == [f"evolution.select.{name}"]


@pytest.mark.parametrize("name", ["low", "up"])
def test_bounds_of_bounded_operators_are_given_by_evosim(name: str) -> None:
    mate = {"operator": "cxSimulatedBinaryBounded", "eta": 2.0, name: 0.0}
    assert "units of their locus" in complaints(mate=mate)[f"evolution.mate.{name}"]


@pytest.mark.parametrize(
    ("part", "written", "key"),
    [
        ("select", {**TOURNAMENT, "tournsize": 0}, "tournsize"),
        ("select", {**TOURNAMENT, "tournsize": 2.0}, "tournsize"),
        ("select", {**TOURNAMENT, "tournsize": True}, "tournsize"),
        ("select", {"operator": "selBest", "share": 0}, "share"),
        ("select", {"operator": "selBest", "share": 1.5}, "share"),
        ("mate", {**UNIFORM, "indpb": 1.1}, "indpb"),
        ("mate", {**UNIFORM, "indpb": "half"}, "indpb"),
        ("mate", {"operator": "cxBlend", "alpha": -0.1}, "alpha"),
        ("mate", {"operator": "cxSimulatedBinary", "eta": -1}, "eta"),
        ("mutate", {**GAUSSIAN, "mu": float("nan")}, "mu"),
        ("mutate", {**GAUSSIAN, "sigma": [0.1, 0.1]}, "sigma"),
        ("mutate", {**GAUSSIAN, "sigma": float("inf")}, "sigma"),
    ],
)
def test_an_impossible_value_is_refused_with_what_is_allowed(
    part: str, written: dict[str, Any], key: str
) -> None:
    found = complaints(**{part: written})
    assert list(found) == [f"evolution.{part}.{key}"]
    assert f"got {written[key]!r}, allowed {_ALLOWED[key][1]}" in found[f"evolution.{part}.{key}"]


def test_values_of_every_keyword_of_every_operator_are_checked() -> None:
    for registry in evolution.OPERATORS.values():
        for name in registry:
            assert set(registry[name].keywords()) <= set(_ALLOWED), name
