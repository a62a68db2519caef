"""run.json: what a run is a run of, and how it came about; checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evosim.engine.files import explain
from evosim.errors import RunError

# Raised when a run of an older evosim could not be read, or not gone on with, any more.
FORMAT = 1


def read_manifest(path: Path) -> dict[str, Any]:
    """What the run.json of a run folder holds.

    Raises:
        RunError: there is none, or it is damaged, or of another format.
    """
    source = path / "run.json"
    if not path.is_dir():
        what = "is a file, not a run folder" if path.exists() else "there is no such run folder"
        raise RunError(f"{path}: {what}")
    try:
        manifest = json.loads(source.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError("not the manifest of a run")
    except FileNotFoundError:
        raise RunError(f"{path} is not a run folder: it holds no run.json") from None
    except OSError as error:
        raise RunError(explain(error, source, "read")) from error
    except ValueError as error:
        raise RunError(f"{source} is damaged: {error}") from error
    # First of all: the entries of another format may have other meanings.
    if "format" in manifest and manifest["format"] != FORMAT:
        raise RunError(
            f"{source}: the run has format {manifest.get('format')!r}, this evosim reads {FORMAT}; "
            "use the version of evosim that made it"
        )
    if wrong := _wrong_entries(manifest):
        raise RunError(
            f"{source} is damaged: {'; '.join(wrong)}. Restore the file, or begin the run again"
        )
    return manifest


def _is_count(value: object, least: int = 0) -> bool:
    # JSON's true is an int to Python, and no count.
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**64


_SEED = "a number from 0 to 2^64 - 1"
_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "format": ("a number", _is_count),
    "seed": (_SEED, _is_count),
    "probe_seed": (_SEED, _is_count),
    "replicates": ("a number from 1", lambda value: _is_count(value, 1)),
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
    "figures": ("true or false", lambda value: isinstance(value, bool)),
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


def _wrong_entries(manifest: Mapping[str, Any]) -> list[str]:
    """What is wrong with the keys of run.json, in words."""
    wrong = []
    for name, (what, is_right) in _ENTRIES.items():
        if name not in manifest:
            if name not in _OPTIONAL:
                wrong.append(f"{name} is missing")
        elif not is_right(manifest[name]):
            wrong.append(f"{name} is {json.dumps(manifest[name])[:60]}, not {what}")
    return wrong
