"""The gallery over worlds: records, frozen families, the line on a page and in the index."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_experiment import Gallery

from evosim.cli.commands import cli
from evosim.errors import EvosimError
from evosim.execution.stop import Interrupted, Stop
from evosim.gallery import confirmation, making, record

FAMILY = """
[family]
worlds     = 3
replicates = 2

[[family.draw]]
key     = "world.slip"
uniform = [0.0, 0.4]
"""


def make(gallery: Gallery, *, pilot: int = 0, confirm: bool = False) -> None:
    gallery.reported.clear()
    making.make(
        [str(gallery.source)], out=gallery.out, work=gallery.work, workers=1, progress=False,
        report=gallery.reported.append, worlds=True, pilot=pilot, confirm=confirm,
    )  # fmt: skip


def freeze(gallery: Gallery) -> confirmation.Frozen:
    making.freeze(
        [str(gallery.source)], out=gallery.out, report=gallery.reported.append, worlds=True
    )
    return confirmation.read(gallery.out, worlds=True)[-1]


def with_family(made: Gallery, folder: Path) -> Gallery:
    shutil.copytree(made.folder, folder)
    gallery = Gallery(folder)
    gallery.source.write_text(gallery.source.read_text() + FAMILY)
    return gallery


@pytest.fixture(scope="module")
def done(made_gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The tiny gallery over three worlds, exploratory and then confirmed; to be read only."""
    gallery = with_family(made_gallery, tmp_path_factory.mktemp("worlds") / "gallery")
    make(gallery)
    freeze(gallery)
    make(gallery, confirm=True)
    return gallery


@pytest.fixture
def again(done: Gallery, tmp_path: Path) -> Gallery:
    """A copy, to be changed."""
    shutil.copytree(done.folder, tmp_path / "again")
    return Gallery(tmp_path / "again")


def test_a_record_over_worlds_has_effects_shares_and_what_was_drawn(done: Gallery) -> None:
    first, second = (
        confirmation.record_of(done.out, "tiny", worlds=True, confirm=confirm)
        for confirm in (False, True)
    )
    assert first is not None
    assert second is not None
    (frozen,) = confirmation.read(done.out, worlds=True)
    assert (first["seed"], second["seed"]) == (record.SEED, frozen.seed)
    assert second["command"] == f"evosim run tiny --worlds 3 --seed {frozen.seed}"
    assert len(set(first["drawn"]["world.slip"])) == 3
    assert first["drawn"] != second["drawn"]
    for finding in first["findings"]:
        assert [len(row) for row in finding["worlds"]["effects"]] == [2, 2, 2]
        assert set(finding["worlds"]) == {
            "effects", "share", "holds", "of", "between", "within", "predictor"
        }  # fmt: skip


def test_a_page_and_the_index_say_in_how_many_worlds(done: Gallery) -> None:
    found = confirmation.record_of(done.out, "tiny", worlds=True)
    assert found is not None
    here = found["findings"][0]["worlds"]
    page, index = (done.files[name].decode() for name in ("tiny.md", "README.md"))
    share = f"{here['holds']} of 3 worlds [{here['share']['interval'][0]:.3g}, 1]"
    assert f": holds in {share}; effect " in page
    assert f"over the family the claim is **{found['verdict']}** (the family was frozen" in page
    assert "(tiny-family.svg)" in page
    assert page.count("| effect over worlds |") == 2
    assert page.count("worlds are the only ones of their kind") == 2
    assert f"| {found['verdict']} | {here['holds']} of 3 [" in index
    assert "1 claim tested in the worlds of a family" in index
    assert done.files["tiny-family.svg"]


def test_a_page_without_worlds_says_so(whole: Gallery) -> None:
    assert "**Over worlds**: not known." in whole.files["tiny.md"].decode()
    assert "over worlds" not in whole.files["README.md"].decode()
    assert "tiny-family.svg" not in whole.files


