"""The keys of summary.json and the variables of run.nc: what readers of old runs rely on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import evosim

SMALL = [
    "measure.levels=1", "measure.sample=3", "measure.every=50", "evolution.levels=1",
    "verdict.resamples=50",
]  # fmt: skip
CASES = {
    "watched": (
        "streetlight_test",
        ["timeline=[{generations=2, train='day'},{generations=2, train='night', monitored=true}]",
         "monitor={budget=2, quantile=0.5}", "evolution.population=6"],
    ),
    "tools_on_islands": (
        "spreadsheet",
        ["timeline.0.generations=2", "timeline.1.generations=2", "evolution.population=6",
         "evolution.islands={demes=2, every=2, migrants=1, select={operator='selBest'},"
         "replace={operator='selRandom'}}"],
    ),
    "open": ("dying_out", ["timeline.0.generations=2", "timeline.1.generations=2"]),
}  # fmt: skip
"""Tiny runs that have every optional section between them."""


@pytest.mark.parametrize("name", CASES)
def test_a_run_has_the_keys_and_variables_that_it_always_had(
    name: str, tmp_path: Path, snapshot: Callable[[str, str], None]
) -> None:
    scenario, settings = CASES[name]
    run = evosim.run(
        scenario, seed=1, settings=[*SMALL, *settings], out=tmp_path / "run", figures=False,
        workers=1,
    )  # fmt: skip
    with xr.open_dataset(tmp_path / "run" / "run.nc") as data:
        variables = {
            str(key): [list(map(str, array.dims)), array.dtype.str, array.attrs.get("units")]
            for key, array in sorted(data.variables.items())
        }
    found = {"summary.json": list(_keys(run.summary)), "run.nc": variables}
    snapshot(f"snapshots/{name}.json", json.dumps(found, indent=1) + "\n")


def _keys(value: Any, path: str = "") -> Iterator[str]:
    """The dotted path of every leaf, in order; of a list that of its first item."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _keys(value[0], f"{path}[]")
    elif isinstance(value, dict) and value and path != "versions":
        for key, item in value.items():
            yield from _keys(item, f"{path}.{key}" if path else key)
    else:
        yield path
