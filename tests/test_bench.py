"""The benchmarks measure what they say; how fast anything is, is no test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from evosim.benchmarks import core as bench
from evosim.benchmarks import history, main, studies
from evosim.benchmarks.rows import Row
from evosim.cli import cli
from evosim.errors import EvosimError
from evosim.plot import throughput


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``evosim bench --quick --json`` prints, and the files it drew."""
    folder = tmp_path_factory.mktemp("bench")
    done = CliRunner().invoke(
        cli, ["bench", "--quick", "--json", "--plot", str(folder / "speed")], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return {**json.loads(done.stdout), "files": sorted(p.name for p in folder.iterdir())}


def c_planner() -> bench.CPlanner:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    return bench.CPlanner()


def test_the_quick_json_has_its_rows(quick: dict[str, Any]) -> None:
    rows = {row["name"]: row for row in quick["rows"]}
    assert {
        "backups: Numba", "backups: C", "backups: Numba / C", "backups: Numba, by action",
        "mixed depths: Numba", "mixed depths: C", "mixed depths: Numba / C", "a whole plan",
        "1 thread / 2 threads", "a sampled step", "an exact expectation", "an exact optimum",
        "a step of an environment: state", "a step of an environment: felt",
        "optima of maze levels", "expectations on maze levels", "expectations of random play",
        "random steps in mazes", "drawing a maze level",
        "reference / kernel: plan", "reference / kernel: expectation",
        "breeding, of a generation", "breeding, probes counted",
    } <= rows.keys()  # fmt: skip
    assert not any("whole run" in name or "compilation" in name for name in rows)
    for row in rows.values():
        assert row["best"] is None or row["best"] > 0
        assert (row["goal"] is None or row["best"] is None) == (row["met"] is None)


def test_the_json_says_what_was_measured_on_what(quick: dict[str, Any]) -> None:
    assert quick["quick"] is True
    assert quick["threads"] >= 1
    assert quick["threading_layer"] == "python threads over nogil kernels"
    assert {"processor", "system", "cores", "versions", "load"} <= quick.keys()
    assert {"python", "numba", "numpy"} <= quick["versions"].keys()


def test_a_plot_without_a_suffix_is_drawn_as_svg_and_png(quick: dict[str, Any]) -> None:
    assert quick["files"] == ["speed.png", "speed.svg"]
    assert [curve["size"] for curve in quick["cost"]] == [
        "population", "levels", "states", "depth", "replicates"
    ]  # fmt: skip
    assert all(np.isfinite(curve["exponent"]) for curve in quick["cost"])
    assert all(seconds > 0 for curve in quick["cost"] for seconds in curve["seconds"])


FACTS = {"processor": "Fast 1000 @ 3 GHz", "cores": 2, "quick": False, "versions": {"numba": "1"}}


def ratios(numba: float, kernel: float, threads: float | None = 1.9) -> list[Row]:
    return [
        Row(name="Numba / C", unit="x", best=numba, goal=1.4),
        Row(name="reference / kernel", unit="x", best=kernel, goal=500.0, at_least=True),
        Row(name="1 thread / 2 threads", unit="x", best=threads, goal=1.85, at_least=True),
        Row(name="a whole plan", unit="us", best=3.0 * numba),
    ]


def recorded(folder: Path, rows: list[Row], **facts: Any) -> history.Record:
    record = history.record_of({**FACTS, **facts}, rows)
    history.write(record, folder)
    return record


def test_a_ratio_that_has_fallen_by_more_than_a_tenth_fails_the_check(tmp_path: Path) -> None:
    record = recorded(tmp_path, ratios(1.3, 1000))
    said = history.check(record, ratios(1.42, 901, threads=None), tmp_path)
    assert said.startswith("no ratio has fallen by more than 10% since 20")
    with pytest.raises(EvosimError) as told:
        history.check(record, ratios(1.44, 899), tmp_path)
    assert str(told.value).splitlines()[1:] == [
        "  Numba / C: 1.44, was 1.3 (at most 1.43)",
        "  reference / kernel: 899, was 1,000 (at least 900)",
    ]
    history.check(record, ratios(0.5, 5000), tmp_path)  # what has become better is no failure


def test_ratios_are_compared_with_the_last_of_the_same_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, numba in ((1, 1.9), (2, 1.3)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(day * 86400))
        record = recorded(tmp_path, ratios(numba, 1000))
    recorded(tmp_path, ratios(9.0, 1), cores=64)
    recorded(tmp_path, ratios(9.0, 1), quick=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "1970-01-02-fast-1000-3-ghz-2.json", "1970-01-03-fast-1000-3-ghz-2-quick.json",
        "1970-01-03-fast-1000-3-ghz-2.json", "1970-01-03-fast-1000-3-ghz-64.json",
    ]  # fmt: skip
    with pytest.raises(
        EvosimError, match=r"since 1970-01-03, commit \w+:\n  Numba / C: 1\.5, was 1\.3"
    ):
        history.check(record, ratios(1.5, 1000), tmp_path)


def test_a_machine_without_a_record_is_told_how_to_make_one(tmp_path: Path) -> None:
    record = recorded(tmp_path, ratios(1.3, 1000))
    with pytest.raises(EvosimError, match=r"no record of this machine .*: evosim bench --record"):
        history.check({**record, "processor": "Slow 1"}, ratios(1.3, 1000), tmp_path)


def test_records_of_the_checkout_can_be_read_and_are_small() -> None:
    for path in history.FOLDER.glob("*.json"):
        assert path.stat().st_size < 8000
        record = json.loads(path.read_text())
        assert {"date", "commit", "processor", "cores", "quick", "rows"} <= record.keys()
        assert {"backups: Numba / C", "1 thread / 2 threads"} <= record["rows"].keys()


def test_a_plot_of_an_unknown_format_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(EvosimError, match="unknown figure format 'gif'"):
        main(plot=Path("speed.gif"))


@pytest.mark.parametrize("depth", [0, 1, 7, 20])
def test_c_and_numba_agree(depth: int) -> None:
    (case,) = bench.cases(bench.LANES, depth)
    assert case.disagreement(c_planner().planner(case)) <= bench.AGREEMENT


def test_c_and_numba_agree_on_mixed_depths_and_other_levels() -> None:
    depths = np.random.default_rng(2).integers(0, 12, 150)
    in_c = c_planner()
    for level in range(3):
        for case in bench.cases(len(depths), depths, level=level):
            assert case.disagreement(in_c.planner(case)) <= bench.AGREEMENT


def test_c_and_numba_start_from_the_same_values_and_end_elsewhere() -> None:
    (case,) = bench.cases(bench.LANES, 5)
    planner = c_planner().planner(case)
    case.prepare()
    instinct = case.other[0].copy()
    assert np.array_equal(case.space.value[0], instinct)
    assert not np.array_equal(case.other[planner()], instinct)


def test_c_refuses_a_world_that_it_does_not_know() -> None:
    (case,) = bench.cases(bench.LANES, 1, ["world.slip=0.1"])
    with pytest.raises(ValueError, match="slip"):
        c_planner().planner(case)


def test_without_a_compiler_the_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    rows = bench._backups(bench.cases(bench.LANES, 1), "backups", 2, "")
    assert [row.name for row in rows] == ["backups: Numba", "backups: C", "backups: Numba / C"]
    assert rows[0].best
    assert all(row.best is None and row.note == "no C compiler" for row in rows[1:])
    assert all(row.met is None for row in rows)


def test_a_compiler_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken-cc"
    broken.write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with pytest.raises(OSError, match="broken-cc fails: no such thing"):
        bench.CPlanner()


@pytest.mark.parametrize(
    ("best", "goal", "at_least", "met"),
    [
        (1.3, 1.4, False, True),
        (1.5, 1.4, False, False),
        (1.9, 1.85, True, True),
        (1.8, 1.85, True, False),
        (None, 1.4, False, None),
        (3.0, None, False, None),
    ],
)
def test_a_goal_is_met_or_not(
    best: float | None, goal: float | None, at_least: bool, met: bool | None
) -> None:
    assert Row(name="x", unit="s", best=best, goal=goal, at_least=at_least).met is met


def test_the_fitted_exponent_is_that_of_the_power_law_from_where_it_is_fitted() -> None:
    sizes = [1, 2, 4, 8, 16]
    speeds = [9.0, 9.0, 3.0 * 4**-1.5, 3.0 * 8**-1.5, 3.0 * 16**-1.5]
    law = throughput.fit(throughput.Curve("depth", "", sizes, speeds, fit_from=4))
    assert law.exponent == pytest.approx(-1.5)
    assert law.factor == pytest.approx(3.0)
    with pytest.raises(ValueError, match="not 2"):
        throughput.fit(throughput.Curve("depth", "", sizes, speeds, fit_from=16))


def test_a_new_process_tells_how_long_the_kernels_took() -> None:
    told = bench.in_new_process("print(json.dumps(bench.started(began)))")
    assert 0 < told["kernels"] < told["all"]


RUN = """
import numpy as np
from evosim import scenario
from evosim.engine.probe import Prober
from evosim.engine import loop

class Done:
    def plot(self):
        pass

def run(of, *, seed, out, figures, progress):
    assert (of, out, figures, progress) == ("contraception", "folder", False, False)
    small = scenario.load(of, ["evolution.population=8", "measure.levels=1", "measure.sample=2"])
    genomes = bench.mind.initial(small, 8, seed)
    bench._generation(small)[1]()
    loop.reproduce(small, loop.initial_population(small, seed), {"score": np.arange(8.0)}, seed)
    Prober(small, 1).measure(genomes, 0)
    return Done()

bench.watch(run, "folder", began)
"""


def test_a_watched_run_tells_where_its_time_went() -> None:
    told = bench.in_new_process(RUN)
    assert list(told["seconds"]) == [
        "imports", "loading the core", "lifetimes", "breeding", "probes", "figures"
    ]  # fmt: skip
    assert all(seconds > 0 for seconds in told["seconds"].values())
    assert told["processor"] > 0
    assert 50 < told["megabytes"] < 1000


@pytest.mark.slow
def test_what_studies_cost_is_measured() -> None:
    rows = [*studies._seconds(4), *studies._memory((4, 8))]
    found = {row.name: row.best for row in rows}
    assert len(found) == len(rows)
    assert all(best is not None and np.isfinite(best) for best in found.values())
    assert found["driver's memory, 8 runs"] > 10
