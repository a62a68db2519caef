"""No file, however wrong, ends in anything but words: mutants of what ships, see ``fuzz.py``."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fuzz import LATER

FUZZ = Path(__file__).with_name("fuzz.py")
WELL = ("", "ran", "failed in words", "refused in words", LATER)


def became(first: int, count: int, run: int) -> list[dict[str, Any]]:
    """What became of some mutants; every ``run``-th that is accepted is run."""
    command = [sys.executable, str(FUZZ), "1", str(first), str(count), "--run", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["outcome"] in ("accepted", "refused"), row
        assert row["outcome"] == "accepted" or row["words"].strip(), row
        assert row["length"] < 30_000, row
        assert row["ran"] in WELL, row


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="no limit of memory")
def test_some_mutants_are_answered_in_words() -> None:
    rows = became(0, 25, run=0)
    assert len(rows) == 25
    check(rows)


@pytest.mark.slow
@pytest.mark.parametrize("first", [1000, 2000, 3000, 4000])
def test_many_mutants_are_answered_in_words_and_those_that_run_end_well(first: int) -> None:
    rows = became(first, 150, run=5)
    assert len(rows) == 150
    assert any(row["ran"] == "ran" for row in rows)
    check(rows)
