"""The commands, as a user meets them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from processes import call

import evosim
from evosim.cli import cli
from evosim.errors import EvosimError
from evosim.starter import starter, starter_study

ROOT = Path(__file__).parents[1]

SMALL = (
    "evolution.population=6", "evolution.levels=1", "measure.levels=1", "measure.sample=2",
    "timeline.0.generations=2", "timeline.1.generations=2", "verdict.resamples=20",
)  # fmt: skip
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs a command in this process, in tmp_path."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], prog_name="evosim")

    return call


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete small run of the starter scenario, without figures; to be read only."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "mine.toml").write_text(starter("mine"))
    run = evosim.run(
        folder / "mine.toml", seed=4, settings=SMALL, out=folder / "run", figures=False
    )
    return run.path


def small() -> list[str]:
    return [word for pair in SMALL for word in ("--set", pair)]


def test_help_lists_every_command_in_the_order_of_use(invoke: Invoke) -> None:
    shown = invoke("--help")
    assert shown.exit_code == 0
    listed = shown.stdout.split("Commands:\n")[1].split("\n\n")[0]
    commands = [line.split()[0] for line in listed.splitlines()]
    assert commands == [
        "list", "show", "explain", "check", "sham", "new", "run", "lab", "resume", "fork", "plot",
        "report", "analyse", "stress", "compare", "export", "replay", "study", "bench", "gallery",
        "schema",
    ]  # fmt: skip
    for command in commands:
        assert invoke(command, "--help").exit_code == 0


def test_the_version_is_told(invoke: Invoke) -> None:
    assert invoke("--version").stdout == f"evosim {evosim.__version__}\n"


def test_list_shows_the_catalogue(invoke: Invoke) -> None:
    shown = invoke("list")
    assert shown.exit_code == 0
    for name in evosim.catalogue():
        assert name in shown.stdout
    lines = {line.split()[0]: line for line in shown.stdout.splitlines() if line.strip()}
    for name in ("contraception", "dying_out"):
        record = json.loads((ROOT / f"docs/gallery/{name}.confirm.json").read_text())
        assert record["verdict"] in lines[name]
    assert " s " in lines["contraception"]
    assert "2 flips" in lines["insect"]


def test_show_finds_a_word_of_a_title(invoke: Invoke) -> None:
    assert "The strawberry picker" in invoke("show", "picker").stdout
    # A title that is the word itself comes before those that only hold it.
    assert "The pill (contraception)" in invoke("show", "pill").stdout
    several = invoke("show", "streetlight")
    assert several.exit_code == 2
    assert "strawberry (The strawberry picker)" in several.stderr
    assert "did you mean" in invoke("show", "contraceptive").stderr


def test_show_tells_a_newcomer_what_a_scenario_is(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(starter("mine"))
    shown = invoke("show", "mine.toml")
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.stdout.split())
    assert "When sweet things stop feeding" in text
    assert "f fruit" in text
    assert "energy +2" in text
    assert "kinds.candy.count = 2" in text
    assert "150 states" in text
    assert "0 to 39 orchard" in text
    assert "drive.sweetness evolves in [-1, 1]" in text
    assert "depth evolves in [0, 8], starts at 0" in text
    maps = shown.stdout.split("A level")[1].split("@ start")[0]
    assert maps.count("@") == 2
    assert maps.count("f") >= 4


def test_show_tells_the_arms_and_findings_of_an_experiment(invoke: Invoke) -> None:
    shown = invoke("show", "strawberry")
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.stdout.split())
    experiment = evosim.load("strawberry").experiment
    assert experiment is not None
    assert f"Experiment, {experiment.replicates} replicates of each arm" in text
    for name, arm in experiment.arms.items():
        assert f"arm {name} {' '.join(arm.title.split())}" in text
    for finding in experiment.findings:
        assert " ".join(finding.says.split()) in text


def test_show_tells_weights_as_the_chances_of_values(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(starter("mine"))
    start = "world.variables.energy.start=[0, 0, 1, 3, 0, 0]"
    shown = invoke("show", "mine.toml", "--set", start)
    assert shown.exit_code == 0, shown.output
    assert "starts at 2 (25 %), 3 (75 %)" in " ".join(shown.stdout.split())


def test_show_prints_what_a_run_found_once_more(invoke: Invoke, mine: Path) -> None:
    shown = invoke("show", mine)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"{evosim.open_run(mine).verdict}\n"
    assert "What evolved" in shown.stdout
    refused = invoke("show", mine, "--set", "world.slip=0.1")
    assert refused.exit_code == 2
    assert "leave out --set" in refused.output


def test_show_says_what_is_damaged(invoke: Invoke, mine: Path, tmp_path: Path) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(mine, copy)
    written = copy / "run.json"
    written.write_text(written.read_text().replace('"title": "', '"title": "x', 1))
    shown = invoke("show", copy)
    assert shown.exit_code == 2
    assert "run.json is damaged: its checksum" in shown.output
    written.unlink()
    assert "is a folder, not a file" in invoke("show", copy).output
    for what in ("experiment", "study"):
        other = tmp_path / f"damaged-{what}"
        other.mkdir()
        (other / f"{what}.json").write_text("{")
        shown = invoke("show", other)
        assert shown.exit_code == 2
        assert f"{what}.json" in shown.output
        assert "is a folder" not in shown.output


def test_show_takes_a_home_folder(
    invoke: Invoke, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(mine.parent))
    shown = invoke("show", f"~/{mine.name}")
    assert shown.exit_code == 0, shown.output
    assert shown.output == invoke("show", mine).output


def test_show_draws_thin_barriers(invoke: Invoke, tmp_path: Path) -> None:
    text = starter("mine").replace(
        "rows     = 5\ncols     = 5", 'map = """\n. .|.\n-    \n@ . .\n     \n. .|f\n"""'
    )
    (tmp_path / "mine.toml").write_text(text)
    bare = ("world.kinds.fruit", "world.kinds.thorn", "environments.shop.kinds.candy")
    sets = [word for kind in bare for word in ("--set", f"{kind}.count=0")]
    shown = invoke("show", "mine.toml", *sets)
    assert shown.exit_code == 0, shown.output
    drawn = [line.rstrip() for line in shown.stdout.splitlines()]
    begin = drawn.index("A level") + 1
    assert drawn[begin : begin + 4] == ["  . .|.", "  -", "  @ . .", "  . .|f"]


def test_every_shipped_scenario_checks_and_shows(invoke: Invoke) -> None:
    names = list(evosim.catalogue())
    assert invoke("check", *names).stdout.splitlines() == [f"{name}: ok" for name in names]
    for name in names:
        shown = invoke("show", name)
        assert shown.exit_code == 0, shown.output


def test_a_new_scenario_checks_clean_and_is_never_overwritten(
    invoke: Invoke, tmp_path: Path
) -> None:
    assert "evosim check my-own.toml" in invoke("new", "my-own.toml").stdout
    assert invoke("check", "my-own.toml").stdout == "my-own.toml: ok\n"
    assert evosim.load(tmp_path / "my-own.toml").id == "my-own"
    (tmp_path / "my-own.toml").write_text("precious")
    again = invoke("new", "my-own.toml")
    assert again.exit_code == 2
    assert "my-own.toml exists" in again.stderr
    assert (tmp_path / "my-own.toml").read_text() == "precious"
    nowhere = invoke("new", "nowhere/x.toml")
    assert nowhere.exit_code == 2
    assert "cannot write nowhere/x.toml: No such file or directory" in nowhere.stderr


@pytest.mark.parametrize("name", ["1.toml", "-.toml", "é.toml", "a b.toml", "x"])
def test_a_new_scenario_has_an_id_whatever_its_file_is_called(
    invoke: Invoke, tmp_path: Path, name: str
) -> None:
    assert invoke("new", "--", name).exit_code == 0
    assert evosim.check(tmp_path / name).generations == 80


def test_check_tells_every_mistake_of_every_file(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(starter("good"))
    (tmp_path / "bad.toml").write_text(
        starter("bad").replace("lifetime = 40", "lifetme = 40").replace("tournsize", "size")
    )
    shown = invoke("check", "good.toml", "bad.toml", "missing.toml")
    assert shown.exit_code == 1
    assert shown.stdout == "good.toml: ok\n"
    assert "bad.toml:30: world.lifetme:" in shown.stderr
    assert "lifetime" in shown.stderr
    assert "missing.toml" in shown.stderr
    assert "Traceback" not in shown.output


def test_check_takes_settings_as_run_does(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(starter("good"))
    few, many = (
        invoke("check", "good.toml", "--set", f"evolution.population={n}") for n in (100, 1000)
    )
    assert few.exit_code == many.exit_code == 0
    assert few.stderr != many.stderr
    shown = invoke("check", "good.toml", "--set", "evolution.population=-1")
    assert shown.exit_code == 1
    assert "--set evolution.population=-1: evolution.population: " in shown.stderr


def test_notes_are_told_with_their_lines_and_are_no_errors(invoke: Invoke, tmp_path: Path) -> None:
    text = starter("odd").replace("depth         = [0, 8]", "depth         = 4")
    (tmp_path / "odd.toml").write_text(text.replace("thinking_cost = 0.0", "thinking_cost = 0.1"))
    shown = invoke("check", "odd.toml")
    assert shown.exit_code == 0
    what = "agent.thinking_cost: {}all pay the same: agent.depth is pinned to 4"
    line = shown.stdout.splitlines()[1]
    assert line == f"odd.toml:{_line(tmp_path / 'odd.toml', 'thinking_cost')}: " + what.format(
        "note: "
    )
    lines = invoke("show", "odd.toml").stdout.splitlines()
    assert lines[-2:] == ["Notes: allowed, but perhaps not meant", "  " + what.format("")]
    assert "Notes" not in invoke("show", "contraception").stdout


def _line(path: Path, begin: str) -> int:
    lines = path.read_text().splitlines()
    return 1 + next(i for i, line in enumerate(lines) if line.startswith(begin))


def test_check_tells_the_hash_that_freezes_a_file_and_whether_it_still_fits(
    invoke: Invoke, tmp_path: Path
) -> None:
    for command, name, text in (
        (("check",), "moth.toml", starter("moth")),
        (("study", "check"), "price.toml", starter_study("price")),
    ):
        path, head = tmp_path / name, 'id       = "'
        path.write_text(text.replace(head, 'frozen   = ""\n' + head, 1))
        asked = invoke(*command, name)
        assert asked.stdout.startswith(f"{name}: ok; exploratory: frozen is not the hash of all")
        frozen = path.read_text().replace(
            'frozen   = ""', f'frozen   = "{asked.stdout.split()[-1]}"'
        )
        path.write_text(frozen)
        assert (
            invoke(*command, name).stdout == f"{name}: ok; confirmatory: frozen before it was run\n"
        )
        path.write_text(
            frozen.replace("seed     = 1", "seed     = 2").replace("levels = 8", "levels = 9")
        )
        assert "exploratory" in invoke(*command, name).stdout


def test_a_bad_operator_is_found_by_check(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(starter("bad").replace("tournsize", "size"))
    shown = invoke("check", "bad.toml")
    assert shown.exit_code == 1
    assert "size" in shown.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "contraceptoin"], "contraception"),
        (["run", "contraception", "--set", "evolution.popluation=3"], "population"),
        (["run", "contraception", "--replicates", "0"], "--replicates"),
        (["show", "nothing.toml"], "nothing.toml"),
        (["resume", "nowhere"], "nowhere: there is no such run folder"),
        (["plot", "nowhere"], "nowhere: there is no such run folder"),
        (["replay", "nowhere"], "nowhere: there is no such run folder"),
        (["report", "nowhere"], "nowhere: there is no such run folder"),
        (["fork", "nowhere", "--at", "3"], "nowhere: there is no such run folder"),
        (["fork", "nowhere"], "--at"),
        (["replay", "nowhere", "--individual", "worst"], "neither a number from 0, nor best"),
        (["rum"], "No such command 'rum'"),
    ],
)
def test_a_mistake_is_told_in_words_with_exit_code_2(
    invoke: Invoke, words: list[str], message: str
) -> None:
    shown = invoke(*words)
    assert shown.exit_code == 2, shown.output
    assert message in shown.stderr
    assert shown.stdout == ""
    assert not Path("runs").exists()


def test_run_prints_its_seed_its_verdict_and_every_file_it_wrote(
    invoke: Invoke, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(starter("mine"))
    shown = invoke("run", "mine.toml", *small())
    assert shown.exit_code == 0, shown.output
    seed = evosim.open_run(next((tmp_path / "runs").iterdir())).seed
    assert f"mine, seed {seed}: runs/mine-{seed}" in shown.stderr
    assert "Flip at generation 2: orchard -> shop" in shown.stdout
    assert "kept: at least 0.7" in shown.stdout
    written = [line for line in shown.stdout.splitlines() if line.startswith("runs/")]
    assert f"runs/mine-{seed}/run.nc" in written
    assert any(line.endswith("genes.svg") for line in written)
    assert all((tmp_path / line).stat().st_size > 0 for line in written)


def test_json_prints_the_summary_and_nothing_else(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(starter("mine"))
    shown = invoke("run", "mine.toml", *small(), "--json", "--no-figures", "--out", "here")
    summary = json.loads(shown.stdout)
    written = json.loads((tmp_path / "here" / "summary.json").read_text())
    del written["checksum"]
    assert json.loads(shown.stdout) == written
    (flip,) = summary["flips"]
    assert {"from", "to", "capability_before", "capability_after", "alignment_before",
            "alignment_after", "collapse", "verdict", "intervals"} <= set(flip)  # fmt: skip
    assert set(summary["environments"]) == {"orchard", "shop"}
    assert "payoffs" in summary["environments"]["shop"]
    quiet = invoke("run", "mine.toml", *small(), "--quiet", "--no-figures", "--out", "there")
    assert quiet.exit_code == 0
    assert quiet.output == ""


def test_an_existing_folder_is_never_touched(invoke: Invoke, mine: Path) -> None:
    before = sorted(p.name for p in mine.iterdir())
    shown = invoke("run", mine.parent / "mine.toml", "--out", mine)
    assert shown.exit_code == 2
    assert f"evosim resume {mine}" in shown.stderr
    assert sorted(p.name for p in mine.iterdir()) == before


def test_the_default_folder_is_one_that_is_free(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(starter("mine"))
    for folder in ("mine-7", "mine-7-2"):
        invoke("run", "mine.toml", "--seed", 7, *small(), "--no-figures")
        assert evosim.open_run(tmp_path / "runs" / folder).seed == 7


def test_run_draws_the_figures_asked_for(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(starter("mine"))
    shown = invoke("run", "mine.toml", *small(), "--figures", "genes, flip", "--out", "here")
    assert shown.exit_code == 0, shown.output
    drawn = tmp_path / "here" / "figures"
    names = {f"{name}.{suffix}" for name in ("genes", "flip") for suffix in ("svg", "png")}
    assert {path.name for path in drawn.iterdir()} == names
    (drawn / "flip.png").unlink()
    invoke("resume", "here")
    assert {path.name for path in drawn.iterdir()} == names
    wrong = invoke("run", "mine.toml", *small(), "--figures", "genes,flop", "--out", "there")
    assert wrong.exit_code == 2
    assert "unknown figure 'flop'" in wrong.stderr
    assert "did you mean 'flip'" in wrong.stderr
    assert not (tmp_path / "there").exists()


def test_plot_redraws_the_figures_asked_for(invoke: Invoke, mine: Path, tmp_path: Path) -> None:
    shown = invoke("plot", mine, "genes", "--out", "here", "--format", "png")
    assert shown.stdout == f"{Path('here/genes.png')}\n"
    listed = invoke("plot", mine, "--figures", "genes", "--out", "here", "--format", "png")
    assert listed.stdout == shown.stdout
    assert (tmp_path / "here" / "genes.png").stat().st_size > 1000
    wrong = invoke("plot", mine, "gnees")
    assert wrong.exit_code == 2
    assert "genes" in wrong.stderr
    run = evosim.open_run(mine)
    assert "genes" in dir(run.plot)
    (path,) = run.plot.genes(folder=tmp_path / "there", formats=["svg"])
    assert path == tmp_path / "there" / "genes.svg"
    with pytest.raises(AttributeError, match="genes"):
        _ = run.plot.gnees


def test_a_figure_in_memory_is_that_of_the_file_and_writes_none(mine: Path, tmp_path: Path) -> None:
    from evosim.plot.style import write

    run = evosim.open_run(mine)
    before = sorted(mine.rglob("*"))
    names = ("genes", "flip", "level")
    for name, path in zip(names, run.plot(*names, folder=tmp_path, formats=["svg"]), strict=True):
        title = f"{run.scenario.title}: {evosim.plot.FIGURES[name].title}"
        write(run.figure(name), tmp_path / "again.svg", title=title)
        assert (tmp_path / "again.svg").read_bytes() == path.read_bytes()
    assert sorted(mine.rglob("*")) == before
    with pytest.raises(EvosimError, match="did you mean 'genes'"):
        run.figure("gnees")


def test_compare_refuses_a_figure_it_cannot_write_before_it_compares(
    invoke: Invoke, mine: Path
) -> None:
    wrong = invoke("compare", mine, mine, "--plot", "both.jpg")
    assert wrong.exit_code == 2
    assert "unknown figure format 'jpg'" in wrong.stderr


def test_export_writes_a_tree_sequence(invoke: Invoke, mine: Path, tmp_path: Path) -> None:
    tskit = pytest.importorskip("tskit")
    shown = invoke("export", mine, "--trees", "mine.trees")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == "mine.trees\n"
    found = tskit.load(tmp_path / "mine.trees")
    genome = evosim.open_run(mine).data["genome"].isel(replicate=0)
    assert found.num_individuals == genome.sizes["generation"] * genome.sizes["individual"]
    last = found.individual(found.num_individuals - 1).metadata
    assert list(last["genes"].values()) == genome[-1, -1].values.tolist()
    assert found.metadata["seed"] == "4"
    wrong = invoke("export", mine, "--trees", "mine.nc")
    assert wrong.exit_code == 2
    assert "mine.nc: a tree sequence is written as .trees" in wrong.stderr
    assert not (tmp_path / "mine.nc").exists()
    for words, message in (
        ([], "say what to export"),
        (["--trees", "x.trees", "--replicate", 3], "no replicate 3: there are 0 to 0"),
        (["--trees", "nowhere/x.trees"], "cannot write nowhere/x.trees"),
        (["--trees", "x.trees", "--tensors", "x.npz"], "say what to export"),
        (["--trees", "x.trees", "--level-seed", 0], "--level-seed is about tensors"),
        (["--trees", "x.trees", "--set", "a=1"], "--set is about tensors"),
        (["--trees", "x.trees", "--measures", "alignment"], "--measures is about --courses"),
    ):
        wrong = invoke("export", mine, *words)
        assert wrong.exit_code == 2, wrong.output
        assert message in wrong.stderr
        assert "Traceback" not in wrong.output


def test_export_writes_courses(invoke: Invoke, mine: Path, tmp_path: Path) -> None:
    shown = invoke("export", mine, "--courses", "mine.csv", "--measures", "alignment,lived")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == "mine.csv\n"
    head, *rows = (tmp_path / "mine.csv").read_text(encoding="utf-8").splitlines()
    assert head == "replicate,generation,environment,variable,value"
    run = evosim.open_run(mine)
    of = len(run.scenario.payoffs)
    probed = run.data.sizes["probe"] * len(run.scenario.environments)
    assert len(rows) == run.data.sizes["replicate"] * (probed + of * run.data.sizes["generation"])
    before = (tmp_path / "mine.csv").read_bytes()
    for words, message in (
        (["--courses", "x.txt"], "x.txt: courses are written as .csv"),
        (["--courses", "mine.csv", "--measures", "collapse"], "takes no at"),
        (["--courses", "mine.csv", "--measures", "alignmet"], "did you mean 'alignment'?"),
        (["--courses", "nowhere/x.csv"], "cannot write nowhere/x.csv"),
        (["--courses", "x.csv", "--replicate", 0], "--replicate is not about courses"),
    ):
        wrong = invoke("export", mine, *words)
        assert wrong.exit_code == 2, wrong.output
        assert message in wrong.stderr
        assert "Traceback" not in wrong.output
    assert (tmp_path / "mine.csv").read_bytes() == before


def test_analyse_tells_what_moved_the_genes(invoke: Invoke, mine: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(mine, tmp_path / "copy")
    shown = invoke("analyse", folder, "heredity", "--no-figures", "--json")
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)["heredity"]
    assert found == json.loads((folder / "analyses" / "heredity.json").read_text())
    assert set(found["price"]) == {"selection", "drift", "transmission", "change"}
    told = invoke("analyse", folder, "heredity", "--no-figures")
    assert "Effective size:" in told.stdout


def test_replay_makes_a_gif_or_plays_in_the_terminal(
    invoke: Invoke, mine: Path, tmp_path: Path
) -> None:
    words = ["replay", mine, "--generation", 1, "--environment", "shop"]
    assert invoke(*words, "--out", "life.gif").stdout == "life.gif\n"
    assert (tmp_path / "life.gif").read_bytes().startswith(b"GIF89a")
    played = invoke(*words, "--terminal")
    assert played.exit_code == 0, played.output
    assert "energy" in played.stdout
    for words, message in (
        (["--generation", 9], "generation 9"),
        (["--environment", "shp"], "shop"),
        (["--individual", 99], "individual 99"),
        (["--replicate", 5], "replicate 5"),
    ):
        wrong = invoke("replay", mine, *words)
        assert wrong.exit_code == 2, wrong.output
        assert message in wrong.stderr


def test_replay_shows_the_median_unless_told_otherwise(mine: Path, tmp_path: Path) -> None:
    run = evosim.open_run(mine)
    scores = run.data["score"].isel(replicate=0, generation=1).values
    median = int(np.argsort(scores, kind="stable")[(len(scores) - 1) // 2])
    one = run.replay(generation=1, out=tmp_path / "1.gif")
    two = run.replay(generation=1, individual=median, out=tmp_path / "2.gif")
    assert one is not None
    assert two is not None
    assert one.read_bytes() == two.read_bytes()


def test_the_schema_is_json_and_goes_to_a_file(invoke: Invoke, tmp_path: Path) -> None:
    schema = json.loads(invoke("schema").stdout)
    assert "properties" in schema
    assert invoke("schema", "--out", "schema.json").stdout == "schema.json\n"
    assert json.loads((tmp_path / "schema.json").read_text()) == schema


def test_a_reader_that_goes_away_gets_no_traceback(tmp_path: Path) -> None:
    run = subprocess.run(
        f"{sys.executable} -m evosim schema | head -n 1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "{\n"
    assert run.stderr == ""


def test_an_output_that_is_full_gets_no_traceback(mine: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    code = """
import os
os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
from evosim.cli import main
main()
"""
    for words in (["schema"], ["list"], ["resume", mine], ["--version"]):
        run = call(tmp_path, *words, code=code)
        assert run.returncode == 2
        assert run.stderr == ("Error: cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize("first", ["import evosim.engine.loop", "from evosim import run"])
def test_the_public_function_can_be_called_whatever_was_imported_first(
    tmp_path: Path, first: str
) -> None:
    code = f"{first}\nimport evosim\nevosim.run('nothing')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "evosim.errors.ScenarioError: nothing: no such scenario" in done.stderr


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        _ = evosim.rnu  # type: ignore[attr-defined]
    for name in evosim.__all__:
        assert getattr(evosim, name) is not None


def test_progress_is_lines_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from evosim.execution.progress import Lines

    out = io.StringIO()
    with Lines(out, seconds=0) as told:
        told.begin("Tiny", size="3 generations, 2 replicates", total=6, done=1)
        told.generation("replicate 1", 0, 2.345)
        told.note("halfway")
    lines = out.getvalue().splitlines()
    assert lines[0] == "Tiny: 3 generations, 2 replicates"
    assert lines[1].startswith("replicate 1, generation 0, mean score 2.35; 33 % done, about")
    assert lines[2] == "halfway"
    with Lines(out, seconds=0) as told:
        told.begin("stress", size="exact evaluations", total=4, done=0, counted="evaluations")
        told.run(0)
    assert "1 of 4 evaluations; 25 % done" in out.getvalue()


def test_progress_is_a_bar_on_a_terminal_and_can_be_silenced() -> None:
    import io

    from evosim.execution.progress import Bar, Progress, progress

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with progress(file=out) as told:
        assert isinstance(told, Bar)
        told.begin("Tiny", size="3 generations", total=3, done=0)
        told.generation("", 0, 2.5)
    assert "1/3" in out.getvalue()
    assert "score 2.5" in out.getvalue()
    assert type(progress(show=False, file=out)) is Progress
    assert type(progress(file=io.StringIO())) is Progress


def test_bench_is_handed_its_options(monkeypatch: pytest.MonkeyPatch, invoke: Invoke) -> None:
    bench = pytest.importorskip("evosim.benchmarks")
    given: dict[str, Any] = {}
    monkeypatch.setattr(bench, "main", lambda **options: given.update(options))
    assert invoke("bench", "--json", "--quick", "--plot", "x.svg").exit_code == 0
    no = dict.fromkeys(("studies", "record", "check"), False)
    assert given == {"json": True, "plot": Path("x.svg"), "quick": True, **no}
