"""Figures of a study: readable, with labels and units, and honest about what is missing."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

from drawn import outside, overlaps, words_of
from made_studies import ALIGNMENT, BETWEEN, KINDS, LOG, PATIENCE, POPULATION, RETAINED, made, text

from evosim import open_study
from evosim.errors import EvosimError
from evosim.plot import summaries as drawing
from evosim.study.summary import summarize

ABOVE = ALIGNMENT.format(threshold="above = 0.5")
PATIENT = PATIENCE.format(values=LOG)
DRAWN = PATIENCE.format(values="range = [0.001, 0.5]\nscale = 'log'")
SIZES = POPULATION.replace("values = [40, 80, 160]", "range = [40, 160]\nwhole = true")
LEVELS = (
    '[parameters.levels]\nlabel = "levels of a life"\nkey = "evolution.levels"\n'
    "range = [1, 9]\nwhole = true\n"
)
LISTED = "".join(
    f"[[points]]\npatience = {patience}\npopulation = {population}\n"
    for patience, population in ((0.001, 40), (0.1, 60), (0.3, 90))
)


def mean(values: Mapping[str, Any]) -> float:
    far = "far" in str(values.get("kind", ""))
    patience = 0.3 * (3 + math.log10(values.get("patience", 0.1)))
    return float(patience + 0.002 * values.get("population", 40) * (1 if far else 0.3))


def numbers(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]]:
    off = float(np.random.default_rng([int(1e4 * mean(values)) + 9999, replicate]).normal(0, 0.1))
    found = mean(values) + off
    return {"alignment": (found,), "retained": (found, 1.0)}


def holes(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]] | None:
    if values["population"] == 40 and values["patience"] < 0.01:
        return None
    undefined = values["population"] == 160 and values["patience"] > 0.4
    return {"alignment": (math.nan,)} if undefined else numbers(values, replicate)


STUDIES = {
    "one": text(PATIENT, ABOVE),
    "named": text(KINDS.format(at=1, far=""), ABOVE),
    "two": text(PATIENT, POPULATION, ABOVE, RETAINED),
    "mixed": text(KINDS.format(at=1, far="at = 6"), POPULATION, ABOVE, RETAINED),
    "three": text(PATIENT, POPULATION, KINDS.format(at=1, far=""), ABOVE),
    "single": text(PATIENT, POPULATION, ALIGNMENT.format(threshold=""), replicates=1),
    "latin": text(DRAWN, SIZES, ABOVE, RETAINED, design="latin", samples=20, replicates=3),
    "random": text(DRAWN, SIZES, LEVELS, ABOVE, design="random", samples=20, replicates=2),
    "points": text(PATIENT, POPULATION, ABOVE, LISTED, design="points"),
}
HAS = {
    "one": ["curve", "raincloud"],
    "named": ["curve", "raincloud"],
    "single": ["phase", "curve", "interaction"],
    "latin": ["phase", "curve"],
    "random": ["phase", "curve"],
    "points": ["phase", "curve", "raincloud"],
}
ALL = ["phase", "curve", "interaction", "raincloud"]


@pytest.fixture(scope="session")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The summary of a made-up study of each kind."""
    folder = tmp_path_factory.mktemp("studies")
    found = {name: summarize(made(folder / name, toml, numbers)) for name, toml in STUDIES.items()}
    found["holes"] = summarize(made(folder / "holes", text(PATIENT, POPULATION, ABOVE), holes))
    return found


def said(figure: Figure) -> str:
    return " ".join(words.text for words in words_of(figure))


