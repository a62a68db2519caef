"""Analysis ``heredity``: what moved the genes, how heritable they are, who descends from whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.metrics.analyses.registry import analysis
from evosim.metrics.popgen import coalescent, effective_size, heritability, price
from evosim.metrics.popgen.pedigree import (
    Descent,
    Phase,
    descent,
    descents,
    expressed,
    phases,
    without_parents,
)
from evosim.mind import loci
from evosim.stats import intervals, report_tables
from evosim.stats.intervals import Bootstrap

if TYPE_CHECKING:
    import xarray as xr

    from evosim.metrics.analyses.registry import Request
    from evosim.scenario import Scenario

Floats = NDArray[np.float64]
Summary = Mapping[str, Any]

PARTS = ("selection", "drift", "transmission", "change")
SIZES = ("coalescence", "variance", "lineages")


class Changes(NamedTuple):
    """What moved the genes of a replicate, step by step."""

    price: price.Price  # [G - 1, loci] each
    traits: heritability.Response  # [G - 1, loci] each, of what the genes express
    fitness: heritability.Response  # [G - 1, 1] each, of the score
    gradients: Floats  # [G - 1, loci]


def analyse(data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
    """The Price equation, selection, heritability, effective sizes, founders and coalescence.

    Args:
        request: ``replicate`` is the one whose trajectories are shown; ``generation`` looks back at
            its ancestors, the last one if None. Phases are of all replicates.

    Raises:
        EvosimError: genomes have no parents, or no locus evolves.
        ArithmeticError: the Price equation does not hold, which is a defect.
    """
    if why := without_parents(scenario):
        raise EvosimError(why)
    names = tuple(locus.name for locus in loci(scenario))
    if not names:
        raise EvosimError("analysis 'heredity' needs a locus that evolves: all are pinned")
    spans = np.array([locus.high - locus.low for locus in loci(scenario)])
    bootstrap = Bootstrap.of(
        request.seed,
        confidence=scenario.verdict.confidence,
        resamples=scenario.verdict.resamples,
    )
    changes, sizes, identity = [], [], 0.0
    spans_of_phases = phases(scenario, data)
    for number, one in enumerate(descents(data)):
        found = _changes(one, scenario, names)
        identity = max(identity, heritability.check_identity(found.price, spans))
        changes.append(found)
        sizes.append([_sizes_of(one, phase) for phase in spans_of_phases])
        if number == request.replicate:
            own = found
    one = descent(data, request.replicate)
    generations = [int(g) for g in data["generation"].values]
    return {
        "replicates": len(changes),
        "replicate": request.replicate,
        "confidence": bootstrap.confidence,
        "genes": list(names),
        "generations": generations,
        "flips": [f.generation for f in scenario.flips if f.generation >= generations[0]],
        "identity": identity,
        "sizes": one.pedigree.sizes.tolist(),
        "price": {
            part: dict(zip(names, getattr(own.price, part).T.tolist(), strict=True))
            for part in PARTS
        },
        "phases": [
            {
                **_about(phase, scenario),
                **_selected(phase, generations[0], changes, names, bootstrap),
                "effective_size": {
                    kind: _mean_estimate(np.array([each[n][k] for each in sizes]), bootstrap)
                    for k, kind in enumerate(SIZES)
                },
            }
            for n, phase in enumerate(spans_of_phases)
        ],
        "effective_size": {
            **_size_series(one),
            "phases": [size for size, *_ in sizes[request.replicate]],
        },
        **_ancestry(one, names, request.generation),
    }


def _changes(one: Descent, scenario: Scenario, names: tuple[str, ...]) -> Changes:
    steps = list(one.steps(scenario))
    return Changes(
        price.price_series(scenario, *one[:4], one.source, first=one.first),
        heritability.responses(
            steps, lambda genes, _: expressed(scenario, names, genes), len(names)
        ),
        heritability.responses(steps, lambda _, score: score[:, None], 1),
        heritability.gradients(steps, len(names)),
    )


def _about(phase: Phase, scenario: Scenario) -> dict[str, Any]:
    """When a phase is, where it trains, and whether it selects."""
    written = scenario.timeline[phase.number]
    return {
        "from": phase.begin,
        "to": phase.end,
        "train": list({**scenario.mixture_at(phase.begin), **written.mixture}),
        "selects": written.select,
    }


def _selected(
    phase: Phase,
    first: int,
    changes: Sequence[Changes],
    names: Sequence[str],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """What moved the genes in a phase, and how heritable they are: means over replicates."""
    steps = slice(phase.begin - first, phase.end - first)

    def summed(values: Floats) -> Floats:
        """Over the phase's steps [loci]; NaN where none is defined."""
        within = values[steps]
        return np.where(np.isnan(within).all(axis=0), np.nan, np.nansum(within, axis=0))

    def means(values: Sequence[Floats]) -> list[dict[str, Any]]:
        return [_mean_estimate(column, bootstrap) for column in np.array(values).T]

    traits = [heritability.Response(*(part[steps] for part in one.traits)) for one in changes]
    fitness = [heritability.Response(*(part[steps] for part in one.fitness)) for one in changes]
    expected = [summed(one.traits.expected) for one in changes]
    realised = np.array([summed(one.traits.realised) for one in changes])
    response = np.array([summed(one.traits.change) for one in changes])
    columns: dict[str, list[dict[str, Any]]] = {
        "differential": means(expected),
        "realised_differential": means(list(realised)),
        "response": means(list(response)),
        "realised_heritability": _ratios(response, realised, bootstrap),
        "heritability": means([heritability.heritability(t.products, t.squares) for t in traits]),
        "gradient": means([intervals.mean_of_defined(one.gradients[steps].T) for one in changes]),
    }
    price = {part: means([summed(getattr(one.price, part)) for one in changes]) for part in PARTS}
    inherited = means([heritability.heritability(f.products, f.squares) for f in fitness])
    return {
        "price": {name: {part: price[part][n] for part in PARTS} for n, name in enumerate(names)},
        "traits": {name: {k: v[n] for k, v in columns.items()} for n, name in enumerate(names)},
        "fitness_heritability": inherited[0],
    }


