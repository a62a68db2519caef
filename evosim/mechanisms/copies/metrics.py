"""What minds leave to their copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.metrics.query import Query, probed
from evosim.metrics.registry import DIED_OUT, PROBED, Columns, metric

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


@metric(
    "bequest",
    undefined=DIED_OUT,
    description="chance that a life leaves a boon to its copy",
    label="lives that leave a boon",
    unit="share",
    bounds=(0.0, 1.0),
    trajectory="bequest",
    uses=PROBED,
    has_peak=True,
    section="copies",
)
def _bequest(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (probed(data, scenario, query, data["bequest"]),)
