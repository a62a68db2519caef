"""Notes: what a scenario may hold, but its author hardly meant.

A note is no error. Each is true whatever evolves, as :class:`evosim.scenario.reach.Reach` says only
what cannot happen. An environment often switches a part of the world off on purpose; so a part is
noted only where it is idle in every environment that has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from evosim import mechanisms
from evosim.errors import ScenarioError, misspelt
from evosim.scenario import _overrides, document
from evosim.scenario.check_placement import may_hold
from evosim.scenario.messages import Mistake, show
from evosim.scenario.positions import KeyPath
from evosim.scenario.reach import Reach
from evosim.scenario.values import bounds

if TYPE_CHECKING:
    from evosim.scenario.schema import Scenario, World

_MOST_NAMES = 6
PRESENT = 0.5
"""A sense is present where its gene is above this (docs/model.md, 2)."""


def notes(scenario: Scenario) -> list[Mistake]:
    """Everything to note of a scenario, by key path; each once."""
    reaches = {name: Reach(scenario.environment(name)) for name in scenario.environments}
    found: list[Mistake] = []
    for idle in _IDLE:
        found += _everywhere(scenario, {name: list(idle(r)) for name, r in reaches.items()})
    found += _somewhere(scenario, {name: list(_sites(r)) for name, r in reaches.items()})
    for check in _CHECKS:
        found += check(scenario, reaches)
    for more in mechanisms.defined("schema", "notes").values():
        found += more(scenario, reaches)
    return list(dict.fromkeys(found))


def _everywhere(scenario: Scenario, by_name: Mapping[str, Sequence[Mistake]]) -> Iterator[Mistake]:
    """The notes that hold in each environment that has the entry, where the entry is written."""
    worlds = {name: scenario.environment(name) for name in by_name}
    paths = {name: {note.path for note in found} for name, found in by_name.items()}
    for name, found in by_name.items():
        for note in found:
            having = [other for other in by_name if _lookup(worlds[other], note.path) is not None]
            if all(note.path in paths[other] for other in having):
                yield _placed(scenario, name, note)


def _somewhere(scenario: Scenario, by_name: Mapping[str, Sequence[Mistake]]) -> Iterator[Mistake]:
    """The notes of all environments, where they are written; and in which, if not in all."""
    names: dict[tuple[Mistake, Mistake], list[str]] = {}
    for name, found in by_name.items():
        for note in found:
            names.setdefault((note, _placed(scenario, name, note)), []).append(name)
    for (_, placed), having in names.items():
        named = placed.path[0] == "environments" or len(having) == len(by_name)
        yield placed if named else Mistake(placed.path, f"{placed.message} (in {_listed(having)})")


def _placed(scenario: Scenario, environment: str, note: Mistake) -> Mistake:
    """A note of an environment's world, where the file has what it is about."""
    overrides = scenario.environments[environment].overrides
    in_world = _lookup(scenario.world, note.path) is not None
    if in_world and not _overrides.replaces(overrides, note.path):
        return note.below("world")
    return note.below("environments", environment)


def _lookup(found: Any, path: KeyPath) -> Any:
    """What a world, or a plain one, has at a path; None where it has nothing."""
    for key in path:
        if isinstance(found, list | tuple):
            found = found[key] if isinstance(key, int) and key < len(found) else None
        elif isinstance(found, Mapping):
            found = found.get(key)
        else:
            found = getattr(found, str(key), None)
    return found


def _effects(reach: Reach) -> Iterator[Mistake]:
    """Conditions that never hold, rules that never fire."""
    for path, effect in reach.world.effects():
        unmet = list(_unmet(reach, path, getattr(effect, "when", {})))
        yield from unmet
        if not unmet and (earlier := reach.shadowed.get(path)):
            one = len(earlier) == 1
            names = f"{earlier[0]} comes" if one else f"{_listed(earlier)} come"
            yield Mistake(
                path,
                f"never fires: {names} first, and {'holds' if one else 'one of them holds'} "
                f"wherever this rule does; put it before {'it' if one else 'them'}, or let "
                f"{'it' if one else 'them'} hold less often",
            )


