"""Writes the pages of docs/ that are tables of what the code knows.

docs/keys.md: every key of a scenario and of a study, from the models that read them.
docs/measures/README.md: every metric, from the registry.

.venv/bin/python tools/tables.py
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from evosim.explain import ELSEWHERE
from evosim.metrics import METRICS
from evosim.scenario import Scenario, keys
from evosim.study.schema import Study

DOCS = Path(__file__).resolve().parents[1] / "docs"
KEYS, MEASURES = DOCS / "keys.md", DOCS / "measures" / "README.md"
HEAD = """\
# All keys

Every key of a scenario file, then of a study file. This page is written by `tools/tables.py` from
the models that read the files; `evosim explain agent.patience` shows one row of it.
[writing-scenarios.md](writing-scenarios.md) builds a scenario step by step, and
[studies.md](studies.md) a study; [model.md](model.md) says what the keys mean.

A key without a default is *needed* where its table is written; *left out* means that there is no
value unless the file gives one. NAME stands for a name of your own. A table in `[brackets]` can
also be written `{ in braces }` on one line. A *locus* is a number, which pins it, or `[lo, hi]`,
which lets it evolve, or `{ range = [lo, hi], start = ... }`.
"""
BEGIN, END = "<!-- metrics: written by tools/tables.py -->\n\n", "\n<!-- end of metrics -->\n"


def keys_page() -> str:
    """The text of docs/keys.md."""
    parts = [HEAD]
    for model, title in ((Scenario, "Scenario"), (Study, "Study")):
        parts.append(f"## {title}\n")
        for table in keys.tables(model):
            parts.append(_section(_heading(table.headers, title), table))
            if table.headers == ("[timeline]",):
                parts.append(_section("`[[timeline]]`, for phases that repeat", keys.repeats()))
    return "\n".join(parts)


def _section(heading: str, table: keys.Table) -> str:
    rows = [[f"`{key.name}`" if key.name else "*others*", *key[1:]] for key in table.keys]
    return "\n".join(
        [f"### {heading}", "", *_table(["key", "value", "default", "what it is"], rows), ""]
    )


def _heading(headers: Sequence[str], title: str) -> str:
    if headers == ("",):
        return f"At the top of a {title.lower()} file"
    return ", ".join(f"`[{header}]`" for header in headers)


def measures_page(text: str) -> str:
    """The page of measures with its table written anew.

    Args:
        text: the page as it is.
    """
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    pages = subjects()
    rows = []
    for name in METRICS:
        one = METRICS[name]
        figure = f"`{one.figure}`" if one.figure else ELSEWHERE
        named = f"[`{name}`]({pages[name]})" if name in pages else f"`{name}`"
        undefined = re.split("[;:]", one.undefined)[0] or "never"  # the rest: evosim explain
        rows.append([named, one.sentence, one.argument, one.unit, one.range, undefined, figure])
    head = ["name", "what it is", "of", "unit", "range", "undefined where", "figure"]
    return before + BEGIN + "\n".join(_table(head, rows)) + "\n" + END + after


def subjects() -> dict[str, str]:
    """The page that explains each metric: the one whose line of names has it."""
    found: dict[str, str] = {}
    for page in sorted([*DOCS.glob("measures/*.md"), *DOCS.glob("mechanisms/*.md")]):
        link = Path(os.path.relpath(page, MEASURES.parent)).as_posix()
        for line in re.findall(r"^Metrics: (.*(?:\n.+)*)", page.read_text(encoding="utf-8"), re.M):
            found |= dict.fromkeys(re.findall(r"`(\w+)`", line), link)
    return found


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    KEYS.write_text(keys_page(), encoding="utf-8")
    MEASURES.write_text(measures_page(MEASURES.read_text(encoding="utf-8")), encoding="utf-8")
    print(KEYS, MEASURES, sep="\n")
