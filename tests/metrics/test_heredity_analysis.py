"""The analysis ``heredity`` and the measures of descent: what a user sees."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from breeding import GAUSSIAN, TOURNAMENT, UNIFORM, UNMUTATED, scenario, with_genes
from descending import dataset, of_courses

from evosim import mind
from evosim.errors import EvosimError
from evosim.execution.runner import finite
from evosim.metrics import METRICS, Query
from evosim.metrics.analyses import ANALYSES
from evosim.metrics.analyses.registry import Request
from evosim.metrics.popgen import coalescent, effective_size, heritability, price
from evosim.metrics.popgen.pedigree import Phase, descent, phases
from evosim.scenario import Scenario

PHASES = [
    {"generations": 6, "train": "wild"},
    {"generations": 4, "train": "wild", "select": False},
    {"generations": 5, "train": "wild"},
]
VERDICT = {"resamples": 50}


def phased(n_loci: int = 3, **parts: Any) -> Scenario:
    made = with_genes(n_loci, timeline=PHASES, **parts)
    return made.model_copy(update={"verdict": made.verdict.model_copy(update=VERDICT)})


def analysed(data: xr.Dataset, made: Scenario, **request: Any) -> dict[str, Any]:
    """The summary as JSON keeps it."""
    found = ANALYSES["heredity"].analyse(data, made, Request(seed=1, **request))
    plain = finite(found)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    return dict(plain)


def measured(name: str, data: xr.Dataset, made: Scenario, **term: Any) -> np.ndarray:
    wanted = Query(measure=name, **term)
    METRICS[name].check_in(made, wanted)
    (column,) = METRICS[name].columns(data, made, wanted)
    return column


# --- phases ---------------------------------------------------------------------------------


def test_a_step_belongs_to_the_phase_whose_scores_decided_it() -> None:
    made = phased()
    data = dataset(made)
    assert phases(made, data) == (Phase(0, 6, 0), Phase(6, 10, 1), Phase(10, 14, 2))
    late = data.sel(generation=slice(6, None))
    assert phases(made, late) == (Phase(6, 10, 1), Phase(10, 14, 2))
    assert phases(made, data.sel(generation=slice(8, None)))[0] == Phase(8, 10, 1)
    short = with_genes(1, timeline=[*PHASES, {"generations": 1, "train": "wild"}])
    assert phases(short, dataset(short))[-1] == Phase(15, 15, 3)


# --- the analysis ---------------------------------------------------------------------------


def test_parts_of_the_price_equation_are_told_by_gene_and_generation() -> None:
    made = phased()
    data = dataset(made, replicates=2)
    found = analysed(data, made, replicate=1)
    own = descent(data, 1)
    parts = price.price_series(made, *own[:4])
    for k, gene in enumerate(found["genes"]):
        for part in ("selection", "drift", "transmission", "change"):
            assert found["price"][part][gene] == getattr(parts, part)[:, k].tolist()
        summed = [sum(found["price"][part][gene]) for part in found["price"]]
        assert sum(summed[:3]) == pytest.approx(summed[3], abs=1e-12)
    assert found["identity"] < 1e-12
    change = [phase["price"]["drive.gene0"]["change"]["value"] for phase in found["phases"]]
    mean = data["genome"].mean(("replicate", "individual")).values[:, 0]
    assert change == pytest.approx([mean[6] - mean[0], 0.0, mean[14] - mean[10]])


def test_an_identity_that_does_not_hold_is_a_defect_and_no_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = phased()
    data = dataset(made)
    honest = price.price

    def wrong(*given: Any) -> price.Price:
        parts = honest(*given)
        return parts._replace(drift=parts.drift + 1e-6)

    monkeypatch.setattr(price, "price", wrong)
    with pytest.raises(ArithmeticError, match="defect of evosim"):
        analysed(data, made)


def test_phases_tell_selection_response_and_heritability_over_replicates() -> None:
    made = phased(mutate={**GAUSSIAN, "sigma": 0.02})
    found = analysed(dataset(made, replicates=3, n=60), made)
    first, frozen, last = found["phases"]
    assert [p["selects"] for p in found["phases"]] == [True, False, True]
    assert (first["from"], first["to"], first["train"]) == (0, 6, ["wild"])
    drive = first["traits"]["drive.gene0"]
    assert drive["differential"]["value"] > 0
    low, high = drive["differential"]["interval"]
    assert low <= drive["differential"]["value"] <= high
    assert drive["gradient"]["value"] > 0.5
    assert abs(first["traits"]["drive.gene1"]["gradient"]["value"]) < 0.2
    assert 0.5 < drive["heritability"]["value"] < 1.2
    assert first["fitness_heritability"]["value"] > 0.5  # the score is a gene
    assert frozen["traits"]["drive.gene0"]["heritability"]["value"] is None
    assert frozen["traits"]["drive.gene0"]["response"]["value"] == 0
    assert frozen["fitness_heritability"]["value"] is None
    assert frozen["effective_size"]["coalescence"]["value"] is None  # nothing drifts
    assert last["effective_size"]["coalescence"]["value"] < 60
    told = [p["effective_size"] for p in (first, last)]
    for sizes in told:
        assert sizes["variance"]["value"] == pytest.approx(sizes["coalescence"]["value"])


def test_founders_and_coalescence_are_those_of_the_genealogy() -> None:
    made = phased(mutate=UNMUTATED)
    data = dataset(made)
    pedigree = descent(data, 0).pedigree
    found = analysed(data, made)
    shares = coalescent.founder_shares(pedigree)
    assert found["founders"]["effective"] == coalescent.effective_founders(shares).tolist()
    assert sum(one["share"] for one in found["founders"]["shares"]) == pytest.approx(1)
    assert len(found["founders"]["shares"]) == found["founders"]["left"][-1]
    order = [one["share"] for one in found["founders"]["shares"]]
    assert order == sorted(order, reverse=True)
    roots = list(found["coalescence"]["roots"].values())
    assert roots == [len(np.unique(column)) for column in data["genome"].values[0, -1].T]
    early = analysed(data, made, generation=0)
    assert (early["generation"], early["alive"]) == (0, 20)
    assert [one["share"] for one in early["founders"]["shares"]] == [0.05] * 20
    assert early["coalescence"]["individuals"] is None


def test_a_fork_begins_with_founders_of_its_own() -> None:
    made = phased()
    data = dataset(made)
    late = data.sel(generation=slice(8, None))
    found = analysed(late, made)
    assert found["generations"] == list(range(8, 15))
    assert found["founders"]["left"][0] == 20
    assert found["phases"][0]["from"] == 8
    whole = analysed(data, made)
    for part in found["price"]:
        assert found["price"][part]["drive.gene1"] == whole["price"][part]["drive.gene1"][8:]
    assert "Of the 20 founders in generation 8" in ANALYSES["heredity"].describe(found)


def test_a_replicate_that_died_out_is_told_by_its_last_generation() -> None:
    made = scenario(
        drives=["x", "y"],
        timeline=[{"generations": 5, "train": "wild"}],
        open={"offspring": 1.0, "capacity": 6},
    )
    alive = dataset(made, n=6)
    course = [np.array(alive[name].values[0], copy=True) for name in
              ("genome", "score", "parents", "crossover")]  # fmt: skip
    course[0][3:], course[1][3:], course[2][3:], course[3][3:] = np.nan, np.nan, -1, 0
    data = of_courses(made, [course, [alive[name].values[0] for name in
                                      ("genome", "score", "parents", "crossover")]])  # fmt: skip
    found = analysed(data, made)
    assert found["generation"] == 2
    assert found["price"]["selection"]["drive.x"][2:] == [None, None]
    assert found["sizes"] == [6, 6, 6, 0, 0]
    assert found["founders"]["effective"][3:] == [None, None]
    gone = analysed(data, made, generation=4)
    assert gone["alive"] == 0
    assert gone["founders"]["shares"] == []
    assert "it has no individuals" in ANALYSES["heredity"].describe(gone)
    assert np.isnan(measured("founders", data, made)).tolist() == [True, False]
    assert np.isnan(measured("coalescence", data, made)).tolist() == [True, False]
    assert np.isfinite(measured("effective_size", data, made)).all()


def test_blended_genes_have_founders_but_no_tree() -> None:
    made = phased(mate={"operator": "cxBlend", "alpha": 0.2, "chance": 1.0})
    found = analysed(dataset(made), made)
    assert found["coalescence"]["blended"] == found["genes"]
    assert set(found["coalescence"]["genes"].values()) == {None}
    assert sum(one["share"] for one in found["founders"]["shares"]) == pytest.approx(1)
    assert "blended: no tree" in ANALYSES["heredity"].describe(found)
    assert found["phases"][0]["effective_size"]["lineages"]["value"] is None


@pytest.mark.parametrize("optimizer", ["cma", "gradient"])
def test_genomes_without_parents_are_refused_in_words(optimizer: str) -> None:
    made = with_genes(2, optimizer={"name": optimizer})
    with pytest.raises(EvosimError, match=f"genomes of {optimizer} have no parents"):
        ANALYSES["heredity"].analyse(xr.Dataset(), made, Request(seed=1))
    for name in ("effective_size", "fitness_heritability", "founders", "coalescence"):
        with pytest.raises(EvosimError, match=f"measure '{name}': the genomes of"):
            METRICS[name].check_in(made, Query(measure=name))


def test_a_genome_without_loci_has_no_heredity() -> None:
    with pytest.raises(EvosimError, match="all are pinned"):
        ANALYSES["heredity"].analyse(xr.Dataset(), with_genes(0), Request(seed=1))


def test_the_text_tells_what_a_reader_needs() -> None:
    made = phased()
    data = dataset(made, replicates=2)
    text = ANALYSES["heredity"].describe(analysed(data, made))
    assert "Generation 6 to 10, wild, without selection" in text
    assert "Of the 20 founders in generation 0" in text
    assert "Means of 2 replicates; [low, high]: BCa intervals of 95 %" in text
    assert "A common ancestor of all:" in text
    assert "holds to" in text
    one = ANALYSES["heredity"].describe(analysed(data.isel(replicate=[0]), made))
    assert "replicates" not in one


# --- the measures ---------------------------------------------------------------------------


def test_the_effective_size_of_a_phase_is_a_harmonic_mean() -> None:
    made = phased()
    data = dataset(made, replicates=2)
    c = effective_size.coalescence_probability(data["parents"].values)
    for at, span in {"start": (1, 7), "before": (1, 7), "end": (11, 15)}.items():
        found = measured("effective_size", data, made, at=at, turn=6)
        assert np.allclose(found, 1 / c[:, slice(*span)].mean(axis=1))
    frozen = measured("effective_size", data, made, at="flip", turn=6)
    assert np.isnan(frozen).all()
    one = measured("effective_size", data, made, generation=3)
    assert np.allclose(one, 1 / c[:, 4])
    assert np.isnan(measured("effective_size", data, made, generation=14)).all()


def test_differentials_are_summed_and_heritability_pooled_over_a_phase() -> None:
    made = phased()
    data = dataset(made, replicates=2, n=30)
    for r in range(2):
        own = descent(data, r)
        steps = list(own.steps(made, 0, 6))
        found = heritability.responses(
            steps, lambda genes, _: mind.phenotype(made, genes)["drive.gene1"][:, None], 1
        )
        term = {"of": "drive.gene1", "at": "start"}
        assert measured("differential", data, made, **term)[r] == found.expected.sum()
        slope = found.products.sum() / found.squares.sum()
        assert measured("heritability", data, made, **term)[r] == pytest.approx(slope)
    fitness = measured("fitness_heritability", data, made, at="start")
    assert np.all(fitness > 0.5)  # the score is a gene
    assert np.isnan(measured("heritability", data, made, of="drive.gene1", at="flip", turn=6)).all()


def test_a_pinned_locus_has_neither_heritability_nor_drift() -> None:
    made = phased()
    data = dataset(made)
    assert np.isnan(measured("heritability", data, made, of="patience")).all()
    assert np.isnan(measured("drifted", data, made, of="patience")).all()
    assert measured("differential", data, made, of="patience").tolist() == [0.0]


def test_a_neutral_gene_drifts_by_about_one_over_the_effective_size() -> None:
    made = with_genes(
        2,
        select=TOURNAMENT,
        mate=UNIFORM,
        timeline=[{"generations": 150, "train": "wild"}],
    )
    scores = np.random.default_rng(1)
    data = dataset(made, lambda g, _: scores.random(len(g)), replicates=4, n=50)
    drifted = measured("drifted", data, made, of="drive.gene1").mean()
    assert abs(drifted * measured("effective_size", data, made).mean() - 1) < 0.25


def test_founders_and_coalescence_look_at_a_generation() -> None:
    made = phased(mutate=UNMUTATED)
    data = dataset(made, replicates=2)
    assert np.allclose(measured("founders", data, made, at="start"), 20)
    assert measured("coalescence", data, made, at="start").tolist() == [1, 1]  # censored
    flip = measured("founders", data, made, at="flip", turn=6)
    frozen = measured("founders", data, made, at="before", turn=10)
    assert np.array_equal(flip, frozen)  # nobody is born in between
    for r in range(2):
        shares = coalescent.founder_shares(descent(data, r).pedigree)
        assert flip[r] == coalescent.effective_founders(shares)[6]
        assert measured("founders", data, made)[r] == coalescent.effective_founders(shares)[14]
        counts = coalescent.lineages(descent(data, r).pedigree)
        back = coalescent.coalescence_time(counts)
        expected = np.where(np.isnan(back), 15, back).mean()
        assert measured("coalescence", data, made)[r] == expected


@pytest.mark.parametrize("name", ["effective_size", "founders", "coalescence"])
def test_measures_of_descent_have_no_peak(name: str) -> None:
    made = phased()
    with pytest.raises(EvosimError, match="has no peak"):
        METRICS[name].check_in(made, Query(measure=name, at="peak"))
    with pytest.raises(EvosimError, match="has no peak"):
        METRICS[name].columns(dataset(made), made, Query(measure=name, at="peak"))
