"""What has become of tables: how much of them anything has trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario
    from evosim.stats.intervals import Bootstrap


def summary(dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any] | None:
    """The size of a table, and how many of its rows nobody's genes have left their start in."""
    made = scenario.rows
    assert made is not None
    last = dataset["genome"].isel(generation=-1)
    genes = last.transpose("replicate", "individual", "locus").values
    n, actions = made.n, len(made.actions)
    theta = genes[..., -n * actions :].reshape(*genes.shape[:2], n, actions)
    untrained = (np.abs(np.nan_to_num(theta)) <= made.table.start).all(axis=(1, 3)).sum(axis=1)
    return {
        "rows": n,
        "genes": n * actions,
        "untrained": float(untrained.mean()),
        "start": made.table.start,
    }


def describe(found: Mapping[str, Any]) -> str:
    """The numbers for people."""
    table = found["table"]
    start = f"within {table['start']:g} of 0" if table["start"] else "at 0"
    return (
        f"Tables: {table['rows']:,} rows, {table['genes']:,} genes; in the end the genes of "
        f"{table['untrained']:,.3g} rows are all {start}, where they began"
    )
