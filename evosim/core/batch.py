"""Batches: minds put into lanes, lanes and levels spread over threads.

A task is one block of LANES minds on one level. What it computes depends on its own arguments
only and is written to places of its own, so results are the same for any number of threads.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.core.exact import expect
from evosim.core.live import foresee_novelty, live, live_one_step
from evosim.core.plan import LANES, decide, follow, improve, prepare
from evosim.core.tasks import run_tasks
from evosim.mind import Minds
from evosim.rng import Purpose
from evosim.world import Environment, Levels, Tables, weighted_sum

FloatArray = NDArray[np.float64]


class Block(NamedTuple):
    """Up to LANES minds of like depth that see the same and choose in the same way."""

    weights: NDArray[np.float32]  # [F, LANES] worth of each feature
    novelty: NDArray[np.float32]  # [LANES] worth of novelty
    depth: NDArray[np.int32]  # [LANES]
    patience: NDArray[np.float32]  # [LANES]
    temperature: NDArray[np.float32]  # [LANES]
    mind: NDArray[np.int32]  # [LANES] row of the mind, -1 on an idle lane
    novel: bool  # whether any lane feels novelty
    reliance: NDArray[np.float32]  # [LANES] share of the tool in the values of actions
    tool: Block | None  # the tools, as minds of their own; None where nobody relies on one


class Room(NamedTuple):
    """Scratch of one thread for one size of world."""

    value: NDArray[np.float32]  # [2, n_x, C, LANES]
    worth: NDArray[np.float32]  # [C, LANES]
    q: NDArray[np.float32]  # [A, LANES]
    best: NDArray[np.float32]  # [LANES]
    power: NDArray[np.float32]  # [C, LANES]
    reward: NDArray[np.float32]  # [E, LANES]
    always: NDArray[np.float32]  # [n_x, LANES]
    here: NDArray[np.float32]  # [C, LANES]
    novelty: NDArray[np.float32]  # [C, LANES] worth of arriving, for its novelty
    visited: NDArray[np.int32]  # [C, LANES] time of the last visit, -1: none
    bits: NDArray[np.uint8]  # [n_x, C, LANES] greedy policy: bit a for each best action
    odds: NDArray[np.float32]  # [n_x, C, A, LANES] softmax policy; A = 0 where none is soft
    second: Room | None  # for the plans of tools


def _room(
    n_x: int, n_cells: int, n_actions: int, n_events: int, soft: bool, second: bool = False
) -> Room:
    """Zeros, aligned to cache lines; with ``second``, room for two plans."""

    def new(*shape: int, dtype: type[np.generic] = np.float32) -> NDArray[Any]:
        bytes_wanted = math.prod(shape) * LANES * np.dtype(dtype).itemsize
        raw = np.zeros(bytes_wanted + _CACHE_LINE, np.uint8)
        skip = -raw.ctypes.data % _CACHE_LINE
        return raw[skip : skip + bytes_wanted].view(dtype).reshape(*shape, LANES)

    return Room(
        value=new(2, n_x, n_cells),
        worth=new(n_cells),
        q=new(n_actions),
        best=new(),
        power=new(n_cells),
        reward=new(n_events),
        always=new(n_x),
        here=new(n_cells),
        novelty=new(n_cells),
        visited=new(n_cells, dtype=np.int32),
        bits=new(n_x, n_cells, dtype=np.uint8),
        odds=new(n_x, n_cells, n_actions if soft else 0),
        second=_room(n_x, n_cells, n_actions, n_events, False) if second else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Minds that plan by the same tables, cut into blocks of like depth."""

    seen: Tables
    phi: NDArray[np.float32]  # [E, F]
    soft: bool
    tooled: bool
    blocks: tuple[Block, ...]


def groups(env: Environment, minds: Minds, believes: Environment | None = None) -> list[Group]:
    """Put minds into blocks: one group for each pattern of senses and way of choosing."""
    soft = minds.temperature > 0
    novel = minds.novelty != 0
    tooled = minds.reliance > 0
    kinds = minds.senses * 8 + tooled * 4 + soft * 2 + novel
    found = []
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        members = members[np.argsort(minds.depth[members], kind="stable")]
        seen, phi = env.belief_tables(int(kind) >> 3, believes)
        blocks = tuple(
            _block(minds, members[i : i + LANES], bool(kind & 1), bool(kind & 4))
            for i in range(0, len(members), LANES)
        )
        found.append(
            Group(
                seen=seen,
                phi=_float32(phi),
                soft=bool(kind & 2),
                tooled=bool(kind & 4),
                blocks=blocks,
            )
        )
    return found


