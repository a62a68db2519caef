"""Whatever the public functions are given, they use it or say in words what they need."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim.errors import EvosimError
from evosim.testing import TINY, tiny

VALUES: dict[str, Any] = {
    "an integer of numpy": np.int64(1),
    "a float of numpy": np.float64(1.0),
    "a float": 1.0,
    "half": 1.5,
    "True": True,
    "a bool of numpy": np.bool_(True),
    "a digit": "1",
    "a setting": "a=b",
    "a format": "png",
    "an empty text": "",
    "bytes": b"x",
    "None": None,
    "a list of a number": [1],
    "a list of None": [None],
    "a mapping": {1: 2},
    "an object": object(),
    "no number": float("nan"),
    "a negative number": -1,
    "a large number": 2**70,
    "an array": np.array([1, 2]),
    "a text of numpy": np.str_("x"),
    "a NUL": "a\0b",
}
RUNS = "run", "experiment", "fork", "run_study"
"""What takes long where it is accepted."""


class Shelf:
    """What the functions are called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tiny.toml").write_text(TINY)
        self.scenario = tiny()
        self.run = evosim.run(self.scenario, seed=1, out=folder / "a", figures=False, workers=1)
        self.other = evosim.run(self.scenario, seed=2, out=folder / "b", figures=False, workers=1)
        self.analysed = evosim.analyse(self.run, "heredity")
        self.compared = evosim.compare([self.run, self.other])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


Call = Callable[..., object]


def calls(on: Shelf) -> dict[str, tuple[Call, Callable[..., object], dict[str, Any]]]:
    """By name: how it is called, what has the signature, and arguments that are right."""
    first = next(evosim.iterate(on.scenario, 1))
    quick = {"figures": False, "workers": 1}
    return {
        "run": (evosim.run, evosim.run, {"scenario": on.scenario, "seed": 1, **quick}),
        "experiment": (evosim.experiment, evosim.experiment, {"scenario": "strawberry", **quick}),
        "run_study": (evosim.run_study, evosim.run_study,
                      {"source": "drift_population", **quick}),
        "fork": (evosim.fork, evosim.fork, {"path": on.run, "at": 4, **quick}),
        "resume": (evosim.resume, evosim.resume, {"path": on.run, "workers": 1}),
        "simulate": (evosim.simulate, evosim.simulate,
                     {"scenario": on.scenario, "seed": 1, "probes": False}),
        "iterate": (lambda **k: next(evosim.iterate(**k)), evosim.iterate,
                    {"scenario": on.scenario, "seed": 1}),
        "flip": (first.flip, evosim.Generation.flip, {"train": "after"}),
        "open_run": (evosim.open_run, evosim.open_run, {}),
        "open_study": (evosim.open_study, evosim.open_study, {}),
        "open_experiment": (evosim.open_experiment, evosim.open_experiment, {}),
        "check": (evosim.check, evosim.check, {"source": on.scenario}),
        "load": (evosim.load, evosim.load, {"source": on.folder / "tiny.toml"}),
        "analyse": (evosim.analyse, evosim.analyse, {"run": on.run, "name": "leakage"}),
        "measure_policy": (
            evosim.measure_policy, evosim.measure_policy,
            {"policy": np.zeros(on.scenario.world.n_states, int), "scenario": on.scenario,
             "obs": "state", "levels": 1, "stances": False, "lifetimes": 2},
        ),
        "stress": (evosim.stress, evosim.stress, {"run": on.run, "budget": 2, "keys": ["slip"]}),
        "compare": (evosim.compare, evosim.compare, {"runs": [on.run, on.other]}),
        "export_courses": (evosim.export_courses, evosim.export_courses,
                           {"source": on.run, "path": "c.csv"}),
        "export_tensors": (evosim.export_tensors, evosim.export_tensors,
                           {"source": on.run, "path": "c.npz"}),
        "tensors": (evosim.tensors, evosim.tensors, {"source": on.run}),
        "drives": (evosim.drives, evosim.drives, {"run": on.run}),
        "gym.make": (lambda **k: evosim.gym.make(**k).reset(), evosim.gym.make,
                     {"source": on.scenario, "levels": 2}),
        "gym.make_vec": (lambda **k: evosim.gym.make_vec(**k).reset(), evosim.gym.make_vec,
                         {"source": on.scenario, "levels": 2}),
        "gym.level_seed": (evosim.gym.level_seed, evosim.gym.level_seed, {"number": 1}),
        "export_trees": (evosim.export_trees, evosim.export_trees,
                         {"run": on.run, "path": "c.trees"}),
        "report": (evosim.report, evosim.report, {"source": on.run, "out": "c.html"}),
        "replay": (on.run.replay, evosim.Run.replay, {"out": "c.gif"}),
        "figure": (on.run.figure, evosim.Run.figure, {"name": "genes"}),
        "plot": (lambda **k: on.run.plot("genes", **k), type(on.run.plot).__call__,
                 {"folder": "p", "formats": ["svg"]}),
        "Analysed.plot": (on.analysed.plot, evosim.Analysed.plot, {"formats": ["svg"]}),
        "Comparison.plot": (on.compared.plot, evosim.Comparison.plot, {}),
        "environment": (on.scenario.environment, evosim.Scenario.environment, {}),
        "phase_at": (on.scenario.phase_at, evosim.Scenario.phase_at, {}),
        "objective_at": (on.scenario.objective_at, evosim.Scenario.objective_at, {}),
        "mixture_at": (on.scenario.mixture_at, evosim.Scenario.mixture_at, {}),
        "from_dict": (evosim.Scenario.from_dict, evosim.Scenario.from_dict, {}),
    }  # fmt: skip


