"""A run on disk, and its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from os.path import isdir
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from evosim import plot
from evosim.api._arguments import accepting
from evosim.engine.files import WriteError, exists, or_elsewhere
from evosim.engine.folders import GONE, check_there
from evosim.engine.run_folder import RunFolder
from evosim.errors import Command, EvosimError, RunError, did_you_mean, from_here, whole_number
from evosim.execution.runner import finite, read_summary, summary_of, write_summary
from evosim.plot.drawing import FORMATS, Failed, names_of_run
from evosim.process import place

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from evosim.plot.episode import Episode
    from evosim.plot.output import Output
    from evosim.scenario import Scenario


class Run:
    """A run on disk: its data, its summary, its figures.

    Attributes:
        path: its folder.
        plot: one method a figure; ``run.plot.flip()`` draws it and returns the files,
            ``run.plot()`` draws all. :meth:`figure` draws one without writing it.

    Raises:
        RunError: no run is there.

    Example:
        >>> import evosim
        >>> run = evosim.open_run("runs/contraception-1")
        >>> run
        <Run 'runs/contraception-1': contraception, seed 1, 2 replicates>
        >>> run.summary["flips"][0]["verdict"]
        'mixed'
        >>> run.data["score"].dims
        ('replicate', 'generation', 'individual')
    """

    def __init__(self, path: str | Path) -> None:
        self._folder = RunFolder(place(path))
        self.path = self._folder.path
        self.plot = Plots(self)

    @property
    def scenario(self) -> Scenario:
        """The scenario it ran, resolved."""
        return self._folder.scenario

    @property
    def seed(self) -> int:
        """The seed that all numbers follow from, 0 .. 2**64 - 1."""
        return self._folder.seed

    @property
    def manifest(self) -> dict[str, Any]:
        """What run.json holds: seed, replicates, command, versions, machine, parent."""
        return dict(self._folder.manifest)

    @property
    def complete(self) -> bool:
        """Whether every generation is done and the summary is written."""
        return exists(self._folder.data_path) and exists(self._folder.summary_path)

    @cached_property
    def data(self) -> xr.Dataset:
        """The run's dataset, read from disk where it is used.

        Every variable has ``replicate`` as its first dimension, and its unit and meaning in
        ``attrs``; docs/architecture.md lists them. Of an unfinished run it holds the generations
        that all replicates have simulated.

        Raises:
            RunError: nothing is done yet, or the file is damaged.

        Example:
            >>> import evosim
            >>> data = evosim.open_run("runs/contraception-1").data
            >>> data["alignment"].dims
            ('replicate', 'probe', 'environment', 'mind', 'sample')
            >>> data["lifespan"].attrs["units"]
            'steps'
        """
        from evosim.engine.dataset import open_dataset

        return open_dataset(self._folder)

    @contextmanager
    def _arrays(self) -> Iterator[xr.Dataset]:
        """The data as the built-in figures read them: where that can be done, without xarray."""
        from evosim.engine.dataset import open_arrays

        if "data" in self.__dict__ or not exists(self._folder.data_path):
            yield self.data
            return
        with open_arrays(self._folder, lambda: self.data) as arrays:
            yield cast("xr.Dataset", arrays)

    @property
    def summary(self) -> dict[str, Any]:
        """What summary.json holds: flips with their verdicts, the final population.

        docs/measures explains every number. Numbers of a flip are means over replicates, and
        ``intervals`` has theirs by the same names; what is undefined is None.

        Raises:
            RunError: the run is not complete, or the summary is damaged and so are the data.
        """
        check_there(self.path)
        if not exists(self.summary_path):
            raise not_complete(self.path, "run")
        found = read_summary(self._folder)
        if found is None:
            try:
                found = write_summary(self._folder)
            except WriteError:  # of a folder that one may only read
                found = finite(summary_of(self._folder))
        return dict(found)

    @property
    def verdict(self) -> str:
        """The summary for people: plain text, a block a flip, with the thresholds.

        Raises:
            RunError: the run is not complete.
        """
        from evosim.metrics.summary_text import describe

        return describe(self.summary)

    @property
    def summary_path(self) -> Path:
        """The file of the summary."""
        return self._folder.summary_path

    @property
    def files(self) -> list[Path]:
        """What a reader may want to open: the data, the summary, the figures."""
        return [self._folder.data_path, self.summary_path, *self.figures]

    @property
    def figures(self) -> list[Path]:
        """The figures drawn so far."""
        return figures_in(self._folder.figures_path)

    def figure(self, name: str, *, axes: Any = None) -> Figure:
        """One figure, in memory: nothing is written, and a notebook shows it.

        Args:
            name: of :data:`evosim.plot.FIGURES`.
            axes: draw into these matplotlib Axes instead of into a new figure: one, or an array
                as ``plt.subplots`` returns it with as many as the figure has panels, row by row.
                ``genes`` takes one for all drives together. Names at the ends of lines stand to
                the right of their axes: ``layout="constrained"`` leaves room for them. Notes and
                the names of environments are left out.

        Returns:
            The figure; the one that the axes are in where they are given.

        Raises:
            EvosimError: no figure of that name, the data lack what it needs, it cannot be drawn
                into axes (``level``), or it takes another number of them.

        Example:
            >>> import evosim
            >>> from matplotlib.figure import Figure
            >>> run = evosim.open_run("runs/contraception-1")
            >>> run.figure("flip")
            <Drawing size ... Axes>
            >>> mine = Figure(layout="constrained")
            >>> left, right = mine.subplots(1, 2)
            >>> run.figure("flip", axes=left) is mine
            True
        """
        return self.plot.figure(name, axes=axes)

    @accepting
    def replay(
        self,
        *,
        generation: int | None = None,
        environment: str | None = None,
        individual: int | Literal["best", "median"] = "median",
        level: int | None = None,
        replicate: int = 0,
        out: str | Path | None = None,
        terminal: bool = False,
        speed: float = 8.0,
    ) -> Path | None:
        """One lifetime once more: as a GIF, or played in the terminal.

        Without a generation and an environment, of a run with a flip: two lifetimes side by side,
        of the same individual on the same level, in the worlds before and after the first flip.

        Args:
            generation: that before the first flip if None; without a flip the last one with any
                individuals.
            environment: the one that trained on the level if None.
            individual: its number, or "best" or "median", by the score of its generation.
            level: which of the generation's levels; 0 if None, across a flip one that is typical.
            replicate: which replicate.
            out: the GIF; one in the run's ``figures`` if None.
            terminal: play it on standard output instead.
            speed: steps a second, from 0.01 to 1000; a GIF has at most 50 frames a second.

        Returns:
            The path of the GIF; None where it was played.

        Raises:
            EvosimError: there is no such generation, environment, individual ... in the run, or
                ``out`` has another suffix than ``.gif``, a speed out of range.

        Example:
            >>> import evosim
            >>> run = evosim.open_run("runs/contraception-1")
            >>> run.replay(generation=2, individual="median", out="life.gif").name
            'life.gif'
        """
        from evosim.plot.episode import across_flip, last_inhabited_generation

        replicate = whole_number("replicate", replicate)
        if level is not None:
            level = whole_number("level", level)
        if not isinstance(individual, str):
            individual = whole_number("individual", individual)
        file = None if out is None else place(out)
        if file is not None and file.suffix != ".gif":
            raise EvosimError(f"{out}: a replay is written as .gif")
        if generation is not None:
            generation = whole_number("generation", generation)
        data = self.data
        episodes: Sequence[Episode] = ()
        last = last_inhabited_generation(data, replicate)
        flips = [flip for flip in self.scenario.flips if flip.generation - 1 <= last]
        if generation is None and environment is None and flips:
            before = flips[0].generation - 1
            episodes = across_flip(
                data, self._folder.scenario_at(before), flips[0], individual=individual,
                level=level, replicate=replicate,
            )  # fmt: skip
            name = f"replay-flip-{flips[0].generation}-{individual}.gif"
        else:
            generation = last if generation is None else generation
            episode = plot.episode_of(
                data,
                self._folder.scenario_at(generation),
                generation=generation,
                environment=environment,
                individual=individual,
                level=level or 0,
                replicate=replicate,
            )
            episodes = (episode,)
            name = f"replay-{generation}-{episode.environment.name}-{individual}.gif"
        if terminal:
            for episode in episodes:
                plot.replay_terminal(episode, speed=speed)
            return None
        file = file or self._folder.figures_path / name
        with or_elsewhere("out"):
            return plot.replay_gif(episodes, file, speed=speed)

    def report(self, out: str | Path | None = None) -> Path:
        """Write what it found as one HTML file: see :func:`evosim.report`.

        Example:
            >>> import evosim
            >>> evosim.open_run("runs/contraception-1").report("run.html").name
            'run.html'
        """
        return write_report(self, out)

    def resume(self, **options: Any) -> Run:
        """Go on with it, to the same end: see :func:`evosim.resume`, which has the options.

        Example:
            >>> import evosim
            >>> evosim.open_run("runs/contraception-1").resume().complete
            True
        """
        from evosim.api.running import resume_run

        return resume_run(self.path, **options)

    def fork(self, at: int, **options: Any) -> Run:
        """Another future from generation ``at``: see :func:`evosim.fork`, which has the options.

        Example:
            >>> import evosim
            >>> run = evosim.open_run("runs/contraception-1")
            >>> run.fork(4, seed=2, out="runs/again", figures=False).seed
            2
        """
        from evosim.api.running import fork

        return fork(self.path, at, **options)

    def _repr_html_(self) -> str:
        from evosim.api import _html

        return _html.of_run(self)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        if not isdir(self.path):
            return from_here(f"<Run {str(self.path)!r}: {GONE}>")
        n = self.manifest["replicates"]
        state = "" if self.complete else ", not complete"
        words = f"{self.scenario.id}, seed {self.seed}, {n} replicate{'s' * (n != 1)}{state}"
        return from_here(f"<Run {str(self.path)!r}: {words}>")


class Plots:
    """Draws the figures of a run: one method a figure, or all of them when called."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @accepting
    def __call__(
        self,
        *names: str,
        folder: str | Path | None = None,
        formats: Sequence[str] = FORMATS,
        width: float | None = None,
        style: str = "paper",
        data: str | Path | None = None,
    ) -> list[Path]:
        """Draw figures.

        Args:
            names: which; none for all that the run has the data for.
            folder: where; the run's own ``figures`` if None.
            formats: of svg, png, pdf.
            width: inches; all in a figure grows with it. None: 3.4 for one column, 7 for two.
            style: ``paper``, or ``slides``: larger, and without the note at the foot.
            data: write the numbers that are drawn to this CSV: figure, panel, series, x, y.

        Returns:
            The files.

        Raises:
            EvosimError: no figure of that name, or the data lacks what it needs.

        Example:
            >>> import evosim
            >>> run = evosim.open_run("runs/contraception-1")
            >>> [path.name for path in run.plot("flip", formats=["svg"], folder="drawn")]
            ['flip.svg']
        """
        output = output_of(width, style, data)
        with or_elsewhere("folder"):
            return self._draw(names, folder=folder, formats=formats, output=output)

    def _draw(
        self,
        names: Sequence[str],
        *,
        folder: str | Path | None = None,
        formats: Sequence[str] = FORMATS,
        failed: Failed | None = None,
        output: Output | None = None,
    ) -> list[Path]:
        run = self._run
        with run._arrays() as data:
            return plot.draw(
                data,
                run.scenario,
                names or None,
                folder=run.path / "figures" if folder is None else place(folder),
                formats=formats,
                failed=failed,
                output=output,
                **self._beside_the_data(data, names or tuple(plot.FIGURES)),
            )

    def figure(self, name: str, *, axes: Any = None) -> Figure:
        """See :meth:`Run.figure`."""
        run = self._run
        _ = plot.FIGURES[name]  # refuses a name
        with run._arrays() as data:
            return plot.figure(
                name, data, run.scenario, axes=axes, **self._beside_the_data(data, (name,))
            )

    def _beside_the_data(self, data: xr.Dataset, names: Sequence[str]) -> dict[str, Any]:
        """What figures of those names are drawn from, beside the data and the scenario."""
        from evosim.plot.episode import across_flip, last_inhabited_generation
        from evosim.plot.run_view import neutral_bands

        run = self._run
        last, flips = last_inhabited_generation(data, 0), run.scenario.flips
        shown = flips[0].generation - 1 if flips and flips[0].generation <= last else last
        episode: Any = None
        if shown < run._folder.history and "level" in names:  # of the run that this is a fork of
            then = run._folder.scenario_at(shown)
            episode = (
                plot.episode_of(data, then, generation=last)
                if shown == last
                else across_flip(data, then, flips[0])
            )
        return {
            "neutral": neutral_bands(data, run.scenario) if "genes" in names else None,
            "episode": episode,
            "summary": run.summary if run.complete else None,
        }

    def __getattr__(self, name: str) -> Callable[..., list[Path]]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            known = name in plot.FIGURES
        except EvosimError as error:  # a broken plugin: hasattr() must be able to say no
            raise AttributeError(f"no figure {name!r}: {error}") from error
        if not known:
            raise AttributeError(f"no figure {name!r}: {did_you_mean(name, plot.FIGURES)}")

        def draw(**options: Any) -> list[Path]:
            return self(name, **options)

        draw.__name__ = name
        draw.__doc__ = f"Draw {plot.FIGURES[name].title}; returns the files."
        return draw

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *plot.FIGURES]


