"""Analysis ``goals``: what some minds are directed at, told from what they do (docs/measures).

MEG for their own drives, the selected and the intended payoff; whether their lives are told better
as planning or as reflexes; and their drives inferred from their lives alone, against the true ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import core, mind, world
from evosim.engine.mechanism import minds_of
from evosim.engine.meg import LEVELS, Discounted, Rationality, occupancy
from evosim.engine.meg import ground as ground_of
from evosim.engine.probe import probe_seeds
from evosim.engine.variables import present
from evosim.errors import EvosimError
from evosim.metrics import agents_devices, goal_inference
from evosim.metrics.analyses.registry import analysis
from evosim.metrics.query import Query, environment_of, generation_of
from evosim.metrics.registry import DIED_OUT, Columns, metric
from evosim.mind import Minds
from evosim.rng import Purpose, key
from evosim.stats.report_tables import filled, table
from evosim.stats.scale import normalised
from evosim.world import Environment, Levels, weighted_sum

if TYPE_CHECKING:
    import xarray as xr

    from evosim.metrics.analyses.registry import Request
    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

INDIVIDUALS = 8
GUESSED = 8
"""Pairs of drives of the observer that has seen nothing; one that has seen lives considers more."""


class Observed(NamedTuple):
    """An environment and the minds that are looked at in it."""

    scenario: Scenario
    env: Environment
    levels: Levels
    minds: Minds
    drives: Floats  # [n, stimuli] of unit length
    individuals: list[int]
    seed: int
    generation: int


class _Own(NamedTuple):
    """How directed minds are at their own drives, and in what world."""

    process: Discounted
    felt: Floats  # [S, A, stimuli] expected stimuli of a step
    visits: Floats  # [n, S, A] of each mind
    megs: list[dict[str, float]]


def analyse(data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
    """What the individuals of one generation are directed at, in every environment.

    Args:
        request: ``generation`` left out is that of the first flip, whose population was bred in
            the old world only; the last one where nothing flips.

    Raises:
        EvosimError: nobody lives then; or minds and worlds for which it is not defined.
    """
    for name in scenario.environments:
        goal_inference.check(scenario, world.environment(scenario, name))
    first = int(data["generation"].values[0])
    flips = [f for f in scenario.flips if f.generation >= first]
    generation = request.generation
    if generation is None:
        generation = flips[0].generation if flips else scenario.generations - 1
    probes = request.seed if request.probe_seed is None else request.probe_seed
    seed = key(probes, Purpose.REPLICATE, int(data["replicate"].values[request.replicate]))
    found: dict[str, Any] = {}
    earlier: list[_Own] = []
    for name in scenario.environments:
        observed = _look_at(data, scenario, name, generation, request.replicate, seed)
        found[name] = {
            "title": scenario.environments[name].title,
            "directed": _directed(observed, earlier),
            **_observe(observed),
        }
    return {
        "generation": generation,
        "replicate": request.replicate,
        "flip": _flip(flips, generation),
        "individuals": observed.individuals,
        "levels": len(observed.levels.start),
        "drives": list(scenario.stimuli),
        "depth": [int(d) for d in observed.minds.depth],
        "true": observed.drives.tolist(),
        "considered": len(agents_devices.design(len(scenario.stimuli), goal_inference.PAIRS)),
        "payoffs": _payoffs(scenario, generation),
        "environments": found,
    }


def _look_at(
    data: xr.Dataset, scenario: Scenario, name: str, generation: int, replicate: int, seed: int
) -> Observed:
    """Some individuals of a generation of a replicate in an environment.

    Args:
        seed: the replicate's, of its probes.
    """
    individuals, genomes = _sample(data, seed, generation, replicate)
    minds = minds_of(
        scenario, genomes, seed=seed, generation=generation, individuals=np.array(individuals)
    )
    drives = minds.weights[:, : len(scenario.stimuli)].astype(np.float64)
    seeds = [key(seed, Purpose.PROBE, i) for i in range(min(LEVELS, scenario.measure.levels))]
    return Observed(
        scenario, world.environment(scenario, name), world.draw_levels(scenario, name, seeds),
        minds, drives, individuals, seed, generation,
    )  # fmt: skip


def _flip(flips: list[Any], generation: int) -> dict[str, Any] | None:
    """The flip that a generation is the first to meet, in words."""
    for flip in flips:
        if flip.generation == generation:
            return {"before": flip.label_before, "after": flip.label_after}
    return None


def _payoffs(scenario: Scenario, generation: int) -> dict[str, str]:
    """The payoffs to be directed at: intended, and selected in the generation's own phase."""
    selected = scenario.objective_at(generation).selected
    return {"intended": scenario.objective.intended, "selected": selected}


