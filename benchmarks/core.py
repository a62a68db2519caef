"""How fast the core is on this machine, and whole runs.

Every ratio is measured within one run: the things compared take turns, and the best and the
median of their times are set against each other. Whatever computes on one core is timed by the
processor time of its thread, which other processes on the machine disturb least.
"""

from __future__ import annotations

import ctypes
import json as json_format
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import core, evolution, mind, scenario, world
from evosim.benchmarks.rows import Call, Row, interleaved, per, ratio
from evosim.core import batch, planning
from evosim.core.exact import expect
from evosim.core.live import live
from evosim.core.plan import improve
from evosim.core.structs import LANES, Level, Lives, WorldTables
from evosim.engine import probe
from evosim.engine.variables import probe_generations
from evosim.execution import cost
from evosim.process import cores
from evosim.testing import maze, reference

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.world import Environment, Levels

SCENARIO = "contraception"
ENVIRONMENT = "ancestral"
SEED = 1
DEPTH = 20
LAYER = "python threads over nogil kernels"
AGREEMENT = 1e-5
"""C fuses multiplications with additions: values differ from the kernel's by this share of the
largest at most."""


def parts(quick: bool) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    """What is measured, in order, each with its name."""
    repetitions = 20 if quick else 200
    yield "plans", partial(_plans, repetitions)
    yield "threads", partial(_threads, 3 if quick else 60)
    yield "lifetimes and measures", partial(_lifetimes_and_measures, repetitions)
    yield "environments", partial(_environments, 3 if quick else 30)
    yield "mazes", partial(_mazes, 128 if quick else 1024, 3 if quick else 20)
    yield "the reference", partial(_reference, 2 if quick else DEPTH)
    if quick:
        yield "a generation", _one_generation
    else:
        yield "whole runs", partial(_whole_runs, 2)
        yield "compilation", _compilation


# --- timing ----------------------------------------------------------------------------------


@contextmanager
def with_threads(n: int) -> Iterator[None]:
    """Run the block with n threads: EVOSIM_THREADS is read whenever tasks are spread."""
    before = os.environ.get("EVOSIM_THREADS")
    os.environ["EVOSIM_THREADS"] = str(n)
    try:
        yield
    finally:
        if before is None:
            del os.environ["EVOSIM_THREADS"]
        else:
            os.environ["EVOSIM_THREADS"] = before


# --- the planner in C ------------------------------------------------------------------------