def _unmet(reach: Reach, path: tuple[str, ...], when: Mapping[str, Any]) -> Iterator[Mistake]:
    values = reach.values(path)
    for name in reach.unmet(path, when):
        fatal = reach.world.variables[name].fatal
        low, high = bounds(when[name])
        why = f"nothing leads there: {name} {_spanned(values[name])}"
        if fatal is not None and bounds(fatal)[0] <= low and high <= bounds(fatal)[1]:
            why = f"{name} = {show(fatal)} is fatal, so nobody lives with it: "
            why += f"{name} {_spanned(values[name])}"
        yield Mistake((*path, "when", name), f"never holds (got {show(when[name])}): {why}")


def _variables(reach: Reach) -> Iterator[Mistake]:
    """Drifts that never move, fatal values that nobody comes to."""
    for name, variable in reach.world.variables.items():
        path = ("variables", name)
        for i, drift in enumerate(variable.drifts):
            several = (i,) if isinstance(variable.drift, tuple) else ()
            yield from _unmet(reach, (*path, "drift", *several), drift.when)
        if variable.fatal is not None:
            low, high = bounds(variable.fatal)
            if not any(low <= value <= high for value in reach.after[name]):
                yield Mistake(
                    (*path, "fatal"),
                    f"nobody dies of it (got {show(variable.fatal)}): nothing leads there, "
                    f"{name} {_spanned(reach.after[name])}",
                )


def _regions(reach: Reach) -> Iterator[Mistake]:
    """Regions of kinds without random sites, of movers without random places to begin."""
    for sort, things in (("kinds", reach.world.kinds), ("movers", reach.world.movers)):
        for name, thing in things.items():
            if thing.region is not None and not thing.count:
                what = "sites" if sort == "kinds" else "places to begin"
                yield Mistake(
                    (sort, name, "region"),
                    f"bounds nothing: it is for random {what}, without count",
                )


def _chances(reach: Reach) -> Iterator[Mistake]:
    """Happenings that never happen, or change nothing."""
    for name, happening in reach.world.happens.items():
        yield from _unmet(reach, ("happens", name), happening.when)
        if not (happening.set or happening.add):
            yield Mistake(("happens", name), "changes nothing: it has neither set nor add")


def _things(reach: Reach) -> Iterator[Mistake]:
    """Fields and movers that nobody comes to, or that do nothing."""
    world = reach.world
    for name, field in world.fields.items():
        if not (field.feels or field.yields):
            yield Mistake(("fields", name), "does nothing: it has neither feels nor yields")
        elif name not in reach.felt:
            yield Mistake(("fields", name), "is 0 on every cell that a life can come to")
    for name, mover in world.movers.items():
        if not world.movers_of(name):
            continue  # left out of this environment
        if not (mover.meet or mover.use):
            times = len(world.layout.free) ** world.movers_of(name)
            yield Mistake(
                ("movers", name),
                "nothing depends on it: it has no rule for meeting it and none for using it, but "
                f"there are {times:,} times as many states",
            )
        elif name not in reach.met:
            yield Mistake(
                ("movers", name), "nobody can meet it: no life comes to the cells that it walks on"
            )