def _sample(
    data: xr.Dataset, seed: int, generation: int, replicate: int
) -> tuple[list[int], Floats]:
    """Some individuals of a generation, the first ones that a probe of it takes."""
    then = data.isel(replicate=replicate).sel(generation=generation)
    genomes = np.asarray(then["genome"].values, np.float64)
    genomes = genomes[: present(then)]
    if not len(genomes):
        raise EvosimError(
            f"generation {generation} has no individuals: the population has died out"
        )
    rng = np.random.Generator(np.random.PCG64(key(seed, Purpose.SAMPLE, generation)))
    chosen = np.sort(rng.permutation(len(genomes))[:INDIVIDUALS])
    return [int(i) for i in chosen], genomes[chosen]


def _directed(observed: Observed, earlier: list[_Own]) -> dict[str, list[dict[str, float]]]:
    """MEG of every individual for its own drives and for the payoffs.

    Args:
        earlier: what was found in other environments. Where one feels the same and agents behave
            alike, as where a flip changes what is paid and nothing else, the MEG of own drives is
            taken from there.
    """
    ground = ground_of(observed.env, observed.levels, 1.0 - 1.0 / observed.env.lifetime)
    policies = goal_inference.policies(
        observed.scenario, observed.env, observed.levels, observed.minds, ground
    )
    visits = [occupancy(ground.process, policy) for policy in policies]
    felt = ground.features[..., : len(observed.env.stimuli)]
    here = _Own(ground.process, felt, np.array(visits), [])
    same = next((other for other in earlier if _alike(here, other)), None)
    if same is None:
        for visit, drives in zip(visits, observed.drives, strict=True):
            utility = felt @ drives
            here.megs.append(meg_of(Rationality(ground.process, utility), visit, utility))
        earlier.append(here)
    found = {"own": (same or here).megs}
    by_payoff: dict[str, list[dict[str, float]]] = {}
    for role, payoff in _payoffs(observed.scenario, observed.generation).items():
        if payoff not in by_payoff:
            column = len(observed.env.stimuli) + observed.env.payoffs.index(payoff)
            utility = ground.features[..., column]
            minds = Rationality(ground.process, utility)
            by_payoff[payoff] = [meg_of(minds, visit, utility) for visit in visits]
        found[role] = by_payoff[payoff]
    return found


def _alike(here: _Own, other: _Own) -> bool:
    mine, theirs = here.process.chances, other.process.chances
    return (
        mine.shape == theirs.shape
        and abs(mine - theirs).max() == 0.0
        and np.array_equal(here.process.start, other.process.start)
        and here.process.discount == other.process.discount
        and np.array_equal(here.felt, other.felt)
        and np.array_equal(here.visits, other.visits)
    )


def meg_of(minds: Rationality, visits: Floats, utility: Floats) -> dict[str, float]:
    """MEG of a policy that makes discounted visits [S, A], for a utility [S, A] of a step."""
    found = minds.meg(float((visits * utility).sum()))
    return {
        "nats": found.nats,
        "per_step": found.nats / float(visits.sum()),
        "beta": found.beta,
        "share": found.share,
    }


class Weighed(NamedTuple):
    """What an observer makes of the lives of one individual."""

    logs: Floats  # [h] log evidence of each mind that is considered
    stance: agents_devices.Stance
    steps: int


def seen_lives(observed: Observed) -> list[goal_inference.Seen]:
    """A life of every individual on each level."""
    return goal_inference.observe_lifetimes(
        observed.scenario, observed.env, observed.levels, observed.minds, observed.individuals,
        seed=observed.seed, generation=observed.generation,
    )  # fmt: skip


