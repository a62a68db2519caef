"""Analysis ``stress``: the change of the world under which minds go on for something else.

The population of one generation is put into worlds that differ from its own (docs/stress.md,
:mod:`evosim.metrics.stress`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.engine.iterate import flipped
from evosim.engine.mechanism import minds_of
from evosim.engine.probe import level_seeds, probe_seeds, random_drives
from evosim.engine.variables import present
from evosim.errors import EvosimError
from evosim.metrics import stress
from evosim.metrics.analyses.registry import analysis
from evosim.metrics.query import main_environment
from evosim.metrics.stress import Border, Change, Judge, Outcome, Population
from evosim.mind import Minds
from evosim.rng import Purpose, key
from evosim.scenario import from_dict
from evosim.scenario.words import WORDS
from evosim.stats.report_tables import filled, table

if TYPE_CHECKING:
    import xarray as xr

    from evosim.metrics.analyses.registry import Request
    from evosim.scenario import Scenario

INDIVIDUALS = 16
"""Minds that are looked at, of all replicates together."""
LEVELS = 4
AFTER = 40
"""Generations after the flip in the scenario that is written."""
TOLD = 3
"""Changed numbers that the title of the environment names."""
SHOWN = 10
"""Numbers of which the text has a row."""


def analyse(data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
    """What changes collapse the minds of one generation of all replicates.

    Args:
        request: ``generation`` left out is that of the first flip, whose population was bred in
            the old world only; the last one where nothing flips. Options: ``environment`` that is
            changed (None: the one trained in before the generation), ``keys``, ``payoffs``,
            ``unfelt``, ``budget``, ``radius`` of :mod:`evosim.metrics.stress`; ``known`` and
            ``evaluated`` of its Population; ``begun``, called with the most evaluations there
            will be.

    Raises:
        EvosimError: nobody lives then, a key is none, or nothing of such minds is exact.
    """
    asked = dict(request.options)
    generation = request.generation
    if generation is None:
        first = int(data["generation"].values[0])  # of a fork: what is before is another run's
        flips = [flip.generation for flip in scenario.flips if flip.generation >= first]
        generation = flips[0] if flips else scenario.generations - 1
    environment = asked.get("environment")
    if environment is None:
        environment = main_environment(scenario, max(generation - 1, 0))
    scenario.environment(environment)  # there is one
    if why := stress.unsupported(scenario):
        raise EvosimError(why)
    keys = stress.keys(
        scenario, environment, payoffs=asked.get("payoffs", False),
        unfelt=asked.get("unfelt", False), only=asked.get("keys"),
    )  # fmt: skip
    budget, radius = asked.get("budget", stress.BUDGET), asked.get("radius", stress.RADIUS)
    seeds = probe_seeds(data)
    minds = _minds(data, scenario, generation, seeds)
    levels = level_seeds(seeds[0], min(LEVELS, scenario.measure.levels))
    how = {name: asked[name] for name in ("known", "evaluated") if name in asked}
    if "begun" in asked:
        asked["begun"](1 + len(keys) * stress.MOST_OF_A_KEY + budget)
    population = Population(scenario, environment, minds, levels, **how)
    base = population.fare({})
    floor = scenario.verdict.floor
    if not (base.alignment > floor and base.capability > floor):
        raise EvosimError(
            f"in generation {generation} alignment is {base.alignment:.2f} and capability "
            f"{base.capability:.2f} in {environment!r}, and up to {floor:g} there is nothing "
            "to lose (verdict.floor): ask for another generation or environment"
        )
    judge = Judge(scenario, base)
    single = stress.one_at_a_time(population, judge, keys)
    mattering = [border.key for border in single if _matters(border, base)]
    drawn = {"seed": key(request.seed, Purpose.STUDY, generation), "budget": budget // 2}
    least = lowest = None
    searched = bool(mattering) and budget > 1
    if searched:
        least = stress.smallest(population, judge, mattering, begin=single, **drawn)
        lowest = stress.worst(population, judge, mattering, radius=radius, **drawn)
    found = least or next((b for b in single if b.move is not None), None)
    random = Population(scenario, environment, _random(scenario, minds, seeds[0]), levels)
    changes = _changes(keys, least or found)
    return {
        "generation": generation,
        "environment": environment,
        "individuals": len(minds.depth),
        "levels": len(levels),
        "verdict": {"kept": scenario.verdict.kept, "lost": scenario.verdict.lost},
        "base": base._asdict(),
        "keys": [_row(border) for border in single],
        "left_out": len(keys) - len(mattering),
        "smallest": least and least._asdict() | {"outcome": least.outcome._asdict()},
        "worst": lowest and lowest._asdict() | {"outcome": lowest.outcome._asdict()},
        "radius": radius,
        "searched": searched,
        "random": {
            "before": random.fare({})._asdict(),
            "after": random.fare(changes)._asdict() if changes else None,
        },
        "evaluations": population.evaluations,
        "flip": _flip(population, changes, generation) if changes else None,
    }


def _flip(population: Population, changes: Mapping[tuple[str, ...], float], generation: int) -> str:
    """The scenario with the change as an environment, which its timeline meets, as TOML."""
    plain = population.document(changes)
    changed = [f"{'.'.join(path)} = {value:.3g}" for path, value in changes.items()]
    more = len(changed) - TOLD
    told = ", ".join(changed[:TOLD]) + (f" and {more} more" if more > 0 else "")
    # What is claimed and was found is of the flip that somebody thought of.
    plain = {name: value for name, value in plain.items() if name not in WORDS}
    plain |= {
        "id": f"{population.scenario.id}_stressed",
        "title": f"{population.scenario.title}, stressed",
        "question": f"Do they go on capably for something else where {told}?",
    }
    plain["environments"][stress.NAME]["title"] = f"stressed: {told}"
    made = from_dict(plain, name=population.scenario.id)
    # In generation 0 there is nothing before a flip.
    phases = flipped(made, max(generation, 1), {"train": stress.NAME}, None, AFTER)
    return made.replace("timeline", phases).to_toml()


def _changes(
    keys: Sequence[stress.Key], found: Change | Border | None
) -> dict[tuple[str, ...], float]:
    """What differs in the world of a flip that was found."""
    if found is None:
        return {}
    if isinstance(found, Border):
        assert found.value is not None
        return {found.key.path: found.value}
    return {key.path: found.values[key.name] for key in keys if key.name in found.values}


def _minds(data: xr.Dataset, scenario: Scenario, generation: int, seeds: Sequence[int]) -> Minds:
    """Some individuals of a generation, as many of each replicate."""
    each = -(-INDIVIDUALS // len(seeds))
    found = []
    for replicate, seed in enumerate(seeds):
        then = data.isel(replicate=replicate).sel(generation=generation)
        genomes = np.asarray(then["genome"].values, np.float64)[: present(then)]
        rng = np.random.Generator(np.random.PCG64(key(seed, Purpose.SAMPLE, generation)))
        chosen: NDArray[np.integer] = np.sort(rng.permutation(len(genomes))[:each])
        if len(chosen):
            found.append(
                minds_of(scenario, genomes[chosen], seed=seed, generation=generation,
                         individuals=chosen)
            )  # fmt: skip
    if not found:
        raise EvosimError(f"generation {generation} has no individuals: all have died out")
    return Minds(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))


def _random(scenario: Scenario, minds: Minds, seed: int) -> Minds:
    """The same minds with drives drawn at random."""
    weights = np.zeros_like(minds.weights)
    weights[:, : len(scenario.stimuli)] = random_drives(scenario, seed, len(weights))
    return minds._replace(weights=weights)


def _matters(border: Border, base: Outcome) -> bool:
    """Whether a number makes any difference by itself."""
    return any(
        abs(a - base.alignment) > 1e-6 or abs(c - base.capability) > 1e-6
        for _, c, a in border.course
        if np.isfinite(a + c)
    )


def _row(border: Border) -> dict[str, Any]:
    return {
        "key": border.key.name,
        "from": border.key.value,
        "low": border.key.low,
        "high": border.key.high,
        "move": border.move,
        "value": border.value,
        "outcome": border.outcome and border.outcome._asdict(),
        "worst": {"value": border.worst_value, **border.worst._asdict()},
        "slope": border.slope,
        "course": [list(point) for point in border.course],
    }


def describe(summary: Mapping[str, Any]) -> str:
    """The numbers for people."""
    base, lost = summary["base"], summary["verdict"]
    lines = filled(
        f"{summary['individuals']} individuals of generation {summary['generation']} in "
        f"{summary['environment']}: capability {base['capability']:.2f}, alignment "
        f"{base['alignment']:.2f}. Collapse: at most {lost['lost']:g} of the alignment and at "
        f"least {lost['kept']:g} of the capability are left. A move of 1 is a number's whole "
        f"plausible range. {summary['evaluations']} exact evaluations."
    )
    rows = [["one number at a time", "from", "collapses at", "move", "alignment there",
             "lowest", "slope"]]  # fmt: skip
    for row in summary["keys"][:SHOWN]:
        collapse = row["outcome"]
        rows.append(
            [
                row["key"],
                f"{row['from']:g}",
                "-" if collapse is None else f"{row['value']:.3g}",
                "-" if collapse is None else f"{row['move']:+.2f}",
                "-" if collapse is None else f"{collapse['alignment']:.2f}",
                _number(row["worst"]["alignment"]),
                f"{row['slope']:+.2g}",
            ]
        )
    lines += ["", *table(rows)]
    if (more := len(summary["keys"]) - SHOWN) > 0:
        lines.append(f"  and {more} more numbers")
    if summary.get("searched", True):
        lines += ["", *_change("smallest change that collapses", summary["smallest"])]
        lines += _change(f"worst change within size {summary['radius']:g}", summary["worst"])
    else:
        lines += ["", "several numbers together were not searched: no budget, or none matters"]
    if summary["flip"]:
        random = summary["random"]
        lines += filled(
            "Random drives, under the change that was found: alignment "
            f"{_number(random['before']['alignment'])} before, "
            f"{_number((random['after'] or {}).get('alignment'))} after."
        )
    return "\n".join(line.rstrip() for line in lines)


def _change(title: str, change: Mapping[str, Any] | None) -> list[str]:
    if change is None:
        return [f"{title}: none was found"]
    if not change["moves"]:
        return [f"{title}: none is worse than the world as it is"]
    outcome = change["outcome"]
    moves = sorted(change["moves"], key=lambda name: -abs(change["moves"][name]))
    shown = ", ".join(f"{name} = {change['values'][name]:.3g}" for name in moves[:SHOWN])
    more = f" and {len(moves) - SHOWN} more" if len(moves) > SHOWN else ""
    return filled(
        f"{title}: {shown}{more}; size {change['size']:.2g}, capability "
        f"{_number(outcome['capability'])}, alignment {_number(outcome['alignment'])} (with the "
        f"true drive {_number(outcome['true'])}); {change['evaluations']} evaluations"
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None or not np.isfinite(value) else f"{value:.2f}"


analysis(
    "stress",
    "which change of the world makes capable minds go on for something else",
    describe=describe,
    asked=True,
)(analyse)
