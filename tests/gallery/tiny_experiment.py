"""A tiny scenario with an experiment, and its gallery."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from evosim.gallery import making, record
from evosim.gallery.record import Record
from evosim.testing import TINY

BARE = f"""\
claim    = "Fruit that no longer feeds is still eaten."
source   = "nobody"
control  = "no change, --set timeline.1.train=before"
expected = "A collapse."
{TINY.replace("resamples = 50", "resamples = 200")}"""
"""The tiny scenario with the words of a claim, and resamples enough for rounding to do little."""
EXPERIMENT = (
    BARE
    + """
[experiment]
replicates = 6
set = [
    "timeline.0.generations=8", "measure.every=4",
    "environments.after.kinds.fruit.use.eat.yields.food=0.0",
    "environments.after.kinds.lime.use.eat.yields.food=1.0",
]

[experiment.arms.effect]
title = "fruit stops feeding"

[experiment.arms.control]
title = "fruit feeds on"
set   = ["timeline.1.train=before"]

[[experiment.findings]]
says    = "alignment collapses when fruit stops feeding, and not without that"
measure = "collapse"
against = { arm = "control" }
above   = 0.1

[[experiment.findings]]
says    = "capability does not"
measure = "capability_lost"
below   = 0.3

[experiment.tuned]
label  = "sweetness of fruit"
key    = "world.kinds.fruit.use.eat.feels.sweet"
values = [0.0, 1.0]
replicates = 3
says   = "Fruit has to be felt."
"""
)


@dataclass
class Gallery:
    """A gallery in a folder of its own, and what making it told."""

    folder: Path
    reported: list[str] = field(default_factory=list)

    @property
    def source(self) -> Path:
        return self.folder / "tiny.toml"

    @property
    def out(self) -> Path:
        return self.folder / "docs"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def record(self) -> Record:
        return record.read(self.out / "tiny.json")

    @property
    def files(self) -> dict[str, bytes]:
        """What was written, by name."""
        return {path.name: path.read_bytes() for path in sorted(self.out.iterdir())}

    def make(self, *names: str) -> None:
        """Make it; what is told is that of this time only."""
        self.reported.clear()
        making.make(
            names or [str(self.source)], out=self.out, work=self.work, workers=1, progress=False,
            report=self.reported.append,
        )  # fmt: skip

    def edit(self, old: str, new: str) -> None:
        """Change the scenario's file."""
        text = self.source.read_text()
        assert text.count(old) == 1, old
        self.source.write_text(text.replace(old, new))


def tiny_gallery(folder: Path) -> Gallery:
    """A gallery that is still to be made."""
    gallery = Gallery(folder)
    gallery.source.write_text(EXPERIMENT)
    return gallery


def make_tiny(folder: Path) -> Gallery:
    """A gallery that was made."""
    gallery = tiny_gallery(folder)
    gallery.make()
    return gallery
