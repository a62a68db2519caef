"""Runs evosim in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def call(folder: Path, *words: object, code: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run evosim, or the code, in a process of its own with that working folder."""
    start = ["-m", "evosim"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *start, *map(str, words)],
        cwd=folder,
        env=os.environ | {"SOURCE_DATE_EPOCH": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
