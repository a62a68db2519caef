"""Ablation in a run: control minds that lack one drive, all else left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.engine.mechanism import Mechanism

if TYPE_CHECKING:
    from evosim.mind import Minds
    from evosim.scenario import Scenario


def without(drive: str) -> str:
    """What the control mind is called that lacks a drive."""
    return f"without {drive}"


class Ablation(Mechanism):
    """A control mind for each drive that is named."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(scenario, seed)
        assert scenario.measure.without is not None
        self._column = {
            without(drive): scenario.stimuli.index(drive) for drive in scenario.measure.without
        }
        self.controls = tuple(self._column)

    def control(self, name: str, minds: Minds) -> Minds:
        """The same minds with that drive at 0, also after corrections.

        The other drives are not scaled to unit length again: a mind that wants one thing less does
        not want the others more.
        """
        weights, later = minds.weights.copy(), minds.later.copy()
        weights[:, self._column[name]] = 0.0
        later[..., self._column[name]] = 0.0
        return minds._replace(weights=weights, later=later)


MECHANISM = Ablation
