"""Semantic checks across the parts of a scenario: everything that two places must agree on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from evosim import mechanisms
from evosim.scenario import _overrides, check_world
from evosim.scenario._partial import PartialDocument, as_model
from evosim.scenario.check_placement import count_layouts
from evosim.scenario.experiment import Experiment
from evosim.scenario.family import Family
from evosim.scenario.messages import Mistake, bad_value, show, unknown, unwritable
from evosim.scenario.positions import KeyPath
from evosim.scenario.schema import (
    Measure,
    Objective,
    PhaseObjective,
    Verdict,
)
from evosim.scenario.values import LONGEST, bounds, is_whole


def mistakes(partial: PartialDocument) -> list[Mistake]:
    """Everything wrong with a document, its form and its meaning; each mistake once."""
    found = [*partial.form_mistakes, *partial.world_mistakes()]
    of_mechanisms = mechanisms.defined("schema", "mistakes").values()
    for check in (*_CHECKS, *of_mechanisms):
        found += check(partial)
    known = {mistake.path for mistake in found}
    found += [m for m in unwritable(partial.raw) if not {m.path, _list_of(m.path)} & known]
    return list(dict.fromkeys(found))


def _list_of(path: KeyPath) -> KeyPath:
    """The path of the list that holds what is at a path; of what is in none the path itself."""
    return _list_of(path[:-1]) if path and isinstance(path[-1], int) else path


def _counts(partial: PartialDocument) -> Iterator[Mistake]:
    if partial.raw.get("timeline") == []:
        yield Mistake(("timeline",), "no phases (got [], needed: at least one [[timeline]])")
    if partial.raw.get("environments") == {}:
        yield Mistake(
            ("environments",), "no environments (got {}, needed: at least one [environments.NAME])"
        )


def _timeline(partial: PartialDocument) -> Iterator[Mistake]:
    known = _overrides.table(partial.raw, "environments")
    if (total := sum(phase.generations for phase in partial.phases.values())) > LONGEST:
        message = bad_value("too many generations", total, f"{LONGEST:,} in all phases")
        yield Mistake(("timeline",), message)
    for i, phase in partial.phases.items():
        for name in phase.mixture:
            if name not in known:
                path = ("timeline", i, "train") + (() if phase.train == name else (name,))
                yield Mistake(path, unknown("environment", name, known))
        if phase.ramp is not None and i == 0:
            yield Mistake(
                ("timeline", i, "ramp"),
                bad_value(
                    "the first phase has none before it to begin from", phase.ramp,
                    "a ramp in later phases; put a [[timeline]] before this one",
                ),
            )  # fmt: skip
        elif phase.ramp is not None and phase.ramp > phase.generations:
            allowed = f"1 to generations = {phase.generations} of the phase"
            yield Mistake(
                ("timeline", i, "ramp"), bad_value("ramp beyond its phase", phase.ramp, allowed)
            )
        lives = [
            (partial.environments[name].raw.get("lifetime"), name)
            for name in _trained(partial, i)
            if name in partial.environments
        ]
        shortest, name = min(((n, name) for n, name in lives if is_whole(n)), default=(0, ""))
        if phase.window and shortest and phase.window > shortest:
            allowed = f"1 to {shortest} in {name}"
            yield Mistake(
                ("timeline", i, "window"),
                bad_value("window beyond the lifetime", phase.window, allowed),
            )


def _trained(partial: PartialDocument, number: int) -> dict[str, float]:
    """The environments that train in a phase, with a ramp also those of the phase before."""
    phase, before = partial.phases[number], partial.phases.get(number - 1)
    old = before.mixture if before is not None and (phase.ramp or 1) > 1 else {}
    return {**phase.mixture, **old}


def _objectives(partial: PartialDocument) -> Iterator[Mistake]:
    known = partial.paid
    if known is None:
        return
    objectives: list[tuple[tuple[str | int, ...], Objective | PhaseObjective | None]] = [
        (("objective",), as_model(Objective, partial.raw.get("objective")))
    ]
    objectives += [(("timeline", i, "objective"), p.objective) for i, p in partial.phases.items()]
    for path, objective in objectives:
        for key in ("intended", "selected"):
            name = getattr(objective, key, None)
            if name is not None and name not in known:
                yield Mistake((*path, key), unknown("payoff", name, known))


def _observed(partial: PartialDocument) -> Iterator[Mistake]:
    """Steps that are paid begin with conditions on variables of the worlds that train."""
    whole = as_model(Objective, partial.raw.get("objective"))
    for i, phase in partial.phases.items():
        path: KeyPath = ("timeline", i, "objective")
        observed = None if phase.objective is None else phase.objective.observed
        if observed is None:
            path, observed = ("objective",), {} if whole is None else whole.observed
        for name in _trained(partial, i):
            if name in partial.environments and (world := partial.environments[name].world):
                for mistake in check_world.condition(observed, world, world.variables):
                    yield Mistake((*path, "observed", *mistake.path), mistake.message)


def _agent(partial: PartialDocument) -> Iterator[Mistake]:
    believed = _overrides.table(partial.raw, "agent").get("believes")
    known = _overrides.table(partial.raw, "environments")
    if isinstance(believed, str) and believed not in known:
        yield Mistake(("agent", "believes"), unknown("environment", believed, known))
    variables = _overrides.table(partial.base.raw, "variables")
    hidden = partial.hidden
    for key in ("senses", "sense_cost"):
        for name in _overrides.table(partial.raw, "agent", key):
            if name in hidden:
                continue
            what = "is not hidden" if name in variables else "is no variable"
            yield Mistake(
                ("agent", key, name), f"{name} {what}: {unknown('hidden variable', name, hidden)}"
            )


def _believed_dead(partial: PartialDocument) -> Iterator[Mistake]:
    """Nobody may be born with a value that is fatal in the environment that agents believe in."""
    if partial.scenario is None or partial.worlds is None:
        return
    believes, senses = partial.scenario.agent.believes, partial.scenario.agent.senses
    believed = None if believes is None else partial.worlds.get(believes)
    if believed is None:
        return
    for home, world in partial.worlds.items():
        for name, variable in world.variables.items():
            fatal = believed.variables[name].fatal if name in believed.variables else None
            unseen = variable.hidden and name in senses and senses[name].high == 0
            if world is believed or fatal is None or unseen:
                continue
            low, high = bounds(fatal)
            if any(low <= value <= high for value in check_world.possible(variable.start)):
                allowed = (
                    f"an environment in which {name} = {show(variable.start)}, where life starts "
                    f"in {home}, is not fatal; there fatal = {show(fatal)}"
                )
                yield Mistake(
                    ("agent", "believes"),
                    bad_value("agents believe that they are dead at birth", believes, allowed),
                )
                return


def _believed_things(partial: PartialDocument) -> Iterator[Mistake]:
    """What agents believe in must have a place in the states of every world that they live in."""
    if partial.scenario is None or partial.worlds is None:
        return
    believes = partial.scenario.agent.believes
    believed = None if believes is None else partial.worlds.get(believes)
    if believed is None or any(world.mistakes for world in partial.environments.values()):
        return
    for home, world in partial.worlds.items():
        for name, mover in world.movers.items():
            if name in believed.movers and believed.movers[name].vanishes and not mover.vanishes:
                allowed = f"an environment in which it stays, as in {home}"
                yield Mistake(
                    ("agent", "believes"),
                    bad_value(f"agents believe that {name} can vanish", believes, allowed),
                )
                return
        grids = [(w.layout.rows, w.layout.cols, w.edges) for w in (world, believed)]
        if believed.fields and grids[0] != grids[1]:
            name = next(iter(believed.fields))
            allowed = f"an environment with the grid of {home}, or without fields"
            yield Mistake(
                ("agent", "believes"),
                bad_value(f"the field {name} is on another grid", believes, allowed),
            )
            return


def _sites(partial: PartialDocument) -> Iterator[Mistake]:
    """Kinds and movers of which no environment has one, unless ``count = 0`` says so."""
    found = [mistake for world in partial.environments.values() for mistake in world.mistakes]
    if partial.worlds is None or found:
        return
    for sort, what in (("kinds", "site"), ("movers", "mover")):
        things = {name: env for env, w in partial.worlds.items() for name in getattr(w, sort)}
        for name, environment in things.items():
            if any(
                name in getattr(w, sort) and (w.sites_of if sort == "kinds" else w.movers_of)(name)
                for w in partial.worlds.values()
            ):
                continue
            if any(
                "count" in _overrides.table(d.raw, sort, name)
                for d in partial.environments.values()
            ):
                continue
            in_world = name in _overrides.table(partial.base.raw, sort)
            place = ("world",) if in_world else ("environments", environment)
            yield Mistake(
                (*place, sort, name),
                f"no {what} in any environment (got no count and none on a map, allowed a count, "
                f"or count = 0 to leave the {sort[:-1]} out)",
            )


def _base_optimizer(partial: PartialDocument) -> Iterator[Mistake]:
    for name, operator in _overrides.table(partial.raw, "evolution").items():
        for key, value in _overrides.table(operator).items():
            if key != "chance" and not _finite(value):
                allowed = "finite numbers"
                yield Mistake(
                    ("evolution", name, key), bad_value("not a finite number", value, allowed)
                )
    evolution = partial.evolution
    measure = as_model(Measure, partial.raw.get("measure", {}))
    written = "sample" in _overrides.table(partial.raw, "measure")
    if evolution and measure and written and measure.sample > evolution.population:
        allowed = f"1 to evolution.population = {evolution.population}"
        yield Mistake(
            ("measure", "sample"),
            bad_value("sample beyond the population", measure.sample, allowed),
        )
    verdict = as_model(Verdict, partial.raw.get("verdict", {}))
    if verdict and verdict.lost > verdict.kept:
        allowed = f"0 to verdict.kept = {verdict.kept}"
        yield Mistake(("verdict", "lost"), bad_value("lost above kept", verdict.lost, allowed))


def _regret(partial: PartialDocument) -> Iterator[Mistake]:
    """Regret is exact, of whole lives, and of payoffs that an optimum is defined for."""
    evolution = partial.evolution
    if evolution is None:
        return
    if evolution.score != "regret":
        for key, value, unset in (
            ("pool", evolution.pool, None),
            ("hardest", evolution.hardest, 1),
        ):
            if value != unset:
                needed = 'score = "regret", or leave it out'
                yield Mistake(("evolution", key), bad_value("only regret has it", value, needed))
        return
    pool = evolution.pool or evolution.levels
    if evolution.hardest > pool:
        yield Mistake(
            ("evolution", "hardest"),
            bad_value("more than the pool holds", evolution.hardest, f"1 to {pool}"),
        )
    environments = {name for i in partial.phases for name in _trained(partial, i)}
    if pool < len(environments):
        yield Mistake(
            ("evolution", "pool" if evolution.pool else "levels"),
            bad_value(
                "a pool holds every environment that trains", pool, f"{len(environments)} or more"
            ),
        )
    agent, objective = (_overrides.table(partial.raw, key) for key in ("agent", "objective"))
    refused: dict[KeyPath, tuple[object, str]] = {
        ("evolution", "open"): (evolution.open, "offspring go by payoffs, and a regret is none"),
        ("agent", "tool"): (agent.get("tool"), "nothing of minds with a tool is exact"),
        ("agent", "drives", "novelty"): (
            "novelty" in partial.built_in, "nothing of minds with novelty is exact",
        ),
        ("copies",): (partial.raw.get("copies"), "what a life leaves behind is no payoff of it"),
        ("objective", "observed"): (objective.get("observed"), "a regret is of all steps"),
        ("evolution", "optimizer"): (
            evolution.optimizer.name == "policy_gradient", "its slopes are those of payoffs",
        ),
    }  # fmt: skip
    for i, phase in partial.phases.items():
        place = ("timeline", i)
        refused[(*place, "window")] = (phase.window, "a regret is of whole lives")
        refused[(*place, "monitored")] = (phase.monitored, "a regret is of no labelled life")
        seen = phase.objective and phase.objective.observed
        refused[(*place, "objective")] = (seen, "a regret is of all steps")
    for path, (there, why) in refused.items():
        if there:
            yield Mistake(path, f'not with evolution.score = "regret": {why} (remove one of them)')


def _disjoint(partial: PartialDocument) -> Iterator[Mistake]:
    """Levels that train can differ from others only where there are several."""
    measure = as_model(Measure, partial.raw.get("measure", {}))
    if measure is None or not measure.disjoint or partial.worlds is None:
        return
    if any(world.mistakes for world in partial.environments.values()):
        return
    trains = {name for i, p in partial.phases.items() if p.select for name in _trained(partial, i)}
    for name, world in partial.worlds.items():
        if name in trains and count_layouts(world) == 1:
            yield Mistake(
                ("measure", "disjoint"),
                f"environment {show(name)} has one level only (got true): its map fixes every "
                "site and the start, so that probes see what trained; give a kind a count, "
                "draw the start, or leave disjoint out",
            )


def _experiment(partial: PartialDocument) -> Iterator[Mistake]:
    experiment = as_model(Experiment, partial.raw.get("experiment"))
    if experiment is None:
        return
    if not experiment.arms:
        yield Mistake(("experiment", "arms"), "no arms (got {}, needed: [experiment.arms.effect])")
    for name, other in alike(experiment.arms):
        message = bad_value(
            f"differs from arm {show(other)} by case only, and some disks tell no case apart",
            name, "another name",
        )  # fmt: skip
        yield Mistake(("experiment", "arms", name), message)
    if not experiment.findings:
        yield Mistake(
            ("experiment", "findings"), "no findings (got [], needed: [[experiment.findings]])"
        )
    elif all(finding.secondary for finding in experiment.findings):
        yield Mistake(
            ("experiment", "findings"),
            "all are secondary, so that the claim rests on none; take secondary from one",
        )
    if experiment.tuned is not None and not experiment.tuned.values:
        yield Mistake(("experiment", "tuned", "values"), "no values (got [], needed: at least one)")
    environments = _overrides.table(partial.raw, "environments")
    for i, finding in enumerate(experiment.findings):
        path = ("experiment", "findings", i)
        for where, term in ((path, finding), ((*path, "against"), finding.against)):
            if term and term.arm is not None and term.arm not in experiment.arms:
                yield Mistake((*where, "arm"), unknown("arm", term.arm, experiment.arms))
            if term and term.where is not None and term.where not in environments:
                yield Mistake((*where, "where"), unknown("environment", term.where, environments))
        if finding.against is not None and not finding.against.model_dump(exclude_none=True):
            yield Mistake(
                (*path, "against"), 'differs in nothing (got {}, needed: as { arm = "control" })'
            )
        if finding.contrast == {}:
            yield Mistake((*path, "contrast"), "no arms (got {}, needed: weights by arm)")
        for name in finding.contrast or ():
            if name not in experiment.arms:
                yield Mistake((*path, "contrast", name), unknown("arm", name, experiment.arms))


def _family(partial: PartialDocument) -> Iterator[Mistake]:
    """What is drawn is there, once, and events of the pull have an environment."""
    family = as_model(Family, partial.raw.get("family"))
    if family is None:
        return
    if not family.draw:
        yield Mistake(("family", "draw"), "nothing is drawn (got [], needed: [[family.draw]])")
    environments = _overrides.table(partial.raw, "environments")
    seen: set[str] = set()
    for i, draw in enumerate(family.draw):
        for key in draw.keys:
            path = ("family", "draw", i, "key")
            if key in seen:
                yield Mistake(path, bad_value("drawn twice", key, "each key once"))
            seen.add(key)
            if (wrong := _not_there(partial.raw, key)) is not None:
                yield Mistake(path, wrong)
    if family.pull is not None:
        for name in ("where", "before"):
            where = getattr(family.pull, name)
            if where is not None and where not in environments:
                yield Mistake(("family", "pull", name), unknown("environment", where, environments))


def _not_there(raw: Mapping[str, Any], key: str) -> str | None:
    """Why nothing can be drawn at a key; None if it can."""
    environments, parts = _overrides.table(raw, "environments"), key.split(".")
    if parts[0] == "environments" and len(parts) > 2:
        name, *rest = parts[1:]
        if name not in environments:
            return unknown("environment", name, environments)
        # What an environment does not override has the world's value.
        if not _is_at(_overrides.table(environments, name), rest[:-1]):
            parts = ["world", *rest]
    # The last key may be one that is not written; worlds that are drawn are checked.
    if _is_at(raw, parts[:-1]):
        return None
    return bad_value("nothing is there", key, "the dotted key of a value")


def drawn(raw: Mapping[str, Any]) -> set[str]:
    """The keys that the family of a plain document draws, of those that are there."""
    family = as_model(Family, raw.get("family"))
    keys = {key for draw in family.draw for key in draw.keys} if family else set()
    return {key for key in keys if _not_there(raw, key) is None}


def forget_draws(raw: dict[str, Any], once: Set[str]) -> None:
    """Take draws whose keys were there once out of a plain document, and a family of no others."""
    family = as_model(Family, raw.get("family"))
    lost = {key for key in once if _not_there(raw, key) is not None}
    if family is None or not lost:
        return
    written = raw["family"]
    written["draw"] = [
        one
        for one, draw in zip(written["draw"], family.draw, strict=True)
        if lost.isdisjoint(draw.keys)
    ]
    if not written["draw"]:
        del raw["family"]


def _is_at(holder: Any, keys: Sequence[str]) -> bool:
    """Whether there is something at a path of tables and lists."""
    for key in keys:
        if isinstance(holder, list) and key.isdecimal() and int(key) < len(holder):
            holder = holder[int(key)]
        elif isinstance(holder, Mapping) and key in holder:
            holder = holder[key]
        else:
            return False
    return True


def alike(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that become files, and differ from an earlier one by case only; each with that."""
    known: dict[str, str] = {}
    for name in names:
        if (first := known.setdefault(name.casefold(), name)) != name:
            yield name, first


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(_finite(part) for part in value)
    if isinstance(value, dict):
        return all(_finite(part) for part in value.values())
    return True


_CHECKS: tuple[Callable[[PartialDocument], Iterator[Mistake]], ...] = (
    _counts,
    _timeline,
    _objectives,
    _observed,
    _regret,
    _agent,
    _believed_dead,
    _believed_things,
    _sites,
    _base_optimizer,
    _disjoint,
    _experiment,
    _family,
)
