"""New folders: they appear whole or not at all, and never in the place of something else."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from evosim.engine.files import beside, explain, is_folder
from evosim.errors import Argument, Command, RunError


def check_name(path: Path) -> None:
    """Refuse a path that ends in no name that a new folder can have.

    Raises:
        RunError: with a name that would do.
    """
    if path.name in ("", ".."):
        raise RunError(
            Argument("out", path),
            ": not a name for the run's folder; name one that does not exist yet, e.g. ",
            Argument("out", path / "my-run"),
        )


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A new folder to be filled in the block; it appears under its name when the block ends well.

    Yields the name that it has until then.

    Raises:
        RunError: there is something already, or the folder cannot be made.
    """
    check_name(path)
    refuse_existing(path)
    if path.is_symlink():  # to an empty folder, whose place is taken, and not that of the link
        path = path.resolve()
    making = beside(path, "new")
    try:
        making.mkdir(parents=True)
        yield making
        # Again, as somebody may have made it in the meantime.
        refuse_existing(path)
        os.replace(making, path)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise RunError(
                f"{path} is a mount point, whose place no folder can take; name one in it: ",
                Argument("out", path / "my-run"),
            ) from error
        raise RunError(
            f"{explain(error, path, 'make the folder')}; choose another place with ",
            Argument("out"),
        ) from error
    finally:  # after a rename there is nothing under this name any more
        shutil.rmtree(making, ignore_errors=True)


GONE = "the folder is no longer there"
"""What is said of a run, an experiment or a study whose folder was deleted after it was opened."""
HOLDS = {"run.json": "a run", "experiment.json": "an experiment", "study.json": "a study"}
"""What a folder holds, by the file that says so."""


def check_there(path: Path) -> None:
    """Refuse a folder that was opened and is gone since.

    Raises:
        RunError: it is no longer there.
    """
    if not is_folder(path):
        raise RunError(f"{path}: {GONE}")


def refuse_existing(path: Path) -> None:
    """Refuse a place for a new folder where there is something already.

    Raises:
        RunError: with what is there and what helps.
    """
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        if path.is_symlink():
            raise RunError(
                f"{path} is a link to what is not there; choose another place with ",
                Argument("out"),
            ) from None
        return
    except NotADirectoryError:
        raise RunError(
            f"{path}: a file is in the way of the folder; choose another place with ",
            Argument("out"),
        ) from None
    except OSError as error:
        raise RunError(
            f"{explain(error, path, 'look into')}; choose another place with ", Argument("out")
        ) from error
    # A run of the same name is the likely case, for which there is more to say.
    for name, what in HOLDS.items():
        if name in names:
            raise RunError(
                f"{path} holds {what} already. To continue it: ",
                Command("resume", path),
                "\nTo start another: choose another place with ",
                Argument("out"),
                ", or delete the folder first",
            )
    if names:
        raise RunError(
            f"{path} exists and is not empty; choose another place with ", Argument("out")
        )
