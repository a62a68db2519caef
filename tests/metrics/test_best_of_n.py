"""Best of n: order statistics, divergence, the fit; and the analysis of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import evosim
from evosim.engine.probe import Prober
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query, best_of_n
from evosim.rng import Purpose, key
from evosim.starter import starter
from evosim.stats.intervals import Bootstrap

BOOTSTRAP = Bootstrap(resamples=200, key=1)


def test_the_best_of_n_has_the_chances_of_order_statistics():
    found = best_of_n.chances([3.0, 1.0, 2.0], [1, 2])
    assert found[0] == pytest.approx([1 / 3] * 3)
    assert found[1] == pytest.approx([5 / 9, 1 / 9, 3 / 9])


def test_ties_share_the_chances():
    found = best_of_n.chances([1.0, 0.0, 1.0, 1.0], [2])[0]
    assert found == pytest.approx([5 / 16, 1 / 16, 5 / 16, 5 / 16])
    assert best_of_n.chances(np.ones(4), [1, 7]) == pytest.approx(np.full((2, 4), 0.25))


def test_the_expected_value_is_that_of_many_draws():
    rng = np.random.default_rng(0)
    proxy = rng.integers(0, 6, 30).astype(float)
    values = rng.normal(size=30)
    draws = rng.integers(0, 30, (40_000, 5))
    shuffled = rng.random(draws.shape)  # ties go to any of those tied
    best = np.lexsort((shuffled, proxy[draws]), axis=1)[:, -1]
    sampled = values[np.take_along_axis(draws, best[:, None], axis=1)[:, 0]]
    exact = best_of_n.best_of(values, proxy, [5])[0]
    assert abs(sampled.mean() - exact) < 4 * sampled.std() / math.sqrt(len(sampled))
    assert exact == pytest.approx(best_of_n.chances(proxy, [5])[0] @ values)


def test_several_populations_are_followed_at_once():
    rng = np.random.default_rng(1)
    values, proxies = rng.normal(size=(2, 3, 8))
    proxies[1] = np.round(proxies[1])
    each = [best_of_n.best_of(v, p, [1, 4]) for v, p in zip(values, proxies, strict=True)]
    assert best_of_n.best_of(values, proxies, [1, 4]) == pytest.approx(np.stack(each, axis=1))


def test_the_divergence_is_that_of_gao_et_al_without_ties_in_a_large_population():
    n = np.array([1.0, 2.0, 10.0, 100.0])
    found = best_of_n.divergence(best_of_n.chances(np.arange(100_000.0), n))
    assert found == pytest.approx(np.log(n) - (n - 1) / n, abs=1e-4)


def test_a_finite_population_and_ties_bound_the_divergence():
    none = best_of_n.chances(np.zeros(50), [1e6])
    one = best_of_n.chances(np.arange(50.0), [1e6])
    assert best_of_n.divergence(none) == pytest.approx([0.0])
    assert best_of_n.divergence(one) == pytest.approx([math.log(50)])


def test_the_fit_finds_the_numbers_that_a_curve_was_made_of():
    d = np.linspace(0, 2, 9)
    found = best_of_n.fit(d, 3.0 + d * (1.5 - 0.5 * d))
    assert (found.alpha, found.beta, found.peak) == pytest.approx((1.5, 0.5, 1.5))
    assert math.isnan(best_of_n.fit(d, 3.0 + d * (1.5 + 0.5 * d)).peak)
    assert math.isnan(best_of_n.fit(np.zeros(9), np.ones(9)).alpha)


def test_what_the_proxy_gains_beyond_its_correlation_is_the_gap():
    """Of normal values with correlation r the gain of the value is r times that of the proxy."""
    rng = np.random.default_rng(0)
    value = rng.normal(size=1000)
    proxy = value + rng.normal(size=1000)
    n = np.array([1.0, 2.0, 10.0])
    found = best_of_n.curve([value], [proxy], n, BOOTSTRAP)
    itself = best_of_n.curve([proxy], [proxy], n, BOOTSTRAP)
    assert found.correlation.value == pytest.approx(math.sqrt(0.5), rel=0.05)
    assert found.gain.value == pytest.approx(math.sqrt(0.5) * itself.gain.value, rel=0.1)
    assert found.gap.value == pytest.approx(itself.gain.value - found.gain.value)
    assert itself.gap.value == pytest.approx(0, abs=1e-12)
    low, high = found.gain.interval
    assert low < found.gain.value < high


def test_intervals_are_over_replicates_where_there_are_several():
    rng = np.random.default_rng(0)
    values = [rng.normal(mean, 1, 50) for mean in (0.0, 5.0, 10.0)]
    found = best_of_n.curve(values, values, np.array([1.0, 2.0, 10.0]), BOOTSTRAP)
    assert found.values[0].n == 3
    assert found.values[0].interval[1] - found.values[0].interval[0] > 3
    one = best_of_n.curve(values[:1], values[:1], np.array([1.0, 2.0, 10.0]), BOOTSTRAP)
    assert one.values[0].n == 50
    assert one.values[0].interval[1] - one.values[0].interval[0] < 1


def test_a_payoff_that_does_not_vary_has_a_flat_course_and_no_gain():
    rng = np.random.default_rng(0)
    found = best_of_n.curve(
        [np.full(20, 0.1)], [rng.normal(size=20)], best_of_n.grid(20), BOOTSTRAP
    )
    assert [e.value for e in found.values] == pytest.approx([0.1] * len(found.values))
    assert math.isnan(found.gain.value)
    assert math.isnan(found.peak.value)


def test_the_gain_is_in_standard_deviations_of_what_is_gained():
    value = np.random.default_rng(0).normal(3, 7, 20_000)
    assert best_of_n.gain(value, value, 10) == pytest.approx(1.5388, rel=0.01)
    assert best_of_n.gain(value, -value, 10) == pytest.approx(-1.5388, rel=0.01)
    assert math.isnan(best_of_n.gain(np.full(20, 0.1), value[:20], 10))


SMALL = (
    "evolution.population=12", "evolution.levels=2", "measure.levels=2", "measure.sample=12",
    "timeline.0.generations=3", "timeline.1.generations=3", "verdict.resamples=50",
)  # fmt: skip


def run(folder: Path, *sets: str, replicates: int = 1) -> evosim.Run:
    path = folder / "mine.toml"
    path.write_text(starter("mine"))
    return evosim.run(
        path, seed=1, replicates=replicates, settings=[*SMALL, *sets], out=folder / "run",
        workers=1, figures=False, progress=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return run(tmp_path_factory.mktemp("pressure"))


def test_payoffs_of_all_individuals_are_those_of_the_probe(done):
    data = done.data
    prober = Prober(done.scenario, key(done.seed, Purpose.REPLICATE, 0))
    genomes = data["genome"].sel(generation=3).values[0]
    found = prober.payoffs(genomes, 3, np.arange(len(genomes)))
    probed = data.isel(replicate=0).sel(probe=3, mind="evolved")
    known = probed["expected_payoff"].transpose("environment", "sample", "payoff").values
    assert found[:, probed["probe_individual"].values] == pytest.approx(known)


def test_the_analysis_looks_at_the_last_generation_before_the_flip(done):
    found = evosim.analyse(done, "best_of_n")
    summary = found.summary
    assert summary["generation"] == 2
    assert summary["places"] == ["orchard", "shop"]
    data = done.data.isel(replicate=0).sel(generation=2)
    score = summary["proxies"]["score"]
    assert score["proxy"]["values"][0] == pytest.approx(float(data["score"].mean()))
    assert score["proxy"]["values"][-1] > score["proxy"]["values"][0]
    assert json.loads(found.path.read_text())["proxies"]["score"]["d"][0] == 0
    exact = summary["proxies"]["exact"]
    assert exact["proxy"]["values"] == pytest.approx(exact["selected"][0]["values"])
    assert "Generation 2, 12 individuals" in found.text
    assert "regressional Goodhart" in found.text
    assert max(map(len, found.text.splitlines())) <= 100


def test_another_generation_can_be_asked_for(done):
    assert evosim.analyse(done, "best_of_n", generation=0).summary["generation"] == 0


def test_thinking_costs_are_taken_off_the_exact_payoff(tmp_path):
    dear = run(tmp_path, "agent.thinking_cost=2.0", "agent.depth=3")
    exact = evosim.analyse(dear, "best_of_n").summary["proxies"]["exact"]
    lost = np.array(exact["selected"][0]["values"]) - exact["proxy"]["values"]
    assert lost == pytest.approx(np.full(len(lost), 6.0))


def test_the_measure_looks_at_the_world_that_bred_the_population(done):
    data, scenario = done.data, done.scenario

    def measured(**term: object) -> float:
        given = Query(measure="pressure", turn=3, **term)
        return float(METRICS["pressure"].columns(data, scenario, given)[0][0])

    def expected(bred: str, where: str, generation: int) -> float:
        here = data["expected_payoff"].isel(replicate=0, payoff=0)
        here = here.sel(mind="evolved", probe=generation)
        proxy, paid = (here.sel(environment=name).values for name in (bred, where))
        return float(best_of_n.gain(paid, proxy, 10))

    assert measured(at="flip") == pytest.approx(expected("orchard", "shop", 3))
    assert measured(at="before") == pytest.approx(expected("orchard", "orchard", 3))
    assert measured(at="before") > 0
    assert measured(at="end", where="orchard") == pytest.approx(expected("shop", "orchard", 5))
    assert measured(at="start") == pytest.approx(expected("orchard", "orchard", 0))
    with pytest.raises(EvosimError, match="was not probed"):
        measured(generation=1)


def test_the_measure_takes_thinking_costs_off_and_skips_those_absent(tmp_path):
    sets = ("agent.depth={range=[0, 9], start=[0, 9]}", "agent.thinking_cost=1e6",
            "evolution.population=12", "evolution.open={offspring=0.0, capacity=12}",
            "measure.sample=12", "timeline.1.select=false")  # fmt: skip
    dear = run(tmp_path, *sets)
    term = Query(measure="pressure", at="start")
    (found,) = METRICS["pressure"].columns(dear.data, dear.scenario, term)
    paid = dear.data["expected_payoff"].isel(replicate=0, payoff=0, probe=0)
    paid = paid.sel(environment="orchard", mind="evolved").values
    depth = np.floor(dear.data["genome"].isel(replicate=0, generation=0).sel(locus="depth").values)
    assert len(set(depth)) > 3
    assert found[0] == pytest.approx(best_of_n.gain(paid, -1e6 * depth + paid, 10))
    (none,) = METRICS["pressure"].columns(dear.data, dear.scenario, Query(measure="pressure"))
    assert np.isnan(none).all()


def test_where_nobody_is_left_there_is_nothing_to_select(tmp_path):
    none = run(tmp_path, "evolution.open={offspring=0.0, capacity=12}")
    with pytest.raises(EvosimError, match="generation 2 has no individuals to select from"):
        evosim.analyse(none, "best_of_n")


def test_the_figure_is_drawn(done, tmp_path):
    for generation in (0, None):
        found = evosim.analyse(done, "best_of_n", generation=generation)
        (path,) = found.plot(folder=tmp_path, formats=["svg"])
        assert path.stat().st_size > 1000
