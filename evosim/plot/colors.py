"""The palette: Okabe & Ito's colours and a few greys.

People with any form of colour blindness can tell Okabe & Ito's colours apart (2008,
https://jfly.uni-koeln.de/color/); what must also survive a grey print differs in line style or
carries its name.
"""

from __future__ import annotations

BLACK = "#000000"
WHITE = "#FFFFFF"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#808080"
INK = "#333333"
DARK_GREY = "#5A5A5A"
LIGHT_GREY = "#D9D9D9"
WALL = "#5F5F5F"
GRID = "#E4E4E4"

SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
"""Okabe-Ito without its yellow, which is too light for a line on white."""
TERMINAL = dict(
    zip(SERIES, ("cyan", "red", "green", "magenta", "yellow", "blue", "bright_white"), strict=True)
)
"""What stands for them in a terminal, whose user chose how each looks on the background."""
TINTS = ("#E9E9E9", "#CFE3F2", "#F6DFC3", "#D3EBDF", "#EED9E6", "#F7F2C4")
"""Light fills; black text stays readable on each."""


def readable(color: str) -> str:
    """The colour for text on white: darkened until its contrast is at least 4.5 (WCAG 2.1, AA)."""
    red, green, blue = _channels(color)
    while 1.05 / (_luminance(red, green, blue) + 0.05) < 4.5:
        red, green, blue = 0.96 * red, 0.96 * green, 0.96 * blue
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in (red, green, blue))


def mixed(color: str, share: float) -> str:
    """A colour thinned with white, 0: white, 1: the colour."""
    channels = (1 - share * (1 - channel) for channel in _channels(color))
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in channels)


def contrast(color: str) -> str:
    """Black or white, whichever is easier to read on a colour."""
    light = _luminance(*_channels(color))
    return BLACK if (light + 0.05) ** 2 > 1.05 * 0.05 else WHITE


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _luminance(red: float, green: float, blue: float) -> float:
    """Relative luminance of a colour in sRGB (WCAG 2.1)."""
    linear = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    )
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
