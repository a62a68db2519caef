"""What notebooks and the prompt show of scenarios, runs, experiments and studies."""

from __future__ import annotations

import base64
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import evosim
from evosim.api import _html

HOSTILE = "<script>alert('1')</script> & \"x\""
SMALL = {
    "evolution.population": 16,
    "evolution.levels": 1,
    "measure.levels": 1,
    "measure.sample": 16,
    "timeline.0.generations": 2,
    "timeline.1.generations": 2,
    "verdict.resamples": 20,
}


class Balanced(HTMLParser):
    """Refuses tags that are not closed, and collects text and tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Balanced:
    found = Balanced()
    found.feed(text)
    found.close()
    assert not found.open
    assert "script" not in found.tags
    return found


def pictures(text: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r'src="data:[^;]+;base64,([^"]+)"', text)]


def hostile() -> dict[str, object]:
    return {**SMALL, "title": HOSTILE, "question": HOSTILE, "claim": HOSTILE}


def test_a_scenario_shows_its_question_and_a_map() -> None:
    scenario = evosim.check("strawberry", hostile())
    shown = scenario._repr_html_()
    assert read(shown).text.count(HOSTILE) == 3
    (picture,) = pictures(shown)
    ElementTree.fromstring(picture)
    assert "strawberry" in repr(scenario)
    assert len(repr(scenario)) < 200


def test_a_run_shows_its_verdict_and_its_figure(tmp_path: Path) -> None:
    run = evosim.run("strawberry", seed=1, settings=hostile(), out=tmp_path / "<b>", figures=False)
    shown = run._repr_html_()
    found = read(shown)
    assert HOSTILE in found.text
    assert run.verdict in found.text
    assert str(run.path) in found.text
    assert not pictures(shown)
    (file,) = run.plot.alignment_all(formats=["svg"])
    assert pictures(run._repr_html_()) == [file.read_bytes()]
    assert "strawberry, seed 1, 1 replicate>" in repr(run)


def test_a_run_that_is_not_complete_shows_how_to_go_on(tmp_path: Path) -> None:
    whole = evosim.run("strawberry", seed=1, settings=SMALL, out=tmp_path / "a", figures=False)
    whole.summary_path.unlink()
    assert f'evosim.resume("{whole.path}")' in read(whole._repr_html_()).text
    assert "not complete" in repr(whole)
    whole.summary_path.write_text("{")
    assert "no intervals" in read(whole._repr_html_()).text  # made again from the data


def test_an_experiment_shows_its_findings(tmp_path: Path) -> None:
    done = evosim.experiment(
        "strawberry",
        seed=1,
        replicates=1,
        settings=SMALL,
        out=tmp_path / "a",
        workers=1,
        figures=False,
    )
    found = read(done._repr_html_())
    assert done.verdict in found.text
    assert "effect, sham" in found.text
    assert "effect, sham" in repr(done)
    done.summary_path.unlink()
    shutil.rmtree(done.arms["sham"].path / "figures", ignore_errors=True)
    assert "not complete" in read(done._repr_html_()).text
    assert "not complete" in repr(done)


STUDY = """
id = "s"
title = "<i>s</i>"
question = "?"
scenario = "strawberry"
set = [{sets}]
design = "grid"
replicates = 1
seed = 1
[parameters.patience]
label = "patience"
key = "agent.patience"
values = [0.8, 0.9]
[measures.alignment]
label = "alignment"
measure = "alignment"
"""


def test_a_study_shows_how_far_it_is(tmp_path: Path) -> None:
    sets = ", ".join(f'"{key}={value}"' for key, value in SMALL.items())
    (tmp_path / "s.toml").write_text(STUDY.format(sets=sets))
    done = evosim.run_study(
        tmp_path / "s.toml", out=tmp_path / "a", workers=1, figures=False, progress=False
    )
    found = read(done._repr_html_())
    assert "<i>s</i>" in found.text
    assert "2 of 2 runs complete" in found.text
    assert done.text in found.text
    assert "2 of 2 runs complete" in repr(done)
    shutil.rmtree(tmp_path / "a" / "runs")
    done.reindex()
    assert "0 of 2 runs complete" in read(done._repr_html_()).text


def test_a_picture_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "flip.svg").write_bytes(b" " * (_html.LARGEST + 1))
    (tmp_path / "flip.png").write_bytes(b"png")
    found = _html._thumbnail([tmp_path / "flip.svg", tmp_path / "flip.png"])
    assert pictures(found) == [b"png"]
