"""What a run's individuals want, and its distance from payoffs, measured on the probe levels."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import worlds
import xarray as xr

from evosim import mind, rng, world
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query, reward_distance, rewards
from evosim.metrics.analyses import ANALYSES
from evosim.metrics.analyses.registry import Request
from evosim.rng import Purpose
from evosim.scenario import Scenario
from evosim.world import tensors

SEED, REPLICATES, PROBES, SAMPLE = 11, 2, (0, 2, 3), 4
N, GENERATIONS = 5, 4
FLIP = 2

WORLD: dict[str, Any] = {
    "rows": 3,
    "cols": 3,
    "kinds": {
        "apple": {
            "count": 1,
            "glyph": "a",
            "use": {"eat": {"feels": {"sweet": 1.0}, "yields": {"children": 1.0}}},
        },
        "lime": {"count": 1, "glyph": "l", "use": {"eat": {"feels": {"sour": 1.0}}}},
    },
}
BARREN = {"kinds": {"apple": {"use": {"eat": {"yields": {"children": 0.0}}}}}}
TURNED = {"kinds": {"apple": {"use": {"eat": {"yields": {"children": -1.0}}}}}}


def scenario(**agent: Any) -> Scenario:
    doc = worlds.document(
        WORLD,
        environments={
            "old": {"title": "old"},
            "turned": {"title": "turned", **TURNED},
            "barren": {"title": "barren", **BARREN},
        },
        **{"patience": 0.9, **agent},
    )
    doc["timeline"] = [{"generations": FLIP, "train": "old"}, {"generations": 2, "train": "turned"}]
    doc["measure"] = {"levels": 6, "sample": SAMPLE, "every": 10}
    return worlds.read(doc)


def made(read: Scenario, **attributes: str) -> xr.Dataset:
    """A run's data: random genes, of which probes sampled individuals 0, 1, 2, and nobody."""
    loci = [locus.name for locus in mind.loci(read)]
    genes = np.random.default_rng(0).uniform(-1, 1, (REPLICATES, GENERATIONS, N, len(loci)))
    genes[..., len(read.stimuli) :] = np.abs(genes[..., len(read.stimuli) :])
    genes[:, :, 0, :2] = [1.0, 0.0]  # individual 0 wants apples
    genes[:, :, 1, :2] = [0.0, 0.0]  # individual 1 wants nothing
    genes[:, :, 4] = np.nan
    who = np.tile(np.array([0, 1, 2, -1], np.int32), (REPLICATES, len(PROBES), 1))
    environments = list(read.environments)
    shape = (REPLICATES, len(PROBES), len(environments), 1, SAMPLE)
    return xr.Dataset(
        {
            "genome": (("replicate", "generation", "individual", "locus"), genes),
            "probe_individual": (("replicate", "probe", "sample"), who),
            "alignment": (
                ("replicate", "probe", "environment", "mind", "sample"),
                np.random.default_rng(1).uniform(0, 1, shape),
            ),
        },
        coords={
            "replicate": np.arange(REPLICATES), "generation": np.arange(GENERATIONS),
            "probe": np.array(PROBES), "environment": environments, "mind": ["evolved"],
            "locus": loci,
        },
        attrs={"seed": str(SEED), **attributes},
    )  # fmt: skip


def by_hand(read: Scenario, where: str, weights: np.ndarray, seed: int = SEED) -> dict[str, float]:
    """Distances of a reward from children in replicate 1: the mean over the first four levels."""
    replicate = rng.key(seed, Purpose.REPLICATE, 1)
    seeds = [rng.key(replicate, Purpose.PROBE, i) for i in range(4)]
    env, levels = world.environment(read, where), world.draw_levels(read, where, seeds)
    found: dict[str, list[float]] = {"epic": [], "starc": []}
    for i in range(4):
        process = tensors.process(env, levels, i)
        children = process.weights({"children": 1.0})
        found["epic"].append(float(reward_distance.epic(process, 0.9).distance(weights, children)))
        found["starc"].append(
            float(reward_distance.starc(process, 0.9).distance(weights, children))
        )
    return {kind: float(np.mean(each)) for kind, each in found.items()}


def test_distances_are_means_over_the_first_probe_levels() -> None:
    read = scenario()
    data = made(read)
    for where in ("old", "turned"):
        found = rewards.distances(data, read, where, to="children")
        weights = rewards.drives(data, read, np.arange(3))[1, 2, 2]
        assert np.hypot(*weights[:2]) == pytest.approx(1.0)
        for kind, value in by_hand(read, where, weights).items():
            assert found[kind].shape == (REPLICATES, len(PROBES), SAMPLE)
            assert found[kind][1, 2, 2] == pytest.approx(value, abs=1e-12)


def test_who_feels_what_is_paid_is_at_0_and_at_1_where_it_is_taken_instead() -> None:
    read = scenario()
    data = made(read)
    for where, value in (("old", 0.0), ("turned", 1.0)):
        found = rewards.distances(data, read, where, to="children")
        for kind in rewards.KINDS:
            np.testing.assert_allclose(found[kind][..., 0], value, rtol=0, atol=1e-9)


def test_no_drives_nobody_and_a_payoff_that_nothing_pays_are_undefined() -> None:
    read = scenario()
    data = made(read)
    old = rewards.distances(data, read, "old", to="children")
    barren = rewards.distances(data, read, "barren", to="children")
    for kind in rewards.KINDS:
        assert np.isnan(old[kind][..., [1, 3]]).all()
        assert np.isfinite(old[kind][..., 2]).all()
        assert np.isnan(barren[kind]).all()


