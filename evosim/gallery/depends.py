"""What the record of an experiment depends on: when it is to be settled again, when lived again.

Of code the hash is that of its meaning: comments, docstrings and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import evosim
from evosim.run import provenance

if TYPE_CHECKING:
    from evosim.scenario import Scenario

_PACKAGE = Path(evosim.__file__).parent

_LIVES = (
    "rng.py", "scenario", "world", "mind", "core", "evolution", "measure/minds.py",
    "measure/monitor.py", "measure/probe.py", "run",
)  # fmt: skip
"""Code that runs are lived by."""
_SETTLES = (
    "scenario/experiment.py", "measure/claim.py", "measure/courses.py", "measure/deception.py",
    "measure/descent.py", "measure/distance.py", "measure/genealogy.py", "measure/heredity.py",
    "measure/islands.py", "measure/open.py", "measure/pressure.py", "measure/quantities",
    "measure/rewards.py", "measure/selection.py", "measure/statistics.py", "measure/verdict.py",
    "study/anew.py", "study/arms.py", "study/experiment.py",
)  # fmt: skip
"""Code that makes verdicts of runs that were lived."""
_NEITHER = (
    "core/reference.py", "run/disjoint.py", "run/lock.py", "run/memory.py", "run/progress.py",
    "run/provenance.py", "run/stop.py", "scenario/editor.py", "world/tensors.py",
)  # fmt: skip

LIVED: Mapping[str, str] = {
    "code": "the code that runs it was changed",
    "libraries": "versions of libraries were changed",
}
"""What a run depends on beside its scenario: where it changed, the experiment is lived again."""
SETTLED: Mapping[str, str] = {
    "findings": "its findings or its words were changed",
    "measures": "the code that measures was changed",
}
"""What the verdict depends on beside the runs: where it changed, the claim is settled again."""


def depends(scenario: Scenario) -> dict[str, str]:
    """A hash of each thing that the record of a scenario's experiment depends on.

    What was run the folder of the experiment knows itself: see :mod:`evosim.study.anew`.
    """
    versions = provenance.versions()
    del versions["evosim"]  # its code has hashes of its own
    return {
        "code": code(_LIVES, (*_SETTLES, *_NEITHER)),
        "libraries": _hash(f"{name} {version}" for name, version in versions.items()),
        "findings": _hash([scenario.to_toml()]),
        "measures": code(_SETTLES, ()),
    }


def changed(before: Mapping[str, str], now: Mapping[str, str], what: Mapping[str, str]) -> str:
    """In words what of ``what`` is not as it was before; empty where all is."""
    return "; ".join(words for key, words in what.items() if before.get(key) != now[key])


@cache
def code(parts: tuple[str, ...], without: tuple[str, ...]) -> str:
    """A hash of what the modules of some parts of evosim mean.

    Args:
        parts, without: modules and folders of them, by path within the package.
    """
    files = [f for part in parts for f in _files(_PACKAGE / part)]
    left_out = {f for part in without for f in _files(_PACKAGE / part)}
    return _hash(
        f"{file.relative_to(_PACKAGE)}\n{meaning(file.read_text(encoding='utf-8'))}"
        for file in sorted(files)
        if file not in left_out
    )


def meaning(source: str) -> str:
    """A module without its comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _files(part: Path) -> list[Path]:
    return sorted(part.rglob("*.py")) if part.is_dir() else [part]


def _hash(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()
