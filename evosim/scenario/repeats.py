"""Phases that repeat: groups in a timeline, spelt out when it is read.

A group, ``{ repeat = 5, phases = [...] }``, stands where a phase may stand, also within another
group. It becomes plain phases before anything else looks at the timeline; so ``timeline.3`` is the
fourth phase in time, whether it is written out or not.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError

from evosim.scenario._bounds import MOST_PARTS, MOST_PHASES, size
from evosim.scenario.messages import Mistake, bad_value, mistakes_of
from evosim.scenario.positions import KeyPath
from evosim.scenario.values import Model, Positive


class Repeat(Model):
    """Phases that follow one another several times."""

    repeat: Positive = Field(description="How many times the phases follow one another.")
    phases: tuple[Any, ...] = Field(description="Phases, in their order, or groups of them.")


def spell_out(document: dict[str, Any], places: Sequence[KeyPath] | None = None) -> list[KeyPath]:
    """Put phases in place of the groups in a document's timeline.

    A group that is wrong stays as it is; :func:`mistakes` says what is wrong with it.

    Args:
        places: where each entry of the timeline is written; None: where it stands.

    Returns:
        Where each entry is written that now stands there.

    >>> document = {"timeline": [{"train": "a"}, {"repeat": 2, "phases": [{"train": "b"}]}]}
    >>> spell_out(document)
    [('timeline', 0), ('timeline', 1, 'phases', 0), ('timeline', 1, 'phases', 0)]
    >>> [phase["train"] for phase in document["timeline"]]
    ['a', 'b', 'b']
    """
    timeline = document.get("timeline")
    if not isinstance(timeline, list):
        return []
    if places is None:
        places = [("timeline", i) for i in range(len(timeline))]
    found = [one for entry, at in zip(timeline, places, strict=True) for one in _phases(entry, at)]
    document["timeline"] = [entry for entry, _ in found]
    return [place for _, place in found]


def _phases(entry: Any, place: KeyPath) -> Iterator[tuple[Any, KeyPath]]:
    """The phases that an entry stands for, each with where it is written."""
    if not is_group(entry) or _wrong(entry):
        yield entry, place
        return
    for _ in range(entry["repeat"]):
        for i, part in enumerate(entry["phases"]):
            yield from _phases(copy.deepcopy(part), (*place, "phases", i))


def is_group(entry: Any) -> bool:
    """Whether an entry of a timeline is a group of phases, right or wrong."""
    return isinstance(entry, Mapping) and ("repeat" in entry or "phases" in entry)


def mistakes(document: Mapping[str, Any]) -> dict[int, list[Mistake]]:
    """What is wrong with the groups that could not be spelt out, by their place."""
    timeline = document.get("timeline")
    return {
        i: [mistake.below("timeline", i) for mistake in _wrong(entry)]
        for i, entry in enumerate(timeline if isinstance(timeline, list) else ())
        if is_group(entry)
    }


def _wrong(group: Mapping[str, Any]) -> list[Mistake]:
    try:
        Repeat.model_validate(group)
    except ValidationError as error:
        return mistakes_of(error, Repeat)
    if not isinstance(group["phases"], list) or not group["phases"]:
        needed = bad_value(
            "no phases", group["phases"], "[{ generations = ..., train = ... }, ...]"
        )
        return [Mistake(("phases",), needed)]
    if (many := _count(group)) > MOST_PHASES:
        allowed = f"at most {MOST_PHASES:,} phases in all; here {many:,}"
        return [Mistake(("repeat",), bad_value("too many phases", group["repeat"], allowed))]
    if (parts := group["repeat"] * size(group["phases"])) > MOST_PARTS:
        allowed = f"at most {MOST_PARTS:,} values in all phases; here {parts:,}"
        return [Mistake(("repeat",), bad_value("too much to repeat", group["repeat"], allowed))]
    return []


def _count(entry: Any) -> int:
    """How many phases an entry stands for; one that is wrong counts for one."""
    try:
        return int(entry["repeat"]) * sum(map(_count, entry["phases"]))
    except (KeyError, TypeError, ValueError):
        return 1


def written(path: KeyPath, places: Sequence[KeyPath]) -> KeyPath:
    """A key path of the spelt out document as the file has it.

    Args:
        places: what :func:`spell_out` returned.
    """
    match path:
        case ("timeline", int() as i, *below) if i < len(places):
            return (*places[i], *below)
    return path
