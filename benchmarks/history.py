"""The ratios that were measured before, and whether one has fallen since.

Times differ from machine to machine and from day to day; a ratio of two things that took turns in
one run differs little. So only ratios are compared, and only with those of the same machine.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evosim.benchmarks.rows import Row, number
from evosim.engine import provenance
from evosim.engine.files import put
from evosim.errors import EvosimError

ALLOWED = 0.1
"""By what share a ratio may be worse than it was."""
_ROOT = Path(__file__).resolve().parents[1]
FOLDER = (_ROOT if (_ROOT / "setup.cfg").is_file() else Path()) / "benchmarks" / "history"
"""Of the checkout; where evosim is installed without one, of the current folder."""
Record = dict[str, Any]


def record_of(facts: Mapping[str, Any], rows: Sequence[Row]) -> Record:
    """What is kept of a run of the benchmarks.

    Args:
        facts: machine, versions, quick.
        rows: what was measured.
    """
    return {
        "date": provenance.now()[:10],
        "commit": _commit(),
        "processor": facts["processor"],
        "cores": facts["cores"],
        "quick": facts["quick"],
        "versions": facts["versions"],
        "rows": {
            row.name: {"best": float(f"{row.best:.4g}"), "unit": row.unit}
            for row in rows
            if row.best is not None
        },
    }


def write(record: Record, folder: Path | None = None) -> Path:
    """Keep a record: one file for each machine and day, in which a later one replaces it."""
    machine = re.sub(r"\W+", "-", f"{record['processor']}-{record['cores']}").strip("-").lower()
    quick = "-quick" if record["quick"] else ""
    path = (folder or FOLDER) / f"{record['date']}-{machine}{quick}.json"
    put(path, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    return path


def check(record: Record, rows: Sequence[Row], folder: Path | None = None) -> str:
    """Compare ratios with the last that were recorded of the same machine, as quickly measured.

    Returns:
        With what they were compared, in a sentence.

    Raises:
        EvosimError: a ratio has fallen by more than :data:`ALLOWED`, or there is no record of this
            machine.
    """
    folder = folder or FOLDER
    kind = ("processor", "cores", "quick")
    known = [one for one in _records(folder) if all(one[key] == record[key] for key in kind)]
    if not known:
        raise EvosimError(
            f"{folder}: no record of this machine ({record['processor']}, {record['cores']} cores"
            f"{', quick' if record['quick'] else ''}); make one with: evosim bench --record"
        )
    last = known[-1]
    when = f"{last['date']}, commit {last['commit']}"
    fallen = list(_fallen(rows, last["rows"]))
    if fallen:
        raise EvosimError("\n".join([f"ratios have fallen since {when}:", *fallen]))
    return f"no ratio has fallen by more than {ALLOWED:.0%} since {when}"


def _fallen(rows: Sequence[Row], before: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """In words, each ratio that is worse than it was by more than is allowed."""
    for row in rows:
        if row.unit != "x" or row.best is None or row.name not in before:
            continue
        was = before[row.name]["best"]
        bound = was * (1 - ALLOWED if row.at_least else 1 + ALLOWED)
        if row.best < bound if row.at_least else row.best > bound:
            side = "at least" if row.at_least else "at most"
            yield f"  {row.name}: {number(row.best)}, was {number(was)} ({side} {number(bound)})"


def _records(folder: Path) -> list[Record]:
    """The records of a folder, the oldest first."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise EvosimError(f"{path} cannot be read: {error}; delete it") from error
    return found


def _commit() -> str:
    """The commit of the checkout, in short; "unknown" where there is none."""
    words = ["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
