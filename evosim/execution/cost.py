"""What a run takes, before it is begun: states, memory, disk and time.

Everything is counted: states and backups, lifetimes, numbers that are recorded. Times are what one
of each takes on a machine that was measured, times how much slower this one is, which a few
milliseconds of the same arithmetic tell. What depends on how minds evolve is taken in the middle of
what may be: depths between those at the start and the largest. So a time is right within a factor
of two, mostly; memory is closer.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim import world
from evosim.core import threads
from evosim.core.structs import LANES
from evosim.engine.mechanism import parts, sizes
from evosim.engine.meg import LARGEST, LEVELS
from evosim.engine.variables import minds, variables
from evosim.errors import Argument, EvosimError
from evosim.mind import loci
from evosim.process import cgroups, cores
from evosim.scenario import document, timeline
from evosim.scenario.state_space import BYTES_A_STATE
from evosim.scenario.values import bounds

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World

_STARTING, _DRAWING = "start", "figures"
_RECORDED = "what is recorded (timeline, evolution.population)"
LONG = 600.0
"""Seconds above which a run says that it will take long, however much it says otherwise."""

# Seconds on the machine on which SPEED was measured.
_BACKUP = 0.1e-9  # of one state of one mind
_OUTCOME = 0.065e-9  # and for each outcome of drift
_BLOCK = 0.2e-6  # of the states with one x
_LOCAL = 2.2e-9  # of one state of one mind in a local world
_MOVER = 1.7e-9  # and for each mover, which is met and walks
_CHAIN = 4.3  # times as much where minds can be corrected, each of which is backed up step by step
_FORESEEN = 4.6  # and of that, for what a mind of the chain makes of the plan of a later one
_UNCERTAIN = 2.0  # times as much for an uncertain mind
_POLICY = 1.4e-9  # to read the best actions off the values of a state, and its instinct
_SOFT = 8e-9  # chances of the actions of a state
_BATCH = 15e-6  # what is done in any case for a batch on a level
_STEP = 15e-9  # of a lifetime
_EDGE = 0.8e-9  # of an exact chain, a step
_EDGE_FOUND = 40e-9
_SLOPE, _SLOPE_STEP = 3e-9, 15e-6  # of a table: an edge in a step, and a step of all tables
_TRAINED = 20e-6  # a step of evosim.learners.actor_critic; what others take is not known
_DIRECTED = 0.09e-3  # how directed an agent is at one goal: a state of a level
_BORN, _GENE, _ENTRY = 1.5e-6, 0.5e-6, 0.1e-6  # an individual, a gene, an entry in a tournament
_GENERATION = 1.2e-3
_PROBE = 4e-3  # of an environment
_START = 1.3  # imports, compiled code from its cache, the summary
_FIGURES = 3.2
_COMPILED = 0.8e-6  # an outcome of a rule at an x
_DISTANCE = 50e-9
_WRITTEN = 25e-9  # a byte
SPEED = 10.4e9
"""Maxima of float32 a second in blocks that the first-level cache holds, on that machine."""

# Bytes.
_PROCESS = 215 * 10**6  # Python with its libraries and the compiled core
_WORKER = 190 * 10**6
_COMPILED_BYTES = 130  # an outcome of a rule at an x, while tables are made
_EDGE_BYTES = 28

_MOST_COMPILED = 50_000  # outcomes for which tables are made only to be counted
_MOST_KEPT = 4  # workspaces of a thread
_VISITED = 0.2  # share of the states to which minds come that choose one action
_DIFFERENT = 0.6  # share of minds that differ in what they do
_PAIRED = 0.25  # of a batch's plan, what one reward takes on one of many levels
_PLANS_OF_COPIES = 5  # until a fixed point is found for all minds of a batch
_MOVES = 5  # cells to which the actions lead
_WALKS = 4.0  # cells to which a mover walks
_COMPRESSED = 0.75  # of what is recorded
_CHUNK_SECONDS = 8.0


class _Place(NamedTuple):
    """One environment in numbers."""

    cells: int
    n_x: int
    live: float  # x at which decisions are planned
    outcomes: float  # of drift and of the walks of movers, on average
    compiled: float  # outcomes of all rules: what it takes to compile it
    actions: int
    events: int
    lifetime: int
    drifts: float  # outcomes of drift alone
    movers: int
    local: bool
    plans: int  # workspaces of a batch of minds
    times: float  # what a plan of minds takes, in plans of those who foresee no correction

    @property
    def blocks(self) -> float:
        """Of all states that a plan keeps, in units of two."""
        return 1.5 if self.local else 1.0

    @property
    def states(self) -> int:
        return self.cells * self.n_x

    @property
    def planned(self) -> float:
        """States at which decisions are planned."""
        return self.cells * self.live


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something takes, about.

    Attributes:
        states: of the largest environment.
        memory: bytes by what takes them, each with the key to lower: together at one time.
        disk: bytes at the end, likewise; while a run is written it takes twice as much.
        seconds: by what they are spent on, of all processors together.
        threads: side by side.
        at_most: whether a population may stay far below what it is counted with.

    Example:
        >>> from evosim import scenario
        >>> cost = of_run(scenario.load("contraception"))
        >>> cost.states
        784
        >>> 100e6 < cost.total_memory < 1e9
        True
    """

    states: int
    memory: Mapping[str, float] = field(default_factory=dict)
    disk: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    threads: int = 1
    at_most: bool = False

    @property
    def total_memory(self) -> float:
        return sum(self.memory.values())

    @property
    def total_disk(self) -> float:
        return sum(self.disk.values())

    @property
    def duration(self) -> float:
        """Seconds by the clock, where nothing else is done."""
        work = sum(self.seconds.values()) - self.seconds[_STARTING]
        return self.seconds[_STARTING] + work / self.threads

    def plain(self) -> dict[str, float]:
        """States, bytes and seconds in plain numbers."""
        return {
            "states": self.states,
            "memory_bytes": round(self.total_memory),
            "disk_bytes": round(self.total_disk),
            "seconds": round(self.duration, 1),
            "threads": self.threads,
        }

    def __str__(self) -> str:
        n = self.threads
        about = "at most about" if self.at_most else "about"
        return (
            f"{about} {_round(self.states):,} states, {_bytes(self.total_memory)} of memory, "
            f"{_bytes(self.total_disk)} on disk, {_time(self.duration)} on {n} "
            f"thread{'s' * (n != 1)}"
        )


