"""Draw docs/pebbles.gif: a life by day beside one where pebbles gleam, the flip of docs/stress.md.

    python tools/stress_animation.py [FOLDER]

It does what the page says, in a folder that may have been begun, and takes a minute or two.
"""

from __future__ import annotations

import sys
from pathlib import Path

import evosim
from evosim.plot import replay_gif
from evosim.plot.episode import across_flip

OUT = Path(__file__).parents[1] / "docs" / "pebbles.gif"
FRAMES = 51
"""Every second step: small enough for a page."""


def main(folder: Path) -> None:
    """Run, stress, run where pebbles gleam, draw."""
    found = folder / "pebbles.toml"
    run = folder / "pebbles"
    if not found.exists():
        trained = evosim.run(
            "strawberry", seed=1, replicates=3, figures=False, out=folder / "strawberry"
        )
        evosim.stress(trained, unfelt=True, keys=["kinds.pebble"], budget=0, flip=found)
    if not run.exists():
        evosim.run(found, seed=1, figures=False, out=run)
    done = evosim.open_run(run)
    flip = done.scenario.flips[0]
    lives = across_flip(
        done.data, done.scenario, flip, individual="median", level=None, replicate=0
    )
    replay_gif(lives, OUT, speed=5.0, most_frames=FRAMES)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/pebbles"))
