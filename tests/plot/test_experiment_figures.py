"""Figures of an experiment and of a comparison: readable, and of the right numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import outside, overlaps, words_of

from evosim.errors import EvosimError
from evosim.metrics.hypotheses import evaluate, terms_of
from evosim.plot import (
    compare,
    findings,
    maps,
    sensitivity,
    timeseries,
    trajectories,
)
from evosim.plot import summaries as drawing
from evosim.plot.maps import differences
from evosim.scenario.experiment import Experiment
from evosim.stats.intervals import Bootstrap
from evosim.testing import tiny

BOOTSTRAP = Bootstrap(resamples=200)
SCENARIOS = dict.fromkeys(("effect", "control", "long"), tiny({"timeline.0.generations": 20}))
LONG = "an arm with a title that is a good deal longer than the room that a row has for it"


def summary(
    *,
    replicates: int = 6,
    along: bool = False,
    measure: str = "collapse",
    of: str | None = None,
    value: Any = 0.02,
    values: tuple[Any, ...] = (0.0, 0.02, 0.5),
    headline: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A made-up verdict.json of three arms and three findings."""
    arms = {"effect": "the pill is approved", "control": "no pill", "long": LONG}
    term = {"measure": measure, "of": of}
    written = Experiment.model_validate({
        "axis": "chance of the pill",
        "arms": {n: {"title": t, "at": i if along and n != "long" else None}
                 for i, (n, t) in enumerate(arms.items())},
        "findings": [
            {"says": "it collapses and does not without", "against": {"arm": "control"},
             **(headline or {"above": 0.2}), **term},
            {"says": "all by itself", "below": 0.1, **term},
            {"says": "more or less than the mean of the other two " * 4, "above": 0.0,
             "contrast": {"effect": 1.0, "control": -0.5, "long": -0.5}, **term},
        ],
    })  # fmt: skip
    rng = np.random.default_rng(0)
    ratio = measure.endswith("_retained")
    columns = {
        arm: [np.clip(rng.normal(m, 0.05, replicates), 0.01, 1)]
        + [np.full(replicates, 0.9)] * ratio
        for arm, m in zip(arms, (0.7, 0.1, 0.3), strict=True)
    }

    def settled(n: int) -> dict[str, Any]:
        finding = written.findings[n]
        parts = terms_of(finding, written, [20])
        numbers = [columns[p.arm] for p in parts]
        found = evaluate(finding, parts, numbers, BOOTSTRAP, SCENARIOS)
        point = found["terms"][0]
        curve = [{**point, "x": x} for x in (0.0, 0.01, 0.5)] if along else None
        return {**found, "curve": curve}

    results = [settled(n) for n in range(3)]
    head = {k: results[0][k] for k in ("terms", "measure", "verdict", "interval")}
    time = [0, 10, 19, 20, 30]

    def course(world: str | None) -> dict[str, Any]:
        lines = {
            arm: {"generations": time, "values": rng.random((replicates, 5)).tolist()}
            for arm in arms
            if world != "other" or arm != "control"
        }
        lines["effect"]["values"][0][2] = None
        return {"measure": "alignment", "of": "", "mind": "evolved", "where": {}, "world": world,
                "level": None, "arms": lines}  # fmt: skip

    phases = [{"generation": 0, "world": "before the pill", "select": True},
              {"generation": 20, "world": "the pill is approved", "select": True}]  # fmt: skip
    return {
        "verdict": "refuted", "title": "The pill", "replicates": replicates, "confidence": 0.95,
        "axis": "chance of the pill", "findings": results,
        "arms": {n: {"title": t, "at": written.arms[n].at, "generations": 31, "phases": phases,
                     "flips": [20]} for n, t in arms.items()},
        "courses": [course("trains"), course("other")],
        "tuned": {"label": "children that the pill lets through", "key": "a.b", "says": "So.",
                  "replicates": replicates, "written": value,
                  "values": [{**head, "measured": results[0]["value"], "value": v}
                             for v in values]},
    }  # fmt: skip


