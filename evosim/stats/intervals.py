"""Numbers over replicates, with BCa bootstrap intervals (docs/measures, intervals).

A replicate is one independent run of evolution, so replicates are what is resampled: never the
individuals of one population, which share their ancestors. Intervals are bias-corrected and
accelerated (Efron 1987, doi:10.2307/2289144) as computed by :func:`scipy.stats.bootstrap`.
``scipy.stats`` takes most of a second to import and is imported only where there is an
interval to compute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import rng
from evosim.process import ignoring

Floats = NDArray[np.float64]

EQUAL = 1e-12
"""Spread, relative to the largest value, below which replicates count as all equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """How intervals are made: their confidence, the number of resamples, the random key.

    Every statistic starts again from the same key, so that statistics over equally many
    replicates see the same resamples of them.
    """

    confidence: float = 0.95
    resamples: int = 2000
    key: int = 0

    @classmethod
    def of(cls, seed: int, *, confidence: float, resamples: int) -> Bootstrap:
        """The bootstrap of a run with this seed."""
        return cls(
            confidence=confidence, resamples=resamples, key=rng.key(seed, rng.Purpose.BOOTSTRAP)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A statistic of replicates.

    Attributes:
        value: the statistic; NaN where no replicate defines it.
        interval: its lower and upper end. None where fewer than two replicates define it. Ends
            of NaN where the resamples do not bound it (a ratio whose denominator reaches zero).
        n: replicates that define it.
        n_undefined: replicates that were left out because they do not.
    """

    value: float
    interval: tuple[float, float] | None
    n: int
    n_undefined: int

    @property
    def low(self) -> float:
        """The lower end, or the value itself where there is no interval."""
        return self.value if self.interval is None else self.interval[0]

    @property
    def high(self) -> float:
        """The upper end, or the value itself where there is no interval."""
        return self.value if self.interval is None else self.interval[1]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: ``value``, and ``interval`` as [low, high] or None; what is not finite
        is None."""
        ends = self.interval
        return {
            "value": finite(self.value),
            "interval": None if ends is None else [finite(end) for end in ends],
        }

    def __format__(self, form: str) -> str:
        """The value with its interval, numbers in the form given (``.2f`` if none is).

        >>> estimate = Estimate(value=0.7, interval=(0.67, 0.72), n=30, n_undefined=0)
        >>> f"{estimate:.2f}"
        '0.70 [0.67, 0.72]'
        """
        return shown(self.to_dict(), form or ".2f")

    def __str__(self) -> str:
        return format(self)


def finite(value: float) -> float | None:
    """A number as JSON holds it; None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def values_of(estimates: Mapping[str, Estimate]) -> dict[str, float | None]:
    """The value of each estimate, as JSON holds it."""
    return {name: estimate.to_dict()["value"] for name, estimate in estimates.items()}


def intervals_of(estimates: Mapping[str, Estimate]) -> dict[str, list[float | None] | None]:
    """The interval of each estimate, as JSON holds it."""
    return {name: estimate.to_dict()["interval"] for name, estimate in estimates.items()}


def number(value: float | None, form: str = ".2f") -> str:
    """A number of a summary, in which None is undefined; never a negative zero."""
    if value is None:
        return "undefined"
    text = format(value, form)
    return text[1:] if text.startswith("-") and float(text) == 0 else text


def shown(numbers: Mapping[str, Any], form: str | Callable[[float], str] = ".3g") -> str:
    """An estimate in a summary, ``value`` and ``interval``, as text.

    Args:
        form: of the numbers, or a function that writes one.

    Returns:
        ``0.70 [0.67, 0.72]``; ``0.70`` without an interval; ``0.70 [unbounded]`` where an end is
        None; or ``undefined``.
    """
    value, interval = numbers["value"], numbers["interval"]

    def written(x: float) -> str:
        return form(x) if callable(form) else number(x, form)

    if value is None:
        return "undefined"
    if interval is None:
        return written(value)
    if None in interval:
        return f"{written(value)} [unbounded]"
    low, high = interval
    return f"{written(value)} [{written(low)}, {written(high)}]"


def with_interval(
    value: float | None, interval: Sequence[float | None] | None, form: str = ".2f"
) -> str:
    """As :func:`shown`, of a value and its interval that stand apart.

    >>> with_interval(0.7, (0.67, 0.72))
    '0.70 [0.67, 0.72]'
    """
    return shown({"value": value, "interval": interval}, form)


def mean(values: ArrayLike, bootstrap: Bootstrap) -> Estimate:
    """The mean over replicates.

    Args:
        values: [replicate]; NaN where a replicate does not define the number.
        bootstrap: how to make the interval.
    """
    return estimate(np.mean, bootstrap, values)


def difference(first: ArrayLike, second: ArrayLike, bootstrap: Bootstrap) -> Estimate:
    """The mean over replicates of ``first - second``, paired by replicate.

    Args:
        first, second: [replicate]; a replicate with a NaN in either is left out.
        bootstrap: how to make the interval.

    Raises:
        ValueError: the two are of different lengths.
    """
    a, b = _paired(first, second)
    return mean(a - b, bootstrap)


def difference_of_independent(
    first: ArrayLike, second: ArrayLike, bootstrap: Bootstrap
) -> Estimate:
    """The mean of ``first`` less the mean of ``second``, samples that are not paired.

    Args:
        first, second: [replicate] each, of any lengths; NaN values are left out.
        bootstrap: how to make the interval, of which both samples are resampled by themselves.
    """
    samples = [np.asarray(x, dtype=np.float64) for x in (first, second)]
    defined = a, b = [x[np.isfinite(x)] for x in samples]
    n = min(len(a), len(b))
    left_out = sum(len(x) - len(d) for x, d in zip(samples, defined, strict=True))
    if not n:
        return Estimate(value=float("nan"), interval=None, n=0, n_undefined=left_out)
    value = float(difference_of_means(a, b))
    interval = None
    if n > 1:
        constant = all(np.ptp(x) <= EQUAL * np.max(np.abs(x)) for x in defined)
        interval = (value, value)
        if not constant:
            interval = _bca(difference_of_means, bootstrap, defined, paired=False)
    return Estimate(value=value, interval=interval, n=n, n_undefined=left_out)


def difference_of_means(x: Floats, y: Floats, axis: int = -1) -> Any:
    """The mean of x less the mean of y; a statistic."""
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


def ratio(numerator: ArrayLike, denominator: ArrayLike, bootstrap: Bootstrap) -> Estimate:
    """The mean of ``numerator`` over the mean of ``denominator``, paired by replicate.

    The ratio is NaN where the denominator's mean is not positive; its interval has ends of NaN
    where the denominator's mean is not positive in every resample: nothing then bounds the ratio.

    Args:
        numerator, denominator: [replicate]; a replicate with a NaN in either is left out.
        bootstrap: how to make the interval.

    Raises:
        ValueError: the two are of different lengths.
    """
    a, b = _paired(numerator, denominator)
    return estimate(ratio_of_means, bootstrap, a, b)


def mean_of_defined(values: Floats) -> Floats:
    """The mean over the last axis of what is not NaN; NaN where nothing is.

    >>> mean_of_defined(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]]))
    array([ 2., nan])
    """
    defined = ~np.isnan(values)
    n = defined.sum(axis=-1)
    total = np.where(defined, values, 0.0).sum(axis=-1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _paired(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"replicates are paired: got {a.shape} against {b.shape}")
    return a, b


def ratio_of_means(x: Floats, y: Floats, axis: int = -1) -> Any:
    """The mean of x over the mean of y, NaN where that is not positive; a statistic."""
    above, below = np.mean(x, axis=axis), np.mean(y, axis=axis)
    positive = below > 0
    return np.where(positive, above / np.where(positive, below, 1.0), np.nan)


def estimate(statistic: Callable[..., Any], bootstrap: Bootstrap, *data: ArrayLike) -> Estimate:
    """A statistic of columns that are paired by replicate.

    Args:
        statistic: of the columns, vectorized: takes ``axis``, the one of replicates.
        data: [replicate] each; a replicate with a NaN in any is left out.
    """
    columns = np.stack([np.asarray(x, dtype=np.float64) for x in data])
    if columns.ndim != 2:
        raise ValueError(f"one number a replicate: got shape {columns.shape[1:]}")
    defined = np.all(np.isfinite(columns), axis=0)
    columns = columns[:, defined]
    n, n_undefined = columns.shape[1], int(np.sum(~defined))
    value = float(statistic(*columns)) if n else float("nan")
    interval = None
    if n > 1:
        without = np.array([statistic(*np.delete(columns, i, axis=1)) for i in range(n)])
        # All values left by leaving one out are the same: so are all resamples, and BCa is 0/0.
        if np.ptp(without) <= EQUAL * np.max(np.abs(without)):
            interval = (value, value)
        else:
            interval = _bca(statistic, bootstrap, list(columns), paired=True)
    return Estimate(value=value, interval=interval, n=n, n_undefined=n_undefined)


def estimates(
    statistic: Callable[..., Any], bootstrap: Bootstrap, *data: ArrayLike
) -> list[Estimate]:
    """Several statistics of columns that are paired, over the same resamples.

    Args:
        statistic: of the columns, vectorized: takes ``axis``; returns [statistic, ...].
        data: [row] each, without NaN.

    Returns:
        An estimate of each statistic. One that is the same in all resamples has an interval of no
        width; one that is NaN in some has ends of NaN.
    """
    columns = [np.asarray(x, dtype=np.float64) for x in data]
    values, n = statistic(*columns, axis=-1), len(columns[0])
    if n < 2:
        return [Estimate(value=float(v), interval=None, n=n, n_undefined=0) for v in values]
    found = _resampled(statistic, bootstrap, columns, paired=True)
    ends = np.stack([found.confidence_interval.low, found.confidence_interval.high], axis=1)
    same = np.ptp(found.bootstrap_distribution, axis=-1) <= EQUAL * np.abs(values)
    ends[same] = values[same, None]
    return [
        Estimate(value=float(v), interval=(float(low), float(high)), n=n, n_undefined=0)
        for v, (low, high) in zip(values, ends, strict=True)
    ]


def _bca(
    statistic: Callable[..., Any], bootstrap: Bootstrap, samples: Sequence[Floats], *, paired: bool
) -> tuple[float, float]:
    """A BCa interval of one statistic, with ends of NaN where the resamples do not bound it."""
    ends = _resampled(statistic, bootstrap, samples, paired=paired).confidence_interval
    low, high = float(ends.low), float(ends.high)
    return (low, high) if np.isfinite(low + high) else (float("nan"), float("nan"))


def _resampled(
    statistic: Callable[..., Any], bootstrap: Bootstrap, samples: Sequence[Floats], *, paired: bool
) -> Any:
    """SciPy's BCa bootstrap of samples that are resampled together, or each by itself."""
    from scipy import stats  # 690 ms: not to be paid by a run of one replicate

    with ignoring(stats.DegenerateDataWarning), np.errstate(invalid="ignore", divide="ignore"):
        return stats.bootstrap(
            tuple(samples),
            statistic,
            paired=paired,
            vectorized=True,
            method="BCa",
            n_resamples=bootstrap.resamples,
            confidence_level=bootstrap.confidence,
            rng=np.random.default_rng(bootstrap.key),
        )
