"""Confirmation: what was frozen is lived once more, on another seed, and nothing else is."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_experiment import EXPERIMENT, Gallery

from evosim.cli.commands import cli
from evosim.errors import EvosimError
from evosim.execution.stop import Interrupted, Stop
from evosim.gallery import confirmation, making, pages, record
from evosim.scenario import words


@pytest.fixture
def again(whole: Gallery, tmp_path: Path) -> Gallery:
    """A copy of the tiny gallery, to be changed."""
    shutil.copytree(whole.folder, tmp_path / "again")
    return Gallery(tmp_path / "again")


def freeze(gallery: Gallery) -> confirmation.Frozen:
    making.freeze([str(gallery.source)], out=gallery.out, report=gallery.reported.append)
    return confirmation.read(gallery.out)[-1]


def confirm(gallery: Gallery) -> None:
    gallery.reported.clear()
    making.make(
        [str(gallery.source)], out=gallery.out, work=gallery.work, workers=1, progress=False,
        report=gallery.reported.append, confirm=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def confirmed(made_gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The tiny gallery, frozen and confirmed; to be read only."""
    folder = tmp_path_factory.mktemp("confirmed") / "gallery"
    shutil.copytree(made_gallery.folder, folder)
    gallery = Gallery(folder)
    freeze(gallery)
    confirm(gallery)
    return gallery


def test_freezing_writes_the_hashes_and_a_seed_that_is_made_of_them(again: Gallery) -> None:
    frozen = freeze(again)
    assert frozen.scenarios == {"tiny": words.promise(again.source.read_text())}
    assert f"seed of the confirmation: {frozen.seed}." in again.reported[-1]
    assert 1 < frozen.seed < 2**48
    (again.out / confirmation.FILES[False]).unlink()
    assert freeze(again) == frozen
    (again.out / confirmation.FILES[False]).unlink()
    again.edit("above   = 0.1", "above   = 0.05")
    again.make()
    assert freeze(again).seed != frozen.seed


def test_what_is_frozen_is_not_frozen_again(again: Gallery) -> None:
    freeze(again)
    with pytest.raises(EvosimError, match=r"frozen already; .* remove it and every \*\.confirm"):
        freeze(again)


def test_scenarios_that_come_later_are_frozen_with_a_seed_of_their_own(again: Gallery) -> None:
    before = freeze(again)
    other = again.folder / "other.toml"
    other.write_text(again.source.read_text().replace('"tiny"', '"other"'))
    making.make([str(other)], out=again.out, work=again.work, workers=1, progress=False)
    again.edit('expected = "A collapse."', 'expected = "No collapse."')  # frozen: not frozen anew
    making.freeze([str(again.source), str(other)], out=again.out, report=again.reported.append)
    assert "1 scenario frozen" in again.reported[-1]
    first, second = confirmation.read(again.out)
    assert first == before
    assert second.scenarios.keys() == {"other"}
    assert second.seed != first.seed
    assert confirmation.seeds_of(again.out, {"other": other.read_text()}) == {"other": second.seed}
    with pytest.raises(EvosimError, match="tiny: was changed since what was frozen"):
        confirm(again)


def test_what_was_not_run_as_it_is_cannot_be_frozen(again: Gallery) -> None:
    again.edit("above   = 0.1", "above   = 0.2")
    with pytest.raises(EvosimError, match="tiny: the scenario was changed after its record was"):
        freeze(again)
    (again.out / "tiny.json").unlink()
    with pytest.raises(EvosimError, match="no record of 'tiny'"):
        freeze(again)
    assert not (again.out / confirmation.FILES[False]).exists()


def test_a_confirmation_is_lived_on_the_frozen_seed_and_leaves_the_exploratory_record(
    confirmed: Gallery, whole: Gallery
) -> None:
    (frozen,) = confirmation.read(confirmed.out)
    found = confirmation.record_of(confirmed.out, "tiny")
    assert found is not None
    assert confirmed.files["tiny.json"] == whole.files["tiny.json"]
    assert (found["seed"], found["promise"]) == (frozen.seed, frozen.scenarios["tiny"])
    assert found["command"] == f"evosim run tiny --arms --seed {frozen.seed}"
    assert (found["replicates"], found["tuned"]) == (6, None)
    mine, other = (one["findings"][0]["terms"][0]["columns"] for one in (found, whole.record))
    assert mine != other
    assert [f["threshold"] for f in found["findings"]] == [
        f["threshold"] for f in whole.record["findings"]
    ]


def test_a_page_and_the_index_show_both_verdicts(confirmed: Gallery) -> None:
    found = confirmation.record_of(confirmed.out, "tiny")
    assert found is not None
    text = confirmed.files["tiny.md"].decode()
    first, again = confirmed.record["findings"][0], found["findings"][0]
    row = f"| above 0.1 | **{pages.shown(first)}** | supported | **{pages.shown(again)}** |"
    assert row in text
    assert f"    {found['command']}\n" in text
    index = confirmed.files["README.md"].decode()
    assert f"on a seed never used ({found['seed']}): 1 supported, 0 undecided, 0 refuted." in index
    for target in re.findall(r"\]\(([^)#]+)\)", text + index):
        if not target.startswith("../"):
            assert (confirmed.out / target).is_file(), target


