"""The palette: Okabe & Ito's colours and a few greys.

People with any form of colour blindness can tell Okabe & Ito's colours apart (2008,
https://jfly.uni-koeln.de/color/); what must also survive a grey print differs in line style or
carries its name.
"""

from __future__ import annotations

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#808080"
INK = "#333333"
QUIET = "#5A5A5A"
FAINT = "#D9D9D9"
WALL = "#5F5F5F"
GRID = "#E4E4E4"

SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
"""Okabe-Ito without its yellow, which is too light for a line on white."""
TINTS = ("#E9E9E9", "#CFE3F2", "#F6DFC3", "#D3EBDF", "#EED9E6", "#F7F2C4")
"""Light fills; black text stays readable on each."""


def of_kinds(kinds: list[str]) -> dict[str, str]:
    """A colour for each kind of site."""
    return {kind: SERIES[n % len(SERIES)] for n, kind in enumerate(kinds)}


def contrast(color: str) -> str:
    """Black or white, whichever is easier to read on a colour."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "#FFFFFF"
