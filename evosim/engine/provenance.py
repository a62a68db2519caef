"""Where a run comes from: versions, command, machine, time."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from evosim.errors import DISTRIBUTION, EvosimError
from evosim.process import cores
from evosim.registry import plugins

if TYPE_CHECKING:
    from evosim.scenario import Scenario

_LIBRARIES = ("evosim", "numpy", "numba", "deap", "scipy", "xarray", "h5py")


def versions() -> dict[str, str]:
    """Versions of Python, evosim, the libraries that numbers depend on, and plugins.

    Raises:
        EvosimError: a plugin cannot be imported.
    """
    return {**libraries(), **plugins()}


def libraries() -> dict[str, str]:
    """Versions of Python, evosim and the libraries that numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(DISTRIBUTION if name == "evosim" else name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def machine() -> dict[str, str | int]:
    """System, processor and the cores given to this process."""
    processor = platform.processor() or platform.machine()
    # platform.processor() is empty or "x86_64" on Linux.
    if sys.platform == "linux":
        with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
            named = (
                line.partition(":")[2].strip() for line in file if line.startswith("model name")
            )
            processor = next(named, processor)
    return {"system": platform.platform(), "processor": processor, "cores": cores()}


def now() -> str:
    """The time in UTC; that of SOURCE_DATE_EPOCH where it is set (reproducible-builds.org).

    Raises:
        EvosimError: that is no time.
    """
    # Distributions build packages at a fixed time; so do the tests here.
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError):
        raise EvosimError(
            f"SOURCE_DATE_EPOCH={epoch}: not a time (allowed seconds since 1970, up to those of "
            "the year 9999); mend or unset it"
        ) from None
    return moment.isoformat(timespec="seconds")


def command_line(argv: Sequence[str]) -> str:
    """A command as it could be typed again, without the path of the program."""
    return shlex.join([os.path.basename(argv[0]).removesuffix(".py"), *argv[1:]])


def other_versions(manifest: Mapping[str, Any], what: str) -> str:
    """What to warn of where versions are others than those in a manifest; empty where none is.

    Args:
        manifest: with ``versions``.
        what: what the manifest is of, in a word.
    """
    # Streams of random numbers are promised by numpy and Python for one version only (model 5),
    # and sums in numpy, BLAS and scipy may be ordered otherwise in another one.
    then = manifest.get("versions", {})
    changed = [
        f"{name} {then[name]} -> {version}"
        for name, version in versions().items()
        if then.get(name, version) != version
    ]
    if lacking := lacking_plugins(manifest):
        changed.append(f"{lacking} -> not installed")
    if not changed:
        return ""
    return (
        f"versions differ from those the {what} began with: {', '.join(changed)}. Numbers may "
        "differ from those that the old ones would have given"
    )


def lacking_plugins(manifest: Mapping[str, Any]) -> str:
    """Distributions of plugins that a manifest names and that are not found here, in words."""
    found = versions()
    then = manifest.get("versions", {})
    return ", ".join(f"{name} {then[name]}" for name in then if name not in found)


def manifest(scenario: Scenario, **known: object) -> dict[str, Any]:
    """What a run's folder records of how it came about, beside what is ``known``."""
    return {
        "scenario": scenario.id,
        "title": scenario.title,
        **known,
        "versions": versions(),
        "machine": machine(),
        "created": now(),
    }
