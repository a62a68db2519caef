"""What ``measure.without`` must agree with: drives that there are, and that can be taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evosim.scenario.messages import Mistake, show, unknown

if TYPE_CHECKING:
    from evosim.scenario._partial import PartialDocument

NEEDED = "minds without a drive"


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """Each is a drive for a stimulus, named once; nothing that minds build follows from drives."""
    named, stimuli = partial.table("measure").get("without"), partial.stimuli
    if not isinstance(named, list) or stimuli is None:
        return
    path = ("measure", "without")
    known = [name for name in stimuli if name not in partial.built_in]
    for i, name in enumerate(named):
        if name not in known:
            yield Mistake((*path, i), unknown("drive for a stimulus", str(name), known))
        elif name in named[:i]:
            yield Mistake((*path, i), f"named twice (got {show(named)})")
    if "tool" in partial.table("agent"):
        yield Mistake(
            path,
            f"the criteria of a tool are fitted to all drives (got {show(named)}): leave out "
            "measure.without or agent.tool",
        )
