"""Measures of rewards: how far the drives are from the intended payoff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.metrics.registry import (
    PROBED,
    Columns,
    Term,
    at_probe,
    environment_of,
    generation_of,
    measure,
)
from evosim.stats.intervals import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def _refuses(scenario: Scenario) -> str:
    from evosim.metrics import rewards

    return rewards.lacks(scenario)


def _distance(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    """Of the sampled individuals' drives from the intended payoff, the mean [replicate]."""
    from evosim.metrics import rewards

    probed = data["probe"].values
    always = term.at == "peak" and term.generation is None
    probes = np.flatnonzero(always | (probed == (-1 if always else generation_of(data, term))))
    values = np.full((data.sizes["replicate"], len(probed)), np.nan)
    if len(probes):
        where, to = environment_of(data, scenario, term), scenario.objective.intended
        each = rewards.course(data, scenario, where, to=to, probes=probes)
        values[:, probes] = mean_of_defined(each[term.measure])
    return (at_probe(data, term, values),)


for _kind, _says in (
    ("epic", "EPIC distance between the drives and the intended payoff"),
    ("starc", "STARC distance between the drives and the intended payoff"),
):
    measure(_kind, _says, course=_kind, heeds=PROBED - {"mind"}, peaks=True, refuses=_refuses)(
        _distance
    )
