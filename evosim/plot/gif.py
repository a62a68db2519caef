"""A lifetime as an animated GIF: the level, the agent on it, and the state of things beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from evosim.engine.files import put
from evosim.plot import colors, style
from evosim.plot.episode import Episode, check_speed
from evosim.plot.picture import EVENTS, Line, Picture, Place, Symbol, frames

MARGIN = 12
SIDE = 236
"""Width of the column of text, in pixels."""
NAME = 96
"""Pixels for the names of what is told."""
MAP = 364
"""Largest side of the map, in pixels."""
LARGEST_CELL, SMALLEST_CELL = 52, 6
LINE = 18
TEXT = 12
FINE = 3
"""Shapes are drawn this much larger and scaled down, which smooths their edges."""
MOST_FRAMES = 400
LAST = 2.5
"""Seconds for which the last frame stands."""
COLORS = 96
TONES = {
    "payoff": colors.BLUE,
    "reward": colors.readable(colors.VERMILLION),
    "action": colors.DARK_GREY,
    "end": colors.DARK_GREY,
    "old": colors.GREY,
    "unseen": colors.GREY,
}
WIDE = ("action", "end", "new", "old")
"""What is told across the whole column, without a name."""


def replay_gif(
    episode: Episode | Sequence[Episode],
    path: str | Path,
    *,
    speed: float = 8.0,
    most_frames: int = MOST_FRAMES,
) -> Path:
    """Write a lifetime, or several side by side, as an animated GIF that loops.

    Args:
        episode: one, or several from left to right; one that ends stands still until all have.
        path: where to; the folder is made if it does not exist.
        speed: frames a second, from 0.01; above 50 as 50, which is what programs show. A frame is
            a step, unless the life is longer than ``most_frames``: then frames are left out
            evenly, and the steps' numbers tell.

    Returns:
        The path.

    Raises:
        EvosimError: a speed out of range; a place that cannot be written.
    """
    check_speed(speed)
    episodes = [episode] if isinstance(episode, Episode) else list(episode)
    drawn = _side_by_side([_drawn(one, episodes, max(2, most_frames)) for one in episodes])
    palette = _palette(drawn)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in drawn]
    pause = max(20, round(1000 / speed))
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=[pause] * (len(images) - 1) + [round(1000 * LAST)],
        loop=0,
        optimize=True,
        disposal=1,
    )
    put(Path(path), buffer.getvalue())
    return Path(path)


def _drawn(episode: Episode, beside: Sequence[Episode], most: int) -> list[Image.Image]:
    """The frames of a lifetime, as many steps apart as those of the longest beside it."""
    longest = max(one.lifespan for one in beside)
    shown = frames(episode, most=max(2, round(most * (episode.lifespan + 1) / (longest + 1))))
    canvas = Canvas(shown[0])
    return [canvas.draw(picture) for picture in shown]


def _side_by_side(several: Sequence[Sequence[Image.Image]]) -> list[Image.Image]:
    """Lifetimes as one: each frame beside those of the same step, or the last one."""
    if len(several) == 1:
        return list(several[0])
    width = sum(each[0].width for each in several)
    height = max(each[0].height for each in several)
    found = []
    for n in range(max(map(len, several))):
        wide, x = Image.new("RGB", (width, height), "white"), 0
        for each in several:
            wide.paste(each[min(n, len(each) - 1)], (x, 0))
            x += each[0].width
        found.append(wide)
    return found


def _palette(images: list[Image.Image]) -> Image.Image:
    """One palette for all frames, from a few of them side by side."""
    some = [images[n * (len(images) - 1) // 3] for n in range(4)]
    wide = Image.new("RGB", (some[0].width * len(some), some[0].height))
    for n, image in enumerate(some):
        wide.paste(image, (n * image.width, 0))
    palette = wide.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    entries = palette.getpalette() or []
    for i in range(0, len(entries), 3):
        if min(entries[i : i + 3]) >= 244:  # paper is white, not its mean with smooth edges
            entries[i : i + 3] = [255, 255, 255]
    palette.putpalette(entries)
    return palette


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(f"{style.FONT}:bold" if bold else style.FONT), size)


def _square(middle: tuple[float, float], radius: float) -> list[float]:
    x, y = middle
    return [x - radius, y - radius, x + radius, y + radius]


class Canvas:
    """Where the pictures of one lifetime are drawn: what never changes is drawn once."""

    def __init__(self, first: Picture) -> None:
        self.first, self.layout = first, first.layout
        side = min(LARGEST_CELL, MAP // max(self.layout.rows, self.layout.cols))
        self.cell = max(SMALLEST_CELL, side)
        self.unit = self.cell * FINE
        self.fonts = {bold: _font(TEXT, bold=bold) for bold in (False, True)}
        self.letters = _font(max(8, round(self.cell * 0.42)) * FINE, bold=True)
        width, height = self.cell * self.layout.cols, self.cell * self.layout.rows
        self.left = 2 * MARGIN + width
        """Of the column of text."""
        self.heading = style.wrap(first.title, (MARGIN + width + SIDE) / 72, TEXT, bold=True)
        self.top = MARGIN + LINE * len(self.heading) + 4
        # At birth nothing has happened yet: the bar of progress, events and the end come to it.
        lines = len(first.lines) + 2 + EVENTS
        self.rows = -(-len(first.present) // 2)
        beside = (lines + self.rows) * LINE + MARGIN
        self.size = (self.left + SIDE + MARGIN, self.top + max(height, beside) + MARGIN)

    def draw(self, picture: Picture) -> Image.Image:
        """One frame, RGB."""
        image = self._blank.copy()
        image.paste(self._map(picture), (MARGIN, self.top))
        self._told(ImageDraw.Draw(image), picture)
        return image

    @cached_property
    def _blank(self) -> Image.Image:
        """Heading and legend, without map and what is told."""
        image = Image.new("RGB", self.size, "white")
        pen = ImageDraw.Draw(image)
        for n, text in enumerate(self.heading):
            pen.text((MARGIN, MARGIN - 2 + n * LINE), text, colors.BLACK, self.fonts[True])
        self._legend(image, pen)
        return image

    def _legend(self, image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
        """Kinds and their letters in two columns, at the lower right."""
        half, small = SIDE // 2, _font(10, bold=True)
        top = self.size[1] - MARGIN - self.rows * LINE
        for n, symbol in enumerate(self.first.present):
            x, y = self.left + (n % 2) * half, top + (n // 2) * LINE
            swatch = Image.new("RGB", (LINE * FINE, LINE * FINE), "white")
            disc = [2 * FINE, 2 * FINE, (LINE - 2) * FINE, (LINE - 2) * FINE]
            drawn = ImageDraw.Draw(swatch)
            shape = drawn.ellipse if symbol.glyph and not symbol.walks else drawn.rectangle
            shape(disc, symbol.color)
            image.paste(swatch.reduce(FINE), (x, y - 1))
            middle, ink = (x + LINE // 2, y - 1 + LINE // 2), colors.contrast(symbol.color)
            pen.text(middle, symbol.glyph, ink, small, anchor="mm")
            self._text(pen, x + LINE + 4, y, symbol.words, half - LINE - 8, colors.INK)

    # --- the map --------------------------------------------------------------------------

    def _map(self, picture: Picture) -> Image.Image:
        """The level with the agent and where it came from; sites that are empty are hollow."""
        ground = self._ground.copy()
        pen = ImageDraw.Draw(ground)
        self._trail(pen, picture)
        for place in picture.sites:
            hollow = place in picture.empty
            if hollow or place in picture.trail:
                self._site(pen, place, hollow=hollow)
        self._agent(pen, picture)
        for place, name in picture.movers.items():
            self._mover(pen, place, self.first.legend[name])
        return ground.reduce(FINE)

    @cached_property
    def _ground(self) -> Image.Image:
        """Floor, walls, barriers, edges and sites, at :data:`FINE` times the size."""
        layout, unit = self.layout, self.unit
        width, height = unit * layout.cols, unit * layout.rows
        ground = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(ground)
        self._tint(pen)
        for x in range(unit, width, unit):
            pen.line([(x, 0), (x, height)], colors.GRID, FINE)
        for y in range(unit, height, unit):
            pen.line([(0, y), (width, y)], colors.GRID, FINE)
        thick = max(2, self.cell // 10) * FINE
        for r in range(layout.rows):
            for c in range(layout.cols):
                x, y = c * unit, r * unit
                if layout.wall[r][c]:
                    pen.rectangle([x, y, x + unit, y + unit], colors.WALL)
                if layout.barrier_south[r][c]:
                    pen.line([(x, y + unit), (x + unit, y + unit)], colors.WALL, thick)
                if layout.barrier_east[r][c]:
                    pen.line([(x + unit, y), (x + unit, y + unit)], colors.WALL, thick)
        if self.first.torus:
            self._dashes(pen, width, height)
        else:
            pen.rectangle([0, 0, width - 1, height - 1], outline=colors.WALL, width=thick)
        for place in self.first.sites:
            self._site(pen, place, hollow=False)
        return ground

    def _tint(self, pen: ImageDraw.ImageDraw) -> None:
        """The fields, under all else."""
        for (r, c), (name, strength) in self.first.ground.items():
            x, y = c * self.unit, r * self.unit
            shade = colors.mixed(self.first.legend[name].color, strength)
            pen.rectangle([x, y, x + self.unit, y + self.unit], shade)

    def _dashes(self, pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        """The edges of a torus, over which one can go."""
        dash, wide = 7 * FINE, FINE
        for x in range(0, width, 2 * dash):
            for y in (0, height - wide):
                pen.rectangle([x, y, min(x + dash, width), y + wide - 1], colors.GREY)
        for y in range(0, height, 2 * dash):
            for x in (0, width - wide):
                pen.rectangle([x, y, x + wide - 1, min(y + dash, height)], colors.GREY)

    def _middle(self, place: Place) -> tuple[float, float]:
        return (place[1] + 0.5) * self.unit, (place[0] + 0.5) * self.unit

    def _site(self, pen: ImageDraw.ImageDraw, place: Place, *, hollow: bool) -> None:
        symbol = self.first.legend[self.first.sites[place]]
        color, middle = symbol.color, self._middle(place)
        fill, ink = ("white", color) if hollow else (color, colors.contrast(color))
        pen.ellipse(_square(middle, 0.36 * self.unit), fill, outline=color, width=2 * FINE)
        if self.cell >= 14:
            pen.text(middle, symbol.glyph, ink, self.letters, anchor="mm")

    def _mover(self, pen: ImageDraw.ImageDraw, place: Place, symbol: Symbol) -> None:
        """A square, so that it is told from sites."""
        middle = self._middle(place)
        pen.rectangle(_square(middle, 0.3 * self.unit), symbol.color, "white", 2 * FINE)
        if self.cell >= 14:
            ink = colors.contrast(symbol.color)
            pen.text(middle, symbol.glyph, ink, self.letters, anchor="mm")

    def _trail(self, pen: ImageDraw.ImageDraw, picture: Picture) -> None:
        """The last steps, the older the fainter; over the edge of a torus out and in again."""
        wide = max(2, self.cell // 12) * FINE
        pairs = list(zip(picture.trail, picture.trail[1:], strict=False))
        for n, (a, b) in enumerate(pairs):
            fade = 225 - round(135 * (n + 1) / len(pairs))
            shade = (fade, fade, fade)
            (x0, y0), (x1, y1) = self._middle(a), self._middle(b)
            dx, dy = x1 - x0, y1 - y0
            if abs(dx) + abs(dy) <= self.unit:
                pen.line([(x0, y0), (x1, y1)], shade, wide)
                continue
            out = ((dx < 0) - (dx > 0)) * self.unit / 2, ((dy < 0) - (dy > 0)) * self.unit / 2
            pen.line([(x0, y0), (x0 + out[0], y0 + out[1])], shade, wide)
            pen.line([(x1, y1), (x1 - out[0], y1 - out[1])], shade, wide)

    def _agent(self, pen: ImageDraw.ImageDraw, picture: Picture) -> None:
        """A ring around its cell's middle, filled where no site would be hidden."""
        assert picture.agent is not None
        middle = self._middle(picture.agent)
        if picture.agent not in picture.sites:
            pen.ellipse(_square(middle, 0.3 * self.unit), fill=colors.BLACK)
            return
        radius, wide = 0.45 * self.unit, max(2, self.cell // 9) * FINE
        if picture.happened:
            ring = _square(middle, radius + FINE)
            pen.ellipse(ring, outline=colors.ORANGE, width=wide + 2 * FINE)
        pen.ellipse(_square(middle, radius), outline=colors.BLACK, width=wide)

    # --- what is told ---------------------------------------------------------------------

    def _told(self, pen: ImageDraw.ImageDraw, picture: Picture) -> None:
        """Step, variables, payoffs, felt reward and what happened last, beside the map."""
        x, y = self.left, self.top
        for n, line in enumerate(picture.lines):
            color = TONES.get(line.tone, colors.BLACK)
            if line.tone in WIDE:
                bold = line.tone in ("new", "end")
                self._text(pen, x, y, line.text, SIDE, color, bold=bold)
            else:
                self._text(pen, x, y, line.name, NAME - 8, colors.DARK_GREY)
                if line.gauge is not None:
                    self._gauge(pen, x + NAME, y, line)
                else:
                    self._text(pen, x + NAME, y, line.text, SIDE - NAME, color, bold=True)
            y += LINE
            if n == 0:
                pen.rectangle([x, y + 3, x + SIDE - 1, y + 6], colors.LIGHT_GREY)
                if (share := picture.progress) > 0:
                    pen.rectangle([x, y + 3, x + round(share * (SIDE - 1)), y + 6], colors.INK)
                y += LINE

    def _gauge(self, pen: ImageDraw.ImageDraw, x: int, y: int, line: Line) -> None:
        """A variable as a row of boxes, as many filled as its value; a long one as a bar."""
        assert line.gauge is not None
        (value, top), room = line.gauge, SIDE - NAME - 34
        color = TONES.get(line.tone, colors.GREEN)
        if top <= 12:
            each = min(14, room // top)
            for n in range(top):
                box = [x + n * each, y + 3, x + n * each + each - 3, y + 12]
                pen.rectangle(box, color if n < value else "white", outline=colors.GREY)
            if line.tone == "unseen":
                left = each * top + 4
                self._text(pen, x + left, y, "unseen", room - left, colors.GREY)
        else:
            pen.rectangle([x, y + 3, x + room, y + 12], "white", outline=colors.GREY)
            pen.rectangle([x, y + 3, x + room * value // top, y + 12], color)
        pen.text((x + room + 4, y), str(value), colors.BLACK, self.fonts[False])

    def _text(
        self, pen: ImageDraw.ImageDraw, x: int, y: int, text: str, width: int, color: str, *,
        bold: bool = False,
    ) -> None:  # fmt: skip
        """Text, shortened to so many pixels."""
        pen.text((x, y), style.fit(text, width / 72, TEXT, bold=bold), color, self.fonts[bold])
