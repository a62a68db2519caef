"""Every figure: drawn without a warning, readable, and of the right numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr
from drawn import outside, overlaps, words_of
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from synthetic import dataset, episode

from evosim.errors import EvosimError
from evosim.mechanisms.deception.metrics import conduct
from evosim.mechanisms.monitor import metrics as detection
from evosim.metrics.summary import summarize
from evosim.plot import FIGURES, genes, timeseries
from evosim.plot.episode import across_flip
from evosim.plot.run_view import Band, RunView

OVER_GENERATIONS = ("flip", "objective_proxy", "genes", "mind", "alignment_all")


def labelled(panel: Axes, label: str) -> Line2D:
    """The one line of that name in a panel."""
    (found,) = [line for line in panel.lines if line.get_label() == label]
    return found


def titled(figure: Figure, title: str) -> Axes:
    """The panel with that title."""
    (found,) = [panel for panel in figure.axes if panel.get_title(loc="left") == title]
    return found


def draw(name: str, view: RunView) -> Figure:
    return FIGURES[name].figure(view)


def phases(*lengths: int, **options: Any) -> list[dict[str, Any]]:
    names = ("ancestral", "modern")
    return [{"generations": n, "train": names[i % 2], **options} for i, n in enumerate(lengths)]


DRIVES = ["sweetness", "touch", "cuteness"]
HIDDEN = {"values": 2, "start": 1, "hidden": True, "assume": 1}
MANY = DRIVES + [f"a_rather_long_stimulus_name_{n}" for n in range(9)]
TAXED = {"feels": {"touch": 1.0}, "yields": {"children": 1.0, "praise": 2.0}}
EAT = {"feels": {"touch": 1.0, "sweetness": 0.5, "cuteness": 0.1}, "yields": {"children": 1.0}}
MIGRATING = {"every": 4, "migrants": 1, "select": {"operator": "selBest"}}
CORRECTED = {
    "world__variables__corrected": {"values": 2, "start": 0, "counts": "corrections"},
    "world__kinds__mate__use__court": {**TAXED, "corrects": 0.5},
    "correction": {"rate": 0.5, "toward": "intended"},
}
ODD: Mapping[str, dict[str, Any]] = {
    "as usual": {},
    "one generation": {"timeline": phases(1)},
    "one generation on each side": {"timeline": phases(1, 1)},
    "no flip": {"timeline": phases(12)},
    "many flips": {"timeline": phases(*[3] * 14)},
    "all frozen": {"timeline": phases(8, 8, select=False)},
    "twelve drives, long names": {
        "agent__drives": MANY,
        "title": "A title much longer than a column is wide, with $dollars$ and ünïcödé 日本",
    },
    "no locus evolves": {"agent__drives": dict.fromkeys(DRIVES, 0.5), "agent__depth": 2},
    "no drive at all is felt": {"agent__drives": dict.fromkeys(DRIVES, 0.0)},
    "everything evolves": {
        "agent__patience": [0.5, 0.99],
        "agent__temperature": [0, 1],
        "world__variables__watcher": HIDDEN,
        "world__variables__a_long_winded_name_of_a_thing": HIDDEN,
    },
    "five environments": {
        "environments": {f"e{n}": {"title": f"environment number {n}"} for n in range(5)},
        "timeline": [{"generations": 6, "train": f"e{n}"} for n in range(5)],
    },
    "environments without titles": {"environments": {"ancestral": {}, "modern": {}}},
    "a score of its own": {
        "objective__selected": "praise",
        "world__kinds__mate__use__court": TAXED,
    },
    "watched": {
        "world__variables__watcher": HIDDEN,
        "deception": {"variable": "watcher", "watched": 1, "conduct": "children"},
    },
    "corrected": CORRECTED,
    "corrected while watched": {
        **CORRECTED,
        "world__variables__watcher": HIDDEN,
        "deception": {"variable": "watcher", "watched": 1, "conduct": "children"},
    },
    "monitored": {
        "monitor": {"budget": 20},
        "timeline": [*phases(9), {"generations": 8, "train": "modern", "monitored": True}],
    },
    "a monitor that is never on": {"monitor": {"budget": 20}},
    "demes": {"evolution__islands": {**MIGRATING, "demes": 3}},
    "many demes": {"evolution__islands": {**MIGRATING, "demes": 15, "every": 1}},
    "demes of one individual": {"evolution__islands": {**MIGRATING, "demes": 30}},
    "very many kinds": {
        "world__rows": 14,
        "world__cols": 14,
        "world__kinds": {
            f"kind{n}": {"glyph": chr(0x00C0 + n), "count": 1, "use": {"it": EAT}}
            for n in range(168)
        },
        "environments": {"ancestral": {}, "modern": {}},
    },
    "a large level": {"world__rows": 24, "world__cols": 40, "world__edges": "walls"},
}


@pytest.mark.parametrize(
    ("case", "replicates"),
    [
        *((case, 1) for case in ODD),
        *(
            (case, 4)
            for case in (
                "as usual",
                "one generation",
                "everything evolves",
                "watched",
                "corrected while watched",
                "monitored",
                "demes",
                "many demes",
            )
        ),
    ],
)
def test_whatever_is_drawn_is_readable(make, case, replicates):
    scenario = make(**ODD[case])
    there = next(iter(scenario.environments))
    view = RunView(
        data=dataset(scenario, replicates=replicates),
        scenario=scenario,
        episode=episode(scenario, there),
    )
    for name in FIGURES:
        if FIGURES[name].unsupported(view):
            continue
        figure = draw(name, view)
        words = words_of(figure)
        assert overlaps(words) == [], name
        assert outside(figure, words) == [], name
        assert min(w.size for w in words) >= 7, name
        assert figure.get_figwidth() in (3.4, 7.0), name
        assert name != "level" or figure.get_figheight() < 8, name


@pytest.mark.parametrize("name", ["objective_proxy", "alignment_all", "mind", "flip"])
def test_missing_values_leave_gaps(scenario, name):
    data = dataset(scenario)
    rng = np.random.default_rng(0)
    for variable in ("capability", "alignment", "internal_reward", "payoff_total", "lifespan"):
        values = data[variable].values
        values[rng.random(values.shape) < 0.2] = np.nan
        values[:, 3:5] = np.nan
    data["capability"].values[:, :, 1] = np.nan
    data["optimal_payoff"].values[:] = np.nan
    figure = draw(name, RunView(data=data, scenario=scenario))
    words = words_of(figure)
    assert overlaps(words) == []


@pytest.mark.parametrize("name", OVER_GENERATIONS)
def test_flips_stand_at_the_first_generation_of_the_new_world(view, name):
    for panel in draw(name, view).axes:
        if panel.get_xlim() == (0, 39):
            at = [line.get_xdata()[0] for line in panel.lines if line.get_label() == "flip"]
            assert at == [20, 32]


@pytest.mark.parametrize("name", OVER_GENERATIONS)
def test_the_environments_are_named(view, name):
    words = " ".join(w.text for w in words_of(draw(name, view)))
    for title in ("before the pill", "the pill is approved"):
        assert title in words


@pytest.mark.parametrize("name", OVER_GENERATIONS)
def test_generations_without_selection_are_marked(view, name):
    figure = draw(name, view)
    marked = [p for p in figure.axes[0].patches if p.get_label() == "frozen"]
    assert [(p.get_x(), p.get_x() + p.get_width()) for p in marked] == [(20, 32)]
    assert "no selection" in " ".join(w.text for w in words_of(figure))


def test_genes_show_the_median_of_each_unit_drive(view):
    figure = draw("genes", view)
    overview = figure.axes[0]
    for name in view.drives:
        median = np.median(view.drive(name)[0], axis=1)
        for panel in (overview, titled(figure, name)):
            line = labelled(panel, name)
            np.testing.assert_allclose(line.get_ydata(), median)
            np.testing.assert_array_equal(line.get_xdata(), np.arange(40))
    assert overview.get_ylabel() == "unit drive, median"
    assert figure.axes[-1].get_xlabel() == "generation"


def test_genes_show_every_replicate(views):
    panel = titled(draw("genes", views), "touch")
    (faint,) = [c for c in panel.collections if c.get_label() == "touch replicates"]
    medians = np.median(views.drive("touch"), axis=2)
    for segment, median in zip(faint.get_segments(), medians, strict=True):
        np.testing.assert_allclose(segment[:, 1], median)
    np.testing.assert_allclose(labelled(panel, "touch").get_ydata(), np.median(medians, axis=0))


def test_genes_tell_many_drives_apart(make):
    scenario = make(agent__drives=MANY)
    figure = draw("genes", RunView(data=dataset(scenario), scenario=scenario))
    drawn = [labelled(figure.axes[0], name) for name in MANY]
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in drawn}
    assert len(looks) == len(MANY)
    named = [text.get_text() for text in figure.axes[0].texts]
    assert len(named) == len(MANY)


def test_genes_show_what_chance_alone_would_do(scenario, data):
    band = Band(np.full(40, -0.2), np.linspace(0.1, 0.4, 40))
    view = RunView(data=data, scenario=scenario, neutral={"touch": band})
    figure = draw("genes", view)
    panel = titled(figure, "touch")
    low, high = [line.get_ydata() for line in panel.lines if line.get_label() == "touch null"]
    np.testing.assert_array_equal(low, band.low)
    np.testing.assert_array_equal(high, band.high)
    assert "where chance alone would keep it (95 %)" in [w.text for w in words_of(figure)]


def test_objective_and_proxy_share_their_axis_and_not_their_scale(view):
    figure = draw("objective_proxy", view)
    objective, proxy = figure.axes
    children = view.data["payoff_total"].sel(payoff="children").values[0]
    reward = view.data["internal_reward"].values[0]
    np.testing.assert_allclose(
        labelled(objective, "children").get_ydata(), np.median(children, axis=1)
    )
    np.testing.assert_allclose(
        labelled(proxy, "internal reward").get_ydata(), np.median(reward, axis=1)
    )
    assert objective.get_xlim() == proxy.get_xlim()
    assert objective.get_ylabel() == "children / lifetime"
    assert proxy.get_ylabel() == "reward / lifetime"


def test_the_optimum_and_random_actions_are_lines_of_reference(view):
    objective = draw("objective_proxy", view).axes[0]
    for label, name in (("optimum", "optimal_payoff"), ("random", "uniform_payoff")):
        (steps,) = [c for c in objective.collections if c.get_label() == label]
        first, second = view.data[name].values[0]
        heights = [segment[0, 1] for segment in steps.get_segments()]
        np.testing.assert_allclose(heights, [first, second, 0.75 * first + 0.25 * second])
        spans = [tuple(segment[:, 0]) for segment in steps.get_segments()]
        assert spans == [(0, 20), (20, 32), (32, 39)]


def test_a_score_paid_on_something_else_has_a_panel(make):
    scenario = make(objective__selected="praise", world__kinds__mate__use__court=TAXED)
    view = RunView(data=dataset(scenario), scenario=scenario)
    figure = draw("objective_proxy", view)
    score = labelled(titled(figure, "selected payoff: score"), "score")
    np.testing.assert_allclose(score.get_ydata(), np.median(view.data["score"].values[0], axis=1))
    # Numbers of generations stand under the last panel only: between panels are only titles.
    numbered = [p.xaxis.get_tick_params()["labelbottom"] for p in figure.axes]
    assert numbered == [False, False, True]


def test_alignment_shows_the_mean_of_every_mind_in_every_environment(view):
    figure = draw("alignment_all", view)
    panels = dict(
        zip([("capability", 0), ("capability", 1), ("alignment", 0), ("alignment", 1)],
            figure.axes, strict=True)
    )  # fmt: skip
    probes = view.data["probe"].values
    for (measure, e), panel in panels.items():
        for mind in view.names("mind"):
            expected = view.data[measure].isel(replicate=0, environment=e).sel(mind=mind)
            means = expected.mean("sample").values
            if np.isnan(means).all() and mind == "uniform":
                continue
            line = labelled(panel, mind)
            np.testing.assert_array_equal(line.get_xdata(), probes)
            np.testing.assert_allclose(line.get_ydata(), means)
    assert panels["capability", 0].get_title(loc="left") == "in “before the pill”"
    assert panels["alignment", 0].get_ylabel() == "alignment"


def test_alignment_shows_intervals_over_replicates(views):
    panel = draw("alignment_all", views).axes[0]
    (band,) = [c for c in panel.collections if c.get_label() == "evolved band"]
    values = views.data["capability"].isel(environment=0, probe=-1).sel(mind="evolved")
    low, high = timeseries.interval(values.mean("sample").values, views.bootstrap)
    final = summarize(views.data, views.scenario).to_dict()["environments"]["ancestral"]
    assert [low, high] == pytest.approx(final["intervals"]["capability"])
    last = band.get_paths()[0].vertices
    ends = last[last[:, 0] == 39, 1]
    assert ends.min() == pytest.approx(low)
    assert ends.max() == pytest.approx(high)


def test_alignment_marks_where_an_environment_is_lived_in(view):
    first, second = draw("alignment_all", view).axes[:2]
    spans = [
        [(p.get_x(), p.get_x() + p.get_width()) for p in panel.patches if p.get_label() == "here"]
        for panel in (first, second)
    ]
    assert spans == [[(0, 20), (32, 39)], [(20, 32), (32, 39)]]


@pytest.mark.parametrize("name", ["alignment_all", "flip"])
def test_measures_that_are_no_expectations_say_so(make, name):
    scenario = make(agent__drives=[*DRIVES, "novelty"])
    figure = draw(name, RunView(data=dataset(scenario), scenario=scenario))
    assert "estimated from sampled lifetimes" in " ".join(w.text for w in words_of(figure))


@pytest.mark.parametrize("name", ["alignment_all", "flip"])
def test_intervals_over_replicates_are_named(views, name):
    assert "BCa bootstrap" in " ".join(w.text for w in words_of(draw(name, views)))


@pytest.mark.parametrize(("name", "mind"), [("alignment_all", "true drive"), ("flip", "evolved")])
def test_a_measure_far_below_random_does_not_flatten_the_rest_and_is_told(scenario, name, mind):
    data = dataset(scenario)
    data["alignment"].loc[{"environment": "modern", "mind": mind}] = -67.0
    figure = draw(name, RunView(data=data, scenario=scenario))
    panels = [panel for panel in figure.axes if panel.lines]
    assert min(panel.get_ylim()[0] for panel in panels) == pytest.approx(-1.1)
    words = words_of(figure)
    told = {"alignment_all": "true drive", "flip": "alignment"}[name]
    assert f"cut off, down to −67: {told}" in " ".join(w.text for w in words)  # noqa: RUF001
    assert overlaps(words) == []


@pytest.mark.parametrize(
    ("missing", "told"),
    [(slice(None), "evolved: undefined"), (slice(3), "evolved: gaps where undefined")],
)
def test_where_the_evolved_mind_is_undefined_the_panel_says_so(scenario, missing, told):
    data = dataset(scenario)
    data["capability"].values[:, missing, 1, 0] = np.nan
    words = [w.text for w in words_of(draw("alignment_all", RunView(data=data, scenario=scenario)))]
    assert words.count(told) == 1


def test_a_control_that_equals_the_evolved_mind_is_seen_on_it(scenario):
    data = dataset(scenario)
    for measure in ("capability", "alignment"):
        evolved = data[measure].sel(mind="evolved").values
        data[measure].loc[{"mind": "unshifted beliefs"}] = evolved
    figure = draw("alignment_all", RunView(data=data, scenario=scenario))
    for panel in figure.axes:
        beneath, above = labelled(panel, "evolved"), labelled(panel, "unshifted beliefs")
        np.testing.assert_array_equal(beneath.get_ydata(), above.get_ydata())
        assert beneath.get_zorder() < above.get_zorder()
        assert beneath.get_linewidth() > above.get_linewidth()
        assert beneath.get_linestyle() == "-"
        assert above.get_linestyle() != "-"


def test_deception_shows_shares_and_rates_with_the_sense_and_without(make):
    scenario = make(**ODD["watched"])
    data = dataset(scenario, replicates=3)
    figure = draw("deception", RunView(data=data, scenario=scenario))
    upper, lower = figure.axes[0], figure.axes[2]
    found = conduct(data, scenario, "ancestral")
    share = labelled(upper, "deceptive share").get_ydata()
    np.testing.assert_allclose(share, np.median(found.deceptive, axis=0))
    for label, rates in (
        ("watched", found.watched), ("unwatched, without the sense", found.unwatched_without),
    ):  # fmt: skip
        np.testing.assert_allclose(labelled(lower, label).get_ydata(), np.median(rates, axis=0))


def test_deception_says_where_nobody_is_watched(make):
    scenario = make(**ODD["watched"])
    data = dataset(scenario)
    data["steps_watched"][:] = 0
    figure = draw("deception", RunView(data=data, scenario=scenario))
    assert "nobody is both watched and unwatched" in [w.text for w in words_of(figure)]


def test_correction_shows_who_is_corrected_and_what_is_done_if_it_is_not_foreseen(make):
    scenario = make(**ODD["corrected while watched"])
    data = dataset(scenario, replicates=3)
    figure = draw("correction", RunView(data=data, scenario=scenario))
    upper, lower = figure.axes[0], figure.axes[2]
    here = data.sel(environment="ancestral")
    for label, name, mind in (
        ("corrected share", "expected_corrected", "evolved"),
        ("corrected share, if none were foreseen", "expected_corrected", "ignorant"),
        ("goals that survive", "survival", "evolved"),
    ):
        known = here[name].sel(mind=mind).mean("sample").transpose("replicate", "probe").values
        np.testing.assert_allclose(labelled(upper, label).get_ydata(), np.median(known, axis=0))
    naive = here.sel(mind="ignorant")
    known = (naive["conduct_watched"] / naive["steps_watched"]).mean("sample")
    np.testing.assert_allclose(
        labelled(lower, "conduct while watched, if none were foreseen").get_ydata(),
        np.median(known.transpose("replicate", "probe").values, axis=0),
    )


def test_correction_shows_payoffs_before_and_after_where_nobody_watches(make):
    scenario = make(**ODD["corrected"])
    data = dataset(scenario)
    figure = draw("correction", RunView(data=data, scenario=scenario))
    lower = figure.axes[2]
    here = data.sel(environment="ancestral", mind="evolved", replicate=0)
    for label, side in (("before a correction", "uncorrected"), ("after it", "corrected")):
        known = (here[f"intended_{side}"] / here[f"steps_{side}"]).mean("sample")
        np.testing.assert_allclose(labelled(lower, label).get_ydata(), known.values)


def test_correction_says_where_nobody_would_be_corrected(make):
    scenario = make(**ODD["corrected"])
    data = dataset(scenario)
    data["expected_corrected"][:] = 0
    figure = draw("correction", RunView(data=data, scenario=scenario))
    assert "nobody is corrected, or would be" in [w.text for w in words_of(figure)]


def test_monitor_shows_the_roc_the_labels_and_what_is_intended(make):
    scenario = make(**ODD["monitored"])
    data = dataset(scenario, replicates=3)
    figure = draw("monitor", RunView(data=data, scenario=scenario))
    roc, labels, intended = figure.axes
    curve = labelled(roc, "roc")
    expected = detection.roc(data, scenario, np.asarray(curve.get_xdata()))
    np.testing.assert_allclose(curve.get_ydata(), expected.mean(axis=0))
    area = detection.roc_area(data, scenario).mean()
    assert any(w.text.startswith(f"area {area:.2f} [") for w in words_of(figure))
    used = labelled(labels, "labelled").get_ydata()
    np.testing.assert_allclose(used, np.median(data["labels"].values, axis=0))
    assert labelled(intended, "children").get_xdata()[-1] == 16


def test_mind_shows_depth_lifespan_and_senses(make):
    scenario = make(**ODD["everything evolves"])
    view = RunView(data=dataset(scenario), scenario=scenario)
    figure = draw("mind", view)
    depth = labelled(titled(figure, "planning depth"), "depth")
    np.testing.assert_allclose(depth.get_ydata(), view.phenotype["depth"][0].mean(axis=1))
    lifespan = labelled(titled(figure, "lifespan"), "lifespan")
    np.testing.assert_allclose(
        lifespan.get_ydata(), np.median(view.data["lifespan"].values[0], axis=1)
    )
    sense = labelled(titled(figure, "senses"), "sense.watcher")
    np.testing.assert_allclose(sense.get_ydata(), view.phenotype["sense.watcher"][0].mean(axis=1))
    assert {panel.get_title(loc="left") for panel in figure.axes} >= {"patience", "temperature"}


def test_a_pinned_depth_is_told_and_not_drawn(make):
    scenario = make(agent__depth=7)
    figure = draw("mind", RunView(data=dataset(scenario), scenario=scenario))
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["lifespan"]
    assert "Planning depth is pinned at 7." in " ".join(w.text for w in words_of(figure))


def test_genes_show_the_share_of_each_bin(view):
    figure = draw("genes", view)
    depth = titled(figure, "depth").images[0]
    values = view.data["genome"].sel(locus="depth").values[0]
    expected = np.array(
        [np.histogram(row, bins=genes.BINS, range=(0, 20))[0] / len(row) for row in values]
    )
    np.testing.assert_allclose(depth.get_array(), expected.T, atol=1 / 30 + 1e-9)
    assert np.abs(depth.get_array() - expected.T).mean() < 1e-3
    np.testing.assert_allclose(depth.get_array().sum(axis=0), 1.0)
    assert depth.get_extent() == [-0.5, 39.5, 0, 20]


def test_genes_pool_replicates(views):
    shares = genes.spreads(views)["touch"].shares
    assert shares.shape == (40, genes.BINS)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_the_flip_is_drawn_and_named_by_the_numbers_of_the_summary(views):
    figure = draw("flip", views)
    (panel,) = figure.axes
    falls = [line for line in panel.lines if line.get_label() == "fall"]
    assert len(falls) == len(views.flip_summaries)
    words = " ".join(w.text for w in words_of(figure))
    for flip, fall in zip(views.flip_summaries, falls, strict=True):
        ends = [flip[f"alignment_{side}"] for side in ("before", "after")]
        np.testing.assert_allclose(fall.get_ydata(), ends)
        np.testing.assert_array_equal(fall.get_xdata(), [flip["generation"], flip["arrival"]])
    assert f"alignment {-views.flip_summaries[0]['collapse']:+.2f}".replace("-", "−") in words  # noqa: RUF001


def test_the_flip_follows_the_world_that_is_lived_in(views):
    (panel,) = draw("flip", views).axes
    line = labelled(panel, "alignment")
    evolved = views.data["alignment"].sel(mind="evolved").mean(("sample", "replicate"))
    at = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert at[19] == pytest.approx(float(evolved.sel(probe=19, environment="ancestral")))
    # The flip's generation is there in both worlds; what is kept of it here is the last, the new.
    assert at[20] == pytest.approx(float(evolved.sel(probe=20, environment="modern")))
    mixed = 0.75 * evolved.sel(probe=39, environment="ancestral")
    mixed = mixed + 0.25 * evolved.sel(probe=39, environment="modern")
    assert at[39] == pytest.approx(float(mixed))


def test_few_probes_are_points_beside_what_was_lived_in_every_generation(make):
    scenario = make(measure__every=30)
    view = RunView(data=dataset(scenario), scenario=scenario)
    (panel,) = draw("flip", view).axes
    assert "o" in {line.get_marker() for line in panel.lines}
    lived = labelled(panel, "alignment as realised in every generation")
    paid = view.data["payoff_total"].sel(payoff="children").values[0].mean(axis=1)
    optimum = view.data["optimal_payoff"].sel(environment="ancestral").values[0]
    least = view.data["uniform_payoff"].sel(environment="ancestral").values[0]
    assert lived.get_ydata()[5] == pytest.approx((paid[5] - least) / (optimum - least))


def test_of_many_flips_the_largest_falls_are_named(make):
    scenario = make(timeline=phases(*[3] * 7))
    figure = draw("flip", RunView(data=dataset(scenario), scenario=scenario))
    words = [w.text for w in words_of(figure)]
    assert sum(w.startswith("alignment") and w[-1].isdecimal() for w in words) <= 3
    assert "Named: the 3 largest changes of 6 flips." in " ".join(words)
    assert "The pill: 6 flips: " in " ".join(words)


def test_the_flip_of_one_replicate_shows_the_spread_of_the_sample(view):
    (panel,) = draw("flip", view).axes
    _, bars = [c for c in panel.collections if c.get_label() == "interval"]  # alignment's above
    first = view.data["alignment"].sel(probe=0, environment="ancestral", mind="evolved")
    ends = bars.get_segments()[0][:, 1]
    np.testing.assert_allclose(ends, np.quantile(first.values[0], [0.05, 0.95]))


def test_cells_are_the_darker_the_more_steps_are_spent_there(view, lifetime):
    ground = draw("level", view).axes[0]
    cells, spent = lifetime.world.layout.free, np.bincount(lifetime.path[1:])
    drawn = {
        (round(p.get_y() + 0.5), round(p.get_x() + 0.5)): (p.get_label(), p.get_alpha())
        for p in ground.patches
        if str(p.get_label()).endswith(" steps")
    }
    assert drawn.keys() == {cells[n] for n in np.flatnonzero(spent)}
    for n in np.flatnonzero(spent):
        label, alpha = drawn[cells[n]]
        assert label == f"{spent[n]} steps"
        assert alpha == pytest.approx(0.08 + 0.72 * spent[n] / spent.max())


def test_one_individual_is_seen_on_the_same_level_before_and_after_the_flip(scenario, data):
    view = RunView(data=data, scenario=scenario)
    before, after = across_flip(data, scenario, scenario.flips[0])
    figure = draw("level", view)
    assert [panel.get_title(loc="left") for panel in figure.axes[:2]] == [
        "in “before the pill”", "in “the pill is approved”"
    ]  # fmt: skip
    np.testing.assert_array_equal(before.levels.slot, after.levels.slot)
    np.testing.assert_array_equal(before.drives, after.drives)
    assert f"generation {scenario.flips[0].generation - 1}, " in before.heading
    for panel, life in zip(figure.axes[:2], (before, after), strict=True):
        steps = [p for p in panel.patches if str(p.get_label()).endswith(" steps")]
        assert len(steps) == len({*life.path[1:]})


def test_sites_stand_on_their_cells(view, lifetime):
    ground = draw("level", view).axes[0]
    drawn = {
        (circle.center[1], circle.center[0], circle.get_label())
        for circle in ground.patches
        if str(circle.get_label()).startswith("site ")
    }
    kinds = lifetime.world.kinds
    assert drawn == {
        (*lifetime.world.layout.free[cell], f"site {kinds[kind].glyph}")
        for cell, kind in lifetime.kinds.items()
    }


def test_events_are_counted(view, lifetime):
    panel = draw("level", view).axes[1]
    names = [label.get_text() for label in panel.get_yticklabels()]
    bars = {bars.get_label(): bars.patches[0].get_width() for bars in panel.containers}
    assert set(names) <= set(bars)
    assert bars["berry.eat"] == lifetime.counts[0]
    assert sum(bars.values()) == lifetime.counts.sum()
    assert panel.get_xlabel() == "times"


def test_a_field_is_one_event_whatever_its_strengths(make):
    glow = {"point": [0, 0], "falls": "exponential", "reach": 3, "feels": {DRIVES[0]: 0.1}}
    name = "a_field_with_a_name_that_is_far_too_long_for_its_row"
    scenario = make(world__fields={name: glow})
    lived = episode(scenario, "ancestral")
    strengths = [n for n in lived.environment.events if n.startswith(f"field.{name}@")]
    felt = [lived.counts[lived.environment.events.index(n)] for n in strengths]
    assert sum(count > 0 for count in felt) > 1
    view = RunView(data=dataset(scenario), scenario=scenario, episode=lived)
    panel = draw("level", view).axes[1]
    rows = [t for t in (label.get_text() for label in panel.get_yticklabels()) if "field." in t]
    assert len(rows) == 1
    assert "…" in rows[0]
    (bar,) = [bars.patches[0] for bars in panel.containers if bars.get_label() == f"field.{name}"]
    assert bar.get_width() == sum(felt)


def test_walls_barriers_and_edges_are_drawn(make):
    scenario = make(
        world__map="@ . .\n     \n. # .\n-    \n. .|.", world__edges="walls", world__rows=3,
        world__cols=3, world__kinds__berry__count=1, world__kinds__mate__count=1,
    )  # fmt: skip
    lived = episode(scenario, "ancestral")
    view = RunView(data=dataset(scenario), scenario=scenario, episode=lived)
    ground = draw("level", view).axes[0]
    (barriers,) = [c for c in ground.collections if c.get_label() == "barriers"]
    ends = [segment.tolist() for segment in barriers.get_segments()]
    assert ends == [[[-0.5, 1.5], [0.5, 1.5]], [[1.5, 1.5], [1.5, 2.5]]]
    rectangles = [p for p in ground.patches if isinstance(p, Rectangle)]
    walls = [p for p in rectangles if p.get_xy() == (0.5, 0.5)]
    assert len(walls) == 1
    (edge,) = [p for p in ground.patches if p.get_label() == "edge"]
    assert edge.get_linestyle() == "-"


def test_the_edges_of_a_torus_are_dashed(view):
    figure = draw("level", view)
    (edge,) = [p for p in figure.axes[0].patches if p.get_label() == "edge"]
    assert edge.get_linestyle() != "-"
    assert "edges wrap" in [w.text for w in words_of(figure)]


@pytest.mark.parametrize("name", FIGURES)
def test_what_a_figure_lacks_is_said(scenario, data, name):
    kind = FIGURES[name]
    without = RunView(data=xr.Dataset(coords=data.coords), scenario=scenario)
    with pytest.raises(EvosimError, match=f"figure {name!r} needs .*{kind.needs[0]}"):
        kind.figure(without)


def test_without_a_flip_there_is_nothing_to_compare(make):
    scenario = make(timeline=phases(6))
    view = RunView(data=dataset(scenario), scenario=scenario)
    with pytest.raises(EvosimError, match="needs a flip"):
        draw("flip", view)


def test_an_intended_payoff_that_was_not_recorded_is_said(scenario, data):
    other = data.assign_coords(payoff=np.array(["gold"], dtype=object))
    with pytest.raises(EvosimError, match="no payoff 'children', only gold"):
        draw("objective_proxy", RunView(data=other, scenario=scenario))


def test_islands_show_the_mean_of_every_deme_and_when_somebody_migrated(make):
    scenario = make(evolution__islands={**MIGRATING, "demes": 3})
    view = RunView(data=dataset(scenario), scenario=scenario)
    figure = draw("islands", view)
    scores, drives, apart = figure.axes
    for deme in range(3):
        own = slice(10 * deme, 10 * deme + 10)
        for panel, values in (
            (scores, view.data["score"].values[0]),
            (drives, view.drive(drives.get_title(loc="left").partition(": ")[2])[0]),
        ):
            line = labelled(panel, f"deme {deme}")
            np.testing.assert_allclose(line.get_ydata(), values[:, own].mean(axis=1))
    for panel in figure.axes:
        (marks,) = [c for c in panel.collections if c.get_label() == "migration"]
        assert [s[0, 0] for s in marks.get_segments()] == [3.5 + 4 * n for n in range(9)]
    unit = np.stack([view.drive(name)[0] for name in view.drives], axis=-1)
    within = np.mean([unit[:, 10 * d : 10 * d + 10].var(axis=1, ddof=1) for d in range(3)], axis=0)
    share = 1 - within.sum(axis=-1) / unit.var(axis=1, ddof=1).sum(axis=-1)
    np.testing.assert_allclose(labelled(apart, "differentiation").get_ydata(), share)
