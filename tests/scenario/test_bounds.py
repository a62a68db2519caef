"""Reading is bounded: what is too large, too many or no file is refused at once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import evosim
from evosim import scenario
from evosim.scenario import _bounds, shipped
from evosim.testing import TINY

AT_ONCE = 30.0  # seconds; most take milliseconds, and what is not bounded takes hours


def refusal(source: str | Path, settings: dict[str, object] | None = None) -> str:
    """The error about a file or text, which comes at once."""
    began = time.monotonic()
    read = evosim.check if isinstance(source, Path) else scenario.loads
    with pytest.raises(evosim.ScenarioError) as caught:
        read(source, settings=settings or {})  # type: ignore[operator]
    assert time.monotonic() - began < AT_ONCE
    assert len(str(caught.value)) < 20_000
    return str(caught.value)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a system without devices as files")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_file(device: str) -> None:
    assert refusal(Path(device)) == (
        f"{device}: is a device, not a file; save its content in a file first"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe.toml")
    assert "is a pipe, not a file" in refusal(pipe)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_text(TINY + "#" * shipped.MOST_BYTES)
    assert refusal(path) == f"{path}: too large (allowed 1 MiB of text)"
    with pytest.raises(evosim.ScenarioError, match="too large"):
        scenario.loads(TINY + "#" * shipped.MOST_BYTES)


def with_more(where: str, entries: str) -> str:
    assert where in TINY
    return TINY.replace(where, where + entries, 1)


DRIVES = '["sweet", "sour"]'
TOO_MUCH = {
    "drives": (
        TINY.replace(DRIVES, str([f"d{i}" for i in range(10_000)])),
        "agent.drives: too many entries (got 10,000, allowed 100)",
    ),
    "phases": (
        TINY + '\n[[timeline]]\ngenerations = 1\ntrain = "before"\n' * 5_000,
        "timeline: too many entries (got 5,002, allowed 2,000)",
    ),
    "environments": (
        TINY + "".join(f"\n[environments.e{i}]\n" for i in range(2_000)),
        "environments: too many entries (got 2,002, allowed 100)",
    ),
    "a title": (
        TINY.replace('"Tiny"', f'"{"x" * 500_000}"'),
        "title: a text of 500,000",
    ),
    "a name": (TINY + f"\n[environments.{'e' * 200}]\n", "a key of 200"),
    "digits": (TINY.replace("lifetime = 20", f"lifetime = 0x{'f' * 10_000}"), "too many digits"),
    "nesting": (TINY.replace("lifetime = 20", f"lifetime = {'[' * 40}{']' * 40}"), "too deeply"),
    "a key": (TINY + "a" + ".a" * 100_000 + " = 1", "a key of too many parts (allowed 24)"),
    "values": (TINY + f"also = [{'1, ' * 150_000}]", "too many entries (got 150,000, allowed"),
    "generations": (
        TINY.replace("generations = 3", "generations = 800_000"),
        "timeline: too many generations (got 1600000, allowed 1,000,000 in all phases)",
    ),
    "cells": (
        TINY.replace("rows = 3", "rows = 1000").replace("cols = 3", "cols = 1000"),
        "1,000,000 cells: a grid has at most 40,000",
    ),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_is_refused_at_once(what: str) -> None:
    text, said = TOO_MUCH[what]
    assert said in refusal(text)


def test_worlds_of_many_environments_are_counted_together() -> None:
    world = "".join(
        f'\n[world.kinds.k{i}]\nglyph = "k"\n' + "".join(
            f"use.r{j}.feels.sweet = 1.0\n" for j in range(80)
        )
        for i in range(60)
    )  # fmt: skip
    many = "".join(f"\n[environments.e{i}]\n" for i in range(90))
    assert "too many values in the worlds of all environments" in refusal(TINY + world + many)


def test_more_states_than_can_be_printed_are_too_many() -> None:
    sites = "regrow = 0.5\ncount = 50"
    text = TINY.replace("rows = 3", "rows = 200").replace("cols = 3", "cols = 200")
    said = refusal(text.replace("count = 1", sites, 1))
    assert "too many states (got more than 1,000,000,000,000,000,000 states" in said


def test_of_thousands_of_mistakes_fifty_are_told() -> None:
    wrong = "".join(f"\n[environments.e{i}]\nrows = 0\ncols = 0\n" for i in range(90))
    assert refusal(TINY + wrong).splitlines()[-1].endswith("more mistakes")


def test_settings_are_bounded_like_files() -> None:
    assert "too many entries" in refusal(TINY, {"agent.drives": [f"d{i}" for i in range(1_000)]})
    assert len(refusal(TINY, {"agent.depth": "x" * 100_000})) < 2_000


def test_what_ships_is_far_from_all_bounds() -> None:
    for path in scenario.catalogue().values():
        assert path.stat().st_size < shipped.MOST_BYTES / 50
        assert not _bounds.excess(scenario.load(path).to_dict())
