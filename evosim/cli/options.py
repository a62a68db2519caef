"""What commands share: the group that prints errors, exit codes, the log, options."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from evosim.errors import (
    OUT_OF_MEMORY,
    SETTING,
    Argument,
    Command,
    EvosimError,
    Part,
    Problem,
    ScenarioError,
    from_here,
    printable,
)

if TYPE_CHECKING:
    from evosim.execution.cost import Cost
    from evosim.scenario.shipped import Text

F = TypeVar("F", bound=Callable[..., Any])


class Exit(IntEnum):
    """Every exit code, with what it means."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        found = int.__new__(cls, code)
        found._value_ = code
        found.meaning = meaning
        return found

    DONE = 0, "done"
    FAILED = 1, "check: there are mistakes; a study: runs failed; also where evosim itself failed"
    MISTAKE = 2, "refused: a mistake in the command or a file, or too little memory or disk"
    STOPPED = 130, "stopped by Ctrl-C or a signal; evosim resume goes on"


def say(text: object, *, err: bool = False) -> None:
    """Print a text or a path, as escapes where a terminal would obey it; paths as from here.

    Args:
        err: print it on stderr.
    """
    click.echo(printable(from_here(str(text))), err=err)


class PathType(click.Path):
    """A path of the command line; shells leave the ~ of ``--out=~/runs`` as it is."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from evosim.process import expanded  # not for --help

        try:
            return expanded(value)
        except EvosimError as error:
            self.fail(str(error), param, ctx)


PATH = PathType()


class ScenarioType(click.ParamType):
    """An id, a file or a folder, which shells complete; ``-`` is read from standard input."""

    name = "scenario"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Text:
        if value != "-":
            return str(value)
        from evosim.scenario.shipped import MOST_BYTES, Text, decoded

        name = "<stdin>"
        data = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin else b""
        return Text(decoded(data, name), name)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from evosim.scenario.shipped import catalogue

        return completed(catalogue(), incomplete)


SCENARIO = ScenarioType()


class StudyType(click.ParamType):
    """An id or a file of a study, which shells complete."""

    name = "study"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from evosim.study.reading import catalogue

        return completed(catalogue(), incomplete)


STUDY = StudyType()


def completed(ids: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """The ids that a word may become, and whatever file the shell finds."""
    found = [CompletionItem(name) for name in ids if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


class _Log(logging.Handler):
    """Prints the log on stderr, as it is when a line is printed: progress may have taken it."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record), err=True)


def _log(context: click.Context, parameter: click.Parameter, count: int) -> None:
    """Print what is logged; the more, the more often it is asked for."""
    logger = logging.getLogger("evosim")
    if not count or any(isinstance(one, _Log) for one in logger.handlers):
        return
    handler = _Log()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if count == 1 else logging.DEBUG)

    def end() -> None:  # as a program may call commands one after the other
        logger.removeHandler(handler)
        logger.setLevel(before)

    context.find_root().call_on_close(end)


