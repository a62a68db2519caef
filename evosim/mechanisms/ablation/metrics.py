"""What a drive moves: the intended payoff of minds, less that of the same minds without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.engine.variables import EVOLVED
from evosim.errors import EvosimError, did_you_mean
from evosim.mechanisms.ablation.state import without
from evosim.metrics.query import Query, probed
from evosim.metrics.registry import DIED_OUT, DRIVE, Columns, expectations_are_exact, metric

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def _not_taken_away(scenario: Scenario, query: Query) -> None:
    """Refuse a drive that no control mind lacks.

    Raises:
        EvosimError: with those that one does.
    """
    known = [f"drive.{name}" for name in scenario.measure.without or ()]
    if query.of not in known:
        raise EvosimError(
            f"measure {query.measure!r}: measure.without does not name {query.of!r}: "
            f"{did_you_mean(query.of, known)}"
        )


@metric(
    "moved",
    undefined=DIED_OUT,
    description="intended payoff of a lifetime, less that of the same minds without a drive",
    label="intended payoff that {of} moves",
    unit="payoff per lifetime",
    exact=expectations_are_exact,
    argument=DRIVE,
    trajectory="moved",
    uses=frozenset({"where", "at"}),
    has_peak=True,
    section="measure.without",
)
def _moved(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    _not_taken_away(scenario, query)
    paid = data["expected_payoff"].sel(payoff=scenario.objective.intended)
    lacking = paid.sel(mind=[without(query.of.removeprefix("drive."))]).drop_vars("mind")
    # Mind by mind: the difference of each sampled individual from itself.
    less = paid.sel(mind=[EVOLVED]) - lacking.assign_coords(mind=[EVOLVED])
    return (probed(data, scenario, query, less),)
