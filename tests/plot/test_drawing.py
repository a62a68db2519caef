"""Figures in files: the same bytes every time, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO

import matplotlib as mpl
import pytest
from PIL import Image

from evosim.errors import EvosimError
from evosim.plot import FIGURES, draw, figure

OF_A_SECTION = ("adversary", "correction", "deception", "islands", "monitor", "population", "table")
"""Figures that need a part of the scenario that the one drawn here does not have."""


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in OF_A_SECTION])
def test_the_same_run_gives_the_same_bytes(data, scenario, lifetime, tmp_path, name):
    first = draw(data, scenario, [name], folder=tmp_path / "a", episode=lifetime)
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "axes.grid": True}):
        second = draw(data, scenario, [name], folder=tmp_path / "b", episode=lifetime)
    assert [p.name for p in first] == [f"{name}.svg", f"{name}.png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_all_figures_that_can_be_are_drawn(data, scenario, lifetime, tmp_path):
    paths = draw(data, scenario, folder=tmp_path, formats=["png"], episode=lifetime)
    possible = [name for name in FIGURES if name not in OF_A_SECTION]
    assert [p.stem for p in paths] == possible
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    less = draw(
        data.drop_vars(["capability", "genome"]), scenario, folder=tmp_path / "less",
        formats=["png"],
    )  # fmt: skip
    assert [p.stem for p in less] == ["objective_proxy"]


def test_a_figure_fits_a_column_on_paper(data, scenario, tmp_path):
    (path,) = draw(data, scenario, ["mind"], folder=tmp_path, formats=["png"])
    with Image.open(BytesIO(path.read_bytes())) as image:
        width = image.width / image.info["dpi"][0]
    assert width == pytest.approx(3.4, abs=0.01)


def test_svg_carries_its_title_and_no_date(data, scenario, tmp_path):
    (path,) = draw(data, scenario, ["mind"], folder=tmp_path, formats=["svg"])
    text = path.read_text()
    assert "<dc:title>The pill: minds and lifespan</dc:title>" in text
    assert "dc:date" not in text


def test_an_unknown_figure_is_answered_with_the_nearest(data, scenario, tmp_path):
    with pytest.raises(
        EvosimError, match=r"unknown figure 'alinement'.*did you mean 'alignment_all'"
    ):
        draw(data, scenario, ["alinement"], folder=tmp_path)
    with pytest.raises(EvosimError, match=r"known: .*level.*mind"):
        figure("nothing_like_it", data, scenario)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_answered_with_the_known(data, scenario, tmp_path):
    with pytest.raises(EvosimError, match=r"unknown figure format 'pgn'.*did you mean 'png'"):
        draw(data, scenario, ["mind"], folder=tmp_path, formats=["svg", "pgn"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_an_error_of_one_line(data, scenario, tmp_path):
    (tmp_path / "figures").write_text("a file")
    with pytest.raises(EvosimError, match="figures") as raised:
        draw(data, scenario, ["mind"], folder=tmp_path / "figures", formats=["svg"])
    assert "\n" not in str(raised.value)


def test_a_figure_in_memory_can_be_saved_anywhere(data, scenario, tmp_path):
    drawn = figure("mind", data, scenario)
    drawn.savefig(tmp_path / "mine.pdf")
    assert (tmp_path / "mine.pdf").read_bytes().startswith(b"%PDF")


def imported_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has after some code."""
    script = f"{code}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_imports_no_library():
    modules = imported_by("import evosim.plot")
    assert not modules & {"matplotlib", "PIL", "rich", "numpy", "numba", "xarray"}


def test_no_figure_needs_pyplot():
    modules = imported_by("import evosim.plot; assert 'genes' in evosim.plot.FIGURES")
    assert "matplotlib.figure" in modules
    assert not modules & {"matplotlib.pyplot", "numba", "scipy.stats"}
