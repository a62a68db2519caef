"""The stairs: imports go down only, and nothing slow is imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import evosim

PACKAGE = Path(evosim.__file__).parent

STAIRS = (
    ("errors", "glossary", "rng", "starter"),
    ("process",),
    ("mechanisms", "registry"),
    ("scenario", "stats"),
    ("world",),
    ("mind",),
    ("core",),
    ("gym",),
    ("learners",),
    ("evolution",),
    ("engine",),
    ("metrics",),
    ("policy",),
    ("execution",),
    ("plot", "study"),
    ("api",),
    ("testing",),
    ("benchmarks", "describe", "explain", "gallery", "web"),
    ("cli",),
    ("__main__",),
)
"""From the bottom up (docs/architecture.md); what stands on one stair does not know each other."""

STEP = {name: step for step, names in enumerate(STAIRS) for name in names}

OF_MECHANISMS = {
    "schema": "scenario",
    "kernels": "core",
    "state": "engine",
    "metrics": "metrics",
    "figures": "plot",
}
"""The part that a file of a mechanism counts to: it is imported from there, and not by name."""


def part_of(module: str) -> str | None:
    """The part of evosim that a module belongs to."""
    names = module.split(".")
    if names[:2] == ["evosim", "mechanisms"] and len(names) > 3:
        return OF_MECHANISMS.get(names[3], "mechanisms")
    return names[1] if names[0] == "evosim" and len(names) > 1 else None


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Parts of evosim that a file imports anywhere in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            # Whatever is asked of the package itself is of the public functions.
            names = ["evosim.api" if one.name == "evosim" else one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            names = [node.module or ""]
            if node.module == "evosim":
                names = [f"evosim.{alias.name}" for alias in node.names]
            elif names[0].startswith("evosim.mechanisms."):
                names = [f"{names[0]}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if part := part_of(name):
                yield node.lineno, part


def files() -> list[Path]:
    # Two folders are links, into which rglob does not look.
    found = {*PACKAGE.rglob("*.py"), *PACKAGE.glob("*/*.py")} - {PACKAGE / "__init__.py"}
    return sorted(found)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_the_stairs(path: Path) -> None:
    here = part_of(".".join(("evosim", *path.relative_to(PACKAGE).with_suffix("").parts)))
    assert here in STEP, f"{here} has no place on the stairs"
    for line, part in imported(path):
        assert part in STEP, f"{path}:{line} imports {part}, which has no place on the stairs"
        assert part == here or STEP[part] < STEP[here], f"{path}:{line}: {here} imports {part}"


def test_the_twin_shares_nothing_with_what_it_is_the_twin_of() -> None:
    twin = PACKAGE / "testing" / "reference.py"
    assert {part for _, part in imported(twin)} == {"rng", "scenario"}


def loaded(code: str) -> set[str]:
    """The modules that are loaded after some code, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


HELP = """
import sys
from evosim.cli import cli
sys.argv = ["evosim", "--help"]
try:
    cli(prog_name="evosim")
except SystemExit:
    pass
"""
SLOW = {
    "numpy",
    "numba",
    "matplotlib",
    "xarray",
    "scipy",
    "pandas",
    "pydantic",
    "rich",
    "h5py",
    "jinja2",
}


def test_help_imports_nothing_slow() -> None:
    modules = loaded(HELP)
    assert "click" in modules
    assert not modules & SLOW


def test_importing_evosim_imports_nothing_slow() -> None:
    assert not loaded("import evosim, evosim.engine, evosim.scenario, evosim.plot") & SLOW


def test_a_generation_needs_no_gradients_of_policies() -> None:
    modules = loaded("import evosim.engine.loop")
    assert "evosim.engine.loop" in modules
    assert not {"evosim.engine.slopes", "evosim.evolution.policy_gradient"} & modules


def test_check_and_new_do_not_compile_or_draw(tmp_path: Path) -> None:
    code = f"""
from click.testing import CliRunner
from evosim.cli import cli
assert CliRunner().invoke(cli, ["new", {str(tmp_path / "x.toml")!r}]).exit_code == 0
"""
    assert not loaded(code) & (SLOW - {"numpy"})


def test_help_imports_little() -> None:
    """Start-up time is that of the modules that are imported, and these can be counted."""
    modules = loaded(HELP)
    assert len({name for name in modules if name.split(".")[0] == "evosim"}) <= 9
    assert len(modules) <= 220


RUN = """
import evosim
small = {{
    "evolution.population": 4, "evolution.levels": 1, "measure.sample": 2, "measure.levels": 1,
    "timeline.0.generations": 2, "timeline.1.generations": 1,
}}
run = evosim.run("contraception", seed=1, settings=small, out={out!r}, figures={figures}, workers=1)
run.summary
"""


def test_a_run_without_figures_needs_no_libraries_of_tables_and_figures(tmp_path: Path) -> None:
    modules = loaded(RUN.format(out=str(tmp_path / "run"), figures=False))
    assert not modules & {"matplotlib", "xarray", "pandas", "dask", "evosim.plot.layouts"}


def test_a_run_with_figures_needs_no_libraries_of_tables(tmp_path: Path) -> None:
    modules = loaded(RUN.format(out=str(tmp_path / "run"), figures=True))
    assert not modules & {"xarray", "pandas", "dask"}
