"""The seed as a parameter: a list of seeds is a study."""

from __future__ import annotations

from pathlib import Path

import pytest

import evosim
from evosim.errors import ScenarioError
from evosim.metrics import METRICS, Query
from evosim.study import reading
from evosim.testing import TINY, tiny

STUDY = """
id         = "seeds"
title      = "Some seeds"
scenario   = "tiny.toml"
replicates = {replicates}

[parameters.start]
label  = "seed"
key    = "seed"
values = {seeds}

[parameters.depth]
label  = "depth"
key    = "agent.depth"
values = [0, 2]

[measures.food]
label   = "food"
measure = "lived"
of      = "food"
"""


def written(folder: Path, seeds: str, replicates: int = 1) -> Path:
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    path = folder / "seeds.toml"
    path.write_text(STUDY.format(seeds=seeds, replicates=replicates), encoding="utf-8")
    return path


def test_a_run_of_a_seed_is_that_of_the_command_with_the_seed(tmp_path: Path) -> None:
    path = written(tmp_path, f"[5, {2**64 - 1}]")
    study = evosim.run_study(path, out=tmp_path / "out", workers=1, figures=False)
    table = study.table
    assert table["seed"].astype(str).tolist() == ["5", "5", str(2**64 - 1), str(2**64 - 1)]
    for seed, depth, lived in zip(table["start"], table["depth"], table["food"], strict=True):
        data = evosim.simulate(tiny({"agent.depth": int(depth)}), seed=int(seed))
        query = Query(measure="lived", of="food")
        assert METRICS["lived"].columns(data, tiny(), query)[0].tolist() == [lived]
    command = study._folder.command(study.points[0].key, 0)
    assert command.endswith("--seed 5")
    assert "seed=5" not in command


def test_further_replicates_have_seeds_of_their_own_that_all_points_share(tmp_path: Path) -> None:
    read = reading.load(written(tmp_path, "[5, 6]", replicates=2))
    seeds = {tuple(p.values.values()): [p.seed(1, r) for r in (0, 1)] for p in read.points}
    assert seeds[5, 0] == seeds[5, 2]
    assert seeds[5, 0][0] == 5
    assert len({seed for both in seeds.values() for seed in both}) == 4


@pytest.mark.parametrize("seeds", ["[-1]", "[1.5]", '["a"]', f"[{2**64}]"])
def test_what_is_no_seed_is_refused(tmp_path: Path, seeds: str) -> None:
    with pytest.raises(ScenarioError, match=r"parameters\.start: not a seed"):
        reading.load(written(tmp_path, seeds))
