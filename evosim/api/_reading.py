"""What the folders of runs and experiments have in common to be read: a summary, figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evosim.errors import RunError


def read_summary(path: Path, *, what: str, remedy: str = "") -> dict[str, Any]:
    """The JSON that is written once a folder is complete.

    Args:
        path: the file; its folder is the run's or the experiment's.
        what: what the folder is of, in a word.
        remedy: what helps where the file is damaged, a sentence.

    Raises:
        RunError: the folder is not complete, or the file is damaged.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"{path.parent}: the {what} is not complete; continue with: evosim resume {path.parent}"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}{remedy and '. '}{remedy}") from error
    return found


def figures_in(folder: Path) -> list[Path]:
    """The figures of a folder, without those half written."""
    return sorted(p for p in folder.glob("*.*") if not p.name.startswith("."))
