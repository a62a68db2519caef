"""Batches: minds put into lanes, and planned for on a level.

A task is one batch of LANES minds on one level. What it computes depends on its own arguments
only and is written to places of its own, so results are the same for any number of threads.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.core._tasks import run_tasks
from evosim.core.foresight import Outlook
from evosim.core.structs import LANES, Lanes, Level, LevelLanes, Plan, PlanTables, Policy
from evosim.mechanisms.table.kernels import softmax_weights
from evosim.mind import Minds
from evosim.world import Environment, Foresight, Levels, Tables

FloatArray = NDArray[np.float64]


class Batch(NamedTuple):
    """Up to LANES minds of like depth that see the same and choose in the same way."""

    lanes: Lanes
    mind: NDArray[np.int32]  # [LANES] row of the mind, -1 on an idle lane
    arrival: NDArray[np.float32]  # [LANES] weight of what the life so far makes of arriving
    replans: bool  # whether any lane feels that, and so plans anew every step
    second: Lanes | None  # the second plans, as minds of their own; None where nobody has one
    outlook: Outlook | None  # what minds foresee and believe; None: nothing beyond their plan
    rho: NDArray[np.float32] | None  # [LANES] how much copies count; None: nothing to anybody
    table: NDArray[np.float32] | None  # [rows, A, LANES] of minds that plan nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchGroup:
    """Minds that plan by the same tables, cut into batches of like depth."""

    env: Environment  # lived in
    tables: Tables  # of the beliefs
    plan_tables: PlanTables
    phi: NDArray[np.float32]  # [E, F]
    soft: bool
    mixed: bool  # whether lanes have a second plan
    batches: tuple[Batch, ...]

    @property
    def plans(self) -> int:
        """How many plans the minds of a lane have: workspaces for one batch."""
        where = self.tables.foresight
        if where is None or self.batches[0].outlook is None:
            return 1 + self.mixed
        return 2 * where.most + 1


def batch_groups(
    env: Environment,
    minds: Minds,
    believes: Environment | None = None,
    everywhere: bool = False,
) -> list[BatchGroup]:
    """Put minds into batches: one group for each pattern of senses and way of choosing.

    Args:
        env, minds, believes: as for :func:`evosim.core.expectation`.
        everywhere: whether to plan for states that no life can come to, too.
    """
    soft = minds.temperature > 0
    replans = minds.arrival != 0
    mixed = minds.share > 0
    # Whoever does without (no draws, no second plan, no planning anew) is not to pay for others.
    kinds = minds.senses * 8 + mixed * 4 + soft * 2 + replans
    found = []
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        # A batch is backed up to its deepest lane, so like depths go together.
        members = members[np.argsort(minds.depth[members], kind="stable")]
        uncertain = bool(minds.credence.shape[1])
        tables, phi = env.belief_tables(int(kind) >> 3, believes, uncertain)
        batches = tuple(
            _batch(minds, members[i : i + LANES], tables, bool(kind & 1), bool(kind & 4))
            for i in range(0, len(members), LANES)
        )
        found.append(
            BatchGroup(
                env=env,
                tables=tables,
                plan_tables=PlanTables.of(tables, everywhere),
                phi=np.ascontiguousarray(phi, np.float32),
                soft=bool(kind & 2),
                mixed=bool(kind & 4),
                batches=batches,
            )
        )
    return found


def _batch(
    minds: Minds, members: NDArray[np.integer], tables: Tables, replans: bool, mixed: bool
) -> Batch:
    # Idle lanes do what the last mind does: lanes run side by side, so that costs nothing.
    rows = np.concatenate([members, np.repeat(members[-1:], LANES - len(members))])
    mind = rows.astype(np.int32)
    mind[len(members) :] = -1
    where = tables.foresight
    count_copies = tables.bequest is not None and minds.rho[members].any()
    return Batch(
        lanes=lanes_of(minds, rows),
        mind=mind,
        arrival=np.ascontiguousarray(minds.arrival[rows], np.float32),
        replans=replans,
        second=lanes_of(minds.second, rows) if mixed else None,
        outlook=_outlook(minds, rows, where) if where is not None and minds.foresee else None,
        rho=np.ascontiguousarray(minds.rho[rows], np.float32) if count_copies else None,
        table=softmax_weights(minds.table[rows]) if minds.plan_nothing else None,
    )


def _outlook(minds: Minds, rows: NDArray[np.integer], where: Foresight) -> Outlook:
    later = (minds._replace(weights=minds.later[:, m]) for m in range(minds.later.shape[1]))
    # Where nothing is uncertain no credence is read, but a kernel needs a row.
    prior = minds.credence[rows, 0] if minds.credence.shape[1] else np.zeros(LANES)
    return Outlook(
        later=tuple(lanes_of(mind, rows) for mind in later),
        anticipation=np.ascontiguousarray(minds.anticipation[rows].T, np.float32),
        credence=np.ascontiguousarray(where.credence(prior), np.float32),
    )


def lanes_of(minds: Minds, rows: NDArray[np.integer]) -> Lanes:
    """Minds put on lanes, as many as LANES rows."""
    return Lanes(
        weights=np.ascontiguousarray(minds.weights[rows].T, np.float32),
        patience=np.ascontiguousarray(minds.patience[rows], np.float32),
        depth=np.ascontiguousarray(minds.depth[rows], np.int32),
        temperature=np.ascontiguousarray(minds.temperature[rows], np.float32),
        share=np.ascontiguousarray(minds.share[rows], np.float32),
    )


# ---------------------------------------------------------------------- workspaces

_CACHE_LINE = 64  # bytes; lanes that straddle lines cost a tenth of a plan
_KEPT = 4  # workspaces of a thread
_own = threading.local()


class Workspace(NamedTuple):
    """Scratch of one thread for one size of world."""

    value: NDArray[np.float32]  # [2, n_x, C, LANES]; up to q as in Plan
    reward: NDArray[np.float32]  # [E, LANES]
    always: NDArray[np.float32]  # [n_x, LANES]
    here: NDArray[np.float32]  # [C, LANES]
    afterstate: NDArray[np.float32]  # [C, LANES]
    q: NDArray[np.float32]  # [A, LANES]
    other_afterstate: NDArray[np.float32]  # [C, LANES] of the other x of an uncertain mind
    other_q: NDArray[np.float32]  # [A, LANES]
    best: NDArray[np.float32]  # [LANES]
    discount: NDArray[np.float32]  # [C, LANES] powers of patience
    arrival: NDArray[np.float32]  # [C, LANES] reward of arriving beside those of events
    greedy: NDArray[np.uint8]  # [n_x, C, LANES] as in Policy
    boltzmann: NDArray[np.float32]  # [n_x, C, A, LANES] A = 0 where no mind is soft
    middle: NDArray[np.float32]  # [n_x, C, LANES] of actions that have ended; local worlds only
    scents: NDArray[np.float32]  # [2, LANES]
    second: Workspace | None  # for another plan of the same lanes, and so on

    def plan(self, arrivals: bool) -> Plan:
        return Plan(
            self.value, self.reward, self.always, self.here, self.afterstate, self.q, arrivals
        )

    def policy(self, group: BatchGroup) -> Policy:
        """Of the minds last planned for in it."""
        return Policy(group.tables.observed, group.soft, self.greedy, self.boltzmann)


def new_workspace(
    n_x: int,
    n_cells: int,
    n_actions: int,
    n_events: int,
    soft: bool,
    plans: int = 1,
    local: bool = False,
) -> Workspace:
    """Zeros, aligned to cache lines, for as many plans; for ``local`` worlds or others."""

    def new(*shape: int, dtype: type[np.generic] = np.float32) -> NDArray[Any]:
        # numpy aligns to 16 bytes only, and loops over lanes read whole cache lines.
        bytes_wanted = math.prod(shape) * LANES * np.dtype(dtype).itemsize
        raw = np.zeros(bytes_wanted + _CACHE_LINE, np.uint8)
        skip = -raw.ctypes.data % _CACHE_LINE
        return raw[skip : skip + bytes_wanted].view(dtype).reshape(*shape, LANES)

    return Workspace(
        value=new(2, n_x, n_cells),
        reward=new(n_events),
        always=new(n_x),
        here=new(n_cells),
        afterstate=new(n_cells),
        q=new(n_actions),
        other_afterstate=new(n_cells),
        other_q=new(n_actions),
        best=new(),
        discount=new(n_cells),
        arrival=new(n_cells),
        greedy=new(n_x, n_cells, dtype=np.uint8),
        boltzmann=new(n_x, n_cells, n_actions if soft else 0),
        middle=new(n_x if local else 0, n_cells),
        scents=new(2),
        second=new_workspace(n_x, n_cells, n_actions, n_events, False, plans - 1, local)
        if plans > 1
        else None,
    )


_Size = tuple[int, int, int, int, bool, int, bool]


def _workspace(size: _Size) -> Workspace:
    """This thread's scratch for a size of world; the least recently used one goes."""
    kept: dict[_Size, Workspace]
    kept = _own.__dict__.setdefault("kept", {})
    space = kept.pop(size, None) or new_workspace(*size)
    kept[size] = space
    if len(kept) > _KEPT:
        del kept[next(iter(kept))]
    return space


