"""Examples in docstrings: what they show is what happens, and no public function is without one."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest

import evosim

PACKAGE = Path(evosim.__file__).parent
pytestmark = pytest.mark.xdist_group("examples")  # which share a folder

SMALL = {
    "evolution.population": 16,
    "evolution.levels": 1,
    "measure.levels": 1,
    "measure.sample": 4,
    "timeline.0.generations": 3,
    "timeline.1.generations": 2,
    "verdict.resamples": 50,
}
STUDY = """
id = "small"
title = "A small study"
question = "Does patience keep an agent aligned?"
scenario = "contraception"
set = [{sets}]
design = "grid"
replicates = 2
seed = 1
[parameters.patience]
label = "patience"
key = "agent.patience"
values = [0.8, 0.9]
[measures.alignment]
label = "alignment"
measure = "alignment"
"""


def modules() -> list[str]:
    """The modules of evosim with an example in them."""
    found = []
    for path in sorted({*PACKAGE.rglob("*.py"), *PACKAGE.glob("*/*.py")}):
        if ">>> " in path.read_text(encoding="utf-8"):
            name = ".".join(("evosim", *path.relative_to(PACKAGE).with_suffix("").parts))
            found.append(name.removesuffix(".__init__"))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what examples speak of: two runs, an experiment, a study and its file."""
    folder = tmp_path_factory.mktemp("examples")
    sets = ", ".join(f'"{key}={value}"' for key, value in SMALL.items())
    (folder / "small.toml").write_text(STUDY.format(sets=sets))
    quick = {"workers": 1, "figures": False, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for seed in (1, 2):
            evosim.run("contraception", seed=seed, replicates=2, settings=SMALL, **quick)
        evosim.run_study("small.toml", **quick)
        evosim.experiment(
            "strawberry", seed=1, replicates=2, settings={**SMALL, "measure.sample": 16}, **quick
        )
    return folder


@pytest.mark.parametrize("name", modules())
@pytest.mark.usefixtures("registries_restored")
def test_examples_show_what_happens(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    text: list[str] = []
    runner = doctest.DocTestRunner(optionflags=flags)
    for example in doctest.DocTestFinder().find(import_module(name)):
        runner.run(example, out=text.append)
    assert not runner.failures, "".join(text)
    assert runner.tries


def public() -> Iterator[tuple[str, object]]:
    """The public names, and the methods and properties of the classes among them."""
    for name in evosim.__all__:
        thing = getattr(evosim, name)
        if isinstance(thing, str):
            continue
        yield name, thing
        if inspect.isclass(thing):
            for inner, member in vars(thing).items():
                if isinstance(member, classmethod):
                    member = member.__func__
                is_explained = isinstance(member, FunctionType | property | cached_property)
                if is_explained and not inner.startswith("_"):
                    yield f"{name}.{inner}", member


def test_every_public_function_is_explained_with_an_example() -> None:
    lacking = []
    for name, thing in public():
        text = inspect.getdoc(thing) or ""
        assert text, f"{name} has no docstring"
        if isinstance(thing, FunctionType | type) and ">>> " not in text:
            lacking.append(name)
    assert not lacking, lacking
