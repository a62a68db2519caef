"""Text that is measured before it is placed, and summaries of what is drawn."""

from __future__ import annotations

import base64
import io
import itertools
import re

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evosim.plot import colors, style, timeseries
from evosim.stats import intervals

COORDINATES = st.lists(st.floats(-5, 5), min_size=1, max_size=8)


def test_text_is_as_wide_as_matplotlib_draws_it():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.styled():
        figure = Figure(figsize=(5, 1), dpi=720)
        renderer = FigureCanvasAgg(figure).get_renderer()
        text = figure.text(0, 0, "capability and alignment", size=7)
        drawn = text.get_window_extent(renderer).width / 720
    assert style.text_width("capability and alignment") == pytest.approx(drawn, abs=0.03)


def test_a_phrase_that_does_not_fit_loses_its_end():
    text = "the pill is approved by everybody"
    short = style.fit(text, 1.0)
    assert short.endswith("…")
    assert text.startswith(short[:-1])
    assert style.text_width(short) <= 1.0


def test_names_that_begin_alike_stay_apart_when_shortened():
    names = [f"a_rather_long_stimulus_name_{n}" for n in range(3)]
    assert len({style.fit(name, 0.7) for name in names}) == 3


def test_lines_are_broken_between_words():
    broken = style.wrap("one two three four five six", 0.6)
    assert " ".join(broken) == "one two three four five six"
    assert all(style.text_width(line) <= 0.6 for line in broken)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.5, "−0.5"), (12345.0, "12.3k"), (2e6, "2M"), (float("nan"), "")],  # noqa: RUF001
)
def test_numbers_on_axes_are_short(value, text):
    assert style.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (0.0002, "2e−4"), (-1.25e-5, "−1.25e−5")],  # noqa: RUF001
)
def test_small_numbers_at_ticks_have_a_power_of_ten(value, text):
    assert style.tick(value) == text


def test_the_users_settings_come_back():
    with mpl.rc_context({"font.size": 31.0}):
        with style.styled():
            assert mpl.rcParams["font.size"] == style.SMALL
        assert mpl.rcParams["font.size"] == 31.0


@given(COORDINATES)
def test_labels_are_moved_apart_and_keep_their_order(heights):
    placed = timeseries.move_apart(heights, 0.2, -10, 10)
    order = np.argsort(heights, kind="stable")
    gaps = np.diff(np.array(placed)[order])
    assert (gaps >= 0.2 - 1e-9).all()


@given(COORDINATES)
def test_labels_far_enough_apart_stay_where_they_are(heights):
    apart = [n + 0.1 * h for n, h in enumerate(heights)]
    if all(b - a >= 0.1 for a, b in itertools.pairwise(apart)):
        assert timeseries.move_apart(apart, 0.1, -100, 100) == pytest.approx(apart)


def test_labels_stay_within_the_panel_where_there_is_room():
    assert max(timeseries.move_apart([0.99, 0.995, 1.0], 0.1, 0, 1)) <= 1.0
    assert min(timeseries.move_apart([0.0, 0.0, 0.01], 0.1, 0, 1)) >= 0.0


BOOTSTRAP = intervals.Bootstrap(confidence=0.95, resamples=500, key=3)


def test_one_replicate_is_summarised_over_individuals():
    values = np.random.default_rng(0).normal(size=(1, 3, 101))
    course = timeseries.trajectory(values)
    np.testing.assert_allclose(course.middle, np.median(values[0], axis=1))
    assert course.replicates is None
    (low, high), inner = course.bands
    np.testing.assert_allclose(low, np.quantile(values[0], 0.05, axis=1))
    np.testing.assert_allclose(high, np.quantile(values[0], 0.95, axis=1))
    np.testing.assert_allclose(inner[1], np.quantile(values[0], 0.75, axis=1))


def test_several_replicates_are_summarised_over_replicates():
    values = np.random.default_rng(0).normal(size=(4, 3, 101))
    course = timeseries.trajectory(values)
    np.testing.assert_allclose(course.replicates, np.median(values, axis=2))
    np.testing.assert_allclose(course.middle, np.median(np.median(values, axis=2), axis=0))
    (low, high), (inner_low, inner_high) = course.bands
    for q, band in ((0.05, low), (0.25, inner_low), (0.75, inner_high), (0.95, high)):
        np.testing.assert_allclose(band, np.median(np.quantile(values, q, axis=2), axis=0))


def test_missing_values_are_left_out_of_summaries():
    values = np.array([[[1.0, 2.0, 6.0, np.nan], [np.nan] * 4]])
    course = timeseries.trajectory(values)
    assert course.middle[0] == 2.0
    assert np.isnan(course.middle[1])


def test_the_interval_of_a_mean_is_that_of_the_summary():
    values = np.random.default_rng(0).normal(size=(7, 2, 3))
    values[2, 1, 1] = np.nan
    low, high = timeseries.interval(values, BOOTSTRAP)
    assert low.shape == (2, 3)
    for place in np.ndindex(2, 3):
        expected = intervals.mean(values[:, *place], BOOTSTRAP).interval
        assert (low[place], high[place]) == expected


def test_an_interval_of_a_mean_stays_among_the_data():
    values = np.array([[0.9], [0.95], [-0.8]])  # Student's would reach from -2.1 to 2.8
    low, high = timeseries.interval(values, BOOTSTRAP)[:, 0]
    assert values.min() <= low <= values.mean() <= high <= values.max()


def test_one_value_has_no_interval():
    assert np.isnan(timeseries.interval(np.array([[1.0], [np.nan]]), BOOTSTRAP)).all()


