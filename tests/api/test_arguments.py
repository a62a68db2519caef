"""What the public functions say of arguments that they cannot use, and the numbers of numpy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

import evosim
from evosim.cli import cli
from evosim.cli.options import as_error
from evosim.errors import Command, EvosimError, RunError

SMALL = {
    "evolution.population": 16,
    "evolution.levels": 1,
    "measure.levels": 1,
    "measure.sample": 16,
    "timeline.0.generations": 2,
    "timeline.1.generations": 2,
    "verdict.resamples": 20,
}
STUDY = """
id = "s"
title = "s"
question = "?"
scenario = "strawberry"
set = [{sets}]
design = "grid"
replicates = 1
seed = 1
[parameters.patience]
label = "patience"
key = "agent.patience"
values = [0.8, 0.9]
[measures.alignment]
label = "alignment"
measure = "alignment"
"""
WHOLE = "a whole number of at least"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    out = tmp_path_factory.mktemp("whole") / "run"
    return evosim.run("strawberry", seed=1, settings=SMALL, out=out, figures=False)


def test_numbers_of_numpy_are_numbers(whole: evosim.Run, tmp_path: Path) -> None:
    one = np.int64(1)
    run = evosim.run(
        "strawberry", seed=one, replicates=one, workers=one, settings=SMALL, out=tmp_path / "a",
        figures=False,
    )  # fmt: skip
    assert run.data.identical(whole.data) or run.data.equals(whole.data)
    data = evosim.simulate("strawberry", one, settings=SMALL, replicates=one, probes=False)
    np.testing.assert_array_equal(data["score"].values, whole.data["score"].values)
    of_numpy = next(evosim.iterate("strawberry", 1, settings=SMALL, replicate=one))
    of_python = next(evosim.iterate("strawberry", 1, settings=SMALL, replicate=1))
    np.testing.assert_array_equal(of_numpy.scores, of_python.scores)
    drawn = run.replay(
        individual=one, generation=one, level=np.int32(0), replicate=np.int64(0),
        out=tmp_path / "a.gif",
    )  # fmt: skip
    plain = run.replay(individual=1, generation=1, out=tmp_path / "b.gif")
    assert drawn is not None
    assert plain is not None
    assert drawn.read_bytes() == plain.read_bytes()
    fork = run.fork(one, seed=2, out=tmp_path / "fork", figures=False)
    assert fork.manifest["parent"]["at"] == 1


@pytest.mark.parametrize("value", [1.5, True, "1", 0])
@pytest.mark.parametrize("name", ["replicates", "workers"])
@pytest.mark.parametrize("function", [evosim.run, evosim.experiment, evosim.run_study])
def test_what_is_no_number_of_runs_or_processes_is_refused(
    function: Callable[..., object], name: str, value: object, tmp_path: Path
) -> None:
    source = "depth_cost_detours" if function is evosim.run_study else "strawberry"
    with pytest.raises(EvosimError) as raised:
        function(source, out=tmp_path / "a", **{name: value})
    given = '"1"' if value == "1" else str(value)
    assert str(raised.value) == f"{name}={given}: {WHOLE} 1 is needed"
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"replicates": None}, f"replicates=None: {WHOLE} 1"),
        ({"figures": "no"}, 'figures="no": True or False'),
        ({"checkpoint": "x"}, 'checkpoint="x": a number of seconds of at least 0'),
        ({"checkpoint": float("nan")}, "checkpoint=nan: a number of seconds"),
        ({"checkpoint": -1}, "checkpoint=-1: a number of seconds"),
    ],
)
def test_a_run_refuses_what_it_cannot_use(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(EvosimError, match=re.escape(said)):
        evosim.run("strawberry", out=tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("value", [1.5, "1", None, False])
def test_in_memory_as_well(value: Any) -> None:
    with pytest.raises(EvosimError, match=f"replicates=.*: {WHOLE} 1"):
        evosim.simulate("strawberry", replicates=value)
    with pytest.raises(EvosimError, match=f"replicate=.*: {WHOLE} 0"):
        evosim.iterate("strawberry", replicate=value)


def test_what_is_done_with_a_run_refuses_what_is_no_number(
    whole: evosim.Run, tmp_path: Path
) -> None:
    file = tmp_path / "a.npz"
    cases: list[tuple[str, Callable[[], object]]] = [
        ("at=1.5", lambda: whole.fork(1.5)),  # type: ignore[arg-type]
        ("workers=1.5", lambda: evosim.resume(whole, workers=1.5)),  # type: ignore[arg-type]
        ("generation=-1", lambda: whole.replay(generation=-1)),
        ("level=1.5", lambda: whole.replay(level=1.5)),  # type: ignore[arg-type]
        ("replicate=None", lambda: whole.replay(replicate=None)),  # type: ignore[arg-type]
        ("individual=None", lambda: whole.replay(individual=None)),  # type: ignore[arg-type]
        ("replicate=0.0", lambda: evosim.analyse(whole, "distances", replicate=0.0)),  # type: ignore[arg-type]
        ("generation=1.5", lambda: evosim.export_tensors(whole, file, generation=1.5)),  # type: ignore[arg-type]
        ("replicate=-1", lambda: evosim.export_trees(whole, "a.trees", replicate=-1)),
    ]  # fmt: skip
    for said, call in cases:
        with pytest.raises(EvosimError, match=f"^{re.escape(said)}: {WHOLE} [01] is needed"):
            call()
    with pytest.raises(EvosimError, match=r"x\.png: a replay is written as \.gif"):
        whole.replay(out=tmp_path / "x.png")


def test_a_generation_before_the_first_is_refused_at_the_command_line(whole: evosim.Run) -> None:
    done = CliRunner().invoke(cli, ["replay", str(whole.path), "--generation", "-1"])
    assert done.exit_code == 2
    assert done.stderr == f"Error: --generation -1: {WHOLE} 0 is needed\n"


def test_a_single_run_and_a_text_are_no_runs_to_compare(whole: evosim.Run) -> None:
    for one in (whole, str(whole.path), whole.path, 3, None):
        with pytest.raises(EvosimError, match=r"runs to compare: .* is not a list of runs"):
            evosim.compare(one)  # type: ignore[arg-type]


def test_a_figure_and_an_analysis_have_a_name(whole: evosim.Run) -> None:
    with pytest.raises(EvosimError, match=r"unknown figure None: known: .*flip, genes"):
        whole.figure(None)  # type: ignore[arg-type]
    with pytest.raises(EvosimError, match=r"unknown analysis None: known: .*leakage"):
        evosim.analyse(whole, None)  # type: ignore[arg-type]


def test_the_flip_of_an_unfinished_run_is_ahead(tmp_path: Path) -> None:
    run = evosim.run(
        "strawberry", seed=1, settings=SMALL, out=tmp_path / "a", figures=False, workers=1,
        on_generation=lambda replicate, generation, score: generation == 1,
    )  # fmt: skip
    assert not run.complete
    with pytest.raises(EvosimError, match="flip at generation 2 is not reached yet"):
        run.figure("flip")


def test_a_study_is_not_run_as_a_scenario() -> None:
    said = "depth_cost_detours is a study, not a scenario; run it with: "
    with pytest.raises(EvosimError) as raised:
        evosim.run("depth_cost_detours")
    assert str(raised.value) == said + 'evosim.run_study("depth_cost_detours")'
    done = CliRunner().invoke(cli, ["run", "depth_cost_detours"])
    assert done.exit_code == 2
    assert done.stderr == f"Error: {said}evosim study run depth_cost_detours\n"


def test_a_command_is_a_function_in_python_and_typed_at_the_command_line() -> None:
    assert str(Command("resume", Path("a b"))) == 'evosim.resume("a b")'
    assert str(Command("study resume", "a")) == 'evosim.resume("a")'
    assert str(Command("study run")) == "evosim.run_study"
    assert Command("resume", Path("a b")).line == "evosim resume 'a b'"
    assert Command("study run").line == "evosim study run"
    with click.Context(cli):
        assert as_error(RunError("go on: ", Command("resume", "it's"), "; or not")) == (
            "Error: go on: evosim resume 'it'\"'\"'s'; or not"
        )


def test_a_stop_says_how_to_go_on_in_python_and_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = evosim.Interrupted(tmp_path, "stopped. Continue with: ", Command("resume", "a b"))
    assert str(stop) == 'stopped. Continue with: evosim.resume("a b")'

    def stopped(*_: object, **__: object) -> None:
        raise stop

    monkeypatch.setattr(evosim, "resume", stopped, raising=False)
    done = CliRunner().invoke(cli, ["resume", "a b"])
    assert done.exit_code == 130
    assert done.stderr == "stopped. Continue with: evosim resume 'a b'\n"


def test_a_folder_that_is_gone_is_said_to_be_gone(whole: evosim.Run, tmp_path: Path) -> None:
    sets = ", ".join(f'"{key}={value}"' for key, value in SMALL.items())
    (tmp_path / "s.toml").write_text(STUDY.format(sets=sets))
    shutil.copytree(whole.path, tmp_path / "run")
    options: dict[str, Any] = {"workers": 1, "figures": False, "progress": False}
    run = evosim.open_run(tmp_path / "run")
    done = evosim.experiment(
        "strawberry", seed=1, replicates=1, settings=SMALL, out=tmp_path / "arms", **options
    )
    study = evosim.run_study(tmp_path / "s.toml", out=tmp_path / "study", **options)
    assert study.figure() is not None
    for one in (run, done, study):
        shutil.rmtree(one.path)
        gone = f"{one.path}: the folder is no longer there"
        assert "the folder is no longer there" in repr(one)
        assert "the folder is no longer there" in one._repr_html_()
        for name in ("data", "summary", "verdict", "table", "text", "counts"):
            if name not in dir(one):
                continue
            with pytest.raises(RunError, match=f"^{re.escape(gone)}$"):
                getattr(one, name)


def test_of_several_wrong_arguments_the_first_is_told() -> None:
    code = (
        "import evosim\n"
        "wrong = dict(progress='no', force='no', settings=1, command=2, scheduler=3)\n"
        "try: evosim.run('contraception', **wrong)\n"
        "except evosim.EvosimError as error: print(error)\n"
    )
    for seed in ("1", "2", "3"):  # sets of texts have another order by the seed of hashes
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.startswith("settings=1: a mapping")
