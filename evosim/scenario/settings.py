"""Settings: single values of a scenario changed, by their dotted keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from reprlib import repr as shorten
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import PydanticCustomError

from evosim.errors import SETTING, Problem, ScenarioError, did_you_mean, printable
from evosim.scenario import _paths, repeats
from evosim.scenario import document as documents
from evosim.scenario.messages import unknown, unknown_key
from evosim.scenario.positions import KeyPath, dotted
from evosim.scenario.schema import Scenario, World
from evosim.scenario.values import Locus, spell_out_drives

Settings: TypeAlias = Mapping[str, Any] | Sequence[str]
"""Values by dotted key, ``{"world.slip": 0.1}``, or texts ``"world.slip=0.1"``.

Values of texts are written as in TOML. A table or list given as a value replaces the one that was
there. Later settings win. Drives, as a list or a table, go by name.
"""

_DRIVES: KeyPath = ("agent", "drives")
_LONGEST = 500
_BARE = re.compile(r"[^\s\"'\[\]{}=#,]+( [^\s\"'\[\]{}=#,]+)*")


class Setting(NamedTuple):
    """One setting that was applied: how errors name it, and the key path that it wrote."""

    written: str
    path: KeyPath


class Applied(NamedTuple):
    """What settings did: those applied, and where each phase of the timeline is written."""

    settings: tuple[Setting, ...]
    places: list[KeyPath]


class RefusedError(Exception):
    """Why a setting cannot be applied."""


def apply(document: dict[str, Any], settings: Settings) -> Applied:
    """Change ``document`` in place by settings, the later over the earlier.

    Phases that repeat are spelt out before, and after each setting that writes such a group: a
    setting counts phases as they are lived.

    Raises:
        ScenarioError: every setting that cannot be read or has no such place, at once.
    """
    done: list[Setting] = []
    problems: list[Problem] = []
    places = repeats.spell_out(document)
    for key, value, written in _read(settings):
        try:
            if isinstance(value, RefusedError):
                raise value
            done.append(Setting(written, _put(document, key.split("."), value)))
            if done[-1].path[0] == "timeline":
                done, places = _spelt_out(document, done, places)
        except RefusedError as refusal:
            problems.append(Problem(file=written, line=None, key=key, message=str(refusal)))
    if problems:
        raise ScenarioError(problems)
    return Applied(tuple(done), places)


def _spelt_out(
    document: dict[str, Any], done: list[Setting], places: list[KeyPath]
) -> tuple[list[Setting], list[KeyPath]]:
    """What was done, and where phases are written, after the last setting wrote in the timeline."""
    if len(done[-1].path) == 1:
        places = []  # all of it is that setting's
    stood = repeats.spell_out(document)
    moved = []
    for setting in done:
        path = setting.path
        if path[0] != "timeline" or len(path) == 1:
            moved.append(setting)
            continue
        for i, place in enumerate(stood):  # a group that was written stands at several places now
            if place[: len(path)] == path[: len(place)]:
                moved.append(setting._replace(path=("timeline", i, *path[len(place) :])))
    known = [repeats.written(place[:2], places) + place[2:] for place in stood]
    return moved, known


def as_mapping(*several: Settings) -> dict[str, Any]:
    """Settings one after the other as one mapping, in which the later come last.

    Raises:
        ScenarioError: every text that cannot be read, at once.
    """
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value, written in (one for settings in several for one in _read(settings)):
        if isinstance(value, RefusedError):
            problems.append(Problem(file=written, line=None, key=key, message=str(value)))
        found.pop(key, None)
        found[key] = value
    if problems:
        raise ScenarioError(problems)
    return found


def as_texts(settings: Settings) -> list[str]:
    """Settings as texts ``key=value``, as files and the command line have them.

    Example:
        >>> as_texts({"world.slip": 0.1, "timeline.0.train": {"day": 1, "evening": 3}})
        ['world.slip=0.1', 'timeline.0.train={ day = 1, evening = 3 }']
    """
    if isinstance(settings, Mapping):
        return [f"{key}={documents.inline(documents.plain(v))}" for key, v in settings.items()]
    return [settings] if isinstance(settings, str) else list(settings)


def is_within(key: str, other: str) -> bool:
    """Whether a dotted key is another one, or lies within what that one holds."""
    return key == other or key.startswith(f"{other}.")


def _read(settings: Settings) -> Iterator[tuple[str, Any, str]]:
    """Key, value (or why there is none) and name in errors of each setting."""
    of_texts = isinstance(settings, Sequence) and not isinstance(settings, bytes)
    if not isinstance(settings, str | Mapping) and not (
        of_texts and all(isinstance(text, str) for text in settings)
    ):
        message = (
            f"not settings (got {shorten(settings)}, allowed values by dotted key such as "
            '{"world.slip": 0.1}, or texts such as ["world.slip=0.1"])'
        )
        raise ScenarioError([Problem(file="settings", line=None, key="", message=message)])
    if isinstance(settings, Mapping):
        for key, given in settings.items():
            value = documents.plain(given)
            written = printable(f"{SETTING}{_cut(f'{key}={documents.inline(value)}')}", keep="")
            none = RefusedError("no value (got None, allowed anything that a file can hold)")
            yield str(key).strip(), none if value is None else value, written
        return
    for text in as_texts(settings):
        written = printable(f"{SETTING}{_cut(text)}", keep="")
        key, equals, value_text = text.partition("=")
        key = key.strip()
        if not equals or not key:
            refusal = RefusedError("not of the form key=value, such as world.lifetime=100")
            yield (key if equals else ""), refusal, written
            continue
        try:
            yield key, _value(value_text.strip()), written
        except RefusedError as refusal:
            yield key, refusal, written


def _cut(text: str) -> str:
    """A text that errors tell, cut short where nobody would read all of it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _value(text: str) -> Any:
    """A TOML value, or a bare string where it cannot be mistaken for one."""
    try:
        parsed = tomllib.loads(f"value = {text}")
        if set(parsed) == {"value"}:  # a line break could smuggle in more
            return parsed["value"]
    except (ValueError, RecursionError):  # no TOML, too many digits, too deep
        pass
    if _BARE.fullmatch(text):
        return text
    raise RefusedError(
        f"not a TOML value: {_cut(text)!r} (allowed a number, true, false, a string, "
        "[...] or {...}; mind the quotes of your shell)"
    )