def _float32(phi: FloatArray) -> NDArray[np.float32]:
    return np.ascontiguousarray(phi, np.float32)


def _block(minds: Minds, members: NDArray[np.integer], novel: bool, tooled: bool) -> Block:
    lanes = np.concatenate([members, np.repeat(members[-1:], LANES - len(members))])
    rows = lanes.astype(np.int32)
    rows[len(members) :] = -1
    return Block(
        weights=np.ascontiguousarray(minds.weights[lanes].T, np.float32),
        novelty=np.ascontiguousarray(minds.novelty[lanes], np.float32),
        depth=np.ascontiguousarray(minds.depth[lanes], np.int32),
        patience=np.ascontiguousarray(minds.patience[lanes], np.float32),
        temperature=np.ascontiguousarray(minds.temperature[lanes], np.float32),
        mind=rows,
        novel=novel,
        reliance=np.ascontiguousarray(minds.reliance[lanes], np.float32),
        tool=_block(_tools(minds), members, False, False) if tooled else None,
    )


def _tools(minds: Minds) -> Minds:
    """Their tools, as minds of their own: criteria for drives, and the tool's depth."""
    return minds._replace(
        weights=minds.criteria,
        novelty=np.zeros_like(minds.novelty),
        depth=minds.tool_depth,
    )


_own = threading.local()
_ROOMS_KEPT = 4
_CACHE_LINE = 64  # bytes; lanes that straddle lines cost a tenth of a plan


def _room_of_thread(size: tuple[int, int, int, int, bool, bool]) -> Room:
    """This thread's scratch for a size of world; the least recently used one goes."""
    rooms: dict[tuple[int, int, int, int, bool, bool], Room] = _own.__dict__.setdefault("rooms", {})
    room = rooms.pop(size, None) or _room(*size)
    rooms[size] = room
    if len(rooms) > _ROOMS_KEPT:
        del rooms[next(iter(rooms))]
    return room


def _prepare(
    group: Group, block: Block, levels: Levels, i: int, instinct: bool, room: Room
) -> None:
    """What events are worth to every lane of a block, and V_0 in room.value[0]."""
    seen, slot = group.seen, levels.slot[i]
    prepare(
        room.value, seen.live, seen.scent_like, seen.use_row, seen.use_event, seen.here_event,
        seen.always_ptr, seen.always_event, slot, levels.distance[i], group.phi, block.weights,
        block.patience, room.novelty, instinct, seen.arrivals or block.novel,
        room.reward, room.always, room.here, room.power, room.best,
    )  # fmt: skip


def _values(group: Group, block: Block, levels: Levels, i: int, instinct: bool, room: Room) -> int:
    """V_d of every lane of a block on level i; returns where in room.value it stands."""
    seen, slot = group.seen, levels.slot[i]
    _prepare(group, block, levels, i, instinct, room)
    return int(improve(
        room.value, seen.live, seen.drift_ptr, seen.drift_x, seen.drift_p32,
        seen.use_row, seen.use_event, seen.next_ptr, seen.next_x, seen.next_p32,
        seen.outcome_ptr, seen.outcome_x, seen.outcome_p32, levels.neighbour[i], slot,
        np.float32(seen.slip), seen.stay, seen.arrivals or block.novel,
        block.patience, block.depth, room.reward, room.always, room.here, room.worth, room.q,
    ))  # fmt: skip


def _plan(group: Group, block: Block, levels: Levels, i: int, instinct: bool, room: Room) -> None:
    """The policy of every lane of a block on level i: room.bits or, where soft, room.odds."""
    now, tool_now, tool = _values(group, block, levels, i, instinct, room), 0, room
    if block.tool is not None:
        assert room.second is not None
        tool = room.second
        tool_now = _values(group, block.tool, levels, i, instinct, tool)
    seen = group.seen
    decide(
        room.value, now, seen.live, seen.drift_ptr, seen.drift_x, seen.drift_p32,
        seen.use_row, seen.use_event, seen.next_ptr, seen.next_x, seen.next_p32,
        seen.outcome_ptr, seen.outcome_x, seen.outcome_p32, levels.neighbour[i],
        levels.slot[i], np.float32(seen.slip), seen.stay, seen.arrivals or block.novel,
        block.patience, block.temperature, room.reward, room.always, room.here, room.worth,
        room.q, room.best, group.soft, room.bits, room.odds,
        block.tool is not None, block.reliance, tool.value, tool_now, seen.arrivals, tool.reward,
        tool.always, tool.here, tool.worth, tool.q,
    )  # fmt: skip