NAMES = (
    "run", "experiment", "run_study", "fork", "resume", "simulate", "iterate", "flip", "open_run",
    "open_study", "open_experiment", "check", "load", "analyse", "measure_policy", "stress",
    "compare", "export_courses", "export_tensors", "tensors", "drives", "gym.make", "gym.make_vec",
    "gym.level_seed", "export_trees", "report", "replay", "figure", "plot",
    "Analysed.plot", "Comparison.plot", "environment", "phase_at", "objective_at", "mixture_at",
    "from_dict",
)  # fmt: skip


def test_every_public_function_is_among_them(shelf: Shelf) -> None:
    assert tuple(calls(shelf)) == NAMES
    functions = {name for name in evosim.__all__ if inspect.isfunction(getattr(evosim, name))}
    decorators = {"metric", "figure", "analysis", "operator", "optimizer"}
    assert functions - decorators - {"catalogue"} <= set(NAMES)


class BegunError(Exception):
    """What was accepted would now take long."""


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_used_or_refused_in_words(
    name: str, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in RUNS:  # all arguments are checked before anything is run

        def begun(*_: object, **__: object) -> None:
            raise BegunError

        monkeypatch.setattr("evosim.api.running._complete", begun)
        monkeypatch.setattr("evosim.api.collections.Collection._complete", begun)
        monkeypatch.setattr("evosim.study.experiment.ExperimentFolder.create", begun)
        monkeypatch.setattr("evosim.study.folder.StudyFolder.create", begun)
    call, function, right = calls(shelf)[name]
    parameters = [p for p in inspect.signature(function).parameters if p not in ("self", "names")]
    wrong = []
    for parameter in parameters:
        for what, value in VALUES.items():
            try:
                call(**{**right, parameter: value})
            except (EvosimError, BegunError):
                pass
            except Exception as error:
                wrong.append(f"{parameter}: {what}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)


def test_integers_of_numpy_are_integers(shelf: Shelf) -> None:
    for generation in shelf.run.data["generation"].values[:2]:
        assert isinstance(generation, np.integer)
        drawn = shelf.run.replay(generation=generation, out=f"{generation}.gif")
        assert drawn is not None
        assert shelf.scenario.phase_at(generation).generations == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seed": 3.0}, "seed=3.0: not a seed"),
        ({"settings": "a=b"}, "a=b"),
        ({"settings": 3}, "settings=3: a mapping of keys to values is needed, or a list"),
        ({"figures": "flip"}, 'figures="flip": True or False is needed, or a list of names'),
        ({"progress": "no"}, 'progress="no": True or False is needed'),
        ({"on_generation": 3}, "on_generation=3: a function is needed"),
        ({"command": 3}, "command=3: a text is needed"),
        ({"scenario": 3}, "3: not a scenario"),
        ({"replicates": 2**70}, f"replicates={2**70}: too large"),
        ({"out": b"a"}, "b'a': not a path"),
    ],
)
def test_a_run_says_what_it_needs(given: dict[str, Any], said: str, shelf: Shelf) -> None:
    with pytest.raises(EvosimError) as raised:
        evosim.run(**{"scenario": shelf.scenario, "seed": 1, **given})
    assert said in str(raised.value)
    assert not list(Path().iterdir())


def test_a_text_is_not_taken_apart(shelf: Shelf) -> None:
    for call in (shelf.run.plot, shelf.analysed.plot):
        with pytest.raises(EvosimError, match=r'^formats="png": a list of texts is needed'):
            call(formats="png")
    with pytest.raises(EvosimError, match=r'^measures="lived": a list of texts is needed'):
        evosim.export_courses(shelf.run, "a.csv", measures="lived")