def test_a_fork_is_measured_on_the_levels_of_its_first_ancestor() -> None:
    read = scenario()
    provenance_json = json.dumps({"seeds": [{"from": 0, "seed": 5}, {"from": 2, "seed": SEED}]})
    data = made(read, provenance=provenance_json)
    weights = rewards.drives(data, read, np.arange(3))[1, 1, 2]
    found = rewards.distances(data, read, "old", to="children")
    assert found["starc"][1, 1, 2] == pytest.approx(by_hand(read, "old", weights, 5)["starc"])


def test_the_discount_is_the_patience_or_the_mean_of_one_that_evolves() -> None:
    assert rewards.discounts(made(scenario()), scenario()).tolist() == [0.9, 0.9]
    evolving = scenario(patience=[0.0, 0.99])
    data = made(evolving)
    place = [locus.name for locus in mind.loci(evolving)].index("patience")
    genes = data["genome"].values[:, list(PROBES)][:, :, :3, place]
    np.testing.assert_allclose(rewards.discounts(data, evolving), genes.mean(axis=(1, 2)))


def test_novelty_among_the_drives_is_refused_before_anything_is_run() -> None:
    read = scenario(drives=["sweet", "sour", "novelty"])
    for name in ("epic", "starc"):
        with pytest.raises(EvosimError, match=f"measure '{name}': .*novelty"):
            METRICS[name].check_in(read, Query(measure=name))
    with pytest.raises(EvosimError, match="novelty"):
        ANALYSES["distances"].analyse(made(scenario()), read, Request(seed=SEED))


def test_the_measures_are_means_over_the_individuals_that_define_them() -> None:
    read = scenario()
    data = made(read)
    for kind in rewards.KINDS:
        for at, where, probe in (("start", "old", 0), ("before", "old", 1), ("flip", "turned", 1)):
            each = rewards.distances(data, read, where, to="children")[kind][:, probe]
            term = Query(measure=kind, at=at, turn=FLIP)
            (found,) = METRICS[kind].columns(data, read, term)
            np.testing.assert_allclose(found, each[:, [0, 2]].mean(axis=1))
        (peak,) = METRICS[kind].columns(data, read, Query(measure=kind, at="peak", where="old"))
        every = rewards.distances(data, read, "old", to="children")[kind][..., [0, 2]]
        np.testing.assert_allclose(peak, every.mean(axis=-1).max(axis=1))


def test_a_generation_that_was_not_probed_is_refused() -> None:
    read = scenario()
    with pytest.raises(EvosimError, match="generation 1 was not probed"):
        METRICS["epic"].columns(made(read), read, Query(measure="epic", generation=1))
    with pytest.raises(EvosimError, match=r"generation 1 was not probed: .*known: 0, 2, 3"):
        ANALYSES["distances"].analyse(made(read), read, Request(seed=SEED, generation=1))


def test_canonical_features_are_made_once_for_a_scenario() -> None:
    read = scenario()
    assert rewards.canonical(read, "old", 3, 0.9) is rewards.canonical(read, "old", 3, 0.9)
    assert rewards.canonical(read, "old", 3, 0.9) is not rewards.canonical(read, "old", 4, 0.9)


def test_the_analysis_tells_both_sides_of_a_flip_and_the_controls() -> None:
    read = scenario()
    data = made(read)
    summary = ANALYSES["distances"].analyse(data, read, Request(seed=SEED))
    (flip,) = summary["flips"]
    for kind in rewards.KINDS:
        for side, where in (("before", "old"), ("after", "turned")):
            each = rewards.distances(data, read, where, to="children")[kind][:, 1]
            mean = each[:, [0, 2]].mean(axis=1)
            assert flip[kind][side]["value"] == pytest.approx(mean.mean())
            assert flip[kind][side]["interval"] == pytest.approx(sorted(mean), abs=1e-9)
        old, barren = (summary["environments"][name][kind] for name in ("old", "barren"))
        assert old["true_drive"] == 0.0
        assert old["undefined"] == REPLICATES * len(PROBES)
        assert 0.3 < old["random_drives"] < 0.9
        assert np.isnan(barren["true_drive"])
        assert old["selected"] is None
    text = ANALYSES["distances"].describe(without_nan(summary))
    assert "Flip at generation 2: old -> turned" in text
    assert "barren, EPIC: undefined, because the reward children is trivial there" in text
    assert "old, STARC: undefined for 6 individuals, whose reward is trivial there" in text


def without_nan(value: Any) -> Any:
    """A summary as it is written: None for NaN."""
    from evosim.execution.runner import finite

    return finite(value)


def test_another_selected_payoff_stands_beside_the_intended_one() -> None:
    doc = scenario().to_dict()
    doc["world"]["kinds"]["lime"]["use"]["eat"]["yields"] = {"gold": 1.0}
    doc["objective"]["selected"] = "gold"
    read = worlds.read(doc)
    data = made(read)
    summary = ANALYSES["distances"].analyse(data, read, Request(seed=SEED, generation=3))
    assert summary["generations"] == [3]
    assert summary["flips"] == []
    old = summary["environments"]["old"]["starc"]
    gold = rewards.distances(data, read, "old", to="gold")["starc"][:, 2]
    assert old["selected"]["mean"] == [pytest.approx(gold[:, [0, 2]].mean())]
    assert 0.5 < old["selected_payoff"] < 0.9
    text = ANALYSES["distances"].describe(without_nan(summary))
    assert "from the selected payoff gold" in text
