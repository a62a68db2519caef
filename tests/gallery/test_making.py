"""Making the gallery: what is run, what is left alone, what is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny_experiment import BARE, EXPERIMENT, Gallery, tiny_gallery

from evosim.errors import EvosimError
from evosim.execution.stop import Interrupted, Stop
from evosim.gallery import making


@pytest.fixture
def again(whole: Gallery, tmp_path: Path) -> Gallery:
    """A copy of the tiny gallery, to be changed."""
    shutil.copytree(whole.folder, tmp_path / "again")
    return Gallery(tmp_path / "again")


def data_of(gallery: Gallery) -> dict[str, int]:
    """When the data of each run was written, in nanoseconds."""
    runs = sorted((gallery.work / "tiny" / "arms").iterdir())
    return {run.name: (run / "run.nc").stat().st_mtime_ns for run in runs}


def test_a_scenario_gets_a_record_a_page_and_its_figures(whole: Gallery) -> None:
    assert sorted(whole.files) == [
        "README.md", "tiny-course.svg", "tiny-maps.svg", "tiny-tuned.svg",
        "tiny-world.svg", "tiny.json", "tiny.md", "tiny.svg",
    ]  # fmt: skip
    assert whole.record["verdict"] == "supported"
    assert whole.record["replicates"] == 6


def test_what_is_told_says_which_scenario_how_many_are_left_and_how_long_it_took(
    whole: Gallery,
) -> None:
    assert whole.reported[0] == "tiny (1 of 1, 0 left after it): Tiny"
    assert whole.reported[1].startswith("  supported, ")
    assert whole.reported[1].endswith(" s")
    assert whole.reported[2].startswith("1 scenario, ")


def test_a_complete_experiment_is_left_alone_and_the_files_are_the_same(again: Gallery) -> None:
    files, data = again.files, data_of(again)
    shutil.rmtree(again.out)
    again.make()
    assert "  was complete" in again.reported
    assert (again.files, data_of(again)) == (files, data)


@pytest.mark.slow
def test_a_changed_world_is_run_again_and_told(again: Gallery) -> None:
    data, before = data_of(again), again.record
    again.edit("lifetime = 20", "lifetime = 15")
    again.make()
    assert "  run again: the scenario or its arms were changed" in again.reported[1]
    assert all(data_of(again)[name] > data[name] for name in data)
    assert again.record["findings"] != before["findings"]


def test_a_changed_finding_is_settled_again_from_the_runs_there_are(again: Gallery) -> None:
    data = data_of(again)
    again.edit("above   = 0.1", "above   = 1.5")
    again.make()
    assert again.reported[1] == "  evaluated again: its findings or its words were changed"
    assert again.record["verdict"] == "refuted"
    assert again.record["findings"][0]["threshold"] == {"above": 1.5}
    assert data_of(again) == data
    again.make()
    assert again.reported[1] == "  was complete"


def test_changed_words_are_told_and_nothing_is_run_again(again: Gallery) -> None:
    data = data_of(again)
    again.edit('expected = "A collapse."', 'expected = "A loss."')
    again.make()
    assert again.reported[1] == "  evaluated again: its findings or its words were changed"
    assert again.record["expected"] == "A loss."
    assert data_of(again) == data


def test_pages_alone_take_changed_words_into_the_record(again: Gallery) -> None:
    before = again.record
    again.edit('expected = "A collapse."', 'expected = "A collapse."\nfound = "A loss."')
    making.make_pages([str(again.source)], out=again.out, report=again.reported.append)
    assert again.record == {**before, "found": "A loss."}
    assert "## Found\n\nA loss." in again.files["tiny.md"].decode()


@pytest.mark.slow
def test_changed_code_is_reason_to_live_again(
    again: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = making.depends
    monkeypatch.setattr(making, "depends", lambda scenario: {**found(scenario), "code": "other"})
    files = again.files
    again.make()
    assert again.reported[1] == "  run again: the code that runs it was changed"
    assert again.files == files


@pytest.mark.slow
def test_runs_of_unknown_origin_are_run_again(again: Gallery) -> None:
    (again.work / "tiny.json").unlink()
    again.make()
    assert again.reported[1] == "  run again: it is not known what it was run with"


@pytest.mark.slow
def test_one_that_was_stopped_goes_on_to_the_same_end(
    whole: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = tiny_gallery(tmp_path)
    with monkeypatch.context() as stopped:
        stopped.setattr(Stop, "__call__", lambda self: True)
        with pytest.raises(Interrupted, match="stopped at tiny, 0 left after it"):
            gallery.make()
    assert (gallery.work / "tiny" / "experiment.json").is_file()
    assert not any(gallery.out.iterdir())
    gallery.make()
    assert not any("run again" in line for line in gallery.reported)
    assert gallery.files == whole.files


def test_a_folder_that_is_no_experiment_is_not_removed(tmp_path: Path) -> None:
    gallery = tiny_gallery(tmp_path)
    mine = gallery.work / "tiny" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    with pytest.raises(EvosimError, match="it is no experiment; choose another place with work="):
        gallery.make()
    assert mine.read_text() == "precious"


def test_a_scenario_without_an_experiment_is_left_out_and_told(again: Gallery) -> None:
    bare = again.folder / "bare.toml"
    bare.write_text(BARE.replace('"tiny"', '"bare"'))
    again.make(str(bare), str(again.source))
    assert again.reported[0] == "bare: left out, it has no [experiment]"
    assert again.reported[1].startswith("tiny (1 of 1, ")


def test_one_that_fails_does_not_keep_the_others_from_being_made(
    again: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = again.folder / "other.toml"
    other.write_text(EXPERIMENT.replace('"tiny"', '"other"'))
    completed = making._complete_experiment

    def fail(scenario, *args, **options):
        if scenario.id == "other":
            raise EvosimError("no luck")
        return completed(scenario, *args, **options)

    monkeypatch.setattr(making, "_complete_experiment", fail)
    shutil.rmtree(again.out)
    with pytest.raises(EvosimError, match="1 scenario failed\nother: no luck"):
        again.make(str(other), str(again.source))
    assert again.record["verdict"] == "supported"
    assert "other.md" not in (again.out / "README.md").read_text()


def test_a_mistake_in_a_scenario_is_told_before_anything_is_run(tmp_path: Path) -> None:
    gallery = tiny_gallery(tmp_path)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(EXPERIMENT.replace("rows = 3", "rows = 0"))
    with pytest.raises(EvosimError, match=r"world\.rows"):
        gallery.make(str(gallery.source), str(wrong))
    assert not gallery.work.exists()


def test_pages_alone_come_out_the_same_from_the_records(again: Gallery) -> None:
    files = again.files
    for path in again.out.iterdir():
        if path.suffix != ".json":
            path.unlink()
    shutil.rmtree(again.work)
    making.make_pages([str(again.source)], out=again.out, report=again.reported.append)
    assert again.files == files
    assert not again.work.exists()


@pytest.mark.slow
def test_a_figure_that_a_record_no_longer_has_is_removed(again: Gallery) -> None:
    text = again.source.read_text()
    again.source.write_text(text.partition("[experiment.tuned]")[0])
    again.make()
    assert "tiny-tuned.svg" not in again.files
    assert "The experiment varies no value" in (again.out / "tiny.md").read_text()


def test_pages_of_a_scenario_that_was_changed_since_are_refused(again: Gallery) -> None:
    again.edit("lifetime = 20", "lifetime = 15")
    with pytest.raises(EvosimError, match="tiny: the scenario was changed after its record was"):
        making.make_pages([str(again.source)], out=again.out, report=again.reported.append)


def test_where_there_are_no_records_there_are_no_pages(tmp_path: Path) -> None:
    with pytest.raises(EvosimError, match="no records to make pages from"):
        making.make_pages(out=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_run(
    again: Gallery,
) -> None:
    before = data_of(again)
    again.edit("lifetime = 20", "lifetime = 15")
    with pytest.raises(EvosimError, match="cannot make"):
        making.make([str(again.source)], out=again.source / "below", work=again.work)
    assert data_of(again) == before


def test_what_goes_on_names_the_folders_that_are_not_the_usual_ones() -> None:
    usual = making._command(["tiny"], making.OUT, making.WORK)
    assert usual == "evosim gallery tiny"
    other = making._command([], Path("Pages of mine"), making.WORK)
    assert other == "evosim gallery '--out=Pages of mine'"
