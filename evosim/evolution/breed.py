"""Breeding: parents chosen, mated and mutated by DEAP operators, with a pedigree (model 3).

DEAP draws from the global ``random``, which other threads of the process may draw from at the same
time (those of dask.distributed do). Breeding therefore runs under one lock, and for that time what
DEAP calls ``random`` is a generator of our own, seeded for the generation. All genes stay in one
float64 matrix; DEAP gets handles to select from and bare lists to vary.
"""

from __future__ import annotations

import random
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from deap import tools
from numpy.typing import ArrayLike, NDArray

from evosim.errors import EvosimError
from evosim.evolution import operators
from evosim.evolution.optimizer import Bounds, FloatArray, Offspring
from evosim.evolution.registry import MATE, MUTATE, SELECT, Operator
from evosim.mind import loci
from evosim.process import renewed_after_fork
from evosim.registry import calling

if TYPE_CHECKING:
    from evosim.scenario import Operator as Written
    from evosim.scenario import Scenario

_LOCK = threading.Lock()
renewed_after_fork(_LOCK)
_OWN = random.Random()
_DRAWING: tuple[Any, ...] = (tools.selection, tools.crossover, tools.mutation, operators)
"""The modules of operators, which draw from what they call ``random``."""


class Handle:
    """An individual as selection sees it: its row and its score."""

    __slots__ = ("row", "score")

    def __init__(self, row: int, score: float) -> None:
        self.row = row
        self.score = score


class Fitness(float):
    """A score for operators that read ``fitness.values``; sorts as the number it is."""

    __slots__ = ("values",)

    def __init__(self, score: float) -> None:
        self.values = (score,)


@contextmanager
def seeded(key: int) -> Iterator[None]:
    """A generator, seeded, that is all the operators' own until the block ends."""
    with _LOCK:
        _OWN.seed(key)
        before = [module.random for module in _DRAWING]
        try:
            for module in _DRAWING:
                module.random = _OWN
            yield
        finally:
            for module, was in zip(_DRAWING, before, strict=True):
                module.random = was


def breed(scenario: Scenario, genomes: ArrayLike, scores: ArrayLike, seed_key: int) -> Offspring:
    """The next generation: N parents selected, then mated in pairs, then mutated.

    Neighbours among the selected are pairs; of an odd number the last has none. Each pair mates,
    and each child mutates, with the ``chance`` of the scenario's operators: first it is drawn
    for all, in order, then the operator is applied to those it fell on, in order. Genes are
    scaled to [0, 1] by their locus's bounds to be blended and mutated, and reflected into it
    afterwards; a gene that neither changes is copied bit by bit.

    Args:
        genomes: genes [N, loci], within their bounds.
        scores: score of each individual [N].
        seed_key: of the purpose BREED and the generation (model 5).

    Raises:
        EvosimError: a score that is not finite, or that the selection operator does not take; a
            gene out of bounds; an unknown operator.
        ValueError: shapes that do not fit.
    """
    genes, score = checked(scenario, genomes, scores)
    written = scenario.evolution.select
    operator = SELECT[written.operator]
    values: list[float] = score.tolist()
    if operator.proportional:
        values = list(map(Fitness, values))
    n = len(values)
    with seeded(seed_key):
        chosen = chosen_rows(operator, written, list(map(Handle, range(n), values)), n)
        return vary(scenario, genes, chosen)


