"""Confirmation: what is frozen before the gallery is lived once more, on a seed never used.

``frozen.json`` holds a hash of every scenario's world, arms, thresholds and claim, and the seed;
``families.json`` the same with the family from which worlds are drawn. The seed is made of these
hashes, so that nobody can have tried it: with any other threshold it would be another one. A
scenario that was changed afterwards is refused. Scenarios that come later are frozen together, with
a seed of their own, beside those that were frozen before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from evosim.engine.files import exists, explain, put
from evosim.errors import EvosimError
from evosim.gallery import record
from evosim.gallery.record import Record
from evosim.scenario.words import fingerprint, promise

FILES = {False: "frozen.json", True: "families.json"}
"""What is frozen, by whether claims are tested over worlds."""
SEED_BYTES = 6
"""Of the seed: few enough for every reader of JSON to keep all its digits."""


class Frozen(NamedTuple):
    """What was frozen at once."""

    seed: int
    scenarios: Mapping[str, str]
    """The hash of what each scenario promises, by id."""


def freeze(sources: Mapping[str, str], out: Path, *, worlds: bool = False) -> Frozen:
    """Freeze those that are not frozen yet: write their hashes and the seed of their confirmation.

    Args:
        sources: the texts of all scenarios with an experiment, by id.
        out: the folder of the records.
        worlds: whether their families are frozen too, to be confirmed over worlds.

    Returns:
        What was frozen now.

    Raises:
        EvosimError: all of it was frozen already, or a scenario has no record, or another one.
    """
    path = out / FILES[worlds]
    before = read(out, worlds=worlds) if exists(path) else []
    new = sorted(sources.keys() - {name for frozen in before for name in frozen.scenarios})
    if not new:
        raise EvosimError(
            f"{path}: frozen already; to freeze what the scenarios are now, remove it and every "
            f"{file_of(out, '*', worlds=worlds).name}, which are of what was frozen"
        )
    for name in new:
        if record.read(out / f"{name}.json")["scenario_sha256"] != fingerprint(sources[name]):
            raise EvosimError(
                f"{name}: the scenario was changed after its record was made; make it again "
                f"before it is frozen: evosim gallery {name}"
            )
    hashes = {name: promise(sources[name], worlds=worlds) for name in new}
    digest = hashlib.sha256(json.dumps(hashes).encode()).digest()
    frozen = Frozen(int.from_bytes(digest[:SEED_BYTES], "big"), hashes)
    every = [one._asdict() for one in (*before, frozen)]
    put(path, (json.dumps(every, indent=2) + "\n").encode())
    return frozen


def read(out: Path, *, worlds: bool = False) -> list[Frozen]:
    """What was frozen, the oldest first.

    Raises:
        EvosimError: nothing was, or the file is damaged.
    """
    path = out / FILES[worlds]
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return [Frozen(int(one["seed"]), dict(one["scenarios"])) for one in known]
    except FileNotFoundError:
        raise EvosimError(
            f"{path}: nothing is frozen, so nothing can be confirmed; when all scenarios and "
            f"thresholds are final: evosim gallery --freeze{' --worlds' * worlds}"
        ) from None
    except OSError as error:
        raise EvosimError(explain(error, path, "read")) from error
    except (ValueError, TypeError, KeyError) as error:
        raise EvosimError(f"{path} is damaged: {error}; restore it from the history") from error


def seeds_of(out: Path, sources: Mapping[str, str], *, worlds: bool = False) -> dict[str, int]:
    """The seed on which each scenario is confirmed.

    Args:
        out: the folder of the records.
        sources: the texts of the scenarios, by id.
        worlds: whether their families were frozen too.

    Raises:
        EvosimError: nothing is frozen; some are not as they were frozen, all of them in one error.
    """
    known = {
        name: (frozen.seed, told)
        for frozen in read(out, worlds=worlds)
        for name, told in frozen.scenarios.items()
    }
    wrong = [
        f"{name}: {'was changed since' if name in known else 'is not among'} what was frozen"
        for name, source in sources.items()
        if name not in known or known[name][1] != promise(source, worlds=worlds)
    ]
    if wrong:
        wrong.append("Only what was frozen can be confirmed: restore it, or leave it out")
        raise EvosimError("\n".join(wrong))
    return {name: known[name][0] for name in sources}


def file_of(out: Path, name: str, *, worlds: bool = False, confirm: bool = True) -> Path:
    """A record of a scenario beside its first one: confirmatory, over worlds, or both."""
    return out / f"{name}{'.worlds' * worlds}{'.confirm' * confirm}.json"


def is_one(path: Path) -> bool:
    """Whether a file of the gallery lies beside a first record, and is none itself."""
    return path.name in FILES.values() or len(path.suffixes) > 1


def record_of(out: Path, name: str, *, worlds: bool = False, confirm: bool = True) -> Record | None:
    """The confirmatory record of a scenario; None where there is none.

    Args:
        worlds: that over worlds.
        confirm: if not, the exploratory one.
    """
    path = file_of(out, name, worlds=worlds, confirm=confirm)
    return record.read(path) if exists(path) else None


def beside(
    out: Path, found: Record, *, worlds: bool = False, confirm: bool = True
) -> Record | None:
    """The record that belongs beside a first one: of the same scenario, as it was run; None where
    there is none.

    Args:
        worlds, confirm: see :func:`record_of`.
    """
    known = record_of(out, found["scenario"], worlds=worlds, confirm=confirm)
    same = known is not None and known["scenario_sha256"] == found["scenario_sha256"]
    return known if same else None


def over_worlds(out: Path, found: Record) -> list[Record]:
    """The records over worlds that belong beside a first one: exploratory, then confirmatory."""
    both = [beside(out, found, worlds=True, confirm=confirm) for confirm in (False, True)]
    return [one for one in both if one is not None]
