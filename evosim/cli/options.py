"""What commands share: the group that prints errors, exit codes, options."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

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

F = TypeVar("F", bound=Callable[..., Any])

MISTAKE = 2
"""Exit code of a user's mistake."""
STOPPED = 130
"""Exit code of a run that was stopped."""


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


class Commands(click.Group):
    """Prints errors, and a stop by Ctrl-C, on stderr in words, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            if "SOURCE_DATE_EPOCH" in os.environ:  # numpy reads it too, and has no words for it
                from evosim.engine.provenance import now

                now()
            return super().invoke(ctx)
        except EvosimError as error:
            say(as_error(error), err=True)
            ctx.exit(MISTAKE)
        except MemoryError:
            say(f"Error: {OUT_OF_MEMORY}", err=True)
            ctx.exit(MISTAKE)
        except KeyboardInterrupt as stop:
            say(_joined(stop.args) or "stopped", err=True)
            ctx.exit(STOPPED)

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
    this for all that errors name.
    """
    wanted = _CALLED.get(argument.name, argument.name)
    option = named_options(click.get_current_context().find_root().command)[wanted]
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
    """The command as it could be typed again."""
    from evosim.engine.provenance import command_line

    return command_line(["evosim", *sys.argv[1:]])


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
    files: Sequence[str],
    check: Callable[[str], Any],
    sources: Callable[[str], Sequence[str]],
    cost: Callable[[Any], Cost],
    notes: Callable[[str, Any], Iterable[Problem]] = lambda file, checked: (),
    *,
    force: bool = False,
) -> None:
    """Check files, and exit with 1 where any has a mistake.

    Args:
        check: reads a file, or raises what is wrong with it.
        sources: the texts that a file's ``frozen`` is a hash of.
        cost: what it takes to run what was read.
        notes: what is to be noted of a file, and of what was read.
        force: whether what the machine has not enough for is no mistake.
    """
    from evosim.execution.cost import refuse
    from evosim.scenario import words

    wrong = False
    for file in files:
        try:
            checked = check(file)
            takes = cost(checked)
            refuse(takes, "runs", what=f"{file}: ", force=force)
        except EvosimError as error:
            wrong = True
            say(as_error(error), err=True)
        else:
            status = words.status(*sources(file))
            say(f"{file}: ok" + (f"; {status}" if status != "exploratory" else ""))
            # Beside what is printed of a file, as it depends on the machine.
            say(f"{file}: {takes}", err=True)
            for note in notes(file, checked):
                say(replace(note, message=f"note: {note.message}"))
    ctx.exit(1 if wrong else 0)


def put_json(value: object, out: Path | None = None) -> None:
    """Write plain numbers and texts to a file as JSON, or print them."""
    from evosim.engine.files import as_json, write_text

    text = as_json(value, indent=2)
    if out is None:
        click.echo(printable(text))
    else:
        write_text(out, text + "\n")
        say(out)


settings = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE",
    help="Change the scenario, e.g. evolution.population=100; can be repeated.",
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
