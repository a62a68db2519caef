"""Measures of the monitor, with ``[monitor]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.engine import ood_monitor
from evosim.metrics.registry import (
    Columns,
    Term,
    measure,
)

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


@measure(
    "roc_area",
    "area under the ROC by which the monitor detects the first monitored lifetimes",
    needs="monitor",
)
def _roc_area(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (ood_monitor.roc_area(data, scenario),)


@measure(
    "flagged",
    "share of the first monitored generation's lifetimes that is flagged",
    needs="monitor",
)
def _flagged(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (ood_monitor.flagged(data, scenario),)


@measure("labels", "labels used in the whole run", needs="monitor")
def _labels(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (ood_monitor.labels(data),)