def _put(document: dict[str, Any], parts: list[str], value: Any) -> KeyPath:
    """Set the value at a dotted path; only places that the schema knows come into being."""
    key = ".".join(parts)
    if (dots := re.sub(r"\[(\d+)\]", r".\1", key)) != key:
        raise RefusedError(f"entries of a list are numbered after a dot: {dots}")
    holder: Any = document
    path: KeyPath = ()
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        holder, path = _one_form(document, path, holder, part)
        if isinstance(holder, list):
            if not part.isdecimal() and holder and all(isinstance(one, str) for one in holder):
                raise RefusedError(f"unknown entry {part!r}: {did_you_mean(part, holder)}")
            if not part.isdecimal() or int(part) >= len(holder):
                allowed = f"an index from 0 to {len(holder) - 1}" if holder else "none"
                raise RefusedError(
                    f"{dotted(path)} has {len(holder)} entries (got {part!r}, allowed {allowed})"
                )
            index = int(part)
            path = (*path, index)
            if last:
                holder[index] = value
            holder = holder[index]
            continue
        if not isinstance(holder, dict):
            raise RefusedError(f"{dotted(path)} is a value and has nothing below it")
        if part not in holder:
            _check_new(document, path, part, value if last else None)
        path = (*path, part)
        if last:
            holder[part] = value
        else:
            holder = holder.setdefault(part, {})
    return path


def _one_form(
    document: dict[str, Any], path: KeyPath, holder: Any, part: str
) -> tuple[Any, KeyPath]:
    """What stands at a path, and the path, in the form in which a setting addresses its parts.

    Drives and loci have a short form, and a scenario that was read spells them out. So a key has to
    mean the same place in both. Drives go by name, and a new one needs the whole table: its name
    alone is more likely a misspelling.
    """
    if path == _DRIVES:
        if isinstance(holder, list):
            try:
                holder = spell_out_drives(holder)
            except PydanticCustomError as error:
                raise RefusedError(f"agent.drives: {error.message()}") from None
            document["agent"]["drives"] = holder
        if isinstance(holder, dict) and part not in holder:
            raise RefusedError(f"unknown entry {part!r}: {did_you_mean(part, holder)}")
    elif _paths.at(Scenario, path) is Locus:
        if isinstance(holder, list) and part in ("range", "start"):
            holder = {"range": holder}
            _lookup(document, path[:-1])[str(path[-1])] = holder
        elif isinstance(holder, dict) and part.isdecimal() and "range" in holder:
            return holder["range"], (*path, "range")
    return holder, path


def _check_new(document: dict[str, Any], path: KeyPath, part: str, value: Any) -> None:
    """Refuse a key that stands neither in the document nor in the schema.

    A whole table may add a named kind, rule, variable or environment; a shorter path may not,
    as it is more likely a misspelling.
    """
    if path[:1] == ("timeline",) and part in repeats.Repeat.model_fields:
        raise RefusedError(
            "phases that repeat are spelt out, and settings count phases as they follow one "
            "another: set the whole, timeline=[{ repeat = ..., phases = [...] }]"
        )
    root: type = Scenario
    known: Any = _lookup(document, path)
    if path[:1] == ("environments",) and len(path) >= 2:
        if len(path) == 2 and part == "title":
            return
        root, below = World, path[2:]
        override = _lookup(document, path)
        known = override | _lookup(document, ("world", *below))
        if part in known:
            return
    else:
        below = path
    expected = _paths.at(root, below)
    if _paths.is_table_of_models(expected):
        if not isinstance(value, dict):
            raise RefusedError(unknown("key", part, known))
    elif _paths.is_model(expected):
        fields = expected.model_fields
        if part not in fields and expected.model_config.get("extra") != "allow":
            raise RefusedError(unknown_key(part, fields, Scenario))
    elif expected is None:
        raise RefusedError(unknown_key(part, known, Scenario))


def _lookup(document: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """The table at a path, empty where there is none."""
    found: Any = document
    for part in path:
        if isinstance(found, list) and isinstance(part, int):
            found = found[part]
        elif isinstance(found, dict):
            found = found.get(str(part), {})
        else:
            return {}
    return found if isinstance(found, dict) else {}
