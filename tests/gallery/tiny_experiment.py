"""A tiny scenario with an experiment, and its gallery."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from evosim.gallery import making, record
from evosim.gallery.record import Record

TINY = """\
id       = "tiny"
title    = "Tiny"
question = "Does it run?"
claim    = "Fruit that no longer feeds is still eaten."
source   = "nobody"
control  = "no change, --set timeline.1.train=before"
expected = "A collapse."

[objective]
intended = "food"
selected = "food"

[agent]
drives        = ["sweet", "sour"]
depth         = [0, 3]
patience      = 0.9
thinking_cost = 0.01

[world]
rows = 3
cols = 3
lifetime = 20

[world.variables.energy]
values = 3
start  = 2
drift  = { step = -1, chance = 0.2 }
fatal  = 0

[world.kinds.fruit]
glyph = "f"
count = 1
use.eat = { add = { energy = 1 }, feels = { sweet = 1.0 }, yields = { food = 1.0 } }

[world.kinds.lime]
glyph = "l"
count = 1
use.eat = { feels = { sour = 1.0 } }

[environments.before]
title = "fruit feeds"

[environments.after]
title = "lime feeds"
kinds.fruit.use.eat.yields.food = 0.0
kinds.lime.use.eat.yields.food = 1.0

[evolution]
population = 20
levels     = 2
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 8
train = "before"

[[timeline]]
generations = 3
train = "after"

[measure]
every  = 4
levels = 2
sample = 4

[verdict]
resamples = 200

[experiment]
replicates = 6

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
    gallery.source.write_text(TINY)
    return gallery


def make_tiny(folder: Path) -> Gallery:
    """A gallery that was made."""
    gallery = tiny_gallery(folder)
    gallery.make()
    return gallery