def of_run(
    scenario: Scenario,
    replicates: int = 1,
    workers: int | None = None,
    done: int = 0,
    *,
    figures: bool = True,
) -> Cost:
    """What a run of a scenario takes.

    Args:
        scenario: what is run.
        replicates: of it.
        workers: processes; as many as are useful if None.
        done: generations that are there already.
        figures: whether any are drawn in the end.
    """
    cost = _cost(scenario, replicates, _workers(replicates, parts(scenario), workers))
    left = 1 - min(done, scenario.generations) / scenario.generations
    work = {name: value * left for name, value in cost.seconds.items()}
    ends = {name: cost.seconds[name] for name in (_STARTING, _DRAWING)}
    if not figures:
        ends[_DRAWING] = 0.0
    disk = {name: value for name, value in cost.disk.items() if figures or name != _DRAWING}
    return replace(cost, disk=disk, seconds={**work, **ends})


def of_runs(
    runs: Iterable[tuple[Scenario, int]],
    workers: int | None = None,
    *,
    times: float = 1.0,
    kept: float = 1.0,
) -> Cost:
    """What several runs take that are done side by side: points of a study, arms.

    Args:
        runs: each scenario with its number of replicates.
        workers: as for :func:`of_run`.
        times: how many times as many there are as are given here.
        kept: the share that stays on disk.
    """
    every = list(runs)
    total = sum(replicates for _, replicates in every)
    n = _workers(round(total * times), 1, workers)
    costs = [_cost(scenario, replicates, n) for scenario, replicates in every]
    largest = max(costs, key=lambda cost: cost.total_memory)
    disk: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for cost in costs:
        for found, part in ((disk, cost.disk), (seconds, cost.seconds)):
            for name, value in part.items():
                found[name] = found.get(name, 0.0) + value * times
    seconds |= {name: largest.seconds[name] for name in (_STARTING, _DRAWING)}
    return Cost(
        states=max(cost.states for cost in costs),
        memory=largest.memory,
        disk={name: value * kept for name, value in disk.items()}
        | {"files": 4096.0 * total * times},
        seconds=seconds,
        threads=largest.threads,
        at_most=any(cost.at_most for cost in costs),
    )


