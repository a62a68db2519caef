"""What the figures and pages of an experiment share: names of terms and metrics, colours, axes of
values, numbers in words."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evosim.metrics import METRICS
from evosim.metrics.query import when
from evosim.plot import colors
from evosim.stats import intervals

Summary = Mapping[str, Any]


def colors_of(summary: Summary) -> dict[str, str]:
    """A colour for each arm."""
    return {arm: colors.SERIES[n % len(colors.SERIES)] for n, arm in enumerate(summary["arms"])}


def verdict_color(verdict: str) -> str:
    """The colour of a verdict, for what also says it in words."""
    known = {"supported": colors.GREEN, "refuted": colors.VERMILLION}
    return known.get(verdict, colors.GREY)


def metric_label(measure: str, of: str = "", level: float | None = None) -> str:
    """A metric in words; one that is not there any more by its name."""
    if measure not in METRICS:
        return measure.replace("_", " ") + f" of {of}" * bool(of)
    return METRICS[measure].called(of, level)


def finding_label(finding: Summary) -> str:
    """What a finding measures, in words: the measure, and what its terms have in common."""
    terms = finding["terms"]
    first = terms[0]
    of = first["of"] if len({t["of"] for t in terms}) == 1 else "payoff"
    words = [metric_label(finding["measure"], of, first.get("level"))]
    if first["where"] and len({t["where"] for t in terms}) == 1:
        words.append(f"in {first['where']}")
    if _has_time(finding["measure"]) and len({_when(t) for t in terms}) == 1:
        words.append(_when(first))
    if first["mind"] != "evolved" and len({t["mind"] for t in terms}) == 1:
        words.append(f"({first['mind']})")
    return " ".join(words)


def _when(term: Summary) -> str:
    return when(term["at"], term.get("span"))


def _has_time(measure: str) -> bool:
    return measure not in METRICS or "at" in METRICS[measure].uses


def term_label(term: Summary, finding: Summary, summary: Summary) -> str:
    """What to call a term of a finding: its arm, in which keys it differs, its weight."""
    terms = finding["terms"]
    words = [summary["arms"][term["arm"]]["title"]]
    several = len({t["arm"] for t in terms}) > 1
    looked = [{**{k: t[k] for k in ("of", "where", "mind")}, "at": _when(t)} for t in terms]
    differs = [k for k in ("of", "where", "at", "mind") if len({t[k] for t in looked}) > 1]
    own = looked[terms.index(term)]
    what = [str(own[k]) for k in differs if own[k]]
    label = ", ".join([*words, *what] if several or not what else what)
    if [t["weight"] for t in terms] in ([1.0], [1.0, -1.0]):
        return label
    return f"{label} (×{term['weight']:+g})".replace("-", "\N{MINUS SIGN}")  # noqa: RUF001


def replicate_numbers(columns: Sequence[Sequence[float | None]], measure: str) -> list[float]:
    """A number a replicate, NaN where undefined; empty where only all together make one."""
    values = [[float("nan") if v is None else v for v in column] for column in columns]
    if len(values) == 1:
        return values[0]
    found = METRICS[measure].by_replicate(*values)
    return [] if np.isnan(found).all() else [float(v) for v in found]


class Scale(NamedTuple):
    """Where the values of an axis stand, and how they are marked."""

    at: list[float]
    labels: list[str]
    even: bool
    """Whether the values stand evenly, whatever their distances."""


CLOSEST = 0.08
"""Values closer than this part of the axis stand evenly, not to scale."""


def scale(values: Sequence[Any]) -> Scale:
    """Places of values along an axis: to scale where they are numbers not too close together."""
    from evosim.plot import style

    numbers = [_number(v) for v in values]
    if any(n is None for n in numbers):
        return Scale([float(i) for i in range(len(values))], [_short(v) for v in values], True)
    known = [n for n in numbers if n is not None]
    ordered = sorted(set(known))
    gaps = [b - a for a, b in itertools.pairwise(ordered)]
    labels = [style.number(n) for n in known]
    if not gaps or min(gaps) < CLOSEST * (ordered[-1] - ordered[0]):
        return Scale([float(ordered.index(n)) for n in known], labels, True)
    return Scale(known, labels, False)


def place(value: Any, values: Sequence[Any], where: Scale) -> float | None:
    """Where a value stands on an axis of others; None where it has no place there."""
    for other, at in zip(values, where.at, strict=True):
        if _plain(other) == _plain(value):
            return at
    number = _number(value)
    if number is None or any(_number(v) is None for v in values):
        return None
    if not where.even:
        return number
    known = sorted((float(v), at) for v, at in zip(values, where.at, strict=True))
    if not known[0][0] <= number <= known[-1][0]:
        return None
    return float(np.interp(number, [v for v, _ in known], [at for _, at in known]))


def _plain(value: Any) -> Any:
    """A value as it was written: a pinned locus is its number."""
    if isinstance(value, Mapping) and "range" in value:
        value = value["range"]
    if isinstance(value, list | tuple) and len(value) == 2 and value[0] == value[1]:
        return value[0]
    return list(value) if isinstance(value, tuple) else value


def _number(value: Any) -> float | None:
    value = _plain(value)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if numeric else None


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return "–".join(_short(v) for v in value)  # noqa: RUF001
    return f"{value:g}" if isinstance(value, float) else str(value)


# Numbers in words, for pages


def shown(numbers: Mapping[str, Any]) -> str:
    """A value with its interval."""
    return intervals.shown(numbers, number)


def wanted(finding: Summary) -> str:
    """The threshold of a finding in words."""
    ((side, threshold),) = finding["threshold"].items()
    return f"{side} {'±' * (side == 'within')}{number(threshold)}"


def p_value(p: float | None) -> str:
    """A p as it stands in a table; empty where there is none.

    >>> p_value(0.00003), p_value(0.0314), p_value(None)
    ('< 0.0001', '0.031', '')
    """
    if p is None:
        return ""
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def number(value: Any) -> str:
    """A value as it stands in a text: numbers short, a range as its ends."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        # Differences of what is alike leave a rest in the last bits, which is nothing.
        return "0" if abs(value) < 1e-9 else f"{value:.3g}" if abs(value) < 1e4 else f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {number(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " to ".join(number(item) for item in value)
    return str(value)
