"""Levels, lives and curves in a real browser: what is shown, by keyboard alone, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import Browser, Page, needs_browser

import evosim
from evosim import plot
from evosim.plot.run_view import RunView
from evosim.web import data, page

HOSTILE = "</script><img src=x onerror=document.title='gone'>"

pytestmark = needs_browser


def opened(browser: Browser, path: Path, script: str, content: dict[str, Any]) -> Page:
    """A page with nothing but a box, in which a script draws."""
    made = page.render(
        "page.html", title=HOSTILE, data=content,
        script=f"""
            const box = document.getElementById("content");
            window.shown = {script};
        """,
    )  # fmt: skip
    path.write_text(made, encoding="utf-8")
    return browser.open(path.as_uri())


@pytest.fixture(scope="module")
def lives(small_run: evosim.Run) -> list[dict[str, Any]]:
    return [
        data.life(
            plot.episode_of(small_run.data, small_run.scenario, generation=3, environment=name),
            "children",
            HOSTILE,
        )
        for name in ("ancestral", "modern")
    ]


@pytest.fixture
def player(browser: Browser, tmp_path: Path, lives: list[dict[str, Any]]) -> Page:
    return opened(
        browser,
        tmp_path / "page.html",
        'evosim.player(box, evosim.data("lives"))',
        {"lives": lives},
    )


def scrubber(page: Page) -> str:
    return page.evaluate("document.querySelector('input[type=range]').value")


def test_the_scrubber_moves_all_lives_by_keyboard(
    player: Page, lives: list[dict[str, Any]]
) -> None:
    last = max(len(life["path"]) for life in lives) - 1
    player.focus("input[type=range]")
    player.press("ArrowRight", 3)
    assert scrubber(player) == "3"
    told = player.evaluate("[...document.querySelectorAll('.doing')].map(e => e.textContent)")
    assert [words.split(":")[0] for words in told] == [
        f"step 3 of {len(life['path']) - 1}" for life in lives
    ]
    player.press("End")
    assert scrubber(player) == str(last)
    sums = player.evaluate(
        "[...document.querySelectorAll('.sum.payoff dd')].map(e => e.textContent)"
    )
    assert [float(text.replace("\u2212", "-")) for text in sums] == pytest.approx(
        [life["sums"][0]["values"][-1] for life in lives], rel=0.01
    )
    player.press("Home")
    assert scrubber(player) == "0"


def test_the_space_bar_plays_and_pauses(player: Page) -> None:
    player.focus("input[type=range]")
    player.press(" ")
    player.wait("Number(document.querySelector('input[type=range]').value) >= 2")
    assert player.evaluate("document.querySelector('.play').textContent") == "Pause"
    player.press(" ")
    assert player.evaluate("document.querySelector('.play').textContent") == "Play"


def test_the_agent_is_drawn_where_it_is(player: Page, lives: list[dict[str, Any]]) -> None:
    before = player.evaluate("document.querySelector('canvas').toDataURL()")
    path = lives[0]["path"]
    moved = next(n for n in range(len(path) - 1) if path[n] != path[n + 1])
    player.evaluate(f"shown.step({moved + 1})")
    assert player.evaluate("document.querySelector('canvas').toDataURL()") != before


def test_a_level_keeps_its_proportions_where_there_is_no_room(player: Page) -> None:
    player.looks(width=200)
    wide, high = player.evaluate(
        "(() => { const level = {...evosim.data('lives')[0].level, rows: 10, cols: 80};"
        "const canvas = document.createElement('canvas');"
        "document.querySelector('.lane').append(canvas);"
        "evosim.level(canvas, level, {}, 10);"
        "const box = canvas.getBoundingClientRect(); return [box.width, box.height]; })()"
    )
    assert wide <= 200
    assert wide / high == pytest.approx(804 / 104, rel=0.1)


def test_titles_are_text_and_nothing_is_asked_for(player: Page) -> None:
    assert player.evaluate("document.title") == HOSTILE
    assert player.evaluate("document.querySelector('.lane h4').textContent") == HOSTILE
    assert player.evaluate("document.images.length") == 0
    assert player.outside == []
    assert player.problems == []


@pytest.fixture
def curves(browser: Browser, tmp_path: Path, small_run: evosim.Run) -> Page:
    view = RunView(data=small_run.data, scenario=small_run.scenario, summary=small_run.summary)
    chart = data.curves(view)
    script = 'evosim.curves(box, evosim.data("chart"))'
    return opened(browser, tmp_path / "page.html", script, {"chart": chart})


def told(page: Page) -> str:
    return page.evaluate("document.querySelector('[role=slider]').getAttribute('aria-valuetext')")


def test_the_curves_tell_the_flip_by_keyboard(curves: Page, small_run: evosim.Run) -> None:
    flip = small_run.summary["flips"][0]
    curves.focus("[role=slider]")
    curves.press("Home")
    assert told(curves).startswith("generation 0: capability ")
    for _ in range(10):
        if (words := told(curves)).startswith("generation 4, before the flip"):
            break
        curves.press("ArrowRight")
    assert f"alignment {flip['alignment_before']:.3g}" in words.replace("\u2212", "-")
    curves.press("ArrowRight")
    words = told(curves)
    assert words.startswith("generation 4, after the flip")
    assert f"alignment {flip['alignment_after']:.3g}" in words.replace("\u2212", "-")


def test_a_curve_is_hidden_and_shown_by_a_button(curves: Page) -> None:
    curves.focus(".key button")
    curves.press("Enter")
    assert curves.evaluate("document.querySelector('.key button').ariaPressed") == "false"
    assert "capability" not in told(curves)
    curves.press("Enter")
    assert "capability" in told(curves)


def test_keys_zoom(curves: Page) -> None:
    seen = "(() => { const s = shown.scale(); return s.max - s.min; })()"
    whole = curves.evaluate(seen)
    curves.focus("[role=slider]")
    curves.press("+")
    assert curves.evaluate(seen) < whole
    curves.press("Escape")
    assert curves.evaluate(seen) == whole


def test_curves_are_painted_and_nothing_is_blocked(curves: Page) -> None:
    painted = curves.evaluate(
        "(() => { const c = document.querySelector('.curves canvas');"
        "return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size; })()"
    )
    assert painted > 10
    assert curves.problems == []
    assert curves.outside == []
