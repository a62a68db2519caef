"""What a generation costs against each of the sizes that a scenario chooses, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from evosim import core, scenario, world
from evosim.benchmarks.core import DEPTH, ENVIRONMENT, SCENARIO, SEED, minds_of, with_threads
from evosim.benchmarks.rows import interleaved
from evosim.core.structs import LANES
from evosim.engine import in_memory
from evosim.plot.throughput import Curve

GENERATIONS = {
    "evolution.population": LANES, "evolution.levels": 1,
    "timeline.0.generations": 3, "timeline.1.generations": 3,
}  # fmt: skip
"""Settings of a run of which there are many replicates."""


def curves(*, quick: bool) -> Iterator[Curve]:
    """Seconds of processor time against population, levels, states, depth and replicates.

    Args:
        quick: fewer and smaller sizes; a second or two instead of half a minute.
    """
    populations, levels, sides, depths, replicates = (
        ((64, 256, 1024), (1, 4, 16), (5, 10, 20), (4, 16), (1, 2, 4))
        if quick
        else (
            (1, 8, 64, 250, 1000, 4000, 20_000),
            (1, 2, 4, 8, 16, 32, 64),
            (5, 7, 10, 14, 20, 40, 79),
            (1, 2, 4, 8, 16, 32, 64),
            (1, 2, 4, 8, 16, 32),
        )
    )
    times = 1 if quick else 3
    agents, depth = f"{LANES} agents", f"depth {DEPTH}"
    held = f"{agents}, 1 level, {depth}"
    states = [
        scenario.load(SCENARIO, _square(side)).environment(ENVIRONMENT).n_states for side in sides
    ]
    yield _curve("population", f"1 level, {depth}", populations, _lifetimes, times, LANES)
    yield _curve("levels", f"{agents}, {depth}", levels, lambda n: _lifetimes(levels=n), times)
    by_side = _curve("states", held, sides, lambda side: _lifetimes(side=side), times)
    yield by_side._replace(sizes=states)
    yield _curve("depth", f"{agents}, 1 level", depths, lambda n: _lifetimes(depth=n), times, 4)
    yield _curve("replicates", f"runs of 6 generations, {agents}", replicates, _runs, times)


def _curve(
    size: str,
    held: str,
    sizes: Sequence[int],
    call: Callable[[int], Callable[[], object]],
    times: int,
    fit_from: int = 0,
) -> Curve:
    with with_threads(1):
        seconds = [interleaved([call(n)], times, time.process_time).min() for n in sizes]
    return Curve(size, held, sizes, [float(one) for one in seconds], fit_from)


def _lifetimes(
    n: int = LANES, *, levels: int = 1, side: int | None = None, depth: int = DEPTH
) -> Callable[[], object]:
    """A call that samples the lifetimes of n minds: all that a generation does but breeding."""
    of = scenario.load(SCENARIO, {} if side is None else _square(side))
    env = world.environment(of, ENVIRONMENT)
    drawn = world.draw_levels(of, ENVIRONMENT, range(levels))
    return partial(
        core.lifetimes, env, drawn, minds_of(of, n, depth), seed=SEED, generation=0,
        level_ids=range(levels), individual_ids=np.arange(n),
    )  # fmt: skip


def _runs(replicates: int) -> Callable[[], object]:
    of = scenario.load(SCENARIO, GENERATIONS)
    return partial(in_memory.simulate, of, SEED, replicates=replicates, probes=False)


def _square(side: int) -> dict[str, int]:
    return {"world.rows": side, "world.cols": side}
