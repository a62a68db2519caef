"""SVG as matplotlib writes it, made small: the same picture in a third of the bytes.

Text stays text: it can be searched and copied, and is set in the font that figures are measured
with, or the next one that there is.
"""

from __future__ import annotations

import base64
import io
import itertools
import re
import zlib

import numpy as np
from matplotlib.path import Path
from PIL import Image

FONTS = "'DejaVu Sans', Verdana, sans-serif"
"""Verdana is as wide as DejaVu Sans; others are narrower, and overlap nothing."""
MOST_POINTS = 20
"""Lines of more points are simplified to what can be seen."""
LARGEST = 100_000
"""Bytes: of a larger file, lines are drawn coarser, if that helps."""
COARSER = ((0.1, 2), (0.3, 1), (0.6, 1))
"""Points by which a line may go astray, less than its width; digits of its coordinates."""

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PATH = re.compile(r'(?<=\sd=")[^"]*')
_LINES = re.compile(r"[MLz\d\s.e+-]*")
_NUMBERS = re.compile(r'(?<=\s)(?:x|y)="[^"]*"|translate\([^)]*\)')
_LONG = re.compile(r"-?\d+\.\d{3,}")
_IMAGE = re.compile(r"(?<=data:image/png;base64,)[^\"]*")
_STYLE = re.compile(r'(?<=\sstyle=")[^"]*')
_ID = re.compile(r'(?<=\sid=")[^"]*(?=")')
_REFERENCE = re.compile(r'(?<=href="#)[^"]*|(?<=url\(#)[^)]*')
_GROUP = re.compile(
    r"<g>\n((?:<(?!/?g\b)[^\n]*\n|<g [^\n]*\n(?:<(?!/?g\b)[^\n]*\n)*</g>\n)*)</g>\n"
)
_PART = r'(?:<use [^\n]*?|<path d="[^"]*") (?:clip-path="[^"]*" )?style="[^"]*"/>\n'
_PARTS = re.compile(f"(?:{_PART}){{2,}}")
_LOOK = re.compile(r'(.*?) ((?:clip-path="[^"]*" )?style="[^"]*")/>\n')
_GREY = re.compile(r"#(?:([0-9a-f])\1)(?:([0-9a-f])\2)(?:([0-9a-f])\3)")


def shortened(content: bytes) -> bytes:
    """An SVG of matplotlib's in fewer bytes.

    Coordinates are rounded to 0.01 points, points of lines left out that are closer than 0.1 points
    to the line without them, groups without a meaning dissolved, and names of parts shortened.
    """
    # One such character, in a text of a figure from elsewhere, and no reader opens the file.
    svg = _NOT_XML.sub("\ufffd", content.decode())
    svg = re.sub(r"\n *(?=<)", "\n", svg)
    svg = _IMAGE.sub(lambda found: _image(found[0]), svg)
    for astray, digits in COARSER:
        short = _with_lines(svg, astray, digits).encode()
        if len(short) <= LARGEST:
            break
    return short


def _with_lines(svg: str, astray: float, digits: int) -> str:
    """The SVG with lines as exact as that."""
    svg = _PATH.sub(lambda found: _path(found[0], astray, digits), svg)
    svg = _NUMBERS.sub(lambda found: _LONG.sub(lambda x: _number(float(x[0])), found[0]), svg)
    svg = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", svg)
    svg = svg.replace("font-size: 7px; ", "").replace("font-family: 'DejaVu Sans'; ", "")
    svg = svg.replace("<svg ", f'<svg font-family="{FONTS}" font-size="7px" ', 1)
    svg = _STYLE.sub(lambda found: _GREY.sub(r"#\1\2\3", re.sub("(?<=[:;]) ", "", found[0])), svg)
    svg = _PARTS.sub(lambda found: _alike(found[0]), _names(svg))
    while (fewer := _GROUP.sub(r"\1", svg)) != svg:
        svg = fewer
    return svg


def _image(content: str) -> str:
    """A picture with a palette where it has no more colours than one holds: the same, and half."""
    image = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGBA")
    colors = image.getcolors(256)
    if colors is None or any(color[3] < 255 for _, color in colors):  # type: ignore[index]
        return content
    buffer = io.BytesIO()
    plain = image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    plain.save(buffer, format="PNG", optimize=True)
    return min(content, base64.b64encode(buffer.getvalue()).decode(), key=len)


def _number(value: float, digits: int = 2) -> str:
    """A coordinate: rounded, without what it can do without."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return re.sub(r"^(-?)0(?=\.)", r"\1", text) if text != "-0" else "0"


def _path(d: str, astray: float, digits: int) -> str:
    """The data of a path: lines in steps from point to point, curves as they are."""
    if not _LINES.fullmatch(d):
        d = _LONG.sub(lambda x: _number(float(x[0])), d)
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", d).strip()
    return "".join(_line(part, astray, digits) for part in re.split("(?=M)", d) if part.strip())


def _line(part: str, astray: float, digits: int) -> str:
    """One line of a path: where it begins, then the steps."""
    closed = "z" in part
    points = np.array(re.sub("[MLz]", " ", part).split(), float).reshape(-1, 2)
    if len(points) > MOST_POINTS:
        line = Path(points)
        line.simplify_threshold = astray
        simple = line.cleaned(simplify=True)
        points = np.asarray(simple.vertices)[np.asarray(simple.codes) != Path.STOP]
    else:
        digits = 2
    whole = np.round(points * 10**digits)
    steps = np.diff(whole, axis=0) / 10**digits
    words = [_number(value, digits) for value in steps.ravel()]
    line_to = "".join(
        word if n == 0 or word.startswith("-") else f" {word}" for n, word in enumerate(words)
    )
    x, y = (_number(value / 10**digits, digits) for value in whole[0])
    return f"M{x} {y}" + (f"l{line_to}" if len(words) else "") + ("z" if closed else "")


def _names(svg: str) -> str:
    """Short names for the parts that are drawn again elsewhere, and none for the others. Those of
    two figures differ: both may be put into one page."""
    used = dict.fromkeys(_REFERENCE.findall(svg))
    figure = zlib.crc32(svg.encode()) % 0x1000
    short = {name: f"f{figure:03x}_{n}" for n, name in enumerate(used)}
    svg = re.sub(r' id="([^"]*)"', lambda x: f' id="{short[x[1]]}"' if x[1] in short else "", svg)
    return _REFERENCE.sub(lambda found: short[found[0]], svg)


def _alike(parts: str) -> str:
    """Parts one after the other, with the look of those that look alike said once."""
    found = []
    for look, group in itertools.groupby(_LOOK.findall(parts), key=lambda part: part[1]):
        shapes = [shape for shape, _ in group]
        if len(shapes) == 1:
            found.append(f"{shapes[0]} {look}/>\n")
        else:
            found.append(f"<g {look}>\n" + "".join(f"{shape}/>\n" for shape in shapes) + "</g>\n")
    return "".join(found)