@pytest.mark.parametrize("name", [*STUDIES, "holes"])
def test_every_figure_is_readable_and_says_what_it_shows(
    name: str, summaries: dict[str, dict[str, Any]]
) -> None:
    summary = summaries[name]
    names = drawing.names_for("study", summary)
    assert names == HAS.get(name, ALL)
    for each in names:
        drawn = drawing.figure("study", each, summary)
        words = words_of(drawn)
        told = " ".join(word.text for word in words)
        assert not overlaps(words), each
        assert not outside(drawn, words), each
        assert min(word.size for word in words) >= 7
        assert "A made-up study" in told
        assert "alignment at the end" in told
        if summary["replicates"] > 1:
            assert f"{summary['replicates']} replicates" in told
        for parameter in summary["parameters"].values():
            assert parameter["label"] in told or each == "raincloud", each


def test_axes_have_units_and_a_log_scale_has_its_levels_at_equal_steps(
    summaries: dict[str, dict[str, Any]],
) -> None:
    drawn = drawing.figure("study", "phase", summaries["two"])
    panel = drawn.axes[0]
    assert panel.get_xlabel() == "patience [1/step]"
    assert panel.get_ylabel() == "population size [individuals]"
    corners = sorted({patch.get_x() for patch in panel.patches})
    np.testing.assert_allclose(np.diff(corners), np.diff(corners)[0], rtol=1e-3)


def test_cells_have_the_colour_of_their_number(summaries: dict[str, dict[str, Any]]) -> None:
    from evosim.plot.studies import _parts

    summary = summaries["two"]
    panel = drawing.figure("study", "phase", summary).axes[0]
    values = [p["measures"]["alignment"]["value"] for p in summary["points"]]
    cells = [patch for patch in panel.patches if patch.get_fill()]
    assert len(cells) == 15
    low, high = min(*values, 0.0), max(*values, 1.0)  # shares have one scale
    for cell, value in zip(cells, values, strict=True):
        expected = _parts.SHADES((value - low) / (high - low))
        np.testing.assert_allclose(cell.get_facecolor(), expected, atol=1 / 255)


def test_undecided_points_are_hatched_and_the_threshold_is_a_line(
    summaries: dict[str, dict[str, Any]],
) -> None:
    summary = summaries["two"]
    panel = drawing.figure("study", "phase", summary).axes[0]
    verdicts = [p["measures"]["alignment"]["verdict"] for p in summary["points"]]
    hatched = [patch for patch in panel.patches if patch.get_hatch()]
    assert len(hatched) == verdicts.count("undecided") > 0
    assert panel.collections, "no contour"
    xs = panel.collections[0].get_paths()[0].vertices[:, 0]
    assert -3 < xs.min() <= xs.max() < math.log10(0.5)


def test_missing_runs_undefined_numbers_and_what_is_there_are_told_apart(
    summaries: dict[str, dict[str, Any]],
) -> None:
    summary = summaries["holes"]
    drawn = drawing.figure("study", "phase", summary)
    labels = [patch.get_label() for patch in drawn.axes[0].patches]
    assert labels.count("missing") == 2
    told = said(drawn)
    assert "Crossed out: no run yet." in told
    assert "Grey: undefined." in told
    assert "so far 130 of 150 runs" in told
    cloud = said(drawing.figure("study", "raincloud", summary))
    assert cloud.count("no run yet") == 2
    assert cloud.count("undefined") == 1
    assert "A gap: no run yet, or undefined." in said(drawing.figure("study", "curve", summary))
    assert "undefined, as a point has no number" in said(
        drawing.figure("study", "interaction", summary)
    )


def test_a_measure_that_is_nowhere_defined_says_so_in_place_of_a_scale(tmp_path: Path) -> None:
    latin = made(tmp_path / "latin", STUDIES["latin"], lambda *_: {"alignment": (math.nan,)})
    (panel, *_) = drawing.figure("study", "curve", summarize(latin)).axes
    assert "undefined" in [words.get_text() for words in panel.texts]
    assert len(panel.get_yticks()) == 0