def _mean_estimate(values: Floats, bootstrap: Bootstrap) -> dict[str, Any]:
    """The mean over replicates with its interval; what is not finite is left out."""
    found = intervals.mean(np.where(np.isfinite(values), values, np.nan), bootstrap)
    return {**found.to_dict(), "n": found.n}


def _ratios(above: Floats, below: Floats, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """Ratios of means over replicates, [replicate, loci] each, whatever the sign of the mean."""
    means = []
    for over, under in zip(above.T, below.T, strict=True):
        defined = under[np.isfinite(under)]
        sign = -1.0 if len(defined) and defined.mean() < 0 else 1.0
        found = intervals.ratio(sign * over, sign * under, bootstrap)
        means.append({**found.to_dict(), "n": found.n})
    return means


def _sizes_of(one: Descent, phase: Phase) -> tuple[float, float, float]:
    """Effective sizes of a phase, of each of SIZES."""
    begin, end = phase.begin - one.first, phase.end - one.first
    series = _size_series(one)
    with np.errstate(divide="ignore"):
        pairs, variance = (
            effective_size.harmonic_mean(1.0 / np.array(series[kind][begin:end]))
            for kind in ("coalescence", "variance")
        )
    births = int(np.isfinite(series["coalescence"][begin:end]).sum())
    shared = np.zeros(0)
    if one.pedigree.sizes[end]:
        shared = coalescent.identity_by_descent(one.pedigree, begin, end)
    return pairs, variance, effective_size.identity_size(shared[~np.isnan(shared)], births)


def _size_series(one: Descent) -> dict[str, list[float]]:
    """Effective sizes of every step [G - 1]."""
    sizes = one.pedigree.sizes
    variance = [
        effective_size.variance_size(one.parents[g, : sizes[g]], int(sizes[g - 1]))
        for g in range(1, len(sizes))
    ]
    return {
        "coalescence": effective_size.inbreeding_size(one.parents[1:]).tolist(),
        "variance": variance,
    }


def _ancestry(one: Descent, names: Sequence[str], generation: int | None) -> dict[str, Any]:
    """Founders over time, and how far back the genes of a generation meet."""
    pedigree = one.pedigree
    populated = np.flatnonzero(pedigree.sizes)
    at = int(populated[-1]) if generation is None else generation - one.first
    shares = coalescent.founder_shares(pedigree)
    counts = coalescent.lineages(pedigree, at)
    nobody = not pedigree.sizes[at]
    back = coalescent.coalescence_time(counts)
    order = np.argsort(-shares[at], kind="stable")[: len(shares[at]) * (not nobody)]
    return {
        "generation": at + one.first,
        "alive": int(pedigree.sizes[at]),
        "founders": {
            "first": int(pedigree.sizes[0]),
            "left": coalescent.surviving_founders(shares).tolist(),
            "effective": coalescent.effective_founders(shares).tolist(),
            "shares": [
                {"founder": int(f), "share": float(shares[at, f])}
                for f in order
                if shares[at, f] > 0
            ],
        },
        "coalescence": {
            "genes": dict(zip(names, back.tolist(), strict=True)),
            "roots": dict(zip(names, counts[-1].tolist(), strict=True)),
            "individuals": coalescent.common_ancestor(pedigree, at),
            "blended": [n for n, torn in zip(names, pedigree.blends, strict=True) if torn],
        },
    }


# The same for people


def describe(summary: Summary) -> str:
    """The numbers for people, plain text."""
    blocks = [_phase_text(phase, summary["genes"]) for phase in summary["phases"]]
    blocks.append(_ancestry_text(summary))
    n = summary["replicates"]
    words = [
        "Price: parts of the change of the mean gene, summed over the phase.",
        *report_tables.filled(
            "Selection: of what the gene expresses; S: differential expected, S': realised, R: "
            "response, R/S': realised heritability, h2: slope of offspring on mid-parent, beta: "
            "selection gradient of the gene in its standard deviations, a generation."
        ),
    ]
    if n > 1:
        words.append(
            f"Means of {n} replicates; [low, high]: BCa intervals of "
            f"{100 * summary['confidence']:g} %."
        )
    words.append(
        f"The identity of the Price equation holds to {summary['identity']:.1g} of a gene's range."
    )
    return "\n\n".join([*blocks, "\n".join(words)])


def _phase_text(phase: Summary, genes: Sequence[str]) -> str:
    head = f"Generation {phase['from']} to {phase['to']}, {' and '.join(phase['train'])}"
    head += "" if phase["selects"] else ", without selection"
    shown = intervals.shown
    price = [["Price", *PARTS]] + [
        [name, *(shown(phase["price"][name][part]) for part in PARTS)] for name in genes
    ]
    kinds = {
        "S": "differential",
        "S'": "realised_differential",
        "R": "response",
        "R/S'": "realised_heritability",
        "h2": "heritability",
        "beta": "gradient",
    }
    traits = [["Selection", *kinds]] + [
        [name, *(shown(phase["traits"][name][kind]) for kind in kinds.values())] for name in genes
    ]
    sizes = phase["effective_size"]
    lines = [
        *report_tables.filled(
            f"Effective size: {shown(sizes['coalescence'])} from common parents, "
            f"{shown(sizes['variance'])} from offspring numbers, "
            f"{shown(sizes['lineages'])} from lineages over the whole phase",
            indent="  ",
        ),
        f"Heritability of fitness: {shown(phase['fitness_heritability'])}",
    ]
    return "\n".join(
        [head, "", *report_tables.tables(price), "", *report_tables.tables(traits), "", *lines]
    )


def _ancestry_text(summary: Summary) -> str:
    at, first = summary["generation"], summary["generations"][0]
    head = f"Ancestors of generation {at}, replicate {summary['replicate']}"
    if not summary["alive"]:
        return f"{head}: it has no individuals"
    founders = summary["founders"]
    row = at - first
    shares = founders["shares"]
    most = ", ".join(f"{100 * one['share']:.3g} % of {one['founder']}" for one in shares[:5])
    more = len(shares) - 5
    lines = [
        *report_tables.filled(
            f"Of the {founders['first']} founders in generation {first}, "
            f"{founders['left'][row]:g} are left, equivalent to "
            f"{founders['effective'][row]:.3g} with equal shares: {most}"
            + (f", and {more} more" if more > 0 else ""),
            indent="  ",
        ),
        f"A common ancestor of all: {_back(summary['coalescence']['individuals'], row)}",
    ]
    table = [["Gene", "common ancestor", "founders' genes left"]]
    blended = summary["coalescence"]["blended"]
    for name, back in summary["coalescence"]["genes"].items():
        roots = summary["coalescence"]["roots"][name]
        text = "blended: no tree" if name in blended and back is None else _back(back, row)
        table.append([name, text, "" if roots is None else f"{roots:g}"])
    return "\n".join([head, "", *lines, "", *report_tables.table(table)])


def _back(generations: float | None, known: int) -> str:
    if generations is None:
        return f"none in the {known} generations recorded"
    return f"{generations:g} generation{'' if generations == 1 else 's'} back"


analysis("heredity", "what changed the genes, heritability, and ancestry", describe=describe)(
    analyse
)
