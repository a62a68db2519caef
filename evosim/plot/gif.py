"""A lifetime as an animated GIF: the level, the agent on it, and the state of things beside it."""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

from evosim.errors import EvosimError
from evosim.plot import colors
from evosim.plot._frames import EVENTS, Frame, Gauge, frames_of
from evosim.plot.files import put

if TYPE_CHECKING:
    from evosim.plot.episode import Episode

Point = tuple[float, float]

MARGIN = 12
SIDE = 236
"""Width of the column of text, in pixels."""
MAP = 364
"""Largest side of the map, in pixels."""
LARGEST_CELL, SMALLEST_CELL = 52, 6
LINE = 18
FINE = 3
"""Shapes are drawn this much larger and scaled down, which smooths their edges."""
MOST_FRAMES = 400
LAST = 2.5
"""Seconds for which the last frame stands."""
COLORS = 96


def replay_gif(
    episode: Episode, path: str | Path, *, speed: float = 8.0, most_frames: int = MOST_FRAMES
) -> Path:
    """Write a lifetime as an animated GIF that loops.

    Args:
        path: where to; the folder is made if it does not exist.
        speed: frames a second; a frame is a step, unless the life is longer than
            ``most_frames``: then frames are left out evenly, and the steps' numbers tell.

    Returns:
        The path.

    Raises:
        EvosimError: a speed that is not positive; a place that cannot be written.
    """
    if not speed > 0:
        raise EvosimError(f"a replay needs a speed above 0 frames a second, not {speed:g}")
    shown = frames_of(episode, most=max(2, most_frames))
    canvas = Canvas(episode)
    drawn = [canvas.draw(frame) for frame in shown]
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


class Fonts(NamedTuple):
    """DejaVu Sans, which comes with matplotlib."""

    plain: ImageFont.FreeTypeFont
    bold: ImageFont.FreeTypeFont
    glyph: ImageFont.FreeTypeFont
    small: ImageFont.FreeTypeFont

    @classmethod
    def load(cls, cell: int) -> Fonts:
        """The fonts of a replay whose cells are so many pixels wide."""
        folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
        plain, bold = folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"
        return cls(
            ImageFont.truetype(plain, 12),
            ImageFont.truetype(bold, 12),
            ImageFont.truetype(bold, max(8, round(cell * 0.42)) * FINE),
            ImageFont.truetype(bold, 10),
        )


