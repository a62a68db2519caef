"""The layout that docs/architecture.md promises: imports go down one flight of stairs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "evosim"

STAIRS = (
    {"errors", "rng"},
    {"scenario"},
    {"world"},
    {"mind"},
    {"core"},
    {"evolution"},
    {"measure"},
    {"run"},
    {"plot"},
    {"describe", "starter", "bench"},
    {"api"},
    {"cli"},
    {"__init__", "__main__"},
)
STEP = {name: height for height, names in enumerate(STAIRS) for name in names}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(module: Path) -> str:
    """The part of the package that a file belongs to: ``world`` of world/levels.py."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[tuple[str, int]]:
    """Every part of evosim that a file imports, at its top or within a function, with the line."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root, _, rest = alias.name.partition(".")
                if root == "evosim":
                    yield rest.partition(".")[0] or "__init__", node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            if node.module == "evosim":
                for alias in node.names:
                    yield alias.name, node.lineno
            elif node.module and node.module.startswith("evosim."):
                yield node.module.split(".")[1], node.lineno


def test_every_part_has_its_place_on_the_stairs():
    assert {part_of(module) for module in modules()} <= set(STEP)


@pytest.mark.parametrize("module", modules(), ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_go_down_the_stairs_only(module):
    own = part_of(module)
    for part, line in imported(module):
        if part != own:
            assert part in STEP, f"{module}:{line} imports evosim.{part}"
            assert STEP[part] < STEP[own], (
                f"{module}:{line}: {own} stands on step {STEP[own]}, {part} on step {STEP[part]}"
            )
