"""Errors of the library speak Python; the command line turns them into its own options."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import evosim
import evosim.gym
from evosim.api._arguments import seed_of
from evosim.cli import cli
from evosim.cli.options import as_error, named_options
from evosim.errors import Argument, EvosimError, RunError
from evosim.scenario.settings import as_texts

PACKAGE = Path(evosim.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
SPEAK_OPTIONS = {"cli", "bench"}
COMMAND_LINES = {
    "explain.py": {"--set"},  # in its docstrings: a key as it is typed
    "starter.py": {"--out"},  # in a comment of the file: the command for its schema
    "gallery/record.py": {"--arms", "--tuned", "--seed"},  # the command that a page shows
    "study/folder.py": {"--set", "--seed"},  # the command that lives one run
    "execution/dask.py": {"--nthreads"},  # of Dask
    "web/lab.py": {"--out", "--quiet"},  # the commands that make a report
    "web/page.py": {"--font", "--mono"},  # properties of a style sheet
    "web/session.py": {"--out", "--seed", "--set"},  # the command that repeats a session
}
"""Options that stand in whole command lines, by file."""


def below_the_commands() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.split("/")[0] not in SPEAK_OPTIONS:
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def test_no_text_below_the_commands_holds_an_option() -> None:
    for name, tree in below_the_commands():
        found = {
            option
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            for option in OPTION.findall(node.value)
        }
        assert found <= COMMAND_LINES.get(name, set()), f"{name} speaks of {sorted(found)}"


def test_no_text_below_the_commands_says_how_to_resume_as_a_command() -> None:
    for name, tree in below_the_commands():
        if name == "scenario/shipped.py":  # a problem of a file, which is one text
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.search(r"evosim (study )?resume", node.value), name


def test_every_argument_that_errors_name_is_one_that_is_given() -> None:
    """An option of a command; or an argument of what has none, as it is given in Python alone."""
    in_python = (
        evosim.measure_policy, evosim.gym.make, evosim.gym.make_vec, evosim.gym.Environment.reset,
    )  # fmt: skip
    given = {name for one in in_python for name in signature(one).parameters}
    options = {*named_options(cli), *given}
    names = [
        (file, node.args[0].value)
        for file, tree in below_the_commands()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Argument"
        if isinstance(node.args[0], ast.Constant)
    ]
    assert len(names) > 20
    for file, name in names:
        assert name in options, f"{file}: {name}"


def all_options(command: click.Command) -> Iterator[click.Option]:
    yield from (one for one in command.params if isinstance(one, click.Option))
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from all_options(below)


def test_an_argument_has_the_same_option_in_all_commands() -> None:
    known = named_options(cli)
    for option in all_options(cli):
        assert option.opts[0] == known[str(option.name)].opts[0]


def test_an_argument_is_written_as_python() -> None:
    assert str(Argument("out")) == "out=..."
    assert str(Argument("replicates", 0)) == "replicates=0"
    assert str(Argument("out", Path("a b"))) == 'out="a b"'
    assert str(Argument("settings", {"measure.also": [3]})) == 'settings={"measure.also": [3]}'


def test_the_command_line_writes_an_argument_as_its_option() -> None:
    with click.Context(cli):
        assert as_error(EvosimError(Argument("replicates", 0), ": at least 1")) == (
            "Error: --replicates 0: at least 1"
        )
        assert as_error(RunError("choose ", Argument("out"))) == "Error: choose --out"
        assert as_error(EvosimError(Argument("seen", 3), ": of a plugin")) == (
            "Error: seen=3: of a plugin"
        )
        assert as_error(RunError(Argument("settings", {"a.b": [3], "c": ...}))) == (
            "Error: --set a.b=[3] --set c=..."
        )
        assert as_error(RunError(Argument("tuned", True))) == "Error: --tuned"
        assert as_error(RunError(Argument("figures", False))) == "Error: --no-figures"
        assert as_error(RunError(Argument("settings"), "=... {x}")) == "Error: --set=... {x}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "strawberry", "--set", "world.rows=0"], "--set world.rows=0: world.rows: out of"),
        (["run", "strawberry", "--seed", "-1"], "Invalid value for '--seed'"),
        (["run", "strawberry", "--out", "full"], "full exists and is not empty; choose another "
         "place with --out\n"),
        (["run", "strawberry", "--scheduler", "nowhere:1", "--workers", "2"],
         "--workers 2 and --scheduler nowhere:1: "),
        (["export", "strawberry", "--tensors", "a.npz", "-g", "3"], "--generation is about a run"),
    ],
)  # fmt: skip
def test_commands_speak_of_options(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not re.search(r"\w=(\.\.\.|\")", done.stderr)


def test_functions_speak_of_arguments(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for options, said in (
        ({"replicates": 0}, "replicates=0: a whole number of at least 1 is needed"),
        ({"workers": 0}, "workers=0: a whole number of at least 1 is needed"),
        ({"seed": 2**64}, f"seed={2**64}: not a seed"),
        ({"out": tmp_path}, "choose another place with out=..."),
        ({"settings": {"world.rows": 0}}, "setting world.rows=0: world.rows: out of range"),
    ):
        with pytest.raises(EvosimError, match=re.escape(said)) as raised:
            evosim.run("strawberry", **options)  # type: ignore[arg-type]
        assert "--" not in str(raised.value)


def test_settings_of_a_mapping_are_those_of_texts() -> None:
    given = {
        "evolution.population": 30,
        "agent.patience": 0.5,
        "verdict.kept": 1e-05,
        "a.title": 'say "x"',
        "a.flag": True,
        "a.list": [1, 2.5, "x"],
        "a.table": {"meadow": 1, "the street": [0, 1]},
    }
    assert as_texts(given) == [
        "evolution.population=30",
        "agent.patience=0.5",
        "verdict.kept=1e-05",
        'a.title="say \\"x\\""',
        "a.flag=true",
        'a.list=[1, 2.5, "x"]',
        'a.table={ meadow = 1, "the street" = [0, 1] }',
    ]
    texts = evosim.check("strawberry", ["evolution.population=40", "measure.also=[2]"])
    mapping = evosim.check("strawberry", {"evolution.population": 40, "measure.also": [2]})
    assert texts == mapping


def test_a_seed_that_nobody_gave_has_64_bits() -> None:
    drawn = [seed_of(None) for _ in range(64)]
    assert max(drawn) >= 2**60
    assert all(0 <= seed < 2**64 for seed in drawn)
