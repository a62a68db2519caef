"""Runs side by side: values, differences, what pairs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim.errors import EvosimError, RunError
from evosim.metrics.comparison import compare, describe, differences
from evosim.starter import starter
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap
from evosim.stats.tests import corrected

BOOTSTRAP = Bootstrap(resamples=500, key=1)
SMALL = (
    "evolution.population=6", "evolution.levels=1", "measure.levels=1", "measure.sample=2",
    "timeline.0.generations=2", "timeline.1.generations=2", "verdict.resamples=50",
)  # fmt: skip
SPREAD = np.arange(8.0)


def run(folder: Path, name: str, *sets: str, seed: int = 1, replicates: int = 3) -> Path:
    path = folder / "mine.toml"
    path.write_text(starter("mine"))
    done = evosim.run(
        path, seed=seed, replicates=replicates, settings=[*SMALL, *sets], out=folder / name,
        workers=1, figures=False, progress=False,
    )  # fmt: skip
    return done.path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {
        "base": run(folder, "base"),
        "same seed": run(folder, "control", "timeline.1.train=orchard"),
        "other seed": run(folder, "other", seed=2, replicates=4),
        "one": run(folder, "one", seed=3, replicates=1),
    }


def named(summary: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [row for row in summary["measures"] if row["name"].partition(", in ")[0] == name]
    return found


def test_samples_of_different_lengths_are_independent():
    estimate = intervals.difference_of_independent(SPREAD, SPREAD[:3] + 10, BOOTSTRAP)
    assert estimate.value == pytest.approx(3.5 - 11)
    assert estimate.interval is not None
    assert estimate.interval[0] < estimate.value < estimate.interval[1]


def test_an_interval_of_independent_samples_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    fewer = Bootstrap(resamples=300, key=1)
    hits = 0
    for _ in range(120):
        a, b = rng.normal(1.0, 1.0, 20), rng.normal(0.0, 2.0, 30)
        low, high = intervals.difference_of_independent(a, b, fewer).interval or (0, 0)
        hits += low <= 1.0 <= high
    # A binomial of 120 trials with p = .93 lies within these bounds with probability .999.
    assert 102 <= hits <= 120


def test_runs_of_one_seed_are_paired_and_others_are_not(runs):
    summary = evosim.compare([runs["base"], runs["same seed"], runs["other seed"]]).summary
    assert [r["name"] for r in summary["runs"]] == ["base", "control", "other"]
    row = named(summary, "mean depth at the end")
    assert [d and d["paired"] for d in row["differences"]] == [None, True, False]
    before = named(summary, "expected food a lifetime at the end")
    one, other = (np.array(v["columns"][0]) for v in before["values"][:2])
    assert before["differences"][1]["value"] == pytest.approx(np.mean(other - one))


@pytest.mark.parametrize("seed", [None, 9])
def test_a_run_and_its_fork_are_paired_as_they_share_a_history(runs, tmp_path, seed):
    fork = evosim.fork(
        runs["base"], 2, settings=["timeline.1.train=orchard"], seed=seed, out=tmp_path / "fork",
        figures=False, progress=False,
    )  # fmt: skip
    for pair in ([runs["base"], fork], [fork, runs["base"]], [fork, runs["same seed"]]):
        summary = evosim.compare(pair).summary
        assert {row["differences"][1]["paired"] for row in summary["measures"]} == {True}


def test_numbers_are_those_of_the_summaries(runs):
    summary = evosim.compare([runs["base"], runs["other seed"]]).summary
    for n, name in enumerate(("base", "other seed")):
        (flip,) = evosim.open_run(runs[name]).summary["flips"]
        for measure, key in (
            ("capability before the flip", "capability_before"),
            ("alignment after the flip", "alignment_after"),
            ("collapse at the flip", "collapse"),
        ):
            value = named(summary, measure)["values"][n]
            assert value["value"] == pytest.approx(flip[key])
            assert value["interval"] == pytest.approx(flip["intervals"][key])


def test_a_run_without_a_flip_has_none_of_its_numbers(runs):
    summary = evosim.compare([runs["base"], runs["same seed"]]).summary
    assert "collapse at the flip" not in [row["name"] for row in summary["measures"]]
    three = evosim.compare([runs["base"], runs["same seed"], runs["other seed"]]).summary
    row = named(three, "collapse at the flip")
    assert row["values"][1] is None
    assert row["differences"][1] is None
    assert "undefined" in describe(three)


def test_the_collapse_of_each_flip_leads_and_the_end_names_its_world(runs):
    names = [
        row["name"]
        for row in evosim.compare([runs["base"], runs["other seed"]]).summary["measures"]
    ]
    assert names[0] == "collapse at the flip"
    title = evosim.open_run(runs["base"]).scenario.environments["shop"].title or "shop"
    assert f"alignment at the end, in “{title}”" in names
    three = evosim.compare([runs["base"], runs["same seed"]]).summary["measures"]
    assert any("the world that trains last (base: " in row["name"] for row in three)


def test_the_scenarios_differ_in_the_keys_that_were_set(runs):
    base, control = (evosim.open_run(runs[n]).scenario for n in ("base", "same seed"))
    assert differences([base, base]) == []
    (change,) = differences([base, control])
    assert change["key"].startswith("timeline.1.train")
    assert change["values"][1] == "orchard"


def test_one_replicate_has_no_interval_and_no_p(runs):
    done = evosim.compare([runs["base"], runs["one"]])
    row = named(done.summary, "mean depth at the end")
    assert row["differences"][1]["interval"] is None
    assert row["differences"][1]["p"] is None
    assert row["differences"][1]["p_corrected"] is None
    assert done.summary["comparisons"] == 0
    assert "One replicate has no interval and no test" in done.text
    assert "Holm" not in done.text
    several = evosim.compare([runs["base"], runs["other seed"], runs["one"]]).text
    assert several.endswith("One replicate has no interval and no test.")


def test_the_text_has_values_differences_and_how_they_were_made(runs):
    text = evosim.compare([runs["base"], runs["same seed"]]).text
    assert text.startswith("What differs between the scenarios\n  timeline.1.train")
    assert "| orchard" in text
    assert "expected food a lifetime at the end, in " in text
    assert "difference" in text
    assert "replicates are paired by their seeds" in text
    assert max(map(len, text.splitlines())) <= 100
    mixed = evosim.compare([runs["base"], runs["other seed"]]).text
    assert "independent samples, because seeds or numbers of replicates differ" in mixed


def test_p_values_are_corrected_for_all_of_a_comparison_together(runs):
    three = [runs["base"], runs["same seed"], runs["other seed"]]
    for name, method in (("Holm", "holm"), ("BH", "fdr_bh")):
        done = evosim.compare(three, correction=method)
        changes = [c for row in done.summary["measures"] for c in row["differences"] if c]
        tested = [c for c in changes if c["p"] is not None]
        together = corrected([c["p"] for c in tested], method)
        assert [c["p_corrected"] for c in tested] == pytest.approx(together)
        assert done.summary["comparisons"] == len(tested) > 5
        assert f"corrected for {len(tested)} comparisons ({name})" in done.text
    with pytest.raises(EvosimError, match="unknown correction 'bonferoni'"):
        evosim.compare(three, correction="bonferoni")


def test_every_difference_has_an_effect_size_and_says_how_it_was_tested(runs):
    summary = evosim.compare([runs["base"], runs["other seed"]]).summary
    change = named(summary, "mean depth at the end")["differences"][1]
    assert change["n"] == [4, 3]
    assert change["exact"]
    assert change["permutations"] == 35
    assert 1 / 35 <= change["p"] <= 1
    low, high = change["effect_interval"]
    assert low < change["effect_size"] < high
    assert 0 <= change["superiority"] <= 1


def test_the_comparison_is_drawn(runs, tmp_path):
    done = evosim.compare([runs["base"], runs["same seed"], runs["one"]])
    assert done.plot(tmp_path / "figure.svg").stat().st_size > 1000
    assert done.figure()._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(EvosimError, match="unknown figure format 'jpg'"):
        done.plot(tmp_path / "figure.jpg")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["base"], "two runs or more (got 1)"),
        (["base", "base"], "named twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, names, message):
    with pytest.raises(EvosimError) as refused:
        evosim.compare([runs[name] for name in names])
    assert message in str(refused.value)


def test_a_folder_that_is_no_run_is_refused(runs, tmp_path):
    with pytest.raises(RunError, match="there is no such run folder"):
        evosim.compare([runs["base"], tmp_path / "nowhere"])


def test_a_run_that_is_not_complete_is_refused(runs, tmp_path):
    import shutil

    shutil.copytree(runs["base"], tmp_path / "part")
    (tmp_path / "part" / "summary.json").unlink()
    with pytest.raises(RunError, match=r"not complete; continue with: evosim\.resume"):
        evosim.compare([runs["other seed"], tmp_path / "part"])


def test_runs_with_nothing_in_common_are_refused(runs, monkeypatch):
    from evosim.metrics import comparison as module

    one, another = (module.Row(name, "alignment") for name in ("one thing", "another"))
    rows = {"base": [(one, SPREAD)], "other": [(another, SPREAD)]}
    monkeypatch.setattr(module, "_measured", lambda sample, worlds: rows[sample.name])
    with pytest.raises(EvosimError, match="base, other: nothing that is measured"):
        evosim.compare([runs["base"], runs["other seed"]])


def test_a_comparison_is_pure(runs):
    with evosim.open_run(runs["base"]).data as data:
        from evosim.metrics.comparison import Sample

        sample = Sample("a", data, evosim.open_run(runs["base"]).scenario, 1)
        assert compare([sample, sample._replace(name="b")])["differs"] == []


def test_open_populations_are_compared_by_who_is_left(tmp_path):
    barren = "evolution.open={offspring=0.0, capacity=6}"
    frozen = ("timeline.0.select=false", "timeline.1.select=false")
    none = run(tmp_path, "none", barren)
    many = run(tmp_path, "many", barren, *frozen)
    found = evosim.compare([none, many]).summary
    died = named(found, "share that died out")
    assert [value["value"] for value in died["values"]] == [1.0, 0.0]
    assert named(found, "individuals at the end")["differences"][1]["value"] == 6.0
