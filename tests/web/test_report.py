"""Reports of a run, an experiment and a study: what they say, that they are safe and alone."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from browser import Browser, Page, needs_browser
from click.testing import CliRunner
from tiny_experiment import EXPERIMENT

import evosim
from evosim import scenario as scenarios
from evosim.cli import cli
from evosim.errors import EvosimError
from evosim.gallery import record
from evosim.web import of_experiment, of_run, parts, words

HOSTILE = "</script><img src=x onerror=document.title='gone'>"
STUDY = """
id         = "small"
title      = "A small study"
scenario   = "tiny.toml"
replicates = 2
seed       = 3
design     = "grid"

[parameters.patience]
label  = "patience"
key    = "agent.patience"
values = [0.5, 0.9]

[measures.alignment]
label   = "alignment"
measure = "alignment"
above   = 0.5
"""


@pytest.fixture(scope="session")
def hostile_run(
    tmp_path_factory: pytest.TempPathFactory, small_settings: dict[str, int]
) -> evosim.Run:
    """A run whose scenario's words would all run a script, were they not escaped."""
    words = dict.fromkeys(("title", "question", "claim", "source", "expected", "found"), HOSTILE)
    read = evosim.load("contraception", {**small_settings, "environments.modern.title": HOSTILE})
    hostile = scenarios.from_dict({**read.to_dict(), **words})
    folder = tmp_path_factory.mktemp("hostile") / "run"
    return evosim.run(
        hostile, seed=1, out=folder, figures=False, workers=1, command=f"evosim run {HOSTILE}"
    )


@pytest.fixture(scope="session")
def report(hostile_run: evosim.Run) -> Path:
    return hostile_run.report()


@pytest.fixture(scope="session")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> evosim.Experiment:
    folder = tmp_path_factory.mktemp("experiment")
    read = scenarios.loads(EXPERIMENT, "tiny.toml")
    return evosim.experiment(
        read, seed=1, replicates=2, out=folder / "arms", figures=False, workers=1
    )


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> evosim.Study:
    from evosim.testing import TINY

    folder = tmp_path_factory.mktemp("study")
    (folder / "tiny.toml").write_text(TINY)
    (folder / "small.toml").write_text(STUDY)
    return evosim.run_study(folder / "small.toml", out=folder / "study", workers=1, figures=False)


@pytest.fixture
def shown(browser: Browser, report: Path) -> Page:
    return drawn(browser.open(report.as_uri()))


def drawn(page: Page) -> Page:
    """A page whose moving parts are there."""
    page.wait("'drawn' in document.body.dataset")
    return page


# What it says


def test_the_numbers_are_those_of_the_summary(small_run: evosim.Run) -> None:
    summary = small_run.summary
    flip = words.flip(summary["flips"][0], summary, small_run.scenario)
    alignment = next(card for card in flip["cards"] if card["name"] == "alignment")
    found = summary["flips"][0]
    assert [alignment["before"], alignment["after"]] == [
        f"{found[f'alignment_{side}']:.2f}".replace("-", "\u2212") for side in ("before", "after")
    ]
    assert alignment["outcome"] in (found["alignment"], "in between")


@pytest.mark.parametrize("measure", ["capability", "alignment", "reward", "payoff"])
@pytest.mark.parametrize("outcome", ["kept", "lost", "between", "nothing to lose", "undefined"])
def test_every_outcome_has_a_sentence(small_run: evosim.Run, measure: str, outcome: str) -> None:
    summary = small_run.summary
    found = {**summary["flips"][0], measure: outcome}
    card = words._card(measure, found, "children", ".2f")
    assert card["sentence"].endswith(".")
    assert "{" not in card["sentence"]


def test_the_lives_are_of_one_individual_on_one_level(small_run: evosim.Run) -> None:
    (group,) = of_run.lives_of(small_run)
    before, after = group["lives"]
    assert [before["title"], after["title"]] == ["before the pill", "the pill is approved"]
    assert before["level"] == after["level"]
    assert "generation 3: the median by score" in group["words"]
    scores = small_run.data["score"].values[0, 3]
    number = int(re.search(r"Individual (\d+)", group["words"])[1])
    assert sorted(scores).index(scores[number]) <= (len(scores) - 1) // 2


def test_a_summary_alone_makes_a_page(small_run: evosim.Run) -> None:
    page = of_run.render(small_run.summary, small_run.scenario)
    assert "The pill" in page
    assert "<h2>Figures" not in page


def test_a_record_of_the_gallery_makes_a_page(experiment: evosim.Experiment) -> None:
    made = record.record_of(experiment.summary, EXPERIMENT)
    page = of_experiment.render(json.loads(record.to_text(made)))
    assert "alignment collapses when fruit stops feeding" in page
    assert "evosim run tiny --arms --seed 1" in page


