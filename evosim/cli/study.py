"""The commands of studies: ``evosim study ...``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evosim.cli import options
from evosim.cli.options import (
    Commands,
    Exit,
    begin_file,
    check_all,
    command_typed,
    put_json,
    say,
)
from evosim.errors import EvosimError
from evosim.execution.output import console

if TYPE_CHECKING:
    from evosim.api.studies import Study

_folder = click.argument("folder", type=options.PATH, metavar="FOLDER")


@click.group(cls=Commands)
def study() -> None:
    """Run one scenario under many conditions.

    A study is a sweep over parameters, or a design of another kind, with its phase diagrams.

    \b
    evosim study list                       the studies that ship
    evosim study run depth_cost_detours     run one of them
    evosim study status FOLDER              how far it is
    evosim study resume FOLDER              continue after it was stopped
    evosim study plot FOLDER                draw its figures
    evosim study export FOLDER runs.csv     its numbers for other tools
    """


@study.command("list")
@options.as_json
def list_(as_json: bool) -> None:
    """List the studies that ship."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from evosim.study import reading

    if as_json:
        studies = {name: reading.load(name).study for name in reading.catalogue()}
        put_json(
            [
                {"id": name, "title": one.title, "question": one.question}
                for name, one in studies.items()
            ]
        )
        return
    table = Table("id", "title", "points", "question", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for name in reading.catalogue():
        found = reading.load(name)
        table.add_row(name, found.study.title, str(len(found.points)), found.study.question)
    console().print(table)


@study.command()
@click.argument("file", type=options.PATH)
def new(file: Path) -> None:
    """Write a small study with comments to FILE, to start from."""
    from evosim.starter import starter_study

    begin_file(file, starter_study)
    say(f"{file}: next, evosim study check {file}, then evosim study run {file}")


@study.command()
@click.argument("files", nargs=-1, required=True, type=options.STUDY)
@options.force
@options.as_json
@click.pass_context
def check(ctx: click.Context, files: Sequence[str], force: bool, as_json: bool) -> None:
    """Check study FILES (or ids), and report every error at once.

    The exit code is 1 if there is any error. Notes tell what of its scenario is allowed, but hardly
    meant.
    """
    from evosim.api._costs import of_study
    from evosim.api.checks import check_study, notes_of_study
    from evosim.study import reading

    check_all(
        ctx,
        files,
        check_study,
        lambda file: reading.load(file).sources,
        of_study,
        notes_of_study,
        force=force,
        as_json=as_json,
    )


@study.command()
@click.argument("source", metavar="STUDY", type=options.STUDY)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N",
              help="Seed of all runs. [default: as the study says]")  # fmt: skip
@click.option("--replicates", "-r", type=click.IntRange(min=1), metavar="R",
              help="Number of runs at each point. [default: as the study says]")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Change the scenario at all points; settings of a point win.")  # fmt: skip
@click.option("--keep", type=click.Choice(["measures", "runs"]),
              help="What to keep of each run. [default: as the study says]")  # fmt: skip
@click.option(
    "--out",
    type=options.PATH,
    metavar="DIR",
    help="Folder of the new study. [default: one in runs/]",
)
@options.workers
@options.scheduler
@options.figures
@options.force
@options.as_json
@options.quiet
@click.pass_context
def run(ctx: click.Context, source: str, as_json: bool, quiet: bool, **wanted: Any) -> None:
    """Run STUDY (an id or a file): all its points and replicates."""
    import evosim

    done = evosim.run_study(source, progress=not quiet, command=command_typed(), **wanted)
    ctx.exit(print_study(done, as_json=as_json, quiet=quiet))


@study.command()
@_folder
@options.as_json
def status(folder: Path, as_json: bool) -> None:
    """Show how far the study in FOLDER is, also while it runs."""
    import evosim

    found = evosim.open_study(folder).status(lambda text: say(text, err=True))
    put_json(found) if as_json else say(_described(found))