def readable(figure: Any) -> list[str]:
    """The figure's words, once they are known to be readable."""
    words = words_of(figure)
    assert overlaps(words) == []
    assert outside(figure, words) == []
    assert min(w.size for w in words) >= 7
    assert figure.get_figwidth() in (3.4, 7.0)
    return [w.text for w in words]


CASES: dict[str, dict[str, Any]] = {
    "as usual": {},
    "one replicate": {"replicates": 1},
    "two replicates": {"replicates": 2},
    "along an axis": {"along": True},
    "ratios": {"measure": "alignment_retained", "along": True},
    "a gene": {"measure": "gene", "of": "drive.sweetness"},
    "tuned in words": {"values": ("torus", "walls"), "value": "torus"},
    "tuned in tables": {"values": ([0, 1], [0, 2]), "value": {"range": [0, 1], "start": [0, 0]}},
    "one value": {"values": (0.02,)},
    "an equivalence": {"headline": {"within": 0.1}},
}


@pytest.mark.parametrize("case", CASES)
def test_whatever_the_experiment_its_figures_are_readable(case):
    made = summary(**CASES[case])
    readable(findings.figure(made))
    readable(trajectories.figure(made))
    readable(sensitivity.figure(made))


def test_many_findings_are_a_forest_plot():
    made = summary()
    made["findings"] = [*made["findings"], *made["findings"]]
    figure = findings.figure(made)
    text = readable(figure)
    (panel,) = figure.axes
    assert text.count("supported") + text.count("refuted") + text.count("undecided") == 6
    means = [line for line in panel.lines if line.get_label() == "mean"]
    first = made["findings"][0]
    assert means[0].get_xdata()[0] == pytest.approx(min((first["value"] - 0.2) / 0.2, 2.5))


@pytest.mark.parametrize(
    ("threshold", "value", "far"),
    [({"above": 0.2}, 0.3, 0.5), ({"below": 0.2}, 0.3, -0.5), ({"within": 0.2}, -0.3, -0.5),
     ({"above": 0.0}, -0.3, -1.0), ({"below": -0.2}, -0.3, 0.5)],
)  # fmt: skip
def test_how_far_a_finding_lies_beyond_its_threshold(threshold, value, far):
    one = {"threshold": threshold, "value": value, "interval": [value, value]}
    assert findings.beyond(one) == pytest.approx((far, far, far))


def test_the_course_names_the_fall_at_the_flip_and_marks_few_probes():
    made = summary()
    figure = trajectories.figure(made)
    values = np.array(
        [timeseries.numbers(row) for row in made["courses"][0]["arms"]["control"]["values"]]
    )
    before, after = (np.nanmedian(values[:, n]) for n in (2, 3))
    panel = figure.axes[1]
    (fall,) = [line for line in panel.lines if line.get_label() == "fall"]
    np.testing.assert_allclose(fall.get_ydata(), [before, after])
    assert any(line.get_marker() == "o" for line in panel.lines)
    assert len(figure.axes) == 3
    assert f"{after - before:+.2f}".replace("-", "−") in " ".join(readable(figure))  # noqa: RUF001


def test_findings_say_what_was_found():
    made = summary()
    text = " ".join(readable(findings.figure(made)))
    assert "the claim is refuted" in text
    assert "1. It collapses and does not without" in text
    assert "Supported: 0." in text
    assert "above 0.2 was claimed" in text
    assert "Refuted: 0." in text
    assert "(×−0.5)" in text.replace("\n", " ")  # noqa: RUF001


