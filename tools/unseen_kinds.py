"""The chance of a kind of outcome not seen, told by half of the worlds of a family and counted in
the other half (docs/families.md).

.venv/bin/python tools/unseen_kinds.py    # prints what the page says
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

import numpy as np

from evosim.gallery import confirmation, record
from evosim.stats import hierarchy
from evosim.stats.intervals import Bootstrap
from evosim.study import families

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"
SPLITS = 200


def checked(kinds: Sequence[Hashable], splits: int = SPLITS) -> tuple[float, float, float]:
    """The chance that is told by half of the worlds, the share of the others that are of a kind
    not seen, and the share of splits in which that lies within the interval; means over splits.

    Args:
        kinds: of each world.
    """
    rng = np.random.default_rng(1)
    found = []
    for _ in range(splits):
        order = rng.permutation(len(kinds))
        seen, rest = ([kinds[i] for i in part] for part in np.array_split(order, 2))
        told = hierarchy.unseen(seen, Bootstrap())
        counted = float(np.mean([kind not in seen for kind in rest]))
        low, high = told.interval or (0.0, 1.0)
        found.append((told.value, counted, low <= counted <= high))
    told_, counted_, within = np.mean(found, axis=0)
    return float(told_), float(counted_), float(within)


def of_families() -> Iterator[tuple[str, int, tuple[float, float, float]]]:
    """Of each record over frozen worlds: the scenario, how many kinds, what is checked."""
    for path in sorted(GALLERY.glob(confirmation.file_of(GALLERY, "*", worlds=True).name)):
        found = record.read(path)
        kinds = families.kinds(found)
        yield found["scenario"], len(set(kinds)), checked(kinds)


def sentence() -> str:
    """What the page says."""
    rows = list(of_families())
    told, counted, within = np.mean([numbers for _, _, numbers in rows], axis=0)
    worst = max(rows, key=lambda row: row[2][1])
    return (
        f"In the {len(rows)} frozen families half of the worlds tell a chance of {told:.3f}, "
        f"and {counted:.3f} of the other half are of a kind not seen; that share is within the "
        f"interval in {100 * within:.0f} % of splits. The most is left in `{worst[0]}`, with "
        f"{worst[1]} kinds: {worst[2][0]:.2f} told, {worst[2][1]:.2f} found."
    )


if __name__ == "__main__":
    for name, n, (told, counted, within) in of_families():
        print(
            f"{name:24} {n:3} kinds   told {told:.3f}   found {counted:.3f}   within {within:.2f}"
        )
    print(sentence())
