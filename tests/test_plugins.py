"""What is added from outside: the plugin of docs/extending.md, found in every process; errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from processes import call

import evosim.api.runs
import evosim.plot
from evosim.errors import EvosimError
from evosim.evolution import Asked, Optimizer
from evosim.metrics.analyses.registry import Analysis, Request
from evosim.registry import Registry, calling, check_call

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "extending.md"

SCENARIO = """\
id       = "mine"
title    = "Mine"
question = "Does it run?"
claim    = "Scores differ."
source   = "nobody"
control  = "none"
expected = "They do."

[objective]
intended = "food"
selected = "food"

[agent]
drives        = ["sweet"]
depth         = [0, 2]
patience      = 0.9
thinking_cost = 0.01

[world]
rows = 3
cols = 3
lifetime = 10

[world.kinds.fruit]
glyph = "f"
count = 1
use.eat = { feels = { sweet = 1.0 }, yields = { food = 1.0 } }

[environments.home]

[evolution]
population = 8
levels     = 1
select     = { operator = "selLinear", pressure = 1.5 }
mate       = { operator = "cxMean", chance = 0.5 }
mutate     = { operator = "mutReset", indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 4
train = "home"

[measure]
levels = 1
sample = 2

[verdict]
resamples = 100

[experiment]
replicates = 2

[experiment.arms.mine]
title = "as it is"

[[experiment.findings]]
says    = "scores differ"
measure = "score_spread"
above   = 0.0
"""
STUDY = """\
id         = "mine_study"
title      = "Mine"
scenario   = "mine.toml"
replicates = 2
seed       = 3

[parameters.pressure]
label  = "pressure"
key    = "evolution.select.pressure"
values = [1.2, 1.8]

[measures.spread]
label   = "spread"
measure = "score_spread"
"""


def install(folder: Path, name: str, version: str, module: str, source: str) -> None:
    """A distribution as pip would leave it, with a module that is its plugin."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[evosim.plugins]\n{module} = {module}\n")


def python_of_the_page() -> str:
    return "\n".join(
        re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    )


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin of the page, and the scenario that names it."""
    folder = tmp_path_factory.mktemp("plugin")
    install(folder, "my_evosim_things", "1.0", "my_evosim_things", python_of_the_page())
    (folder / "mine.toml").write_text(SCENARIO)
    return folder


def command(
    *words: object, path: Path, cwd: Path | None = None, code: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The command line, or code, with a folder on Python's path."""
    places = os.pathsep.join([str(path), str(ROOT)])
    return call(cwd or path, *words, code=code, env={"PYTHONPATH": places})


def test_a_scenario_is_checked_with_the_operators_of_a_plugin(plugin: Path, tmp_path: Path) -> None:
    done = command("check", "mine.toml", path=plugin)
    assert (done.returncode, done.stdout) == (0, "mine.toml: ok\n"), done.stderr
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(
        SCENARIO.replace("pressure = 1.5", "pressure = 5").replace("indpb = 0.3, ", "")
    )
    done = command("check", wrong, path=plugin)
    assert (
        "pressure: not a possible value (got 5, allowed a number above 1 and up to 2)"
        in done.stderr
    )
    assert "mutReset needs indpb (a probability from 0 to 1)" in done.stderr
    done = command("check", plugin / "mine.toml", path=tmp_path)
    assert "unknown selection operator 'selLinear'" in done.stderr
    assert "unknown crossover operator 'cxMean'" in done.stderr


@pytest.mark.usefixtures("registries_restored")
def test_the_test_of_the_page_passes() -> None:
    page: dict[str, Any] = {"__name__": "my_evosim_things"}
    exec(compile(python_of_the_page(), PAGE.name, "exec"), page)
    page["test_scores_differ"]()


def test_a_run_with_workers_has_what_a_plugin_adds(plugin: Path, tmp_path: Path) -> None:
    runs = {}
    for workers in (1, 2):
        runs[workers] = tmp_path / f"run{workers}"
        done = command(
            "run", "mine.toml", "--replicates", 2, "--seed", 1, "--workers", workers, "--quiet",
            "--no-figures", "--out", runs[workers], path=plugin,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    alone, shared = (xr.load_dataset(run / "run.nc") for run in runs.values())
    xr.testing.assert_identical(alone["genome"], shared["genome"])
    assert (alone["crossover"] == 2).any()
    assert json.loads((runs[1] / "run.json").read_text())["versions"]["my_evosim_things"] == "1.0"

    done = command("plot", runs[1], "score_histogram", "--format", "svg", path=plugin)
    assert done.stdout.split() == [str(runs[1] / "figures" / "score_histogram.svg")], done.stderr
    done = command("analyse", runs[1], "best", path=plugin)
    assert "score: " in done.stdout, done.stderr
    assert (runs[1] / "figures" / "best.svg").exists()


def test_an_experiment_settles_a_finding_about_a_plugins_metric(
    plugin: Path, tmp_path: Path
) -> None:
    done = command(
        "run", "mine.toml", "--arms", "--seed", 1, "--quiet", "--workers", 1,
        "--out", tmp_path / "x", path=plugin,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "x" / "verdict.json").read_text())
    assert found["findings"][0]["measure"] == "score_spread"
    assert found["verdict"] == "supported"


