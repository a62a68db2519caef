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
def foresee(t, visited, weight, arrival):
    """arrival[cell, lane]: what arriving at the cell by step t would be worth.

    Args:
        visited: [C, LANES] time of the last visit, -1: none.
        weight: [LANES] of the drive.
    """
    for c in range(visited.shape[0]):
        for lane in range(LANES):
            arrival[c, lane] = weight[lane] * np.float32(novelty_of(t + 1, visited[c, lane]))


@kernel
def feel(t, mind, cells, fates, visited, felt):
    """What was felt on arriving by step t, added to felt[mind]; the visits are noted.

    Args:
        mind, cells, fates: [LANES] as in :func:`evosim.core.live.live_one_step`.
    """
    for lane in range(LANES):
        # A use that ends the life does so before the agent arrives anywhere (model 1).
        if fates[lane] != ENDED:
            felt[mind[lane]] += novelty_of(t + 1, visited[cells[lane], lane])
            visited[cells[lane], lane] = t + 1
