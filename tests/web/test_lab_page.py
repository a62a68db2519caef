"""The page of the lab in a browser, as pupils and teachers use it."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser, Page, needs_browser
from click.testing import CliRunner
from processes import Process

import evosim
from evosim.cli import cli
from evosim.testing import TINY

pytestmark = needs_browser
HERE = "http://127.0.0.1:"


class Served:
    """The command at work, with the addresses that it told."""

    def __init__(self, folder: Path, *words: object, addresses: int = 1) -> None:
        self.folder = folder
        (folder / "tiny.toml").write_text(TINY)
        words = ("lab", "tiny.toml", "--seed", 1, "--no-browser", "--port", 0, *words)
        self.process = Process(folder, *words)
        told = Path(self.process._printed[0].name)
        end = time.monotonic() + 60
        while len(found := re.findall(r"http://\S+", told.read_text())) < addresses:
            assert self.process.returncode is None
            assert time.monotonic() < end
            time.sleep(0.05)
        self.urls = found


@pytest.fixture
def lab(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.fixture
def tabs(browser: Browser) -> Iterator[Browser]:
    """The browser, whose new tabs are closed in the end: they would ask for their labs for ever."""
    before = set(browser.pages)
    yield browser
    for session in set(browser.pages) - before:
        browser.pages[session].close()


def opened(browser: Browser, url: str, **looks: Any) -> Page:
    """The page, once the first life is on it."""
    page = browser.open(url, **looks)
    page.wait("!!document.querySelector('#life canvas') && evosim.lab.rows().length > 0")
    return page


def text(page: Page, selector: str) -> str:
    return str(page.evaluate(f"document.querySelector({selector!r}).textContent"))


def choose(page: Page, world: str) -> None:
    page.evaluate(f"document.querySelector('input[value={world}]').click()")
    page.wait("!document.querySelector('#predict fieldset').disabled")


def flip(page: Page, world: str) -> None:
    choose(page, world)
    page.click("#keep")
    page.wait("!document.querySelector('#flip').disabled")
    page.click("#flip")
    page.wait("!!document.querySelector('#rounds .verdict')")


def test_the_page_paints_with_nothing_from_elsewhere(lab: Served, tabs: Browser) -> None:
    page = opened(tabs, lab.urls[0])
    for box in ("life", "paid", "felt", "judged", "drives"):
        colours = page.evaluate(
            f"""(() => {{ const c = document.querySelector('#{box} canvas');
            const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            return new Set(new Uint32Array(d.buffer)).size }})()"""
        )
        assert colours > 3, box
    flip(page, "after")
    assert page.problems == []
    assert {url.split("//")[1].split("/")[0] for url in page.outside} == {
        lab.urls[0].split("//")[1].split("/")[0]
    }


def test_the_command_of_the_page_repeats_what_it_showed_to_the_bit(
    lab: Served, tabs: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(tabs, lab.urls[0])
    page.evaluate("document.querySelector('[data-number=\"agent.patience\"]').value = 0.5")
    page.evaluate(
        "document.querySelector('[data-number=\"agent.patience\"]')"
        ".dispatchEvent(new Event('input'))"
    )
    page.click("#begin button[type=submit]")
    page.wait("!!document.querySelector('#command').textContent.includes('agent.patience=0.5')")
    page.click("#play")
    page.wait("evosim.lab.rows().length > 3")
    flip(page, "after")
    page.evaluate("document.querySelector('#select').click()")  # and without selection
    page.wait("document.querySelector('#flip').textContent === 'Selection off'")
    page.click("#flip")
    page.wait("!evosim.lab.rows()[evosim.lab.rows().length - 1].select")
    page.click("#play")
    page.wait("document.querySelector('#play').textContent === 'Play'")
    page.wait("new Promise((r) => setTimeout(() => r(true), 800))")
    rows = page.evaluate("evosim.lab.rows()")
    command = text(page, "#command")
    assert [row["generation"] for row in rows] == list(range(len(rows)))

    monkeypatch.chdir(lab.folder)
    words = [*shlex.split(command)[1:], "--out", "run", "--no-figures", "--workers", "1"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    data = evosim.open_run("run").data.isel(replicate=0)
    assert data.sizes["generation"] == len(rows)
    for row in rows:
        then = data.sel(generation=row["generation"])
        assert row["paid"] == [float(then["payoff_total"].values[:, 0].mean())]
        assert row["felt"] == float(then["internal_reward"].values.mean())
        assert row["lifespan"] == float(then["lifespan"].values.mean())
        if row["probe"] and row["generation"] in data["probe"]:
            probe = data["alignment"].sel(probe=row["generation"], environment=row["world"])
            mean = probe.sel(mind="evolved").values.mean()
            np.testing.assert_allclose(row["probe"]["alignment"], mean)


def test_what_was_predicted_is_shown_against_the_outcome(lab: Served, tabs: Browser) -> None:
    page = opened(tabs, lab.urls[0])
    assert page.evaluate("document.querySelector('#flip').disabled")
    assert text(page, "#steps [aria-current]") == "Watch"
    choose(page, "after")
    assert text(page, "#steps [aria-current]") == "Predict"
    assert page.evaluate("document.querySelector('#flip').disabled")  # predict before you see it
    page.evaluate("document.querySelector('#alignment').value = 90")
    page.click("#keep")
    page.wait("!document.querySelector('#flip').disabled")
    assert text(page, "#steps [aria-current]") == "Flip"
    page.click("#flip")
    page.wait("!!document.querySelector('#rounds .verdict')")
    page.wait("document.querySelector('#steps [aria-current]').textContent === 'Try'")
    assert "You said 0.90" in text(page, "#rounds [data-measure=alignment]")
    assert "→" in text(page, "#rounds [data-measure=capability]")
    assert re.search(r"alignment \S+ before", text(page, "#told"))
    page.wait("document.querySelectorAll('#life .lane').length === 2")  # before and after


def test_two_viewers_see_the_same(lab: Served, tabs: Browser) -> None:
    pages = [opened(tabs, lab.urls[0]) for _ in range(2)]
    flip(pages[0], "after")
    pages[1].wait("!!document.querySelector('#rounds .verdict')")
    pages[1].click("#step")
    for page in pages:
        page.wait("evosim.lab.rows().length === 3")
    seen = [
        [page.evaluate("evosim.lab.rows()"), *(text(page, one) for one in ("#rounds", "#clock"))]
        for page in pages
    ]
    assert seen[0] == seen[1]
    pages[0].evaluate("location.reload()")
    pages[0].wait("window.evosim && evosim.lab && evosim.lab.rows().length === 3")


def test_a_whole_lesson_by_keyboard(lab: Served, tabs: Browser) -> None:
    page = opened(tabs, lab.urls[0])
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(60):
        page.press("Tab")
        found = page.evaluate("document.activeElement.id || document.activeElement.name")
        reached.append(found)
        if found == "world":
            break
    assert {"who", "level", "where", "again"} <= set(reached)
    page.press("ArrowDown")  # the other world
    page.wait("!document.querySelector('#predict fieldset').disabled")
    for wanted in ("capability", "alignment"):
        while page.evaluate("document.activeElement.id") != wanted:
            page.press("Tab")
        before = int(page.evaluate("document.activeElement.value"))
        page.press("ArrowRight", 3)
        assert int(page.evaluate("document.activeElement.value")) == before + 3
    page.press("Tab")
    page.press("Enter")
    page.wait("!document.querySelector('#flip').disabled")
    later = []
    while page.evaluate("document.activeElement.id") != "flip":
        page.press("Tab")
        later.append(page.evaluate("document.activeElement.id"))
    assert {
        "seed",
        "same",
        "reset",
        "command",
        "copy",
        "download",
        "report",
        "play",
        "step",
    } <= set(later)
    page.press("Enter")
    page.wait("!!document.querySelector('#rounds .verdict')")
    for wanted, key in (("play", " "), ("play", "Enter")):
        page.focus(f"#{wanted}")
        page.press(key)
        page.wait(f"document.querySelector('#play').ariaPressed === '{str(key == ' ').lower()}'")


def test_links_within_the_page_do_not_lose_the_token(lab: Served, tabs: Browser) -> None:
    page = opened(tabs, lab.urls[0])
    page.click(".hint a")
    page.evaluate("location.reload()")
    page.wait("window.evosim && evosim.lab && evosim.lab.rows().length > 0")
    other = tabs.open(lab.urls[0].split("#")[0] + "#wrong")
    other.wait("document.querySelector('#told').textContent.includes('wrong token')")


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (390, 844)])
def test_nothing_is_cut_off(lab: Served, tabs: Browser, width: int, height: int) -> None:
    page = opened(tabs, lab.urls[0], width=width, height=height)
    flip(page, "after")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        f"""[...document.querySelectorAll('button, select, input, output')]
        .filter((e) => e.getBoundingClientRect().right > {width}).map((e) => e.id)"""
    )
    assert outside == []


def test_names_and_roles(lab: Served, tabs: Browser) -> None:
    page = opened(tabs, lab.urls[0])
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    acting = {"button", "slider", "checkbox", "radio", "combobox", "textbox", "spinbutton"}
    found = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if node.get("role", {}).get("value") in acting and not node["ignored"]
    ]
    assert len(found) > 25
    assert [role for role, name in found if not name.strip()] == []
    assert page.evaluate("document.querySelector('#told').getAttribute('aria-live')") == "polite"


def test_with_reduced_motion_nothing_moves_by_itself(lab: Served, tabs: Browser) -> None:
    page = tabs.open("about:blank")
    page.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-reduced-motion", "value": "reduce"}],
    )
    page.go(lab.urls[0])
    page.wait("!!document.querySelector('#life canvas')")
    assert text(page, "#life .play") == "Play"
    assert opened(tabs, lab.urls[0]).wait(
        "document.querySelector('#life .play').textContent === 'Pause'"
    )


def test_a_class_with_seeds_of_their_own(tmp_path: Path, tabs: Browser) -> None:
    served = Served(tmp_path, "--own-seeds", addresses=2)
    teacher = opened(tabs, served.urls[0])
    pupils = [opened(tabs, served.urls[1]) for _ in range(2)]
    for pupil in pupils:
        flip(pupil, "after")
    for page in (teacher, pupils[0]):
        page.wait("document.querySelector('#groups').textContent.includes('2 populations')")
    assert "[" in text(teacher, "#groups tbody td")  # an interval
    assert text(pupils[0], "#groups") == text(teacher, "#groups")
    assert served.urls[1] in text(teacher, "#class-text")
    assert "http" not in text(pupils[0], "#class-text")


def test_a_class_that_watches(tmp_path: Path, tabs: Browser) -> None:
    served = Served(tmp_path, "--room", addresses=2)
    teacher = opened(tabs, served.urls[0])
    pupil = opened(tabs, served.urls[1])
    assert pupil.evaluate("document.querySelector('#play').disabled")
    assert pupil.evaluate("document.querySelector('#flip').hidden")
    choose(teacher, "after")
    pupil.wait("!document.querySelector('#predict fieldset').disabled")
    pupil.click("#keep")
    teacher.wait("document.querySelector('#open').textContent.includes('1 predicted')")
    teacher.click("#flip")
    pupil.wait("!!document.querySelector('#rounds .histogram')")
    assert "You said 0.50" in text(pupil, "#rounds")
