"""The record of an experiment: what was measured, by replicate, and all that its page says.

A record is a function of the scenario and the seed. It holds nothing of the machine that it was
made on, and no date, so that making it again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.engine.files import explain
from evosim.errors import EvosimError
from evosim.metrics import hypotheses, turns
from evosim.metrics.hypotheses import Floats
from evosim.scenario.words import WORDS, fingerprint
from evosim.stats.intervals import Bootstrap
from evosim.study import design

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FORMAT = 1
DIGITS = 6
"""Significant digits that are kept of a number."""
SEED = 1
"""The seed of every exploratory experiment of the gallery."""

Record = dict[str, Any]
_OF_THE_MACHINE = ("machine", "command")
_OF_THE_PAGE = {"question", "source", "control", "expected", "found", "pilots", "frozen"}
"""Words that the first record of a scenario has, and one over worlds need not repeat."""


def record_of(summary: Mapping[str, Any], source: str) -> Record:
    """The record of a complete experiment.

    Args:
        summary: verdict.json (:func:`evosim.study.verdict.summarize`).
        source: the text of the scenario's file.
    """
    known = {k: v for k, v in summary.items() if k not in _OF_THE_MACHINE}
    worlds = known.get("worlds", 0)
    again = command(known["scenario"], known["seed"], tuned=bool(known.get("tuned")), worlds=worlds)
    if worlds:
        known = {k: v for k, v in known.items() if k not in _OF_THE_PAGE}
    return _rounded(
        {"format": FORMAT, **known, "scenario_sha256": fingerprint(source), "command": again}
    )


def command(scenario: str, seed: int, *, tuned: bool = False, worlds: int = 0) -> str:
    """The command that runs the experiment of a record."""
    how = f"--worlds {worlds}" if worlds else f"--arms{' --tuned' * tuned}"
    return f"evosim run {scenario} {how} --seed {seed}"


def with_words_of(scenario: Scenario, record: Record) -> Record:
    """A record with the words of its scenario as they are now, and every number as it was.

    Args:
        scenario: the one that was run; its words may be others.
    """
    written = scenario.experiment
    assert written is not None
    tuned = record.get("tuned")
    # Over worlds only what the claim rests on is run.
    findings = [f for f in written.findings if not (record.get("worlds") and f.secondary)]
    if tuned and written.tuned:
        headline = written.findings[0].says
        values = [{**value, "says": headline} for value in tuned["values"]]
        words = {"label": written.tuned.label, "says": written.tuned.says}
        tuned = {**tuned, **words, "values": values}
    return {
        **record,
        **{key: getattr(scenario, key) for key in WORDS if key in record},
        "arms": {
            name: {**arm, "title": written.arms[name].title} for name, arm in record["arms"].items()
        },
        "findings": [
            {**finding, "says": now.says}
            for finding, now in zip(record["findings"], findings, strict=True)
        ],
        **({"tuned": tuned} if "tuned" in record else {}),
    }


def with_marks_of(scenario: Scenario, record: Record) -> Record:
    """A record with what its columns say of each finding, where an older evosim made it and it
    lacks that: p, and whether it is secondary, constant, or compares with what is given."""
    if all("p" in finding for finding in record["findings"]):
        return record
    assert scenario.experiment is not None
    bootstrap = Bootstrap.of(
        record["seed"], confidence=record["confidence"], resamples=scenario.verdict.resamples
    )
    scenarios, flips = design.arms(scenario), turns(design.reference(scenario))
    marked = []
    for written, old in zip(scenario.experiment.findings, record["findings"], strict=True):
        terms = hypotheses.terms_of(written, scenario.experiment, flips)
        found = hypotheses.evaluate(written, terms, columns_of(old), bootstrap, scenarios)
        pairs = zip(old["terms"], found["terms"], strict=True)
        marked.append(
            {
                **old,
                **{key: found[key] for key in ("equivalence", "secondary", "constant", "p")},
                "terms": [{**term, "given": now["given"]} for term, now in pairs],
            }
        )
    return _rounded({**record, "verdict": hypotheses.verdict_of(marked), "findings": marked})


def columns_of(finding: Mapping[str, Any]) -> list[list[Floats]]:
    """The columns of each term of a finding in a record, [replicate] each; NaN: undefined."""
    return [
        [np.array([np.nan if v is None else v for v in column], float) for column in t["columns"]]
        for t in finding["terms"]
    ]


def is_confirmatory(record: Record) -> bool:
    """Whether the scenario was frozen before it was run, and is the one that was."""
    return bool(record["frozen"] == record["scenario_sha256"])


def to_text(record: Record) -> str:
    """A record as JSON: indented, with every row of numbers on a line of its own."""
    return "".join(_lines(record, "")) + "\n"


def read(path: Path) -> Record:
    """A record on disk.

    Raises:
        EvosimError: there is none, or it is damaged, or another version of evosim made it.
    """
    try:
        record: Record = json.loads(path.read_text(encoding="utf-8"))
        found = record["format"]
    except FileNotFoundError:
        raise EvosimError(
            f"{path}: no record of {path.stem!r}; make it with: evosim gallery {path.stem}"
        ) from None
    except OSError as error:
        raise EvosimError(explain(error, path, "read")) from error
    except (ValueError, TypeError, KeyError) as error:
        raise EvosimError(
            f"{path} is damaged: {error}. Make it again with: evosim gallery {path.stem}"
        ) from error
    if found != FORMAT:
        raise EvosimError(
            f"{path}: the record has format {found!r}, this evosim reads {FORMAT}; "
            f"make it again with: evosim gallery {path.stem}"
        )
    return record


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


def _lines(value: Any, margin: str) -> Iterator[str]:
    nested = isinstance(value, dict | list) and any(
        isinstance(item, dict | list)
        for item in (value.values() if isinstance(value, dict) else value)
    )
    if not value or not (isinstance(value, dict) or nested):
        yield json.dumps(value, ensure_ascii=False, allow_nan=False)
        return
    inner = margin + "  "
    first, last = "{}" if isinstance(value, dict) else "[]"
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    yield first
    for n, (key, item) in enumerate(items):
        yield ("," if n else "") + "\n" + inner
        if key is not None:
            yield json.dumps(key, ensure_ascii=False) + ": "
        yield from _lines(item, inner)
    yield "\n" + margin + last