def test_findings_draw_the_numbers():
    made = summary()
    figure = findings.figure(made)
    first, second = made["findings"][0]["terms"]
    panel = figure.axes[0]
    means = [line.get_xdata()[0] for line in panel.lines if line.get_label() == "mean"]
    assert means == pytest.approx([first["value"], second["value"]])
    points = [line.get_xdata() for line in panel.lines if line.get_label() == "replicates"]
    np.testing.assert_allclose(points[0], first["columns"][0])
    thresholds = [
        line.get_xdata()[0]
        for a in figure.axes
        for line in a.lines
        if line.get_label() == "threshold"
    ]
    assert sorted(thresholds) == [0.0, 0.1, 0.2]


def test_an_equivalence_is_drawn_between_two_thresholds_and_what_does_not_count_says_so():
    made = summary(headline={"within": 0.1, "secondary": True})
    figure = findings.figure(made)
    ends = [line.get_xdata()[0] for line in figure.axes[1].lines if line.get_label() == "threshold"]
    assert ends == [-0.1, 0.1]
    (wanted,) = [p for p in figure.axes[1].patches if p.get_label() == "wanted"]
    assert (wanted.get_x(), wanted.get_width()) == pytest.approx((-0.1, 0.2))
    text = " ".join(readable(figure))
    assert "Refuted (secondary, not counted): 0." in text
    assert "within 0.1 was claimed" in text


def test_the_course_draws_medians_in_the_world_that_trains():
    made = summary()
    figure = trajectories.figure(made)
    effect = figure.axes[0]
    values = np.array(made["courses"][0]["arms"]["effect"]["values"], float)
    (line,) = [x for x in effect.lines if x.get_label() == "median"]
    drawn = np.asarray(line.get_ydata())
    np.testing.assert_allclose(drawn[np.isfinite(drawn)], np.nanmedian(values, axis=0))
    assert [x.get_xdata()[0] for x in effect.lines if x.get_label() == "flip"] == [20]


def test_the_course_draws_what_was_lived_between_few_probes():
    made = summary()
    lived = {"generations": list(range(31)), "values": [0.02 * g for g in range(30)] + [None]}
    made["courses"][0]["arms"]["effect"]["lived"] = lived
    figure = trajectories.figure(made)
    (line,) = [
        x for x in figure.axes[0].lines if x.get_label() == "as realised in every generation"
    ]
    np.testing.assert_allclose(line.get_ydata()[:30], lived["values"][:30])
    assert "as realised in every generation" in readable(figure)


def test_the_own_value_is_marked_where_it_stands():
    def marked(**keys: Any) -> list[float]:
        figure = sensitivity.figure(summary(**keys))
        return [x.get_xdata()[0] for x in figure.axes[0].lines if x.get_label() == "as written"]

    assert marked() == [1.0]  # evenly, as 0.02 is too close to 0
    assert marked(values=(0.0, 1.0, 2.0), value=0.5) == [0.5]
    assert marked(values=(0.0, 0.01, 1.0), value=0.505) == [1.5]
    assert marked(values=("torus", "walls"), value="walls") == [1.0]
    assert marked(values=(0.0, 0.01, 1.0), value=7.0) == []


def test_maps_show_both_sides_of_the_flip_and_what_differs(scenario, make):
    text = " ".join(readable(maps.figure({}, scenario)))
    assert "before the pill" in text
    assert "the pill is approved" in text
    assert "mate court pays children 1 → 0.02" in text.partition("changed at")[0]  # the title
    assert "pays children 1 → 0.02" in readable(maps.figure({}, scenario))  # in the table
    assert "edges wrap" in text
    # Of each of two flips one level, as no cell changes, and the table beside it.
    assert len(maps.figure({}, scenario).axes) == 4
    readable(maps.figure({}, make(timeline=[{"generations": 3, "train": "ancestral"}])))
    large = make(world__rows=20, world__cols=30, world__edges="walls")
    readable(maps.figure({}, large))


