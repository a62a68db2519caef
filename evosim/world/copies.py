"""What lives leave to their copies: which events end a life with a boon left (model 2, copies).

To end a life is worth something to a mind that counts its copies, and how much depends on the state
in which it ends. So every rule is as many events as there are chances with which it ends a life and
leaves the boon, and a death by a fatal value is an event too. Kernels know nothing of this: an
event has one weight more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Bequest(NamedTuple):
    """What of the events and states of an environment belongs to copies; E events, split."""

    left: NDArray[np.float64]  # [E] chance that the event ends the life and leaves the boon
    like: NDArray[np.int32]  # [E - those of the world] the event each more one is, -1: a death
    boon: NDArray[np.int32]  # [n_x] 1 where there is a boon
    relatedness: float  # chance that a boon is that of a copy, and not drawn

    def drawn(self, start_x: NDArray[np.int32], start_p: NDArray[np.float64]) -> float:
        """The chance of a boon that no copy left: that of the world's own start."""
        return float(start_p[self.boon[start_x] == 1].sum())

    def born(
        self, start_x: NDArray[np.int32], start_p: NDArray[np.float64], boon: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The distribution of x at birth of lives that begin with the boon, or without."""
        those = self.boon[start_x] == boon
        return start_x[those], start_p[those] / start_p[those].sum()

    def shares(self, left: NDArray[np.float64], drawn: float) -> NDArray[np.float64]:
        """The share of lives that begin with a boon, [n], in a chain of copies (model 2, copies).

        Args:
            left: [2, n] chance to leave one, of a life that began without and with it.
            drawn: the chance of one that no copy left, by which the chain begins.

        >>> one = Bequest(np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.int32), 1.0)
        >>> one.shares(np.array([[0.5, 1.0, 0.0], [0.5, 0.0, 1.0]]), 0.3).tolist()
        [0.5, 0.5, 0.3]
        """
        r = self.relatedness
        without, having = (r * np.minimum(p, 1.0) + (1.0 - r) * drawn for p in left)
        change = without + (1.0 - having)
        # Where neither state is ever left, a chain stays in the one that it begins in.
        settled = np.divide(without, change, out=np.full(change.shape, drawn), where=change > 0)
        return np.asarray(settled)


def split_events(
    n_events: int,
    use_event: Sequence[int],
    use_left: Sequence[float],
    deaths: Sequence[float],
) -> tuple[list[int], list[list[int]], list[float], list[int]]:
    """Events that tell apart with what chance they leave a boon.

    Args:
        n_events: of the world.
        use_event, use_left: [U] the event of each use row, and the chance to leave a boon by it.
        deaths: [n_x] the chance that drift out of x ends the life and leaves the boon.

    Returns:
        the event of each use row; those of deaths at each x; the chance of each event; of those
        that are more than the world's the one that each is like, -1 for deaths.

    >>> split_events(2, [0, 1, 1], [0.0, 0.5, 0.0], [0.0, 0.25])
    ([0, 1, 2], [[], [3]], [0.0, 0.5, 0.0, 0.25], [1, -1])
    """
    left: list[float | None] = [None] * n_events
    like: list[int] = []
    number: dict[tuple[int, float], int] = {}

    def event_of(source: int, chance: float) -> int:
        if (source, chance) not in number:
            if source >= 0 and left[source] is None:
                number[source, chance] = source
                left[source] = chance
            else:
                number[source, chance] = len(left)
                left.append(chance)
                like.append(source)
        return number[source, chance]

    used = [event_of(e, p) for e, p in zip(use_event, use_left, strict=True)]
    died = [[event_of(-1, p)] if p > 0 else [] for p in deaths]
    return used, died, [0.0 if chance is None else chance for chance in left], like
