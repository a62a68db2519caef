"""Docstrings: what they refer to is there. (Their examples: test_examples.py.)"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import evosim

ROLE = re.compile(r":(?:func|class|mod|meth|data|attr|exc):`~?([\w.]+)`")
PACKAGE = Path(evosim.__file__).parent


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def references() -> Iterator[tuple[str, str]]:
    """(module, what one of its docstrings refers to)."""
    for path in sorted({*PACKAGE.rglob("*.py"), *PACKAGE.glob("*/*.py")}):
        for match in ROLE.finditer(path.read_text(encoding="utf-8")):
            yield module_of(path), match[1]


def resolves(name: str, module: ModuleType) -> bool:
    """Whether a name is a member of the module, of a class of it, or begins at a package."""
    classes = [thing for thing in vars(module).values() if isinstance(thing, type)]
    if any(_has(owner, name) for owner in (module, *classes)):
        return True
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        return end == len(parts) or _has(found, ".".join(parts[end:]))
    return False


def _has(owner: object, path: str) -> bool:
    for part in path.split("."):
        if part in getattr(owner, "__dataclass_fields__", {}):
            return True
        if not hasattr(owner, part):
            return False
        owner = getattr(owner, part)
    return True


def test_every_cross_reference_of_a_docstring_leads_somewhere() -> None:
    lost = [
        f"{module}: {name}"
        for module, name in references()
        if not resolves(name, importlib.import_module(module))
    ]
    assert not lost
