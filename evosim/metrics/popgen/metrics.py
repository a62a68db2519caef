"""Measures of descent: effective size, selection, heritability, founders, coalescence.

Those of a phase look at the steps from one generation to the next that its scores decided: at the
start those of the first phase, before a flip those of the phase that ends there, at a flip those of
the phase that begins there, in the end those of the last phase.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from evosim import mind
from evosim.metrics.popgen import coalescent, heritability, price
from evosim.metrics.popgen.pedigree import (
    Descent,
    Phase,
    descents,
    expressed,
    phases,
    without_parents,
)
from evosim.metrics.registry import (
    LOCUS,
    Columns,
    Floats,
    Term,
    generation_of,
    known,
    measure,
    no_peak,
)

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def _phase(data: xr.Dataset, scenario: Scenario, term: Term) -> Phase:
    """The steps that a term looks at."""
    if term.generation is not None:
        last = int(data["generation"].values[-1])
        return Phase(term.generation, min(term.generation + 1, last), 0)
    if term.at == "peak":
        raise no_peak(term)
    every = phases(scenario, data)
    if term.at == "start":
        return every[0]
    if term.at == "end":
        return every[-1]
    looked = term.flip - (term.at == "before")
    return next(phase for phase in reversed(every) if phase.begin <= looked)


def _each(
    data: xr.Dataset, scenario: Scenario, term: Term, number: Callable[[Descent], float]
) -> Floats:
    """A number of every replicate, of the generations of the term's phase; NaN without a step."""
    phase = _phase(data, scenario, term)
    if phase.begin >= phase.end:
        return np.full(data.sizes["replicate"], np.nan)
    within = data.sel(generation=slice(phase.begin, phase.end))
    return np.array([number(descent) for descent in descents(within)])


@measure(
    "effective_size",
    "effective population size of a phase, the harmonic mean of its generations",
    course="effective_size",
    each=True,
    heeds=frozenset({"at"}),
    refuses=without_parents,
)
def _effective_size(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    def size(descent: Descent) -> float:
        return harmonic(price.coalescence(descent.parents[1:]))

    return (_each(data, scenario, term, size),)


def harmonic(chances: Floats) -> float:
    """The harmonic mean of effective sizes, from the chances of common parentage, their inverses.

    Returns:
        Individuals; NaN where no two children had a parent in common, or nobody lived.
    """
    total = np.nansum(chances)
    return float(np.sum(~np.isnan(chances)) / total) if total > 0 else np.nan


@measure(
    "differential",
    "selection differential of a trait, summed over a phase",
    LOCUS,
    course="differential",
    each=True,
    heeds=frozenset({"at"}),
    refuses=without_parents,
)
def _differential(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    def summed(descent: Descent) -> float:
        found = _response(descent, scenario, term).expected[:, 0]
        return float(np.nansum(found)) if not np.isnan(found).all() else np.nan

    return (_each(data, scenario, term, summed),)


@measure(
    "heritability",
    "slope of offspring on mid-parent in a trait, pooled over a phase",
    LOCUS,
    heeds=frozenset({"at"}),
    refuses=without_parents,
)
def _heritability(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    def slope(descent: Descent) -> float:
        found = _response(descent, scenario, term)
        return float(heritability.heritability(found.products, found.squares)[0])

    return (_each(data, scenario, term, slope),)


@measure(
    "fitness_heritability",
    "slope of offspring on mid-parent in the score, pooled over a phase",
    heeds=frozenset({"at"}),
    refuses=without_parents,
)
def _fitness_heritability(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    def slope(descent: Descent) -> float:
        found = heritability.responses(descent.steps(scenario), lambda _, score: score[:, None], 1)
        return float(heritability.heritability(found.products, found.squares)[0])

    return (_each(data, scenario, term, slope),)


@measure(
    "drifted",
    "squared change of a gene by who bred over its variance, mean of a phase: 1/N_e if neutral",
    LOCUS,
    heeds=frozenset({"at"}),
    refuses=without_parents,
)
def _drifted(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    _check(scenario, term)
    names = [locus.name for locus in mind.loci(scenario)]
    column = names.index(term.of) if term.of in names else None

    def moved(descent: Descent) -> float:
        if column is None:
            return np.nan  # a pinned locus has no gene
        steps = descent.steps(scenario)
        changes = [
            heritability.temporal(step)[column] for step in steps if step is not None and step.bred
        ]
        defined = np.array(changes)[~np.isnan(changes)]
        return float(defined.mean()) if len(defined) else np.nan

    return (_each(data, scenario, term, moved),)


@measure(
    "founders",
    "effective number of founders whose genome is left",
    heeds=frozenset({"at"}),
    refuses=without_parents,
)
def _founders(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    until = data.sel(generation=slice(None, _last(data, term)))
    shares = (coalescent.founder_shares(one.pedigree)[-1] for one in descents(until))
    return (np.array([coalescent.effective_founders(share) for share in shares]),)


@measure(
    "coalescence",
    "generations back to the gene that all descend from, mean of loci; all if there is none",
    heeds=frozenset({"at"}),
    refuses=without_parents,
)
def _coalescence(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    until = data.sel(generation=slice(None, _last(data, term)))
    return (np.array([_back(descent) for descent in descents(until)]),)


def _back(descent: Descent) -> float:
    pedigree = descent.pedigree
    if not pedigree.sizes[-1] or not descent.genome.shape[2]:
        return np.nan
    counts = coalescent.lineages(pedigree)
    back = np.where((counts > 1).all(axis=0), len(counts), coalescent.coalesced(counts))
    return float(back.mean())


def _response(descent: Descent, scenario: Scenario, term: Term) -> heritability.Response:
    """Of the term's trait, as it is expressed."""
    _check(scenario, term)
    return heritability.responses(
        descent.steps(scenario), lambda genes, _: expressed(scenario, (term.of,), genes), 1
    )


def _check(scenario: Scenario, term: Term) -> None:
    known(term.of, tuple(mind.phenotype(scenario, mind.initial(scenario, 1, 0))), "locus", term)


def _last(data: xr.Dataset, term: Term) -> int:
    if term.at == "peak":
        raise no_peak(term)
    return generation_of(data, term)