def test_a_curve_has_its_interval_and_its_replicates(summaries: dict[str, dict[str, Any]]) -> None:
    summary = summaries["one"]
    panel = drawing.figure("study", "curve", summary).axes[0]
    line = next(line for line in panel.lines if line.get_label() == "mean")
    values = [p["measures"]["alignment"]["value"] for p in summary["points"]]
    np.testing.assert_allclose(line.get_ydata(), values)
    band = next(c for c in panel.collections if c.get_label() == "mean band")
    ends = [p["measures"]["alignment"]["interval"] for p in summary["points"]]
    assert band.get_paths()[0].vertices[:, 1].min() == pytest.approx(min(ends)[0])
    dots = [line for line in panel.lines if line.get_label() == "replicates"]
    assert sum(len(dot.get_ydata()) for dot in dots) == 50


def test_means_that_no_line_joins_are_not_called_lines(
    summaries: dict[str, dict[str, Any]],
) -> None:
    named, numbered = (
        " ".join(w.text for w in words_of(drawing.figure("study", "curve", summaries[name])))
        for name in ("named", "one")
    )
    assert "Points: means over replicates." in named
    assert "Lines: means over replicates." in numbered


def test_one_replicate_has_no_band(summaries: dict[str, dict[str, Any]]) -> None:
    drawn = drawing.figure("study", "curve", summaries["single"])
    labels = [c.get_label() for c in drawn.axes[0].collections]
    assert not {"interval", "mean band"} & set(labels)
    assert "BCa" not in said(drawn)
    with pytest.raises(EvosimError, match="it takes replicates"):
        drawing.figure("study", "raincloud", summaries["single"])


def test_an_interaction_names_the_shares_of_variance(
    summaries: dict[str, dict[str, Any]],
) -> None:
    summary = summaries["mixed"]
    told = said(drawing.figure("study", "interaction", summary))
    effects = summary["measures"]["alignment"]["variance"]["effects"]
    for effect, label in zip(effects[:2], ("kind of agent", "population size"), strict=True):
        assert f"{label} {100 * effect['share']:.0f} %" in told
    assert "their interaction" in told


def test_a_third_parameter_makes_a_panel_a_level(summaries: dict[str, dict[str, Any]]) -> None:
    for name in ("phase", "curve"):
        told = said(drawing.figure("study", name, summaries["three"]))
        assert "kind of agent: looks one step ahead" in told
        assert "kind of agent: looks far ahead" in told


def test_figures_that_a_study_cannot_have_say_why(summaries: dict[str, dict[str, Any]]) -> None:
    for study, name, reason in (
        ("one", "phase", "two parameters"),
        ("one", "interaction", "two parameters"),
        ("latin", "interaction", "takes a grid"),
        ("latin", "raincloud", "no grid"),
        ("one", "phases", "did you mean 'phase'"),
    ):
        with pytest.raises(EvosimError, match=reason):
            drawing.figure("study", name, summaries[study])
    without = {
        **summaries["one"],
        "points": [
            {**p, "measures": {"alignment": {**p["measures"]["alignment"], "numbers": None}}}
            for p in summaries["one"]["points"]
        ],
    }
    with pytest.raises(EvosimError, match="too large"):
        drawing.figure("study", "raincloud", without)
    assert "Dots: replicates" not in said(drawing.figure("study", "curve", without))


def test_what_has_no_number_a_replicate_is_no_raincloud_and_no_mean(tmp_path: Path) -> None:
    toml = text(PATIENT, ABOVE, BETWEEN)
    folder = made(
        tmp_path / "made", toml, lambda v, r: numbers(v, r) | {"between": (mean(v) + r / 10, 1.0)}
    )
    summary = summarize(folder)
    told = said(drawing.figure("study", "raincloud", summary))
    assert "Only all replicates together have variance between populations." in told
    assert "undefined" not in told
    told = said(drawing.figure("study", "curve", summary))
    assert "No mean, but a number of all replicates together: variance between" in told
    alone = made(
        tmp_path / "alone", text(PATIENT, BETWEEN), lambda v, r: {"between": (r / 10, 1.0)}
    )
    assert drawing.names_for("study", summarize(alone)) == ["curve"]