class Commands(click.Group):
    """Prints errors, and a stop by Ctrl-C, on stderr in words, without a traceback."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Every command can tell more of what it does."""
        if not any(option.name == "verbose" for option in cmd.params):
            verbose(cmd)
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        from evosim.process import supported  # not for --help

        try:
            supported()
            if "SOURCE_DATE_EPOCH" in os.environ:  # numpy reads it too, and has no words for it
                from evosim.engine.provenance import now

                now()
            return super().invoke(ctx)
        except click.BadParameter as error:
            if error.ctx and error.param and (name := heeded(error.ctx, error.param)):
                error.param_hint = name
            raise
        except EvosimError as error:
            say(as_error(error), err=True)
            ctx.exit(Exit.MISTAKE)
        except MemoryError:
            say(f"Error: {OUT_OF_MEMORY}", err=True)
            ctx.exit(Exit.MISTAKE)
        except KeyboardInterrupt as stop:
            say(_joined(stop.args) or "stopped", err=True)
            ctx.exit(Exit.STOPPED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet


def as_error(error: EvosimError) -> str:
    """The text of an error, with options and commands where it names arguments and functions."""
    if isinstance(error, ScenarioError):
        return "\n".join(
            str(replace(problem, file=f"--set {problem.file.removeprefix(SETTING)}"))
            if problem.file.startswith(SETTING)
            else str(problem)
            for problem in error.problems
        )
    return f"Error: {as_words(error)}"


def as_words(error: EvosimError) -> str:
    """As :func:`as_error`, without saying that it is one."""
    return str(error) if isinstance(error, ScenarioError) else _joined(error.parts)


def _joined(parts: Iterable[Part]) -> str:
    return "".join(
        as_option(part)
        if isinstance(part, Argument)
        else part.line
        if isinstance(part, Command)
        else str(part)
        for part in parts
    )


_CALLED = {"folder": "out"}
"""Options of arguments that have another name."""


def as_option(argument: Argument) -> str:
    """An argument of the public functions as the option that stands for it.

    Every such argument is an option, of the same name in all commands that have it; a test holds
    this for all that errors name. What a plugin's errors name may be none, and stays Python.
    """
    wanted = _CALLED.get(argument.name, argument.name)
    option = named_options(click.get_current_context().find_root().command).get(wanted)
    if option is None:
        return str(argument)
    name = option.opts[0]
    if isinstance(argument.value, bool):
        return name if argument.value else name.replace("--", "--no-", 1)
    if isinstance(argument.value, Mapping):
        pairs = argument.value.items()
        return " ".join(f"{name} {key}={'...' if one is ... else one}" for key, one in pairs)
    return name if argument.value is ... else f"{name} {argument.value}"


def named_options(command: click.Command) -> dict[str, click.Option]:
    """The options of a command and of those below it, by the name of the argument."""
    found: dict[str, click.Option] = {}
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        found = named_options(below) | found
    return found | {str(one.name): one for one in command.params if isinstance(one, click.Option)}


def command_typed() -> str:
    """The command as it could be typed again, behind the environment variables that it heeds."""
    from evosim.engine.provenance import command_line

    context = click.get_current_context()
    variables = [
        f"{name}={shlex.quote(os.environ[name])}"
        for option in context.command.params
        if (name := heeded(context, option))
    ]
    return " ".join([*variables, command_line(["evosim", *sys.argv[1:]])])


def heeded(context: click.Context, option: click.Parameter) -> str | None:
    """The environment variable that an option has its value of; None where it was typed."""
    if context.get_parameter_source(str(option.name)) is not ParameterSource.ENVIRONMENT:
        return None
    return next(name for name in option.envvar or () if os.environ.get(name))


def name_variables(command: click.Command, *words: str) -> None:
    """Have an environment variable stand for each option of a command, and of those below it.

    It is called like what is typed: ``EVOSIM_RUN_SEED``. A command with two names hears to both.
    """
    # Click can do so too, but calls a variable like the argument of the function: as_json.
    for option in command.params:
        if isinstance(option, click.Option) and option.allow_from_autoenv:
            long = max(option.opts, key=len).removeprefix("--")
            name = "_".join(["evosim", *words, long]).replace("-", "_").upper()
            option.envvar = [*(option.envvar or ()), name]
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            name_variables(below, *words, word)


def begin_file(file: Path, starter: Callable[[str], str]) -> None:
    """Write a file to begin from, whose id follows from its name.

    Raises:
        EvosimError: it exists, or cannot be written.
    """
    import re

    from evosim.engine.files import explain

    name = re.sub(r"[^A-Za-z0-9_-]+", "_", file.stem).lstrip("_-0123456789") or "mine"
    try:
        with open(file, "x", encoding="utf-8") as out:
            out.write(starter(name))
    except FileExistsError:
        raise EvosimError(f"{file} exists; choose another name, or delete it first") from None
    except OSError as error:
        raise EvosimError(explain(error, file)) from error


def check_all(
    ctx: click.Context,
    files: Sequence[Any],
    check: Callable[[Any], Any],
    sources: Callable[[Any], Sequence[str]],
    cost: Callable[[Any], Cost],
    notes: Callable[[Any, Any], Iterable[Problem]] = lambda file, checked: (),
    *,
    force: bool = False,
    as_json: bool = False,
) -> None:
    """Check files, and exit with 1 where any has a mistake.

    Args:
        files: their names; what is read from standard input, as its text.
        check: reads a file, or raises what is wrong with it.
        sources: the texts that a file's ``frozen`` is a hash of.
        cost: what it takes to run what was read.
        notes: what is to be noted of a file, and of what was read.
        force: whether what the machine has not enough for is no mistake.
        as_json: print nothing but a list of what was found in each file.
    """
    from evosim.execution.cost import refuse
    from evosim.scenario import words

    told: list[dict[str, Any]] = []
    for file in files:
        found: dict[str, Any] = {"file": str(file), "ok": False, "problems": [], "notes": []}
        told.append(found)
        try:
            checked = check(file)
            takes = cost(checked)
            refuse(takes, "runs", what=f"{file}: ", force=force)
        except EvosimError as error:
            found["problems"] = _as_plain(error)
            if not as_json:
                say(as_error(error), err=True)
            continue
        status, noted = words.status(*sources(file)), list(notes(file, checked))
        if as_json:
            found |= {"ok": True, "notes": [asdict(note) for note in noted], "status": status}
            found["takes"] = takes.plain()
            continue
        found["ok"] = True
        say(f"{file}: ok" + (f"; {status}" if status != "exploratory" else ""))
        # Beside what is printed of a file, as it depends on the machine.
        say(f"{file}: {takes}", err=True)
        for note in noted:
            say(replace(note, message=f"note: {note.message}"))
    if as_json:
        put_json(told)
    ctx.exit(Exit.DONE if all(found["ok"] for found in told) else Exit.FAILED)


def _as_plain(error: EvosimError) -> list[dict[str, Any]]:
    """What is wrong, in plain values."""
    if isinstance(error, ScenarioError):
        return [asdict(problem) for problem in error.problems]
    return [{"file": None, "line": None, "key": "", "message": as_words(error)}]


def put_json(value: object, out: Path | None = None) -> None:
    """Write plain numbers and texts to a file as JSON, or print them."""
    from evosim.engine.files import as_json, write_text

    text = as_json(value, indent=2)
    if out is None:
        click.echo(printable(text))
    else:
        write_text(out, text + "\n")
        say(out)


verbose = click.option(
    "--verbose", "-v", count=True, is_eager=True, expose_value=False, callback=_log,
    help="Say on stderr what is done; twice: in detail.",
)  # fmt: skip
settings = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE",
    help="Change the scenario, e.g. evolution.population=100; can be repeated.",
)  # fmt: skip
agent = click.option(
    "--agent", metavar="MODULE:FUNCTION",
    help="Train an agent that this function makes, in place of evolution (docs/agents.md).",
)  # fmt: skip
world = click.option(
    "--world", type=click.IntRange(min=0), metavar="W",
    help="One world of the scenario's family, by number from 0.",
)  # fmt: skip
out = click.option(
    "--out",
    type=PATH,
    metavar="DIR",
    help="Folder of the new run. [default: one in runs/]",
)
workers = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N",
    help="Number of processes that share replicates, runs of a study, or the demes of a "
    "population. [default: as many as are useful]",
)  # fmt: skip
scheduler = click.option(
    "--scheduler", metavar="ADDRESS",
    help="Use the workers of this Dask scheduler, e.g. tcp://host:8786, for the runs of a study or "
    "the demes of a run.",
)  # fmt: skip
checkpoint = click.option(
    "--checkpoint", type=click.FloatRange(min=0), default=8.0, show_default=True,
    metavar="SECONDS", help="Time between writes, which is what can be lost if it is killed.",
)  # fmt: skip

