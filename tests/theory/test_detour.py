"""Drives and planning against reflexes (number 14 of the known answers).

Ackley & Littman 1991, "Interactions between learning and evolution", Artificial Life II: evolution
and learning together do better than evolution of conduct alone. What learns there plans here, and
only the ordering is asserted.
"""

from __future__ import annotations

from pathlib import Path

from published import mean_of, measured, short_run, surely_above

from evosim.scenario import load
from evosim.study import design


def test_drives_and_planning_beat_reflexes_behind_a_detour() -> None:
    """Ackley & Littman 1991, the ordering: evolved goals for a mind that acts on them itself do
    better than evolved reactions."""
    planners = mean_of("detour", "payoff", "effect", of="chicks")
    reflexes = mean_of("detour", "payoff", "reflexes", of="chicks")
    assert surely_above(0.0, planners - reflexes)


def test_without_the_detour_the_lead_is_gone() -> None:
    """The lead is owed to the detour: without thorns it is less than a tenth of what it was."""
    lead = {
        where: mean_of("detour", "payoff", planners, of="chicks")
        - mean_of("detour", "payoff", reflexes, of="chicks")
        for where, planners, reflexes in [
            ("hedge", "effect", "reflexes"),
            ("open", "open", "open_reflexes"),
        ]
    }
    assert surely_above(0.0, lead["hedge"] - lead["open"])
    assert lead["open"].mean() < 0.1 * lead["hedge"].mean()


def test_both_have_as_many_lives() -> None:
    """Equal evaluations, as in Ackley & Littman 1991."""

    def lives(arm: str) -> int:
        evolution = design.arms(load("detour"))[arm].evolution
        generations = design.arms(load("detour"))[arm].generations
        return evolution.population * evolution.levels * generations

    assert len({lives(arm) for arm in design.experiment_of(load("detour")).arms}) == 1


def test_planners_lead_in_a_live_run(tmp_path: Path) -> None:
    """Ackley & Littman 1991, the ordering; few replicates and generations."""
    chicks = {
        arm: measured(
            short_run("detour", arm, tmp_path, "timeline.0.generations=30"), "payoff", of="chicks"
        )[0]
        for arm in ("effect", "reflexes")
    }
    assert chicks["effect"] > chicks["reflexes"] + 0.5
