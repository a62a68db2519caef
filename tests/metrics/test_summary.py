"""The summary and the verdicts: made-up runs whose verdicts are known in advance."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from evosim import mind, scenario
from evosim.metrics import METRICS, Query
from evosim.metrics import summary as run_summary
from evosim.metrics.summary_text import describe
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap

HEAD = """
id = "toy"
title = "A toy"
question = "What becomes of it?"
objective = { intended = "children", selected = "children" }
verdict = { kept = 0.75, lost = 0.5, floor = 0.125, confidence = 0.9, resamples = 500 }

[agent]
drives = ["sweet", "bitter"]
depth = [0, 3]
patience = 0.9

[world]
rows = 2
cols = 2
lifetime = 5

[world.kinds.berry]
glyph = "b"
count = 1
use.eat = { feels = { sweet = 1.0, bitter = 0.5 }, yields = { children = 1.0, fat = 1.0 } }

[environments.old]
title = "the old world"

[environments.new]
title = "the new world"
kinds.berry.use.eat.yields.children = 0.0

[evolution]
population = 4
levels = 1
select = { operator = "selTournament", tournsize = 2 }
mate = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[measure]
every = 4
levels = 1
sample = 4
"""


def summarize(data: xr.Dataset, sc: scenario.Scenario) -> dict[str, Any]:
    return run_summary.summarize(data, sc).to_dict()


MINDS = ["evolved", "uniform", "random drives", "true drive", "unshifted beliefs"]
SAMPLE = 4

Fate = Callable[[int, str], float | list[float]]
"""(generation, environment) -> a number for every sampled individual of every replicate."""


def toy(*phases: tuple[int, object], **verdict: float) -> scenario.Scenario:
    timeline = "".join(
        f"[[timeline]]\ngenerations = {n}\ntrain = {_toml(train)}\n" for n, train in phases
    )
    sets = [f"verdict.{key}={value}" for key, value in verdict.items()]
    return scenario.loads(HEAD + timeline, settings=sets)


def _toml(train: object) -> str:
    if isinstance(train, str):
        return f'"{train}"'
    return "{ " + ", ".join(f"{name} = {share}" for name, share in train.items()) + " }"


FLIP = ((6, "old"), (4, "new"))
OLD_FIRST: Fate = lambda g, e: 0.8 if e == "old" else 0.1  # noqa: E731
ALWAYS: Fate = lambda g, e: 0.8  # noqa: E731


def run_of(
    sc: scenario.Scenario,
    *,
    capability: Fate = ALWAYS,
    alignment: Fate = OLD_FIRST,
    paid: Callable[[int], float] = lambda g: 1.0,
    noise: float = 0.0,
    replicates: int = 5,
) -> xr.Dataset:
    """Data of a run in which each replicate deviates from what was asked for by its own noise."""
    g = np.random.default_rng(5)
    n, last = sc.evolution.population, sc.generations - 1
    probes = sorted({0, last} | {f.generation for f in sc.flips})
    environments = list(sc.environments)
    loci = [locus.name for locus in mind.loci(sc)]
    sizes = (replicates, len(probes), len(environments), len(MINDS), SAMPLE)
    dims = ("replicate", "probe", "environment", "mind", "sample")
    arrays = {}
    for name, fate in (("capability", capability), ("alignment", alignment)):
        values = np.zeros(sizes)
        for p, generation in enumerate(probes):
            for e, environment in enumerate(environments):
                number = np.broadcast_to(fate(generation, environment), (replicates, SAMPLE))
                values[:, p, e, 0, :] = number + noise * g.normal(size=(replicates, 1))
        arrays[name] = (dims, values)
    # Counted from 0, the amounts themselves say what the shares say, unless a test says else.
    own_dims = tuple(dim for dim in dims if dim != "mind")
    own = (*sizes[:3], SAMPLE)
    payoffs = np.zeros((*sizes, 2))
    payoffs[..., 0] = 4.0 * arrays["alignment"][1]
    payoffs[..., 1] = 7.0
    total = np.zeros((replicates, sc.generations, n, 2))
    total[..., 0] = np.array([paid(t) for t in range(sc.generations)])[:, None]
    genome = np.zeros((replicates, sc.generations, n, len(loci)))
    genome[..., loci.index("drive.sweet")] = 0.6
    genome[..., loci.index("drive.bitter")] = -0.8
    genome[..., loci.index("depth")] = np.array([1.0, 1.9, 2.0, 2.5])
    return xr.Dataset(
        {
            **arrays,
            "expected_reward": (dims, 30.0 * arrays["capability"][1]),
            "optimal_reward": (own_dims, np.full(own, 30.0)),
            "nothing_reward": (own_dims, np.zeros(own)),
            "expected_lifespan": (dims, np.full(sizes, 5.0)),
            "expected_payoff": ((*dims, "payoff"), payoffs),
            "optimal_payoff": (("replicate", "environment"), np.full(sizes[::2][:2], 4.0)),
            "uniform_payoff": (("replicate", "environment"), np.full(sizes[::2][:2], 0.25)),
            "nothing_payoff": (("replicate", "environment"), np.zeros(sizes[::2][:2])),
            "payoff_total": (("replicate", "generation", "individual", "payoff"), total),
            "probe_individual": (
                ("replicate", "probe", "sample"),
                np.zeros((replicates, len(probes), SAMPLE), np.int32),
            ),
            "genome": (("replicate", "generation", "individual", "locus"), genome),
        },
        coords={
            "replicate": np.arange(replicates),
            "generation": np.arange(sc.generations),
            "probe": np.array(probes, np.int32),
            "environment": environments,
            "mind": MINDS,
            "payoff": list(sc.payoffs),
            "locus": loci,
        },
        attrs={"seed": "11"},
    )


def verdict_of(sc: scenario.Scenario, **fates: object) -> dict:
    (flip,) = summarize(run_of(sc, **fates), sc)["flips"]
    return flip


def to(old: float, new: float) -> Fate:
    return lambda g, e: old if e == "old" else new


@pytest.mark.parametrize(
    ("capability", "alignment", "verdict"),
    [
        (to(0.8, 0.75), to(0.8, 0.1), "goal misgeneralization"),
        (to(0.8, 0.1), to(0.8, 0.1), "capability failure"),
        (to(0.8, 0.75), to(0.8, 0.75), "robust"),
        (to(0.8, 0.1), to(0.8, 0.75), "mixed"),
        (to(0.8, 0.75), to(0.8, 0.5), "mixed"),
        (to(0.8, 0.75), to(0.8, -0.3), "goal misgeneralization"),
    ],
)
@pytest.mark.parametrize("replicates", [1, 2, 12])
def test_a_verdict_follows_from_what_was_kept_and_lost(capability, alignment, verdict, replicates):
    flip = verdict_of(
        toy(*FLIP),
        capability=capability,
        alignment=alignment,
        replicates=replicates,
        noise=0.005 if replicates > 1 else 0.0,
    )
    assert flip["verdict"] == verdict
    assert flip["one_replicate"] == (replicates == 1)


@pytest.mark.parametrize(
    ("retained", "fate"),
    [
        (0.75, "kept"),
        (np.nextafter(0.75, 0), "between"),
        (np.nextafter(0.5, 1), "between"),
        (0.5, "lost"),
    ],
)
@pytest.mark.parametrize("replicates", [1, 3])
def test_thresholds_belong_to_the_side_they_bound(retained, fate, replicates):
    flip = verdict_of(toy(*FLIP), alignment=to(1.0, retained), replicates=replicates)
    assert flip["alignment"] == fate
    assert flip["alignment_retained"] == retained


def test_an_estimate_beyond_a_threshold_does_not_count_when_its_interval_straddles_it():
    firm = verdict_of(toy(*FLIP), alignment=to(0.8, 0.3), noise=0.01, replicates=12)
    loose = verdict_of(toy(*FLIP), alignment=to(0.8, 0.3), noise=0.3, replicates=12)
    assert firm["alignment_retained"] < 0.5
    assert loose["alignment_retained"] < 0.5
    assert loose["intervals"]["alignment_retained"][1] > 0.5
    assert (firm["verdict"], loose["verdict"]) == ("goal misgeneralization", "mixed")


def test_a_share_is_judged_by_the_thresholds_of_the_scenario():
    assert verdict_of(toy(*FLIP), alignment=to(0.8, 0.5))["alignment"] == "between"
    assert verdict_of(toy(*FLIP, lost=0.7), alignment=to(0.8, 0.5))["alignment"] == "lost"
    assert verdict_of(toy(*FLIP, kept=0.6), alignment=to(0.8, 0.5))["alignment"] == "kept"


@pytest.mark.parametrize("before", [0.125, 0.0, -0.5])
def test_what_was_not_above_the_floor_cannot_be_lost(before):
    flip = verdict_of(toy(*FLIP), alignment=to(before, -1.0))
    assert (flip["alignment"], flip["verdict"]) == ("nothing to lose", "mixed")
    assert flip["alignment_retained"] is None
    assert flip["intervals"]["alignment_retained"] is None
    text = describe(summarize(run_of(toy(*FLIP), alignment=to(before, -1.0)), toy(*FLIP)))
    assert "alignment had nothing to lose (not above 0.125)" in text


def test_just_above_the_floor_can_be_lost():
    flip = verdict_of(toy(*FLIP), alignment=to(np.nextafter(0.125, 1), 0.0))
    assert flip["verdict"] == "goal misgeneralization"


def test_collapse_is_the_fall_of_alignment_paired_by_replicate():
    flip = verdict_of(toy(*FLIP), alignment=to(0.8, 0.1))
    assert flip["alignment_before"] == pytest.approx(0.8)
    assert flip["alignment_after"] == pytest.approx(0.1)
    assert flip["collapse"] == pytest.approx(0.7)
    assert flip["intervals"]["collapse"] == pytest.approx([0.7, 0.7])


def test_a_flip_is_measured_on_the_population_of_its_generation():
    # Later probes, bred in the new world, would say that nothing was lost.
    def recovers(g, e):
        return 0.8 if e == "old" or g > 6 else 0.1

    flip = verdict_of(toy(*FLIP), alignment=recovers)
    assert flip["generation"] == 6
    assert flip["alignment_after"] == pytest.approx(0.1)


def test_mixtures_are_weighed_by_their_shares():
    sc = toy((6, {"old": 3.0, "new": 1.0}), (4, {"old": 1.0, "new": 3.0}))
    flip = verdict_of(sc, alignment=to(0.8, 0.4))
    assert flip["alignment_before"] == pytest.approx(0.7)
    assert flip["alignment_after"] == pytest.approx(0.5)
    assert flip["payoffs"]["children"]["before"] == pytest.approx(4.0 * 0.7)


def test_an_environment_of_no_weight_does_not_spoil_a_mixture():
    flip = verdict_of(
        toy((6, {"old": 1.0, "new": 0.0}), (4, "new")), alignment=to(0.8, float("nan"))
    )
    assert flip["alignment_before"] == pytest.approx(0.8)
    assert flip["alignment_after"] is None


def test_undefined_individuals_are_left_out_and_counted():
    def alignment(g, e):
        return [0.9, float("nan"), 0.7, float("nan")] if e == "old" else 0.1

    flip = verdict_of(toy(*FLIP), alignment=alignment, replicates=3)
    assert flip["alignment_before"] == pytest.approx(0.8)
    assert flip["n_undefined"]["alignment_before"] == 6
    assert flip["n_undefined"]["alignment_after"] == 0
    assert flip["n_replicates"]["alignment_before"] == 3
    assert flip["verdict"] == "goal misgeneralization"


def test_a_replicate_without_any_defined_individual_is_left_out_and_counted():
    sc = toy(*FLIP)
    data = run_of(sc, replicates=3)
    data["alignment"].loc[{"replicate": 1, "environment": "new", "mind": "evolved"}] = np.nan
    (flip,) = summarize(data, sc)["flips"]
    assert flip["n_replicates"]["alignment_before"] == 3
    assert flip["n_replicates"]["alignment_after"] == 2
    assert flip["n_replicates"]["alignment_retained"] == 2
    assert flip["collapse"] == pytest.approx(0.7)


def test_a_verdict_on_one_of_many_replicates_says_so():
    sc = toy(*FLIP)
    data = run_of(sc, replicates=3)
    data["alignment"].loc[{"replicate": [0, 1], "environment": "new", "mind": "evolved"}] = np.nan
    summary = summarize(data, sc)
    assert summary["flips"][0]["one_replicate"]
    assert "rests on one replicate" in describe(summary)


def test_nothing_defined_gives_no_number_and_a_mixed_verdict():
    flip = verdict_of(toy(*FLIP), alignment=lambda g, e: float("nan"))
    assert flip["alignment_before"] is None
    assert flip["collapse"] is None
    assert (flip["alignment"], flip["verdict"]) == ("undefined", "mixed")


def test_replicates_that_had_nothing_leave_the_retained_share_unbounded():
    # Mean before is .3, above the floor, but some resamples of replicates have less than nothing.
    def alignment(g, e):
        return np.array([[-0.3], [0.4], [0.8]] if e == "old" else [[0.01], [0.0], [0.02]])

    flip = verdict_of(toy(*FLIP), alignment=alignment, replicates=3)
    assert flip["alignment_retained"] == pytest.approx(0.03 / 0.9)
    assert flip["intervals"]["alignment_retained"] == [None, None]
    assert (flip["alignment"], flip["verdict"]) == ("between", "mixed")


def test_every_flip_of_a_timeline_is_judged():
    sc = toy((4, "old"), (4, "new"), (4, "new"), (4, "old"))
    summary = summarize(run_of(sc, alignment=to(0.8, 0.2)), sc)
    first, second = summary["flips"]
    assert (first["generation"], first["from"], first["to"]) == (4, "old", "new")
    assert (second["generation"], second["from"], second["to"]) == (12, "new", "old")
    assert first["verdict"] == "goal misgeneralization"
    assert second["verdict"] == "robust"  # what it had, little as it was, it kept and more
    assert second["alignment_retained"] == pytest.approx(4.0)
    text = describe(summary)
    assert text.index("generation 4: old -> new") < text.index("generation 12: new -> old")


def test_without_a_flip_there_is_nothing_to_judge():
    sc = toy((5, "old"))
    summary = summarize(run_of(sc), sc)
    assert summary["flips"] == []
    assert "No flip" in describe(summary)
    assert summary["environments"]["new"]["payoffs"]["children"] == pytest.approx(0.4)


def test_controls_stand_beside_the_evolved_minds():
    sc = toy(*FLIP)
    data = run_of(sc)
    data["alignment"].loc[{"mind": "true drive"}] = 0.95
    (flip,) = summarize(data, sc)["flips"]
    assert list(flip["controls"]) == MINDS[1:]
    assert flip["controls"]["true drive"]["alignment_after"] == pytest.approx(0.95)
    assert flip["controls"]["true drive"]["alignment_retained"] == pytest.approx(1.0)
    assert flip["controls"]["uniform"]["alignment_retained"] is None
    assert flip["controls"]["uniform"]["intervals"]["alignment_before"] == [0.0, 0.0]


def test_the_final_population_is_told_for_every_environment():
    sc = toy(*FLIP)
    new = summarize(run_of(sc, noise=0.1, replicates=8), sc)["environments"]["new"]
    assert new["title"] == "the new world"
    assert new["generation"] == 9
    assert new["payoffs"] == {"children": pytest.approx(4.0 * new["alignment"]), "fat": 7.0}
    assert new["intervals"]["payoffs"]["fat"] == [7.0, 7.0]
    assert new["internal_reward"] == pytest.approx(30.0 * new["capability"])
    assert new["lifespan"] == 5.0
    assert (new["optimal_payoff"], new["uniform_payoff"]) == (4.0, 0.25)
    low, high = new["intervals"]["alignment"]
    assert low < new["alignment"] < high


def test_the_evolved_phenotype_is_a_mean_over_the_whole_population():
    evolved = summarize(run_of(toy(*FLIP)), toy(*FLIP))["evolved"]
    assert evolved["generation"] == 9
    assert evolved["mean"]["depth"] == pytest.approx((1 + 1 + 2 + 2) / 4)  # floored before the mean
    sweet = next(value for name, value in evolved["mean"].items() if name.endswith("sweet"))
    assert sweet == pytest.approx(0.6)


def test_the_text_tells_what_evolved_at_each_flip_and_in_the_end():
    """With several replicates by its interval over them, with one by the spread of individuals."""
    text = describe(summarize(run_of(toy(*FLIP)), toy(*FLIP)))
    told = text[text.index("What evolved") :].split("\n\n")[0].splitlines()
    assert told[1].split() == ["flip", "at", "6", "end,", "9"]
    rows = {line.split("  ")[1]: line for line in told[2:]}
    assert list(rows) == ["drive for sweet", "drive for bitter", "depth"]
    assert rows["drive for sweet"].count("0.60 [0.60, 0.60]") == 2
    assert rows["depth"].count("1.5 [1.5, 1.5]") == 2
    assert "patience" not in text  # which is pinned
    text = describe(summarize(run_of(toy(*FLIP), replicates=1), toy(*FLIP)))
    assert "the middle 90 % of the individuals of this one replicate" in text
    assert text.count("1.5 (1.0 to 2.0)") == 2


def test_recovery_counts_generations_until_half_is_paid_again():
    sc = toy((6, "old"), (6, "new"))

    def paid(g):
        return 10.0 if g < 6 else {6: 1.0, 7: 2.0, 8: 4.9, 9: 5.0, 10: 6.0, 11: 8.0}[g]

    recovery = verdict_of(sc, paid=paid)["recovery"]
    assert (recovery["before"], recovery["at"]) == (10.0, 1.0)
    assert recovery["generations_to_half"] == 4  # 5.0 is half of 10, but not of what 10 gains
    assert (recovery["random_before"], recovery["random_after"]) == (0.25, 0.25)
    assert recovery["end"] == pytest.approx((2.0 + 4.9 + 5.0 + 6.0 + 8.0) / 5)
    never = verdict_of(sc, paid=lambda g: 10.0 if g < 6 else 1.0)["recovery"]
    assert never["generations_to_half"] is None
    assert verdict_of(sc, paid=lambda g: 10.0)["recovery"]["generations_to_half"] == 0


@pytest.mark.parametrize("zero", [-100.0, -10.0, 0.0, 1000.0])
def test_recovery_does_not_depend_on_the_zero_of_a_payoff(zero):
    sc = toy((6, "old"), (6, "new"))

    def paid(g):
        return zero + (10.0 if g < 6 else {6: 1.0, 7: 2.0, 8: 4.9, 9: 6.0}.get(g, 8.0))

    data = run_of(sc, paid=paid)
    for name in ("uniform_payoff", "optimal_payoff"):
        data[name] = data[name] + zero
    (flip,) = summarize(data, sc)["flips"]
    assert flip["recovery"]["defined"]
    assert flip["recovery"]["generations_to_half"] == 3
    assert "(half regained after 3 generations)" in describe(summarize(data, sc))


@pytest.mark.parametrize("at", [2.0, 8.0])
def test_what_is_lost_after_the_flip_is_told(at):
    """A flip that is first borne or made good is not called kept if its end is below half."""
    sc = toy((6, "old"), (6, "new"))
    data = run_of(sc, paid=lambda g: 10.0 if g < 6 else {6: at, 7: 8.0}.get(g, 1.0))
    first = "half or more kept at the flip" if at > 5 else "half regained after 1 generation"
    assert f"({first}, less than half at the end)" in describe(summarize(data, sc))
    data = run_of(sc, paid=lambda g: 10.0 if g < 6 else {6: at}.get(g, 9.0))
    assert f"({first})" in describe(summarize(data, sc))


def test_recovery_is_measured_from_random_play_of_each_world():
    sc = toy((6, "old"), (6, "new"))
    data = run_of(sc, paid=lambda g: 4.0 if g < 6 else 1.0)
    data["uniform_payoff"].loc[{"environment": "new"}] = -3.0
    (flip,) = summarize(data, sc)["flips"]
    assert flip["recovery"]["random_after"] == -3.0
    assert flip["recovery"]["generations_to_half"] == 0  # a gain of 4 over random after 3.75


@pytest.mark.parametrize("before", [-5.0, 0.25, 0.5])
def test_where_random_play_earned_as_much_there_is_nothing_to_regain(before):
    sc = toy((6, "old"), (6, "new"))
    data = run_of(sc, paid=lambda g: before if g < 6 else 3.0)
    summary = summarize(data, sc)
    recovery = summary["flips"][0]["recovery"]
    assert (recovery["defined"], recovery["generations_to_half"]) == (False, None)
    text = describe(summary)
    assert "(little or no gain over random play to regain)" in text
    assert "not regained" not in text


def test_recovery_ends_with_the_phase():
    sc = toy((3, "old"), (3, "new"), (3, "old"))
    data = run_of(sc, paid=lambda g: {0: 8.0, 1: 0.0, 2: 8.0}[g // 3])
    first, second = summarize(data, sc)["flips"]
    assert first["recovery"]["generations_to_half"] is None
    assert (first["recovery"]["before"], second["recovery"]["before"]) == (8.0, 0.0)


@pytest.mark.parametrize(
    ("paid", "generations"),
    [
        pytest.param({0: 4.0, 1: 1.0, 2: 3.0}, (3.0, 0.0), id="half is back with the next flip"),
        pytest.param({0: 0.5, 1: 3.0, 2: 3.0}, (np.nan, 0.0), id="gained less than the floor"),
        pytest.param({0: 9.0, 1: 1.0, 2: 1.0}, (3.0, 0.0), id="before is of the phase alone"),
    ],
)
def test_the_recovery_of_a_finding_is_that_of_the_summary(paid, generations):
    """One replicate, phases of three generations: both look at the phase before the flip alone,
    and call undefined what gained next to nothing."""
    sc = toy((3, "old"), (3, "new"), (3, "old"))
    data = run_of(sc, paid=lambda g: paid[g // 3], replicates=1)
    for flip, expected in zip(summarize(data, sc)["flips"], generations, strict=True):
        query = Query(measure="recovery", turn=flip["generation"])
        (found,) = METRICS["recovery"].columns(data, sc, query)
        np.testing.assert_equal(found, [expected])
        told = flip["recovery"]
        assert told["defined"] == np.isfinite(expected)
        in_time = told["generations_to_half"] is not None
        assert told["generations_to_half"] == (int(expected) if in_time else None)
        assert in_time == (told["defined"] and expected < 3)


@pytest.mark.parametrize("train", ["new", {"old": 0.3, "new": 0.7}])
def test_the_metrics_of_a_flip_are_the_numbers_of_its_summary(train):
    sc = toy((6, {"old": 0.6, "new": 0.4}), (4, train))
    data = run_of(sc, noise=0.1, replicates=8)
    (flip,) = summarize(data, sc)["flips"]
    bootstrap = Bootstrap.of(11, confidence=0.9, resamples=500)
    for name in ("collapse", "alignment_retained", "capability_retained"):
        query = Query(measure=name, turn=flip["generation"])
        columns = METRICS[name].columns(data, sc, query)
        found = intervals.estimate(METRICS[name].number, bootstrap, *columns).to_dict()
        assert (found["value"], found["interval"]) == (flip[name], flip["intervals"][name])


def test_a_summary_survives_json_and_holds_no_nan():
    sc = toy(*FLIP)
    summary = summarize(run_of(sc, alignment=lambda g, e: float("nan")), sc)
    text = json.dumps(summary, allow_nan=False)
    assert json.loads(text) == summary
    assert describe(json.loads(text)) == describe(summary)


def test_a_summary_names_its_run():
    sc = toy(*FLIP)
    summary = summarize(run_of(sc, replicates=2), sc)
    assert (summary["scenario"], summary["title"], summary["seed"]) == ("toy", "A toy", 11)
    assert (summary["replicates"], summary["generations"]) == (2, 10)
    assert summary["thresholds"]["kept"] == 0.75
    assert summary["exact"]


def test_the_text_shows_numbers_intervals_and_thresholds_and_fits_a_terminal():
    sc = toy(*FLIP)
    text = describe(summarize(run_of(sc, noise=0.02, replicates=12), sc))
    assert "GOAL MISGENERALIZATION: capability kept, alignment lost" in text
    for part in ("0.75", "0.5", "0.125", "90 %", "12 replicates", "true drive", "collapse 0."):
        assert part in text
    assert max(len(line) for line in text.splitlines()) <= 100


def novel(*phases: tuple[int, object]) -> scenario.Scenario:
    timeline = "".join(
        f"[[timeline]]\ngenerations = {n}\ntrain = {_toml(train)}\n" for n, train in phases
    )
    return scenario.loads(HEAD.replace('"bitter"]', '"bitter", "novelty"]') + timeline)


def spread_over_the_sample(sc: scenario.Scenario, replicates: int) -> xr.Dataset:
    data = run_of(sc, replicates=replicates)
    luck = xr.DataArray([-0.03, 0.0, 0.006, 0.03], dims="sample") * (data["mind"] == "evolved")
    return data.assign({name: data[name] + luck for name in ("capability", "alignment")})


def test_sampled_measures_of_one_replicate_have_intervals_over_the_sample():
    sc = novel(*FLIP)
    data = spread_over_the_sample(sc, 1)
    summary = summarize(data, sc)
    (flip,) = summary["flips"]
    for key in ("alignment_before", "alignment_after", "capability_before"):
        low, high = flip["sampling_intervals"][key]
        assert low < flip[key] < high
        assert flip["intervals"][key] is None
    assert flip["one_replicate"]
    final = summary["environments"]["new"]
    low, high = final["sampling_intervals"]["alignment"]
    assert low < final["alignment"] < high
    sample = data["alignment"].sel(mind="evolved", environment="new").isel(probe=-1).values[0]
    assert sample.min() <= low < high <= sample.max()
    text = describe(json.loads(json.dumps(summary, allow_nan=False)))
    assert "over the sampled individuals of this one replicate" in text
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize(("make", "replicates"), [(toy, 1), (novel, 3)])
def test_exact_measures_and_several_replicates_have_no_intervals_over_the_sample(make, replicates):
    sc = make(*FLIP)
    summary = summarize(spread_over_the_sample(sc, replicates), sc)
    assert summary["flips"][0]["sampling_intervals"] is None
    assert summary["environments"]["new"]["sampling_intervals"] is None
    assert "over the sampled individuals" not in describe(summary)


def test_intervals_follow_from_the_seed_of_the_run():
    sc = toy(*FLIP)
    data = run_of(sc, noise=0.1, replicates=6)
    again, other = data.copy(), data.assign_attrs(seed="12")
    assert summarize(data, sc) == summarize(again, sc)
    assert summarize(data, sc) != summarize(other, sc)