def _sites(reach: Reach) -> Iterator[Mistake]:
    """Sites, and cells for random sites, that no life can come to."""
    world, layout = reach.world, reach.world.layout
    starts = f"from {'any @' if layout.starts else 'a cell on which a life can begin'}"
    lost: dict[str, list[str]] = {}
    for row, col, name in layout.sites:
        if (row, col) not in reach.cells:
            lost.setdefault(name, []).append(f"row {row}, column {col}")
    for name, places in lost.items():
        are = "a site" if len(places) == 1 else f"{len(places)} sites"
        yield Mistake(("map",), f"{are} of {name} cannot be reached {starts}: {places[0]}")
    for name, kind in world.kinds.items():
        cells = [cell for cell in layout.open if may_hold(kind, cell)] if kind.count else []
        if away := [cell for cell in cells if cell not in reach.cells]:
            yield Mistake(
                ("kinds", name, "count"),
                f"{len(away)} of the {len(cells)} cells on which its random sites may be cannot be "
                f"reached {starts}, such as row {away[0][0]}, column {away[0][1]}",
            )
    inhabited = [len(part & reach.starts) for part in reach.parts if part & reach.starts]
    if not layout.starts and len(inhabited) > 1:
        yield Mistake(
            ("map",),
            f"a life begins in one of {len(inhabited)} parts that no move joins, of "
            f"{_listed([str(n) for n in sorted(inhabited, reverse=True)[:5]])} cells: mark with @ "
            "where it should",
        )