force = click.option(
    "--force", is_flag=True,
    help="Begin even what this machine has not enough memory or disk for.",
)  # fmt: skip

ALL = "all"
"""What stands for every figure."""


def figures(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which figures are drawn at the end: an argument ``figures``, True, False or names."""

    def none(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        context.meta["no figures"] = value

    def named(context: click.Context, parameter: click.Parameter, value: str) -> bool | list[str]:
        if context.meta["no figures"]:
            return False
        return value == ALL or [name.strip() for name in value.split(",")]

    command = click.option("--no-figures", is_flag=True, is_eager=True, expose_value=False,
                           callback=none, help="Draw no figures.")(command)  # fmt: skip
    return click.option(
        "--figures", is_flag=False, flag_value=ALL, default=ALL, metavar="NAMES", callback=named,
        help="Draw these figures at the end, e.g. --figures flip,genes. [default: all]",
    )(command)  # fmt: skip


as_json = click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
seed = click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), metavar="N",
    help="Seed of all random numbers. [default: drawn by the system, and recorded]",
)  # fmt: skip
schema_out = click.option(
    "--out", type=PATH, metavar="FILE",
    help="File to write. [default: standard output]",
)  # fmt: skip


def pages(out: str, out_holds: str, work: str, what: str) -> Callable[[F], F]:
    """The options of a command that runs what ships and writes its pages.

    Args:
        out, work: the folders if none is named.
        out_holds, what: what goes into the one, what is run in the other.
    """

    def add(command: F) -> F:
        folder = PATH
        for option in (
            workers,
            click.option("--pages-only", is_flag=True,
                         help=f"Write pages from existing {out_holds.split(',')[0]}, and run "
                         "nothing."),
            click.option("--work", type=folder, default=work, show_default=True, metavar="DIR",
                         help=f"Folder in which {what} run."),
            click.option("--out", type=folder, default=out, show_default=True, metavar="DIR",
                         help=f"Folder of {out_holds} and pages."),
        ):  # fmt: skip
            command = option(command)
        return command

    return add
