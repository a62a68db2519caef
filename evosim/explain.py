"""What a name means: a metric, a key of a scenario, a term of the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from evosim.errors import EvosimError, nearest
from evosim.glossary import terms
from evosim.metrics import METRICS
from evosim.scenario import Scenario, keys

if TYPE_CHECKING:
    from evosim.glossary import Term
    from evosim.metrics.registry import Metric

ELSEWHERE = "of experiments and studies"
"""The figures of a metric that no figure of a run shows."""
_OWN = "NAME"
"""What stands for a name of the user's in headers of tables."""


def explain(name: str) -> str:
    """All that is known of a name, in words.

    Args:
        name: of a metric; a key of a scenario, alone or dotted, as after ``--set``; or a term of
            the glossary.

    Raises:
        EvosimError: nothing has this name; with the nearest that is known.

    >>> print(explain("collapse"))  # doctest: +ELLIPSIS
    collapse, a metric
      Alignment before less alignment after the flip.
    ...
    """
    found = [_metric(METRICS[name])] if name in METRICS else []
    found += [_key(table, key) for table, key in _keys(name)]
    found += [_term(term) for term in terms() if name.lower() in map(str.lower, term.names)]
    if not found:
        guess = nearest(name, _known())
        hint = f"did you mean {guess!r}? " if guess else ""
        raise EvosimError(
            f"unknown name {name!r}: {hint}Known are metrics, keys of scenarios, and terms of the "
            "glossary; docs/measures, docs/keys.md and docs/glossary.md list them"
        )
    return "\n\n".join(found)


def index() -> list[tuple[str, str]]:
    """Every metric with a sentence about it."""
    return [(name, METRICS[name].sentence) for name in METRICS]


def _known() -> Iterator[str]:
    yield from METRICS
    yield from (key.name for table in keys.tables(Scenario) for key in table.keys)
    yield from (name for term in terms() for name in term.names)


def _keys(name: str) -> Iterator[tuple[keys.Table, keys.Key]]:
    """The keys that end in a name, or that a dotted name, as after ``--set``, leads to."""
    above, _, last = name.rpartition(".")
    for table in keys.tables(Scenario):
        for key in table.keys:
            if key.name == last and any(_leads(above, header) for header in table.headers):
                yield table, key


def _leads(above: str, header: str) -> bool:
    """Whether a dotted name ends a header; a name of the user's and a number in a list may be any.

    >>> _leads("kinds.mate", "world.kinds.NAME"), _leads("timeline.0", "[timeline]")
    (True, True)
    """
    parts = ["[^.]+" if part == _OWN else part for part in header.strip("[]").split(".") if part]
    if header.startswith("["):
        parts[-1] += r"(\.\d+)?"
    begins = [n for n, part in enumerate(parts) if not part.startswith("[")]
    return not above or any(re.fullmatch(r"\.".join(parts[n:]), above) for n in begins)


def _metric(metric: Metric) -> str:
    rows = [
        ("unit", metric.unit if metric.unit != "1" else "1 (a number without unit)"),
        ("range", metric.range),
        ("of", metric.argument),
        ("needs", f"[{metric.section}]" if metric.section else ""),
        ("undefined", f"where {metric.undefined}" if metric.undefined else "never"),
        ("figure", metric.figure or ELSEWHERE),
        ("keys", ", ".join(["measure", *["of"] * bool(metric.argument), *sorted(metric.uses)])),
        ("more", "docs/measures"),
    ]
    return _told(f"{metric.name}, a metric", metric.sentence, rows)


def _key(table: keys.Table, key: keys.Key) -> str:
    where = " or ".join(f"[{header}]" for header in table.headers if header)
    rows = [
        ("value", _plain(key.value)),
        ("default", _plain(key.default)),
        ("more", "docs/keys.md"),
    ]
    return _told(f"{key.name}, a key {f'in {where}' if where else 'of scenarios'}", key.what, rows)


def _term(term: Term) -> str:
    rows = [(column, _plain(cell)) for column, cell in term.more.items()]
    rows.append(("more", "docs/glossary.md"))
    return _told(f"{', '.join(term.names)}, a term", _plain(term.meaning), rows)


def _told(head: str, what: str, rows: list[tuple[str, str]]) -> str:
    kept = [(name, text) for name, text in rows if text]
    width = max(len(name) for name, _ in kept)
    return "\n".join([head, f"  {what}", *(f"  {name:{width}}  {text}" for name, text in kept)])


def _plain(text: str) -> str:
    """Markdown as it is read in a terminal."""
    return text.replace("`", "").replace("*", "")
