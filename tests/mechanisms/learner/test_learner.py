"""Agents that learn in place of a population that evolves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose, assert_array_equal

import evosim
from evosim import mind, world
from evosim.cli import cli
from evosim.engine import loop
from evosim.engine.loop import replicate_seed
from evosim.engine.probe import level_seeds
from evosim.errors import EvosimError
from evosim.evolution.learner import _packed, _unpacked

HERE = Path(__file__).parent
SETTINGS: dict[str, Any] = {
    "agent.learner.factory": "agents:Knowing",
    "agent.learner.obs": "state",
    "evolution.population": 6,
    "evolution.levels": 2,
    "measure.sample": 2,
    "measure.levels": 2,
    "timeline.0.generations": 4,
    "timeline.1.generations": 1,
}


class NoProbes:
    def measure(self, genomes: object, generation: int) -> dict[str, Any]:
        return {}


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


def learner(factory: Any = "agents:Knowing", **more: Any) -> evosim.Scenario:
    return evosim.load("strawberry", {**SETTINGS, "agent.learner.factory": factory, **more})


def test_a_run_is_the_agent_trained_generation_by_generation() -> None:
    data = evosim.simulate(learner(), seed=1, probes=False)
    genome = data["genome"].values[0, :, 0]
    assert genome.shape == (5, 98 * 6)
    moved = np.diff(genome, axis=0)
    # What it keeps from one generation to the next goes on; selection stops in the evening.
    lag = np.corrcoef(moved[1], moved[0])[0, 1]
    forgets = evosim.simulate(learner("agents:Walker"), seed=1, probes=False)["genome"].values[
        0, :, 0
    ]
    assert lag > 0.5 > np.corrcoef(np.diff(forgets, axis=0)[:2])[0, 1]
    assert data["parents"].values[0, 1].tolist() == [[0, 0]]


def test_it_trains_for_as_many_lifetimes_as_a_generation_lives() -> None:
    from evosim.mind.learned import agent_of

    read = learner(**{"agent.learner.options": {"step": 2.0}})
    agent: Any = agent_of(read, 0, 7)
    assert agent.step == 2.0
    assert agent.task.lifetimes == 12
    assert agent.task.observation_shape == ()
    assert agent.task.actions == ("north", "south", "west", "east", "stay", "use")


def test_what_a_run_keeps_of_an_agent_is_all_that_it_goes_on_from(tmp_path: Path) -> None:
    read, seed = learner(), replicate_seed(1, 0)
    start = loop.initial_population(read, seed)
    lived = list(loop.generations(read, start, seed=seed, prober=NoProbes()))
    kept = lived[1].next_population
    assert kept is not None
    np.savez(tmp_path / "kept.npz", **dict(kept.state))  # type: ignore[arg-type]  # as a chunk of a run keeps it
    with np.load(tmp_path / "kept.npz", allow_pickle=False) as arrays:
        again = kept._replace(state=dict(arrays))
    rest = loop.generations(read, again, seed=seed, prober=NoProbes())
    for new, old in zip(rest, lived[2:], strict=True):
        assert_array_equal(new.arrays["genome"], old.arrays["genome"])
    lost = kept._replace(state={**kept.state, "knows": np.zeros(0, np.uint8)})
    other = list(loop.generations(read, lost, seed=seed, prober=NoProbes()))
    assert (other[1].arrays["genome"] != lived[3].arrays["genome"]).any()


def test_a_folder_holds_what_a_run_in_memory_does(tmp_path: Path) -> None:
    whole = evosim.simulate(learner(), seed=1)
    run = evosim.run(learner(), seed=1, out=tmp_path / "a", figures=False, workers=1, checkpoint=0)
    for name in ("genome", "directed", "capability", "score"):
        assert_array_equal(run.data[name].values, whole[name].values)


def test_generations_one_by_one_are_those_of_the_run() -> None:
    whole = evosim.simulate(learner(), seed=1, probes=False)
    for generation in evosim.iterate(learner(), seed=1):
        assert_array_equal(generation.genomes[0], whole["genome"].values[0, generation.number, 0])


def test_what_is_recorded_is_what_measure_policy_says_of_it() -> None:
    read = learner()
    data = evosim.simulate(read, seed=1)
    policy = mind.express(read, data["genome"].values[0, 4]).policies[0, 0]
    tables = {}
    for name in read.environments:
        env = world.environment(read, name)
        levels = world.draw_levels(read, name, level_seeds(replicate_seed(1, 0), 2))
        table = policy(env, levels)
        tables[name] = (table / table.sum(-1, keepdims=True)).reshape(2, 98, 6)
    found = evosim.measure_policy(tables, read, seed=1, stances=False)
    for name in read.environments:
        here, there = found.summary["environments"][name], data.sel(environment=name).isel(probe=-1)
        told = {n: there[n].sel(mind="evolved").values[0, 0] for n in ("alignment", "capability")}
        for measure, value in told.items():
            assert here[measure] == pytest.approx(float(value), rel=1e-6, abs=1e-12)
        for goal, share in zip(data["goal"].values, there["directed"].values[0, 0], strict=True):
            assert here["directed"][goal]["share"] == pytest.approx(
                float(share), rel=1e-6, abs=1e-12
            )
    assert np.isnan(data["capability"].sel(mind="true drive")).all()
    assert (data["capability"].sel(mind="uniform").isel(sample=0) == 0).all()


def test_figures_of_an_agent_do_not_speak_of_a_population_that_feels(tmp_path: Path) -> None:
    run = evosim.run(learner(), seed=1, out=tmp_path / "a", figures=False, workers=1)
    for figure in ("objective_proxy", "mind", "alignment_all", "flip"):
        (file,) = run.plot(figure, formats=["svg"])
        drawn = file.read_text(encoding="utf-8")
        for word in ("felt", "reward / lifetime", "median", "pinned", "unshifted", "individual"):
            assert word not in drawn, (figure, word)


def test_capability_is_by_a_reward_where_one_is_given() -> None:
    read = learner(**{"agent.learner.capability": {"sweetness": 1.0, "bitterness": -1.0}})
    data = evosim.simulate(read, seed=1).isel(replicate=0, probe=-1, sample=0)
    evolved = data.sel(mind="evolved")
    share = (evolved["expected_reward"] / data["optimal_reward"]).values
    assert np.isfinite(evolved["capability"]).all()
    assert_allclose(evolved["capability"], share, atol=0.02)
    assert np.isnan(data["expected_reward"].sel(mind="random drives")).all()


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("agents:Nobody", "has no function 'Nobody'"),
        ("no_such_module:make", "cannot be imported .*must be installed"),
        ("agents:Silent", "has no policy"),
        ("agents:Growing", "589 parameters after training, and had 588"),
        ("agents:Diverging", "is not finite"),
        ("agents:Failing", "ZeroDivisionError: no step"),
        ("agents:Certain", "^agent 'agents:Certain': environment 'day'.* which sum to 3"),
        ("agents:Leaving", "^agent 'agents:Leaving' .*: SystemExit: bye"),
        ("left:make", r"cannot be imported: SystemExit: 4 \(.*left.py:1\)$"),
        ("broken:make", r"cannot be imported: RuntimeError: no luck \(.*broken.py:1\)$"),
        ("agents:Forgetting", "'agents:Forgetting'.*ZeroDivisionError: no memory"),
        ("agents:Keeping", "'agents:Keeping': get_state gave an array the name 'file'"),
        ("agents:Listing", "parameters must be one row of numbers"),
        ("agents:Broken", "'agents:Broken'.*ZeroDivisionError: no weights"),
        ("agents:Many", "'agents:Many': num_envs=0"),
        ("evosim.learners:q_learning", "q_learning': a table needs the number of a state"),
    ],
)
def test_what_is_no_agent_is_told_in_words(
    factory: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left.py").write_text("raise SystemExit(4)")
    (tmp_path / "broken.py").write_text("raise RuntimeError('no luck')")
    monkeypatch.syspath_prepend(tmp_path)
    obs = "felt" if factory.startswith("evosim") else "state"
    with pytest.raises(EvosimError, match=words):
        evosim.simulate(learner(factory, **{"agent.learner.obs": obs}), seed=1)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"agent.learner.factory": "agents"}, "module:function"),
        (
            {"agent.learner.obs": "feelt"},
            "agent.learner.obs: unknown observation .*did you mean 'felt'",
        ),
        ({"agent.learner.obs": 3}, r"^[^\n]*agent.learner.obs: no observation [^\n]*$"),
        ({"agent.learner.obs": []}, "agent.learner.obs: no observation"),
        ({"agent.learner.obs": ["felt", "felt"]}, "agent.learner.obs: an observation twice"),
        ({"agent.learner.obs": {"map": "feelt"}}, "agent.learner.obs: unknown observation"),
        ({"agent.learner.obs": "looks"}, "'agents:Knowing': obs=\"looks\".* has none"),
        ({"agent.learner.capability": "meq"}, r"^[^\n]*capability: no capability [^\n]*$"),
        ({"agent.learner.capability": {"sweetness": 0.0}}, "no capability"),
        ({"agent.learner.senses": ["owl"]}, "hidden variable"),
        ({"agent.learner.capability": {"sweet": 1.0}}, "sweetness"),
        ({"agent.mind": "table"}, "leave one of them out"),
        (
            {
                "timeline.0.train": {
                    "adversary": {"environment": "day", "ranges": {"lifetime": [9, 99]}}
                }
            },
            "agent.learner: not with train = { adversary }",
        ),
        ({"evolution.optimizer": {"name": "learner"}, "agent.learner": None}, "learner"),
        ({"evolution.optimizer": {"name": "cma"}}, "'cma' not with .agent.learner.: an agent"),
    ],
)
def test_a_section_that_cannot_be_is_refused(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(EvosimError, match=words):
        evosim.simulate(learner(**setting), seed=1)


@pytest.mark.parametrize(
    ("factory", "more", "words"),
    [
        ("agents:Certain", ["agent.learner.obs=state"], "which sum to 3"),
        ("agents:Knowing", ["agent.learner.obs=looks"], "has none"),
        ("evosim.learners:actor_critic", ["agent.learner.obs=state"], "choose another obs"),
        ("evosim.learners:actor_critic", ["agent.learner.options={hiden=3}"], "'hiden'"),
        ("evosim.learners:actor_critic", ["agent.learner.options={lives=0}"], "lives=0"),
    ],
)
def test_the_command_line_tells_it_in_one_line(
    factory: str, more: list[str], words: str, tmp_path: Path
) -> None:
    settings = [f"{name}={value}" for name, value in SETTINGS.items() if "learner" not in name]
    given = [part for one in (*settings, *more) for part in ("--set", one)]
    args = ["run", "strawberry", "--agent", factory, "--out", str(tmp_path / "run"), *given]
    done = CliRunner().invoke(cli, args)
    assert done.exit_code == 2, done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("Error")]
    assert f"agent '{factory}'" in line
    assert words in line


def test_the_section_knows_all_observations() -> None:
    from evosim.mechanisms.learner.schema import OBSERVATIONS
    from evosim.world.observations import _CHANNELS

    assert set(OBSERVATIONS) == set(_CHANNELS)


def test_what_an_agent_knows_is_kept_as_plain_arrays() -> None:
    class Agent:
        def __init__(self, state: Any) -> None:
            self.state = state

        def get_state(self) -> Any:
            return self.state

    known = {"steps": np.array(3), "moment": np.arange(4.0)}
    back = _unpacked(_packed(Agent(known)))
    assert back is not None
    assert back["steps"] == 3
    assert_array_equal(back["moment"], known["moment"])
    assert _unpacked(_packed(object())) is None
    for wrong in (7, {"a": object()}):
        with pytest.raises(EvosimError, match="needed: arrays"):
            _packed(Agent(wrong))


def test_the_command_trains_an_agent(tmp_path: Path) -> None:
    more = [f"--set={k}={v}" for k, v in SETTINGS.items() if k not in ("agent.learner.factory",)]
    out = str(tmp_path / "run")
    args = ["run", "strawberry", "--agent", "agents:Knowing", "--seed", "1", "--out", out]
    done = CliRunner().invoke(cli, [*args, "--no-figures", "--workers", "1", *more])
    assert done.exit_code == 0, done.output
    assert "How directed it is in the end" in done.output
    assert "agents:Knowing" in done.output
    assert "drive for sweetness" not in done.output