def test_limits_show_every_finite_value():
    from matplotlib.figure import Figure

    panel = Figure().add_axes((0, 0, 1, 1))
    timeseries.limits(panel, np.array([np.nan, -3.0, 7.0, np.inf]), include=(9.0,))
    low, high = panel.get_ylim()
    assert low < -3
    assert 9 < high < 10


def test_limits_cut_off_what_lies_far_beyond():
    from matplotlib.figure import Figure

    panel = Figure().add_axes((0, 0, 1, 1))
    timeseries.limits(panel, np.array([-67.0, 0.5]), include=(0.0, 1.0), within=(-1.0, 1.1))
    assert panel.get_ylim() == pytest.approx((-1.1, 1.1))


def test_limits_of_a_constant_have_room():
    from matplotlib.figure import Figure

    panel = Figure().add_axes((0, 0, 1, 1))
    timeseries.limits(panel, np.full(3, 5.0))
    assert panel.get_ylim()[0] < 5 < panel.get_ylim()[1]


def test_a_lonely_value_between_gaps_is_seen():
    from matplotlib.figure import Figure

    panel = Figure().add_axes((0, 0, 1, 1))
    y = np.array([1.0, 2.0, np.nan, 5.0, np.nan, 3.0, 4.0])
    drawn = timeseries.line(panel, np.arange(7.0), y, color="black", label="y")
    assert drawn.get_markevery() == [3]
    assert drawn.get_marker() == "o"


@pytest.mark.parametrize("color", [*colors.SERIES, colors.GREY, colors.DARK_GREY])
def test_coloured_text_can_be_read_on_white(color):
    def luminance(text):
        channels = np.array([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    assert 1.05 / (luminance(colors.readable(color)) + 0.05) > 4.45
    letter = luminance(colors.contrast(color))
    lighter, darker = sorted((letter, luminance(color)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) > 4.5


SVG = b"""<svg height="9">
 <g id="axes_1">
  <g id="text_1">
   <text style="font-size: 7px; font-family: 'DejaVu Sans'; fill: #333333" x="5.123456" \
transform="rotate(-0 5.123456 2)">a price: 5</text>
  </g>
  <path d="M 10.123456 -3.000001
L 7.5 0.999
" clip-path="url(#p0123456789)" style="stroke-width: 0.123456"/>
  <path d="M 1 2
L 3 4
" clip-path="url(#p0123456789)" style="stroke-width: 0.123456"/>
  <g>
   <use xlink:href="#m0123456789" x="1" y="2" style="fill: #0072b2"/>
   <use xlink:href="#m0123456789" x="3" y="4.5678" style="fill: #0072b2"/>
  </g>
 </g>
</svg>"""
SHORT = b"""<svg font-family="'DejaVu Sans', Verdana, sans-serif" font-size="7px" height="9">
<text style="fill:#333" x="5.12">a price: 5</text>
<g clip-path="url(#ID_0)" style="stroke-width:0.123456">
<path d="M10.12 -3l-2.62 4"/>
<path d="M1 2l2 2"/>
</g>
<g style="fill:#0072b2">
<use xlink:href="#ID_1" x="1" y="2"/>
<use xlink:href="#ID_1" x="3" y="4.57"/>
</g>
</svg>"""


def test_an_svg_is_shortened_where_nothing_is_to_be_seen_of_it():
    assert re.sub(rb"f[0-9a-f]{3}_", b"ID_", style.shortened(SVG)) == SHORT


def test_a_long_line_in_an_svg_keeps_all_that_can_be_seen():
    x = np.linspace(0, 245, 2000)
    y = 30 * np.sin(x / 15)
    points = "".join(f"L {a} {b} \n" for a, b in zip(x, y, strict=True)).replace("L", "M", 1)
    short = style.shortened(f'<path d="{points}"/>'.encode()).decode()
    first, steps = short.partition('d="M')[2].partition('"')[0].split("l")
    numbers = re.findall(r"-?[\d.]+", first + " " + steps.replace("-", " -"))
    drawn = np.cumsum(np.array(numbers, float).reshape(-1, 2), axis=0)
    assert len(drawn) < 500
    assert np.abs(np.interp(drawn[:, 0], x, y) - drawn[:, 1]).max() < 0.15
    assert np.abs(np.interp(x, drawn[:, 0], drawn[:, 1]) - y).max() < 0.15


def test_a_picture_in_an_svg_is_the_same_in_fewer_bytes():
    colours = np.random.default_rng(0).integers(0, 256, (60, 4), np.uint8)
    colours[:, 3] = 255
    pixels = colours[np.random.default_rng(1).integers(0, 60, (40, 160))]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    long = base64.b64encode(buffer.getvalue()).decode()
    svg = f'<svg><image xlink:href="data:image/png;base64,{long}"/></svg>'.encode()
    short = re.search(rb"base64,([^\"]*)", style.shortened(svg))
    assert short is not None
    assert len(short[1]) < 0.7 * len(long)
    found = Image.open(io.BytesIO(base64.b64decode(short[1]))).convert("RGBA")
    np.testing.assert_array_equal(np.asarray(found), pixels)


def test_many_long_lines_make_no_large_svg():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.SINGLE, 3))
    panels = figure.subplots(5)
    values = np.random.default_rng(0).normal(size=(5, 30, 160)).cumsum(axis=-1)
    for panel, lines in zip(panels, values, strict=True):
        timeseries.thin_lines(panel, np.arange(160.0), lines, color="#0072B2", label="replicates")
        panel.autoscale_view()
    buffer = io.BytesIO()
    with style.styled():
        figure.savefig(buffer, format="svg")
    assert len(style.shortened(buffer.getvalue())) < 110_000 < len(buffer.getvalue()) / 4
