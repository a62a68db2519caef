"""Making the pages of studies: what is run, what is left alone, what a table must be of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evosim.errors import EvosimError
from evosim.gallery import studies
from evosim.study import reading

TINY = """
id         = "tiny"
title      = "A tiny study"
question   = "Does it run?"
expected   = "It does."
finding    = "It did."
source     = "nobody"
scenario   = "red_dot"
set        = [
  "evolution.population=8", "evolution.levels=1", "timeline.0.generations=2",
  "timeline.1.generations=1", "measure.levels=1", "measure.sample=2",
]
replicates = 2

[parameters.lifetime]
label  = "lifetime"
unit   = "steps"
key    = "world.lifetime"
values = [10, 20]

[parameters.mates]
label  = "mates"
key    = "world.kinds.mate.count"
values = [1, 2]

[measures.red]
label   = "share of red"
measure = "share"
of      = "drive.red"
above   = 0.2

[measures.between]
label   = "between"
measure = "between"
"""

Make = Callable[..., list[str]]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the only study that ships."""
    folder = tmp_path / "studies"
    folder.mkdir()
    monkeypatch.setattr(reading, "FOLDER", folder)
    (folder / "tiny.toml").write_text(TINY)
    return folder / "tiny.toml"


@pytest.fixture
def make(tiny: Path, tmp_path: Path) -> Make:
    """Makes the pages of the study, and returns what was told."""

    def made(*, run: bool = True) -> list[str]:
        reported: list[str] = []
        if run:
            studies.make(
                out=tmp_path / "out", work=tmp_path / "work", workers=1, progress=False,
                report=reported.append,
            )  # fmt: skip
        else:
            studies.make_pages(out=tmp_path / "out", report=reported.append)
        return reported

    return made


def written_at(tmp_path: Path) -> dict[Path, int]:
    """When each run was written."""
    return {p: p.stat().st_mtime_ns for p in (tmp_path / "work/tiny/runs").glob("*/*.json")}


def changed(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_a_study_is_run_once_and_its_page_says_what_the_file_says_now(
    make: Make, tiny: Path, tmp_path: Path
) -> None:
    make()
    before = written_at(tmp_path)
    assert len(before) == 8
    changed(tiny, "It did.", "It did indeed.")
    changed(tiny, 'unit   = "steps"', 'unit   = "moves"')
    changed(tiny, "above   = 0.2", "above   = 0.3")
    assert not any("lived again" in line for line in make())
    assert written_at(tmp_path) == before
    page = (tmp_path / "out/tiny.md").read_text()
    assert "## Found\n\nIt did indeed." in page
    assert "**Exploratory**: " in page
    assert "It did indeed" in (tmp_path / "out/README.md").read_text()
    for name in studies.SHOWN:
        assert (tmp_path / "out" / studies.file_of("tiny", name)).stat().st_size > 0
        assert studies.file_of("tiny", name) in page


def test_a_study_that_was_changed_is_run_again(make: Make, tiny: Path, tmp_path: Path) -> None:
    make()
    before = written_at(tmp_path)
    changed(tiny, "evolution.population=8", "evolution.population=9")
    assert "  run again: the study or its scenario was changed" in make()
    assert all(time > before[run] for run, time in written_at(tmp_path).items())


def test_code_that_was_changed_is_a_reason_to_live_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    monkeypatch.setattr(studies, "METRIC_MODULES", ("stats/variance.py",))
    assert "  run again: the code that measures was changed" in make()


def test_pages_alone_are_made_from_the_tables_to_the_byte(make: Make, tmp_path: Path) -> None:
    make()
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for path in (tmp_path / "out").glob("*.[ms][dv]*"):
        path.unlink()
    make(run=False)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("values = [10, 20]", "values = [10, 30]", "no run of lifetime = 30, mates = 1"),
        ("replicates = 2", "replicates = 3", "replicate 2"),
        ("replicates = 2", "replicates = 2\nseed = 4", "with the seed that it has now"),
        ("[measures.red]", "[measures.crimson]", "no table of 'tiny'"),
    ],
)
def test_a_table_of_other_runs_is_refused(
    old: str, new: str, message: str, make: Make, tiny: Path
) -> None:
    make()
    changed(tiny, old, new)
    with pytest.raises(EvosimError, match=message):
        make(run=False)


def test_a_study_without_a_table_is_told_how_to_make_it(make: Make) -> None:
    with pytest.raises(EvosimError, match="make it with: evosim study pages"):
        make(run=False)
