"""What the folders of runs and experiments have in common to be read: a summary, figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evosim.engine.folders import check_there
from evosim.errors import Command, RunError


def read_summary(path: Path, *, what: str) -> dict[str, Any]:
    """The JSON that is written once a folder is complete.

    Args:
        path: the file, in the folder.
        what: what the folder is of, in a word.

    Raises:
        RunError: the folder is not complete or no longer there, or the file is damaged.
    """
    check_there(path.parent)
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise not_complete(path.parent, what) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    return found


def not_complete(path: Path, what: str) -> RunError:
    """The error about a folder that has to be complete, and is not."""
    return RunError(f"{path}: the {what} is not complete; continue with: ", Command("resume", path))


def figures_in(folder: Path) -> list[Path]:
    """The figures of a folder, without those half written."""
    return sorted(p for p in folder.glob("*.*") if not p.name.startswith("."))