@study.command()
@_folder
@options.as_json
def summary(folder: Path, as_json: bool) -> None:
    """Show the results of the study in FOLDER so far."""
    import evosim

    done = evosim.open_study(folder)
    put_json(done.summary) if as_json else say(done.text)


@study.command()
@_folder
@click.argument("file", type=options.PATH)
def export(folder: Path, file: Path) -> None:
    """Write the results of the study or experiment in FOLDER to FILE.

    The suffix of FILE chooses the format: .csv or .parquet has a row for each run, .nc (netCDF) a
    dimension for each parameter, or for the arms.
    """
    from evosim.api.folders import open_folder
    from evosim.api.runs import Run

    done = open_folder(folder)
    if isinstance(done, Run):
        raise EvosimError(f"{folder} is a run, whose numbers are in {done.path / 'run.nc'}")
    say(done.export(file))


@study.command()
@_folder
def reindex(folder: Path) -> None:
    """Rebuild the index of the study in FOLDER from its files."""
    import evosim

    counts = evosim.open_study(folder).reindex()
    say(f"{folder}: {counts.done} runs done, {counts.failed} failed, of {counts.runs}")


@study.command()
@click.argument("studies", nargs=-1, metavar="[STUDY]...")
@options.pages("docs/studies", "tables, figures", "build/studies", "studies")
def pages(
    studies: Sequence[str], out: Path, work: Path, pages_only: bool, workers: int | None
) -> None:
    """Run the studies that ship and write their pages.

    All studies, or those named. If it was stopped, it continues; what is complete and unchanged is
    not run again.
    """
    from evosim.gallery import studies as making

    if pages_only:
        making.make_pages(studies, out=out, report=say)
    else:
        making.make(studies, out=out, work=work, workers=workers, progress=True, report=say)


@study.command()
@options.schema_out
def schema(out: Path | None) -> None:
    """Write the JSON Schema of study files, for editors."""
    from evosim.study.schema import json_schema

    put_json(json_schema(), out)


def print_study(done: Study, *, as_json: bool, quiet: bool) -> int:
    """Print the result of a study; returns the exit code. Failures are printed in any case."""
    status = done.status()
    if as_json:
        put_json(status)
    elif not quiet:
        say(_described(status))
        say(f"\n{done.text}\n")
        for path in done.files:
            say(path)
    failures = status["failures"]
    if failures and (as_json or quiet):
        say(_failed(failures), err=True)
    return Exit.FAILED if failures else Exit.DONE


def _described(status: dict[str, Any]) -> str:
    """The status for people."""
    state = "running" if status["at_work"] else "complete" if not status["left"] else "stopped"
    if not status["left"] and status["failed"]:
        state = "ended, with failures"
    if status["left"] and status["at_work"] is None:
        state = "running or stopped, which cannot be known here"
    n = status["replicates"]
    lines = [
        f"{status['title']} ({status['study']}, seed {status['seed']}): {state}",
        f"{status['points']} points, {n} replicate{'s' * (n != 1)}: {status['done']} of "
        f"{status['runs']} runs done, {status['failed']} failed, {status['left']} left",
        f"{status['seconds']:.1f} s of work; digest {status['digest']}",
        f"{status['path']}",
    ]
    for path in status["damaged"]:
        lines.append(f"damaged, so it counts as not done: {path}")
    if status["failures"]:
        lines += ["", _failed(status["failures"])]
    if status["left"] and not status["at_work"]:
        known = status["at_work"] is not None
        how = "Continue with" if known else "If nobody is at work on it, continue with"
        lines += ["", f"{how}: evosim study resume {status['path']}"]
    return "\n".join(lines)


def _failed(failures: Sequence[dict[str, Any]]) -> str:
    """Every run that failed, with the command line that tries it alone."""
    return "\n".join(
        f"failed at {failure['values']}, replicate {failure['replicate']}: {failure['error']}\n"
        f"  {failure['command']}"
        for failure in failures
    )