def test_lines_between_distant_generations_are_dotted_and_said_to_be_empty(
    experiment: evosim.Experiment,
) -> None:
    near = json.loads(record.to_text(record.record_of(experiment.summary, EXPERIMENT)))
    far = json.loads(json.dumps(near))
    for course in far["courses"]:
        for arm in course["arms"].values():
            arm["generations"] = [40 * g for g in arm["generations"]]
    for made, sparse in ((near, False), (far, True)):
        for chart in of_experiment.courses(made)[0]["charts"]:
            assert all(("dash" in one) is sparse for one in chart["series"])
            assert not (sparse and any("low" in one for one in chart["series"]))
        assert ("say nothing of what lies between" in of_experiment.render(made)) is sparse


def test_all_that_a_run_without_flips_has_is_shown(
    small_settings: dict[str, int], tmp_path: Path
) -> None:
    changed = {**small_settings, "timeline.1.train": "ancestral"}
    run = evosim.run(
        "contraception", seed=1, settings=changed, figures=False, workers=1, out=tmp_path / "run"
    )
    page = run.report(tmp_path / "run.html").read_text()
    assert "No flip: nothing to judge" in page
    assert "One life in “before the pill”" in page


def test_figures_have_ids_of_their_own_and_text_as_text(report: Path) -> None:
    page = report.read_text()
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids)) > 20
    used = set(re.findall(r'xlink:href="#([^"]*)"|url\(#([^)]*)\)', page))
    assert {a or b for a, b in used} <= set(ids)
    assert re.search(r"<text[^>]*>generation</text>", page)
    assert "<style" not in page.split("</head>")[1]


def test_svg_of_elsewhere_cannot_run_or_ask() -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        b'viewBox="0 0 10 10"><script>alert(1)</script><style>*{}</style>'
        b'<g id="a" onclick="alert(1)"><image xlink:href="https://example.org/x.png"/>'
        b'<use xlink:href="#a"/><text>&lt;b&gt; a <tspan>b</tspan></text></g></svg>'
    )
    made = str(parts.embedded(svg, "drift", "x"))
    assert "alert" not in made
    assert "example.org" not in made
    assert "<style" not in made
    assert '<g id="drift-a">' in made
    assert '<use xlink:href="#drift-a"/>' in made
    assert "<text>&lt;b&gt; a <tspan>b</tspan></text>" in made


def test_the_file_is_small_enough_to_be_mailed(report: Path) -> None:
    assert report.stat().st_size < 2**20


def test_the_report_is_the_same_to_the_byte(
    hostile_run: evosim.Run, report: Path, tmp_path: Path
) -> None:
    assert hostile_run.report(tmp_path / "again.html").read_bytes() == report.read_bytes()


# In a browser


@needs_browser
def test_hostile_words_stay_words(shown: Page) -> None:
    assert shown.evaluate("document.title") == f"{HOSTILE}: report"
    assert shown.evaluate("document.querySelector('h1').textContent") == HOSTILE
    assert shown.evaluate("document.images.length") == 0
    assert shown.evaluate("[...document.querySelectorAll('pre')].at(-1).textContent") == (
        f"evosim run {HOSTILE}"
    )


@needs_browser
def test_nothing_is_asked_for_and_nothing_is_blocked(shown: Page) -> None:
    assert len(shown.requests) >= 1
    assert shown.outside == []
    assert shown.problems == []


@needs_browser
def test_the_policy_lets_nothing_else_run_or_ask(shown: Page) -> None:
    shown.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        "document.body.append(s); document.body.insertAdjacentHTML('beforeend',"
        "'<img src=http://127.0.0.1:9/x.png>'); })()"
    )
    assert shown.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in shown.problems)


@needs_browser
def test_lives_and_curves_work_by_keyboard_alone(shown: Page) -> None:
    wanted = {"INPUT": False, "DIV": False}
    for _ in range(60):
        shown.press("Tab")
        tag, role = shown.evaluate(
            "[document.activeElement.tagName, document.activeElement.getAttribute('role')]"
        )
        if tag == "INPUT":
            shown.press("Home")
            shown.press("ArrowRight")
            wanted[tag] = shown.evaluate("document.activeElement.value") == "1"
        elif role == "slider":
            shown.press("Home")
            words = shown.evaluate("document.activeElement.ariaValueText")
            wanted[tag] = words.startswith("generation 0")
    assert all(wanted.values())


@needs_browser
def test_another_chart_can_be_chosen(shown: Page) -> None:
    shown.focus("[data-charts='1'] select")
    before = shown.evaluate("document.querySelector('[data-charts=\"1\"] .curves').ariaLabel")
    shown.press("ArrowDown")
    after = shown.evaluate("document.querySelector('[data-charts=\"1\"] .curves').ariaLabel")
    assert [before, after] == ["drives", "children, a life"]


