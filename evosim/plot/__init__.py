"""Figures of a run, drawn in one style; replays of a lifetime, as a GIF or in the terminal.

matplotlib, pillow and rich are imported when the first figure or replay is drawn, not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evosim.plot.drawing import draw, figure
from evosim.plot.registry import FIGURES, FigureKind

if TYPE_CHECKING:
    from evosim.plot.episode import Episode, episode_of
    from evosim.plot.gif import replay_gif
    from evosim.plot.terminal import replay_terminal

_LAZY = {
    "Episode": "episode",
    "episode_of": "episode",
    "replay_gif": "gif",
    "replay_terminal": "terminal",
}

__all__ = [
    "FIGURES",
    "Episode",
    "FigureKind",
    "draw",
    "episode_of",
    "figure",
    "replay_gif",
    "replay_terminal",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
