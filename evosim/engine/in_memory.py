"""A run without a folder: one replicate, lived and measured in memory.

For the many short runs of a study, of which only the measures are kept. The data are those that
:mod:`evosim.engine.dataset` would write to run.nc for the same seed, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from evosim import mind
from evosim.engine.controls import minds
from evosim.engine.loop import Record, born, first, generations, replicate_seed
from evosim.engine.ood_labelling import Past
from evosim.engine.run_folder import stretch_of
from evosim.engine.variables import variables
from evosim.errors import EvosimError, RunError
from evosim.evolution import NOTHING

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def live_in_memory(
    scenario: Scenario, seed: int, *, stop: Callable[[], bool] = lambda: False
) -> xr.Dataset | None:
    """Live replicate 0 of the run with a seed.

    Args:
        seed: of the run, as :func:`evosim.run` takes it.
        stop: whether to give up after the generation.

    Returns:
        The dataset of the run (docs/architecture.md, run.nc), with one replicate and without the
        attributes that say where it comes from; None where it was stopped.

    Raises:
        RunError: a score is not finite, or not one that selection takes.
    """
    from evosim.engine.probe import Prober

    own = replicate_seed(seed, 0)
    records: list[Record] = []

    def recall(generation: int) -> Past:
        genome = born(records[generation].arrays, generation, NOTHING).genome
        return Past(scenario, own, genome)

    try:
        for record in generations(
            scenario, first(scenario, own), seed=own, prober=Prober(scenario, own), recall=recall
        ):
            records.append(record)
            if stop():
                return None
    except EvosimError as error:
        raise RunError(str(error)) from error
    return _dataset(scenario, seed, records)


def _dataset(scenario: Scenario, seed: int, records: list[Record]) -> xr.Dataset:
    import xarray as xr

    whole = stretch_of(records)
    arrays = {**whole.arrays, **whole.probes}
    labels = {
        "replicate": np.arange(1, dtype=np.int32),
        "generation": np.arange(len(records), dtype=np.int32),
        "locus": np.array([locus.name for locus in mind.loci(scenario)], object),
        "payoff": np.array(scenario.payoffs, object),
        "probe": np.array(whole.probed, np.int32),
        "environment": np.array(list(scenario.environments), object),
        "mind": np.array(list(minds(scenario)), object),
    }
    data = {
        name: (("replicate", *spec.dims), np.asarray(arrays[name], spec.dtype)[None])
        for name, spec in variables(scenario).items()
    }
    return xr.Dataset(
        data,
        coords={name: (name, values) for name, values in labels.items()},
        attrs={"seed": str(seed), "scenario_id": scenario.id, "title": scenario.title},
    )
