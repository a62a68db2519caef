"""Whether levels that measure are levels that trained: the same layout, drawn by other seeds.

Two levels of one environment are the same if every site and the start are in the same cells, and a
maze closes the same passages. Two levels of different environments are the same if they agree on
what both have: walls, start, and
the sites of every kind that both place; where a kind has more sites in one of them, those of the
other must be among them. Only equal places count: a level that is shifted, turned or mirrored is
another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import world
from evosim.engine.evaluation import environments_of
from evosim.engine.loop import replicate_seed
from evosim.errors import RunError
from evosim.rng import Purpose, key
from evosim.scenario.check_placement import count_layouts

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World

CHUNK = 1024
"""Levels that are compared at a time."""
LARGEST_EXACT = 10**300
"""Numbers below it are written as they are: floats hold them, and every reader of JSON."""


def shortened(number: int) -> str:
    """A number of levels in few characters, however large; mazes have more than a float holds.

    >>> shortened(999_999), shortened(12_345_678), shortened(2**3000)
    ('999999', '1.2e+07', '1.2e+903')
    """
    if number < 10**6:
        return str(number)
    return f"{float(number):.2g}" if number < LARGEST_EXACT else f"{Decimal(number):.1e}"


class Drawn(NamedTuple):
    """A level by what it is drawn from."""

    generation: int  # of a probe level: 0
    level: int
    environment: str
    seed: int


class Layouts(NamedTuple):
    """Where everything is in L levels of one environment."""

    environment: str
    sites: dict[str, NDArray[np.float32]]  # by kind [L, cell]: 1 where there is one
    start: NDArray[np.int64]  # [L] cell
    passages: NDArray[np.uint64]  # [L] a hash of where moves lead


def deployment_start(scenario: Scenario) -> int | None:
    """The first generation of deployment: of the first phase that does not select, or that trains
    in another mixture than the first one. None where there is no such phase."""
    generation = 0
    for phase in scenario.timeline:
        if not phase.select or phase.mixture != scenario.timeline[0].mixture:
            return generation
        generation += phase.generations
    return None


def trained(scenario: Scenario, levels: Iterable[Drawn]) -> list[Drawn]:
    """The levels of generations in which selection acts."""
    return [level for level in levels if scenario.phase_at(level.generation).select]


def probes(scenario: Scenario, seed: int) -> list[Drawn]:
    """The probe levels of a replicate, of every environment.

    Args:
        seed: of the replicate's probes.
    """
    return [
        Drawn(0, i, name, key(seed, Purpose.PROBE, i))
        for name in scenario.environments
        for i in range(scenario.measure.levels)
    ]


def layouts(scenario: Scenario, environment: str, seeds: Sequence[int]) -> Layouts:
    """Draw levels, and write down where everything is."""
    here = scenario.environment(environment)
    drawn = [world.draw_level(scenario, environment, seed) for seed in seeds]
    slots = np.array([slot for slot, _ in drawn], np.int64).reshape(len(seeds), -1)
    kinds = np.array([*(slot.kind for slot in here.slots), ""])  # -1, no site, is the last
    found = kinds[slots]
    return Layouts(
        environment,
        {name: (found == name).astype(np.float32) for name in here.kinds if here.sites_of(name)},
        np.array([start for _, start in drawn], np.int64),
        np.array([_passages(here, seed) for seed in seeds], np.uint64),
    )


def _passages(here: World, seed: int) -> int:
    """A hash of where moves lead on a level."""
    open_to = world.draw_passages(here, seed).tobytes()
    return int.from_bytes(blake2b(open_to, digest_size=8).digest(), "little")


def same(scenario: Scenario, a: Layouts, b: Layouts) -> NDArray[np.bool_]:
    """Which levels are the same, [levels of a, levels of b]."""
    first, second = (scenario.environment(one.environment) for one in (a, b))
    shared = [name for name in a.sites if name in b.sites]
    nothing = np.zeros((len(a.start), len(b.start)), np.bool_)
    if first is not second and world.geometry(first).cells != world.geometry(second).cells:
        return nothing  # walls are other ones
    if not shared and (a.sites or b.sites):
        return nothing
    # Barriers, edges and mazes are in where moves lead.
    found = (a.start[:, None] == b.start[None]) & (a.passages[:, None] == b.passages[None])
    for name in shared:
        fewer = min(first.sites_of(name), second.sites_of(name))
        found &= a.sites[name] @ b.sites[name].T == fewer
    return found


def seen(
    scenario: Scenario, levels: Sequence[Drawn], training: Sequence[Drawn]
) -> list[Drawn | None]:
    """Of each level the first of the training levels that is the same, None where none is.

    Args:
        levels: what is asked about.
        training: what trained, in the order of generations.
    """
    found: list[Drawn | None] = [None] * len(levels)
    asked = _by_environment(levels)
    for name, places in _by_environment(training).items():
        for start in range(0, len(places), CHUNK):
            chunk = places[start : start + CHUNK]
            theirs = layouts(scenario, name, [training[i].seed for i in chunk])
            for other, numbers in asked.items():
                ours = layouts(scenario, other, [levels[i].seed for i in numbers])
                equal = same(scenario, ours, theirs)
                for row in np.flatnonzero(equal.any(axis=1)):
                    first, earlier = training[chunk[int(equal[row].argmax())]], found[numbers[row]]
                    if earlier is None or first[:2] < earlier[:2]:
                        found[numbers[row]] = first
    return found


def distinct(scenario: Scenario, levels: Sequence[Drawn]) -> dict[str, int]:
    """How many different levels there are among some, by environment."""
    counts = {}
    for name, places in _by_environment(levels).items():
        here = layouts(scenario, name, [levels[i].seed for i in places])
        mazes = np.unique(here.passages, return_inverse=True)[1]
        columns: list[NDArray[Any]] = [here.start[:, None], mazes[:, None], *here.sites.values()]
        counts[name] = len(np.unique(np.concatenate(columns, axis=1), axis=0))
    return counts


def _by_environment(levels: Sequence[Drawn]) -> Mapping[str, list[int]]:
    places: dict[str, list[int]] = {}
    for i, level in enumerate(levels):
        places.setdefault(level.environment, []).append(i)
    return places


def check_disjoint(scenario: Scenario, manifest: Mapping[str, Any]) -> None:
    """Refuse seeds by which a probe level or a level of deployment is one that trained.

    All levels of a run are known from its seeds (model 5), so this is told before the first of
    them is lived in. Without ``measure.disjoint`` nothing is checked.

    Args:
        manifest: ``seeds``, ``probe_seed`` and ``replicates`` as in run.json.

    Raises:
        RunError: levels are not disjoint; names some and says what can be done.
    """
    if not scenario.measure.disjoint:
        return
    for replicate in range(int(manifest["replicates"])):
        drawn = _timeline_levels(scenario, manifest["seeds"], replicate)
        training = trained(scenario, drawn)
        probe_seed = replicate_seed(int(manifest["probe_seed"]), replicate)
        probed = probes(scenario, probe_seed)
        _refuse(scenario, manifest, replicate, training, "probe level", probed)
        begin = deployment_start(scenario)
        if begin is not None:
            before = [level for level in training if level.generation < begin]
            after = [level for level in drawn if level.generation >= begin]
            _refuse(scenario, manifest, replicate, before, "level of deployment", after)


def _timeline_levels(
    scenario: Scenario, seeds: Sequence[Mapping[str, Any]], replicate: int
) -> list[Drawn]:
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
    manifest: Mapping[str, Any],
    replicate: int,
    training: Sequence[Drawn],
    what: str,
    levels: Sequence[Drawn],
) -> None:
    same = seen(scenario, levels, training)
    both = [(one, other) for one, other in zip(levels, same, strict=True) if other is not None]
    if not both:
        return
    one, other = both[0]
    possible = shortened(count_layouts(scenario.environment(other.environment)))
    number = f"{one.level}" if "probe" in what else f"{one.level} of generation {one.generation}"
    raise RunError(
        f"scenario {scenario.id!r} says measure.disjoint = true, and with seed "
        f"{manifest['seeds'][-1]['seed']} that is not so: in replicate {replicate} {len(both)} of "
        f"{len(levels)} are levels that trained (the first: {what} {number} in "
        f"{one.environment!r} is level {other.level} of generation {other.generation} in "
        f"{other.environment!r}). {other.environment!r} has "
        f"{possible} different levels at most, and "
        f"{len(training)} are drawn to train. Use a larger grid or more sites, fewer levels or "
        "generations, another seed, or leave measure.disjoint out"
    )