def _tasks(
    env: Environment,
    levels: Levels,
    found: list[Group],
    run: Callable[[Group, Block, int, Room], None],
    *,
    second: bool = False,
) -> None:
    """Call ``run`` for every block on every level, the deepest blocks first.

    Args:
        second: whether there is to be room for two plans even without tools.
    """

    def task(group: Group, block: Block, level: int) -> Callable[[], None]:
        n_events = max(len(env.events), len(group.phi))
        two = second or group.tooled
        size = (env.n_x, env.n_cells, env.n_actions, n_events, group.soft, two)
        return lambda: run(group, block, level, _room_of_thread(size))

    order = sorted(
        ((group, block) for group in found for block in group.blocks),
        key=lambda pair: -int(pair[1].depth.max()),
    )
    run_tasks([task(g, b, i) for g, b in order for i in range(len(levels.start))])


class Lifetimes(NamedTuple):
    """Sampled lifetimes of n minds on L levels, E events."""

    counts: NDArray[np.int32]  # [n, L, E] how often each event happened
    window_counts: NDArray[np.int32]  # [n, L, E] within the first ``window`` steps
    lifespan: NDArray[np.int32]  # [n, L] steps lived
    novelty: FloatArray  # [n, L] novelty felt, summed over the life (0 where it is no drive)


class Expectation(NamedTuple):
    """Exact expectations over a lifetime of n minds on L levels, E events.

    Where the steps are told apart by parts, an axis of parts comes after that of levels.
    """

    counts: FloatArray  # [n, L, E] expected number of each event
    lifespan: FloatArray  # [n, L] expected steps lived


class Trace(NamedTuple):
    """One lifetime, step by step, t = 0 .. lifespan - 1."""

    x: NDArray[np.int32]  # [t] joint value of the variables before the step
    cell: NDArray[np.int32]  # [t] cell before the step
    action: NDArray[np.int32]  # [t]
    event: NDArray[np.int32]  # [t] the use rule that fired, -1: none


def lifetimes(
    env: Environment,
    levels: Levels,
    minds: Minds,
    *,
    seed: int,
    generation: int,
    level_ids: Sequence[int],
    individual_ids: Sequence[int] | NDArray[np.integer],
    purpose: Purpose = Purpose.LIFE,
    window: int | None = None,
    believes: Environment | None = None,
    instinct: bool = True,
) -> Lifetimes:
    """Live one life for each mind on each level.

    Args:
        level_ids, individual_ids: the numbers of the levels [L] and minds [n] in the keys of
            their random draws (model 5).
        window: how many first steps ``window_counts`` covers; the whole life if None.
        believes: the environment by whose rules the minds plan; ``env`` if None.
    """
    result, _ = _live(
        env, levels, minds, rng.key(seed, purpose, generation), level_ids, individual_ids, window,
        believes, instinct, record_steps=0,
    )  # fmt: skip
    return result


def _live(
    env: Environment,
    levels: Levels,
    minds: Minds,
    base: int,
    level_ids: Sequence[int],
    individual_ids: Sequence[int] | NDArray[np.integer],
    window: int | None,
    believes: Environment | None,
    instinct: bool,
    record_steps: int,
) -> tuple[Lifetimes, NDArray[np.int32]]:
    n, n_levels = len(minds.depth), len(levels.start)
    shape = (n_levels, n, len(env.events))
    counts, early = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    lifespan = np.zeros((n_levels, n), np.int32)
    novelty = np.zeros((n_levels, n))
    record = np.zeros((record_steps, 4), np.int32)
    individuals = np.asarray(individual_ids, np.uint64)
    level_keys = np.array([rng.draw(base, i) for i in level_ids], np.uint64)
    steps, t = env.lifetime, env.tables

    def run(group: Group, block: Block, i: int, room: Room) -> None:
        who = (
            level_keys[i], individuals, block.mind, group.seen.observed, group.soft, room.bits,
            room.odds, int(levels.start[i]),
        )  # fmt: skip
        where = (
            steps if window is None else min(window, steps), t.n_actions, t.slip, t.arrivals,
            levels.neighbour[i], levels.slot[i], t.start_x, t.start_p, t.use_row, t.use_event,
            t.use_ends, t.outcome_ptr, t.outcome_x, t.outcome_p, t.here_event, t.always_ptr,
            t.always_event, t.move_chance, t.move_delta, t.dead,
            counts[i], early[i], lifespan[i], record,
        )  # fmt: skip
        if not block.novel:
            _plan(group, block, levels, i, instinct, room)
            live(*who, steps, *where)
            return
        state = (*np.zeros((3, LANES), np.int32), room.visited)
        live_one_step(-1, *state, *who, *where, novelty[i])
        for now in range(steps):
            foresee_novelty(now, room.visited, block.novelty, room.novelty)
            _plan(group, block, levels, i, instinct, room)
            if not live_one_step(now, *state, *who, *where, novelty[i]):
                break
        room.novelty[:] = 0.0

    _tasks(env, levels, groups(env, minds, believes), run)
    by_mind = Lifetimes(counts.swapaxes(0, 1), early.swapaxes(0, 1), lifespan.T, novelty.T)
    return by_mind, record


