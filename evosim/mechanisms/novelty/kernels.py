"""What a life so far makes of arriving at a cell: 1 - 1/c, c steps after the last visit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evosim.core.jit import inlined, kernel
from evosim.core.live import ENDED
from evosim.core.structs import LANES


@inlined
def novelty_of(now, visited):
    """1 - 1/c, c the steps since the last visit; 1 where there was none (model 2, novelty)."""
    return 1.0 if visited < 0 else 1.0 - 1.0 / (now - visited)


def felt_along(cells: Sequence[int], ended: bool) -> NDArray[np.float64]:
    """What was felt on arriving in each step of a life, [T].

    Args:
        cells: [T + 1] from birth to the one after the last step.
        ended: whether the last step ended the life before the agent arrived anywhere.
    """
    felt, visited = np.zeros(len(cells) - 1), {cells[0]: 0}
    for t, cell in enumerate(cells[1:-1] if ended else cells[1:]):
        felt[t] = 1.0 - 1.0 / (t + 1 - visited[cell]) if cell in visited else 1.0
        visited[cell] = t + 1
    return felt


@kernel
def arrive(t, weight, mind, cells, fates, visited, felt, arrival):
    """What was felt on arriving by step t, and what arriving will be worth by the next; -1: birth.

    Args:
        weight: [LANES] of the drive.
        mind, cells, fates: [LANES] as in :func:`evosim.core.live.live_one_step`.
        visited: [C, LANES] time of the last visit, -1: none; the one of this step is noted.
        felt: [n] added to, for each mind, before its weight.
        arrival: [C, LANES] out: the reward of arriving.
    """
    for lane in range(LANES):
        # A use that ends the life does so before the agent arrives anywhere (model 1).
        if t >= 0 and fates[lane] != ENDED:
            felt[mind[lane]] += novelty_of(t + 1, visited[cells[lane], lane])
        if t < 0 or fates[lane] != ENDED:
            visited[cells[lane], lane] = t + 1
    for c in range(visited.shape[0]):
        for lane in range(LANES):
            arrival[c, lane] = weight[lane] * np.float32(novelty_of(t + 2, visited[c, lane]))
