"""A run without a folder: replicates simulated and probed in memory.

The data are those that :mod:`evosim.engine.dataset` would write to run.nc for the same seed, to
the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evosim.engine.dataset import coordinates
from evosim.engine.loop import (
    GenerationRecord,
    Prober,
    generations,
    initial_population,
    replicate_seed,
)
from evosim.engine.run_folder import chunk_of
from evosim.engine.variables import by_generation, variables
from evosim.errors import EvosimError, RunError

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

OnGeneration: TypeAlias = Callable[[int, int, float], bool | None]
"""Called with replicate, generation and mean score after each generation; True: stop."""


def simulate(
    scenario: Scenario,
    seed: int,
    *,
    replicates: int = 1,
    probes: bool = True,
    on_generation: OnGeneration | None = None,
) -> xr.Dataset:
    """Simulate a run.

    Args:
        scenario: what to simulate, checked.
        seed: of the run, as :func:`evosim.run` takes it.
        replicates: how many populations; they go side by side, generation by generation.
        probes: whether to measure; without, all variables of probes are left out.
        on_generation: see :data:`OnGeneration`.

    Returns:
        The dataset of the run (docs/architecture.md, run.nc), without the attributes that say
        where it comes from; where it was stopped, of the generations that all replicates have.

    Raises:
        RunError: a score is not finite, or not one that selection takes.
    """
    simulated = [_generations(scenario, seed, replicate, probes) for replicate in range(replicates)]
    records: list[list[GenerationRecord]] = [[] for _ in range(replicates)]
    # Side by side, so that replicates that are stopped have equally many generations.
    for generation in zip(*simulated, strict=True):
        stop = False
        for replicate, record in enumerate(generation):
            records[replicate].append(record)
            score = record.mean_score
            if on_generation is not None and on_generation(replicate, record.generation, score):
                stop = True
        if stop:
            break
    return _dataset(scenario, seed, records)


class _NoProbes:
    """A prober that measures nothing."""

    def measure(self, genomes: object, generation: int) -> dict[str, np.ndarray]:
        return {}


def _generations(
    scenario: Scenario, seed: int, replicate: int, probes: bool
) -> Iterator[GenerationRecord]:
    from evosim.engine.probe import Prober as ExactProber

    # A run of its own probes by the same seed; only a fork has another one for its probes.
    own = replicate_seed(seed, replicate)
    prober: Prober = ExactProber(scenario, own) if probes else _NoProbes()
    try:
        yield from generations(scenario, initial_population(scenario, own), seed=own, prober=prober)
    except EvosimError as error:
        raise RunError(str(error)) from error


def _dataset(scenario: Scenario, seed: int, records: list[list[GenerationRecord]]) -> xr.Dataset:
    import xarray as xr

    # The same steps as on the way to run.nc, one chunk for each replicate.
    wholes = [chunk_of(each) for each in records]
    arrays = [{**whole.arrays, **whole.probes} for whole in wholes]
    # A prober that measures nothing leaves nothing to put into the variables of probes.
    known = variables(scenario) if wholes[0].probes else by_generation(scenario)
    data = {
        name: (
            ("replicate", *spec.dims),
            np.stack([np.asarray(each[name], spec.dtype) for each in arrays]),
            {"units": spec.units, "long_name": spec.long_name},
        )
        for name, spec in known.items()
    }
    labels = coordinates(scenario, len(records), len(records[0]), wholes[0])
    return xr.Dataset(
        data,
        coords={
            name: (label.dim, label.values, {"units": label.units, "long_name": label.long_name})
            for name, label in labels.items()
        },
        attrs={"seed": str(seed), "scenario_id": scenario.id, "title": scenario.title},
    )
