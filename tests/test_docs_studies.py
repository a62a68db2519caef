"""docs/studies.md is true: its file, its keys, and its commands, followed to the letter."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import BaseModel

from evosim.study import reading, schema
from evosim.testing import TINY

PAGE = Path(__file__).resolve().parents[1] / "docs" / "studies.md"
BIN = Path(sys.executable).parent
LIMIT = 300.0  # seconds in which any step of the page is done on a machine that is busy


def blocks(tag: str) -> list[str]:
    """The fenced blocks of the page with that tag."""
    return re.findall(rf"^```{tag}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """What the page types in, in its order."""
    return re.findall(r"^    \$ (.*)$", PAGE.read_text(), re.MULTILINE)


def study() -> str:
    """The study's file, as the page builds it."""
    return "\n".join(blocks("toml"))


def test_the_study_of_the_page_is_sound_and_has_as_many_points_as_it_says() -> None:
    written = reading.loads(study())
    n, replicates = len(written.points), written.study.replicates
    assert f"5 x 4 points with {replicates} runs at each" in PAGE.read_text()
    assert n == 5 * 4


@pytest.mark.parametrize("parameter", blocks("toml other"))
def test_the_other_parameters_of_the_page_are_sound(parameter: str, tmp_path: Path) -> None:
    world = TINY.replace("before", "watched").replace("after", "alone")
    (tmp_path / "tiny.toml").write_text(world)
    head = 'id = "other"\ntitle = "Other"\nscenario = "tiny.toml"\n'
    measures = '[measures.alignment]\nlabel = "alignment"\nmeasure = "alignment"\n'
    written = reading.loads(head + parameter + measures, beside=tmp_path)
    assert len(written.points) == len(next(iter(written.study.parameters.values())).values)
    mixtures = [dict(written.scenario_at(point).timeline[0].mixture) for point in written.points]
    if "train" in parameter:
        assert mixtures == [
            {"watched": 0.1, "alone": 0.9}, {"watched": 0.5, "alone": 0.5}, {"alone": 1.0}
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "title"),
    [
        (schema.Study, "key"),
        (schema.Parameter, "key of a parameter"),
        (schema.Level, "key of a level"),
        (schema.Measured, "key of a measure"),
    ],
)
def test_the_tables_of_the_page_have_every_key_and_no_other(
    model: type[BaseModel], title: str
) -> None:
    text = PAGE.read_text()
    table = text.partition(f"| {title} | what it is |\n")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[1:]]
    named = {re.split(r"[.\]]", name)[0].lstrip("[") for cell in cells
             for name in re.findall(r"`([^`]+)`", cell)}  # fmt: skip
    assert named == set(model.model_fields)


@pytest.mark.slow
def test_the_page_can_be_followed_to_the_letter(tmp_path: Path) -> None:
    """Every command, in order: a worker is killed, the driver is stopped, and the study ends as
    one that nobody disturbed."""
    small = study().replace("replicates = 20", "replicates = 3")
    assert small != study()
    (tmp_path / "thinking.toml").write_text(small)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    typed = iter([line.replace("8786", str(port)) for line in commands()])
    with ExitStack() as ended:
        follow(typed, tmp_path, ended)
    shell("evosim study run thinking.toml --out undisturbed --no-figures", tmp_path)
    digests = [re.findall(r"digest (\w+)", shell(f"evosim study status {name}", tmp_path))
               for name in ("thinking", "undisturbed")]  # fmt: skip
    assert digests[0] == digests[1]
    for name in ("thinking.csv", "thinking.nc", "phase.svg", "thinking/figures/phase.svg"):
        assert (tmp_path / name).stat().st_size > 0
    (code,) = blocks("python")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=LIMIT)


def follow(typed: Iterator[str], folder: Path, ended: ExitStack) -> None:
    """Type in all commands: those of the cluster and its driver each in a terminal of its own."""
    driver: subprocess.Popen[bytes] | None = None
    for line in typed:
        if line.startswith("dask "):
            terminal(line, folder, ended)
            time.sleep(3)
        elif "study run" in line and "--scheduler" in line:
            driver = terminal(line, folder, ended)
        elif line.startswith("kill "):
            until(lambda: runs_on_disk(folder) >= 5)
            shell(line, folder)
            seen = runs_on_disk(folder)
            until(lambda seen=seen: runs_on_disk(folder) > seen + 3)
            assert driver is not None
            driver.send_signal(signal.SIGINT)
            assert driver.wait(LIMIT) == 130
        else:
            shell(line, folder)


def terminal(line: str, folder: Path, ended: ExitStack) -> subprocess.Popen[bytes]:
    """A command that goes on, and ends with the test."""
    words = line.split()
    process = subprocess.Popen(
        [str(BIN / words[0]), *words[1:]], cwd=folder, stderr=subprocess.DEVNULL,
        preexec_fn=hears_ctrl_c,
    )  # fmt: skip
    ended.callback(process.wait, LIMIT)
    ended.callback(process.kill)
    return process


def hears_ctrl_c() -> None:
    """As a terminal's process does; one that was begun in the background would not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def shell(line: str, folder: Path) -> str:
    """What a command prints, which must succeed."""
    done = subprocess.run(
        ["bash", "-c", f'PATH="{BIN}:$PATH"; {line}'], cwd=folder, capture_output=True, text=True,
        timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def runs_on_disk(folder: Path) -> int:
    """Runs of the study that are on disk."""
    return len(list((folder / "thinking" / "runs").glob("*/*.json")))


def until(done: Callable[[], bool], pause: float = 0.05) -> None:
    """Wait for something.

    Raises:
        AssertionError: it has not come.
    """
    begun = time.monotonic()
    while not done():
        assert time.monotonic() - begun < LIMIT
        time.sleep(pause)
