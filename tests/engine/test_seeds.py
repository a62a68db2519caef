"""Seeds have 64 bits, on every way that they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim.api._arguments import seed_of
from evosim.errors import EvosimError

LARGEST = 2**64 - 1

STUDY = """
id         = "seeded"
title      = "A study with a large seed"
scenario   = "tiny.toml"
replicates = 2
seed       = 18446744073709551615

[parameters.food]
label  = "food"
key    = "environments.after.kinds.fruit.use.eat.yields.food"
values = [0.1, 0.5]

[measures.score]
label   = "score"
measure = "reward"
"""


def run(tiny: Path, out: Path, **options: Any) -> evosim.Run:
    return evosim.run(tiny, seed=LARGEST, out=out, figures=False, workers=1, **options)


def test_the_largest_seed_goes_through_a_run_its_replay_and_its_summary(
    tiny: Path, tmp_path: Path
) -> None:
    done = run(tiny, tmp_path / "run")
    assert done.seed == done.manifest["seed"] == done.manifest["probe_seed"] == LARGEST
    assert done.data.attrs["seed"] == str(LARGEST)
    assert done.summary["seed"] == LARGEST
    other = evosim.simulate(tiny, seed=LARGEST - 1)
    assert (done.data["genome"].values[0, 0] != other["genome"].values[0, 0]).any()
    gif = done.replay(generation=2, out=tmp_path / "life.gif")
    assert gif is not None
    assert gif.exists()


def test_the_largest_seed_goes_through_stopping_and_resuming(tiny: Path, tmp_path: Path) -> None:
    stopped = run(tiny, tmp_path / "run", on_generation=lambda r, g, score: g == 2)
    assert not stopped.complete
    resumed = evosim.resume(stopped.path, workers=1)
    whole = evosim.simulate(tiny, seed=LARGEST)
    assert resumed.data["score"].values.tobytes() == whole["score"].values.tobytes()


def test_the_largest_seed_goes_through_a_fork(tiny: Path, tmp_path: Path) -> None:
    parent = evosim.run(tiny, seed=1, out=tmp_path / "run", figures=False, workers=1)
    child = parent.fork(3, seed=LARGEST, out=tmp_path / "fork", figures=False, workers=1)
    assert child.manifest["seeds"][-1] == {"from": 3, "seed": LARGEST}
    near = parent.fork(3, seed=LARGEST - 1, out=tmp_path / "near", figures=False, workers=1)
    assert (child.data["genome"].values[0, 4:] != near.data["genome"].values[0, 4:]).any()
    again = child.fork(5, out=tmp_path / "again", figures=False, workers=1)
    assert again.data["score"].values.tobytes() == child.data["score"].values.tobytes()


def test_a_study_file_takes_the_largest_seed_as_the_command_line_does(
    tiny: Path, tmp_path: Path
) -> None:
    path = tiny.with_name("study.toml")
    path.write_text(STUDY)
    study = evosim.run_study(path, out=tmp_path / "study", workers=1, figures=False)
    assert study.manifest["seed"] == LARGEST
    records = study._folder.found()
    assert len({record.seed for record in records}) == 4
    for record in records:
        file = study.path / "runs" / record.point / f"{record.replicate:03d}.json"
        assert json.loads(file.read_text())["seed"] == record.seed
    path.write_text(STUDY.replace(str(LARGEST), str(LARGEST + 1)))
    with pytest.raises(EvosimError, match="whole number from 0 to 18,446,744,073,709,551,615"):
        evosim.run_study(path, out=tmp_path / "other")


def test_a_seed_that_nobody_gave_has_64_bits() -> None:
    assert max(seed_of(None) for _ in range(64)) >= 2**60


def test_a_numpy_integer_is_a_seed() -> None:
    assert type(seed_of(np.uint64(LARGEST))) is int  # type: ignore[arg-type]
    assert seed_of(np.int64(3)) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1.5, "7", True, -1, 2**64])
def test_what_is_no_seed_is_refused_in_words(seed: Any) -> None:
    with pytest.raises(EvosimError, match="not a seed"):
        seed_of(seed)