def for_each_batch(
    env: Environment,
    levels: Levels,
    groups: list[BatchGroup],
    run: Callable[[BatchGroup, Batch, int, Level, Workspace], None],
    *,
    plans: int = 1,
) -> None:
    """Call ``run(group, batch, i, level, workspace)`` for every batch on every level i.

    Args:
        plans: for how many plans of a lane there are to be workspaces, at least.
    """
    tables = [Level.of(levels, i) for i in range(len(levels.start))]

    def on_level(group: BatchGroup, batch: Batch, i: int, space: Workspace) -> None:
        run(group, batch, i, tables[i], space)

    _spread(env, groups, len(tables), on_level, plans)


def _spread(
    env: Environment,
    groups: list[BatchGroup],
    times: int,
    run: Callable[[BatchGroup, Batch, int, Workspace], None],
    plans: int = 1,
) -> None:
    """Call ``run(group, batch, i, workspace)`` for every batch and i < times, on the threads."""

    def task(group: BatchGroup, batch: Batch, i: int) -> Callable[[], None]:
        n_events = max(len(env.events), len(group.phi))
        many = max(plans, group.plans)
        local = group.tables.local is not None
        size = (env.n_x, env.n_cells, env.n_actions, n_events, group.soft, many, local)
        return lambda: run(group, batch, i, _workspace(size))

    # The deepest first: they take longest, and no thread is to begin one when all others are done.
    order = sorted(
        ((group, batch) for group in groups for batch in group.batches),
        key=lambda pair: -int(pair[1].lanes.depth.max()),
    )
    run_tasks([task(g, b, i) for g, b in order for i in range(times)])


