"""The pages of the shipped studies: a table of all runs, figures, and what was found.

A study is run in a folder of its own, which outlasts a kill; its runs go into a CSV, and page and
figures are made from that CSV and the study's file alone. So a page can be made again without
running anything, and a test can compare it.
"""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim import scenario as scenarios
from evosim.api.folders import resume
from evosim.api.studies import Study, run_study
from evosim.engine.files import is_file, put
from evosim.errors import EvosimError
from evosim.gallery import making, pages
from evosim.gallery.depends import (
    METRIC_MODULES,
    RUN_INPUTS,
    VERDICT_INPUTS,
    changed,
    code,
    depends,
)
from evosim.gallery.making import Report
from evosim.plot import style
from evosim.plot.registry import OF
from evosim.plot.summaries import names_for
from evosim.scenario.words import WORDS, is_confirmatory
from evosim.study import reading
from evosim.study.export import export
from evosim.study.folder import Record, StudyFolder
from evosim.study.reading import Written
from evosim.study.report import describe
from evosim.study.summary import summarize

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.study.schema import Study as Schema

FIGURES = OF["study"]
OUT = Path("docs/studies")
WORK = Path("build/studies")
SHOWN = ("phase", "interaction")
"""Figures that a page has."""


# Making


def make(
    names: Sequence[str] = (),
    *,
    out: Path = OUT,
    work: Path = WORK,
    workers: int | None = None,
    progress: bool | None = None,
    report: Report = print,
) -> None:
    """Run the shipped studies and write their tables, pages and figures, and the index.

    What was stopped or killed is continued; what is complete is not run again, unless the
    study or the code that runs it was changed.

    Args:
        names: ids of shipped studies; none for all of them.
        out: the folder of tables and pages.
        work: the folder of the studies' own folders.
        workers, progress: see :func:`evosim.run_study`.
        report: called with each line on the progress.

    Raises:
        EvosimError: a study is wrong, a folder cannot be written to, or runs failed.
        Interrupted: it was stopped (Ctrl-C); called again, it goes on.
    """
    write_index(out)  # which shows whether the folder can be written to, before hours are spent
    for written in _shipped(names):
        study = written.study
        report(f"{study.id}: {study.title}")
        done = _complete_study(written, work / study.id, report, workers=workers, progress=progress)
        if done.failures:
            raise EvosimError(
                f"{study.id}: {pages.counted(len(done.failures), 'run')} failed; for their errors: "
                f"evosim study status {done.path}"
            )
        export(StudyFolder(done.path), out / f"{study.id}.csv")
        write_page(written, out)
    write_index(out)


def make_pages(names: Sequence[str] = (), *, out: Path = OUT, report: Report = print) -> None:
    """Write pages, figures and the index anew from the tables that are there.

    Args:
        names: ids of shipped studies; none for all of them.
        out: the folder of tables and pages.
        report: called with each line on the progress.

    Raises:
        EvosimError: a study has no table, or one of other points, seeds or measures.
    """
    for written in _shipped(names):
        write_page(written, out)
        report(f"{written.study.id}: {out / written.study.id}.md")
    write_index(out)


def write_page(written: Written, out: Path) -> None:
    """Write the page of a study and its figures, from its table."""
    study = written.study
    summary = summarize(Recorded(written, out / f"{study.id}.csv"))
    shown = [name for name in SHOWN if name in names_for("study", summary)]
    for name in shown:
        path = out / file_of(study.id, name)
        title = f"{study.title}: {OF['study'][name].title}"
        style.write(FIGURES[name].figure(summary), path, title=title)
    put(out / f"{study.id}.md", page(written, summary, shown).encode())


def write_index(out: Path) -> None:
    """Write the index of all shipped studies that have a table in a folder."""
    there = [w for w in _shipped() if is_file(out / f"{w.study.id}.csv")]
    put(out / "README.md", index(there).encode())


def _shipped(names: Sequence[str] = ()) -> list[Written]:
    """Studies by id, all of them checked; all that ship if none is named."""
    return [reading.load(name) for name in names or reading.catalogue()]


def _complete_study(
    written: Written, path: Path, report: Report, *, workers: int | None, progress: bool | None
) -> Study:
    """A study completed in a folder, which is cleared where it is of another one."""
    notes, now = path.with_name(f"{path.name}.json"), _depends(written.base)
    why = _rerun_reason(written, path, notes, now)
    if why and StudyFolder.is_at(path):
        report(f"  run again: {why}")
        making.remove(path)
    put(notes, json.dumps(now).encode())
    if StudyFolder.is_at(path):
        done = resume(path, workers=workers, progress=progress)
        assert isinstance(done, Study)
        return done
    return run_study(
        reading.catalogue()[written.study.id], out=path, workers=workers, figures=False,
        progress=progress, command=f"evosim study run {written.study.id}",
    )  # fmt: skip


def _rerun_reason(written: Written, path: Path, notes: Path, now: Mapping[str, str]) -> str:
    """Why a study has to be run from the start, in words; empty where it has not."""
    try:
        there = StudyFolder(path)
        if _run_inputs(there.study, there.base) != _run_inputs(written.study, written.base):
            return "the study or its scenario was changed"
    except (EvosimError, OSError, ValueError):
        before = None
    else:
        before = making.read_notes(notes)
    if before is None:
        return "it is not known which code and libraries it was run with"
    return changed(before, now, {**RUN_INPUTS, "measures": VERDICT_INPUTS["measures"]})


