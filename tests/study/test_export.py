"""The numbers of a study for other tools: what a file holds, what becomes of what is missing."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from made_studies import ALIGNMENT, KINDS, LOG, PATIENCE, POPULATION, RETAINED, made, text

from evosim import open_study
from evosim.errors import EvosimError, ScenarioError
from evosim.study import export, table
from evosim.study.folder import StudyFolder
from evosim.study.reading import loads

PLAIN = ALIGNMENT.format(threshold="above = 0.5")
GRID = text(PATIENCE.format(values=LOG), POPULATION, PLAIN, RETAINED, replicates=3)


def number(values: Mapping[str, Any], replicate: int) -> float:
    return round(values["patience"] + values["population"] / 1000 + replicate / 100, 6)


def numbers(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]] | None:
    if values["population"] == 160 and replicate == 2:
        return None
    found = number(values, replicate)
    undefined = values["population"] == 40 and replicate == 1
    return {"alignment": (math.nan if undefined else found,), "retained": (found, 2.0)}


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    """A grid of 5 x 3 points, of which some runs are lacking and some numbers are undefined."""
    return made(tmp_path / "made", GRID, numbers)


def test_a_csv_has_a_row_a_run_and_nothing_where_a_number_is_undefined(
    folder: StudyFolder, tmp_path: Path
) -> None:
    path = export.export(folder, tmp_path / "runs.csv")
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "point", "patience", "population", "replicate", "seed", "alignment", "retained",
        "retained.1", "retained.2",
    ]  # fmt: skip
    assert len(rows) == 5 * (3 + 3 + 2)
    for row in rows:
        values = {"patience": float(row["patience"]), "population": int(row["population"])}
        found = number(values, int(row["replicate"]))
        assert row["alignment"] == (
            "" if (row["population"], row["replicate"]) == ("40", "1") else repr(found)
        )
        assert float(row["retained"]) == found / 2
        assert (float(row["retained.1"]), float(row["retained.2"])) == (found, 2.0)
        point = folder.by_key[row["point"]]
        assert int(row["seed"]) == point.seed(folder.seed, int(row["replicate"]))


def test_the_dataset_of_a_grid_holds_every_number_at_its_place(folder: StudyFolder) -> None:
    data = table.dataset(folder)
    assert dict(data.sizes) == {"patience": 5, "population": 3, "replicate": 3}
    assert list(data["population"].values) == [40, 80, 160]
    assert data["patience"].attrs == {
        "units": "1/step", "long_name": "patience", "key": "agent.patience"
    }  # fmt: skip
    for patience in data["patience"].values:
        for population in (40, 80, 160):
            for replicate in range(3):
                at = {"patience": patience, "population": population, "replicate": replicate}
                values = {"patience": float(patience), "population": population}
                found = float(data["alignment"].sel(at))
                expected = (numbers(values, replicate) or {"alignment": (math.nan,)})["alignment"]
                assert found == pytest.approx(expected[0], nan_ok=True)
                is_done = (population, replicate) != (160, 2)
                assert int(data["lived"].sel(at)) == is_done
    assert data["retained.2"].max() == 2.0
    assert data["alignment"].attrs["above"] == 0.5


def test_values_that_are_written_in_any_order_stand_in_order_on_their_axis(
    tmp_path: Path,
) -> None:
    toml = text(POPULATION.replace("[40, 80, 160]", "[160, 40, 80]"), PLAIN, replicates=1)
    folder = made(tmp_path / "made", toml, lambda v, r: {"alignment": (float(v["population"]),)})
    data = table.dataset(folder)
    assert list(data["population"].values) == [40, 80, 160]
    assert list(data["alignment"].values[:, 0]) == [40, 80, 160]


def test_netcdf_is_the_dataset(folder: StudyFolder, tmp_path: Path) -> None:
    path = export.export(folder, tmp_path / "study.nc")
    with xr.open_dataset(path, engine="h5netcdf") as read:
        xr.testing.assert_equal(read.load(), table.dataset(folder))
        assert read["alignment"].attrs["long_name"] == "alignment at the end"
        assert read.attrs["seed"] == "3"
        assert "made-up" in read.attrs["study"]
        assert folder.manifest["identity"] in read.attrs["provenance"]
        assert all("units" in variable.attrs for variable in read.variables.values())


def test_parquet_is_the_table(folder: StudyFolder, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = export.export(folder, tmp_path / "study.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(path), table.frame(folder), check_dtype=True, check_like=False
    )


def test_without_pyarrow_parquet_says_what_to_install(
    folder: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EvosimError, match=r"pip install 'evosim-sandbox\[parquet\]'"):
        export.export(folder, tmp_path / "study.parquet")
    assert not list(tmp_path.glob("*.parquet*"))


def test_an_unknown_suffix_is_answered_with_the_known_ones(
    folder: StudyFolder, tmp_path: Path
) -> None:
    with pytest.raises(EvosimError, match=r"unknown format '\.xlsx'.*\.csv, \.nc, \.parquet"):
        export.export(folder, tmp_path / "study.xlsx")
    with pytest.raises(EvosimError, match="there is no folder"):
        export.export(folder, tmp_path / "nowhere" / "study.csv")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "nc"])
def test_equal_studies_give_equal_bytes(tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    files = [
        export.export(made(tmp_path / name, GRID, numbers), tmp_path / f"{name}.{suffix}")
        for name in ("one", "two")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_points_that_were_drawn_are_a_dimension_with_parameters_along_it(tmp_path: Path) -> None:
    toml = text(
        PATIENCE.format(values="range = [0.1, 0.9]"), KINDS.format(at=1, far=""), PLAIN,
        design="latin", samples=7, replicates=2,
    )  # fmt: skip
    folder = made(tmp_path / "made", toml, lambda v, r: {"alignment": (v["patience"] + r,)})
    data = table.dataset(folder)
    assert dict(data.sizes) == {"point": 7, "replicate": 2}
    assert data["patience"].dims == data["kind"].dims == ("point",)
    assert set(data["kind"].values) == {"looks one step ahead", "looks far ahead"}
    np.testing.assert_allclose(data["alignment"].values[:, 1], data["patience"].values + 1)
    path = export.export(folder, tmp_path / "study.nc")
    with xr.open_dataset(path, engine="h5netcdf") as read:
        assert {"patience", "kind"} <= set(read.coords)
        xr.testing.assert_equal(read.load(), data)


def test_levels_with_a_place_stand_there_and_keep_their_titles(tmp_path: Path) -> None:
    toml = text(KINDS.format(at=6, far="at = 1"), PLAIN, replicates=1)
    folder = made(tmp_path / "made", toml, lambda v, r: {"alignment": (float("far" in v["kind"]),)})
    data = table.dataset(folder)
    assert list(data["kind"].values) == [1, 6]
    assert list(data["kind.title"].values) == ["looks far ahead", "looks one step ahead"]
    assert list(data["alignment"].values[:, 0]) == [1, 0]
    found = table.frame(folder)
    assert dict(zip(found["kind"], found["kind.at"], strict=True)) == {
        "looks one step ahead": 6.0, "looks far ahead": 1.0
    }  # fmt: skip


def test_a_study_without_any_run_exports_no_rows(tmp_path: Path) -> None:
    folder = made(tmp_path / "made", GRID, lambda values, replicate: None)
    path = export.export(folder, tmp_path / "runs.csv")
    assert len(path.read_text().splitlines()) == 1
    assert bool(table.dataset(folder)["alignment"].isnull().all())
    assert len(table.frame(folder)) == 0


def test_names_of_evosims_own_columns_are_refused() -> None:
    with pytest.raises(ScenarioError, match="'seed' is a name of evosim's own"):
        loads(GRID.replace("parameters.patience", "parameters.seed"))


def test_a_text_that_no_export_can_hold_is_refused_at_its_key() -> None:
    with pytest.raises(ScenarioError) as caught:
        loads(GRID.replace('label = "', 'label = "\\u0000', 1))
    (problem,) = caught.value.problems
    assert problem.key.endswith(".label")
    assert problem.message.startswith("a NUL character at position 0")


def test_a_study_has_its_numbers_as_table_and_dataset(folder: StudyFolder, tmp_path: Path) -> None:
    study = open_study(folder.path)
    assert len(study.table) == 40
    assert study.table.attrs["units"]["patience"] == "1/step"
    xr.testing.assert_identical(study.data, table.dataset(folder))
    assert study.export(tmp_path / "runs.csv").exists()
