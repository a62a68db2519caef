"""Rewards that are named: what stimuli and payoffs are worth."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evosim.errors import Argument, EvosimError, did_you_mean

if TYPE_CHECKING:
    from evosim.scenario import Scenario

Reward: TypeAlias = "str | Mapping[str, float]"


def weights_of(scenario: Scenario, reward: Reward, *, looks: bool = False) -> NDArray[np.float64]:
    """What features are worth in a reward: stimuli, then payoffs; [F], with looks after them.

    Args:
        scenario: the scenario.
        reward: ``intended``, ``selected``, the name of a payoff or a stimulus, or what each of some
            of them is worth.
        looks: whether looks are among the features, which are worth nothing.

    Raises:
        EvosimError: there is none of that name; something is worth no number.
    """
    names = (*scenario.stimuli, *scenario.payoffs)
    if isinstance(reward, str):
        roles = {role: getattr(scenario.objective, role) for role in ("intended", "selected")}
        reward = {reward if reward in names else roles.get(reward, reward): 1.0}
    if not isinstance(reward, Mapping):
        raise EvosimError(
            Argument("reward", reward), ": the name of a payoff or stimulus is needed, or a mapping"
        )
    weights = np.zeros(len(names))
    for name, worth in reward.items():
        if name not in names:
            known = did_you_mean(name, (*names, "intended", "selected"))
            raise EvosimError(Argument("reward", name), f": no payoff or stimulus; {known}")
        if isinstance(worth, bool) or not isinstance(worth, Real) or not np.isfinite(float(worth)):
            raise EvosimError(Argument("reward", reward), f": {name!r} is worth no finite number")
        weights[names.index(name)] = worth
    return np.concatenate([weights, np.zeros(len(scenario.looks))]) if looks else weights
