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
    MISTAKE,
    Commands,
    begin_file,
    check_all,
    command_typed,
    put_schema,
)
from evosim.cli.study import study, tell_study
from evosim.errors import Argument, EvosimError

if TYPE_CHECKING:
    from evosim.api.experiments import Experiment
    from evosim.api.runs import Run


class _Individual(click.ParamType):
    """A number, or the word for one."""

    name = "individual"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        if value in ("best", "median"):
            return str(value)
        if not str(value).isdigit():
            self.fail(f"{value!r} is neither a number from 0, nor best, nor median", param, ctx)
        return int(value)


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
)
@click.version_option(package_name="evosim", message="%(prog)s %(version)s")
def cli() -> None:
    """Evolve drives, plan by them, flip the world, measure what stays.

    \b
    evosim list                     the shipped scenarios
    evosim show contraception       describe one of them
    evosim run contraception        run it: verdict and figures
    evosim new mine.toml            start your own
    """


@cli.command("list")
def list_() -> None:
    """List the shipped scenarios."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from evosim import scenario

    table = Table("id", "title", "question", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for name in scenario.catalogue():
        found = scenario.load(name)
        table.add_row(name, found.title, found.question)
    Console(highlight=False, markup=False).print(table)


@cli.command()
@click.argument("scenario")
@options.settings
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the level.")
def show(scenario: str, settings: Sequence[str], seed: int) -> None:
    """Describe SCENARIO: question, a level, kinds, timeline, size."""
    from rich.console import Console

    import evosim
    from evosim.describe import describe

    console = Console(highlight=False, markup=False, emoji=False)
    for part in describe(evosim.check(scenario, settings), seed=seed):
        console.print(part)


@cli.command()
@click.argument("files", nargs=-1, required=True)
@click.pass_context
def check(ctx: click.Context, files: Sequence[str]) -> None:
    """Check scenario FILES (or ids); report every error at once.

    The exit code is 1 if there is any.
    """
    import evosim
    from evosim.scenario import shipped

    check_all(ctx, files, evosim.check, lambda file: [shipped.read(shipped.find(file))])


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def new(file: Path) -> None:
    """Write a small commented scenario to FILE, to start from."""
    from evosim.starter import starter

    begin_file(file, starter)
    click.echo(f"{file}: next, evosim check {file}, then evosim run {file}")


@cli.command()
@click.argument("scenario")
@options.seed
@click.option("--replicates", "-r", type=click.IntRange(min=1), metavar="R",
              help="Independent populations. [default: 1; of arms by the scenario]")  # fmt: skip
@click.option("--arms", is_flag=True,
              help="Run all arms of the experiment, and evaluate the claim.")  # fmt: skip
@click.option("--tuned", is_flag=True,
              help="With --arms: also run the values of the tuned key.")  # fmt: skip
@options.settings
@options.out
@options.workers
@options.scheduler
@options.figures
@options.checkpoint
@options.as_json
@options.quiet
def run(
    scenario: str,
    arms: bool,
    tuned: bool,
    replicates: int | None,
    figures: bool,
    as_json: bool,
    quiet: bool,
    scheduler: str | None,
    **options: Any,
) -> None:
    """Run SCENARIO (an id or a file) to its verdict and figures."""
    import evosim

    if tuned and not arms:
        raise EvosimError("--tuned needs the arms of an experiment: add --arms")
    if scheduler is not None and arms:
        raise EvosimError(
            "--scheduler is for one run with islands; the arms of an experiment run "
            "in processes of this machine: --workers N"
        )
    options |= {"progress": not quiet, "command": command_typed()}
    done: Run | Experiment
    if arms:
        done = evosim.experiment(
            scenario, replicates=replicates, tuned=tuned, figures=figures, **options
        )
    else:
        done = evosim.run(
            scenario, replicates=replicates or 1, scheduler=scheduler, figures=figures, **options
        )
    _tell(done, as_json=as_json, quiet=quiet)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@options.workers
@options.scheduler
@options.checkpoint
@options.as_json
@options.quiet
@click.pass_context
def resume(ctx: click.Context, folder: Path, as_json: bool, quiet: bool, **options: Any) -> None:
    """Continue a RUN, experiment or study that was stopped or killed.

    The results are the same as without the interruption.
    """
    import evosim

    done = evosim.resume(folder, progress=not quiet, **options)
    if isinstance(done, evosim.Study):
        ctx.exit(tell_study(done, as_json=as_json, quiet=quiet))
    _tell(done, as_json=as_json, quiet=quiet)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--at", type=int, required=True, metavar="G", help="First generation to run again.")
@options.settings
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N",
              help="Seed from generation G on. [default: that of RUN]")  # fmt: skip
@options.out
@options.workers
@options.figures
@options.checkpoint
@options.as_json
@options.quiet
def fork(folder: Path, as_json: bool, quiet: bool, **options: Any) -> None:
    """Run again from generation G of RUN, with changes, as a new run."""
    import evosim
    from evosim.api.folders import open_single_run

    done = evosim.fork(
        open_single_run(folder).path, progress=not quiet, command=command_typed(), **options
    )
    _tell(done, as_json=as_json, quiet=quiet)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("figures", nargs=-1, metavar="[FIGURE]...")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder of the figures. [default: RUN/figures]")  # fmt: skip
@click.option("--format", "formats", multiple=True, metavar="FORMAT",
              help="svg, png or pdf; may be repeated. [default: svg and png]")  # fmt: skip
def plot(folder: Path, figures: Sequence[str], out: Path | None, formats: Sequence[str]) -> None:
    """Draw figures of a RUN, experiment or study again: those named, or all."""
    from evosim.api.folders import open_folder

    options: dict[str, Any] = {"formats": formats} if formats else {}
    for path in open_folder(folder).plot(*figures, folder=out, **options):
        click.echo(str(path))


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("names", nargs=-1, metavar="[ANALYSIS]...")
@click.option("--generation", "-g", type=int, metavar="G",
              help="Analyse this one. [default: the last, or all that were probed]")  # fmt: skip
@click.option("--replicate", type=click.IntRange(min=0), default=0, show_default=True, metavar="R")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and only it.")
@options.figures
def analyse(
    folder: Path,
    names: Sequence[str],
    generation: int | None,
    replicate: int,
    as_json: bool,
    figures: bool,
) -> None:
    """Analyse a complete RUN further: the ANALYSIS named, or all.

    Numbers go to RUN/analyses, figures to RUN/figures. Without a name, analyses that do not
    apply to this run say so, and the others are made.
    """
    import json

    import evosim
    from evosim.api.folders import open_single_run
    from evosim.metrics.analyses import ANALYSES

    run = open_single_run(folder)
    told = {}
    for name in names or ANALYSES:
        try:
            done = evosim.analyse(run, name, generation=generation, replicate=replicate)
        except EvosimError as error:
            if names or not run.complete:
                raise
            click.echo(f"{name}: {error}\n", err=True)
            continue
        told[name] = done.summary
        if not as_json:
            click.echo(f"{name}: {ANALYSES[name].says}\n\n{done.text}\n\n{done.path}")
        for path in done.plot() if figures else ():
            click.echo(str(path), err=as_json)
        if not as_json:
            click.echo()
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False))


@cli.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path),
                metavar="RUN RUN...")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and only it.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw the comparison: svg, png or pdf.")  # fmt: skip
@click.option("--correction", type=click.Choice(["holm", "fdr_bh"]), default="holm",
              show_default=True, help="Correct p-values for their number.")  # fmt: skip
def compare(folders: Sequence[Path], as_json: bool, plot: Path | None, correction: str) -> None:
    """Compare runs: what differs, and by how much.

    An experiment counts as its arms. Differences are to the first run.
    """
    import json

    import evosim
    from evosim.plot.style import check_format

    if plot is not None:  # before what takes time
        check_format(plot.suffix.lstrip("."))
    done = evosim.compare(folders, correction=correction)
    if as_json:
        click.echo(json.dumps(done.summary, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(done.text)
    if plot is not None:
        click.echo(str(done.plot(plot)), err=as_json)


@cli.command()
@click.argument("source", metavar="SCENARIO_OR_RUN")
@click.option("--tensors", type=click.Path(path_type=Path), metavar="FILE",
              help="One level as T[s,a,s'] with rewards and labels, to a .npz or .nc.")  # fmt: skip
@click.option("--trees", type=click.Path(path_type=Path), metavar="FILE.trees",
              help="The pedigree of a run as a tree sequence for tskit.")  # fmt: skip
@click.option("--replicate", type=click.IntRange(min=0), metavar="R",
              help="Of a run. [default: 0]")  # fmt: skip
@click.option("--environment", "-e", metavar="E",
              help="For tensors, like all below. [default: that of the first phase]")  # fmt: skip
@click.option("--level-seed", type=click.IntRange(min=0), metavar="N",
              help="Seed of the level. [default: 0]")  # fmt: skip
@options.settings
@click.option("--generation", "-g", type=int, metavar="G", help="Of a run. [default: the last]")
@click.option("--individual", "-i", type=_Individual(), metavar="I",
              help="Of a run, the one whose reward is written: its number, best or median. "
              "[default: best]")  # fmt: skip
@click.option("--bound", type=click.IntRange(min=1), metavar="MIB",
              help="Refuse larger tensors. [default: 256]")  # fmt: skip
def export(source: str, tensors: Path | None, trees: Path | None, **options: Any) -> None:
    """Write SCENARIO_OR_RUN for other tools: either --tensors or --trees."""
    import evosim

    chosen = {name: value for name, value in options.items() if value not in (None, ())}
    if (tensors is None) == (trees is None):
        raise EvosimError(
            "say what to export, one of: --tensors FILE.npz (or FILE.nc), --trees FILE.trees"
        )
    if tensors is not None:
        if "bound" in chosen:
            chosen["bound"] *= 2**20
        click.echo(str(evosim.export_tensors(source, tensors, **chosen)))
        return
    for name in chosen.keys() - {"replicate"}:
        raise EvosimError(Argument(name), " is for tensors: --trees takes only --replicate")
    assert trees is not None
    click.echo(str(evosim.export_trees(source, trees, **chosen)))


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--generation", "-g", type=int, metavar="G", help="[default: the last]")
@click.option("--environment", "-e", metavar="E", help="[default: what trained in G]")
@click.option("--individual", "-i", type=_Individual(), default="best", show_default=True,
              metavar="I", help="Its number, best or median.")  # fmt: skip
@click.option("--level", type=click.IntRange(min=0), default=0, show_default=True, metavar="L")
@click.option("--replicate", type=click.IntRange(min=0), default=0, show_default=True, metavar="R")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.gif",
              help="[default: in RUN/figures]")  # fmt: skip
@click.option("--terminal", is_flag=True, help="Play it in the terminal.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=8.0,
              show_default=True, metavar="N", help="Steps a second.")  # fmt: skip
def replay(folder: Path, **options: Any) -> None:
    """Make a GIF of one lifetime of RUN, or play it in the terminal."""
    from evosim.api.folders import open_single_run

    path = open_single_run(folder).replay(**options)
    if path is not None:
        click.echo(str(path))


cli.add_command(study)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw throughput against population, states and depth.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Smaller and less exact.")
@click.option("--studies", is_flag=True, help="Measure studies on two workers instead; minutes.")
def bench(as_json: bool, **wanted: Any) -> None:
    """Measure the speed of the core on this machine, or the overhead of studies."""
    from evosim import bench as benchmarks

    benchmarks.main(json=as_json, **wanted)


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--out", type=click.Path(path_type=Path), default="docs/gallery", show_default=True,
              metavar="DIR", help="Where records, figures and pages go.")  # fmt: skip
@click.option("--work", type=click.Path(path_type=Path), default="build/gallery",
              show_default=True, metavar="DIR", help="Where experiments run.")  # fmt: skip
@click.option("--pages-only", is_flag=True, help="Use the records that exist; run nothing.")
@options.workers
def gallery(
    scenarios: Sequence[str], out: Path, work: Path, pages_only: bool, workers: int | None
) -> None:
    """Run the experiments of all scenarios, or of those named, and write their pages.

    After a stop or a kill it continues; what is complete and unchanged is not run again.
    """
    from evosim.gallery import making

    if pages_only:
        making.make_pages(scenarios, out=out, tell=click.echo)
    else:
        making.make(scenarios, out=out, work=work, workers=workers, progress=True, tell=click.echo)


@cli.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="[default: stdout]")
def schema(out: Path | None) -> None:
    """Write the JSON Schema of scenario files, for editors."""
    from evosim import scenario

    put_schema(scenario.json_schema(), out)


def _tell(done: Run | Experiment, *, as_json: bool, quiet: bool) -> None:
    """The verdict and what was written, or the summary for machines."""
    if as_json:
        click.echo(done.summary_path.read_text(encoding="utf-8"), nl=False)
    elif not quiet:
        click.echo(f"\n{done.verdict}\n")
        for path in done.files:
            click.echo(str(path))


def main() -> None:
    """The entry point of the command evosim."""
    try:
        cli(prog_name="evosim")
    except OSError as error:  # click sees to a reader that has gone
        if not _is_stuck(sys.stdout):
            raise
        click.echo(f"Error: cannot write to standard output: {error.strerror}", err=True)
        sys.exit(MISTAKE)


if __name__ == "__main__":
    main()
