"""What all commands have in common, as docs/command-line.md says it."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

import evosim
from evosim.cli import cli
from evosim.cli.options import Exit
from evosim.errors import EvosimError
from evosim.starter import starter, starter_study

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "command-line.md").read_text()
SMALL = (
    "evolution.population=6", "evolution.levels=1", "measure.levels=1", "measure.sample=2",
    "timeline.0.generations=2", "timeline.1.generations=2", "verdict.resamples=20",
)  # fmt: skip
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs a command in this process, in tmp_path."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if re.match("EVOSIM_(?!THREADS|CACHE_DIR)", name)]:
        monkeypatch.delenv(name)

    def call(*words: object, **more: Any) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], prog_name="evosim", **more)

    return call


# ------------------------------------------------------------------ exit codes


def test_the_exit_codes_are_told_by_the_help_and_the_page(invoke: Invoke) -> None:
    shown = invoke("--help").stdout
    for code in Exit:
        assert f"{int(code):5}  {code.meaning}\n" in shown
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(int(code)), code.meaning) for code in Exit]


def test_every_exit_code_is_as_the_table_says(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong.toml").write_text("x = 3\n")
    assert invoke("check", "strawberry").exit_code == Exit.DONE == 0
    assert invoke("check", "strawberry", "wrong.toml").exit_code == Exit.FAILED == 1
    assert invoke("run", "wrong.toml").exit_code == Exit.MISTAKE == 2
    assert invoke("run", "--no-such-option").exit_code == Exit.MISTAKE

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evosim, "run", stopped)
    assert invoke("run", "strawberry").exit_code == Exit.STOPPED == 130


# ------------------------------------------------------------------ standard input


def test_a_scenario_is_read_from_standard_input(invoke: Invoke) -> None:
    text = starter("mine")
    checked = invoke("check", "-", input=text)
    assert checked.exit_code == 0
    assert checked.stdout.splitlines()[0] == "<stdin>: ok"
    shown = invoke("show", "-", "--set", "evolution.population=77", input=text)
    assert shown.exit_code == 0, shown.output
    assert "When sweet things stop feeding" in shown.stdout
    assert "77" in shown.stdout
    sets = [word for pair in SMALL for word in ("--set", pair)]
    ran = invoke("run", "-", "--quiet", "--no-figures", "--out", "run", *sets, input=text)
    assert ran.exit_code == 0, ran.output
    assert evosim.open_run("run").scenario.id == "mine"


def test_mistakes_on_standard_input_are_told_with_their_lines(invoke: Invoke) -> None:
    text = starter("mine")
    at = next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith("[world]"))
    wrong = text.replace("[world]", "[world]\nno_such_key = 1", 1)
    for command in ("check", "show", "run", "sham"):
        refused = invoke(command, "-", input=wrong)
        assert refused.exit_code == (Exit.FAILED if command == "check" else Exit.MISTAKE)
        assert refused.stderr.startswith(f"<stdin>:{at + 1}: world.no_such_key: ")
    assert "<stdin>:1: not UTF-8 text" in invoke("check", "-", input=b"\xff = 1").stderr
    assert "<stdin>: too large" in invoke("check", "-", input=b"#" * (2**20 + 1)).stderr


# ------------------------------------------------------------------ JSON


def test_list_prints_the_catalogue_as_json(invoke: Invoke) -> None:
    found = json.loads(invoke("list", "--json").stdout)
    assert [one["id"] for one in found] == list(evosim.catalogue())
    one = next(one for one in found if one["id"] == "strawberry")
    assert one["title"] == evosim.load("strawberry").title
    assert one["question"] == evosim.load("strawberry").question
    assert one["verdict"] in ("supported", "refuted", "undecided")
    assert one["seconds"] > 0
    assert "flip" in one["tags"][0]
    studies = json.loads(invoke("study", "list", "--json").stdout)
    assert "drift_population" in [one["id"] for one in studies]


def test_check_prints_what_it_found_as_json(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(starter("mine").replace("[world]", "[world]\nx = 1", 1))
    (tmp_path / "noted.toml").write_text(starter("mine"))
    found = invoke("check", "--json", "wrong.toml", "noted.toml", "no_such")
    assert found.exit_code == 1
    assert found.stderr == ""
    wrong, noted, missing = json.loads(found.stdout)
    assert (wrong["file"], wrong["ok"]) == ("wrong.toml", False)
    assert [(one["file"], one["key"]) for one in wrong["problems"]] == [("wrong.toml", "world.x")]
    assert wrong["problems"][0]["line"] > 1
    assert noted["ok"]
    assert noted["problems"] == []
    assert noted["takes"]["states"] == 150
    assert "no such scenario" in missing["problems"][0]["message"]


def test_notes_are_in_the_json_with_their_lines(invoke: Invoke, tmp_path: Path) -> None:
    plain = invoke("check", "power_star").stdout
    found = json.loads(invoke("check", "power_star", "--json").stdout)
    assert len(found[0]["notes"]) == plain.count(": note: ")


def test_show_prints_a_scenario_and_a_run_as_json(invoke: Invoke) -> None:
    shown = json.loads(invoke("show", "strawberry", "--json", "--set", "world.slip=0.25").stdout)
    assert shown["scenario"]["world"]["slip"] == 0.25
    assert evosim.Scenario.from_dict(shown["scenario"]).id == "strawberry"
    assert shown["takes"]["states"] == 98
    run = evosim.run("contraception", seed=1, settings=SMALL, out="run", figures=False)
    assert json.loads(invoke("show", "run", "--json").stdout) == run.summary


# ------------------------------------------------------------------ environment variables


def options_of(
    command: click.Command, *words: str
) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """All options of a command and of those below it, with the words of their commands."""
    for option in command.params:
        if isinstance(option, click.Option):
            yield words, option
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from options_of(below, *words, name)


def test_every_option_has_a_variable_that_is_called_like_what_is_typed() -> None:
    names = []
    for words, option in options_of(cli):
        if option.name == "version":
            assert option.envvar is None  # EVOSIM_VERSION may well be set, and not for evosim
            continue
        long = max(option.opts, key=len).removeprefix("--").replace("-", "_")
        name = "_".join(["EVOSIM", *words, long]).upper()
        assert name in option.envvar
        names.append(name)
    assert len(names) == len(set(names)) > 100
    assert not {"EVOSIM_THREADS", "EVOSIM_CACHE_DIR"} & set(names)
    for name in re.findall(r"`(EVOSIM_\w+)=", PAGE):
        assert name in names


def test_variables_stand_for_options_and_are_recorded(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "EVOSIM_RUN_SET": " ".join(SMALL),
        "EVOSIM_RUN_SEED": "5",
        "EVOSIM_RUN_OUT": "from_variable",
        "EVOSIM_RUN_NO_FIGURES": "1",
        "EVOSIM_RUN_QUIET": "1",
    }
    typed = ["run", "contraception", "--out", "typed"]
    monkeypatch.setattr(sys, "argv", ["evosim", *typed])
    done = invoke(*typed, env=variables)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    run = evosim.open_run("typed")  # what is typed wins
    assert run.seed == 5
    assert run.scenario.evolution.population == 6
    command = run.manifest["command"]
    assert command.endswith(" evosim run contraception --out typed")
    assigned = dict(word.split("=", 1) for word in shlex.split(command)[:4])
    del variables["EVOSIM_RUN_OUT"]
    assert assigned == variables


def test_a_wrong_value_of_a_variable_is_refused_by_the_name_of_the_variable(
    invoke: Invoke,
) -> None:
    refused = invoke("run", "contraception", env={"EVOSIM_RUN_SEED": "many"})
    assert refused.exit_code == Exit.MISTAKE
    assert "Invalid value for EVOSIM_RUN_SEED: 'many'" in refused.stderr
    typed = invoke("run", "contraception", "--seed", "few", env={"EVOSIM_RUN_SEED": "many"})
    assert "Invalid value for '--seed': 'few'" in typed.stderr
    assert invoke("list", env={"EVOSIM_VERSION": "x", "EVOSIM_RUN_SEED": "many"}).exit_code == 0


# ------------------------------------------------------------------ completion


@pytest.mark.parametrize(
    ("words", "incomplete", "wanted"),
    [
        (["run"], "straw", ["strawberry"]),
        (["check", "strawberry"], "contra", ["contraception", "contraception_frozen"]),
        (["show"], "no_such", []),
        (["study", "run"], "drift", ["drift_population"]),
    ],
)
def test_shells_complete_ids_and_files(words: list[str], incomplete: str, wanted: list) -> None:
    found = ShellComplete(cli, {}, "evosim", "_EVOSIM_COMPLETE").get_completions(words, incomplete)
    assert [one.value for one in found if one.type == "plain"] == wanted
    assert [one.value for one in found if one.type == "file"] == [incomplete]


def test_the_completion_of_the_page_is_a_script(tmp_path: Path) -> None:
    shells = re.findall(r"_EVOSIM_COMPLETE=(\w+)_source evosim", PAGE)
    assert shells == ["bash", "zsh", "fish"]
    for shell in shells[1:]:  # click asks a bash for its version, which need not be there
        shown = CliRunner().invoke(
            cli, [], prog_name="evosim", env={"_EVOSIM_COMPLETE": f"{shell}_source"}
        )
        assert shown.exit_code == 0
        assert "_EVOSIM_COMPLETE=" in shown.stdout


# ------------------------------------------------------------------ the log


def test_verbose_says_on_stderr_what_is_done(invoke: Invoke) -> None:
    words = ["run", "contraception", "--seed", "1", "--quiet", "--no-figures"]
    sets = [word for pair in SMALL for word in ("--set", pair)]
    silent = invoke(*words, *sets, "--out", "a")
    assert silent.output == ""
    told = invoke(*words, *sets, "--out", "b", "-v")
    assert told.stdout == ""
    assert "evosim.execution.runner: b/summary.json is written" in told.stderr
    assert "mean score" not in told.stderr
    detailed = invoke("-vv", *words, *sets, "--out", "c", "-v")
    assert detailed.stderr.count("c/summary.json is written") == 1
    assert detailed.stderr.count("mean score") == 4
    assert invoke(*words, *sets, "--out", "d").output == ""  # and silent again


def test_the_logger_is_silent_until_it_is_asked_for(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert any(isinstance(one, logging.NullHandler) for one in logging.getLogger("evosim").handlers)
    caplog.set_level(logging.INFO, "evosim")
    evosim.run("contraception", seed=1, settings=SMALL, out=tmp_path / "run", figures=False)
    assert f"{tmp_path / 'run' / 'summary.json'} is written" in caplog.messages


# ------------------------------------------------------------------ pre-commit


def test_the_hooks_of_pre_commit_check_scenarios_and_studies(tmp_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == re.findall(r"- id: ([\w-]+)", PAGE)
    for hook, folder, text in zip(
        hooks, ("scenarios", "studies"), (starter("mine"), starter_study("mine")), strict=True
    ):
        files = [f"{folder}/mine.toml", f"{folder}/wrong.toml"]
        (tmp_path / folder).mkdir()
        (tmp_path / files[0]).write_text(text)
        (tmp_path / files[1]).write_text("x = 3\n")
        assert all(re.search(hook["files"], name) for name in files)
        assert not re.search(hook["files"], "pyproject.toml")
        program, *words = shlex.split(hook["entry"])
        assert program == "evosim"
        for named, code in ((files[:1], 0), (files, 1)):
            done = subprocess.run(
                [sys.executable, "-m", "evosim", *words, *named],
                cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == code, done.stderr
        assert f"{files[1]}:1: " in done.stderr


# ------------------------------------------------------------------ systems


def test_windows_is_refused_in_one_sentence(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    refused = invoke("list")
    assert refused.exit_code == Exit.MISTAKE
    assert refused.stdout == ""
    assert refused.stderr == (
        "Error: evosim runs on Linux and macOS. On Windows, run it in the Windows Subsystem for "
        "Linux (WSL)\n"
    )
    with pytest.raises(EvosimError, match="runs on Linux and macOS"):
        evosim.__getattr__("run")  # asked for the first time
    assert invoke("--help").exit_code == 0
