"""A small scenario that every test can spoil, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evosim.errors import ScenarioError
from evosim.scenario import loads

SMALL = """\
id = "small"
title = "A small world"
question = "Does it load?"

[objective]
intended = "food"
selected = "food"

[agent]
drives = ["sweet", "sour"]
depth = [0, 4]
patience = 0.9

[world]
rows = 4
cols = 5
lifetime = 30

[world.variables.energy]
values = 6
start = 5
drift = { step = -1, chance = 0.2, when = { night = 0 } }
fatal = 0

[world.variables.night]
values = 2
start = [1, 1]
hidden = true
assume = 0

[world.kinds.berry]
glyph = "b"
count = 2
region = { rows = [0, 1], cols = [0, 4] }
regrow = 0.1
use.eat.when = { energy = [1, 5] }
use.eat.add = { energy = 2 }
use.eat.feels = { sweet = 1 }
use.eat.yields = { food = 1 }

[world.kinds.rock]
glyph = "r"
count = 1
here = { feels = { sour = 0.1 } }

[world.always.hunger]
when = { energy = 1 }
feels = { sour = 1 }

[environments.home]
title = "at home"

[environments.away]
title = "away"
slip = 0.2
kinds.berry.use.eat.yields.food = 0.5

[evolution]
population = 50
levels = 2
select = { operator = "selTournament", tournsize = 3 }
mate = { operator = "cxUniform", indpb = 0.5 }
mutate = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3 }

[[timeline]]
generations = 3
train = "home"

[[timeline]]
generations = 2
train = { home = 1, away = 3 }
window = 20
"""


def changed(*changes: tuple[str, str]) -> str:
    """The small scenario with pieces of text replaced, each of which must occur once."""
    text = SMALL
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    return text


def complaints(text: str, sets: Sequence[str] = ()) -> list[str]:
    """The lines of the error that a text is answered with."""
    with pytest.raises(ScenarioError) as caught:
        loads(text, name="small.toml", settings=sets)
    assert str(caught.value) == "\n".join(str(p) for p in caught.value.problems)
    return str(caught.value).split("\n")
