"""Analysis ``best_of_n``: the best of n by the selected payoff, and what it is worth where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.errors import Argument, EvosimError
from evosim.metrics import best_of_n
from evosim.metrics.analyses.registry import analysis
from evosim.metrics.best_of_n import NAMED, Curve
from evosim.rng import Purpose, key
from evosim.scenario import document, timeline
from evosim.stats.intervals import Bootstrap
from evosim.stats.report_tables import tables

if TYPE_CHECKING:
    import xarray as xr

    from evosim.metrics.analyses.registry import Request
    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

MOST = 500
"""Individuals of a replicate whose payoffs are computed; of more, a random sample."""
ROUNDING = 1e-9
"""What is smaller is written as 0."""
PROXIES = {
    "score": "score of the generation, of sampled lifetimes",
    "exact": "exact expected selected payoff",
}


class Mixture(NamedTuple):
    """Environments as they train together, or one alone."""

    label: str
    weights: Mapping[str, float]


class _Population(NamedTuple):
    """The individuals of one replicate: [N], and payoffs [place, N]."""

    score: Floats
    exact: Floats
    intended: Floats
    selected: Floats


def analyse(data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
    """Best-of-n curves of one generation, by its score and by its exact selected payoff.

    Returns:
        generation, individuals (fewest of a replicate), population, replicates, confidence, exact
        (False with a built-in drive), intended, selected, window, observed, places (labels; the
        first is what trains), n, and proxies: by name (``score``, ``exact``) d, ``proxy`` (the
        course of the proxy itself), ``intended`` and ``selected`` (a course for each place). A
        course has values, low and high [n], alpha, beta, peak, gain, gap and correlation (value
        and interval each) and residual.
    """
    generation = _generation(data, scenario, request)
    places = _places(scenario, generation)
    everyone = [
        _population(data, scenario, request, generation, replicate, places)
        for replicate in range(data.sizes["replicate"])
    ]
    populations = [one for one in everyone if one is not None]
    if not populations:
        raise EvosimError(
            f"generation {generation} has no individuals to select from: it has died out"
        )
    size = min(len(one.score) for one in populations)
    n = best_of_n.grid(size)
    bootstrap = Bootstrap.of(
        request.seed,
        confidence=scenario.verdict.confidence,
        resamples=scenario.verdict.resamples,
    )
    found = {}
    for name in PROXIES:
        proxies = [getattr(one, name) for one in populations]

        def curve(values: list[Floats], by: list[Floats] = proxies) -> dict[str, Any]:
            return _plain(best_of_n.curve(values, by, n, bootstrap))

        found[name] = {
            "d": best_of_n.distance(proxies, n).tolist(),
            "proxy": curve(proxies),
            **{
                payoff: [curve([getattr(one, payoff)[i] for one in populations])
                         for i in range(len(places))]
                for payoff in ("intended", "selected")
            },
        }  # fmt: skip
    return {
        "generation": generation,
        "individuals": size,
        "population": int(data.sizes["individual"]),
        "replicates": len(populations),
        "confidence": bootstrap.confidence,
        "exact": not scenario.built_in,
        "intended": scenario.objective.intended,
        "selected": scenario.objective_at(generation).selected,
        "window": scenario.phase_at(generation).window,
        "observed": document.plain(scenario.objective_at(generation).observed),
        "places": [place.label for place in places],
        "n": n.tolist(),
        "proxies": found,
    }


def _generation(data: xr.Dataset, scenario: Scenario, request: Request) -> int:
    """What was asked for; else the last before the first flip, else the last."""
    if request.generation is not None:
        return request.generation
    first = int(data["generation"].values[0])
    for flip in scenario.flips:
        if flip.generation > first:
            return flip.generation - 1
    return int(data["generation"].values[-1])


def _places(scenario: Scenario, generation: int) -> list[Mixture]:
    """What trains; then what else ever trains, in the order of the timeline; then the rest."""
    own = scenario.mixture_at(generation)
    mixtures = [own, *(phase.mixture for phase in scenario.timeline)]
    trained = {name for mixture in mixtures for name in mixture}
    mixtures += [{name: 1.0} for name in scenario.environments if name not in trained]
    places: list[Mixture] = []
    for mixture in mixtures:
        if all(mixture != place.weights for place in places):
            places.append(Mixture(timeline.label(mixture), mixture))
    return places


def _population(
    data: xr.Dataset,
    scenario: Scenario,
    request: Request,
    generation: int,
    replicate: int,
    places: Sequence[Mixture],
) -> _Population | None:
    """The individuals of a replicate and their payoffs; None where it has died out."""
    from evosim.engine.probe import Prober

    here = data.isel(replicate=replicate).sel(generation=generation)
    genomes = here["genome"].transpose("individual", "locus").values
    alive = np.flatnonzero(~np.isnan(genomes).any(axis=1))
    if not len(alive):
        return None
    score = here["score"].values[alive]
    if np.isnan(score).any():
        raise EvosimError(
            f"generation {generation} has no score to select by: nothing was labelled there; "
            "ask for another with ",
            Argument("generation"),
        )
    if len(alive) > MOST:
        stream = key(request.seed, Purpose.REPLICATE, replicate)
        rng = np.random.Generator(np.random.PCG64(key(stream, Purpose.PRESSURE, generation)))
        chosen = np.sort(rng.permutation(len(alive))[:MOST])
        alive, score = alive[chosen], score[chosen]
    seed = request.seed if request.probe_seed is None else request.probe_seed
    prober = Prober(scenario, key(seed, Purpose.REPLICATE, replicate))
    payoffs = prober.payoffs(genomes[alive], generation, alive.astype(np.int32))
    names, paid = list(scenario.environments), list(scenario.payoffs)
    mixed = np.stack(
        [sum(w * payoffs[names.index(name)] for name, w in p.weights.items()) for p in places]
    )
    selected = mixed[..., paid.index(scenario.objective_at(generation).selected)]
    cost = mind.cost(scenario, mind.express(scenario, genomes[alive]))
    return _Population(
        score=np.asarray(score, np.float64),
        exact=selected[0] - cost,
        intended=mixed[..., paid.index(scenario.objective.intended)],
        selected=selected,
    )


def _plain(curve: Curve) -> dict[str, Any]:
    """A course in plain numbers; NaN is left for JSON to drop."""
    values = [e.value for e in curve.values]
    ends = [e.interval or (np.nan, np.nan) for e in curve.values]
    numbers = {
        name: getattr(curve, name).to_dict()
        for name in ("alpha", "beta", "peak", "gain", "gap", "correlation")
    }
    return {
        "values": values,
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
        **numbers,
        "residual": curve.residual,
    }


# In words


def describe(summary: Mapping[str, Any]) -> str:
    """The curves as a table a proxy, with what was fitted, and how it was made."""
    n, replicates = summary["individuals"], summary["replicates"]
    whole = "" if n == summary["population"] else f" of {summary['population']}"
    several = f" of each of {replicates} replicates" if replicates > 1 else ""
    lines = [
        f"Generation {summary['generation']}, {n}{whole} individuals{several}: trained in "
        f"{summary['places'][0]},",
        f"selected on {summary['selected']}, intended {summary['intended']}",
    ]
    for name, label in PROXIES.items():
        found = summary["proxies"][name]
        lines += ["", f"Best of n by the {label}", *tables(_rows(summary, found), right=True)]
        if not any(found["d"]):
            lines.append("  all have the same proxy: nothing is selected")
    return "\n".join([*lines, "", *_foot(summary)])


def _rows(summary: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[list[str]]:
    at = shown_at(summary["n"])
    columns = [f"n = {summary['n'][i]:g}" for i in at]
    yield ["", *columns, "alpha", "beta", "d*", "gap", "r"]
    yield ["d", *(f"{found['d'][i]:.2f}" for i in at), "", "", "", "", ""]
    yield ["the proxy", *_cells(found["proxy"], at, found["d"][-1])]
    for payoff in ("intended", "selected") if differ(summary) else ("intended",):
        for label, curve in zip(summary["places"], found[payoff], strict=True):
            yield [f"{summary[payoff]} in {label}", *_cells(curve, at, found["d"][-1])]


def differ(summary: Mapping[str, Any]) -> bool:
    """Whether another payoff is selected than the intended one: outer misalignment."""
    return bool(summary["intended"] != summary["selected"])


def shown_at(n: Sequence[float]) -> list[int]:
    """The places in a grid of n that are told of: 1, those with names, the largest."""
    wanted = [1.0, *NAMED, n[-1]]
    return sorted({i for i, value in enumerate(n) if value in wanted})


def _cells(curve: Mapping[str, Any], at: Sequence[int], furthest: float) -> list[str]:
    values = [_number(curve["values"][i]) for i in at]
    alpha, beta, top, gap, correlation = (
        curve[name]["value"] for name in ("alpha", "beta", "peak", "gap", "correlation")
    )
    beyond = top is not None and top > furthest
    peak = f"> {furthest:.3g}" if beyond else _number(top)
    return [*values, _number(alpha), _number(beta), peak, _number(gap), _number(correlation)]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if abs(value) > ROUNDING else "0"


def _foot(summary: Mapping[str, Any]) -> Iterator[str]:
    yield "d = sqrt(KL) of the best of n against a random individual, exact for this population;"
    yield "R(d) = R(0) + d (alpha - beta d) by least squares, largest at d* = alpha / (2 beta);"
    yield "gap: gain of the proxy less that of the payoff at the largest n, in standard deviations;"
    yield "r: correlation with the proxy. -: undefined. Intervals are in the JSON and the figure."
    if not differ(summary):
        yield (
            f"Selected is intended ({summary['selected']}): in training the score differs from it "
            "only by the noise\nof sampled lifetimes (regressional Goodhart)."
        )
    if summary["window"] is not None:
        yield f"The score counts {summary['window']} steps of a lifetime, the exact payoff all."
    if summary["observed"]:
        yield "The score counts steps that are observed, the exact payoff all."
    if not summary["exact"]:
        yield "A drive looks back on the life: exact values are means of sampled lifetimes."
    if summary["replicates"] == 1:
        yield "One replicate: intervals are over its individuals, not over replicates."


analysis("best_of_n", "the intended payoff of the best of n individuals", describe=describe)(
    analyse
)