def test_figures_are_files_of_the_same_bytes(
    summaries: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    once, again = (
        drawing.draw("study", summaries["one"], folder=tmp_path / folder, formats=["svg", "png"])
        for folder in ("once", "again")
    )
    assert [path.name for path in once] == [
        "curve.svg", "curve.png", "raincloud.svg", "raincloud.png"
    ]  # fmt: skip
    for a, b in zip(once, again, strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_a_study_draws_itself_as_far_as_it_was_lived(tmp_path: Path) -> None:
    folder = made(tmp_path / "made", text(PATIENT, ABOVE, replicates=2), numbers)
    paths = open_study(folder.path).plot("curve", formats=["svg"])
    assert paths == [folder.path / "figures" / "curve.svg"]
    assert "alignment" in said(open_study(folder.path).figure("curve"))
    empty = made(tmp_path / "empty", text(PATIENT, ABOVE, replicates=2), lambda v, r: None)
    with pytest.raises(EvosimError, match="no run is done yet"):
        open_study(empty.path).plot("curve")


# Names of levels that are long or alike, and tables as values

NUMBERED = "[parameters.k]\nlabel = 'levels of k'\n" + "".join(
    f"[[parameters.k.levels]]\ntitle = 'k={k}'\nset = ['agent.depth={k}']\nat = {at}\n"
    for k, at in zip((1, 2, 3, 10, 11), (1, 2, 3, 10, 11), strict=True)
)
ALIKE = "[parameters.k]\nlabel = 'levels of k'\n" + "".join(
    f"[[parameters.k.levels]]\ntitle = 'a depth of {k} steps'\nset = ['agent.depth={k}']\n"
    for k in range(1, 13)
)
MIXTURES = """
[parameters.mixture]
label  = "what trains"
key    = "timeline.0.train"
values = [
    { ancestral = 0.1, modern = 0.9 }, { ancestral = 0.5, modern = 0.5 },
    { ancestral = 0.9, modern = 0.1 }, "ancestral",
]
[parameters.operator]
label  = "selection"
key    = "evolution.select"
values = [
    { operator = "selTournament", tournsize = 2 }, { operator = "selTournament", tournsize = 7 },
]
"""


def by_name(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]]:
    """Numbers of a study of whatever values."""
    off = np.random.default_rng([replicate, len(repr(values))]).normal(0, 0.1)
    found = sum(len(repr(value)) for value in values.values()) / 50 + float(off)
    names = ("alignment", "retained", *(f"m{n}" for n in range(6)))
    return {name: (found, 1.0) if name == "retained" else (found,) for name in names}


def ticks(figure: Figure, which: str = "x") -> list[str]:
    axis = getattr(figure.axes[0], f"{which}axis")
    return [label.get_text() for label in axis.get_ticklabels()]


def places(figure: Figure) -> list[float]:
    return [float(at) for at in figure.axes[0].get_xticks()]


def test_levels_stand_at_their_place_and_are_told_apart(tmp_path: Path) -> None:
    summary = summarize(made(tmp_path / "a", text(NUMBERED, POPULATION, ABOVE, RETAINED), by_name))
    for name in ("curve", "phase", "interaction"):
        drawn = drawing.figure("study", name, summary)
        assert places(drawn) == [1, 2, 3, 10, 11][: len(places(drawn))], name
        shown = ticks(drawn)
        assert len({*shown}) == len(shown) >= 4, name
        assert shown[0] in ("k=1", "1")
        assert not overlaps(words_of(drawn)), name


def test_what_all_names_of_levels_have_in_common_is_left_out_where_there_is_no_room(
    tmp_path: Path,
) -> None:
    summary = summarize(made(tmp_path / "a", text(ALIKE, ABOVE), by_name))
    assert ticks(drawing.figure("study", "curve", summary)) == [str(k) for k in range(1, 13)]


def test_tables_have_short_names_or_numbers_that_the_note_explains(tmp_path: Path) -> None:
    summary = summarize(made(tmp_path / "a", text(MIXTURES, ABOVE), by_name))
    for name in ALL:
        drawn = drawing.figure("study", name, summary)
        words = words_of(drawn)
        assert not overlaps(words), name
        assert not outside(drawn, words), name
        assert "{" not in said(drawn), name
    told = said(drawing.figure("study", "curve", summary))
    assert "What trains: 1 = ancestral 0.1, modern 0.9; 2 = ancestral 0.5" in told
    assert "selection: tournsize 2" in told
    assert "tournsize 7" in ticks(drawing.figure("study", "phase", summary), "y")
    assert ticks(drawing.figure("study", "phase", summary)) == ["1", "2", "3", "4"]


def test_a_threshold_goes_from_edge_to_edge_of_the_smallest_grid(tmp_path: Path) -> None:
    two = POPULATION.replace("[40, 80, 160]", "[40, 160]")
    toml = text(PATIENCE.format(values="values = [0.01, 0.3]"), two, ABOVE)
    panel = drawing.figure("study", "phase", summarize(made(tmp_path / "a", toml, numbers))).axes[0]
    line = panel.collections[0].get_paths()[0].vertices
    (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
    for x, y in (line[0], line[-1]):
        at_an_edge = [math.isclose(x, e, abs_tol=1e-9) for e in (left, right)]
        assert any([*at_an_edge, *(math.isclose(y, e, abs_tol=1e-9) for e in (low, high))])


def test_three_parameters_are_drawn_together_and_in_pairs_on_one_page(tmp_path: Path) -> None:
    more = "".join(
        f'[measures.m{n}]\nlabel = "measure {n}"\nmeasure = "alignment"\n' for n in range(5)
    )
    three = PATIENT + POPULATION + KINDS.format(at=1, far="")
    summary = summarize(made(tmp_path / "a", text(three, ABOVE), by_name))
    drawn = drawing.figure("study", "interaction", summary)
    panels = [axes for axes in drawn.axes if axes.lines]
    assert len(panels) == 3 + 2  # pairs, and the two levels of the third parameter
    told = said(drawn)
    assert "Together: patience along x, lines: population size, panels: kind of agent." in told
    assert "Interactions of three: " in told
    assert "looks far ahead" in told
    assert drawn.get_figheight() < 5.5
    many = summarize(made(tmp_path / "b", text(three, ABOVE, more), by_name))
    high = drawing.figure("study", "interaction", many)
    assert said(high).count("Together: ") == 1
    assert "All three together where their interaction is largest: " in said(high)
    assert high.get_figheight() < 7 * 2.4


def test_what_others_found_stands_behind_the_lines_where_the_first_parameter_is_along_x(
    tmp_path: Path,
) -> None:
    others = "published = [[0.001, 0.2], [0.01, 0.4], [0.5, 0.9]]"
    toml = text(PATIENT, POPULATION, ALIGNMENT.format(threshold=others), replicates=2)
    summary = summarize(made(tmp_path / "study", toml, numbers))
    for name, panels in (("interaction", [0]), ("curve", [0])):
        drawn = drawing.figure("study", name, summary)
        assert "published elsewhere" in said(drawn)
        found = [
            (n, line)
            for n, panel in enumerate(drawn.axes)
            for line in panel.get_lines()
            if len(line.get_xdata()) == 3 and np.allclose(line.get_ydata(), [0.2, 0.4, 0.9])
        ]
        assert [n for n, _ in found] == panels, name
        np.testing.assert_allclose(found[0][1].get_xdata(), np.log10([0.001, 0.01, 0.5]))
        above = [x for x in drawn.axes[0].get_lines() if x.get_zorder() == found[0][1].get_zorder()]
        assert above[0] is found[0][1]  # drawn before the others, so behind them
