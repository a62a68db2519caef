"""The command line: thin, every command a call of the public API.

Only click is imported here; whatever is slow to import is imported inside a command.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from evosim.cli import options
from evosim.cli.options import (
    Commands,
    Exit,
    begin_file,
    check_all,
    command_typed,
    name_variables,
    put_json,
    say,
)
from evosim.cli.results import analyse, compare, export, plot, replay, report, stress
from evosim.cli.study import print_study, study
from evosim.errors import DISTRIBUTION, EvosimError, RunError
from evosim.execution.output import console, open_streams

if TYPE_CHECKING:
    from evosim.api.experiments import Experiment
    from evosim.api.runs import Run


NARROWEST_LIST = 72
"""Characters of a line of ``evosim list``, at least; a narrower terminal breaks them."""


def _is_stuck(file: TextIO) -> bool:
    """Whether what was printed cannot be written; then it is given up."""
    try:
        print(file=file, flush=True)
    except OSError:
        with suppress(OSError):  # or Python tries again, and complains, when it ends
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, file.fileno())
            os.close(nowhere)
        return True
    return False


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes:\n" + "\n".join(f"{code:5}  {code.meaning}" for code in Exit),
)
@click.version_option(
    package_name=DISTRIBUTION, message="%(prog)s %(version)s", allow_from_autoenv=False
)
@options.verbose
def cli() -> None:
    """Evolve agents, change their world, and measure what they keep.

    \b
    evosim list                     the scenarios that ship
    evosim show contraception       what one is about
    evosim run contraception        run it: verdict, data, figures
    evosim lab contraception        watch it live, and flip the switch yourself
    evosim new mine.toml            start a scenario of your own

    For each option there is an environment variable: EVOSIM_RUN_SEED for evosim run --seed.
    """


@cli.command("list")
@options.as_json
def list_(as_json: bool) -> None:
    """List the scenarios that ship: verdict on the claim, time of a run, tags, title."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from evosim.cli.catalogue import entries

    found = entries()
    if as_json:
        put_json([one._asdict() | {"seconds": round(one.seconds, 1)} for one in found])
        return
    shown = console()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, width=max(shown.width, NARROWEST_LIST))
    for head, width in (
        ("id", max(len(one.id) for one in found)), ("verdict", len("undecided")), ("a run", 6),
    ):  # fmt: skip
        table.add_column(head, no_wrap=True, min_width=width)
    table.add_column("tags", no_wrap=True, ratio=1)
    table.add_column("title", no_wrap=True, ratio=1)
    for one in found:
        table.add_row(one.id, one.verdict, one.lasts, ", ".join(one.tags), one.title)
    shown.print(table, crop=False, soft_wrap=True)


