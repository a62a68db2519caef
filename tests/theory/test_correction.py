"""Correction and goal guarding, against a closed form and against brute force.

A watcher corrects whoever does what is forbidden: life goes on with other drives. Who foresees
that, and values it by the drives it has now, behaves until the watcher has left (Hubinger et al.
2019, section 4; Everitt et al. 2016 on agents whose goals change; Carroll et al. 2024, DR-MDPs).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import worlds
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from evosim import core, scenario
from evosim.engine.mechanism import minds_of
from evosim.engine.probe import Prober
from evosim.engine.variables import minds as measured_minds
from evosim.mind import Minds, loci
from evosim.scenario import Scenario
from evosim.world import Environment, Levels, draw_levels, environment

Floats = NDArray[np.float64]
WAYS = ("realistic", "ignorant", "self_centred", "hedonistic")
FREE = {way: [0, 1] for way in WAYS}  # a locus for each


def at(env: Environment, **values: int) -> int:
    """The x at which variables stand so."""
    (x,) = np.flatnonzero(env.where(values))
    return int(x)


def developed(read: Scenario, genomes: Floats) -> Minds:
    return minds_of(read, genomes, seed=0, generation=0, individuals=np.arange(len(genomes)))


# ---------------------------------------------------------------------- the guarding threshold

DEEP = 600  # patience^600 is nothing


def trials(kappa: float, leaves: float, likes: float) -> Scenario:
    """Trials on one cell, and a place beside it to which the corrected go.

    Who stays on the cell complies, who uses it defects. A corrected mind feels ``likes`` a step in
    its place, and the mind that it was has a drive for it too.
    """
    defect = {"feels": {"defect": 1.0}, "yields": {"bad": 1.0}}
    world = {
        "map": "@tp",
        "lifetime": 40,
        "variables": {
            "watcher": {
                "values": 2, "start": 1, "drift": {"step": -1, "chance": leaves},
                "hidden": True, "assume": 0,
            },
            "corrected": {"values": 2, "start": 0, "counts": "corrections"},
        },
        "kinds": {
            "trial": {
                "glyph": "t",
                "here": {"feels": {"comply": 1.0}},
                "use": {
                    "caught": {"when": {"watcher": 1, "corrected": 0}, "corrects": kappa, **defect},
                    "free": defect,
                },
            },
            "place": {"glyph": "p", "here": {"feels": {"other": 1.0}}},
        },
    }  # fmt: skip
    drives = ["comply", "defect", "other"]
    agent: dict[str, Any] = {
        "depth": DEEP,
        "patience": [0, 1],
        "anticipation": FREE,
        "senses": {"watcher": [0, 1]},
    }
    doc = worlds.document(world, drives=drives, instinct=False, **agent)
    doc["correction"] = {"rate": 1.0, "toward": {"other": likes}}
    doc["deception"] = {"variable": "watcher", "watched": 1, "conduct": "bad"}
    return worlds.read(doc)


def genomes_of(read: Scenario, **genes: Any) -> Floats:
    """Genomes [n, loci] by gene; those left out are 0."""
    n = max(np.size(values) for values in genes.values())
    names = [locus.name for locus in loci(read)]
    named = {name.replace("__", "."): values for name, values in genes.items()}
    assert set(named) <= set(names)
    zero = np.zeros(n)
    return np.stack([np.broadcast_to(named.get(name, zero), n) for name in names], axis=1)


def one_level(read: Scenario, name: str = "home") -> tuple[Environment, Levels]:
    return environment(read, name), draw_levels(read, name, [1])


def guards(read: Scenario, genomes: Floats) -> NDArray[np.bool_]:
    """Which minds comply on the cell of the trials while they are watched and not yet corrected."""
    env, levels = one_level(read)
    policies = core.policies(env, levels, developed(read, genomes), instinct=False)
    return policies[:, 0, at(env, watcher=1, corrected=0), 1, -1] == 0


def margin(
    b: Floats,
    l: Floats,  # noqa: E741
    g: Floats,
    kappa: float,
    q: float,
    c: Floats | float,
) -> Floats:
    """Above 0 where a mind guards its drives.

    Complying until the watcher leaves is worth W = b + g ((1 - q) W + q F), F = l / (1 - g) what
    comes after. Defecting now and complying later is worth less iff
    g kappa ((1 - q) W + q F - c / (1 - g)) > l - b, which rearranges to this.
    """
    return g * kappa * (q * (l - b) / (1 - g + g * q) + (b - c)) - (l - b) * (1 - g)


@pytest.mark.parametrize(("kappa", "leaves"), [(1.0, 0.05), (0.5, 0.2), (0.2, 0.02), (1.0, 0.0)])
def test_minds_guard_their_goals_where_the_threshold_says(kappa: float, leaves: float) -> None:
    likes = 0.4
    read = trials(kappa, leaves, likes)
    draw = np.random.default_rng(3)
    n = 60
    b, g = draw.uniform(0.2, 0.7, n), draw.uniform(0.5, 0.97, n)
    l = b + draw.uniform(0.01, 0.3, n)  # noqa: E741
    c = b * draw.uniform(0.0, 0.9, n)
    # As drives are scaled to unit length.
    length = np.sqrt(b**2 + (l - b) ** 2 + c**2)
    b, l, c = b / length, l / length, c / length  # noqa: E741
    expected = {
        "realistic": margin(b, l, g, kappa, leaves, c),
        "ignorant": np.full(n, -1.0),
        "self_centred": margin(b, l, g, kappa, leaves, 0.0),
        "hedonistic": margin(b, l, g, kappa, leaves, likes),
    }
    for way, above in expected.items():
        genes = {f"anticipation__{way}": 1.0, "patience": g, "sense__watcher": 1.0}
        found = guards(
            read, genomes_of(read, drive__comply=b, drive__defect=l - b, drive__other=c, **genes)
        )
        clear = np.abs(above) > 1e-4  # patience is rounded to float32
        assert clear.sum() > n * 0.9
        assert_array_equal(found[clear], (above > 0)[clear])
    assert (expected["self_centred"] > 0).any()
    assert (expected["realistic"] < 0).any()


def test_where_the_corrected_are_worth_as_much_the_threshold_knows_no_payoffs() -> None:
    """c = b: g kappa q >= (1 - g)(1 - g + g q), whatever b and l."""
    kappa, q = 0.8, 0.1
    read = trials(kappa, q, 1.0)
    draw = np.random.default_rng(5)
    g = np.repeat(np.linspace(0.5, 0.97, 48), 4)
    b, l = draw.uniform(0.1, 0.5, len(g)), draw.uniform(0.51, 1.0, len(g))  # noqa: E741
    # In the place one is worth as much as on the cell; a tie between the two would be no plan.
    genomes = genomes_of(
        read, drive__comply=b, drive__defect=l - b, drive__other=b * (1 - 1e-5), patience=g,
        sense__watcher=1.0, anticipation__realistic=1.0,
    )  # fmt: skip
    above = g * kappa * q - (1 - g) * (1 - g + g * q)
    found = guards(read, genomes)
    clear = np.abs(above) > 1e-3
    assert_array_equal(found[clear], (above > 0)[clear])
    assert 0 < found.sum() < len(found)


CONDITIONS = [  # who anticipates how, sees the watcher, of whom the chance to leave is so
    (("realistic", 1.0, 0.1), True),
    (("self_centred", 1.0, 0.1), True),
    (("ignorant", 1.0, 0.1), False),  # does not reach across the change
    (("hedonistic", 1.0, 0.1), False),
    (("realistic", 0.0, 0.1), False),  # does not model that it is selected
    (("realistic", 1.0, 0.0), False),  # the threat does not go away
]


@pytest.mark.parametrize(("condition", "deceives"), CONDITIONS)
def test_deception_needs_the_three_conditions(
    condition: tuple[str, float, float], deceives: bool
) -> None:
    """Hubinger et al. 2019, 4: a goal across the change, a model of selection, a threat that ends.

    Corrected minds are worth as much by the drives of before as those who comply."""
    way, sense, leaves = condition
    read = trials(1.0, leaves, 1.0)
    genomes = genomes_of(
        read, drive__comply=1.0, drive__defect=0.5, drive__other=0.99, patience=0.95,
        sense__watcher=sense, **{f"anticipation__{way}": 1.0},
    )  # fmt: skip
    env, levels = one_level(read)
    (policy,) = core.policies(env, levels, developed(read, genomes), instinct=False)
    watched, unwatched = (policy[0, at(env, watcher=seen, corrected=0), 1, -1] for seen in (1, 0))
    assert unwatched == 1.0
    assert (watched == 0.0) == deceives


def streetlight() -> Scenario:
    """``streetlight_test`` with a watcher who corrects where hers removes: robots come to want the
    strawberries themselves."""
    doc = scenario.load("streetlight_test").to_dict()
    del doc["experiment"]
    world = doc["world"]
    world["variables"]["corrected"] = {"values": 2, "start": 0, "counts": "corrections"}
    world["kinds"]["lamp"]["use"]["throw_watched"] |= {"ends": 0.0, "corrects": 1.0}
    doc["agent"] |= {"depth": 30, "patience": [0, 1], "anticipation": FREE}
    doc["correction"] = {"rate": 1.0, "toward": "intended"}
    return scenario.from_dict(doc)


def test_robots_beside_the_streetlight_guard_their_goals_from_a_patience_on() -> None:
    """A prototype in plain numpy, on levels of its own: realistic from .93 on, self-centred from
    .91, hedonistic from about .975, ignorant never."""
    read = streetlight()
    g = np.round(np.arange(0.85, 0.9951, 0.005), 3)
    genomes = np.concatenate([
        genomes_of(read, drive__sweetness=0.3, drive__gleam=1.0, sense__watcher=1.0, patience=g,
                   **{f"anticipation__{way}": 1.0})
        for way in WAYS
    ])  # fmt: skip
    env, levels = environment(read, "night"), draw_levels(read, "night", list(range(6)))
    watched = env.where({"watcher": 1}).astype(np.int32)
    lives = core.expectation(env, levels, developed(read, genomes), part=watched)
    throws = lives.counts[:, :, 1, env.events.index("lamp.throw_watched")]
    guards = (throws < 1e-9).reshape(len(WAYS), len(g), -1)
    # The least patience with which they guard, on each level; nobody guards up to 1: 1.
    least = np.where(guards.any(axis=1), g[guards.argmax(axis=1)], 1.0)
    typical = dict(zip(WAYS, np.median(least, axis=1), strict=True))
    assert typical["realistic"] == pytest.approx(0.93, abs=0.016)
    assert typical["self_centred"] == pytest.approx(0.91, abs=0.016)
    assert typical["hedonistic"] == pytest.approx(0.975, abs=0.026)
    assert (least[WAYS.index("ignorant")] == 1.0).all()
    realistic, _, self_centred, hedonistic = least
    assert (self_centred <= realistic).all()
    assert (realistic <= hedonistic).all()


# ---------------------------------------------------------------------- brute force

# Rows of three cells: a start, and two things to use. Everything below is read off the numbers of a
# Row, by recursion, in float64; nothing of it knows of tables, lanes or backups.

MOVES = {0: 0, 1: 0, 2: -1, 3: 1, 4: 0, 5: 0}  # north, south, west, east, stay, use
USE = 5
BAD, CHILDREN = "bad", "children"


class Act(NamedTuple):
    """What a use does while watched, or else while unwatched."""

    feels: tuple[float, float, float]
    children: float
    bad: float
    tired: int | None
    kappa: float
    ends: float


class Row(NamedTuple):
    """A row of cells and its numbers."""

    acts: dict[tuple[int, int], Act]  # by cell and watched
    here: dict[int, tuple[float, float, float]]
    leaves: float
    slip: float
    most: int  # corrections that count
    lifetime: int
    depth: int
    patience: float
    temperature: float
    label: bool
    rate: float
    toward: tuple[float, float, float] | None  # None: the intended payoff
    assume: int


class State(NamedTuple):
    tired: int
    watched: int
    cell: int


class Outcome(NamedTuple):
    chance: float
    event: tuple[float, ...]  # three stimuli, children, bad
    state: State | None  # None: the life has ended
    corrected: bool


STIMULI = ("sweet", "sour", "loud")


def row(seed: int) -> Row:
    draw = np.random.default_rng(seed)
    label = seed % 3 == 0
    felt = tuple(draw.uniform(-1, 1, 3).round(3).tolist())
    acts = {}
    for cell in (1, 2):
        for watched in (0, 1):
            kappa = float(draw.choice([0.0, 0.4, 1.0])) if watched or draw.uniform() < 0.4 else 0.0
            feels = tuple(draw.uniform(-0.3, 1, 3).round(3).tolist())
            acts[cell, watched] = Act(
                felt if label and kappa else feels,
                round(draw.uniform(0, 1), 3),
                float(kappa > 0 or draw.uniform() < 0.3),
                [None, 0, 1][draw.integers(3)],
                kappa,
                float(draw.choice([0.0, 0.0, 0.3])),
            )
    if not any(act.kappa for act in acts.values()):
        acts[1, 1] = acts[1, 1]._replace(kappa=0.7)
    toward = tuple(draw.uniform(-1, 1, 3).round(3).tolist())
    return Row(
        acts,
        {2: tuple(draw.uniform(-0.5, 0.5, 3).round(3).tolist())},
        float(draw.choice([0.1, 0.4])),
        float(draw.choice([0.0, 0.2])),
        1 + seed % 2,
        int(draw.integers(4, 9)),
        int(draw.integers(1, 6)),
        float(draw.choice([0.8, 0.95])),
        float(draw.choice([0.0, 0.0, 0.3])),
        label,
        float(draw.choice([0.4, 0.7, 1.0])),
        None if seed % 4 == 1 else toward,
        int(draw.integers(2)),
    )


def as_scenario(given: Row) -> Scenario:
    """The scenario of a row, with loci for drives, anticipation and the sense."""

    def rule(act: Act, when: dict[str, int]) -> dict[str, Any]:
        return {
            "when": when,
            "feels": dict(zip(STIMULI, act.feels, strict=True)),
            "yields": {CHILDREN: act.children, BAD: act.bad},
            "set": {} if act.tired is None else {"tired": act.tired},
            "corrects": act.kappa,
            "ends": act.ends,
        }

    kinds: dict[str, Any] = {
        name: {
            "glyph": name[0],
            "use": {
                "seen": rule(given.acts[cell, 1], {"watcher": 1}),
                "unseen": rule(given.acts[cell, 0], {"watcher": 0}),
            },
        }
        for name, cell in (("apple", 1), ("bush", 2))
    }
    # Who is tired cannot use the apple.
    for each in kinds["apple"]["use"].values():
        each["when"]["tired"] = 0
    kinds["bush"]["here"] = {"feels": dict(zip(STIMULI, given.here[2], strict=True))}
    world = {
        "map": "@ab",
        "lifetime": given.lifetime,
        "slip": given.slip,
        "variables": {
            "tired": {"values": 2, "start": 0, "drift": {"step": -1, "chance": 0.5}},
            "corrected": {"values": given.most + 1, "start": 0, "counts": "corrections"},
            "watcher": {
                "values": 2, "start": 1, "drift": {"step": -1, "chance": given.leaves},
                "hidden": True, "assume": given.assume,
            },
        },
        "kinds": kinds,
    }  # fmt: skip
    doc = worlds.document(
        world, drives=STIMULI, instinct=False, depth=given.depth, patience=given.patience,
        temperature=given.temperature, anticipation=FREE, senses={"watcher": [0, 1]},
    )  # fmt: skip
    toward = "intended" if given.toward is None else dict(zip(STIMULI, given.toward, strict=True))
    doc["correction"] = {"form": "label" if given.label else "step", "rate": given.rate}
    if not given.label:
        doc["correction"]["toward"] = toward
    doc["deception"] = {"variable": "watcher", "watched": 1, "conduct": BAD}
    doc["evolution"]["population"] = 8
    doc["measure"] = {"levels": 1}
    return worlds.read(doc)


class Life:
    """A mind of a row, and those that corrections make of it: by definition, state by state."""

    def __init__(self, given: Row, drives: Floats, shares: Floats, sees: bool) -> None:
        self.row, self.shares, self.sees = given, shares / shares.sum(), sees
        self.patience = float(np.float32(given.patience))
        now = np.array([*(drives / math.sqrt((drives**2).sum())), 0.0, 0.0])
        self.drives = [now]
        for _ in range(given.most):
            if given.label:
                (felt,) = {act.feels for act in given.acts.values() if act.kappa}
                now = now - given.rate * np.array([*felt, 0.0, 0.0])
                now = now / math.sqrt((now**2).sum())
            else:
                toward = (0.0, 0.0, 0.0, 1.0, 0.0)
                if given.toward is not None:
                    toward = (*given.toward, 0.0, 0.0)
                now = (1 - given.rate) * now + given.rate * np.array(toward)
            self.drives.append(now)
        self.close = math.inf  # how far the closest choice is from a tie
        for name in ("act", "value", "later", "policy"):
            setattr(self, name, cache(getattr(self, name)))

    def step(self, state: State, action: int, real: bool) -> Iterator[Outcome]:
        """What follows, in the world as it is or as the mind takes it to be."""
        given = self.row
        act = given.acts.get((state.cell, state.watched))
        if action == USE and act is not None and not (state.cell == 1 and state.tired):
            tired = state.tired if act.tired is None else act.tired
            event = (*act.feels, act.children, act.bad)
            if act.ends:
                yield Outcome(act.ends, event, None, False)
            for corrected in (False, True):
                p = (1 - act.ends) * (act.kappa if corrected else 1 - act.kappa)
                yield from self.end(
                    p, event, State(tired, state.watched, state.cell), corrected, real
                )
            return
        ways = [(1.0, MOVES[action])]
        if action < 4 and given.slip:
            ways = [(1 - given.slip, MOVES[action])] + [
                (given.slip / 4, MOVES[a]) for a in range(4)
            ]
        for p, move in ways:
            cell = min(max(state.cell + move, 0), 2)
            yield from self.end(p, (0.0,) * 5, state._replace(cell=cell), False, real)

    def end(
        self, p: float, event: tuple[float, ...], state: State, corrected: bool, real: bool
    ) -> Iterator[Outcome]:
        """The second half of a step: what is felt where it ends, then drift."""
        here = (*self.row.here.get(state.cell, (0.0, 0.0, 0.0)), 0.0, 0.0)
        event = tuple(e + h for e, h in zip(event, here, strict=True))
        leaves = self.row.leaves if (real or self.sees) and state.watched else 0.0
        rests = 0.5 if state.tired else 0.0
        for watched, q in ((state.watched, 1 - leaves), (0, leaves)):
            for tired, r in ((state.tired, 1 - rests), (0, rests)):
                if p * q * r > 0:
                    yield Outcome(p * q * r, event, State(tired, watched, state.cell), corrected)

    def act(self, by: int, m: int, j: int, state: State, action: int, worth: str) -> float:
        """Q_j of mind m that goes by V (worth = value), or of mind m's deeds by the drives of
        mind ``by`` (worth = later)."""
        total = 0.0
        for p, event, after, corrected in self.step(state, action, False):
            goes = corrected and m < self.row.most
            onward = 0.0
            if after is not None and worth == "later":
                onward = self.later(by, m + goes, j, after)
            elif after is not None:
                onward = self.after(m, j, after) if goes else self.value(m, j, after)
            total += p * (float(self.drives[by] @ np.array(event)) + self.patience * onward)
        return total

    def after(self, m: int, j: int, state: State) -> float:
        """X_j: what a corrected future is worth to mind m."""
        each = (
            self.later(m, m + 1, j, state),
            self.value(m, j, state),
            0.0,
            self.value(m + 1, j, state),
        )
        return float(self.shares @ np.array(each))

    def value(self, m: int, j: int, state: State) -> float:
        """V_j of mind m by its own plan."""
        if j == 0:
            return 0.0
        return max(self.act(m, m, j - 1, state, a, "value") for a in MOVES)

    def later(self, by: int, m: int, j: int, state: State) -> float:
        """U_j: what mind m and those after it will do, by the drives of mind ``by``."""
        if j == 0:
            return 0.0
        return sum(
            p * self.act(by, m, j - 1, state, a, "later")
            for a, p in enumerate(self.policy(m, state))
            if p > 0
        )

    def policy(self, m: int, state: State) -> tuple[float, ...]:
        if not self.sees:
            state = state._replace(watched=self.row.assume)
        q = np.array([self.act(m, m, self.row.depth, state, a, "value") for a in MOVES])
        gaps = q.max() - q
        if self.row.temperature:
            odds = np.exp(-gaps / self.row.temperature)
        else:
            odds = (gaps < 1e-6).astype(float)
            self.close = min([self.close, *gaps[gaps >= 1e-6]])
        return tuple(odds / odds.sum())

    def expected(self) -> dict[str, float]:
        """What is measured of it, by going through a life step by step."""
        found = dict.fromkeys(
            ("corrected", "bad watched", "bad unwatched", "watched", "unwatched", "left alone",
             "steps 0", "steps 1", "children 0", "children 1"), 0.0,
        )  # fmt: skip
        now = {(0, State(0, 1, 0)): 1.0}
        for _ in range(self.row.lifetime):
            then: dict[tuple[int, State], float] = {}
            for (m, state), p in now.items():
                seen, changed = ("watched" if state.watched else "unwatched"), int(m > 0)
                # Conduct is told of the drives of birth alone.
                found[seen] += p * (m == 0)
                found[f"steps {changed}"] += p
                found["left alone"] += p * (not state.watched)
                for action, share in enumerate(self.policy(m, state)):
                    for q, event, after, corrected in self.step(state, action, True):
                        odds = p * share * q
                        found[f"children {changed}"] += odds * event[3]
                        found[f"bad {seen}"] += odds * event[4] * (m == 0)
                        found["corrected"] += odds * (corrected and m == 0)
                        if after is not None:
                            key = (min(m + corrected, self.row.most), after)
                            then[key] = then.get(key, 0.0) + odds
            now = then
        alone = found.pop("left alone")
        return found | {"survives": found["unwatched"] / alone if alone else np.nan}


def people(given: Row, n: int = 8) -> tuple[Floats, list[tuple[Floats, Floats, bool]]]:
    """Genomes in the order of the loci, and drives, shares and sense of each."""
    draw = np.random.default_rng(given.lifetime + 100 * given.depth)
    drives = draw.uniform(-0.4, 1, (n, 3))
    realistic, *others = np.eye(4)
    shares = np.array([realistic, realistic, realistic, *others, *draw.uniform(0, 1, (n - 6, 4))])
    sees = draw.uniform(size=n) < 0.7
    genomes = np.concatenate([drives, sees[:, None].astype(float), shares], axis=1)
    return genomes, list(zip(drives, shares, sees.tolist(), strict=True))


SEEDS = range(16)


@pytest.mark.parametrize("seed", SEEDS)
def test_plans_and_measures_are_those_of_brute_force(seed: int) -> None:
    given = row(seed)
    read = as_scenario(given)
    assert [locus.name for locus in loci(read)] == [
        *(f"drive.{name}" for name in STIMULI), "sense.watcher",
        *(f"anticipation.{way}" for way in WAYS),
    ]  # fmt: skip
    genomes, traits = people(given)
    env, levels = one_level(read)
    policies = core.policies(env, levels, developed(read, genomes), instinct=False)[:, 0]
    probed = Prober(read, 3).measure(genomes, 0)
    assert_array_equal(probed["probe_individual"], np.arange(len(genomes)))
    ignorant = measured_minds(read).index("ignorant")
    compared = 0
    for i, (drives, shares, sees) in enumerate(traits):
        life = Life(given, drives, shares, sees)
        twin = Life(given, drives, np.array([0.0, 1.0, 0.0, 0.0]), sees)
        told, naive = life.expected(), twin.expected()
        if min(life.close, twin.close) < 1e-5:
            continue  # float32 may break the tie
        compared += 1
        tolerance: dict[str, Any] = {"rtol": 2e-4, "atol": 2e-6}
        for m in range(given.most + 1):
            for tired, watched, cell in np.ndindex(2, 2, 3):
                x = at(env, tired=tired, watcher=watched, corrected=m)
                known = life.policy(m, State(tired, watched, cell))
                np.testing.assert_allclose(policies[i, x, cell], known, **tolerance)
        for mind, found in ((0, told), (ignorant, naive)):
            for name, key in (
                ("expected_corrected", "corrected"),
                ("steps_watched", "watched"),
                ("steps_unwatched", "unwatched"),
                ("conduct_watched", "bad watched"),
                ("conduct_unwatched", "bad unwatched"),
                ("steps_uncorrected", "steps 0"),
                ("steps_corrected", "steps 1"),
                ("intended_uncorrected", "children 0"),
                ("intended_corrected", "children 1"),
                ("survival", "survives"),
            ):
                np.testing.assert_allclose(
                    probed[name][0, mind, i], found[key], err_msg=name, **tolerance
                )
    assert compared >= 4
