"""What the record of an experiment depends on: when it is evaluated again, when run again.

Of code the hash is that of its meaning: comments, docstrings and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import evosim
from evosim import mechanisms
from evosim.engine import provenance
from evosim.evolution.optimizer import OPTIMIZERS
from evosim.metrics import METRICS

if TYPE_CHECKING:
    from evosim.scenario import Scenario

_PACKAGE = Path(evosim.__file__).parent


def _paths(names: Iterable[str]) -> tuple[str, ...]:
    """Modules of evosim by name, as paths within the package."""
    return tuple(f"{name.removeprefix('evosim.').replace('.', '/')}.py" for name in names)


# What registries and mechanisms have is imported when it is asked for, by no import statement.
_RUN_MODULES = (
    "scenario/reading.py",
    "engine/loop.py",
    "engine/probe.py",
    *_paths([*OPTIMIZERS.modules, *mechanisms.paths("schema"), *mechanisms.paths("state")]),
)
"""What reads a scenario, evaluates and probes a population: these, and all that they import."""
METRIC_MODULES = ("metrics/__init__.py", *_paths(METRICS.modules))
"""What makes numbers of the data of a run."""
_VERDICT_MODULES = ("study/verdict.py", *METRIC_MODULES)
"""What makes verdicts of complete runs; what runs them is not counted again."""

RUN_INPUTS: Mapping[str, str] = {
    "code": "the code that runs it was changed",
    "libraries": "versions of libraries were changed",
}
"""What a run depends on beside its scenario: where it changed, the experiment is run again."""
VERDICT_INPUTS: Mapping[str, str] = {
    "findings": "its findings or its words were changed",
    "measures": "the code that measures was changed",
}
"""What the verdict depends on beside the runs: where it changed, the claim is evaluated again."""


def depends(scenario: Scenario) -> dict[str, str]:
    """A hash of each thing that the record of a scenario's experiment depends on.

    What was run the folder of the experiment knows itself: see
    :meth:`evosim.study.experiment.ExperimentFolder.holds`.
    """
    versions = provenance.libraries()
    del versions["evosim"]  # its code has hashes of its own
    return {
        "code": code(_RUN_MODULES),
        "libraries": _hash(f"{name} {version}" for name, version in versions.items()),
        "findings": _hash([scenario.to_toml()]),
        "measures": code(_VERDICT_MODULES, _RUN_MODULES),
    }


def changed(before: Mapping[str, str], now: Mapping[str, str], what: Mapping[str, str]) -> str:
    """In words what of ``what`` is not as it was before; empty where all is."""
    return "; ".join(words for key, words in what.items() if before.get(key) != now[key])


@cache
def code(parts: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    """A hash of what some modules of evosim, and all that they import, mean.

    Args:
        parts: modules, by path within the package.
        without: modules which, with all that they import, are left out.
    """
    files = imported(parts) - imported(without)
    return _hash(
        f"{file.relative_to(_PACKAGE)}\n{meaning(file.read_text(encoding='utf-8'))}"
        for file in sorted(files)
    )


@cache
def imported(parts: tuple[str, ...]) -> frozenset[Path]:
    """Modules of evosim and all modules of evosim that they import, at any remove."""
    waiting = [_PACKAGE / part for part in parts]
    seen: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += _imports(file)
    return frozenset(seen)


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    """The modules that a module imports, also within functions, but not for its types alone."""
    found: list[Path] = []
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found += _homes(str(node.module), alias.name)
    return tuple(found)


def _homes(module: str, name: str) -> Iterator[Path]:
    """The modules of evosim that are imported by ``from module import name``.

    A package that imports a name only when it is asked for says where from in its stub; of one
    that is itself imported any of these names can be asked for.
    """
    top, *parts = module.split(".")
    if top != "evosim":
        return
    path = _PACKAGE.joinpath(*parts)
    if path.with_suffix(".py").is_file():
        yield path.with_suffix(".py")
        return
    inner = path / name
    if inner.with_suffix(".py").is_file():
        yield from (path / "__init__.py", inner.with_suffix(".py"))
        return
    package = inner if inner.is_dir() else path
    yield package / "__init__.py"
    for home, alias in _names(package):
        if package == inner or name in (alias.name, alias.asname):
            yield from _homes(home, alias.name)


@cache
def _names(package: Path) -> tuple[tuple[str, ast.alias], ...]:
    """The names of a package, by its stub where it has one, and the module that each is from."""
    stub = package / "__init__.pyi"
    file = stub if stub.is_file() else package / "__init__.py"
    dotted = ".".join(("evosim", *package.relative_to(_PACKAGE).parts))
    return tuple(
        (f"{dotted}.{node.module}" if node.level else str(node.module), alias)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
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


def _hash(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()