def test_the_claims_that_the_confirmation_does_not_bear_out_come_first(confirmed: Gallery) -> None:
    found = confirmation.record_of(confirmed.out, "tiny")
    assert found is not None

    def made(name: str, verdict: str, of: record.Record) -> record.Record:
        return {**copy.deepcopy(of), "scenario": name, "verdict": verdict}

    verdicts = {"a": ("supported", "supported"), "b": ("supported", "refuted"),
                "c": ("undecided", "supported"), "d": ("refuted", "supported")}  # fmt: skip
    text = pages.index(
        [made(name, first, confirmed.record) for name, (first, _) in verdicts.items()],
        [made(name, second, found) for name, (_, second) in verdicts.items()],
    )
    rows = re.findall(r"^\| \[(\w)\]\(\1\.md\) \| (\S+) \| (\S+) \|", text, re.MULTILINE)
    assert rows == [
        ("b", "supported", "**refuted**"), ("d", "**refuted**", "supported"),
        ("c", "**undecided**", "supported"), ("a", "supported", "supported"),
    ]  # fmt: skip
    page = pages.page(confirmed.record, made("tiny", "refuted", found))
    assert "the claim is **refuted**, and not as before" in page


def test_what_was_confirmed_is_not_lived_again(confirmed: Gallery) -> None:
    files = confirmed.files
    shutil.rmtree(confirmed.work)
    confirm(confirmed)
    assert "  was confirmed: it is lived once" in confirmed.reported
    assert confirmed.files == files
    assert not (confirmed.work / "tiny.confirm").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("above   = 0.1", "above   = 0.05"),
        ("replicates = 6", "replicates = 5"),
        ("lifetime = 20", "lifetime = 15"),
        ('set   = ["timeline.1.train=before"]', "set   = []"),
        ("Fruit that no longer feeds is still eaten.", "Fruit is eaten."),
        ("capability does not", "capability stays"),
        ('expected = "A collapse."', 'expected = "No collapse."'),
    ],
)
def test_what_was_changed_after_it_was_frozen_is_refused_before_anything_is_run(
    old: str, new: str, again: Gallery
) -> None:
    freeze(again)
    again.edit(old, new)
    with pytest.raises(EvosimError, match="tiny: was changed since what was frozen"):
        confirm(again)
    assert not (again.work / "tiny.confirm").exists()
    assert not confirmation.file_of(again.out, "tiny").exists()


def test_one_that_was_not_frozen_is_refused(again: Gallery) -> None:
    freeze(again)
    other = again.folder / "other.toml"
    other.write_text(EXPERIMENT.replace('"tiny"', '"other"'))
    with pytest.raises(EvosimError, match="other: is not among what was frozen"):
        making.make([str(other)], out=again.out, work=again.work, confirm=True)


def test_what_was_found_can_still_be_written(confirmed: Gallery, tmp_path: Path) -> None:
    shutil.copytree(confirmed.folder, tmp_path / "again")
    again = Gallery(tmp_path / "again")
    before = confirmation.record_of(again.out, "tiny")
    assert before is not None
    again.edit('expected = "A collapse."', 'expected = "A collapse."\nfound = "A loss."')
    making.make_pages([str(again.source)], out=again.out, report=again.reported.append)
    assert confirmation.record_of(again.out, "tiny") == {**before, "found": "A loss."}
    text = again.files["tiny.md"].decode()
    assert "## Found\n\nA loss." in text
    assert "## Confirmation" in text
    assert words.promise(again.source.read_text()) == before["promise"]


def test_a_confirmation_of_another_version_is_not_shown(confirmed: Gallery, tmp_path: Path) -> None:
    shutil.copytree(confirmed.folder, tmp_path / "again")
    again = Gallery(tmp_path / "again")
    again.edit("above   = 0.1", "above   = 0.2")
    again.make()
    assert "## Confirmation" not in again.files["tiny.md"].decode()
    assert "Confirmation" not in again.files["README.md"].decode()


@pytest.mark.slow
def test_one_that_was_stopped_goes_on_to_the_same_end(
    confirmed: Gallery, again: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(again)
    with monkeypatch.context() as stopped:
        stopped.setattr(Stop, "__call__", lambda self: True)
        with pytest.raises(Interrupted, match=r"Continue with: evosim gallery .*--confirm"):
            confirm(again)
    assert (again.work / "tiny.confirm" / "experiment.json").is_file()
    confirm(again)
    assert not any("run again" in line for line in again.reported)
    assert again.files["tiny.confirm.json"] == confirmed.files["tiny.confirm.json"]


def test_nothing_is_confirmed_that_was_not_frozen(again: Gallery) -> None:
    with pytest.raises(EvosimError, match="nothing is frozen, so nothing can be confirmed"):
        confirm(again)
    (again.out / confirmation.FILES[False]).write_text(json.dumps([{"seed": 3}]))
    with pytest.raises(EvosimError, match=r"frozen\.json is damaged: 'scenarios'"):
        confirm(again)


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--freeze", "--confirm"], "one of them"), (["--confirm", "--pages-only"], "one of them"),
     (["--freeze", "foraging"], "name none")],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(options: list[str], message: str) -> None:
    refused = CliRunner().invoke(cli, ["gallery", *options])
    assert refused.exit_code == 2
    assert message in refused.stderr
