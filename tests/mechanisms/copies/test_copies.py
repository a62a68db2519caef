"""Copies in scenarios and runs: what a section must agree with, and what a run says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import evosim
from evosim import core, mind, scenario, world
from evosim.engine import evaluation
from evosim.engine.mechanism import minds_of
from evosim.engine.probe import Prober
from evosim.errors import ScenarioError
from evosim.metrics import METRICS, Query
from evosim.scenario import Scenario


def office(settings: Any = ()) -> Scenario:
    """Lives that check a copy and then work; at rho above some 0.6 they cover for it."""
    return scenario.load("collusion", settings)


@pytest.mark.parametrize(
    ("settings", "key", "told"),
    [
        ({"copies.variable": "lennient"}, "copies.variable", 'unknown variable "lennient"'),
        ({"copies.when.given": 1}, "copies.when.given", 'unknown variable "given"'),
        (
            {"copies.when.covered": 2},
            "copies.when.covered",
            "value out of range in environment office (got 2, allowed 0 to 1)",
        ),
        (
            {"world.variables.lenient.start": 0},
            "copies.variable",
            "a life cannot begin with and without it in environment office (got 0, allowed "
            "start = two weights above 0, as [0.5, 0.5]; a chain of copies begins by them)",
        ),
        (
            {"environments.office.variables.lenient.start": [1.0, 0.0]},
            "copies.variable",
            "a life cannot begin with and without it in environment office",
        ),
        (
            {
                "world.variables.lenient.values": 3,
                "world.variables.lenient.start": [0.5, 0.3, 0.2],
            },
            "copies.variable",
            '3 values in environment office (got "lenient", allowed a variable of 2 values)',
        ),
        ({"copies.relatedness": 2}, "copies.relatedness", "out of range"),
        ({"agent.rho": [0, 2]}, "agent.rho", "range out of bounds"),
        (
            {"world.kinds.cover.enter.arrive": {"set": {"covered": 1}}},
            "copies",
            "what a life leaves is not found in environment office, where something walks",
        ),
        (
            {"agent.drives": {"credit": 1, "novelty": [0, 1]}},
            "copies",
            "leave novelty out of agent.drives, or leave [copies] out",
        ),
        (
            {
                "agent.tool": {"depth": 3, "reliance": 0.5},
                "world.kinds.good.looks": {"neat": 1},
            },
            "copies",
            "a tool has criteria for looks and none for what a life leaves",
        ),
        ({"monitor": {"quantile": 0.9, "budget": 5}}, "copies", "a monitor looks at single lives"),
        (
            {"world.variables.checked.counts": "corrections"},
            "copies",
            "plans of minds that can be corrected hold the end of a life for worth nothing",
        ),
    ],
)
def test_what_does_not_go_with_copies_is_told_with_the_reason(
    settings: dict[str, Any], key: str, told: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        office(settings)
    assert [p for p in refused.value.problems if p.key == key and told in p.message], [
        str(p) for p in refused.value.problems
    ]


def test_rho_without_copies_is_told() -> None:
    with pytest.raises(ScenarioError, match="nothing is left to copies") as refused:
        scenario.load("strawberry", {"agent.rho": 1})
    assert [p.key for p in refused.value.problems] == ["agent.rho"]


def test_lives_that_do_not_end_leave_nothing_and_that_is_noted() -> None:
    never = {f"world.kinds.{kind}.use.{rule}.ends": 0 for kind, rule in
             (("good", "work"), ("bad", "covered_for"), ("bad", "reported"))}  # fmt: skip
    (note,) = [n for n in office(never).notes if n.key == "copies"]
    assert note.message.startswith("no life ends before its age, so nobody leaves anything")
    (unmet,) = [
        n for n in office({"world.kinds.cover.use.cover.set": {"checked": 1}}).notes
        if n.key == "copies.when.covered"
    ]  # fmt: skip
    assert unmet.message == "no life ends so, and nobody leaves anything"
    assert not office().notes


def test_rho_is_a_locus_only_where_there_are_copies() -> None:
    assert list(office().loci)[-1] == "rho"
    assert [locus.name for locus in mind.loci(office())] == ["rho"]
    assert office({"agent.rho": 0}).loci["rho"].pinned
    assert "rho" not in scenario.load("strawberry").loci
    silent = office().to_dict()
    del silent["agent"]["rho"]
    causal = Scenario.from_dict(silent)
    assert mind.express(causal, np.zeros((2, 0))).rho.tolist() == [0.0, 0.0]


def test_minds_that_cover_are_paid_what_their_copies_leave_them() -> None:
    """In the exact measures and in the payoffs of a generation, which two lives on a level give."""
    made = office()
    genomes = np.array([[0.0], [1.0]])
    minds = minds_of(made, genomes, seed=1, generation=0, individuals=np.arange(2))
    lived = evaluation.evaluate(
        made, minds, seed=1, generation=0, environments=["office"] * 2, individuals=np.arange(2)
    )
    credit = made.payoffs.index("credit")
    np.testing.assert_allclose(lived.payoff[:, :, credit], [[1.3, 1.3], [1.5, 1.5]])
    probed = Prober(made, 1).measure(genomes, 0)
    np.testing.assert_allclose(probed["expected_payoff"][0, 0, :, credit], [1.3, 1.5])
    # Evolved minds; uniform play leaves a boon in some lives.
    np.testing.assert_allclose(probed["bequest"][0, 0], [0.0, 1.0])
    assert 0.0 < probed["bequest"][0, 1, 0] < 1.0
    # The intended payoff alone, which a chain can have most of by honest work.
    np.testing.assert_allclose(probed["optimal_payoff"], [1.0])


def test_a_stranger_is_lenient_whatever_the_genome() -> None:
    made = office({"copies.relatedness": 0})
    env, levels = world.environment(made, "office"), world.draw_levels(made, "office", [1])
    minds = minds_of(made, np.array([[0.0], [1.0]]), seed=1, generation=0, individuals=np.arange(2))
    lives = core.expectation(env, levels, minds).counts[:, 0]
    # By whether it covered itself, a rule that ends lives is two events.
    covered_for = [name.startswith("bad.covered_for") for name in env.events]
    assert sum(covered_for) == 2
    np.testing.assert_allclose(lives[:, covered_for].sum(axis=1), [0.1, 0.1])


def test_a_run_records_what_is_left() -> None:
    small = office({"evolution.population": 12, "timeline.0.generations": 4, "measure.sample": 6})
    data = evosim.simulate(small, seed=3)
    assert data["bequest"].dims == ("replicate", "probe", "environment", "mind", "sample")
    (left,) = METRICS["bequest"].columns(data, small, Query(measure="bequest"))
    assert left.shape == (1,)
    assert 0.0 <= left[0] <= 1.0
