"""A scenario that says its levels are disjoint: its seeds are looked at before anybody lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evosim.errors import RunError
from evosim.measure import overlap
from evosim.measure.overlap import Drawn
from evosim.rng import Purpose, key
from evosim.run.lives import environments_of
from evosim.run.loop import replicate_seed
from evosim.scenario.placement import count_layouts

if TYPE_CHECKING:
    from evosim.scenario import Scenario


def check_disjoint(scenario: Scenario, facts: Mapping[str, Any]) -> None:
    """Refuse seeds by which a probe level or a level of deployment is one that trained.

    All levels of a run are known from its seeds (model 5), so this is told before the first of
    them is lived in. Without ``measure.disjoint`` nothing is checked.

    Args:
        facts: ``seeds``, ``probe_seed`` and ``replicates`` as in run.json.

    Raises:
        RunError: levels are not disjoint; names some and says what can be done.
    """
    if not scenario.measure.disjoint:
        return
    for replicate in range(int(facts["replicates"])):
        lived = _lived(scenario, facts["seeds"], replicate)
        training = overlap.trained(scenario, lived)
        probe_seed = replicate_seed(int(facts["probe_seed"]), replicate)
        _refuse(
            scenario,
            facts,
            replicate,
            training,
            "probe level",
            overlap.probes(scenario, probe_seed),
        )
        begin = overlap.begins(scenario)
        if begin is not None:
            before = [level for level in training if level.generation < begin]
            after = [level for level in lived if level.generation >= begin]
            _refuse(scenario, facts, replicate, before, "level of deployment", after)


def _lived(scenario: Scenario, seeds: Sequence[Mapping[str, Any]], replicate: int) -> list[Drawn]:
    """Every level of a replicate's timeline."""
    found = []
    for generation in range(scenario.generations):
        root = [s["seed"] for s in seeds if s["from"] <= generation][-1]
        seed = replicate_seed(int(root), replicate)
        for level, name in enumerate(environments_of(scenario, generation, seed)):
            drawn_from = key(seed, Purpose.LEVEL, generation, level)
            found.append(Drawn(generation, level, name, drawn_from))
    return found


def _refuse(
    scenario: Scenario,
    facts: Mapping[str, Any],
    replicate: int,
    training: Sequence[Drawn],
    what: str,
    levels: Sequence[Drawn],
) -> None:
    same = overlap.seen(scenario, levels, training)
    both = [(one, other) for one, other in zip(levels, same, strict=True) if other is not None]
    if not both:
        return
    one, other = both[0]
    number = f"{one.level}" if "probe" in what else f"{one.level} of generation {one.generation}"
    raise RunError(
        f"scenario {scenario.id!r} says measure.disjoint = true, and with seed "
        f"{facts['seeds'][-1]['seed']} that is not so: in replicate {replicate} {len(both)} of "
        f"{len(levels)} are levels that trained (the first: {what} {number} in "
        f"{one.environment!r} is level {other.level} of generation {other.generation} in "
        f"{other.environment!r}). {other.environment!r} has "
        f"{count_layouts(scenario.environment(other.environment)):,} different levels at most, and "
        f"{len(training)} are drawn to train. Use a larger grid or more sites, fewer levels or "
        "generations, another seed, or leave measure.disjoint out"
    )