def _workers(runs: int, shares: int, workers: int | None) -> int:
    """How many processes do them."""
    if workers is None:
        return max(1, min(threads(), runs))
    return max(1, min(workers, max(runs, shares)))


def _cost(scenario: Scenario, replicates: int, workers: int) -> Cost:
    places = {name: _place(scenario, scenario.environment(name)) for name in scenario.environments}
    each = max(1, threads() // workers)
    n = sizes(scenario)[1]
    recorded = _recorded(scenario)
    seconds = _seconds(scenario, places, n, sum(recorded.values())) * replicates
    per_process = _memory(scenario, places, n, each)
    # Chunks are written every few seconds, so that no more of a run is in memory before its end,
    # when they are read piece by piece, and the summary reads the longest variables.
    total = sum(seconds.values())
    share = min(1.0, _CHUNK_SECONDS * workers * each / total) if total else 1.0
    data = sum(recorded.values()) * replicates
    held = data * share + 2 * max(recorded.values()) * replicates
    memory = {name: value * workers for name, value in per_process.items()}
    memory["processes"] = _PROCESS + (_WORKER * workers if workers > 1 else 0)
    memory[_RECORDED] = held
    return Cost(
        states=max(place.states for place in places.values()),
        memory=memory,
        disk={
            _RECORDED: data * _COMPRESSED + 4_000.0 * replicates,
            _DRAWING: 1e6,
        },
        seconds={**seconds, _STARTING: _START / _speed(), _DRAWING: _FIGURES / _speed()},
        threads=min(workers * each, max(threads(), cores())),  # more only take turns
        at_most=sizes(scenario)[0] != n,
    )


def _place(scenario: Scenario, here: World) -> _Place:
    """One environment, its tables made where that takes no time."""
    cells = len(here.layout.free)
    n_x = here.n_states // cells
    most, mean = _outcomes(here)
    compiled = float(n_x) * (most + mean * len(here.slots))
    live = float(n_x)
    for variable in here.variables.values():
        if variable.fatal is not None:
            low, high = bounds(variable.fatal)
            live *= 1 - (high - low + 1) / variable.values
    if compiled <= _MOST_COMPILED:
        with suppress(EvosimError):  # refused elsewhere, in words
            tables = world.environment(scenario, here.name).tables
            live, drifts = len(tables.live), float(len(tables.drift_x))
            if tables.local is not None:
                drifts = len(tables.local.arrays.drift_x) * _WALKS ** len(tables.local.walks)
            mean = drifts / n_x
    movers = sum(here.movers_of(name) for name in here.movers)
    plans, times = _chained(scenario, here)
    return _Place(
        cells=cells,
        n_x=n_x,
        live=live,
        outcomes=mean,
        compiled=compiled,
        actions=6,
        events=sum(1 for _ in here.effects()),
        lifetime=here.lifetime,
        drifts=mean / _WALKS**movers if movers < 100 else 1.0,
        movers=movers,
        local=here.local,
        plans=plans,
        times=times,
    )


def _chained(scenario: Scenario, here: World) -> tuple[int, float]:
    """How many workspaces minds plan in, and how many times as long as plain ones."""
    if (counted := here.counting("corrections")) is not None and scenario.correction is not None:
        most = here.variables[counted].values - 1
        ways = {way for way, share in scenario.anticipation if share.high > 0}
        # Each of K + 1 minds decides at its own x: together one plan. Of what a mind after it will
        # do or feel, it backs up the x of all minds after it: half of a plan for each of the K.
        later = most / 2 * (_FORESEEN * ("realistic" in ways) + ("hedonistic" in ways))
        return 2 * most + 1, _CHAIN * (1 + later)
    if scenario.agent.credence:
        return 1, _UNCERTAIN
    return (1 if scenario.agent.second_plan is None else 2), 1.0


def _outcomes(here: World) -> tuple[float, float]:
    """How many outcomes drift has: those that are gone through, and on average those that differ.

    What may or may not move doubles them, but for where it stands at its end.
    """
    chances = [
        (drift.chance, variable.values)
        for variable in here.variables.values()
        for drift in variable.drifts
    ]
    chances += [(happening.chance, 2) for happening in here.happens.values()]
    chances += [
        (here.kinds[slot.kind].regrow or 0.0, 2) for slot in here.slots if slot.ordinal >= 0
    ]
    unsure = [values for chance, values in chances if 0 < chance < 1]
    movers = sum(here.movers_of(name) for name in here.movers)
    most = 2.0 ** min(len(unsure), 200)
    mean = math.prod(2 - 1 / values for values in unsure[:200]) * _WALKS ** min(movers, 100)
    return most, mean


def _recorded(scenario: Scenario) -> dict[str, float]:
    """Bytes of each variable of a replicate."""
    length = {
        "generation": scenario.generations,
        "individual": sizes(scenario)[1],
        "locus": len(loci(scenario)),
        "payoff": len(scenario.payoffs),
        "parent": 2,
        "level": scenario.evolution.levels,
        "kept_place": 0 if scenario.adversary is None else scenario.adversary.buffer,
        "proposed_key": 0 if scenario.adversary is None else len(scenario.adversary.numbers),
        "probe": _probes(scenario),
        "environment": len(scenario.environments),
        "mind": len(minds(scenario)),
        "sample": scenario.measure.sample,
    }
    return {
        name: float(math.prod(length.get(dim, 1) for dim in spec.dims))
        * np.dtype(spec.dtype).itemsize
        for name, spec in variables(scenario).items()
    }


def _probes(scenario: Scenario) -> int:
    """How often the population is probed, about."""
    n, measure = scenario.generations, scenario.measure
    around = sum(2 if phase.ramp is None else 3 for phase in scenario.timeline)
    return min(n, n // measure.every + around + len(measure.also) + 1)


def _depth(scenario: Scenario) -> float:
    """The depth of the deepest mind of a batch, in the middle of what may come."""
    depth = scenario.agent.depth
    start = (depth.start_low + depth.start_high) / 2
    tool = scenario.agent.second_plan
    return (start + depth.high) / 2 + (tool[1] if tool else 0)


def _seconds(scenario: Scenario, places: Mapping[str, _Place], n: int, recorded: float) -> _Sum:
    """Seconds of one processor for one replicate."""
    evolution, measure, generations = scenario.evolution, scenario.measure, scenario.generations
    tables = scenario.rows is not None  # which are looked up, and nothing is planned
    depth = 0.0 if tables else _depth(scenario)
    soft = tables or scenario.agent.temperature.high > 0
    tool = scenario.agent.second_plan is not None
    found, shares = _Sum(), _shares(scenario)
    # With copies a plan is a fixed point, and each life is lived with both starts.
    anew, starts = (1, 1) if scenario.copies is None else (_PLANS_OF_COPIES, 2)
    for name, here in places.items():
        levels = shares.get(name, 0.0) * generations * evolution.levels
        # Minds that feel what their life makes of a step plan anew at each.
        times = here.lifetime if scenario.built_in else 1
        batches = math.ceil(n / LANES) * levels
        found["planning (world, agent.depth, evolution)"] += (
            batches * times * anew * _planned(here, depth, soft)
        )
        if evolution.optimizer.name == "policy_gradient":
            found["slopes (evolution.optimizer, evolution)"] += levels * _slopes(
                here, n, len(loci(scenario)), depth, tables
            )
        if evolution.score == "regret":
            pool = shares.get(name, 0.0) * generations * (evolution.pool or evolution.levels)
            visited = here.planned * here.outcomes * (_MOVES if soft else _VISITED)
            chain = visited * (here.lifetime * _EDGE + _EDGE_FOUND) + here.states * 0.2e-9
            found["regret (evolution.pool, evolution.population)"] += pool * (
                math.ceil(n / LANES) * (_planned(here, depth, soft) + _BATCH)
                + n * _DIFFERENT * chain
                + _PAIRED * _plan(here, here.lifetime)
            )
        found["lifetimes (world.lifetime, evolution)"] += (
            batches * _BATCH + starts * levels * n * here.lifetime * _STEP
        )
        if scenario.agent.learner is not None:
            lives = levels * evolution.population
            found["training (agent.learner, evolution)"] += lives * here.lifetime * _TRAINED
        found["tables (world.variables, world.kinds)"] += (
            here.compiled * _COMPILED * 2 ** len(scenario.senses)
        )
        found["levels (world)"] += here.cells**2 * _DISTANCE
        found["levels (world)"] += (levels + measure.levels) * here.cells * 2e-6
    if (asked := scenario.adversary) is not None and asked.searches:
        here = places[asked.environment]
        one = _planned(here, depth, soft) * math.ceil(asked.minds / LANES)
        one += _plan(here, here.lifetime) + asked.minds * here.planned * here.outcomes * (
            here.lifetime * _EDGE + _EDGE_FOUND
        )
        proposed = sum(
            p.generations for p in scenario.timeline if not isinstance(p.train, str | dict)
        )
        measured = proposed * (asked.budget + evolution.levels) * asked.levels
        found["regrets of proposals (timeline, train.adversary)"] += measured * (one + _BATCH)
    entries = evolution.select.options.get("tournsize", 1)
    found["breeding (evolution.population)"] += (
        generations * n * (_BORN + _GENE * len(loci(scenario)) + _ENTRY * _number(entries))
    )
    found["generations (timeline)"] += generations * _GENERATION
    found["writing (timeline, evolution)"] += recorded * _WRITTEN
    sample, probes = min(measure.sample, n), _probes(scenario)
    more = len(minds(scenario)) - 5  # controls of mechanisms
    # Where environments differ only in what they pay, minds do the same in all of them.
    alike: dict[str, int] = {}
    for name, here in places.items():
        first = alike.setdefault(_felt(scenario.environment(name)), 0) == 0
        alike[_felt(scenario.environment(name))] += 1
        lanes = sample * (_DIFFERENT * (2 + more) * first + 0.2)  # the true drive: few differ
        visited = here.planned * (1.0 if soft else _VISITED)
        edges = visited * here.outcomes * (_MOVES if soft else 1)
        each = here.lifetime * _EDGE + _EDGE_FOUND
        chains = starts * lanes * (edges * each + here.states * 0.2e-9)
        groups = math.ceil(sample / LANES)
        plans = (math.ceil(2 * sample / LANES) + more * groups) * first + 1
        optimum = anew * _plan(here, here.lifetime)
        one = plans * anew * _planned(here, depth, soft) + chains + plans * _BATCH
        one += optimum * groups * (4 if tool else 1) * first
        if scenario.built_in:
            one += sample * 16 * here.lifetime * (_STEP + _plan(here, depth, soft) / LANES)
        if scenario.agent.learner is not None:
            goals = len(scenario.stimuli) + len(scenario.payoffs)
            if here.states * here.actions <= LARGEST:
                one += goals * here.states * _DIRECTED * min(1.0, LEVELS / measure.levels)
        found["probes (measure, world)"] += probes * (one * measure.levels + _PROBE)
        uniform = starts * here.planned * here.outcomes * _MOVES * each
        found["probes (measure, world)"] += measure.levels * (uniform + 2 * optimum)
    return found / _speed()


def _felt(here: World) -> str:
    """A world but for what it pays."""
    return json.dumps(_unpaid(document.plain(here)), sort_keys=True)


def _unpaid(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unpaid(part) for key, part in value.items() if key != "yields"}
    return [_unpaid(part) for part in value] if isinstance(value, list | tuple) else value


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 1.0


class _Sum(dict[str, float]):
    """Numbers by name, 0 where there is none."""

    def __missing__(self, key: str) -> float:
        return 0.0

    def __mul__(self, by: float) -> _Sum:
        return _Sum({name: value * by for name, value in self.items()})

    def __truediv__(self, by: float) -> _Sum:
        return self * (1 / by)


def _plan(here: _Place, depth: float, soft: bool = False) -> float:
    """Seconds to plan for a batch on a level to some depth."""
    base = _LOCAL + _MOVER * here.movers if here.local else _BACKUP
    backup = base + _OUTCOME * here.drifts
    decided = here.planned * LANES * (_SOFT if soft else _POLICY)
    return depth * (here.planned * LANES * backup + here.live * _BLOCK) + decided


def _planned(here: _Place, depth: float, soft: bool) -> float:
    """Seconds to plan for a batch of minds on a level, with all that they foresee."""
    return here.times * _plan(here, depth, soft)


def _slopes(here: _Place, n: int, n_loci: int, depth: float, tables: bool) -> float:
    """Seconds for the gradient of the scores of a population on a level."""
    edges = here.planned * here.outcomes * _MOVES
    if tables:  # there and back through a life
        return 2 * here.lifetime * (n * edges * _SLOPE + _SLOPE_STEP)
    # Of each gene a mind to either side of it, and what each is to expect.
    moved = 2 * n_loci * n
    chains = edges * (here.lifetime * _EDGE + _EDGE_FOUND) + here.states * 0.2e-9
    return math.ceil(moved / LANES) * (_planned(here, depth, True) + _BATCH) + moved * chains


def _shares(scenario: Scenario) -> dict[str, float]:
    """The share of all levels of the timeline that are of each environment."""
    found: dict[str, float] = {}
    for stretch in timeline.stretches(scenario):
        for name, weight in stretch.mixture.items():
            share = weight * (stretch.end - stretch.begin) / scenario.generations
            found[name] = found.get(name, 0.0) + share
    return found


def _memory(
    scenario: Scenario, places: Mapping[str, _Place], n: int, each: int
) -> dict[str, float]:
    """Bytes that one process takes, by what they are for."""
    soft = scenario.agent.temperature.high > 0
    evolution, measure = scenario.evolution, scenario.measure
    spaces, chain, distances = set(), 0.0, 0.0
    levels = max(evolution.levels, measure.levels)
    for here in places.values():
        one = here.planned * (BYTES_A_STATE * here.blocks + LANES) * here.plans
        spaces |= {one, one + (here.planned * 4 * LANES * here.actions if soft else 0)}
        edges = here.planned * here.outcomes * _MOVES  # of the uniform policy
        chain = max(chain, here.states * 4 + edges * _EDGE_BYTES)
        distances += here.cells**2 * 4.0 * (measure.levels + 1)
    distances += max(here.cells for here in places.values()) ** 2 * (4.0 * levels + 16)
    events = max(here.events for here in places.values())
    features = len(scenario.stimuli) + len(scenario.payoffs) + len(scenario.looks)
    entries = _number(evolution.select.options.get("tournsize", 1))
    compiled = sum(here.compiled for here in places.values())
    return {
        "plans (world, by its states)": each * sum(sorted(spaces, reverse=True)[:_MOST_KEPT]),
        "expectations (world, by its states)": min(each, measure.levels) * chain,
        "distances on levels (world.rows, world.cols, evolution.levels, measure.levels)": distances,
        "lifetimes (evolution.population, evolution.levels)": float(n)
        * evolution.levels
        * (8 * events * (1 if scenario.copies is None else 4) + 16 * features + 32),
        "the population (evolution.population)": n
        * (200 + 100.0 * len(loci(scenario)) + 16 * entries),
        "tables (world.variables, world.kinds)": compiled
        * _COMPILED_BYTES
        * 2.0 ** len(scenario.senses),
    }


@cache
def _speed() -> float:
    """How fast this machine is beside the one on which the constants were measured."""
    a, b = np.ones((2, 100 * LANES), np.float32)
    best = math.inf
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(20):
            np.maximum(a, b, out=a)
        best = min(best, time.perf_counter() - began)
    return min(max(20 * a.size / best / SPEED, 0.05), 4.0)


# ------------------------------------------------------------------ what the machine has


def refuse(cost: Cost, out: str | Path, *, what: str = "", force: bool = False) -> None:
    """Refuse what the machine has not enough memory or disk for.

    Args:
        cost: of what is to be done.
        out: the folder that it is to be done in, which need not be there.
        what: what it is that needs so much, with a colon.
        force: do not refuse.

    Raises:
        EvosimError: with what takes most, and the key to lower.
    """
    if force:
        return
    for kind, parts_of, there in (
        ("memory", cost.memory, available_memory()),
        ("disk", cost.disk, available_disk(Path(out))),
    ):
        needed = sum(parts_of.values()) * (2 if kind == "disk" else 1)
        if there is not None and needed > there:
            largest, most = max(parts_of.items(), key=lambda pair: pair[1])
            name, _, keys = largest.partition(" (")
            lower = f"lower {keys.rstrip(')')}, or " if keys else ""
            raise EvosimError(
                f"{what}needs about {_bytes(needed)} of {kind}, and {_bytes(there)} are ",
                "available: ",
                f"{_bytes(most)} for {name}; {lower}begin it all the same with ",
                Argument("force", True),
            )  # fmt: skip


def available_memory() -> float | None:
    """Bytes that this process and those that it starts can still have; None where unknown."""
    return min(_limits(), default=None)


def _limits() -> Iterator[float]:
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        yield found["MemAvailable"] + found.get("SwapFree", 0)
    for group, second in cgroups("memory"):
        limit, usage = _OF_GROUPS[second]
        with suppress(OSError, ValueError):  # "max" is no number: no limit
            most = int((group / limit).read_text(encoding="ascii"))
            used = int((group / usage).read_text(encoding="ascii"))
            if most < 2**60:
                yield most - used + _file_cache(group)
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            yield float(soft - used * os.sysconf("SC_PAGE_SIZE") + _PROCESS)


_OF_GROUPS = {
    True: ("memory.max", "memory.current"),
    False: ("memory.limit_in_bytes", "memory.usage_in_bytes"),
}
"""Files of the limit and of what is used of it; of version 2, and of version 1."""


def _file_cache(group: Path) -> int:
    """Bytes of files that a group keeps in memory only as long as nobody needs it."""
    with suppress(OSError, ValueError, KeyError):
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
        return int(dict(line.split() for line in lines)["inactive_file"])
    return 0


def available_disk(out: Path) -> float | None:
    """Free bytes where a folder is, or is to be."""
    for place in (out.absolute(), *out.absolute().parents):
        with suppress(OSError):
            return float(shutil.disk_usage(place).free)
    return None


# ------------------------------------------------------------------ words


def _round(n: float) -> int:
    """A number to two digits."""
    digits = max(0, len(str(int(n))) - 2)
    return round(int(n) / 10**digits) * 10**digits


def _bytes(n: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if n < 999.5 or unit == "PB":
            return f"{_round(n) if n >= 10 else round(n, 1):,} {unit}"
        n /= 1000
    raise AssertionError


def _time(seconds: float) -> str:
    for size, unit in ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "days")):
        n = seconds / size
        if n < 99.5 or unit == "days":
            return f"{_round(n) if n >= 10 else round(max(n, 0.1), 1):,} {unit}"
    raise AssertionError