def _depends(base: Scenario) -> dict[str, str]:
    """A hash of each thing that the runs of a study depend on, beside the study."""
    known = depends(base)
    return {**{key: known[key] for key in RUN_INPUTS}, "measures": code(METRIC_MODULES)}


def _run_inputs(study: Schema, base: Scenario) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the runs of a study depend on: all of it but words, and what judges them."""
    presentation = {"label", "unit", "above", "below"}
    return {k: v for k, v in base.to_dict().items() if k not in WORDS}, study.model_dump(
        exclude={
            **dict.fromkeys(
                ("title", "question", "expected", "finding", "pilots", "frozen", "source"), True
            ),
            "confidence": True,
            "parameters": {name: {"label", "unit"} for name in study.parameters},
            "measures": dict.fromkeys(study.measures, presentation),
        }
    )


# The table


class Recorded(StudyFolder):
    """A study whose runs stand in the table that was exported of it, and in no folder.

    Args:
        written: the study as it is now.
        table: the CSV.

    Raises:
        EvosimError: there is no such table, or it is of other points, seeds or measures.
    """

    def __init__(self, written: Written, table: Path) -> None:
        self.path = table
        self.manifest = {
            "identity": "",
            "seed": written.study.seed,
            "replicates": written.study.replicates,
        }
        self.study = written.study
        self.base = written.base
        self.points = written.points
        self._records = {(r.point, r.replicate): r for r in _rows(table, written)}
        for point in self.points:
            for replicate in range(self.replicates):
                found = self._records.get((point.key, replicate))
                if found is None or found.seed != point.seed(self.seed, replicate):
                    raise EvosimError(
                        f"{table}: no run of {point.shown}, replicate {replicate}, with the seed "
                        f"that it has now; make the table again with: evosim study pages"
                    )

    def read(self, key: str, replicate: int) -> Record | None:
        return self._records.get((key, replicate))

    def read_failure(self, key: str, replicate: int) -> Record | None:
        return None


def _rows(table: Path, written: Written) -> Iterator[Record]:
    """The runs of a table, as they were written to their files."""
    try:
        with open(table, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield Record(
                    point=row["point"],
                    replicate=int(row["replicate"]),
                    seed=int(row["seed"]),
                    columns={name: _columns(row, name) for name in written.study.measures},
                    seconds=0.0,
                )
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise EvosimError(
            f"{table}: no table of {written.study.id!r} ({type(error).__name__}: {error}); "
            "make it with: evosim study pages"
        ) from error


def _columns(row: Mapping[str, str], name: str) -> tuple[float, ...]:
    """What a run measured: NAME.1, NAME.2 ... where it is several numbers, else NAME."""
    several = [key for key in row if key.startswith(f"{name}.") and key[len(name) + 1 :].isdigit()]
    return tuple(float(row[key]) if row[key] else float("nan") for key in several or [name])


# Pages


def page(written: Written, summary: Mapping[str, Any], figures: Sequence[str]) -> str:
    """The page of a study, in Markdown.

    Args:
        summary: of :func:`evosim.study.summary.summarize`.
        figures: the names of those that there are.
    """
    study, base = _literal(written.study), written.base.id
    shipped = base in scenarios.catalogue()
    about = f"../gallery/{base}.md" if shipped else f"../../studies/{study.scenario}"
    return pages.joined([
        f"# {study.title}",
        f"*{study.question}*",
        pages.status(is_confirmatory(*written.sources), study.pilots),
        *(f"![{study.title}: {FIGURES[n].title}]({file_of(study.id, n)})" for n in figures),
        "## Expected",
        pages.quoted(study.expected),
        "## Found",
        study.finding,
        "## Numbers",
        _as_code(describe(summary)),
        "## Run it again",
        _as_code(f"evosim study run {study.id}"),
        f"The scenario is [{base}]({about}). The study's file [{study.id}.toml]"
        f"(../../studies/{study.id}.toml) says where its numbers come from. Source: "
        f"{study.source}.",
        f"Made by `evosim study pages {study.id}` from [{study.id}.csv]({study.id}.csv), "
        "which holds every run and its seed. All studies: [the index](README.md).",
    ])  # fmt: skip


def index(every: Sequence[Written]) -> str:
    """The table of all studies that have a page."""
    rows = [
        [
            f"[{w.study.id}]({w.study.id}.md)",
            pages.literal(w.study.question),
            pages.literal(" x ".join(p.label for p in w.study.parameters.values())),
            pages.literal(", ".join(m.label for m in w.study.measures.values())),
            str(len(w.points) * w.study.replicates),
            pages.literal(w.study.finding.partition(". ")[0].rstrip(".")),
        ]
        for w in every
    ]
    heads = ["study", "question", "over", "measures", "runs", "found"]
    return pages.joined([
        "# Studies",
        "The shipped studies; `evosim study run ID` runs one. How to write your own: "
        "[docs/studies.md](../studies.md).",
        pages.statuses({w.study.id: is_confirmatory(*w.sources) for w in every}),
        pages.table(heads, rows),
        "Over the worlds of several scenarios:\n\n- [The law of collapse](law_of_collapse.md)",
        "Made by `make studies`; no page is written by hand.",
    ])  # fmt: skip


def _literal(study: Schema) -> Schema:
    """A study whose words Markdown shows as they stand."""
    words = ("title", "question", "expected", "finding", "pilots", "source")
    return study.model_copy(update={name: pages.literal(getattr(study, name)) for name in words})


def file_of(study: str, figure: str) -> str:
    """The file of a figure."""
    return f"{study}-{figure}.svg"


def _as_code(text: str) -> str:
    return textwrap.indent(text, "    ", lambda line: bool(line.strip()))
