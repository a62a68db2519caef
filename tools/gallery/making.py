"""Making the gallery: experiments one scenario after another, records, figures, pages, index.

Experiments are run in folders of their own, which outlast a kill. One that is complete is left
alone, unless what it depends on has changed since (:mod:`evosim.gallery.depends`).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evosim
from evosim.engine.files import exists, explain, put
from evosim.engine.provenance import command_line
from evosim.errors import Argument, EvosimError, RunError
from evosim.execution.stop import Interrupted
from evosim.gallery import confirmation, pages, record
from evosim.gallery.depends import RUN_INPUTS, VERDICT_INPUTS, changed, depends
from evosim.gallery.record import SEED, Record
from evosim.scenario import shipped
from evosim.scenario.words import fingerprint, promise
from evosim.study import design, families
from evosim.study.experiment import ExperimentFolder

if TYPE_CHECKING:
    from evosim.api.experiments import Experiment
    from evosim.scenario import Scenario

OUT = Path("docs/gallery")
WORK = Path("build/gallery")

Report = Callable[[str], object]


def make(
    names: Sequence[str] = (),
    *,
    out: Path = OUT,
    work: Path = WORK,
    workers: int | None = None,
    progress: bool | None = None,
    report: Report = print,
    confirm: bool = False,
    worlds: bool = False,
    pilot: int = 0,
) -> None:
    """Run the experiments of scenarios and write their records and pages, and the index.

    Args:
        names: ids of the catalogue, or paths of files; none for the whole catalogue.
        out: the folder of records and pages.
        work: the folder of the experiments.
        workers, progress: see :func:`evosim.run`.
        report: called with each line on the progress.
        confirm: run what was frozen, on the seed of the confirmation, and write confirmatory
            records beside the others. What has one is not run again.
        worlds: run them over the worlds of their families, and write records over worlds beside the
            others.
        pilot: of so many worlds, and write no record.

    Raises:
        EvosimError: a scenario is wrong, or not as it was frozen, a folder cannot be written to, or
            experiments failed; the others are made all the same.
        Interrupted: it was stopped (Ctrl-C); called again, it goes on.
    """
    wanted = list(_with_experiments(names or list(shipped.catalogue()), report, worlds=worlds))
    seeds = {}
    if confirm:
        sources = {scenario.id: source for source, scenario in wanted}
        seeds = confirmation.seeds_of(out, sources, worlds=worlds)
    if confirm or (worlds and not pilot):
        for source, scenario in wanted:
            _first_record(scenario, source, out)  # what its page is made from
    for folder in (out, work):
        put(folder / ".trial", b"")  # before hours are spent on what goes there
        (folder / ".trial").unlink(missing_ok=True)
    failed: list[str] = []
    spent = 0.0
    for n, (source, scenario) in enumerate(wanted):
        left = len(wanted) - n - 1
        report(f"{scenario.id} ({n + 1} of {len(wanted)}, {left} left after it): {scenario.title}")
        try:
            found, seconds = _made(
                source, scenario, seeds.get(scenario.id), out, work, report, worlds=worlds,
                pilot=pilot, workers=workers, progress=progress,
            )  # fmt: skip
            if not pilot:
                write_page(record.read(out / f"{scenario.id}.json"), scenario, out)
        except Interrupted as stop:
            again = _command(names, out, work, confirm=confirm, worlds=worlds, pilot=pilot)
            text = f"stopped at {scenario.id}, {left} left after it. Continue with: {again}"
            raise Interrupted(stop.path, text) from None
        except EvosimError as error:
            failed.append(f"{scenario.id}: {error}")
            report(f"  failed: {error}")
            continue
        spent += seconds
        report(f"  {found['verdict']}, {seconds:.0f} s")
    if not pilot:
        write_index(out)
    made = pages.counted(len(wanted) - len(failed), "scenario")
    report(f"{made}, {spent:.0f} s in all: {work if pilot else out / 'README.md'}")
    if failed:
        heading = f"{pages.counted(len(failed), 'scenario')} failed"
        raise EvosimError("\n".join([heading, *failed]))


def _made(
    source: str,
    scenario: Scenario,
    seed: int | None,
    out: Path,
    work: Path,
    report: Report,
    *,
    worlds: bool,
    pilot: int,
    **how: Any,
) -> tuple[Record, float]:
    """The record of a scenario, written, and the seconds that its runs took in all.

    Args:
        seed: on which it is confirmed; None: the exploratory record is made.
        worlds: whether it is that over worlds.
        pilot: over so many worlds, and nothing is written.
        how: workers, progress.
    """
    confirm = seed is not None
    if confirm:
        known = confirmation.record_of(out, scenario.id, worlds=worlds)
        if known is not None and known["seed"] == seed:
            report("  was confirmed: it is lived once")
            return known, 0.0
    path = confirmation.file_of(out, scenario.id, worlds=worlds, confirm=confirm)
    done, seconds = _complete_experiment(
        scenario,
        work / (f"{scenario.id}.pilot" if pilot else path.stem),
        report,
        seed=SEED if seed is None else seed,
        tuned=not (confirm or worlds),
        worlds=pilot or (design.family_of(scenario).worlds if worlds else 0),
        **how,
    )
    found = record.record_of(done.summary, source)
    if confirm or worlds:
        found["promise"] = promise(source, worlds=worlds)
    if pilot:
        report(done.verdict)
    else:
        put(path, record.to_text(found).encode())
    return found, seconds


def freeze(
    names: Sequence[str] = (), *, out: Path = OUT, report: Report = print, worlds: bool = False
) -> None:
    """Freeze those scenarios for a confirmation that are not frozen yet.

    Args:
        names: ids of the catalogue, or paths of files; none for the whole catalogue.
        out: the folder of the records.
        report: called with what was frozen.
        worlds: freeze their families too, for a confirmation over worlds.

    Raises:
        EvosimError: a scenario is wrong or not the one of its record, or all are frozen.
    """
    wanted = _with_experiments(names or list(shipped.catalogue()), report, worlds=worlds)
    sources = {scenario.id: source for source, scenario in wanted}
    frozen = confirmation.freeze(sources, out, worlds=worlds)
    what = pages.counted(len(frozen.scenarios), "scenario")
    report(
        f"{out / confirmation.FILES[worlds]}: {what} frozen; seed of the confirmation: "
        f"{frozen.seed}. Commit it, then: evosim gallery {'--worlds ' * worlds}--confirm"
    )


def make_pages(names: Sequence[str] = (), *, out: Path = OUT, report: Report = print) -> None:
    """Write pages, figures and the index anew from the records that are there.

    Words that were changed in a scenario's file are taken into its record.

    Args:
        names: ids of the catalogue, or paths of files; none for all that have a record.
        out: the folder of records and pages.
        report: called with each line on the progress.

    Raises:
        EvosimError: a scenario has no record, its file is not the one that was run, or there are
            no records at all.
    """
    names = names or [path.stem for path in _records(out)]
    if not names:
        raise EvosimError(f"{out}: no records to make pages from; make them with: evosim gallery")
    for name in names:
        scenario = evosim.check(name)
        source = shipped.read(shipped.find(name))
        found = _first_record(scenario, source, out)
        found = record.with_words_of(scenario, record.with_marks_of(scenario, found))
        put(out / f"{scenario.id}.json", record.to_text(found).encode())
        for worlds, confirm in ((False, True), (True, False), (True, True)):
            how = {"worlds": worlds, "confirm": confirm}
            if (other := confirmation.beside(out, found, **how)) is not None:
                if worlds and other["drawn"] != _drawn(scenario, other):
                    raise EvosimError(
                        f"{scenario.id}: its family was changed after its record over worlds was "
                        f"made; make it again with: evosim gallery {name} --worlds"
                    )
                other = record.with_words_of(scenario, other)
                put(confirmation.file_of(out, scenario.id, **how), record.to_text(other).encode())
        write_page(found, scenario, out)
        report(f"{scenario.id}: {found['verdict']}")
    write_index(out)


def _first_record(scenario: Scenario, source: str, out: Path) -> Record:
    """The exploratory record of a scenario in its own world.

    Raises:
        EvosimError: it has none, or its file is not the one that was run.
    """
    found = record.read(out / f"{scenario.id}.json")
    if found["scenario_sha256"] != fingerprint(source):
        raise EvosimError(
            f"{scenario.id}: the scenario was changed after its record was made; "
            f"make it again with: evosim gallery {scenario.id}"
        )
    return found


def _drawn(scenario: Scenario, found: Record) -> dict[str, list[Any]]:
    """What the worlds of a record would be, by the family as it is now."""
    return families.drawn(design.family_of(scenario), found["seed"], found["worlds"])


def write_page(found: Record, scenario: Scenario, out: Path) -> None:
    """Write the page of a record and its figures; one that it no longer has is removed."""
    from evosim.plot import style
    from evosim.plot.registry import OF
    from evosim.plot.summaries import names_for

    figures, over = OF["experiment"], confirmation.over_worlds(out, found)
    has = {name: one for one in [found, *over] for name in names_for("experiment", one)}
    for name in figures:
        path = out / pages.file_of(scenario.id, name)
        if name not in has:
            path.unlink(missing_ok=True)
            continue
        drawn = figures[name].figure(has[name], design.reference(scenario))
        style.write(drawn, path, title=f"{found['title']}: {figures[name].title}")
    text = pages.page(found, confirmation.beside(out, found), over)
    put(out / f"{scenario.id}.md", text.encode())


def write_index(out: Path) -> None:
    """Write the index of all records in a folder."""
    found = [record.read(path) for path in _records(out)]
    confirmed = [made for one in found if (made := confirmation.beside(out, one)) is not None]
    over = [one for each in found for one in confirmation.over_worlds(out, each)]
    put(out / "README.md", pages.index(found, confirmed, over).encode())


def _command(
    names: Sequence[str],
    out: Path,
    work: Path,
    *,
    confirm: bool = False,
    worlds: bool = False,
    pilot: int = 0,
) -> str:
    """What makes the gallery in these folders, to be typed in."""
    what = [*["--worlds"] * worlds, *[f"--pilot={pilot}"] * bool(pilot), *["--confirm"] * confirm]
    places = [f"--{key}={path}" for key, path, usual in (("out", out, OUT), ("work", work, WORK))
              if path != usual]  # fmt: skip
    return command_line(["evosim", "gallery", *names, *what, *places])


def _records(out: Path) -> list[Path]:
    return sorted(path for path in out.glob("*.json") if not confirmation.is_one(path))


def _with_experiments(
    names: Sequence[str], report: Report, *, worlds: bool
) -> Iterator[tuple[str, Scenario]]:
    """Text and scenario of each name; all are checked before the first is run."""
    checked = [(shipped.read(shipped.find(name)), evosim.check(name)) for name in names]
    for source, scenario in checked:
        if scenario.experiment is None:
            report(f"{scenario.id}: left out, it has no [experiment]")
        elif worlds and scenario.family is None:
            report(f"{scenario.id}: left out, it has no [family]")
        else:
            yield source, scenario


def _complete_experiment(
    scenario: Scenario,
    path: Path,
    report: Report,
    *,
    seed: int,
    tuned: bool,
    worlds: int,
    workers: int | None,
    progress: bool | None,
) -> tuple[Experiment, float]:
    """The complete experiment of a scenario, and the seconds that it took in all.

    Whatever is in its folder is continued, evaluated again or run again, as it needs.

    Args:
        tuned: whether the values of what was tuned are run too.
        worlds: of the family, in place of the scenario as it is; 0: none.
    """
    now = depends(scenario)
    notes = path.with_name(f"{path.name}.json")
    known = read_notes(notes) if ExperimentFolder.is_at(path) else None
    why = _rerun_reason(path, scenario, known, now, seed=seed, tuned=tuned, worlds=worlds)
    if exists(path) and why:
        if not ExperimentFolder.is_at(path):
            raise RunError(
                f"{path} is in the way: it is no experiment; choose another place with ",
                Argument("work"),
            )
        remove(path)
        report(f"  run again: {why}")
        known = None
    elif known and changed(known, now, VERDICT_INPUTS):
        ExperimentFolder(path).invalidate(scenario)
        report(f"  evaluated again: {changed(known, now, VERDICT_INPUTS)}")
    elif known and evosim.open_experiment(path).complete:
        report("  was complete")
    seconds = known.get("seconds", 0.0) if known else 0.0
    with _timed(notes, now, seconds):
        if known is None:
            done = evosim.experiment(
                scenario, seed=seed, tuned=tuned, worlds=worlds, out=path, workers=workers,
                figures=False, progress=progress,
                command=record.command(scenario.id, seed, tuned=tuned, worlds=worlds),
            )  # fmt: skip
        else:
            resumed = evosim.resume(path, workers=workers, progress=progress)
            assert isinstance(resumed, evosim.Experiment)
            done = resumed
    return done, read_notes(notes)["seconds"]


def _rerun_reason(
    path: Path,
    scenario: Scenario,
    known: Any,
    now: Mapping[str, str],
    *,
    seed: int,
    tuned: bool,
    worlds: int,
) -> str:
    """Why an experiment has to be run again, in words; empty where it has not."""
    if not known:
        return "it is not known what it was run with"
    try:
        there = ExperimentFolder(path)
    except EvosimError as error:
        return str(error)
    if there.seed != seed:
        return "it was run with another seed"
    if there.manifest.get("worlds", 0) != worlds:
        return "it was run in another number of worlds"
    if not there.holds(scenario, tuned=tuned):
        return "the scenario or its arms were changed"
    return changed(known, now, RUN_INPUTS)


@contextlib.contextmanager
def _timed(notes: Path, now: Mapping[str, str], before: float) -> Iterator[None]:
    """Notes what is run, and for how long it was until it ended or was stopped."""
    put(notes, json.dumps({**now, "seconds": before}).encode())
    began = time.monotonic()
    try:
        yield
    finally:
        seconds = before + time.monotonic() - began
        put(notes, json.dumps({**now, "seconds": seconds}).encode())


def read_notes(notes: Path) -> Any:
    """What an experiment or a study was run with; None where there are no notes."""
    try:
        known = json.loads(notes.read_text(encoding="utf-8"))
        return known if isinstance(known.get("seconds", 0.0), int | float) else None
    except (OSError, ValueError, AttributeError):
        return None


def remove(path: Path) -> None:
    """Remove the folder of an experiment or a study.

    Raises:
        RunError: it cannot be removed.
    """
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise RunError(explain(error, path, "remove")) from error