def weigh(
    observed: Observed, seen: list[goal_inference.Seen]
) -> tuple[goal_inference.Guesses, list[Weighed]]:
    """The minds that an observer considers, and what the lives of each individual make of them."""
    guesses = goal_inference.guesses(observed.scenario, observed.env)
    chances = goal_inference.chances(
        observed.scenario, observed.env, observed.levels, guesses.minds, seen
    )
    found = []
    for life, each in zip(seen, chances, strict=True):
        logs = agents_devices.mind_evidence(each, observed.env.n_actions)
        tables = goal_inference.tables(observed.env, observed.levels, life)
        steps = len(life.action)
        stance = agents_devices.compare(logs[guesses.plans], logs[~guesses.plans], tables, steps)
        found.append(Weighed(logs, stance, steps))
    return guesses, found


def _observe(observed: Observed) -> dict[str, Any]:
    """What an observer makes of the individuals."""
    guesses, weighed = weigh(observed, seen_lives(observed))
    stances, inferred = [], []
    named = guesses.which < len(guesses.drives)  # the others want the payoff itself
    plans, reflex = guesses.plans & named, ~guesses.plans & named
    which = np.concatenate([guesses.which[plans], guesses.which[reflex]])
    for n, (logs, stance, steps) in enumerate(weighed):
        stances.append({**stance._asdict(), "steps": steps})
        weights = agents_devices.posterior(logs[plans], logs[reflex], which, len(guesses.drives))
        mean = weights @ guesses.drives
        true = observed.drives[n]
        length = float(np.linalg.norm(mean) * np.linalg.norm(true))
        cosine = float(mean @ true) / length if length > 0.0 else float("nan")
        inferred.append({"drives": mean.tolist(), "cosine": cosine})
    means = np.array([i["drives"] for i in inferred])
    for one, worth in zip(inferred, _worth(observed, means), strict=True):
        one.update(worth)
    return {"stances": stances, "inferred": inferred}


def _worth(observed: Observed, inferred: Floats) -> list[dict[str, float]]:
    """Capability, by an individual's true drives, of itself and of the same mind with others.

    ``own``: its own drives; ``inferred``; ``guessed``: the mean over drives in all directions,
    what somebody who has seen nothing would give it.
    """
    blind = agents_devices.design(inferred.shape[1], GUESSED)
    n, many = len(inferred), len(blind)
    given = np.concatenate([observed.drives, mind.unit_length(inferred), np.tile(blind, (n, 1))])
    rows = np.concatenate([np.arange(n), np.arange(n), np.repeat(np.arange(n), many)])
    minds = Minds(*(array[rows] for array in observed.minds))
    weights = np.zeros_like(minds.weights)
    weights[:, : given.shape[1]] = given
    believes = observed.scenario.agent.believes
    counts = core.expectation(
        observed.env, observed.levels, minds._replace(weights=weights),
        world.environment(observed.scenario, believes) if believes else None,
        observed.scenario.agent.instinct,
    ).counts.mean(axis=1)  # fmt: skip
    features = weighted_sum(counts, observed.env.phi)
    true = observed.minds.weights.astype(np.float64)
    chance = weighted_sum(
        core.uniform(observed.env, observed.levels).counts.mean(axis=1), observed.env.phi
    )
    optimum = core.optimum(observed.env, observed.levels, true).mean(axis=1)
    capability = normalised(
        (features * true[rows]).sum(-1), (chance * true[rows]).sum(-1), optimum[rows]
    )
    return [
        {
            "own": float(capability[i]),
            "inferred": float(capability[n + i]),
            "guessed": float(capability[2 * n + i * many : 2 * n + (i + 1) * many].mean()),
        }
        for i in range(n)
    ]


def _undefined_for(scenario: Scenario) -> str:
    """Why nobody's lives can be weighed; empty where they can."""
    try:
        for name in scenario.environments:
            goal_inference.check(scenario, world.environment(scenario, name))
    except EvosimError as error:
        return str(error)
    return ""