def output_of(width: float | None, style: str, data: str | Path | None) -> Output:
    """How figures are to be written, of what a user said."""
    from evosim.plot.output import Output

    return Output(width=width, style=style, data=None if data is None else place(data))


def open_run(path: str | Path) -> Run:
    """A run on disk, complete or not.

    Raises:
        RunError: no run is there.

    Example:
        >>> import evosim
        >>> evosim.open_run("runs/contraception-1").complete
        True
    """
    return Run(path)


def write_report(source: object, out: str | Path | None) -> Path:
    """Write the page of a run, an experiment or a study: pages are made far above this package."""
    written: Path = import_module("evosim.web.report").report(source, out)
    return written


def missing_figures(done: Run) -> list[str]:
    """Figures that were asked for, or that the run has the data for, and that are not all there."""
    from evosim.plot.run_view import RunView

    names = done.manifest["figures"]
    if names is True:
        with done._arrays() as data:
            names = names_of_run(RunView(data=data, scenario=done.scenario))
    folder = done.path / "figures"
    return [
        name for name in names if not all(exists(folder / f"{name}.{suffix}") for suffix in FORMATS)
    ]


def not_complete(path: Path, what: str) -> RunError:
    """The error about a folder that has to be complete, and is not."""
    return RunError(f"{path}: the {what} is not complete; continue with: ", Command("resume", path))


def figures_in(folder: Path) -> list[Path]:
    """The figures of a folder, without those half written."""
    return sorted(p for p in folder.glob("*.*") if not p.name.startswith("."))
