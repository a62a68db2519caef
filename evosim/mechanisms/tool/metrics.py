"""Fidelity: what one link of the chain from the intended payoff to a tool's criteria passes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.errors import EvosimError
from evosim.metrics.probed import NORMALIZED
from evosim.metrics.query import Query, at_probe, environment_of, require_known
from evosim.metrics.registry import ARGUMENTS, PROBED, Columns, expectations_are_exact, metric
from evosim.stats.intervals import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

LINKS = ("drives", "criteria", "chain")
"""What fidelity is measured of: base objective to drives, drives to criteria, and both."""
LINK = "a link of the tool: drives, criteria or chain"
ARGUMENTS[LINK] = lambda scenario: ("link", LINKS)


@metric(
    "fidelity",
    undefined=(
        "optimizing the upper objective brings no more of it than random play, or the link has a "
        "drive for novelty"
    ),
    bounds=NORMALIZED,
    exact=expectations_are_exact,
    description="what the upper objective of a link gets if the lower one is optimized",
    trajectory="fidelity",
    argument=LINK,
    uses=PROBED - {"mind"},
    has_peak=True,
    section="agent.tool",
)
def _fidelity(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    if query.mind != "evolved":
        raise EvosimError(f"measure 'fidelity' is of evolved minds (got mind = {query.mind!r})")
    link = require_known(query.of, LINKS, "link", query)
    here = data[f"fidelity_{link}"].sel(environment=environment_of(data, scenario, query))
    each = here.transpose("replicate", "probe", "sample").values
    return (at_probe(data, query, mean_of_defined(each)),)
