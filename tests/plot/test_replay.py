"""Replays: every step of a lifetime, as a GIF and in the terminal."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from synthetic import episode

from evosim.errors import EvosimError
from evosim.plot import colors, replay_gif, replay_terminal
from evosim.plot.picture import Line, frames, symbols
from evosim.plot.terminal import ASCII, bar, draw_map


def images_of(path):
    with Image.open(path) as image:
        for n in range(image.n_frames):
            image.seek(n)
            yield image.info["duration"], np.asarray(image.convert("RGB"))


def played(lifetime, **options):
    """What is printed where there is no terminal."""
    out = io.StringIO()
    replay_terminal(lifetime, console=Console(file=out, width=100), **options)
    return out.getvalue()


def told(picture, name):
    """What is told under a name."""
    (line,) = [line for line in picture.lines if line.name == name]
    return line


def test_frames_follow_the_lifetime(lifetime):
    shown, cells = frames(lifetime), lifetime.world.layout.free
    steps = range(lifetime.lifespan + 1)
    assert [told(p, "step").text for p in shown] == [f"{n} of {lifetime.lifespan}" for n in steps]
    assert shown[0].agent == cells[lifetime.levels.start[0]]
    assert told(shown[0], "felt reward").text == "0"
    for step, picture in enumerate(shown):
        assert picture.agent == picture.trail[-1] == cells[lifetime.path[step]]
        assert len(picture.trail) == min(step, 10) + 1
        happened = lifetime.events(step - 1) if step else []
        new = [line for line in picture.lines if line.tone == "new"]
        assert len(new) == min(len(happened), 5)
        assert picture.happened == bool(happened)
        energy = lifetime.values(step)["energy"]
        assert told(picture, "energy") == Line("energy", f"{energy} of 7", (energy, 7))
    assert [line.text for line in shown[-1].lines if line.tone == "end"] == [
        f"ended by {lifetime.ending}"
    ]
    assert told(shown[-1], "children").text == f"{lifetime.payoffs[-1, 0]:.3g}"
    assert [line.name for line in shown[0].lines if line.gauge] == ["energy", "fertile"]


def test_of_a_long_life_frames_are_left_out_evenly(lifetime):
    steps = [int(told(p, "step").text.split()[0]) for p in frames(lifetime, most=7)]
    assert len(steps) == 7
    assert (steps[0], steps[-1]) == (0, lifetime.lifespan)
    assert max(np.diff(steps)) - min(np.diff(steps)) <= 1


def test_what_the_agent_does_is_told(lifetime):
    shown = frames(lifetime)
    texts = {told(picture, "agent").text for picture in shown}
    assert any(action.startswith("goes ") for action in texts)
    assert any(action.startswith("uses ") for action in texts)
    lines = [line.text for picture in shown for line in picture.lines if line.tone == "new"]
    assert any("mate.court: children +1" in text for text in lines)


def test_a_variable_that_the_mind_does_not_see_is_told_apart(lifetime):
    blind = replace(lifetime, blind=frozenset({"fertile"}))
    assert told(frames(blind)[0], "fertile").tone == "unseen"
    assert told(frames(lifetime)[0], "fertile").tone == ""
    text = played(blind, ascii_only=True)
    assert text.count(" of 1, unseen") == blind.lifespan + 1
    assert "unseen" not in played(lifetime)


def test_a_gif_has_a_frame_for_every_step(lifetime, tmp_path):
    path = replay_gif(lifetime, tmp_path / "new" / "life.gif", speed=10)
    frames = list(images_of(path))
    assert len(frames) == lifetime.lifespan + 1
    assert [duration for duration, _ in frames[:-1]] == [100] * lifetime.lifespan
    assert frames[-1][0] > 1000
    assert all((frame[0, 0] == 255).all() for _, frame in frames)


def test_every_frame_differs_from_the_one_before(lifetime, tmp_path):
    frames = [frame for _, frame in images_of(replay_gif(lifetime, tmp_path / "life.gif"))]
    assert all((a != b).any() for a, b in itertools.pairwise(frames))


def test_a_gif_is_the_same_every_time(lifetime, tmp_path):
    one = replay_gif(lifetime, tmp_path / "one.gif").read_bytes()
    assert one == replay_gif(lifetime, tmp_path / "two.gif").read_bytes()


def test_a_gif_of_200_steps_is_small(make, tmp_path):
    safe = make(
        world__lifetime=200, world__variables__energy={"values": 8, "start": 7},
        world__kinds__baby__use={"care": {"yields": {"children": 0.4}}},
    )  # fmt: skip
    lifetime = episode(safe, "ancestral")
    assert lifetime.lifespan == 200
    assert replay_gif(lifetime, tmp_path / "life.gif").stat().st_size < 3_000_000


def test_a_large_level_still_fits(make, tmp_path):
    wide = make(world__rows=30, world__cols=50)
    path = replay_gif(episode(wide, "ancestral", steps=5), tmp_path / "life.gif")
    _, frame = next(iter(images_of(path)))
    assert frame.shape[1] < 800


@pytest.mark.parametrize(
    "speed", [0.0, -1.0, 0.001, 1e-300, 2000, float("inf"), float("nan"), True, "8"]
)
def test_a_speed_is_one_at_which_a_lifetime_can_be_seen(lifetime, tmp_path, speed):
    allowed = r"allowed a number from 0\.01 to 1,000 steps a second"
    with pytest.raises(EvosimError, match=allowed):
        replay_gif(lifetime, tmp_path / "life.gif", speed=speed)
    with pytest.raises(EvosimError, match=allowed):
        replay_terminal(lifetime, speed=speed)


def test_without_a_terminal_every_frame_is_printed(lifetime):
    text = played(lifetime)
    for step in range(lifetime.lifespan + 1):
        assert f" {step} of {lifetime.lifespan} " in text
    assert "\x1b" not in text
    assert f"by {lifetime.ending}" in text


def test_the_agent_is_seen_without_colours(lifetime):
    frames = played(lifetime).split(lifetime.heading)[1:]
    assert all(frame.count("@") == 1 for frame in frames)


def test_ascii_is_enough(lifetime):
    assert played(lifetime, ascii_only=True).isascii()


def test_an_output_that_knows_only_ascii_gets_ascii(lifetime):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    replay_terminal(lifetime, console=Console(file=file, width=100))
    file.flush()
    assert b"@" in raw.getvalue()


def test_in_a_terminal_it_is_played_at_its_speed(lifetime):
    out, pauses = io.StringIO(), []
    console = Console(file=out, force_terminal=True, width=100, _environ={"TERM": "xterm"})
    replay_terminal(lifetime, console=console, speed=5, pause=pauses.append)
    assert pauses == [0.2] * lifetime.lifespan
    assert "\x1b[" in out.getvalue()


def test_barriers_and_walls_are_shown_as_in_a_map(make):
    scenario = make(
        world__map="@ . .\n     \n. # .\n-    \n. .|.", world__edges="walls", world__rows=3,
        world__cols=3, world__kinds__berry__count=1, world__kinds__mate__count=1,
    )  # fmt: skip
    first = played(episode(scenario, "ancestral", steps=1), ascii_only=True).splitlines()
    inside = [line[2:7] for line in first if line.startswith("| ")]
    assert inside[2][2] == "#"
    assert inside[3] == "-    "
    assert inside[4][3] == "|"


@pytest.mark.parametrize(
    ("value", "size", "text"),
    [(0, 2, ". 0 of 1"), (2, 4, "##. 2 of 3"), (50, 101, f"{'#' * 8}{'.' * 8} 50 of 100")],
)
def test_a_gauge_is_as_full_as_its_value(value, size, text):
    line = Line("energy", f"{value} of {size - 1}", (value, size - 1))
    assert bar(line, ASCII) == text


def test_a_kind_has_one_symbol_in_all_pictures(lifetime):
    first, last = frames(lifetime)[0], frames(lifetime)[-1]
    assert first.legend == last.legend == symbols(lifetime.world)
    assert [s.words for s in first.legend.values()] == list(lifetime.world.kinds)
    text = draw_map(replace(first, agent=None), ASCII)
    for symbol in first.present:
        styles = {str(span.style) for span in text.spans if text.plain[span.start] == symbol.glyph}
        assert styles == {f"bold {colors.TERMINAL[symbol.color]}"}
