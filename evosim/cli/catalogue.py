"""What ships, in a line each: title, verdict, time and tags of a scenario; words found in them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evosim.errors import EvosimError

if TYPE_CHECKING:
    from evosim.scenario import Scenario


DURATIONS = (2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 7200)
"""Seconds."""
RECORDS = Path(__file__).parents[1] / "_records"


class Entry(NamedTuple):
    """A scenario that ships."""

    id: str
    title: str
    question: str
    verdict: str
    """On its claim, as the gallery has it; empty for a scenario that it lacks."""
    seconds: float
    """That a run of it takes, about."""
    tags: tuple[str, ...]

    @property
    def lasts(self) -> str:
        """About how long a run takes, in a word: 5 s, 10 s, 20 s ... as coarse as it is known."""
        known = min(DURATIONS, key=lambda about: abs(math.log(about / max(self.seconds, 1.0))))
        return f"~{known} s" if known < 120 else f"~{known // 60} min"


def entries() -> list[Entry]:
    """Every scenario that ships, by id."""
    from evosim import scenario
    from evosim.execution.cost import of_run

    found = []
    for name in scenario.catalogue():
        read = scenario.load(name)
        found.append(
            Entry(name, read.title, read.question, _verdict(name), of_run(read).duration,
                  tags_of(read))
        )  # fmt: skip
    return found


def tags_of(scenario: Scenario) -> tuple[str, ...]:
    """What a scenario is made of: how it flips, and the mechanisms that it uses."""
    from evosim import mechanisms

    flips = len(scenario.flips)
    ramp = any(flip.arrival != flip.generation for flip in scenario.flips)
    kind = "ramp" if ramp else "flip"
    first = "no flip" if not flips else kind if flips == 1 else f"{flips} {kind}s"
    used = [name.replace("_", " ") for name in mechanisms.used(scenario)]
    return (first, *used, *(["movers"] if scenario.world.movers else []))


def _verdict(name: str) -> str:
    """The verdict on a scenario's claim: that of its confirmation where there is one, else that of
    its first record in the gallery."""
    for suffix in (".confirm", ""):
        record = RECORDS / f"{name}{suffix}.json"
        if record.exists():
            return str(json.loads(record.read_text(encoding="utf-8"))["verdict"])
    return ""


def _bare(title: str) -> list[str]:
    """The words of a title without an article before them."""
    words = title.casefold().split()
    return words[1:] if words[0] in ("the", "a", "an") else words


def named(words: str) -> str:
    """The id of the scenario that a word means: an id, a path, or a word of a title or a question.

    Raises:
        EvosimError: several have it; names them.
    """
    from evosim import scenario
    from evosim.process import expanded
    from evosim.scenario.shipped import catalogue

    if words in catalogue() or not words.replace(" ", "").isalpha() or expanded(words).exists():
        return words
    known = {name: scenario.load(name) for name in catalogue()}
    wanted = words.casefold().split()
    found = [
        name for name, read in known.items()
        if all(word in f"{name} {read.title} {read.question}".casefold() for word in wanted)
    ]  # fmt: skip
    titles = [name for name in found if all(w in known[name].title.casefold() for w in wanted)]
    whole = [name for name in titles if _bare(known[name].title) == wanted]
    best = whole or titles or found
    if len(best) == 1:
        return best[0]
    if found:
        listed = "; ".join(f"{name} ({known[name].title})" for name in found)
        raise EvosimError(
            f"no scenario is called {words!r}; in their titles and questions it stands in: {listed}"
        )
    return words