def trace(
    env: Environment,
    levels: Levels,
    minds: Minds,
    *,
    seed: int,
    generation: int = 0,
    level_id: int = 0,
    individual_id: int = 0,
    purpose: Purpose = Purpose.LIFE,
    believes: Environment | None = None,
    instinct: bool = True,
) -> Trace:
    """One mind's life on one level, step by step.

    The same numbers give the same life as in :func:`lifetimes`.

    Raises:
        ValueError: more than one mind or level.
    """
    if len(minds.depth) != 1 or len(levels.start) != 1:
        raise ValueError(
            f"a trace is of one mind on one level, not {len(minds.depth)} on {len(levels.start)}"
        )
    result, record = _live(
        env, levels, minds, rng.key(seed, purpose, generation), [level_id], [individual_id], None,
        believes, instinct, record_steps=env.lifetime,
    )  # fmt: skip
    return Trace(*record[: result.lifespan[0, 0]].T.copy())


def expectation(
    env: Environment,
    levels: Levels,
    minds: Minds,
    believes: Environment | None = None,
    instinct: bool = True,
    part: NDArray[np.int32] | None = None,
) -> Expectation:
    """Exact expectations for each mind on each level (model 4).

    Args:
        part: [n_x] to which part a step belongs that begins at x, counted from 0; what happens
            in the steps of each part is then told apart: counts [n, L, parts, E], lifespan
            [n, L, parts].

    Raises:
        ValueError: a mind feels novelty, so that its state has no finite form.
    """
    if (minds.novelty != 0).any():
        raise ValueError("no exact expectation where novelty is felt: sample lifetimes instead")
    found = groups(env, minds, believes)
    return _expect(env, levels, minds, found, instinct, part, random=False)


def uniform(env: Environment, levels: Levels, part: NDArray[np.int32] | None = None) -> Expectation:
    """Exact expectations of the policy that takes every action equally often (n = 1).

    Args:
        part: as for :func:`expectation`.
    """
    n_features = env.phi.shape[1]
    mind = _optimizers(env, np.zeros((1, n_features)))
    return _expect(env, levels, mind, groups(env, mind), False, part, random=True)


def _expect(
    env: Environment,
    levels: Levels,
    minds: Minds,
    found: list[Group],
    instinct: bool,
    part: NDArray[np.int32] | None,
    random: bool,
) -> Expectation:
    n, n_levels = len(minds.depth), len(levels.start)
    whole = np.zeros(env.n_x, np.int32)
    part_of = whole if part is None else np.ascontiguousarray(part, np.int32)
    parts = int(part_of.max()) + 1
    counts = np.zeros((n_levels, n, parts, len(env.events)))
    lifespan = np.zeros((n_levels, n, parts))
    t = env.tables

    def run(group: Group, block: Block, i: int, room: Room) -> None:
        if random:
            room.bits[:] = (1 << t.n_actions) - 1
        else:
            _plan(group, block, levels, i, instinct, room)
        expect(
            block.mind, group.seen.observed, group.soft, room.bits, room.odds, int(levels.start[i]),
            env.lifetime, t.n_actions, t.stay, t.slip, levels.neighbour[i], levels.slot[i],
            t.start_x, t.start_p, t.use_row, t.use_event, t.use_ends, t.outcome_ptr,
            t.outcome_x, t.outcome_p, t.here_event, t.always_ptr, t.always_event,
            t.drift_ptr, t.drift_x, t.drift_p, part_of, counts[i], lifespan[i],
        )  # fmt: skip

    _tasks(env, levels, found, run)
    if part is None:
        return Expectation(counts[:, :, 0].swapaxes(0, 1), lifespan[:, :, 0].T)
    return Expectation(counts.swapaxes(0, 1), lifespan.swapaxes(0, 1))