def _unused(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Variables that nothing depends on in any environment."""
    used = {scenario.deception.variable} if scenario.deception else set()
    used |= set(scenario.copies.when) if scenario.copies else set()
    for reach in reaches.values():
        for _, effect in reach.world.effects():
            used |= getattr(effect, "when", {}).keys()
        for name, variable in reach.world.variables.items():
            used |= set() if variable.counts is None else {name}
            used |= {other for drift in variable.drifts for other in drift.when}
            used |= set() if variable.fatal is None else {name}
        for happening in reach.world.happens.values():
            used |= happening.when.keys()
    for name, variable in scenario.world.variables.items():
        if name not in used:
            yield Mistake(
                ("world", "variables", name),
                "nothing depends on it: no when names it and no value is fatal, but there are "
                f"{variable.values} times as many states",
            )


def _drives(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Drives for stimuli that nothing makes anybody feel."""
    felt = {
        name
        for reach in reaches.values()
        for _, effect in reach.effects
        for name, strength in effect.feels.items()
        if strength
    }
    # An arm may be what makes it felt.
    arms = scenario.experiment.arms.values() if scenario.experiment else ()
    of_arms = " ".join(setting for arm in arms for setting in arm.set)
    for name in scenario.stimuli:
        if name not in felt and name not in of_arms:
            drifts = "" if scenario.agent.drives[name].pinned else "; its gene drifts"
            yield Mistake(
                ("agent", "drives", name),
                f"nothing that can happen in any environment makes anybody feel it{drifts}",
            )


def _payoffs(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Payoffs that are selected or intended where nobody can earn them."""
    earned = {
        name: {p for _, effect in reach.effects for p, amount in effect.yields.items() if amount}
        for name, reach in reaches.items()
    }
    found: dict[tuple[KeyPath, str], list[str]] = {}
    start = 0
    for i, phase in enumerate(scenario.timeline):
        objective = scenario.objective_at(start)
        start += phase.generations
        for key in ("selected", "intended"):
            payoff = getattr(objective, key)
            own = phase.objective is not None and getattr(phase.objective, key) is not None
            path: KeyPath = ("timeline", i, "objective", key) if own else ("objective", key)
            poor = [name for name in phase.mixture if payoff not in earned[name]]
            if key == "intended" or (phase.select and len(poor) == len(phase.mixture)):
                found.setdefault((path, payoff), []).extend(poor)
    so = {"selected": "there is nothing to select by", "intended": "alignment is undefined there"}
    for (path, payoff), names in found.items():
        if names:
            yield Mistake(
                path,
                f"nobody can earn {payoff} in {_listed(list(dict.fromkeys(names)))}: nothing that "
                f"can happen there pays it, so that {so[str(path[-1])]}",
            )


def _unobserved(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Phases that select, but pay for steps with which no life can come to begin."""
    start = 0
    for i, phase in enumerate(scenario.timeline):
        observed = scenario.objective_at(start).observed
        start += phase.generations
        for name, value in observed.items() if phase.select else ():
            low, high = bounds(value)
            lived = {v for trained in phase.mixture for v in reaches[trained].lived[name]}
            if not any(low <= v <= high for v in lived):
                own = phase.objective is not None and phase.objective.observed is not None
                path: KeyPath = ("timeline", i, "objective") if own else ("objective",)
                yield Mistake(
                    (*path, "observed", name),
                    f"no step in {_listed(list(phase.mixture))} begins so (got {show(value)}): "
                    "nothing is paid, so that there is nothing to select by",
                )


def _unearned(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Payoffs that nothing asks for, with nearly the name of one that is intended or selected."""
    ends = accumulate(phase.generations for phase in scenario.timeline)
    objectives = [scenario.objective, *(scenario.objective_at(end - 1) for end in ends)]
    asked = {name for one in objectives for name in (one.intended, one.selected)}
    wanted = asked | ({scenario.deception.conduct} if scenario.deception else set())
    if scenario.experiment is not None:
        for finding in scenario.experiment.findings:
            against = finding.against.of if finding.against else None
            wanted = wanted | {str(finding.of), str(against)}
    for name, reach in reaches.items():
        for path, effect in reach.world.effects():
            for payoff in getattr(effect, "yields", {}):
                if payoff not in wanted and (near := misspelt(payoff, asked)):
                    yield _placed(
                        scenario,
                        name,
                        Mistake(
                            (*path, "yields", payoff),
                            f"no objective and no finding asks for it: did you mean {near!r}?",
                        ),
                    )


def _alike(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Environments that are the same world, though the timeline goes from one to another."""
    trained = {name for phase in scenario.timeline for name in phase.mixture}
    known = dict[str, str]()
    for name in scenario.environments:
        if name in trained:
            world = json.dumps(document.plain(scenario.environment(name)), sort_keys=True)
            if (same := known.setdefault(world, name)) != name:
                yield Mistake(
                    ("environments", name),
                    f"the same world as {same}: between the two, nothing changes",
                )


def _weights(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Weights that look like shares, but do not sum to 1."""
    for i, phase in enumerate(scenario.timeline):
        if isinstance(phase.train, dict):
            names = [name for name, weight in phase.train.items() if weight > 0]
            yield from _shares(("timeline", i, "train"), list(phase.train.values()), names)
    for name, reach in reaches.items():
        for path, weights in _drawn(reach.world):
            names = [str(value) for value, weight in enumerate(weights) if weight > 0]
            for note in _shares(path, weights, names):
                yield _placed(scenario, name, note)


def _drawn(world: World) -> Iterator[tuple[KeyPath, Sequence[float]]]:
    """Every weight for each value of a variable, with its path."""
    for name, variable in world.variables.items():
        if not isinstance(variable.start, int):
            yield ("variables", name, "start"), variable.start
    happens = [(("happens", name), happening) for name, happening in world.happens.items()]
    for path, effect in [*world.effects(), *happens]:
        for name, given in getattr(effect, "set", {}).items():
            if not isinstance(given, int):
                yield (*path, "set", name), given


def _shares(path: KeyPath, weights: Sequence[float], names: Sequence[str]) -> Iterator[Mistake]:
    """A note where weights with fractions do not sum to 1; whole ones are plainly ratios."""
    total = sum(weights)
    if abs(total - 1) < 1e-6 or all(weight == int(weight) for weight in weights):
        return
    if len(names) > 1:
        shares = [f"{weight / total:.3g}" for weight in weights if weight > 0]
        means = ", ".join(f"{share} for {name}" for name, share in zip(names, shares, strict=True))
        yield Mistake(path, f"the weights sum to {total:.6g}, not to 1: they mean {means}")


def _senses(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Senses that are not 0, and that nobody has all the same."""
    for name, locus in scenario.senses.items():
        if 0 < locus.high <= PRESENT:
            yield Mistake(
                ("agent", "senses", name),
                f"nobody can see {name} (got {show(locus.plain())}): a sense is present above "
                f"{PRESENT:g}",
            )


def _costs(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """A cost of depth, or of a sense, that all pay alike."""
    if scenario.agent.thinking_cost and scenario.agent.depth.pinned:
        yield Mistake(
            ("agent", "thinking_cost"),
            f"all pay the same: agent.depth is pinned to {scenario.agent.depth.low:g}",
        )
    for name, cost in scenario.agent.sense_cost.items():
        if cost and (locus := scenario.senses[name]).pinned:
            yield Mistake(
                ("agent", "sense_cost", name),
                f"all pay the same: agent.senses.{name} is pinned to {locus.low:g}",
            )


def _same(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Overrides that say what the world says."""
    plain = document.plain(scenario.world)
    for name, environment in scenario.environments.items():
        for path, value in _leaves(environment.overrides):
            old = _lookup(plain, path)
            if value == {} and old:
                message = (
                    f"changes nothing (got {{}}): tables merge, so the {path[-1]} of the world "
                    f"stays, {show(old)}; to take a key away, give it another value"
                )
            elif value != {} and old is not None and document.plain(value) == old:
                message = f"changes nothing: the world has {path[-1]} = {show(value)} too"
            else:
                continue
            yield Mistake(("environments", name, *path), message)


def _leaves(overrides: Mapping[str, Any], above: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value of nested tables, empty tables too, with its path."""
    for key, value in overrides.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _arms(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Arms of the experiment that are the same scenario."""
    from evosim.scenario import reading  # which builds on the models that ask for notes

    experiment = scenario.experiment
    if experiment is None:
        return
    text, known = scenario.to_toml(), dict[str, str]()
    for name, arm in experiment.arms.items():
        try:
            changed = reading.loads(text, settings=(*experiment.set, *arm.set)).to_dict()
        except ScenarioError:
            return  # a mistake, which the check of experiments tells
        del changed["experiment"]
        if (same := known.setdefault(json.dumps(changed), name)) != name:
            key = "set" if arm.set else "title"
            yield Mistake(
                ("experiment", "arms", name, key),
                f"the same scenario as the arm {same}: its settings change nothing",
            )


def _parts(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Parts of tuned values that no setting takes."""
    from evosim.scenario.experiment import PART  # of the models that ask for notes

    tuned = scenario.experiment.tuned if scenario.experiment else None
    if tuned is None or tuned.set is None:
        return
    taken = {found[1] for setting in tuned.set for found in PART.finditer(setting)}
    if "" in taken:
        return  # the whole value
    used = {part.split(".")[1] for part in taken}
    tables = [value for value in tuned.values if isinstance(value, Mapping)]
    for name in dict.fromkeys(name for table in tables for name in table):
        if name not in used:
            yield Mistake(
                ("experiment", "tuned", "set"),
                f"no setting takes the part {name} of the values: {{value.{name}}} is in none",
            )


def _also(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Generations to probe that the timeline does not have."""
    beyond = [g for g in scenario.measure.also if g >= scenario.generations]
    if beyond:
        yield Mistake(
            ("measure", "also"),
            f"generation {beyond[0]} is never probed: the timeline ends with "
            f"{scenario.generations - 1}",
        )


def _listed(names: Sequence[str]) -> str:
    """Names in words: a; a and b; a, b and c; of many the first ones."""
    *first, last = names if len(names) <= _MOST_NAMES else (*names[:_MOST_NAMES], "others")
    return f"{', '.join(first)} and {last}" if first else last


def _spanned(values: Collection[int]) -> str:
    """The values that a variable takes, in words."""
    ordered = sorted(values)
    if len(ordered) == 1:
        return f"is always {ordered[0]}"
    if ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"is {ordered[0]} to {ordered[-1]}"
    return f"is one of {show(ordered)}"


_IDLE: tuple[Callable[[Reach], Iterator[Mistake]], ...] = (
    _effects,
    _variables,
    _regions,
    _chances,
    _things,
)
_CHECKS: tuple[Callable[[Scenario, Mapping[str, Reach]], Iterator[Mistake]], ...] = (
    _unused,
    _drives,
    _payoffs,
    _unobserved,
    _unearned,
    _alike,
    _weights,
    _senses,
    _costs,
    _same,
    _arms,
    _parts,
    _also,
)