@needs_browser
def test_data_are_shown_and_saved_as_csv(
    shown: Page, hostile_run: evosim.Run, tmp_path: Path
) -> None:
    shown.click("[data-tables] summary")
    cells = shown.wait("document.querySelectorAll('[data-tables] tbody tr').length")
    assert cells == 200 or cells > 20
    shown.evaluate("(() => { evosim.download = (...all) => { window.saved = all; }; })()")
    shown.click("[data-tables] .save")
    name, kind, text = shown.evaluate("window.saved")
    assert (name, kind) == ("contraception.csv", "text/csv")
    lines = text.splitlines()
    whole = evosim.export_courses(hostile_run, tmp_path / "all.csv", measures=["alignment"])
    assert lines[0] == whole.read_text().splitlines()[0]

    def numbers(rows: list[str]) -> list[tuple[str, str, str, float]]:
        split = [row.split(",") for row in rows]
        return [(a, b, c, float(e)) for a, b, c, d, e in split if d == "alignment" and e]

    exact = numbers(whole.read_text().splitlines()[1:])
    assert [row[:3] for row in numbers(lines[1:])] == [row[:3] for row in exact]
    assert [row[3] for row in numbers(lines[1:])] == pytest.approx(
        [row[3] for row in exact], rel=1e-5
    )


def _printed(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@needs_browser
def test_it_prints_dark_on_white_and_without_controls(shown: Page) -> None:
    shown.looks(dark=True)
    shown.evaluate(
        "addEventListener('beforeprint', () => setTimeout(() => 0)), window.printing = [],"
        "addEventListener('beforeprint', () => printing.push("
        "getComputedStyle(document.documentElement).getPropertyValue('--page').trim(),"
        "document.querySelector('.curves canvas').clientWidth)), 0"
    )
    assert _printed(shown.pdf()) >= 2
    colour, width = shown.evaluate("printing")
    assert colour == "#FFFFFF"
    assert width <= 640


@needs_browser
@pytest.mark.parametrize("width", [360, 1024])
def test_nothing_is_wider_than_the_window(browser: Browser, report: Path, width: int) -> None:
    page = drawn(browser.open(report.as_uri(), width=width))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@needs_browser
def test_an_experiment_has_its_findings(browser: Browser, experiment: evosim.Experiment) -> None:
    page = drawn(browser.open(experiment.report().as_uri()))
    text = page.evaluate("document.body.innerText")
    for finding in experiment.summary["findings"]:
        assert finding["says"] in text
    assert page.evaluate("document.querySelectorAll('figure svg').length") >= 2
    page.focus("[role=slider]")
    page.press("Home")
    assert page.evaluate("document.activeElement.ariaValueText").startswith("generation 0")
    assert page.problems == page.outside == []


@needs_browser
def test_a_study_has_its_points(browser: Browser, study: evosim.Study) -> None:
    page = drawn(browser.open(study.report().as_uri()))
    rows = page.evaluate("document.querySelectorAll('.tall tbody tr').length")
    assert rows == len(study.points)
    assert page.evaluate("document.querySelectorAll('figure svg').length") >= 1
    assert page.problems == page.outside == []


# The command, the docs, and mistakes


def test_the_code_of_the_docs_runs(
    small_run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(small_run.path, tmp_path / "runs" / "contraception-1")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "reports.md", "exec"), {})
    made = (tmp_path / "pill.html").read_text()
    assert (tmp_path / "runs" / "contraception-1" / "report.html").read_text() == made
    words = re.sub(r"<[^>]*>", " ", made).lower()
    parts_of_docs = re.findall(r"^\| ([a-z ]+) \|", text.split("## An experiment")[0], re.MULTILINE)
    known = {"part", "verdict", "lives"}
    assert [part for part in parts_of_docs if part not in known and part not in words] == []


def test_the_command_writes_beside_the_run(small_run: evosim.Run, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["report", str(small_run.path), "--out", str(tmp_path / "r.html")]
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("out", "message"),
    [("r.pdf", "a report is written as .html"), ("folder.html", "is a folder; name a file in it")],
)
def test_what_cannot_be_the_file_is_refused(
    small_run: evosim.Run, tmp_path: Path, out: str, message: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(EvosimError, match=message):
        small_run.report(tmp_path / out)


def test_what_is_not_complete_has_no_report(small_run: evosim.Run, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(small_run.path, copy)
    (copy / "summary.json").unlink()
    (copy / "run.nc").unlink()
    with pytest.raises(EvosimError, match="is not complete"):
        evosim.report(copy)