def checked(
    scenario: Scenario, genomes: ArrayLike, scores: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Genes [N, loci] and scores [N] that can be bred from.

    Raises:
        EvosimError: a score that is not finite; a gene out of bounds.
        ValueError: shapes that do not fit.
    """
    n_loci = len(loci(scenario))
    genes = np.asarray(genomes, np.float64)
    score = np.asarray(scores, np.float64)
    if genes.ndim != 2 or genes.shape[1] != n_loci or score.shape != genes.shape[:1]:
        raise ValueError(
            f"genomes of shape {genes.shape} and scores of shape {score.shape}, "
            f"expected (individuals, {n_loci}) and (individuals,)"
        )
    refuse_bad_scores(score)
    check_genes(scenario, genes)
    return genes, score


def vary(scenario: Scenario, genes: FloatArray, chosen: NDArray[np.int32]) -> Offspring:
    """Children of the chosen parents, mated and mutated."""
    bounds = Bounds.of(loci(scenario))
    children = _mate(scenario.evolution.mate, genes, chosen, bounds)
    _mutate(scenario.evolution.mutate, children.genomes, bounds)
    return children


def expected_shares(scenario: Scenario, scores: ArrayLike) -> FloatArray:
    """The share of parentage that selection gives each individual, exact, ties included.

    Args:
        scores: score of each individual [N].

    Returns:
        Shares [N], summing to 1.

    Raises:
        EvosimError: as :func:`breed`.
    """
    score = np.asarray(scores, np.float64)
    refuse_bad_scores(score)
    written = scenario.evolution.select
    function = SELECT[written.operator].shares
    with calling(f"{SELECT.kind} {written.operator!r}: shares", function):
        shares = np.asarray(function(score, **written.options), np.float64)
    if shares.shape != score.shape or not np.isclose(shares.sum(), 1.0):
        raise EvosimError(
            f"{SELECT.kind} {written.operator!r}: shares={shares} of {len(score)} individuals, "
            "needed: one for each, summing to 1"
        )
    return shares


def chosen_rows(
    operator: Operator, written: Written, handles: list[Handle], k: int
) -> NDArray[np.int32]:
    """The rows of k individuals that a selection or migration operator chooses, in its order.

    Raises:
        EvosimError: it chooses others than k of them.
    """
    options = {**operator.supplied(_OWN), **written.options}
    what = f"operator {written.operator!r}"
    with calling(what, operator.function):
        chosen = operator.function(list(handles), k, fit_attr="score", **options)
    needed = f"needed: a list of {k} of the individuals that it was given"
    if not hasattr(chosen, "__len__"):
        raise EvosimError(f"{what} returned {chosen!r}, {needed}")
    given = set(map(id, handles))
    if len(chosen) != k or not all(id(one) in given for one in chosen):
        others = sum(id(one) not in given for one in chosen)
        raise EvosimError(
            f"{what} returned {len(chosen)} things, {others} of them others than it was given "
            f"(copies?), {needed}"
        )
    return np.array([handle.row for handle in chosen], np.int32)


def _mate(
    written: Written, genes: FloatArray, chosen: NDArray[np.int32], bounds: Bounds
) -> Offspring:
    """Children of the selected, before mutation."""
    operator = MATE[written.operator]
    n, n_loci = len(chosen), genes.shape[1]
    first = 2 * np.flatnonzero(_falls_on(n // 2, written))
    second = first + 1
    parents = np.stack([chosen, chosen], axis=1)
    parents[first, 1] = chosen[second]
    parents[second, 1] = chosen[first]
    crossover = np.zeros((n, n_loci), np.int8)
    children = genes[chosen]
    if n_loci < operator.least or not len(first):
        return Offspring(children, parents, crossover)
    if operator.swaps:
        # Genes stand in for by where they come from: what a swap draws does not depend on them.
        own = np.zeros((len(first), n_loci), np.int8)
        at_first, at_second = _apply(operator, written, own, 1 - own)
        crossover[first], crossover[second] = at_first, 1 - at_second
        children = np.where(crossover == 1, genes[parents[:, 1]], children)
    else:
        before = bounds.scaled(children[first]), bounds.scaled(children[second])
        after = _apply(operator, written, *before)
        for rows, old, new in zip((first, second), before, after, strict=True):
            crossover[rows] = 2
            children[rows] = np.where(new != old, bounds.reflected(new), children[rows])
    return Offspring(children, parents, crossover)


def _mutate(written: Written, children: FloatArray, bounds: Bounds) -> None:
    """Mutate children in place."""
    operator = MUTATE[written.operator]
    rows = np.flatnonzero(_falls_on(len(children), written))
    before = bounds.scaled(children[rows])
    (after,) = _apply(operator, written, before)
    children[rows] = np.where(after != before, bounds.reflected(after), children[rows])


def _falls_on(n: int, written: Any) -> NDArray[np.bool_]:
    return operators.uniforms(n) < written.chance


def _apply(operator: Any, written: Written, *parts: NDArray[Any]) -> list[NDArray[Any]]:
    """Vary the rows of one matrix, or the pairs of rows of two, in order.

    Operators that go gene by gene get all rows end to end, in one call: the same draws, without
    the cost of a call for every row. Rows are of ``array.array``, which is cut and assigned like
    a list (a numpy row would be a view of itself) and holds its numbers as numpy does.

    Raises:
        EvosimError: the operator returns something else than rows of finite genes like its own.
    """
    function = partial(operator.function, **operator.supplied(_OWN), **written.options)
    if not parts[0].size:
        return list(parts)
    ends = [array(part.dtype.char, part.tobytes()) for part in parts]
    width = len(ends[0]) if operator.genewise else parts[0].shape[1]
    rows = range(0, len(ends[0]), width)
    with calling(f"operator {written.operator!r}", operator.function):
        varied = [function(*(end[row : row + width] for end in ends)) for row in rows]
    try:
        found = [
            np.frombuffer(b"".join(one[i] for one in varied), part.dtype).reshape(part.shape)
            for i, part in enumerate(parts)
        ]
    except (IndexError, TypeError, ValueError) as error:
        raise EvosimError(
            f"operator {written.operator!r} returned other rows than the {len(parts)} that it was "
            f"given, changed in place: {error}"
        ) from error
    if not all(np.isfinite(rows).all() for rows in found):
        raise EvosimError(f"operator {written.operator!r} made a gene that is no finite number")
    return found


def refuse_bad_scores(scores: FloatArray) -> None:
    """Refuse scores that selection cannot compare.

    Raises:
        EvosimError: with the first of them.
    """
    finite = np.isfinite(scores)
    if not finite.all():
        individual = int(np.flatnonzero(~finite)[0])
        raise EvosimError(
            f"individual {individual} has a score of {scores[individual]}; scores must be finite "
            "numbers, since a NaN would pass for the best"
        )


def check_genes(scenario: Scenario, genes: FloatArray) -> None:
    """Refuse genes [N, loci] out of their bounds.

    Raises:
        EvosimError: with the first of them, and what is allowed.
    """
    evolving = loci(scenario)
    bounds = Bounds.of(evolving)
    # Asked this way round, NaN is refused too.
    within = (genes >= bounds.low) & (genes <= bounds.high)
    if not within.all():
        individual, column = np.argwhere(~within)[0]
        locus = evolving[column]
        raise EvosimError(
            f"individual {individual} has a gene {locus.name} = {genes[individual, column]:g}, "
            f"allowed {locus.low:g} to {locus.high:g}"
        )
