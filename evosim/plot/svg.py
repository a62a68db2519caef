"""SVG as matplotlib writes it, made small: the same picture in a third of the bytes.

Text stays text: it can be searched and copied, and is set in the font that figures are measured
with, or the next one that there is.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
from matplotlib.path import Path

FONTS = "'DejaVu Sans', Verdana, sans-serif"
"""Verdana is as wide as DejaVu Sans; others are narrower, and overlap nothing."""
MOST_POINTS = 20
"""Lines of more points are simplified to what can be seen."""
DIGITS = 2

_PATH = re.compile(r'(?<=\sd=")[^"]*')
_LINES = re.compile(r"[MLz\d\s.e+-]*")
_NUMBERS = re.compile(r'(?<=\s)(?:x|y)="[^"]*"|translate\([^)]*\)')
_LONG = re.compile(r"-?\d+\.\d{3,}")
_STYLE = re.compile(r'(?<=\sstyle=")[^"]*')
_ID = re.compile(r'(?<=\sid=")[^"]*(?=")')
_REFERENCE = re.compile(r'(?<=href="#)[^"]*|(?<=url\(#)[^)]*')
_GROUP = re.compile(
    r"<g>\n((?:<(?!/?g\b)[^\n]*\n|<g [^\n]*\n(?:<(?!/?g\b)[^\n]*\n)*</g>\n)*)</g>\n"
)
_USES = re.compile(r"(?:<use [^\n]*\n){2,}")
_USE = re.compile(r'(<use [^\n]*?) (style="[^"]*")/>\n')


def shortened(content: bytes) -> bytes:
    """An SVG of matplotlib's in fewer bytes.

    Coordinates are rounded to 0.01 points, points of lines left out that are closer than 0.1 points
    to the line without them, groups without a meaning dissolved, and names of parts shortened.
    """
    svg = re.sub(r"\n *(?=<)", "\n", content.decode())
    svg = _PATH.sub(lambda found: _path(found[0]), svg)
    svg = _NUMBERS.sub(lambda found: _LONG.sub(lambda x: _number(float(x[0])), found[0]), svg)
    svg = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", svg)
    svg = svg.replace("font-size: 7px; ", "").replace("font-family: 'DejaVu Sans'; ", "")
    svg = svg.replace("<svg ", f'<svg font-family="{FONTS}" font-size="7px" ', 1)
    svg = _STYLE.sub(lambda found: found[0].replace(": ", ":").replace("; ", ";"), svg)
    svg = _names(svg)
    svg = _USES.sub(lambda found: _marks(found[0]), svg)
    while (fewer := _GROUP.sub(r"\1", svg)) != svg:
        svg = fewer
    return svg.encode()


def _number(value: float) -> str:
    """A coordinate: rounded, without what it can do without."""
    text = f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
    return re.sub(r"^(-?)0(?=\.)", r"\1", text) if text != "-0" else "0"


def _path(d: str) -> str:
    """The data of a path: lines in steps from point to point, curves as they are."""
    if not _LINES.fullmatch(d):
        d = _LONG.sub(lambda x: _number(float(x[0])), d)
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", d).strip()
    return "".join(_line(part) for part in re.split("(?=M)", d) if part.strip())


def _line(part: str) -> str:
    """One line of a path: where it begins, then the steps."""
    closed = "z" in part
    points = np.array(re.sub("[MLz]", " ", part).split(), float).reshape(-1, 2)
    if len(points) > MOST_POINTS:
        simple = Path(points).cleaned(simplify=True)
        points = np.asarray(simple.vertices)[np.asarray(simple.codes) != Path.STOP]
    whole = np.round(points * 10**DIGITS)
    steps = np.diff(whole, axis=0) / 10**DIGITS
    words = [_number(value) for value in steps.ravel()]
    line = "".join(
        word if n == 0 or word.startswith("-") else f" {word}" for n, word in enumerate(words)
    )
    x, y = (_number(value / 10**DIGITS) for value in whole[0])
    return f"M{x} {y}" + (f"l{line}" if len(words) else "") + ("z" if closed else "")


def _names(svg: str) -> str:
    """Short names for the parts that are drawn again elsewhere, and none for the others."""
    used = dict.fromkeys(_REFERENCE.findall(svg))
    short = {name: f"a{n}" for n, name in enumerate(used)}
    svg = re.sub(r' id="([^"]*)"', lambda x: f' id="{short[x[1]]}"' if x[1] in short else "", svg)
    return _REFERENCE.sub(lambda found: short[found[0]], svg)


def _marks(uses: str) -> str:
    """Marks that look alike, with their look once."""
    found = []
    for style, marks in itertools.groupby(_USE.findall(uses), key=lambda use: use[1]):
        each = "".join(f"{mark}/>\n" for mark, _ in marks)
        found.append(f"<g {style}>\n{each}</g>\n")
    return "".join(found)