def test_a_pilot_keeps_no_record(whole: Gallery, tmp_path: Path) -> None:
    gallery = with_family(whole, tmp_path / "pilot")
    before = gallery.files
    make(gallery, pilot=2)
    assert gallery.files == before
    assert any("over 2 worlds x 2 replicates" in line for line in gallery.reported)
    make(gallery, pilot=2)
    assert "  was complete" in gallery.reported
    make(gallery, pilot=3)
    assert "  run again: it was run in another number of worlds" in gallery.reported


def test_what_was_confirmed_is_not_run_again(again: Gallery) -> None:
    shutil.rmtree(again.work)
    before = again.files
    make(again, confirm=True)
    assert "  was confirmed: it is lived once" in again.reported
    assert again.files == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("uniform = [0.0, 0.4]", "uniform = [0.0, 0.5]"),
        ("worlds     = 3", "worlds     = 4"),
        ("replicates = 2", "replicates = 1"),
        ("above   = 0.1", "above   = 0.05"),
        ("lifetime = 20", "lifetime = 15"),
    ],
)
def test_a_family_that_was_changed_after_it_was_frozen_is_refused(
    old: str, new: str, again: Gallery
) -> None:
    again.edit(old, new)
    with pytest.raises(EvosimError, match="tiny: was changed since what was frozen"):
        make(again, confirm=True)


def test_what_is_secondary_is_not_run_over_worlds_and_pages_are_made(
    whole: Gallery, tmp_path: Path
) -> None:
    gallery = with_family(whole, tmp_path / "again")
    gallery.edit("below   = 0.3", "below   = 0.3\nsecondary = true")
    gallery.make()
    make(gallery)
    found = confirmation.record_of(gallery.out, "tiny", worlds=True, confirm=False)
    assert found is not None
    assert len(found["findings"]) == 1
    before = gallery.files
    making.make_pages([str(gallery.source)], out=gallery.out, report=gallery.reported.append)
    assert gallery.files == before


def test_pages_alone_come_out_the_same_and_a_stale_family_is_told(again: Gallery) -> None:
    before = again.files
    making.make_pages([str(again.source)], out=again.out, report=again.reported.append)
    assert again.files == before
    again.edit("uniform = [0.0, 0.4]", "uniform = [0.0, 0.5]")
    with pytest.raises(EvosimError, match="tiny: its family was changed after its record"):
        making.make_pages([str(again.source)], out=again.out, report=again.reported.append)


def test_frozen_families_that_are_damaged_or_lacking_are_told(again: Gallery) -> None:
    path = again.out / confirmation.FILES[True]
    with pytest.raises(EvosimError, match=r"frozen already; .* \*\.worlds\.confirm\.json"):
        freeze(again)
    path.write_text(json.dumps([{"seed": 3}]))
    with pytest.raises(EvosimError, match=r"families\.json is damaged: 'scenarios'"):
        make(again, confirm=True)
    path.unlink()
    with pytest.raises(EvosimError, match=r"nothing is frozen.* --freeze --worlds"):
        make(again, confirm=True)


def test_a_scenario_without_a_family_is_left_out(whole: Gallery, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "again")
    gallery = Gallery(tmp_path / "again")
    make(gallery)
    assert "tiny: left out, it has no [family]" in gallery.reported


@pytest.mark.slow
def test_one_that_was_stopped_goes_on_to_the_same_end(
    done: Gallery, again: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "tiny.worlds.confirm"
    (again.out / f"{name}.json").unlink()
    shutil.rmtree(again.work / name)
    with monkeypatch.context() as stopped:
        stopped.setattr(Stop, "__call__", lambda self: True)
        with pytest.raises(Interrupted, match=r"evosim gallery .*--worlds --confirm"):
            make(again, confirm=True)
    make(again, confirm=True)
    assert again.files[f"{name}.json"] == done.files[f"{name}.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--pilot", "2"], "--worlds alone"), (["--worlds", "--pages-only"], "no --worlds"),
     (["--worlds", "--pilot", "2", "--confirm"], "--worlds alone")],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(options: list[str], message: str) -> None:
    refused = CliRunner().invoke(cli, ["gallery", *options])
    assert refused.exit_code == 2
    assert message in refused.stderr