class Canvas:
    """Where the frames of one lifetime are drawn: what never changes is drawn once."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        layout = episode.world.layout
        side = min(LARGEST_CELL, MAP // max(layout.rows, layout.cols))
        self.cell = max(SMALLEST_CELL, side)
        self.fonts = Fonts.load(self.cell)
        self.width = self.cell * layout.cols
        self.height = self.cell * layout.rows
        self.top = MARGIN + LINE * len(self.heading) + 4
        facts = 5 + len(episode.world.variables) + len(episode.environment.payoffs) + EVENTS
        rows = -(-len(self._present) // 2)
        self.size = (
            3 * MARGIN + self.width + SIDE,
            self.top + max(self.height, facts * LINE + rows * LINE + MARGIN) + MARGIN,
        )

    @cached_property
    def heading(self) -> list[str]:
        """The episode's heading in lines."""
        width = 2 * MARGIN + self.width + SIDE - MARGIN
        return self._wrap(self.episode.heading, width, self.fonts.bold)

    def draw(self, frame: Frame) -> Image.Image:
        """One frame, RGB."""
        image = self._blank.copy()
        pen = ImageDraw.Draw(image)
        image.paste(self._map(frame), (MARGIN, self.top))
        self._facts(pen, frame)
        return image

    @cached_property
    def _blank(self) -> Image.Image:
        """Heading and legend, without map and facts."""
        image = Image.new("RGB", self.size, "white")
        pen = ImageDraw.Draw(image)
        for n, text in enumerate(self.heading):
            pen.text((MARGIN, MARGIN - 2 + n * LINE), text, colors.BLACK, self.fonts.bold)
        self._legend(image)
        return image

    # --- the map --------------------------------------------------------------------------

    def _map(self, frame: Frame) -> Image.Image:
        """The level with the agent and where it came from; sites that are empty are hollow."""
        ground = self._ground.copy()
        pen = ImageDraw.Draw(ground)
        self._trail(pen, frame)
        for cell in self.episode.sites:
            hollow = self.episode.is_empty(cell, frame.x)
            if hollow or cell in frame.trail:
                self._site(pen, cell, hollow=hollow)
        self._agent(pen, frame)
        return ground.reduce(FINE)

    @cached_property
    def _ground(self) -> Image.Image:
        """Floor, walls, barriers, edges and sites, at :data:`FINE` times the size."""
        episode, layout = self.episode, self.episode.world.layout
        unit = self.cell * FINE
        ground = Image.new("RGB", (self.width * FINE, self.height * FINE), "white")
        pen = ImageDraw.Draw(ground)
        for c in range(1, layout.cols):
            pen.line([(c * unit, 0), (c * unit, ground.height)], colors.GRID, FINE)
        for r in range(1, layout.rows):
            pen.line([(0, r * unit), (ground.width, r * unit)], colors.GRID, FINE)
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
        if episode.world.edges == "torus":
            self._dashes(pen, ground.width, ground.height)
        else:
            pen.rectangle(
                [0, 0, ground.width - 1, ground.height - 1], outline=colors.WALL, width=thick
            )
        for cell in episode.sites:
            self._site(pen, cell, hollow=False)
        return ground

    def _dashes(self, pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        """The edges of a torus, over which one can go."""
        dash, wide = 7 * FINE, FINE
        for x in range(0, width, 2 * dash):
            for y in (0, height - wide):
                pen.rectangle([x, y, min(x + dash, width), y + wide - 1], colors.GREY)
        for y in range(0, height, 2 * dash):
            for x in (0, width - wide):
                pen.rectangle([x, y, x + wide - 1, min(y + dash, height)], colors.GREY)

    def _middle(self, cell: int) -> Point:
        r, c = self.episode.cells[cell]
        unit = self.cell * FINE
        return (c + 0.5) * unit, (r + 0.5) * unit

    def _site(self, pen: ImageDraw.ImageDraw, cell: int, *, hollow: bool) -> None:
        kind = self.episode.sites[cell][0]
        color = self._colors[kind]
        x, y = self._middle(cell)
        radius = 0.36 * self.cell * FINE
        pen.ellipse(
            [x - radius, y - radius, x + radius, y + radius],
            fill="white" if hollow else color,
            outline=color,
            width=2 * FINE,
        )
        if self.cell >= 14:
            letter = self.episode.world.kinds[kind].glyph
            ink = color if hollow else colors.contrast(color)
            pen.text((x, y), letter, ink, self.fonts.glyph, anchor="mm")

    @cached_property
    def _colors(self) -> dict[str, str]:
        return colors.of_kinds(list(self.episode.world.kinds))

    def _trail(self, pen: ImageDraw.ImageDraw, frame: Frame) -> None:
        """The last steps, the older the fainter; over the edge of a torus out and in again."""
        unit, wide = self.cell * FINE, max(2, self.cell // 12) * FINE
        pairs = list(zip(frame.trail, frame.trail[1:], strict=False))
        for n, (a, b) in enumerate(pairs):
            fade = 225 - round(135 * (n + 1) / len(pairs))
            shade = (fade, fade, fade)
            (x0, y0), (x1, y1) = self._middle(a), self._middle(b)
            dx, dy = x1 - x0, y1 - y0
            if abs(dx) + abs(dy) <= unit:
                pen.line([(x0, y0), (x1, y1)], shade, wide)
                continue
            out = ((dx < 0) - (dx > 0)) * unit / 2, ((dy < 0) - (dy > 0)) * unit / 2
            pen.line([(x0, y0), (x0 + out[0], y0 + out[1])], shade, wide)
            pen.line([(x1, y1), (x1 - out[0], y1 - out[1])], shade, wide)

    def _agent(self, pen: ImageDraw.ImageDraw, frame: Frame) -> None:
        """A ring around its cell's middle, filled where no site would be hidden."""
        x, y = self._middle(frame.cell)
        on_site = frame.cell in self.episode.sites
        radius = (0.45 if on_site else 0.3) * self.cell * FINE
        wide = max(2, self.cell // 9) * FINE
        box = [x - radius, y - radius, x + radius, y + radius]
        if on_site:
            if frame.new_events:
                pen.ellipse(
                    [box[0] - FINE, box[1] - FINE, box[2] + FINE, box[3] + FINE],
                    outline=colors.ORANGE,
                    width=wide + 2 * FINE,
                )
            pen.ellipse(box, outline=colors.BLACK, width=wide)
        else:
            pen.ellipse(box, fill=colors.BLACK)

    # --- the facts ------------------------------------------------------------------------

    def _facts(self, pen: ImageDraw.ImageDraw, frame: Frame) -> None:
        """Step, variables, payoffs, felt reward and what happened last, beside the map."""
        x, y = 2 * MARGIN + self.width, self.top
        self._row(pen, x, y, "step", f"{frame.step} of {self.episode.lifespan}")
        y += LINE
        share = frame.step / max(self.episode.lifespan, 1)
        pen.rectangle([x, y + 3, x + SIDE - 1, y + 6], colors.LIGHT_GREY)
        if share > 0:
            pen.rectangle([x, y + 3, x + round(share * (SIDE - 1)), y + 6], colors.INK)
        y += LINE
        for gauge in frame.gauges:
            self._gauge(pen, x, y, gauge)
            y += LINE
        for name, amount in frame.payoffs:
            self._row(pen, x, y, name, f"{amount:.3g}", value_color=colors.BLUE)
            y += LINE
        self._row(
            pen,
            x,
            y,
            "felt reward",
            f"{frame.reward:.3g}",
            value_color=colors.readable(colors.VERMILLION),
        )
        y += LINE
        end = f"ended by {self.episode.ending}"
        lines = [(end if frame.last else frame.action, frame.last, colors.DARK_GREY)]
        for n, (step, event) in enumerate(frame.events):
            new = n < frame.new_events
            lines.append((f"{step}  {event}", new, colors.BLACK if new else colors.GREY))
        for text, bold, color in lines:
            font = self.fonts.bold if bold else self.fonts.plain
            pen.text((x, y), self._fit(text, SIDE, font), color, font)
            y += LINE

    @cached_property
    def _present(self) -> list[str]:
        """The kinds of site on this level, in the scenario's order."""
        there = {kind for kind, _ in self.episode.sites.values()}
        return [kind for kind in self.episode.world.kinds if kind in there]

    def _legend(self, image: Image.Image) -> None:
        """Kinds and their letters in two columns, at the lower right."""
        pen = ImageDraw.Draw(image)
        half = SIDE // 2
        rows = -(-len(self._present) // 2)
        top = self.size[1] - MARGIN - rows * LINE
        for n, kind in enumerate(self._present):
            x = 2 * MARGIN + self.width + (n % 2) * half
            y = top + (n // 2) * LINE
            swatch = Image.new("RGB", (LINE * FINE, LINE * FINE), "white")
            edge = 2 * FINE
            ImageDraw.Draw(swatch).ellipse(
                [edge, edge, (LINE - 2) * FINE, (LINE - 2) * FINE], self._colors[kind]
            )
            image.paste(swatch.reduce(FINE), (x, y - 1))
            glyph = self.episode.world.kinds[kind].glyph
            ink = colors.contrast(self._colors[kind])
            pen.text((x + LINE // 2, y - 1 + LINE // 2), glyph, ink, self.fonts.small, anchor="mm")
            name = self._fit(kind, half - LINE - 8, self.fonts.plain)
            pen.text((x + LINE + 4, y), name, colors.INK, self.fonts.plain)

    def _row(
        self, pen: ImageDraw.ImageDraw, x: int, y: int, name: str, value: str,
        value_color: str = colors.BLACK,
    ) -> None:  # fmt: skip
        pen.text(
            (x, y), self._fit(name, NAME - 8, self.fonts.plain), colors.DARK_GREY, self.fonts.plain
        )
        pen.text((x + NAME, y), value, value_color, self.fonts.bold)

    def _gauge(self, pen: ImageDraw.ImageDraw, x: int, y: int, gauge: Gauge) -> None:
        """A variable as a row of boxes, as many filled as its value; a long one as a bar."""
        name = self._fit(gauge.name, NAME - 8, self.fonts.plain)
        pen.text((x, y), name, colors.DARK_GREY, self.fonts.plain)
        left, room, top = x + NAME, SIDE - NAME - 34, gauge.size - 1
        if top <= 12:
            each = min(14, room // top)
            for n in range(top):
                box = [left + n * each, y + 3, left + n * each + each - 3, y + 12]
                filled = n < gauge.value
                pen.rectangle(box, colors.GREEN if filled else "white", outline=colors.GREY)
        else:
            pen.rectangle([left, y + 3, left + room, y + 12], "white", outline=colors.GREY)
            pen.rectangle([left, y + 3, left + room * gauge.value // top, y + 12], colors.GREEN)
        pen.text((x + SIDE - 30, y), str(gauge.value), colors.BLACK, self.fonts.plain)

    @staticmethod
    def _fit(text: str, width: float, font: ImageFont.FreeTypeFont) -> str:
        """The text, shortened with an ellipsis to at most ``width`` pixels."""
        if font.getlength(text) <= width:
            return text
        while text and font.getlength(f"{text}…") > width:
            text = text[:-1]
        return f"{text}…"

    @classmethod
    def _wrap(cls, text: str, width: float, font: ImageFont.FreeTypeFont) -> list[str]:
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and font.getlength(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(cls._fit(word, width, font))
        return lines


NAME = 96
"""Pixels for the names of what is told."""
