"""The benchmark measures what it says; how fast the machine is, is not tested."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from evosim import bench


@pytest.mark.slow
def test_a_quick_benchmark_has_its_rows_and_its_curves(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bench.main(json=True, plot=tmp_path / "throughput.png", quick=True)
    told = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in told["rows"]}
    for name in (
        "backups: Numba", "backups: Numba / C", "backups, mixed depths: Numba / C",
        "1 thread / 2 threads", "a sampled step", "reference / kernel, plan",
        "breeding, of a generation",
    ):  # fmt: skip
        best = rows[name]["best"]
        if best is None:
            assert shutil.which("gcc") is None
        else:
            assert math.isfinite(best)
            assert best > 0
    assert (tmp_path / "throughput.png").stat().st_size > 10_000


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_c_and_the_kernel_back_up_to_the_same_values() -> None:
    (case,) = bench.cases(64, 20)
    assert case.disagreement(bench.CPlanner().planner(case)) <= bench.AGREEMENT