@pytest.mark.parametrize(
    "settings",
    [
        ["evolution.optimizer={name='hill', sigma=0.2}"],
        ["evolution.islands={demes=2, every=1, migrants=1, select={operator='selFirst'}}"],
    ],
)
def test_a_fork_goes_on_with_the_state_of_a_plugins_optimizer(
    settings: list[str], plugin: Path, tmp_path: Path
) -> None:
    code = f"""
import evosim
run = evosim.run({str(plugin / "mine.toml")!r}, settings={settings!r}, seed=1, replicates=2,
                 workers=1, out="run", figures=False, progress=False)
fork = evosim.fork(run.path, at=2, out="fork", workers=2, figures=False, progress=False)
assert fork.data.genome.identical(run.data.genome)
assert (run.data.genome[:, 2] != run.data.genome[:, 3]).any()
"""
    done = command(code=code, path=plugin, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_another_version_of_a_plugin_is_warned_of_when_a_run_goes_on(
    plugin: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ("--seed", 1, "--quiet", "--no-figures", "--out", run)
    assert command("run", "mine.toml", *words, path=plugin).returncode == 0
    later = tmp_path / "later"
    install(later, "my_evosim_things", "1.1", "my_evosim_things", python_of_the_page())
    done = command("fork", run, "--at", 2, "--no-figures", "--out", tmp_path / "fork", path=later)
    assert "my_evosim_things 1.0 -> 1.1" in done.stderr


def test_a_plugin_that_cannot_be_imported_is_named(tmp_path: Path, plugin: Path) -> None:
    install(tmp_path, "broken", "0.3", "broken_things", "import nothing_of_that_name\n")
    done = command("check", plugin / "mine.toml", path=tmp_path)
    assert "plugin 'broken_things' of broken 0.3 (broken_things) cannot be imported" in done.stderr
    assert "ModuleNotFoundError: No module named 'nothing_of_that_name'" in done.stderr
    assert "Traceback" not in done.stderr
    assert command("--help", path=tmp_path).returncode == 0


TWICE = """
import evosim
@evosim.metric("{name}", description="mine")
def mine(data, scenario, query):
    return (data["score"].mean(["generation", "individual"]).values,)
"""


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (["alignment"], ["evosim.metrics.probed.", "a_things.mine of a 1.0"]),
        (["new", "new"], ["a_things.mine of a 1.0", "b_things.mine of b 1.0"]),
    ],
)
def test_a_name_that_is_taken_twice_names_both_places(
    names: list[str], places: list[str], tmp_path: Path
) -> None:
    for dist, name in zip("ab", names, strict=False):
        install(tmp_path, dist, "1.0", f"{dist}_things", TWICE.format(name=name))
    code = "import evosim.metrics as m; list(m.METRICS)"
    done = command(code=code, path=tmp_path)
    told = done.stderr.splitlines()[-1]
    assert f"measure {names[0]!r} is registered twice" in told
    assert all(place in told for place in places), told


def test_what_a_script_registers_is_unknown_to_workers_and_they_say_so(
    plugin: Path, tmp_path: Path
) -> None:
    script = f"""{python_of_the_page()}
for workers in (1, 2):
    try:
        evosim.run({str(plugin / "mine.toml")!r}, seed=1, replicates=2, workers=workers,
                   out=f"run{{workers}}", figures=False, progress=False)
    except evosim.EvosimError as error:
        print(workers, error)
    else:
        print(workers, "ok")
"""
    done = command(code=script, path=tmp_path)
    first, second = done.stdout.splitlines()[:2]
    assert first == "1 ok", done.stderr
    assert "unknown selection operator 'selLinear'" in second
    assert "This is a worker process" in second


