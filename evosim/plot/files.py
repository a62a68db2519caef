"""Putting a finished file in its place."""

from __future__ import annotations

from pathlib import Path

from evosim.engine.files import WriteError, explain, write_bytes


def put(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one step, its folder made where it is missing.

    Raises:
        WriteError: the operating system refused.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(explain(error, path.parent, "make")) from error
    write_bytes(path, content)