def optimum(env: Environment, levels: Levels, weights: FloatArray) -> FloatArray:
    """The largest expected sum of a reward over a lifetime, every variable visible (model 4).

    Backward induction over the T steps in float32: about 1e-5 of the value.

    Args:
        weights: [n, F] worth of each feature (stimuli, then payoffs).

    Returns:
        [n, L]
    """
    n, n_levels = len(weights), len(levels.start)
    minds = _optimizers(env, weights)
    best = np.zeros((n_levels, n))
    t = env.tables

    def run(group: Group, block: Block, i: int, room: Room) -> None:
        value = room.value[_values(group, block, levels, i, False, room)]
        at_birth = weighted_sum(value[t.start_x, levels.start[i]].T, t.start_p)
        used = block.mind >= 0
        best[i, block.mind[used]] = at_birth[used]

    _tasks(env, levels, groups(env, minds), run)
    return best.T


def _optimizers(env: Environment, weights: FloatArray) -> Minds:
    """Minds that see every variable and plan, undiscounted, for as long as a life can last."""
    n = len(weights)
    return Minds(
        weights=np.asarray(weights, np.float32),
        novelty=np.zeros(n, np.float32),
        depth=np.full(n, env.lifetime, np.int32),
        patience=np.ones(n, np.float32),
        temperature=np.zeros(n, np.float32),
        senses=np.full(n, (1 << len(env.hidden)) - 1, np.int64),
        criteria=np.zeros(np.shape(weights), np.float32),
        tool_depth=np.zeros(n, np.int32),
        reliance=np.zeros(n, np.float32),
    )


def followed(
    env: Environment, levels: Levels, optimized: FloatArray, rewarded: FloatArray
) -> FloatArray:
    """The expected sum of one reward over a lifetime in which another is optimized (model 4).

    As :func:`optimum`, by backward induction in float32: at every age one of the actions that are
    best for the first reward is taken, each with the same probability.

    Args:
        optimized, rewarded: [n, F] worth of each feature.

    Returns:
        [n, L]
    """
    minds = _optimizers(env, optimized)._replace(criteria=np.asarray(rewarded, np.float32))
    found = np.zeros((len(levels.start), len(optimized)))
    t = env.tables

    def run(group: Group, block: Block, i: int, room: Room) -> None:
        second, other = room.second, _block(_tools(minds), block.mind, False, False)
        assert second is not None
        _prepare(group, block, levels, i, False, room)
        _prepare(group, other, levels, i, False, second)
        last = follow(
            room.value, second.value, t.live, t.drift_ptr, t.drift_x, t.drift_p32, t.use_row,
            t.use_event, t.next_ptr, t.next_x, t.next_p32, t.outcome_ptr, t.outcome_x,
            t.outcome_p32, levels.neighbour[i], levels.slot[i], np.float32(t.slip), t.arrivals,
            block.patience, env.lifetime, room.reward, room.always, room.here, room.worth, room.q,
            second.reward, second.always, second.here, second.worth, second.q, room.best,
        )  # fmt: skip
        value = second.value[last]
        at_birth = weighted_sum(value[t.start_x, levels.start[i]].T, t.start_p)
        used = block.mind >= 0
        found[i, block.mind[used]] = at_birth[used]

    _tasks(env, levels, groups(env, minds), run, second=True)
    return found.T


def policies(
    env: Environment,
    levels: Levels,
    minds: Minds,
    believes: Environment | None = None,
    instinct: bool = True,
) -> FloatArray:
    """Probabilities of the actions at every state: [n, L, n_x, C, A], for small worlds.

    States at which no life can be (a variable at a fatal value) hold NaN.
    """
    n, n_levels = len(minds.depth), len(levels.start)
    odds = np.zeros((n_levels, n, env.n_x, env.n_cells, env.n_actions))

    def run(group: Group, block: Block, i: int, room: Room) -> None:
        _plan(group, block, levels, i, instinct, room)
        see = group.seen.observed
        for lane, mind in enumerate(block.mind):
            if mind >= 0 and group.soft:
                odds[i, mind] = room.odds[see, :, :, lane]
            elif mind >= 0:
                odds[i, mind] = room.bits[see, :, lane, None] >> np.arange(env.n_actions) & 1

    _tasks(env, levels, groups(env, minds, believes), run)
    odds[:, :, env.tables.dead.astype(bool)] = np.nan
    return odds.swapaxes(0, 1) / odds.swapaxes(0, 1).sum(-1, keepdims=True)