@cli.command()
@click.argument("scenario", metavar="SCENARIO|RUN", type=options.SCENARIO)
@options.settings
@options.world
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    help="Seed of the level that is shown, and of the worlds of a family. [default: 0; of worlds "
    "1]",
)
@options.force
@options.as_json
def show(
    scenario: Any,
    settings: Sequence[str],
    world: int | None,
    seed: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Describe SCENARIO: question, a level, kinds, timeline, size.

    A word of a title or a question finds its scenario: evosim show pill. Of the folder of a run,
    experiment or study: print what it found once more. SCENARIO is read from standard input where
    it is -.
    """
    import evosim
    from evosim.cli.catalogue import named
    from evosim.describe import describe
    from evosim.engine.files import is_folder
    from evosim.execution.cost import of_run, refuse
    from evosim.process import expanded

    on_disk = isinstance(scenario, str) and is_folder(expanded(scenario))
    if on_disk and _show_folder(scenario, settings, as_json=as_json):
        return
    source = named(scenario) if isinstance(scenario, str) else scenario
    typed = settings
    if world is not None:
        settings = settings_of_world(source, settings, FIRST if seed is None else seed, world)
    read = evosim.check(source, settings)
    takes = of_run(read)
    refuse(takes, "runs", force=force)
    if as_json:
        put_json({"takes": takes.plain(), "scenario": read.to_dict()})
        return
    shown = console()
    if world is not None:
        drawn = settings[: len(settings) - len(typed)]
        of = FIRST if seed is None else seed
        shown.print(f"World {world} of the family of seed {of}", style="bold")
        shown.print("\n".join(f"  {one}" for one in drawn) + "\n", markup=False, highlight=False)
    for part in describe(read, seed=seed or 0):
        shown.print(part)


def _show_folder(folder: str, settings: Sequence[str], *, as_json: bool) -> bool:
    """Print what a run, experiment or study found; False if the folder is none of them."""
    from evosim.api.folders import open_folder
    from evosim.api.studies import Study
    from evosim.engine.files import is_file
    from evosim.engine.folders import HOLDS
    from evosim.process import expanded

    try:
        found = open_folder(folder)
    except RunError:
        if any(is_file(expanded(folder) / name) for name in HOLDS):
            raise  # what it holds is damaged
        return False
    if settings:
        raise click.UsageError(f"{folder} is a run, which has its settings: leave out --set")
    if as_json:
        put_json(found.summary)
    else:
        click.echo(found.text if isinstance(found, Study) else found.verdict)
    return True


FIRST = 1
"""The seed of a family where none is given."""


def settings_of_world(scenario: Any, settings: Sequence[str], seed: int, world: int) -> list[str]:
    """What was drawn for a world of a scenario's family, and the user's settings over it."""
    import evosim
    from evosim.scenario.settings import as_texts
    from evosim.study.design import family_of

    drawn = family_of(evosim.check(scenario, settings)).settings(seed, world)
    return [*as_texts(drawn), *settings]


@cli.command()
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """Say what NAME means: a metric, a key of scenarios, a term.

    A key may be dotted, as after --set: evosim explain agent.patience. Without NAME it lists the
    metrics.
    """
    from evosim import explain as explained

    if name is not None:
        say(explained.explain(name))
        return
    rows = explained.index()
    width = max(len(metric) for metric, _ in rows)
    for metric, sentence in rows:
        say(f"{metric:{width}}  {sentence}")


@cli.command()
@click.argument("files", nargs=-1, required=True, type=options.SCENARIO)
@options.settings
@options.force
@options.as_json
@click.pass_context
def check(
    ctx: click.Context, files: Sequence[Any], settings: Sequence[str], force: bool, as_json: bool
) -> None:
    """Check scenario FILES (or ids), and report every error at once.

    A file that is called - is read from standard input.

    The exit code is 1 if there is any error. Notes tell what is allowed, but hardly meant.
    It also tells what a run would take, and refuses what this machine has not enough for.
    """
    import evosim
    from evosim.api.checks import notes
    from evosim.execution.cost import of_run
    from evosim.scenario import shipped

    check_all(
        ctx,
        files,
        lambda file: evosim.check(file, settings),
        lambda file: [shipped.text_of(file).text],
        of_run,
        notes,
        force=force,
        as_json=as_json,
    )


@cli.command()
@click.argument("scenario", type=options.SCENARIO)
@click.option("--before", metavar="ENV", help="Environment. [default: before the first flip]")
@click.option("--after", metavar="ENV", help="Environment. [default: after the first flip]")
@click.option("--name", default="sham", show_default=True, help="Name of the new environment.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True,
              metavar="N", help="Seed of the draw.")  # fmt: skip
def sham(scenario: Any, **options: Any) -> None:
    """Draw a control for a flip of SCENARIO that can fail.

    An environment that differs by as much as the flip, at places drawn at random, and leaves the
    best proxy of the payoff valid: to be put into the file.
    """
    import evosim
    from evosim.study.sham import draw

    click.echo(draw(evosim.check(scenario), **options).to_toml(), nl=False)


@cli.command()
@click.argument("file", type=options.PATH)
def new(file: Path) -> None:
    """Write a small scenario with comments to FILE, to start from."""
    from evosim.starter import starter

    begin_file(file, starter)
    say(f"{file}: next, evosim check {file}, then evosim run {file}")


@cli.command()
@click.argument("scenario", type=options.SCENARIO)
@options.seed
@click.option("--replicates", "-r", type=click.IntRange(min=1), metavar="R",
              help="Number of independent populations. [default: 1; with --arms, as the scenario "
              "says]")  # fmt: skip
@click.option("--arms", is_flag=True,
              help="Run all arms of the scenario's experiment, and test its claim.")  # fmt: skip
@click.option("--tuned", is_flag=True,
              help="With --arms: also run the values of the tuned parameter.")  # fmt: skip
@click.option("--worlds", type=click.IntRange(min=1), metavar="N",
              help="Run the arms in N worlds of the family, and test the claim.")  # fmt: skip
@options.world
@options.agent
@options.settings
@options.out
@options.workers
@options.scheduler
@options.figures
@options.checkpoint
@options.force
@options.as_json
@options.quiet
def run(
    scenario: Any,
    arms: bool,
    tuned: bool,
    worlds: int | None,
    world: int | None,
    agent: str | None,
    settings: Sequence[str],
    replicates: int | None,
    figures: bool | list[str],
    as_json: bool,
    quiet: bool,
    scheduler: str | None,
    **options: Any,
) -> None:
    """Run SCENARIO (an id or a file): verdict, data and figures.

    It is read from standard input where it is -.
    """
    import evosim

    if agent is not None:
        settings = [f"agent.learner.factory={agent}", *settings]
    if tuned and not (arms or worlds):
        raise EvosimError("--tuned is about the arms of an experiment: add --arms")
    if world is not None and (arms or worlds):
        raise EvosimError("--world runs one world of a family: leave out --arms and --worlds")
    if scheduler is not None and (arms or worlds):
        raise EvosimError(
            "--scheduler is for one run with islands; the arms of an experiment "
            "run in processes of this machine: --workers N"
        )
    options |= {"progress": not quiet, "command": command_typed()}
    done: Run | Experiment
    if arms or worlds:
        done = evosim.experiment(
            scenario, replicates=replicates, tuned=tuned, worlds=worlds or 0, settings=settings,
            figures=figures, **options,
        )  # fmt: skip
    else:
        if world is not None:
            options["seed"] = seed = FIRST if options["seed"] is None else options["seed"]
            typed, settings = settings, settings_of_world(scenario, settings, seed, world)
            if not quiet:  # the run is named as one of the scenario's own world is
                drawn = ", ".join(settings[: len(settings) - len(typed)])
                say(f"world {world} of the family of seed {seed}: {drawn}", err=True)
        options["settings"] = settings
        done = evosim.run(
            scenario, replicates=replicates or 1, scheduler=scheduler, figures=figures, **options
        )
    _print_result(done, as_json=as_json, quiet=quiet)


@cli.command()
@click.argument("scenario", default="contraception")
@options.seed
@options.settings
@click.option("--room", is_flag=True, help="Let pupils come and watch; you hold the switch.")
@click.option("--own-seeds", "own", is_flag=True,
              help="Let pupils come; each has a population and a switch of their own.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="Address to listen on; 0.0.0.0 for other machines too.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), metavar="N",
              help="Port to listen on. [default: 8421, or any that is free]")  # fmt: skip
@click.option("--no-browser", "browser", flag_value=False, default=True, type=bool,
              help="Open no browser.")  # fmt: skip
def lab(scenario: str, room: bool, own: bool, host: str, **options: Any) -> None:
    """Open SCENARIO in a browser: watch it evolve, and flip the switch yourself.

    What you do there is a scenario too: the page tells the command that repeats it.
    """
    from evosim.web.lab import serve

    if (room or own) and host == "127.0.0.1":
        say("only this machine can reach it: add --host 0.0.0.0 in a network that you trust")
    serve(scenario, room=room, own=own, host=host, say=say, **options)


@cli.command()
@click.argument("folder", type=options.PATH, metavar="RUN")
@options.workers
@options.scheduler
@options.checkpoint
@options.force
@options.as_json
@options.quiet
@click.pass_context
def resume(ctx: click.Context, folder: Path, as_json: bool, quiet: bool, **options: Any) -> None:
    """Continue a run, experiment or study that was stopped.

    RUN is its folder. The result is the same as without the interruption.
    """
    import evosim

    done = evosim.resume(folder, progress=not quiet, **options)
    if isinstance(done, evosim.Study):
        ctx.exit(print_study(done, as_json=as_json, quiet=quiet))
    _print_result(done, as_json=as_json, quiet=quiet)


@cli.command()
@click.argument("folder", type=options.PATH, metavar="RUN")
@click.option(
    "--at",
    type=int,
    required=True,
    metavar="G",
    help="First generation of the new run that is not copied from RUN.",
)
@options.settings
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N",
              help="Seed from generation G on. [default: that of RUN]")  # fmt: skip
@options.out
@options.workers
@options.figures
@options.checkpoint
@options.force
@options.as_json
@options.quiet
def fork(folder: Path, as_json: bool, quiet: bool, **options: Any) -> None:
    """Start a new run from generation G of RUN."""
    import evosim
    from evosim.api.folders import open_single_run

    done = evosim.fork(
        open_single_run(folder).path, progress=not quiet, command=command_typed(), **options
    )
    _print_result(done, as_json=as_json, quiet=quiet)


for _command in (plot, report, analyse, stress, compare, export, replay, study):
    cli.add_command(_command)
for _command in (resume, plot):
    study.add_command(_command)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--plot", type=options.PATH, metavar="FILE",
    help="Draw cost against population, levels, states, depth and replicates.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Fewer and shorter measurements.")
@click.option(
    "--studies", is_flag=True, help="Measure studies with two workers instead; takes minutes."
)
@click.option("--record", is_flag=True, help="Keep what was measured in benchmarks/history.")
@click.option(
    "--check", is_flag=True, help="Fail if a ratio is 10 % worse than the last record has it."
)
def bench(as_json: bool, **wanted: Any) -> None:
    """Measure the speed of evosim on this machine."""
    from evosim import benchmarks

    benchmarks.main(json=as_json, **wanted)


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@options.pages("docs/gallery", "records, figures", "build/gallery", "experiments")
@click.option("--freeze", is_flag=True,
              help="Write the hashes of all scenarios, and run nothing.")  # fmt: skip
@click.option("--confirm", is_flag=True,
              help="Run what was frozen once more, on a seed never used.")  # fmt: skip
@click.option("--worlds", is_flag=True,
              help="Over the worlds of each scenario's family.")  # fmt: skip
@click.option("--pilot", type=click.IntRange(min=2), metavar="N",
              help="With --worlds: over N worlds, to try them, and keep no record.")  # fmt: skip
def gallery(
    scenarios: Sequence[str],
    out: Path,
    work: Path,
    pages_only: bool,
    workers: int | None,
    freeze: bool,
    confirm: bool,
    worlds: bool,
    pilot: int | None,
) -> None:
    """Run the experiments of scenarios and write their pages.

    All scenarios, or those named. If it was stopped, it continues; what is complete and unchanged
    is not run again.
    """
    from evosim.gallery import making

    if freeze + confirm + pages_only > 1:
        raise click.UsageError("--freeze, --confirm and --pages-only: one of them")
    if freeze and scenarios:
        raise click.UsageError("--freeze is about all scenarios: name none")
    if pages_only and worlds:
        raise click.UsageError("--pages-only draws what was found over worlds too: no --worlds")
    if pilot and (freeze or confirm or not worlds):
        raise click.UsageError("--pilot goes with --worlds alone")
    if freeze:
        making.freeze(out=out, report=say, worlds=worlds)
    elif pages_only:
        making.make_pages(scenarios, out=out, report=say)
    else:
        making.make(
            scenarios, out=out, work=work, workers=workers, progress=True, report=say,
            confirm=confirm, worlds=worlds, pilot=pilot or 0,
        )  # fmt: skip


@cli.command()
@options.schema_out
def schema(out: Path | None) -> None:
    """Write the JSON Schema of scenario files, for editors."""
    from evosim import scenario

    put_json(scenario.json_schema(), out)


def _print_result(done: Run | Experiment, *, as_json: bool, quiet: bool) -> None:
    """The verdict and what was written, or the summary for machines."""
    if as_json:
        put_json(done.summary)
    elif not quiet:
        say(f"\n{done.verdict}\n")
        for path in done.files:
            say(path)


name_variables(cli)  # of all commands, so after the last one


def main() -> None:
    """The entry point of the command evosim."""
    open_streams()
    try:
        cli(prog_name="evosim")
    except OSError as error:  # click sees to a reader that has gone
        what = error.strerror or str(error)
        if error.filename is not None:
            what = f"cannot use {error.filename}: {what}"
        elif _is_stuck(sys.stdout):
            what = f"cannot write to standard output: {what}"
        say(f"Error: {what}", err=True)
        sys.exit(Exit.MISTAKE)


if __name__ == "__main__":
    main()