def test_kinds_of_one_side_only_are_named_once(make):
    lamp = {"glyph": "l", "count": 1, "use": {"hit": {"feels": {"touch": 2.0}}}}
    scenario = make(environments={"ancestral": {}, "modern": {"kinds": {"lamp": lamp}}})
    here, there = (scenario.environment(name) for name in ("ancestral", "modern"))
    assert differences(here, there) == ["lamp: only after"]
    twice = " ".join(readable(maps.figure({}, scenario)))
    assert "lamp ×0 → 1" in twice  # noqa: RUF001
    assert "berry ×2" in twice  # noqa: RUF001
    phases = [{"generations": 2, "train": name} for name in ("ancestral", "modern")]
    once = make(
        environments={"ancestral": {}, "modern": {"kinds": {"lamp": lamp}}}, timeline=phases
    )
    assert "lamp ×0 → 1" in " ".join(readable(maps.figure({}, once)))  # noqa: RUF001
    changed = [p for p in maps.figure({}, once).axes[1].patches if p.get_label() == "changed"]
    assert len(changed) == 1


def test_maps_show_the_first_flips_and_the_last(make):
    phases = [{"generations": 2, "train": ("ancestral", "modern")[n % 2]} for n in range(6)]
    text = " ".join(readable(maps.figure({}, make(timeline=phases))))
    assert text.count("→ 0.02") + text.count("0.02 →") == 4  # three tables and the title
    assert "Shown: the first 2 and the last of 5 flips." in text


def test_maps_say_of_each_flip_what_trains_before_and_after(make):
    mixed = {"ancestral": 0.5, "modern": 0.5}
    phases = [
        {"generations": 2, "train": train} for train in ("ancestral", mixed, "modern", "ancestral")
    ]
    text = " ".join(readable(maps.figure({}, make(timeline=phases))))
    for generation in (2, 4, 6):
        assert f"Trains before generation {generation}: " in text
    once = " ".join(readable(maps.figure({}, make(timeline=phases[:2]))))
    assert "Trains before: ancestral; after: " in once


def test_an_experiment_has_the_figures_that_it_has_the_data_for(scenario, tmp_path):
    made = summary()
    assert drawing.names_for("experiment", made) == ["findings", "course", "tuned", "maps", "world"]
    less = {**made, "tuned": None, "courses": []}
    assert drawing.names_for("experiment", less) == ["findings", "maps", "world"]
    paths = drawing.draw("experiment", less, scenario, folder=tmp_path, formats=["svg"])
    assert [p.name for p in paths] == ["findings.svg", "maps.svg", "world.svg"]
    with pytest.raises(EvosimError, match="run it with tuned=True"):
        drawing.draw("experiment", less, scenario, names=["tuned"], folder=tmp_path)
    with pytest.raises(EvosimError, match="unknown figure format 'jpg'"):
        drawing.draw("experiment", less, scenario, folder=tmp_path, formats=["jpg"])


@pytest.mark.parametrize("several", [True, False])
def test_a_comparison_is_readable(several):
    value = {"value": 0.5, "interval": [0.4, 0.6] if several else None, "undefined": 0,
             "columns": [[0.4, 0.6, None] if several else [0.5]]}  # fmt: skip
    p = 0.00012 if several else None
    change = {"value": 0.1, "interval": [-0.1, 0.2] if several else None, "p": p, "paired": True,
              "effect_size": -12.34 if several else None, "p_corrected": p}  # fmt: skip
    made = {
        "confidence": 0.95, "correction": "fdr_bh", "comparisons": 3 if several else 0,
        "runs": [{"name": n, "replicates": 3 if several else 1} for n in ("one", "b/two", LONG)],
        "measures": [
            {"name": "collapse at the flip", "values": [value, value, None],
             "differences": [None, change, None]},
            {"name": "mean depth at the end", "values": [value] * 3,
             "differences": [None, change, change]},
        ],
    }  # fmt: skip
    words = readable(compare.figure(made))
    assert "collapse at the flip" in words
    assert ("\N{MINUS SIGN}12" in words) == several
    assert ("0.00012" in words) == several
