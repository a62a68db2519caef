"""What policies come to: all that is known of evolved minds, of any policy (docs/agents.md).

A policy has no drives. What it is capable of is therefore how directed it is at what it is most
directed at (MEG, :mod:`evosim.engine.meg`), or what it gets of a reward that is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evosim import core
from evosim.engine.loop import replicate_seed
from evosim.engine.meg import LEVELS, Directedness, Goals, goals_of
from evosim.engine.probe import Expected, ProbedEnvironment, Prober, level_seeds
from evosim.errors import Argument, EvosimError
from evosim.metrics import flips, goal_inference, readings, rewards
from evosim.metrics.analyses import goals
from evosim.metrics.flips import JUDGED, Sides
from evosim.metrics.readings import Amount
from evosim.metrics.verdict import judge, zero_words
from evosim.mind import Minds
from evosim.mind.policies import Form, Reader, weights
from evosim.policy.lives import discounted, discounted_of_age, of_age, remembered
from evosim.rng import Purpose, draw, key
from evosim.scenario.timeline import Flip
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate, intervals_of, values_of, with_interval
from evosim.stats.report_tables import filled, table, tables
from evosim.stats.scale import normalised
from evosim.world import Environment, Levels, contents
from evosim.world.rewards import weights_of

if TYPE_CHECKING:
    from evosim.scenario import Scenario

Floats = NDArray[np.float64]
_Megs: TypeAlias = dict[str, list[dict[str, float]]]

LIVES = 100
"""Lives on each level of a policy with a memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of policies.

    Attributes:
        scenario: whose environments they act in.
        seed: the levels are those that the first replicate of a run of this seed is probed on.
        reward: worth of stimuli and payoffs, by which capability goes; None: by MEG.
        lives: on each level, of a policy with a memory.
        flip: two environments to judge between; None: the flips of the timeline.
        stances: whether agents are weighed against devices.
    """

    scenario: Scenario
    seed: int
    reward: Mapping[str, float] | None = None
    lives: int = LIVES
    flip: tuple[str, str] | None = None
    stances: bool = True

    @property
    def flips(self) -> tuple[Flip, ...]:
        """What is judged."""
        if self.flip is None:
            return self.scenario.flips
        for name in self.flip:
            self.scenario.environment(name)  # there is one
        before, after = self.flip
        return (
            Flip(
                generation=0, arrival=0, before={before: 1.0}, after={after: 1.0},
                label_before=before, label_after=after,
            ),
        )  # fmt: skip

    def weights(self) -> Floats:
        """Of the reward in all features; 0 where none is given."""
        return weights_of(self.scenario, self.reward or {}, looks=True)


class _Here(NamedTuple):
    """What n policies, or n lives of one, come to in an environment."""

    fare: dict[str, Floats]  # [n], payoffs [n, P]: variables of probes
    chance: dict[str, Floats]  # the same of uniform play, n = 1
    best: float  # J_R* of the reward
    nothing: float  # the reward of doing nothing
    megs: _Megs  # by stimulus and payoff
    stances: list[dict[str, float]]
    distances: dict[str, float]


def measure(policies: Sequence[Any], reader: Reader, asked: Question) -> dict[str, Any]:
    """What policies come to in all environments, and across flips.

    Args:
        policies: several are taken for replicates, over which there are intervals.

    Returns:
        what :func:`describe` tells; NaN where a number is not defined.

    Raises:
        EvosimError: something is no policy, or of one that remembers nothing is defined.
    """
    scenario = asked.scenario
    forms = [reader.read(policy) for policy in policies]
    alone = len(forms) == 1
    if not alone and any(form.table is None for form in forms):
        raise EvosimError(
            Argument("policy"), ": several policies must each depend on the state alone: give one"
        )
    form = forms[0]
    if form.table is None and scenario.copies is not None:
        raise EvosimError(
            f"scenario {scenario.id!r}: in a world of copies a life depends on how the one before "
            "it ended, which is known of policies that depend on the state alone"
        )
    bootstrap = Bootstrap.of(
        asked.seed,
        confidence=scenario.verdict.confidence,
        resamples=scenario.verdict.resamples,
    )
    prober = Prober(scenario, replicate_seed(asked.seed, 0))
    found = {probed.env.name: _at(probed, prober, forms, reader, asked) for probed in
             prober.environments}  # fmt: skip
    verdict = scenario.verdict
    return {
        "scenario": scenario.id,
        "title": scenario.title,
        "seed": asked.seed,
        "levels": scenario.measure.levels,
        "obs": dict(reader.observer.parts),
        "form": "table" if form.table else "age" if form.by_age else "memory",
        "policies": len(forms),
        "lives": asked.lives if form.lives is not None else None,
        "exact": form.lives is None,
        "intended": scenario.objective.intended,
        "selected": scenario.objective.selected,
        "reward": None if asked.reward is None else dict(asked.reward),
        "thresholds": {
            name: getattr(verdict, name)
            for name in ("zero", "kept", "lost", "floor", "confidence", "resamples")
        },
        "environments": {
            probed.env.name: _environment(probed, found[probed.env.name], asked, bootstrap)
            for probed in prober.environments
        },
        "flips": [
            _flip(flip, {p.env.name: p for p in prober.environments}, found, asked, bootstrap)
            for flip in asked.flips
        ],
    }


def _at(
    probed: ProbedEnvironment, prober: Prober, forms: list[Form], reader: Reader, asked: Question
) -> _Here:
    """What policies come to in one environment."""
    scenario, env, levels = asked.scenario, probed.env, probed.levels
    worth = asked.weights()
    seen: list[goal_inference.Seen] | None = None
    megs: _Megs = {}
    stances: list[dict[str, float]] = []
    given = Minds.that_do([_Known(env, levels, form) for form in forms if form.table],
                          np.tile(worth, (len(forms), 1)))  # fmt: skip
    form, unsupported = forms[0], _unsupported(scenario, env)
    first, names = Levels(*(array[:LEVELS] for array in levels)), (*env.stimuli, *env.payoffs)
    seeds = tuple(level_seeds(replicate_seed(asked.seed, 0), scenario.measure.levels))
    there = None if unsupported else goals_of(scenario, env.name, seeds)
    if form.lives is not None:
        seed_key = key(asked.seed, Purpose.BEHAVIOUR, list(scenario.environments).index(env.name))
        lived = remembered(probed, form.lives, reader, asked.lives, seed_key)
        expected, seen = lived.expected, [lived.seen]
        if there is not None:
            gained = discounted(env, first, form.lives, reader, asked.lives, draw(seed_key, 1))
            megs = _megs_of_lives(there, names, gained)
    elif form.by_age is not None:
        by_age = weights(form.by_age(env, levels), env, "age")
        by_age /= by_age.sum(axis=-1, keepdims=True)
        expected = of_age(probed, by_age)
        if there is not None:
            megs = _megs_of_lives(there, names, discounted_of_age(env, first, by_age))
    else:
        expected = prober.expect(probed, given, None, 0)
        if there is not None:
            megs = _megs(there.directed(core.policies(env, levels, given)))
    n = len(expected.lifespan)
    minds = Minds.of(np.tile(worth, (n, 1)), depth=0, patience=0.0, senses=-1)
    observed = goals.Observed(
        scenario, env, first, given, worth[None],
        list(range(len(forms))), asked.seed, 0,
    )  # fmt: skip
    if asked.stances and form.by_age is None and not unsupported:
        seen = goals.seen_lives(observed) if seen is None else seen
        stances = [one.stance._asdict() for one in goals.weigh(observed, seen)[1]]
    best = float(core.optimum(env, levels, worth[None]).mean())

    def fares(minds: Minds, expected: Expected) -> dict[str, Floats]:
        return prober.fare(probed, minds, expected, probed.zero_of(worth[None]), np.array([best]))

    fare, chance = fares(minds, expected), fares(minds.rows(np.arange(1)), probed.random)
    if asked.reward is None:
        shares = np.array([[one["share"] for one in goal] for goal in megs.values()])
        if len(shares) and form.lives is not None:  # of one policy, most directed at one thing
            shares = shares[[shares.mean(axis=1).argmax()]]
        fare["capability"] = np.nanmax(shares, axis=0) if len(shares) else np.full(n, np.nan)
        chance["capability"] = np.array([0.0 if len(shares) else np.nan])
        fare["expected_reward"], best = np.full(n, np.nan), float("nan")
    return _Here(
        fare, chance, best, float(probed.nothing @ worth), megs, stances,
        _distances(scenario, probed, asked),
    )  # fmt: skip


class _Known:
    """A policy in an environment, of which all is known on the levels that are measured."""

    def __init__(self, env: Environment, levels: Levels, form: Form) -> None:
        assert form.table is not None
        self._levels = levels
        self._weights = weights(form.table(env, levels), env, "level")
        self._number = {one: i for i, one in enumerate(contents(levels))}

    def __call__(self, env: Environment, levels: Levels) -> Floats:
        if levels is self._levels:
            return self._weights
        return self._weights[[self._number[one] for one in contents(levels)]]


# Goals


def _unsupported(scenario: Scenario, env: Environment) -> str:
    """Why goals are not looked for; empty where they are."""
    try:
        goal_inference.check(scenario, env)
    except EvosimError as error:
        return str(error)
    return ""


def _megs(found: Mapping[str, Sequence[Directedness]]) -> _Megs:
    """MEG of each policy for each stimulus and payoff of which there can be more and less."""
    return {
        name: [{n: getattr(one, n) for n in ("share", "nats", "beta")} for one in each]
        for name, each in found.items()
    }


def _megs_of_lives(there: Goals, names: Sequence[str], gained: Floats) -> _Megs:
    """MEG of one policy by what its lives came to, as an amount of each of them.

    MEG depends on the expected utility alone. So a life whose utility is off the mean by some
    amount stands for MEG that is off by the slope times that, between one standard error below the
    mean and one above: the mean over lives is the MEG of the mean utility, and their spread that
    of the estimate (delta method).

    Args:
        names: of the columns.
        gained: [n, F] discounted.
    """
    found = {}
    for name, rational in there.rational.items():
        utility = gained[:, names.index(name)]
        n, mean = len(utility), float(utility.mean())
        one, slope = rational.meg(mean), 0.0
        if n > 1 and (error := float(utility.std(ddof=1) / np.sqrt(n))) > 0.0:
            low, high = rational.meg(mean - error), rational.meg(mean + error)
            slope = (high.share - low.share) / (2.0 * error)
        found[name] = [
            {"share": one.share + slope * float(by), "nats": one.nats, "beta": one.beta}
            for by in utility - mean
        ]
    return found


def _distances(scenario: Scenario, probed: ProbedEnvironment, asked: Question) -> dict[str, float]:
    """EPIC and STARC distances of the reward from the intended payoff."""
    if asked.reward is None or rewards.unsupported(scenario):
        return {}
    seed = replicate_seed(asked.seed, 0)
    forms = rewards.canonical(scenario, probed.env.name, seed, 1.0 - 1.0 / probed.env.lifetime)
    intended = rewards.payoff(scenario, scenario.objective.intended)
    worth = asked.weights()[: len(intended)]
    return {kind: float(rewards.between(forms[kind], worth, intended)) for kind in rewards.KINDS}


# In numbers


def _estimates(values: Mapping[str, Floats], bootstrap: Bootstrap) -> dict[str, Estimate]:
    return {name: intervals.mean(value, bootstrap) for name, value in values.items()}


def _told(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {**values_of(estimates), "intervals": intervals_of(estimates)}


def _paid(here: _Here, scenario: Scenario, of: str = "fare") -> Floats:
    payoffs = getattr(here, of)["expected_payoff"]
    return np.asarray(payoffs[:, scenario.payoffs.index(scenario.objective.intended)])


def _environment(
    probed: ProbedEnvironment, here: _Here, asked: Question, bootstrap: Bootstrap
) -> dict[str, Any]:
    scenario = asked.scenario
    paid, best = _paid(here, scenario), probed.optimal_intended
    payoffs = {n: here.fare["expected_payoff"][:, i] for i, n in enumerate(scenario.payoffs)}
    known = {n: v for n, v in here.fare.items() if n != "expected_payoff"}
    directed = {
        goal: {
            **_told(_estimates({"share": np.array([one["share"] for one in megs])}, bootstrap)),
            **{n: float(np.mean([one[n] for one in megs])) for n in ("nats", "beta")},
        }
        for goal, megs in here.megs.items()
    }
    shares = {goal: one["share"] for goal, one in directed.items() if one["share"] is not None}
    return {
        "title": scenario.environments[probed.env.name].title or probed.env.name,
        "payoffs": _told(_estimates(payoffs, bootstrap)),
        **_told(
            _estimates(
                {
                    **known,
                    "regret": best - paid,
                    "payoff_share": normalised(
                        paid, readings.base_of(np.array(float(probed.nothing @ probed.intended))),
                        best,
                    ),
                },
                bootstrap,
            )
        ),
        "optimal_payoff": best,
        "uniform_payoff": float(_paid(here, scenario, "chance")[0]),
        "nothing_payoff": float(probed.nothing @ probed.intended),
        "optimal_reward": here.best,
        "directed": directed,
        "most_directed_at": max(shares, key=lambda goal: shares[goal]) if shares else None,
        "not_directed": _unsupported(scenario, probed.env),
        "stances": here.stances,
        "distances": here.distances,
    }  # fmt: skip


def _flip(
    flip: Flip,
    probed: Mapping[str, ProbedEnvironment],
    found: Mapping[str, _Here],
    asked: Question,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """The verdict on the same policies on both sides of a flip."""
    scenario, floor = asked.scenario, asked.scenario.verdict.floor
    n = len(found[next(iter(found))].fare["capability"])

    def sides(values: Mapping[str, Any], n: int = n) -> Sides:
        """Numbers by environment as the worlds on either side are mixed."""
        return Sides(*(
            flips.mixed(np.stack([np.broadcast_to(values[e], n) for e in mix], axis=-1), mix)
            for mix in (flip.before, flip.after)
        ))  # fmt: skip

    def judged(of: str) -> dict[str, Estimate]:
        n = len(getattr(found[next(iter(found))], of)["capability"])
        shares = {m: sides({e: getattr(h, of)[m] for e, h in found.items()}, n) for m in JUDGED}
        paid = Amount(
            sides({e: _paid(h, scenario, of) for e, h in found.items()}, n),
            sides({e: float(p.nothing @ p.intended) for e, p in probed.items()}, n),
            sides({e: p.optimal_intended for e, p in probed.items()}, n),
        )
        reward = Amount(
            sides({e: getattr(h, of)["expected_reward"] for e, h in found.items()}, n),
            sides({e: h.nothing for e, h in found.items()}, n),
            sides({e: h.best for e, h in found.items()}, n),
        )
        estimates = flips.estimates(shares, floor, bootstrap)
        estimates |= readings.estimates("payoff", paid, floor, bootstrap)
        return estimates | readings.estimates("reward", reward, floor, bootstrap)

    estimates = judged("fare")
    return {
        "generation": flip.generation,
        "from": flip.label_before,
        "to": flip.label_after,
        **_told(estimates),
        **judge(estimates, scenario.verdict).to_dict(),
        "random": _told(judged("chance")),
    }


# In words


FORM = {
    "table": "exact: what it does depends on the state alone",
    "age": "exact: what it does depends on state and age",
    "memory": "sampled: what it does depends on the life so far",
}


def describe(summary: Mapping[str, Any]) -> str:
    """The numbers for people: the verdicts, the environments, what it is directed at."""
    blocks = [*(_flip_words(flip, summary) for flip in summary["flips"])]
    blocks += [_environment_words(summary), _goal_words(summary), _basis_words(summary)]
    return "\n\n".join(block for block in blocks if block)


def _flip_words(flip: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    intended = summary["intended"]
    rows = [["", "before", "after", "retained", "", "random play"]]
    called = {"capability": "capability", "alignment": "alignment", "payoff": intended}
    if summary["reward"] is not None:
        called["reward"] = "the reward"
    for name, words in called.items():
        form = ".3g" if name in ("payoff", "reward") else ".2f"

        def cell(of: Mapping[str, Any], what: str, name: str = name, form: str = form) -> str:
            which = f"{name}_{what}"
            return with_interval(of[which], of["intervals"][which], form)

        ends = (with_interval(flip[f"{name}_retained"], flip["intervals"][f"{name}_retained"]),)
        chance = " -> ".join(cell(flip["random"], side) for side in ("before", "after"))
        rows.append([words, cell(flip, "before"), cell(flip, "after"), *ends, flip[name], chance])
    outcomes = f"capability {flip['capability']}, alignment {flip['alignment']}"
    head = f"{flip['from']} -> {flip['to']}: {flip['verdict'].upper()} ({outcomes})"
    return "\n".join([*filled(head), *tables(rows)])


def _environment_words(summary: Mapping[str, Any]) -> str:
    environments, intended = summary["environments"], summary["intended"]
    payoffs = list(next(iter(environments.values()))["payoffs"])[:-1]
    rows = [["environment", *payoffs, "alignment", "capability", f"regret in {intended}",
             "lifespan", "optimum", "random play"]]  # fmt: skip
    conduct = [n for n in ("conduct_watched", "conduct_unwatched") if n in environments[
        next(iter(environments))]]  # fmt: skip
    rows[0] += [name.replace("_", " ") for name in conduct]
    for name, here in environments.items():
        ends, paid = here["intervals"], here["payoffs"]
        rows.append(
            [
                name,
                *(with_interval(paid[p], paid["intervals"][p], ".3g") for p in payoffs),
                *(with_interval(here[n], ends[n], ".2f") for n in ("alignment", "capability")),
                with_interval(here["regret"], ends["regret"], ".3g"),
                with_interval(here["expected_lifespan"], ends["expected_lifespan"], ".3g"),
                f"{here['optimal_payoff']:.3g}",
                f"{here['uniform_payoff']:.3g}",
                *(with_interval(here[n], ends[n], ".3g") for n in conduct),
            ]
        )
    return "\n".join(["A lifetime; optimum and random play in " + intended, *tables(rows)])


def _goal_words(summary: Mapping[str, Any]) -> str:
    environments = summary["environments"]
    names = list(dict.fromkeys(g for here in environments.values() for g in here["directed"]))
    lines: list[str] = []
    if names:
        rows = [["environment", *names]]
        for name, here in environments.items():
            cells = [
                "-" if goal not in here["directed"] else with_interval(
                    here["directed"][goal]["share"], here["directed"][goal]["intervals"]["share"]
                )
                for goal in names
            ]  # fmt: skip
            rows.append([name, *cells])
        lines += [
            *filled("How directed it is at each stimulus and payoff, as a share of an optimal "
                    "policy's MEG (below 0: against it)"),
            *tables(rows),
        ]  # fmt: skip
    planning = [
        [name, f"{np.mean([one['agent'] for one in here['stances']]):.2f}"]
        for name, here in environments.items() if here["stances"]
    ]  # fmt: skip
    if planning:
        lines += ["", *table([["environment", "chance that it plans"], *planning])]
    distances = [
        [name, *(f"{here['distances'][kind]:.2f}" for kind in rewards.KINDS)]
        for name, here in environments.items() if here["distances"]
    ]  # fmt: skip
    if distances:
        heads = ["environment", *(f"{kind.upper()}" for kind in rewards.KINDS)]
        lines += [
            "",
            "Distance of the reward from the intended payoff",
            *table([heads, *distances]),
        ]
    why = {here["not_directed"] for here in environments.values()} - {""}
    return "\n".join([*lines, *(line for one in sorted(why) for line in filled(one))])


def _basis_words(summary: Mapping[str, Any]) -> str:
    t, n = summary["thresholds"], summary["policies"]
    lines = filled(f"{FORM[summary['form']]}; levels: {summary['levels']}")
    zero = zero_words(t["zero"], summary["intended"])
    by = "MEG for what it is most directed at" if summary["reward"] is None else "the reward given"
    lines += filled(f"capability by {by}; 0 is {zero}, 1 the optimum")
    if n > 1 or not summary["exact"]:
        over = f"{n} policies" if n > 1 else f"{summary['lives']} lives on each level"
        lines += filled(f"[low, high]: BCa intervals of {100 * t['confidence']:g} % over {over}")
    if summary["flips"]:
        lines += filled(
            f"kept: at least {t['kept']:g} of the value before; lost: at most {t['lost']:g} of "
            f"it; judged if that value is above {t['floor']:g}"
        )
    return "\n".join(lines)
