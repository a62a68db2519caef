"""Commands about what is on disk: figures, analyses, comparisons, exports, replays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from evosim.cli import options
from evosim.cli.options import say
from evosim.errors import Argument, EvosimError


class _Individual(click.ParamType):
    """A number, or the word for one."""

    name = "individual"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        if value in ("best", "median"):
            return str(value)
        if not str(value).isdecimal():
            self.fail(f"{value!r} is neither a number from 0, nor best, nor median", param, ctx)
        return int(value)


@click.command()
@click.argument("folder", type=options.PATH, metavar="RUN")
@click.argument("figures", nargs=-1, metavar="[FIGURE]...")
@click.option("--figures", "listed", default="", metavar="NAMES",
              help="The same in one word: --figures flip,genes.")  # fmt: skip
@click.option("--out", type=options.PATH, metavar="DIR",
              help="Folder of the figures. [default: RUN/figures]")  # fmt: skip
@click.option("--format", "formats", multiple=True, metavar="FORMAT",
              help="svg, png or pdf; can be repeated. [default: svg and png]")  # fmt: skip
@click.option("--width", type=float, metavar="INCHES",
              help="Width of a figure; all in it grows with it. [default: 3.4 for one column, 7 "
              "for two]")  # fmt: skip
@click.option("--style", type=click.Choice(["paper", "slides"]), default="paper",
              show_default=True, help="slides: larger, without the note at the foot.")  # fmt: skip
@click.option("--data", type=options.PATH, metavar="FILE.csv",
              help="Also write the numbers that are drawn.")  # fmt: skip
def plot(
    folder: Path,
    figures: Sequence[str],
    listed: str,
    out: Path | None,
    formats: Sequence[str],
    **output: Any,
) -> None:
    """Draw figures of a run, experiment or study.

    RUN is its folder. Without the name of a FIGURE, all are drawn.
    """
    from evosim.api.folders import open_folder

    options: dict[str, Any] = {"formats": formats} if formats else {}
    names = [*figures, *filter(None, map(str.strip, listed.split(",")))]
    for path in open_folder(folder).plot(*names, folder=out, **options, **output):
        say(path)


@click.command()
@click.argument("folder", type=options.PATH, metavar="RUN")
@click.argument("names", nargs=-1, metavar="[ANALYSIS]...")
@click.option("--generation", "-g", type=int, metavar="G",
              help="Generation to analyse. [default: the last, or all probed ones]")  # fmt: skip
@click.option("--replicate", type=click.IntRange(min=0), default=0, show_default=True, metavar="R",
              help="Replicate, for an analysis of one.")  # fmt: skip
@click.option("--out", type=options.PATH, metavar="DIR",
              help="Folder of numbers and figures. [default: those in RUN]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
@click.option("--figures/--no-figures", default=True, help="Draw the figures.")
def analyse(
    folder: Path,
    names: Sequence[str],
    generation: int | None,
    replicate: int,
    out: Path | None,
    as_json: bool,
    figures: bool,
) -> None:
    """Analyse a complete RUN further: one ANALYSIS, or all.

    Numbers go to RUN/analyses, figures to RUN/figures, or both to DIR. Without a name, every
    analysis but stress is made for which the run has the data, and the others say what is missing.
    """
    import evosim
    from evosim.api.folders import open_single_run
    from evosim.engine.files import WriteError
    from evosim.metrics.analyses import ANALYSES

    run = open_single_run(folder)
    summaries = {}
    for name in names or [name for name in ANALYSES if not ANALYSES[name].asked]:
        try:
            done = evosim.analyse(run, name, generation=generation, replicate=replicate, out=out)
        except EvosimError as error:
            if names or not run.complete or isinstance(error, WriteError):
                raise
            say(f"{name}: {options.as_words(error)}\n", err=True)
            continue
        summaries[name] = done.summary
        if not as_json:
            say(f"{name}: {ANALYSES[name].description}\n\n{done.text}\n\n{done.path}")
        for path in done.plot() if figures else ():
            say(path, err=as_json)
        if not as_json:
            say("")
    if as_json:
        options.put_json(summaries)


@click.command()
@click.argument("folder", type=options.PATH, metavar="RUN")
@click.option("--generation", "-g", type=int, metavar="G",
              help="Generation to test. [default: of the first flip, or the last]")  # fmt: skip
@click.option("--environment", metavar="ENV",
              help="Environment to change. [default: the one trained in before]")  # fmt: skip
@click.option("--keys", multiple=True, metavar="KEY",
              help="Only numbers at or below this dotted key; can be given again.")  # fmt: skip
@click.option("--payoffs", is_flag=True, help="Also change what is paid.")
@click.option("--unfelt", is_flag=True, help="Also stimuli that a thing does not have yet.")
@click.option("--budget", type=click.IntRange(min=0), default=1000, show_default=True, metavar="N",
              help="Evaluations of the search over all numbers together.")  # fmt: skip
@click.option("--radius", type=click.FloatRange(min=0, min_open=True), default=0.25,
              show_default=True, metavar="SIZE", help="Size of the worst change.")  # fmt: skip
@click.option("--flip", type=options.PATH, metavar="FILE",
              help="Also write a scenario that meets the change that was found.")  # fmt: skip
@click.option("--out", type=options.PATH, metavar="DIR",
              help="Folder of numbers and figure. [default: those in RUN]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
@click.option("--figures/--no-figures", default=True, help="Draw the figure.")
def stress(folder: Path, as_json: bool, figures: bool, keys: Sequence[str], **how: Any) -> None:
    """Search for the change of the world that collapses RUN's minds.

    Nothing evolves: the minds of one generation are measured exactly in worlds that differ from
    theirs in single numbers, and in all of them together. Stopped, it goes on where it was.
    """
    import evosim

    done = evosim.stress(folder, keys=list(keys) or None, **how)
    if as_json:
        options.put_json(done.summary)
    else:
        say(f"{done.text}\n\n{done.path}")
    for path in done.plot() if figures else ():
        say(path, err=as_json)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=options.PATH,
                metavar="RUN RUN...")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
@click.option("--plot", type=options.PATH, metavar="FILE",
              help="Draw the comparison: svg, png or pdf.")  # fmt: skip
@click.option("--correction", type=click.Choice(["holm", "fdr_bh"]), default="holm",
              show_default=True, help="Correction of p-values for multiple tests.")  # fmt: skip
def compare(folders: Sequence[Path], as_json: bool, plot: Path | None, correction: str) -> None:
    """Compare runs: what differs between them, and by how much.

    An experiment stands for all its arms. Each run is compared with the first.
    """
    import evosim
    from evosim.plot.style import check_format

    if plot is not None:  # before what takes time
        check_format(plot.suffix.lstrip("."))
    done = evosim.compare(folders, correction=correction)
    if as_json:
        options.put_json(done.summary)
    else:
        say(done.text)
    if plot is not None:
        say(done.plot(plot), err=as_json)


@click.command()
@click.argument("source", metavar="SCENARIO_OR_RUN")
@click.option("--tensors", type=options.PATH, metavar="FILE",
              help="Write a level as T[s,a,s'], rewards and labels, to a .npz or .nc.")  # fmt: skip
@click.option("--trees", type=options.PATH, metavar="FILE.trees",
              help="Write the pedigree of a run as a tree sequence for tskit.")  # fmt: skip
@click.option("--courses", type=options.PATH, metavar="FILE.csv",
              help="Write every measure of a run or an experiment over the generations, a row "
              "for each number.")  # fmt: skip
@click.option("--measures", metavar="NAMES",
              help="For courses: only these, as alignment,payoff. [default: all]")  # fmt: skip
@click.option("--replicate", type=click.IntRange(min=0), metavar="R",
              help="Replicate of a run. [default: 0]")  # fmt: skip
@click.option("--environment", "-e", metavar="E",
              help="Environment, for tensors, like all below. [default: that of the first "
              "phase]")  # fmt: skip
@click.option("--level-seed", type=click.IntRange(0, 2**64 - 1), metavar="N",
              help="Seed of the level. [default: 0]")  # fmt: skip
@options.settings
@click.option(
    "--generation", "-g", type=int, metavar="G", help="Generation of a run. [default: the last]"
)
@click.option("--individual", "-i", type=_Individual(), metavar="I",
              help="Individual of a run whose reward is written: its number, best or median. "
              "[default: best]")  # fmt: skip
@click.option("--bound", type=click.IntRange(min=1), metavar="MIB",
              help="Refuse tensors that are larger. [default: 256]")  # fmt: skip
def export(
    source: str, tensors: Path | None, trees: Path | None, courses: Path | None, **options: Any
) -> None:
    """Write tensors, a pedigree or courses for other tools.

    One of --tensors, of a scenario or a run, --trees, of a run, and --courses, of a run or an
    experiment.
    """
    import evosim

    chosen = {name: value for name, value in options.items() if value not in (None, ())}
    if sum(what is not None for what in (tensors, trees, courses)) != 1:
        raise EvosimError(
            "say what to export, one of: --tensors FILE.npz (or FILE.nc), --trees FILE.trees, "
            "--courses FILE.csv"
        )
    if courses is not None:
        for name in chosen.keys() - {"measures"}:
            raise EvosimError(Argument(name), " is not about courses: they take only --measures")
        names = [*filter(None, map(str.strip, chosen.get("measures", "").split(",")))]
        say(evosim.export_courses(source, courses, measures=names or None))
        return
    if "measures" in chosen:
        raise EvosimError(Argument("measures"), " is about --courses")
    if tensors is not None:
        if "bound" in chosen:
            chosen["bound"] *= 2**20
        say(evosim.export_tensors(source, tensors, **chosen))
        return
    for name in chosen.keys() - {"replicate"}:
        raise EvosimError(Argument(name), " is about tensors: --trees takes only --replicate")
    assert trees is not None
    say(evosim.export_trees(source, trees, **chosen))


@click.command()
@click.argument("folder", type=options.PATH, metavar="RUN")
@click.option("--generation", "-g", type=int, metavar="G",
              help="Generation. [default: that before the first flip, in both worlds; the last "
              "where nothing flips]")  # fmt: skip
@click.option(
    "--environment",
    "-e",
    metavar="E",
    help="Environment. [default: the one that trained generation G]",
)
@click.option("--individual", "-i", type=_Individual(), default="median",
              show_default=True, metavar="I",
              help="Individual: its number, best or median.")  # fmt: skip
@click.option("--level", type=click.IntRange(min=0), metavar="L",
              help="Number of the level in its generation. [default: 0; across a flip one that is "
              "typical]")  # fmt: skip
@click.option("--replicate", type=click.IntRange(min=0), default=0, show_default=True, metavar="R",
              help="Replicate.")  # fmt: skip
@click.option("--out", type=options.PATH, metavar="FILE.gif",
              help="File to write. [default: one in RUN/figures]")  # fmt: skip
@click.option("--terminal", is_flag=True, help="Play it in the terminal instead.")
@click.option("--speed", type=float, default=8.0, show_default=True, metavar="N",
              help="Steps a second, from 0.01 to 1000.")  # fmt: skip
def replay(folder: Path, **options: Any) -> None:
    """Show a lifetime of RUN, as a GIF or in the terminal.

    Without a generation: the same individual on the same level before and after the first flip,
    side by side.
    """
    from evosim.api.folders import open_single_run

    path = open_single_run(folder).replay(**options)
    if path is not None:
        say(path)


@click.command()
@click.argument("folder", type=options.PATH, metavar="RUN")
@click.option("--out", type=options.PATH, metavar="FILE.html",
              help="File to write. [default: report.html in the folder]")  # fmt: skip
def report(folder: Path, out: Path | None) -> None:
    """Write what a run, experiment or study found as one HTML file.

    RUN is its folder. The file needs nothing beside it and no network.
    """
    import evosim

    say(evosim.report(folder, out))