# ---------------------------------------------------------------------- a level in each lane

_CELL, _SITE = 1.25, 25.0
"""What a cell takes in a batch of pairs, and what stands on it in all lanes, of the time that a
cell takes in a batch on one level."""


class Pairs(NamedTuple):
    """Minds and levels in pairs, one a lane: pair m L + i is mind m on level i of L."""

    groups: list[BatchGroup]  # of the pairs
    levels: Levels
    neighbour: NDArray[np.int32]  # [C, 4] of every level, where a move is not blocked
    opened: NDArray[np.uint8]  # [L, C] bit a is set where move a is not blocked
    instinct: bool  # whether minds have it, and so levels distances

    def split(self, batch: Batch) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The mind, -1 for none, and the level of each lane, [LANES]."""
        # An idle lane plans as the last one does, wherever that may be.
        mind, level = np.divmod(batch.mind, np.int32(len(self.levels.start)))
        return mind, level

    def lanes(self, batch: Batch) -> LevelLanes:
        """The levels of a batch."""
        mind, of_lane = self.split(batch)
        # Nothing is on the level of an idle lane: what is there takes most of the time.
        slot = np.ascontiguousarray(np.where(mind >= 0, self.levels.slot[of_lane].T, -1))
        cell, lane = np.nonzero(slot >= 0)
        sites = (of_lane[lane], slice(None), cell) if self.instinct else (np.zeros(0, np.intp),)
        return LevelLanes(
            self.neighbour,
            np.ascontiguousarray(self.opened[of_lane].T),
            slot,
            cell.astype(np.int32),
            lane.astype(np.int32),
            np.ascontiguousarray(self.levels.distance[sites].reshape(-1, len(slot))),
        )

    def for_each(
        self, env: Environment, run: Callable[[BatchGroup, Batch, Workspace], None]
    ) -> None:
        """Call ``run(group, batch, workspace)`` for every batch of pairs."""
        _spread(env, self.groups, 1, lambda group, batch, _, space: run(group, batch, space))


def pairs(
    env: Environment,
    minds: Minds,
    groups: list[BatchGroup],
    believes: Environment | None,
    instinct: bool,
    levels: Levels,
) -> Pairs | None:
    """Minds and levels in pairs, where that is quicker than batches of minds; else None.

    Args:
        groups: the batches of the minds.
    """
    n_levels, cells = len(levels.start), np.arange(env.n_cells)[:, None]
    alone, together = 0.0, 0.0
    site = _SITE * float((levels.slot >= 0).mean()) if n_levels else 0.0
    for group in groups:
        members = sum(int((batch.mind >= 0).sum()) for batch in group.batches)
        alone += len(group.batches) * n_levels
        together += _CELL * -(-members * n_levels // LANES) + site * members * n_levels / LANES
    if together >= alone or not _plain(minds, groups):
        return None
    # A way that is blocked on some level is that of the others.
    opened = levels.neighbour != cells
    neighbour = np.where(opened, levels.neighbour, -1).max(axis=0)
    neighbour = np.where(neighbour < 0, cells, neighbour).astype(np.int32)
    if (opened & (levels.neighbour != neighbour)).any():  # levels of several maps
        return None
    bits = np.packbits(opened, axis=-1, bitorder="little")[..., 0]
    each = minds.rows(np.repeat(np.arange(len(minds.depth)), n_levels))
    return Pairs(batch_groups(env, each, believes), levels, neighbour, bits, instinct)


def _plain(minds: Minds, groups: list[BatchGroup]) -> bool:
    """Whether minds do nothing but plan once, in worlds that are not local and have no copies."""
    more = minds.foresee or minds.plan_nothing or (minds.share > 0).any() or minds.arrival.any()
    tables = [group.tables for group in groups]
    return not more and all(t.local is None and t.bequest is None for t in tables)