class CPlanner:
    """benchmarks/plan.c, compiled on the spot.

    Raises:
        OSError: no C compiler is there, or it fails; the message says which.
    """

    SOURCE = Path(__file__).parents[1] / "benchmarks" / "plan.c"
    FLAGS = ("-O3", "-march=native", "-std=c11", "-shared", "-fPIC")

    def __init__(self) -> None:
        names = (os.environ.get("CC", ""), "gcc", "cc", "clang")
        compiler = next((name for name in names if name and shutil.which(name)), None)
        if compiler is None:
            raise OSError("no C compiler")
        self.name = " ".join([compiler, *self.FLAGS[:2]])
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "plan.so"
            command = [compiler, *self.FLAGS, str(self.SOURCE), "-o", str(library)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                output = done.stderr.strip().splitlines() or ["no message"]
                raise OSError(f"{compiler} fails: {output[0]}")
            self._improve = ctypes.CDLL(str(library)).improve

    def planner(self, case: Case) -> Callable[[], int]:
        """What ``case.improve`` does on ``case.space.value``, done on ``case.other``."""
        tables, level, lanes = case.group.plan_tables, case.level, case.batch.lanes
        if tables.slip or case.arrivals or not tables.stay:
            raise ValueError("the planner in C knows no slip and no arrivals, and always stay")
        _, n_x, n_cells, _ = case.space.value.shape
        arrays = (
            tables.live, tables.drift_ptr, tables.drift_x, tables.drift_p, tables.use_row,
            tables.use_event, tables.next_ptr, tables.next_x, tables.next_p, level.neighbour,
            level.slot, lanes.patience, lanes.depth, case.space.reward, case.afterstate,
        )  # fmt: skip
        arguments = [
            _pointer(case.other), n_x, n_cells, len(tables.live), *(_pointer(a) for a in arrays)
        ]  # fmt: skip
        return lambda: int(self._improve(*arguments))


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    if not array.flags.c_contiguous:
        raise ValueError("an array for C is not contiguous")
    return array.ctypes.data_as(ctypes.c_void_p)


def _aligned(like: NDArray[Any]) -> NDArray[Any]:
    """A copy that begins at a multiple of 64 bytes, as a C program would have it."""
    raw = np.zeros(like.nbytes + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    copy = raw[begin : begin + like.nbytes].view(like.dtype).reshape(like.shape)
    copy[...] = like
    return copy


# --- kernels on one core ---------------------------------------------------------------------


class Scratch(NamedTuple):
    """What batches plan in, one after the other, as those of a thread do."""

    space: batch.Workspace
    other: NDArray[np.float32]  # the values of the planner in C
    afterstate: NDArray[np.float32]  # its block in the first-level cache


class Case:
    """A batch of minds on one level, ready to be planned for and measured on one core."""

    def __init__(
        self,
        env: Environment,
        levels: Levels,
        group: batch.BatchGroup,
        minds: batch.Batch,
        scratch: Scratch,
    ) -> None:
        self.env, self.levels = env, levels
        self.group, self.batch = group, minds
        self.space, self.other, self.afterstate = scratch
        self.level = Level.of(levels, 0)
        self.world = WorldTables.of(env.tables)
        self.arrivals = group.tables.arrivals or minds.replans
        self.values = self.space.plan(self.arrivals)
        self.plan()

    def plan(self) -> None:
        """A whole plan: instinct, backups, policy."""
        planning.plan_policy(self.group, self.batch, self.level, True, self.space)

    def prepare(self) -> None:
        """The instinct alone: V_0, which both planners start from."""
        reflexes = self.batch.lanes._replace(depth=np.zeros(LANES, np.int32))
        planning.plan_values(self.group, reflexes, self.level, self.values, True, self.space)
        self.other[...] = self.space.value

    def improve(self) -> int:
        """The backups alone, from whatever the values are; where in space.value V_d stands."""
        end = planning.ALL_BACKUPS
        lanes = self.batch.lanes
        return int(improve(*self.group.plan_tables, *self.level, *lanes, *self.values, 0, end))

    def disagreement(self, in_c: Callable[[], int]) -> float:
        """The largest difference of the values planned in C, as a share of the largest value."""
        self.prepare()
        found = self.space.value[self.improve()][self.group.tables.live]
        other = self.other[in_c()][self.group.tables.live]
        return float(np.abs(found - other).max() / np.abs(found).max())

    def sample_lifetimes(self, counts: NDArray[np.int32], lifespan: NDArray[np.int32]) -> None:
        """One lifetime of each mind by the policy in the workspace."""
        steps = self.env.lifetime
        lives = Lives(
            np.uint64(SEED), np.arange(LANES, dtype=np.uint64), self.batch.mind, steps,
            np.ones(self.env.n_x, np.bool_), np.empty_like(counts), counts, lifespan,
            np.empty_like(lifespan), np.zeros(0, np.int32),
        )  # fmt: skip
        live(*self.world, *self.level, *self.space.policy(self.group), *lives, steps)

    def expect(self) -> None:
        """The exact expectations of each mind by the policy in the workspace."""
        expect(
            *self.world, *self.levels, *self.space.policy(self.group), self.batch.mind,
            np.zeros(LANES, np.int32), self.env.lifetime, np.zeros(self.env.n_x, np.int32),
            np.zeros((1, LANES, 1, len(self.env.events))), np.zeros((1, LANES, 1)),
        )  # fmt: skip


def cases(
    n: int, depth: int | NDArray[np.integer], sets: Sequence[str] = (), level: int = SEED
) -> list[Case]:
    """Minds of a first generation but for their depth, in batches on one level.

    Args:
        depth: of all minds, or of each [n].
        sets: changes of the scenario.
        level: the level's seed.
    """
    of = scenario.load(SCENARIO, sets)
    env = world.environment(of, ENVIRONMENT)
    levels = world.draw_levels(of, ENVIRONMENT, [level])
    (group,) = batch.batch_groups(env, minds_of(of, n, depth))
    space = batch.new_workspace(env.n_x, env.n_cells, env.n_actions, len(env.events), group.soft)
    scratch = Scratch(space, _aligned(space.value), _aligned(space.afterstate))
    return [Case(env, levels, group, minds, scratch) for minds in group.batches]


def minds_of(of: Scenario, n: int, depth: int | NDArray[np.integer]) -> mind.Minds:
    """Minds of a first generation but for their depth."""
    minds = mind.express(of, mind.initial(of, n, SEED))
    return minds._replace(depth=np.array(np.broadcast_to(depth, n), np.int32))


def _plans(repetitions: int) -> list[Row]:
    mixed = np.random.default_rng(SEED).integers(0, DEPTH + 1, 400)
    (deep,) = cases(LANES, DEPTH)
    states = len(deep.group.tables.live) * deep.env.n_cells
    backups = DEPTH * states * deep.env.n_actions
    note = f"{states} of {deep.env.world.n_states} states live, depth {DEPTH}, {LANES} lanes"
    rows = _backups([deep], "backups", repetitions, note)
    rows += [
        replace(
            row, name=f"{row.name}, by action", unit="1/s", note="",
            best=backups / (row.best * 1e-6), median=backups / (row.median * 1e-6),
        )
        for row in rows
        if row.unit == "us" and row.best is not None and row.median is not None
    ]  # fmt: skip
    note = f"{len(mixed)} agents of depths 0 to {DEPTH}, mean {mixed.mean():.1f}"
    rows += _backups(cases(len(mixed), mixed), "mixed depths", max(3, repetitions // 5), note)
    seconds = interleaved([deep.plan], repetitions)
    rows.append(per("a whole plan", "us", seconds, 1e6 / LANES, note="instinct, backups, policy"))
    return rows


def _backups(found: Sequence[Case], name: str, repetitions: int, note: str) -> list[Row]:
    """The backups of some batches in Numba and in C, a plan, and their ratio."""
    n = sum(int((case.batch.mind >= 0).sum()) for case in found)
    calls: list[Call] = [lambda: [case.improve() for case in found]]
    try:
        in_c = CPlanner()
        planners = [in_c.planner(case) for case in found]
        for case, planner in zip(found, planners, strict=True):
            error = case.disagreement(planner)
            if not error <= AGREEMENT:
                raise RuntimeError(f"the planners in C and in Numba differ by {error:g}")
        calls.append(lambda: [planner() for planner in planners])
        c_note = in_c.name
    except OSError as error:
        c_note = str(error)
    seconds = interleaved(calls, repetitions)
    kernel, c, both = f"{name}: Numba", f"{name}: C", f"{name}: Numba / C"
    rows = [per(kernel, "us", seconds[:, 0], 1e6 / n, note=note)]
    if len(calls) == 1:
        return [
            *rows,
            Row(name=c, unit="us", best=None, note=c_note),
            Row(name=both, unit="x", best=None, goal=1.4, note=c_note),
        ]
    rows.append(per(c, "us", seconds[:, 1], 1e6 / n, note=c_note))
    return [*rows, ratio(both, seconds, 1.4)]


def _lifetimes_and_measures(repetitions: int) -> list[Row]:
    (case,) = cases(LANES, DEPTH)
    counts = np.zeros((LANES, len(case.env.events)), np.int32)
    lifespan = np.zeros(LANES, np.int32)
    weights = case.batch.lanes.weights.T.astype(np.float64)
    calls: list[Call] = [
        lambda: case.sample_lifetimes(counts, lifespan),
        case.expect,
        lambda: core.optimum(case.env, case.levels, weights),
    ]
    with with_threads(1):
        stepping, expecting, optimising = (
            interleaved([call], n)
            for call, n in zip(calls, (repetitions, repetitions, repetitions // 10), strict=True)
        )
    steps = int(lifespan.sum())
    return [
        per(
            "a sampled step", "ns", stepping, 1e9 / steps, goal=20.0,
            note=f"{LANES} lifetimes of {steps / LANES:.0f} steps on average",
        ),
        per(
            "an exact expectation", "us", expecting, 1e6 / LANES,
            note=f"{case.env.lifetime} steps of one agent on one level, without its plan",
        ),
        per(
            "an exact optimum", "us", optimising, 1e6 / LANES,
            note=f"{case.env.lifetime} backups for one reward on one level",
        ),
    ]  # fmt: skip


def _steps(env: Any, actions: NDArray[np.integer]) -> None:
    for taken in actions:
        env.step(taken)


def _environments(repetitions: int) -> list[Row]:
    """Steps of lives side by side whose actions come from outside, and what is seen."""
    if find_spec("gymnasium") is None:
        return []
    from evosim import gym

    rows = []
    for obs in ("state", "felt"):
        env = gym.make_vec("strawberry", num_envs=2048, obs=obs, levels=64)
        env.reset(seed=SEED)
        actions = np.random.default_rng(SEED).integers(0, 6, (16, env.num_envs))
        seconds = interleaved([partial(_steps, env, actions)], repetitions)
        shape = env.single_observation_space.shape
        rows.append(
            per(
                f"a step of an environment: {obs}", "ns", seconds, 1e9 / actions.size,
                goal=500.0, note=f"of {env.num_envs} lives of strawberry, what is seen {shape}",
            )
        )  # fmt: skip
    return rows


def _mazes(n: int, repetitions: int) -> list[Row]:
    """One reward, or one mind, on many levels; and random play."""
    began = time.thread_time()
    read = maze()
    env, levels = world.environment(read, "maze"), world.draw_levels(read, "maze", range(n))
    drawing = time.thread_time() - began
    payoff = np.zeros((1, env.phi.shape[1]))
    payoff[0, env.paid] = 1.0
    planner = mind.Minds.of(payoff, depth=DEPTH, patience=0.999, senses=0)
    few = type(levels)(*(field[:64] for field in levels))
    lives = n // 2  # on each of these
    at_random = partial(
        core.lifetimes_of, env, few, np.ones((lives, 1, 1, 1, env.n_actions)), seed=SEED,
        generation=0, level_ids=range(64), individual_ids=range(lives),
    )  # fmt: skip
    calls: list[Call] = [
        partial(core.optimum, env, levels, payoff),
        partial(core.expectation, env, levels, planner),
        partial(core.uniform, env, few),
        at_random,
    ]
    two = min(2, cores())
    with with_threads(two):
        seconds = interleaved(calls, repetitions, time.perf_counter)
        steps = int(at_random().lifespan.sum())
    on = f"{two} thread{'s' * (two > 1)}"
    cells, age = env.n_cells, env.lifetime

    def rate(name: str, i: int, many: int, goal: float | None, note: str) -> Row:
        best, median = many / seconds[:, i].min(), many / np.median(seconds[:, i])
        return Row(
            name=name, unit="1/s", best=float(best), median=float(median), goal=goal,
            at_least=True, note=note,
        )  # fmt: skip

    return [
        rate(
            "optima of maze levels", 0, n, 28_000.0,
            f"{on}; the largest expected payoff within {age} steps on a level that is drawn "
            f"already: {cells} cells, a perfect maze, one cheese, every step ends the life with "
            "chance 0.001. jaxgmg's solver does 88 to 280 levels of 13 x 13 a second",
        ),
        rate(
            "expectations on maze levels", 1, n, 28_000.0,
            f"{on}; plan of depth {DEPTH} and expected payoff of one mind on such a level",
        ),
        rate(
            "expectations of random play", 2, len(few.start), None,
            f"{on}; {age} steps of the distribution over all cells of such a level",
        ),
        rate(
            "random steps in mazes", 3, steps, 1e8,
            f"{on}; draw one of {env.n_actions} actions, move or use, draw whether the life ends, "
            f"count what happened: {lives} lives on each of {len(few.start)} levels",
        ),
        Row(
            name="drawing a maze level", unit="us", best=drawing / n * 1e6,
            note=f"walls, sites and all distances between {cells} cells; done before",
        ),
    ]  # fmt: skip


def _reference(depth: int) -> list[Row]:
    """Kernels against the readable twin, one agent at a time."""
    (case,) = cases(LANES, depth)
    env, levels = case.env, case.levels
    one = np.zeros(LANES, np.intp)  # the first mind on all lanes
    lanes = case.batch.lanes._replace(weights=case.batch.lanes.weights[:, one].copy())
    case.batch = case.batch._replace(lanes=lanes)
    case.plan()
    twin = reference.ReferenceWorld(env.world, env.stimuli, env.payoffs)
    agent = reference.Mind(
        lanes.weights[:, 0], np.float32(0), depth, lanes.patience[0], np.float32(0), 0
    )
    level = reference.Level(
        levels.neighbour[0], levels.slot[0], int(levels.start[0]), levels.distance[0]
    )
    planned = interleaved([lambda: reference.plan(twin, level, agent), case.plan], 3)
    policy = reference.policy(reference.plan(twin, level, agent), agent)
    expected = interleaved([lambda: reference.expectation(twin, level, policy), case.expect], 3)
    rows = []
    for name, seconds in (("plan", planned), ("expectation", expected)):
        seconds[:, 1] /= LANES
        note = f"{seconds[:, 0].min():.2g} s in plain Python"
        if name == "plan":
            note += f", depth {depth}"
        rows.append(ratio(f"reference / kernel: {name}", seconds, 500.0, at_least=True, note=note))
    return rows


# --- batches, generations and runs -----------------------------------------------------------


def _threads(repetitions: int) -> list[Row]:
    name, goal = "1 thread / 2 threads", 1.85
    if cores() < 2:
        alone = "there is only one core"
        return [Row(name=name, unit="x", best=None, goal=goal, at_least=True, note=alone)]
    of = scenario.load(SCENARIO)
    minds, sample_lifetimes = _generation(of)

    def by(n: int) -> None:
        with with_threads(n):
            sample_lifetimes()

    seconds = interleaved([partial(by, 1), partial(by, 2)], repetitions, time.perf_counter)
    note = f"lifetimes of {len(minds.depth)} minds on {of.evolution.levels} levels, depth {DEPTH}"
    return [ratio(name, seconds, goal, at_least=True, note=note)]


def _generation(of: Scenario) -> tuple[mind.Minds, Call]:
    """The minds of a generation at depth 20, and a call that samples their lifetimes."""
    env = world.environment(of, ENVIRONMENT)
    n, n_levels = of.evolution.population, of.evolution.levels
    levels = world.draw_levels(of, ENVIRONMENT, range(n_levels))
    minds = minds_of(of, n, DEPTH)
    return minds, partial(
        core.lifetimes, env, levels, minds, seed=SEED, generation=0,
        level_ids=range(n_levels), individual_ids=np.arange(n),
    )  # fmt: skip


def _one_generation() -> list[Row]:
    of = scenario.load(SCENARIO)
    genomes = mind.initial(of, of.evolution.population, SEED)
    scores = np.random.default_rng(SEED).normal(size=len(genomes))
    _, sample_lifetimes = _generation(of)
    prober = probe.Prober(of, SEED)
    born = partial(evolution.breed, of, genomes, scores, SEED)
    measured = partial(prober.measure, genomes, 0)
    sampled, bred, probed = interleaved(
        [sample_lifetimes, born, measured], 2, time.perf_counter
    ).min(axis=0)
    often = len(probe_generations(of)) / of.generations
    return _breeding_shares(bred, sampled, probed * often, f"one generation, depth {DEPTH}")


def _breeding_shares(bred: float, sampled: float, probed: float, note: str) -> list[Row]:
    """Breeding's share of a generation's time, from the time each part took."""
    return [
        Row(name="breeding, of a generation", unit="%", best=100 * bred / (bred + sampled),
            goal=10.0, note=note),
        Row(name="breeding, probes counted", unit="%", best=100 * bred / (bred + sampled + probed),
            goal=10.0, note=note),
    ]  # fmt: skip


class Watched(NamedTuple):
    """One run in a process of its own: seconds by part, and what it took in all."""

    seconds: dict[str, float]
    wall: float
    processor: float
    megabytes: float


def _whole_runs(repetitions: int) -> list[Row]:
    runs = [_run_watched() for _ in range(repetitions)]
    best = min(runs, key=lambda run: run.wall)
    parts = ", ".join(
        f"{name} {100 * seconds / best.wall:.0f} %" for name, seconds in best.seconds.items()
    )
    took, told = best.seconds, cost.of_run(scenario.load(SCENARIO))
    return [
        Row(
            name=f"{SCENARIO}, a whole run", unit="s", best=best.wall,
            median=float(np.median([run.wall for run in runs])), goal=10.0,
            note=f"{best.processor:.1f} s of processor; {parts}",
        ),
        Row(
            name="its peak memory", unit="MB", best=min(run.megabytes for run in runs),
            median=float(np.median([run.megabytes for run in runs])), goal=500.0,
        ),
        Row(
            name="what is told of its time", unit="%",
            best=100 * sum(told.seconds.values()) / best.processor,
            note="before it begins, of the processor time that it takes; the goal is 50 to 200",
        ),
        Row(
            name="what is told of its memory", unit="%",
            best=100 * told.total_memory / 1e6 / best.megabytes,
        ),
        *_breeding_shares(took["breeding"], took["lifetimes"], took["probes"], "of that run"),
    ]  # fmt: skip


def _run_watched() -> Watched:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        found = in_new_process(
            "import evosim; bench.watch(evosim.run, sys.argv[1], began)",
            str(Path(folder) / "run"),
        )
        wall = time.perf_counter() - began
    seconds = found["seconds"]
    seconds["the rest"] = wall - sum(seconds.values())
    return Watched(seconds, wall, found["processor"], found["megabytes"])


def in_new_process(code: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What some code prints as JSON in a fresh interpreter that imports from where this one does.

    ``bench`` and ``sys`` are imported for it, and ``began`` is when.
    """
    begin = (
        "import json, sys, time; began = time.perf_counter(); "
        "sys.path[:] = json.loads(sys.argv.pop(1)); from evosim.benchmarks import core as bench; "
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", begin + code, json_format.dumps(sys.path), *arguments],
        stdout=subprocess.PIPE, text=True, check=True, env=os.environ | environment,
    )  # fmt: skip
    answer: dict[str, Any] = json_format.loads(done.stdout)
    return answer


def watch(run: Callable[..., Any], folder: str, began: float) -> None:
    """Run the scenario and print where the time went, as JSON; for a process of its own.

    Args:
        run: :func:`evosim.run`, which stands above this module.
        began: when the process did.
    """
    seconds = {"imports": time.perf_counter() - began}
    seconds["loading the core"] = _use_every_kernel()
    parts = {
        "lifetimes": (core, "lifetimes"),
        "breeding": (evolution.Reproduction, "next_generation"),
        "probes": (probe.Prober, "measure"),
    }
    for part, (owner, name) in parts.items():
        seconds[part] = 0.0
        setattr(owner, name, _counted(getattr(owner, name), seconds, part))
    done = run(SCENARIO, seed=SEED, out=folder, figures=False, progress=False)
    ended = time.perf_counter()
    done.plot()
    seconds["figures"] = time.perf_counter() - ended
    print(json_format.dumps({
        "seconds": seconds, "processor": time.process_time(), "megabytes": peak_megabytes(),
    }))  # fmt: skip


def _counted(
    function: Callable[..., Any], seconds: dict[str, float], part: str
) -> Callable[..., Any]:
    """The function, which adds the time it takes to a part."""

    def counted(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        result = function(*args, **options)
        seconds[part] += time.perf_counter() - began
        return result

    return counted


def peak_megabytes() -> float:
    """The most memory that this process had resident, in 10^6 bytes."""
    try:  # getrusage counts what the parent had when it forked
        with open("/proc/self/status", encoding="ascii") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
            return int(peak.split()[1]) * 1024 / 1e6
    except OSError:
        import resource

        peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak_rss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _compilation() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        code = "print(json.dumps(bench.started(began)))"
        first = in_new_process(code, EVOSIM_CACHE_DIR=folder)
        again = [in_new_process(code, EVOSIM_CACHE_DIR=folder) for _ in range(3)]
    loaded = [one["kernels"] for one in again]
    return [
        Row(
            name="first compilation", unit="s", best=first["kernels"], goal=20.0,
            note="every kernel, novelty's too, in a new process",
        ),
        Row(
            name="loading the compiled core", unit="s", best=min(loaded),
            median=float(np.median(loaded)),
            note=f"in a new process, which then is {min(one['all'] for one in again):.2g} s old",
        ),
    ]  # fmt: skip


def started(began: float) -> dict[str, float]:
    """Seconds that all kernels took to be ready, and since ``began``."""
    kernels = _use_every_kernel()
    return {"kernels": kernels, "all": time.perf_counter() - began}


def _use_every_kernel() -> float:
    """Have every kernel compiled or loaded; the seconds that it took."""
    of = scenario.load(SCENARIO)
    env = world.environment(of, ENVIRONMENT)
    levels = world.draw_levels(of, ENVIRONMENT, [SEED])
    minds = minds_of(of, 1, 0)
    sample_lifetimes = partial(
        core.lifetimes, env, levels, seed=SEED, generation=0, level_ids=[0], individual_ids=[0]
    )
    began = time.perf_counter()
    sample_lifetimes(minds=minds)
    sample_lifetimes(minds=minds._replace(arrival=np.ones(1, np.float32)))
    core.uniform(env, levels)
    core.optimum(env, levels, np.zeros((1, env.phi.shape[1])))
    return time.perf_counter() - began
