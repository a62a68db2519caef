"""Studies whose runs are made up: a folder as evosim writes it, with numbers of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evosim.engine import provenance
from evosim.study.folder import Record, StudyFolder
from evosim.study.reading import loads

HEAD = """
id         = "made"
title      = "A made-up study"
scenario   = "contraception"
replicates = {replicates}
seed       = 3
design     = "{design}"
{samples}
"""
PATIENCE = """
[parameters.patience]
label = "patience"
unit  = "1/step"
key   = "agent.patience"
{values}
"""
LOG = "range = [0.001, 0.5]\nsteps = 5\nscale = 'log'"
POPULATION = """
[parameters.population]
label  = "population size"
unit   = "individuals"
key    = "evolution.population"
values = [40, 80, 160]
"""
KINDS = """
[parameters.kind]
label = "kind of agent"
[[parameters.kind.levels]]
title = "looks one step ahead"
set   = ["agent.depth=1"]
at    = {at}
[[parameters.kind.levels]]
title = "looks far ahead"
set   = ["agent.depth=6"]
{far}
"""
ALIGNMENT = """
[measures.alignment]
label   = "alignment at the end"
unit    = "1"
measure = "alignment"
{threshold}
"""
RETAINED = """
[measures.retained]
label   = "alignment retained"
measure = "alignment_retained"
above   = 0.5
"""
BETWEEN = """
[measures.between]
label   = "variance between populations"
measure = "between"
"""

Numbers = Callable[[Mapping[str, Any], int], Mapping[str, tuple[float, ...]] | None]
"""What a run measures, by the values of its point and its replicate; None where it is missing."""


def text(
    *parts: str, design: str = "grid", samples: int | None = None, replicates: int = 10
) -> str:
    """A study file of these parts."""
    many = f"samples = {samples}" if samples else ""
    return HEAD.format(design=design, samples=many, replicates=replicates) + "".join(parts)


def made(path: Path, toml: str, numbers: Numbers) -> StudyFolder:
    """A study with made-up runs."""
    written = loads(toml)
    manifest = provenance.manifest(
        written.base, seed=written.study.seed, replicates=written.study.replicates
    )
    folder = StudyFolder.create(path, written, manifest)
    for key, replicate in folder.runs():
        point = folder.by_key[key]
        if (columns := numbers(point.values, replicate)) is not None:
            seed = point.seed(folder.seed, replicate)
            folder.write(
                Record(point=key, replicate=replicate, seed=seed, columns=columns, seconds=0.1)
            )
    return folder