@metric(
    "planner",
    figure="goals",
    description="share of the first 8 sampled individuals whose behaviour planning predicts better "
    "than a device",
    label="share taken for planners",
    unit="share",
    bounds=(0.0, 1.0),
    exact=False,
    trajectory="planner",
    uses=frozenset({"where", "at"}),
    undefined=DIED_OUT,
    unsupported=_undefined_for,
)
def _planner(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    """Who is an agent rather than a device, by more than even odds."""
    name, generation = environment_of(data, scenario, query), generation_of(data, query)
    shares = []
    for replicate, seed in enumerate(probe_seeds(data)):
        try:
            observed = _look_at(data, scenario, name, generation, replicate, seed)
        except EvosimError:
            shares.append(np.nan)  # nobody lives then
            continue
        _, weighed = weigh(observed, seen_lives(observed))
        shares.append(float(np.mean([one.stance.agent > 0.5 for one in weighed])))
    return (np.array(shares),)


def describe(summary: dict[str, Any]) -> str:
    """The numbers for people."""
    environments = summary["environments"]
    n = len(summary["individuals"])
    flip, payoffs, depth = summary["flip"], summary["payoffs"], summary["depth"]
    roles = ["own", "intended"]
    if payoffs["selected"] != payoffs["intended"]:
        roles.append("selected")
    born = f", bred in {flip['before']}, then in {flip['after']}" if flip else ""
    deep = f"{min(depth)} to {max(depth)}" if min(depth) < max(depth) else f"{depth[0]}"
    level_word = "level" if summary["levels"] == 1 else "levels"
    lines = [
        *filled(
            f"{n} individuals of generation {summary['generation']}{born}; "
            f"depth {deep}; {summary['levels']} {level_word}, a lifetime on each"
        ),
        "",
        *_table(
            "goals, as a share of an optimal policy's MEG (below 0: against the goal)",
            ["own drives", *(f"{role}: {payoffs[role]}" for role in roles[1:])],
            {
                name: [_spread([one["share"] for one in e["directed"][role]]) for role in roles]
                for name, e in environments.items()
            },
        ),
        "",
        *_table(
            "chance that it plans, from its lifetimes (prior .5)",
            ["mean", "above .9", "below .1", "nats a step"],
            {name: _planning_cells(e["stances"]) for name, e in environments.items()},
        ),
        "",
        *_table(
            "drives inferred from its lifetimes",
            ["cosine to the true", "capability by the true", "with the inferred", "with a guess"],
            {
                name: [
                    _spread([one[key] for one in e["inferred"]])
                    for key in ("cosine", "own", "inferred", "guessed")
                ]
                for name, e in environments.items()
            },
        ),
        "",
        "means over individuals, smallest and largest in brackets",
    ]
    if any("undefined" in line for line in lines):
        lines.append("undefined: by that goal all behaviour is worth the same, or the drives are 0")
    return "\n".join(lines)


def _table(title: str, heads: list[str], rows: dict[str, list[str]]) -> list[str]:
    return [title, *table([["environment", *heads], *([name, *row] for name, row in rows.items())])]


def _planning_cells(stances: list[dict[str, float]]) -> list[str]:
    agents = [s["agent"] for s in stances]
    return [
        _spread(agents),
        f"{sum(a > 0.9 for a in agents)} of {len(agents)}",
        f"{sum(a < 0.1 for a in agents)} of {len(agents)}",
        _spread([s["nats"] for s in stances]),
    ]


def _spread(values: Sequence[float | None]) -> str:
    """The mean with the smallest and largest; ``None`` where undefined."""
    defined = [v for v in values if v is not None]
    if not defined:
        return "undefined"
    # Adding 0 turns a -0 that rounding made into 0.
    mean, low, high = (
        round(v, 2) + 0.0 for v in (sum(defined) / len(defined), min(defined), max(defined))
    )
    left_out = f", {len(values) - len(defined)} undefined" if len(defined) < len(values) else ""
    return f"{mean:.2f} [{low:.2f}, {high:.2f}{left_out}]"


analysis("goals", "which goals minds have, judged by what they do", describe=describe)(analyse)
