"""Tables read: which row a mind is in, and how likely it makes each action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.core.jit import kernel
from evosim.core.plan import exp_of_negative
from evosim.world.identity_cache import by_identity

if TYPE_CHECKING:
    from evosim.core.structs import Level
    from evosim.world import Environment


def softmax_weights(theta: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(theta - max theta), the weight of each action in each row, for a batch.

    Args:
        theta: [lanes, rows, A].

    Returns:
        [rows, A, lanes]
    """
    weights = np.empty((*theta.shape[1:], len(theta)), np.float32)
    _softmax(np.ascontiguousarray(theta, np.float32), weights)
    return weights


@kernel
def _softmax(theta, weights):
    for lane in range(theta.shape[0]):
        for row in range(theta.shape[1]):
            best = theta[lane, row, 0]
            for a in range(1, theta.shape[2]):
                best = max(best, theta[lane, row, a])
            for a in range(theta.shape[2]):
                # The same bits on every machine, as of planners.
                gap = np.float64(theta[lane, row, a]) - np.float64(best)
                weights[row, a, lane] = np.float32(exp_of_negative(gap))


def rows_on(env: Environment, level: Level) -> NDArray[np.intp]:
    """The row of every state on a level [n_x, C] (model 2, tables).

    Of a mind that does not see all of x, those of x as it sees it.
    """
    made = env.rows
    assert made is not None
    things, joint, codes = _seen(env)
    n_things, n_patterns = len(made.things), len(codes)
    here = things[level.slot]  # [C, n_x]; the last row is that of no site
    code = here
    if made.table.reach:
        for to in level.neighbour.T:
            blocked = to == np.arange(len(to))
            code = code * n_things + np.where(blocked[:, None], 1, here[to])
    pattern = np.searchsorted(codes, code)
    assert (codes[np.minimum(pattern, n_patterns - 1)] == code).all(), "a pattern without a row"
    return (joint * n_patterns + pattern).T


@by_identity
def _seen(env: Environment) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """What a site of each slot looks like at each x [slots + 1, n_x], the last one none; the number
    of the values of the variables that are read, by x; and all patterns as one number each."""
    rows, world = env.rows, env.world
    assert rows is not None
    number = {name: i for i, name in enumerate(rows.things)}
    things = np.zeros((len(world.slots) + 1, env.n_x), np.intp)
    for i, slot in enumerate(world.slots):
        things[i] = number[rows.table.thing(world, slot.kind)]
        if slot.ordinal >= 0:
            # A site that has been emptied is not seen.
            things[i, env.where({f"{slot.kind}[{slot.ordinal}]": 0})] = 0
    sizes = [variable.values for variable in world.state_variables]
    every = np.unravel_index(np.arange(env.n_x), sizes or [1])
    values = dict(zip((v.name for v in world.state_variables), every, strict=False))
    joint = np.zeros(env.n_x, np.intp)
    for name, known in rows.variables.items():
        # Nobody lives with a value that is not known: it is read as any other.
        place = np.searchsorted(known, values.get(name, np.zeros(env.n_x, np.intp)))
        joint = joint * len(known) + np.minimum(place, len(known) - 1)
    codes = np.zeros(len(rows.patterns), np.intp)
    for column in np.array(rows.patterns, np.intp).T:
        codes = codes * len(rows.things) + column
    return things, joint, codes
