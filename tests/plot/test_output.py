"""How figures are written: width, style, the numbers beside them, text as text."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from drawn import outside, overlaps, words_of

from evosim.errors import EvosimError
from evosim.plot import FIGURES, draw
from evosim.plot.output import Output
from evosim.plot.run_view import RunView


@pytest.mark.parametrize(
    ("how", "smallest"), [({"width": 10.5}, 10.5), ({"style": "slides"}, 12.0)]
)
@pytest.mark.parametrize("name", ["flip", "genes", "mind"])
def test_all_of_a_figure_grows_with_it(
    view: RunView, name: str, how: dict, smallest: float
) -> None:
    figure = FIGURES[name].figure(view)
    before = figure.get_size_inches()
    Output(**how).take(name, figure)
    words = words_of(figure)
    assert overlaps(words) == []
    assert outside(figure, words) == []
    times = 10.5 / before[0] if "width" in how else 1.8
    assert min(w.size for w in words) == pytest.approx(7 * times)
    if "width" in how:
        assert figure.get_figwidth() == pytest.approx(10.5)
        assert figure.get_figheight() == pytest.approx(before[1] * 10.5 / before[0])
    else:
        assert figure.get_figheight() < 1.8 * before[1]
        assert not any("replicate" in w.text and "Means" in w.text for w in words)


def test_the_numbers_of_a_figure_are_written_beside_it(data, scenario, tmp_path: Path) -> None:
    paths = draw(data, scenario, ["mind", "flip"], folder=tmp_path, formats=["svg"],
                 output=Output(data=tmp_path / "numbers.csv"))  # fmt: skip
    assert paths[-1] == tmp_path / "numbers.csv"
    rows = list(csv.DictReader(paths[-1].read_text().splitlines()))
    assert {row["figure"] for row in rows} == {"mind", "flip"}
    depth = [float(row["y"]) for row in rows if row["series"] == "depth"]
    view = RunView(data=data, scenario=scenario)
    np.testing.assert_allclose(depth, view.phenotype["depth"][0].mean(axis=1), rtol=1e-6)
    low = [float(row["y"]) for row in rows if row["series"] == "depth band low"]
    assert min(low) <= min(depth)


def test_text_in_an_svg_is_text(data, scenario, tmp_path: Path) -> None:
    (path,) = draw(data, scenario, ["flip"], folder=tmp_path, formats=["svg"])
    text = re.sub(r"<[^>]+>", " ", path.read_text())
    assert "The pill: 2 flips" in " ".join(text.split())
    assert "capability" in text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"width": 0.2}, "no width of a figure"),
        ({"width": True}, "no width of a figure"),
        ({"style": "slide"}, "did you mean 'slides'"),
        ({"data": Path("x.txt")}, "written as .csv"),
    ],
)
def test_what_no_figure_can_be_is_refused(how: dict, message: str) -> None:
    with pytest.raises(EvosimError, match=message):
        Output(**how)