@pytest.mark.slow
def test_a_study_on_dask_workers_measures_with_a_plugin(plugin: Path, tmp_path: Path) -> None:
    (plugin / "study.toml").write_text(STUDY)
    done = command(
        "study", "run", "study.toml", "--workers", 2, "--out", tmp_path / "study", path=plugin
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    assert summary["runs"]["lived"] == 4
    assert summary["runs"]["failed"] == 0


def test_a_cell_that_is_run_again_replaces_what_it_registered_and_nothing_else() -> None:
    things: Registry[int] = Registry("thing")

    def mine() -> None: ...

    def other() -> None: ...

    things.add("one", 1, mine)
    things.add("one", 2, mine)
    assert things["one"] == 2
    with pytest.raises(
        EvosimError, match=r"thing 'one' is registered twice: by .*mine, and by .*other"
    ):
        things.add("one", 3, other)
    with pytest.raises(EvosimError, match="not a name"):
        things.add("a thing", 3, other)
    with pytest.raises(EvosimError, match="unknown thing 'on': did you mean 'one'"):
        things["on"]


def select(individuals: list, k: int, fit_attr: str = "fitness") -> list:  # type: ignore[type-arg]
    return individuals[:k]


class Still(Optimizer):
    """Without ``ask``."""

    def start(self, scenario, seed_key):  # type: ignore[no-untyped-def]
        return Asked(None, {})  # type: ignore[arg-type]

    def tell(self, scenario, state, genomes, scores):  # type: ignore[no-untyped-def]
        return state


@pytest.mark.parametrize(
    ("register", "said"),
    [
        (
            lambda: evosim.metric("m1")(lambda data: ()),
            "'m1': .*cannot be called with .data, scenario",
        ),
        (lambda: evosim.figure("f1", "f")(lambda: None), r"figure 'f1': .*with \(view\)"),
        (lambda: evosim.figure("f1", "f", of="stdy"), "did you mean 'study'"),
        (
            lambda: evosim.figure("f1", "f", of="study", needs=["x"]),
            "needs and flips are of figures",
        ),
        (lambda: evosim.figure("genes", "f")(lambda view: None), "'genes' is registered twice"),
        (lambda: evosim.analysis("a1", "a")(lambda data, scenario: {}), "analysis 'a1'"),
        (lambda: evosim.operator("selekt", "s1"), "did you mean 'select'"),
        (lambda: evosim.operator("select", "s1"), "'s1' needs shares"),
        (lambda: evosim.operator("select", "s1", shares=len, swap=1), "has no 'swap'"),
        (
            lambda: evosim.operator("select", "s1", shares=lambda scores, a: scores)(select),
            "'s1': shares: .*missing a required argument: 'a'",
        ),
        (
            lambda: evosim.operator("mutate", "s1", neutral=lambda rng, genes: genes)(
                lambda individual, **more: (individual,)
            ),
            "write them out in place of",
        ),
        (lambda: evosim.operator("select", 3), "selection operator 3: not a name"),
        (lambda: evosim.metric(3), "measure 3: not a name"),
        (lambda: evosim.metric("m1", uses="at"), "uses='at' is a text"),
        (lambda: evosim.figure("f1", "f", needs="score"), "needs='score' is a text"),
        (lambda: evosim.optimizer("o1")(dict), "not derived from evosim.evolution.Optimizer"),
        (lambda: evosim.optimizer("o1")(Still), "Still has no method ask"),
    ],
)
def test_what_cannot_be_called_is_refused_when_it_is_registered(
    register: Callable[[], object], said: str
) -> None:
    assert "genes" in evosim.plot.FIGURES  # what evosim has is known by then
    with pytest.raises(EvosimError, match=said):
        register()


def test_a_check_of_a_call_gives_keywords_by_name() -> None:
    check_call("thing", lambda a, *, b: None, "a", b=1)
    with pytest.raises(EvosimError, match=r"thing: .*cannot be called with \(a\): missing"):
        check_call("thing", lambda a, *, b: None, "a")
    with pytest.raises(EvosimError, match="not a function"):
        check_call("thing", 3)
    check_call("thing", np.add, "a", "b")


TAKEN = {
    "figure": "@evosim.figure('genes', 'x')\ndef mine(view): ...\n",
    "analysis": "@evosim.analysis('heredity', 'x')\ndef mine(data, scenario, request): ...\n",
}


@pytest.mark.parametrize("worker", [False, True])
@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("figure", "from evosim.evolution import OPTIMIZERS; 'x' in OPTIMIZERS; show('genes')"),
        ("figure", "show('genes')"),
        ("analysis", "from evosim.metrics.analyses import ANALYSES; ANALYSES['heredity']"),
        ("analysis", "evosim.registry.plugins()\n"
         "from evosim.metrics.analyses import ANALYSES; ANALYSES['heredity']"),
    ],
)  # fmt: skip
def test_a_built_in_name_is_refused_whichever_registry_is_asked_first(
    kind: str, asked: str, worker: bool, tmp_path: Path
) -> None:
    install(tmp_path, "a", "1.0", "a_things", f"import evosim\n{TAKEN[kind]}")
    code = f"""
import evosim, evosim.registry
def show(name):
    from evosim.plot.drawing import FIGURES
    print(FIGURES[name])
if {worker}:
    evosim.registry.in_worker()
{asked}
"""
    done = command(code=code, path=tmp_path)
    told = done.stderr.splitlines()[-1]
    assert "is registered twice" in told
    assert "a_things.mine of a 1.0" in told
    assert "evosim." in told.replace("a_things.mine of a 1.0", "").replace("evosim.errors", "")


