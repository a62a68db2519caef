"""The pages of the shipped studies: a table of all runs, figures, and what was found.

A study is lived in a folder of its own, which outlasts a kill; its runs go into a CSV, and page and
figures are made from that CSV and the study's file alone.
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evosim.errors import EvosimError
from evosim import scenario as scenarios
from evosim.gallery.pages import joined, table
from evosim.plot.studies import FIGURES, names_for
from evosim.study import reading
from evosim.study.folder import Record, StudyFolder
from evosim.study.reading import Written

OUT = Path("docs/studies")
WORK = Path("build/studies")

Tell = Callable[[str], object]


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
        self.facts = {
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
                        f"that it has now; make the table anew with: evosim gallery --studies"
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
            "make it with: evosim gallery --studies"
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
    study, base = written.study, written.base.id
    of = f"[{base}](../gallery/{base}.md)" if base in scenarios.catalogue() else f"`{base}`"
    return joined([
        f"# {study.title}",
        f"*{study.question}*",
        f"**Expected**, as written down before it was run. {study.expected}",
        f"**Found.** {study.finding}",
        *(f"![{study.title}: {FIGURES[n].title}]({file_of(study.id, n)})" for n in figures),
        "## Numbers",
        _as_code(describe(summary)),
        "## Run it again",
        _as_code(f"evosim study run {study.id}"),
        f"The scenario is {of}, the study's file [{study.id}.toml]"
        f"(../../studies/{study.id}.toml), which says where its numbers come from. Source: "
        f"{study.source}.",
        f"Made by `evosim gallery --studies {study.id}` from [{study.id}.csv]({study.id}.csv), "
        "which holds every run and its seed. All studies: [the index](README.md).",
    ])  # fmt: skip


def index(every: Iterable[Written]) -> str:
    """The table of all studies that have a page."""
    rows = [
        [
            f"[{w.study.id}]({w.study.id}.md)",
            w.study.question,
            " x ".join(p.label for p in w.study.parameters.values()),
            ", ".join(m.label for m in w.study.measures.values()),
            str(len(w.points) * w.study.replicates),
            w.study.finding.partition(". ")[0].rstrip("."),
        ]
        for w in every
    ]
    heads = ["study", "question", "over", "measures", "runs", "found"]
    return joined([
        "# Studies",
        "What ships as `evosim study run ID`. How to write one of your own: "
        "[docs/studies.md](../studies.md).",
        table(heads, rows),
        "Made by `make studies`; no page is written by hand.",
    ])  # fmt: skip


def file_of(study: str, figure: str) -> str:
    """The file of a figure."""
    return f"{study}-{figure}.svg"


def _as_code(text: str) -> str:
    return textwrap.indent(text, "    ", lambda line: bool(line.strip()))
