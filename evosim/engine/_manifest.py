"""What a folder says that it is: run.json of a run, study.json of a study, experiment.json of an
experiment; checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from evosim.engine.checksums import DamagedError, unsealed
from evosim.engine.files import exists, explain, is_folder
from evosim.errors import RunError

# Raised when a folder of an older evosim could not be read, or not gone on with, any more.
FORMAT = 1

Entries: TypeAlias = Mapping[str, tuple[str, Callable[[Any], bool]]]
"""What the keys of a manifest must be, in words and as a test."""


def read_manifest(path: Path, what: str = "run", entries: Entries | None = None) -> dict[str, Any]:
    """What the manifest of a folder holds.

    Args:
        what: run, experiment or study.
        entries: that it must have; those of a run if None.

    Raises:
        RunError: there is none, or it is damaged, or of another format.
    """
    source = path / f"{what}.json"
    a = "an" if what[0] in "aeiou" else "a"
    if not is_folder(path):
        is_what = f"is a file, not {a}" if exists(path) else "there is no such"
        raise RunError(f"{path}: {is_what} {what} folder")
    try:
        written = json.loads(source.read_text(encoding="utf-8"))
        if not isinstance(written, dict):
            raise ValueError(f"not the manifest of {a} {what}")
    except FileNotFoundError:
        raise RunError(f"{path} is not {a} {what} folder: it holds no {source.name}") from None
    except OSError as error:
        raise RunError(explain(error, source, "read")) from error
    except ValueError as error:
        raise RunError(f"{source} is damaged: {error}") from error
    unfit, manifest = [], written
    try:
        manifest = unsealed(written)
    except DamagedError as error:
        unfit = [str(error)]
    # First of all: the entries of another format may have other meanings.
    if not unfit and "format" in manifest and manifest["format"] != FORMAT:
        raise RunError(
            f"{source}: the {what} has format {manifest['format']!r}, this evosim reads {FORMAT}; "
            "use the version of evosim that made it"
        )
    if wrong := _wrong_entries(manifest, _OF_RUN if entries is None else entries) + unfit:
        raise RunError(
            f"{source} is damaged: {'; '.join(wrong)}. Restore the file, or begin the {what} again"
        )
    return manifest


def _is_count(value: object, least: int = 0) -> bool:
    # JSON's true is an int to Python, and no count.
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**64


_SEED = "a number from 0 to 2^64 - 1"
SEEDED: Entries = {
    "format": ("a number", _is_count),
    "seed": (_SEED, _is_count),
    "replicates": ("a number from 1", lambda value: _is_count(value, 1)),
}
"""What every manifest must have."""
_OF_RUN: Entries = {
    **SEEDED,
    "probe_seed": (_SEED, _is_count),
    "scenario_sha256": ("a text", lambda value: isinstance(value, str)),
    "versions": (
        "a table of texts",
        lambda value: isinstance(value, dict) and all(isinstance(v, str) for v in value.values()),
    ),
    "seeds": (
        'a list of {"from": generation, "seed": seed} from 0 on',
        lambda value: (
            isinstance(value, list)
            and all(
                isinstance(s, dict) and _is_count(s.get("from")) and _is_count(s.get("seed"))
                for s in value
            )
            and [s["from"] for s in value][:1] == [0]
        ),
    ),
    "figures": (
        "true, false or a list of names",
        lambda value: (
            isinstance(value, bool)
            or (isinstance(value, list) and all(isinstance(name, str) for name in value))
        ),
    ),
    "parent": (
        'null or {"path": text, "at": generation, ...}',
        lambda value: (
            value is None
            or (
                isinstance(value, dict)
                and isinstance(value.get("path"), str)
                and _is_count(value.get("at"), 1)
            )
        ),
    ),
    "history": (
        "a table of texts",
        lambda value: (
            isinstance(value, dict)
            and all(isinstance(value.get(k), str) for k in ("relative", "absolute", "identity"))
        ),
    ),
    "resumed": ("a list", lambda value: isinstance(value, list)),
}
"""What the keys of run.json must be that evosim reads, in words and as a test."""
# Runs have them only once something happened: a fork, a resume.
_OPTIONAL = {"parent", "history", "resumed"}


def _wrong_entries(manifest: Mapping[str, Any], entries: Entries) -> list[str]:
    """What is wrong with the keys of a manifest, in words."""
    wrong = []
    for name, (what, is_right) in entries.items():
        if name not in manifest:
            if name not in _OPTIONAL:
                wrong.append(f"{name} is missing")
        elif not is_right(manifest[name]):
            wrong.append(f"{name} is {json.dumps(manifest[name])[:60]}, not {what}")
    return wrong