FIGURES = """
import evosim
def wrong(view):
    raise KeyError("in unsupported")
@evosim.figure("one_raises", "x")
def one_raises(view):
    raise ValueError("in draw")
@evosim.figure("one_nothing", "x")
def one_nothing(view):
    return None
@evosim.figure("one_unsure", "x", unsupported=wrong)
def one_unsure(view):
    return None
"""


def test_figures_that_fail_stop_no_other_at_the_end_of_a_run(plugin: Path, tmp_path: Path) -> None:
    install(tmp_path, "bad", "1.0", "bad_figures", FIGURES)
    install(tmp_path, "mine", "1.0", "my_things", python_of_the_page())
    run = tmp_path / "run"
    done = command("run", plugin / "mine.toml", "--seed", 1, "--quiet", "--out", run, path=tmp_path)
    assert done.returncode == 0, done.stderr
    drawn = {path.stem for path in (run / "figures").iterdir()}
    assert {"score_histogram", "mind", "genes"} <= drawn
    for name, why in [
        ("one_raises", "(from module bad_figures): ValueError: in draw"),
        ("one_nothing", "(from module bad_figures): its function returned None"),
        ("one_unsure", "KeyError: 'in unsupported'"),
    ]:
        (told,) = [line for line in done.stderr.splitlines() if repr(name) in line]
        assert told.startswith("warning: ")
        assert why in told
    done = command("plot", run, "one_raises", path=tmp_path)
    assert done.returncode == 2
    assert "figure 'one_raises' (from module bad_figures): ValueError: in draw" in done.stderr
    assert "Traceback" not in done.stderr


def test_who_resumes_without_the_plugin_is_told_which_one_is_missing(
    plugin: Path, tmp_path: Path
) -> None:
    code = f"""
import evosim
run = evosim.run({str(plugin / "mine.toml")!r}, seed=1, out="run", workers=1, figures=False,
                 checkpoint=0, on_generation=lambda replicate, generation, score: generation == 1)
assert not run.complete
"""
    done = command(code=code, path=plugin, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    before = (tmp_path / "run" / "run.json").read_text()
    (empty := tmp_path / "empty").mkdir()
    done = command("resume", tmp_path / "run", path=empty)
    assert "unknown selection operator 'selLinear'" in done.stderr
    assert "The run was made with my_evosim_things 1.0, not found here" in done.stderr
    assert (tmp_path / "run" / "run.json").read_text() == before
    assert command("resume", tmp_path / "run", path=plugin).returncode == 0


@pytest.mark.parametrize("word", ["check", "show"])
def test_a_broken_plugin_is_not_blamed_on_a_line_of_a_scenario(word: str, tmp_path: Path) -> None:
    install(tmp_path, "broken", "0.3", "broken_things", "import nothing_of_that_name\n")
    done = command(word, "contraception", path=tmp_path)
    assert done.stderr.startswith("Error: plugin 'broken_things'") or done.stderr.startswith(
        "plugin 'broken_things'"
    )
    assert "contraception.toml" not in done.stderr


def test_a_run_has_no_figure_of_a_broken_plugin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Broken:
        def __contains__(self, name: object) -> bool:
            raise EvosimError("plugin 'x' cannot be imported")

    plots = evosim.api.runs.Plots(None)  # type: ignore[arg-type]
    assert not hasattr(plots, "foo")
    monkeypatch.setattr(evosim.plot, "FIGURES", Broken())
    assert not hasattr(plots, "foo")
    assert not hasattr(plots, "_repr_png_")


@pytest.mark.parametrize("raised", [ValueError("mine"), KeyError("mine")])
def test_what_code_from_outside_raises_names_it(raised: Exception) -> None:
    with (
        pytest.raises(EvosimError, match=r"operator 'x' \(from module .*test_plugins\)") as told,
        calling("operator 'x'", select),
    ):
        raise raised
    assert told.value.__cause__ is raised
    with pytest.raises(type(raised)), calling("operator 'x'", evosim.run):
        raise raised


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "returned None, needed: a dictionary"),
        ([1], r"returned \[1\], needed: a dictionary"),
        ({"title": 1, "x": 2}, "returned title, which evosim writes itself"),
    ],
)
def test_an_analysis_returns_a_dictionary_of_its_own_keys(found: object, said: str) -> None:
    one = Analysis(
        name="a1", description="", analyse=lambda data, scenario, request: found, describe=str
    )  # type: ignore[arg-type, return-value]
    with pytest.raises(EvosimError, match=f"analysis 'a1': its function {said}"):
        one.found(xr.Dataset(), None, Request(seed=1))  # type: ignore[arg-type]
