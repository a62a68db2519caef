"""A wheel built from the tree works without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = (
    "evosim",
    "scenarios",
    "studies",
    "benchmarks",
    "tools",
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


def catalogue(names: list[str]) -> set[str]:
    """The files of the catalogue among paths, by name."""
    return {
        Path(name).name for name in names if "evosim/_scenarios/" in name and not name.endswith("/")
    }


def contents(wheel: Path) -> list[str]:
    """The names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def without_the_tree() -> dict[str, str]:
    """The environment, but for what would find the tree."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {key: value for key, value in os.environ.items() if key not in unwanted}


def command(*words: object, cwd: Path) -> str:
    """Standard output of a command that must succeed, away from the tree and its environment."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd, env=without_the_tree(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, so that building leaves nothing in the source tree."""
    copy = tmp_path_factory.mktemp("a source tree")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(source, copy)
    return copy


@pytest.fixture(scope="module")
def built(tree: Path) -> Path:
    """dist/: an sdist, and the wheel built from that sdist."""
    command(sys.executable, "-m", "build", cwd=tree)
    return tree / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin/ of an environment that holds the wheel and what it asks for, and nothing else."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(place, with_pip=True)
    pip = [place / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install"]
    command(*pip, "--quiet", next(built.glob("*.whl")), cwd=place)
    return place / "bin"


def test_sdist_and_both_wheels_hold_the_whole_catalogue(tree: Path, built: Path) -> None:
    wanted = {path.name for path in (ROOT / "scenarios").iterdir() if path.is_file()}
    assert {"contraception.toml", "scenario.schema.json"} <= wanted
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        members = [member for member in sdist.getmembers() if member.isfile()]
    assert catalogue([member.name for member in members]) == wanted
    by_sdist = contents(next(built.glob("*.whl")))
    command(sys.executable, "-m", "build", "--wheel", "--outdir", "direct", cwd=tree)
    direct = contents(next((tree / "direct").glob("*.whl")))
    assert catalogue(by_sdist) == wanted
    assert sorted(direct) == sorted(by_sdist)


def test_the_wheel_holds_the_studies_and_the_worlds_that_they_are_about(built: Path) -> None:
    files = {path.relative_to(ROOT) for path in (ROOT / "studies").rglob("*.toml")}
    assert Path("studies/worlds/lottery.toml") in files
    assert {f"evosim/_{path}" for path in files} <= set(contents(next(built.glob("*.whl"))))


def test_the_wheel_holds_every_module_and_no_tests(built: Path) -> None:
    names = set(contents(next(built.glob("*.whl"))))
    package = ROOT / "evosim"
    paths = {*package.rglob("*.py*"), *package.glob("*/*.py*")}  # links too
    modules = {str(path.relative_to(ROOT)) for path in paths}
    modules = {name for name in modules if name.endswith((".py", ".pyi"))}
    assert {"evosim/scenario/__init__.pyi", "evosim/benchmarks/command.py"} <= modules
    assert modules <= names
    assert {"evosim/py.typed", "evosim/benchmarks/plan.c"} <= names
    assert {"evosim/_glossary.md", "evosim/gallery/lessons.toml"} <= names
    web = {str(p.relative_to(ROOT)) for p in (package / "web").rglob("*.*") if p.suffix != ".pyc"}
    assert "evosim/web/static/uPlot.LICENSE" in web
    assert web <= names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


def test_types_resolve_in_an_editable_install(tree: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    venv.create(place)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    command(*pip, "install", "--quiet", "--no-deps", "--editable", tree, cwd=tmp_path)
    (tmp_path / "user.py").write_text(
        "import evosim\n"
        'reveal_type(evosim.run("contraception", seed=1))\n'
        'reveal_type(evosim.check("strawberry"))\n'
        "evosim.run(3.5)\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", python, "user.py"],
        cwd=tmp_path, env=without_the_tree(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    first, second, third, *rest = checked.stdout.splitlines()
    assert first.endswith('Revealed type is "evosim.api.runs.Run"'), checked.stdout
    assert second.endswith('Revealed type is "evosim.scenario.schema.Scenario"')
    assert third.startswith("user.py:4: error:")
    assert len(rest) == 1


def test_an_installed_wheel_runs_without_the_tree(installed: Path, tmp_path: Path) -> None:
    where = "import evosim; print(evosim.__file__)"
    package = Path(command(installed / "python", "-c", where, cwd=tmp_path).strip())
    assert package.is_relative_to(installed.parent)


def test_an_installed_wheel_has_the_same_commands_and_catalogue(
    installed: Path, tmp_path: Path
) -> None:
    tool = installed / "evosim"
    ours = [sys.executable, "-m", "evosim"]
    assert command(tool, "--help", cwd=tmp_path) == command(*ours, "--help", cwd=tmp_path)
    listed = command(tool, "list", cwd=tmp_path)
    ids_and_verdicts = [line.split()[:2] for line in listed.splitlines()]
    own = command(*ours, "list", cwd=tmp_path)  # its times are of this moment
    assert ids_and_verdicts == [line.split()[:2] for line in own.splitlines()]
    for path in (ROOT / "scenarios").glob("*.toml"):
        assert path.stem in listed


def test_an_installed_wheel_checks_and_runs_a_scenario(installed: Path, tmp_path: Path) -> None:
    tool = installed / "evosim"
    command(tool, "check", "contraception", cwd=tmp_path)
    small = ["evolution.population=8", "evolution.levels=1", "measure.levels=1", "measure.sample=2"]
    sets = [word for pair in small for word in ("--set", pair)]
    command(tool, "run", "foraging", "--quiet", "--out", "run", *sets, cwd=tmp_path)
    assert (tmp_path / "run" / "run.nc").is_file()
    assert (tmp_path / "run" / "summary.json").is_file()
    # The page's scripts and templates are no modules: they have to be packaged by name.
    command(tool, "report", "run", cwd=tmp_path)
    assert (tmp_path / "run" / "report.html").is_file()
