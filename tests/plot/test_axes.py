"""Figures drawn into axes that the caller made, and figures that a notebook shows."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
from drawn import overlaps, words_of
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from synthetic import dataset

from evosim.errors import EvosimError
from evosim.plot import FIGURES, figure
from evosim.plot.layouts import LegendEntry, Row, create
from evosim.plot.run_view import Band

PANELS = {
    "flip": (1, 1),
    "objective_proxy": (2, 1),
    "genes": (5, 1),
    "mind": (2, 1),
    "alignment_all": (2, 2),
}
"""Rows and columns of the main panels of the figures that the scenario here has."""


def axes_for(shape: tuple[int, int], size: tuple[float, float] = (8.0, 6.0)):
    mine = Figure(figsize=size, layout="constrained")
    return mine, mine.subplots(*shape)


def lines_of(panel) -> dict[str, np.ndarray]:
    return {line.get_label(): np.asarray(line.get_ydata(), float) for line in panel.lines
            if line.get_label() not in ("leader", "flip")}  # fmt: skip


@pytest.mark.parametrize("name", PANELS)
def test_given_axes_hold_the_lines_of_the_figure(data, scenario, name):
    mine, axes = axes_for(PANELS[name])
    drawn = figure(name, data, scenario, axes=axes)
    assert drawn is mine
    whole = figure(name, data, scenario)
    for given, own in zip(np.ravel(axes), whole.axes, strict=False):
        assert lines_of(given).keys() == lines_of(own).keys()
        for label, values in lines_of(own).items():
            np.testing.assert_array_equal(lines_of(given)[label], values)
        assert given.get_xlim() == own.get_xlim()
        assert given.get_ylim() == own.get_ylim()
        assert given.get_ylabel() == own.get_ylabel()


@pytest.mark.parametrize("name", PANELS)
def test_nothing_of_a_figure_in_given_axes_lies_on_something_else(data, scenario, name):
    mine, axes = axes_for(PANELS[name])
    figure(name, data, scenario, axes=axes)
    assert overlaps(words_of(mine)) == []


def test_genes_in_as_many_axes_as_it_has_panels_show_each_drive_and_chance(data, scenario):
    _, axes = axes_for((5, 1))
    band = {"touch": Band(np.full(40, -0.2), np.full(40, 0.3))}
    figure("genes", data, scenario, axes=axes, neutral=band)
    named = [panel.get_title(loc="left") for panel in axes][1:]
    assert named == [*scenario.agent.drives, "depth"]
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == [
        "median",
        "where chance alone would keep it (95 %)",
    ]


def test_one_axes_carries_the_title_of_the_figure(data, scenario):
    _, panel = axes_for((1, 1))
    figure("genes", data, scenario, axes=panel)
    assert panel.get_title(loc="left").startswith("The pill: ")


def test_minds_are_named_in_the_legend_of_the_first_axes(data, scenario):
    _, axes = axes_for((2, 2))
    figure("alignment_all", data, scenario, axes=axes)
    named = {text.get_text() for text in axes[0, 0].get_legend().get_texts()}
    assert "evolved" in named
    assert [panel.get_legend() for panel in axes.flat[1:]] == [None] * 3


def test_the_verdict_on_a_flip_is_in_the_title_of_its_axes(data, scenario):
    _, axes = axes_for((1, 1))
    figure("flip", data, scenario, axes=axes)
    assert axes.get_title(loc="left").replace("\n", " ").startswith("The pill: 2 flips: ")


def test_the_caller_decides_which_axes_have_numbers(data, scenario):
    mine = Figure(layout="constrained")
    apart = mine.subplots(1, 2)
    figure("objective_proxy", data, scenario, axes=apart)
    assert all(p.xaxis.get_tick_params()["labelbottom"] for p in apart)
    shared = Figure(layout="constrained").subplots(2, 1, sharex=True)
    figure("objective_proxy", data, scenario, axes=shared)
    assert [p.xaxis.get_tick_params()["labelbottom"] for p in shared] == [False, True]


@pytest.mark.parametrize("name", PANELS)
def test_another_number_of_axes_is_answered_with_the_right_one(data, scenario, name):
    rows, columns = PANELS[name]
    _, axes = axes_for((1, 7))
    with pytest.raises(EvosimError, match=rf"has {rows * columns} panels in rows of .*, not 7$"):
        figure(name, data, scenario, axes=axes)


def test_what_is_no_axes_is_refused_in_words(data, scenario, lifetime):
    with pytest.raises(EvosimError, match=r"expected matplotlib Axes, .* not Figure"):
        figure("genes", data, scenario, axes=Figure())
    with pytest.raises(EvosimError, match="'level' sets the sizes of its parts itself"):
        figure("level", data, scenario, axes=axes_for((1, 1))[1], episode=lifetime)


def test_subfigures_hold_figures_too(data, scenario):
    mine = Figure(figsize=(8, 3))
    left, right = mine.subfigures(1, 2)
    assert figure("flip", data, scenario, axes=left.subplots()) is mine
    assert figure("alignment_all", data, scenario, axes=right.subplots(2, 2)) is mine


def test_every_figure_of_a_run_but_that_of_a_level_takes_axes():
    without = [n for n in FIGURES if "axes" not in signature(FIGURES[n].draw).parameters]
    assert without == ["level"]


OF_A_SECTION = {
    "islands": {
        "evolution__islands": {
            "every": 4, "migrants": 1, "select": {"operator": "selBest"}, "demes": 3
        }
    },
    "monitor": {"monitor": {"budget": 20}},
    "deception": {
        "world__variables__watcher": {"values": 2, "start": 1, "hidden": True, "assume": 1},
        "deception": {"variable": "watcher", "watched": 1, "conduct": "children"},
    },
    "correction": {
        "world__variables__corrected": {"values": 2, "start": 0, "counts": "corrections"},
        "world__kinds__mate__use__court": {"yields": {"children": 1.0}, "corrects": 0.5},
        "correction": {"rate": 0.5, "toward": "intended"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", OF_A_SECTION)
def test_figures_of_a_section_of_the_scenario_take_axes(make, name):
    scenario = make(**OF_A_SECTION[name])
    _, axes = axes_for((2, 2) if name in ("deception", "correction") else (3, 1))
    figure(name, dataset(scenario), scenario, axes=axes)
    assert all(panel.has_data() or panel.texts for panel in axes.flat)


def test_a_figure_shows_itself_in_a_notebook_without_pyplot(data, scenario):
    drawn = figure("genes", data, scenario)
    assert drawn._repr_png_().startswith(b"\x89PNG")


def test_lines_and_bands_of_a_legend_look_as_they_are_drawn():
    (panel,) = [Figure().subplots()]
    entries = [LegendEntry("line", "#112233", (0, (4.0, 1.4)), 0.8),
               LegendEntry("band", "#445566", patch=True)]  # fmt: skip
    create([Row(height=1)], width=3.4, title="a title", legend=entries, axes=[panel])
    line, band = panel.get_legend().legend_handles
    assert isinstance(line, Line2D)
    assert (line.get_color(), line.get_linewidth()) == ("#112233", 0.8)
    assert band.get_facecolor()[:3] == pytest.approx((0x44 / 255, 0x55 / 255, 0x66 / 255))
