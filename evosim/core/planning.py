"""How the lanes of a batch come to their policy: by planning, or from a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evosim.core.batch import (
    Batch,
    BatchGroup,
    FloatArray,
    Pairs,
    Workspace,
    batch_groups,
)
from evosim.core.copies import births_of, counting_copies, fixed_point
from evosim.core.foresight import (
    HEDONISTIC,
    REALISTIC,
    Outlook,
    anticipate,
    back_up,
    choose_actions,
    led,
)
from evosim.core.local_plan import decide_local, improve_local, prepare_local
from evosim.core.many_levels import decide_many, improve_many, prepare_many
from evosim.core.plan import decide, improve, prepare
from evosim.core.structs import Lanes, Level, LevelLanes, Plan, Policy
from evosim.mechanisms.table.kernels import rows_on
from evosim.mind import Minds
from evosim.world import Environment, Levels

ALL_BACKUPS = 1 << 40
"""More backups than any lane wants."""

Decide = Callable[[BatchGroup, Batch, int, Level, Workspace], Policy]
"""Gives the policy of every lane of a batch on level i, in the workspace's arrays."""


def by_planning(instinct: bool) -> Decide:
    """Policies of planners."""
    return lambda group, batch, i, level, space: plan_policy(group, batch, level, instinct, space)


def by_minds(
    env: Environment,
    levels: Levels,
    minds: Minds,
    believes: Environment | None,
    instinct: bool,
) -> tuple[list[BatchGroup], Decide]:
    """Policies of minds, whether they plan or not; and batches to live by them."""
    if minds.only_do:
        return by_table(env, policies_of(env, levels, minds))
    return batch_groups(env, minds, believes), by_planning(instinct)


def policies_of(env: Environment, levels: Levels, minds: Minds) -> FloatArray:
    """What minds do of whom only that is known, [n, L, n_x, C, A]."""
    # Of one agent there may be many minds.
    found = {id(of): of(env, levels) for of in minds.policies[:, 0]}
    return np.stack([found[id(of)] for of in minds.policies[:, 0]])


def by_table(env: Environment, policies: FloatArray) -> tuple[list[BatchGroup], Decide]:
    """Policies that are given, and not planned; and batches to live by them.

    Args:
        policies: [n, L, n_x, C, A] weights of the actions in each state, not all 0; those of one
            level or state alone hold on all of them.
    """
    # Weights of 0 and 1 are sets of actions, and need no more than a bit each.
    sets = None
    if ((policies == 0) | (policies == 1)).all():
        sets = np.packbits(policies.astype(bool), axis=-1, bitorder="little")[..., 0]
    # Nobody plans here. That they are soft, and see everything, lets their lanes take weights.
    everything = (1 << len(env.hidden)) - 1
    nothing = np.zeros((len(policies), env.phi.shape[1]))
    soft = 1.0 if sets is None else 0.0
    minds = Minds.of(nothing, depth=0, patience=1.0, temperature=soft, senses=everything)

    def look_up(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> Policy:
        on = min(i, policies.shape[1] - 1)
        if sets is None:
            space.boltzmann[:] = np.moveaxis(policies[batch.mind, on], 0, -1)
        else:
            space.greedy[:] = np.moveaxis(sets[batch.mind, on], 0, -1)
        return space.policy(group)

    return batch_groups(env, minds), look_up


def prepare_values(
    group: BatchGroup, lanes: Lanes, level: Level, plan: Plan, instinct: bool, space: Workspace
) -> None:
    """What events are worth to every lane, and V_0 in plan.value[0]."""
    if (local := group.tables.local) is not None:
        prepare_local(
            local.arrays, local.on(*level), lanes, plan,
            group.phi, space.arrival, instinct, space.discount, space.scents,
        )  # fmt: skip
        return
    prepare(
        *group.plan_tables, *level, *lanes, *plan,
        group.phi, space.arrival, instinct, space.discount, space.best,
    )  # fmt: skip


def plan_values(
    group: BatchGroup,
    lanes: Lanes,
    level: Level,
    plan: Plan,
    instinct: bool,
    space: Workspace,
) -> int:
    """V_d of every lane on a level; returns where in plan.value it stands."""
    prepare_values(group, lanes, level, plan, instinct, space)
    if (local := group.tables.local) is None:
        return int(improve(*group.plan_tables, *level, *lanes, *plan, 0, ALL_BACKUPS))
    on, scratch = local.on(*level), (space.middle, space.best)
    return int(improve_local(local.arrays, on, lanes, plan, *scratch, 0, ALL_BACKUPS))


def plan_policy(
    group: BatchGroup,
    batch: Batch,
    level: Level,
    instinct: bool,
    space: Workspace,
) -> Policy:
    """The policy of every lane of a batch on a level, in the workspace's arrays."""
    if batch.table is not None:
        space.boltzmann[:] = batch.table[rows_on(group.env, level)]
        return space.policy(group)
    if batch.outlook is not None:
        return foresee(group, batch, batch.outlook, level, instinct, space)
    plan = space.plan(group.tables.arrivals or batch.replans)
    if batch.rho is None:
        now = plan_values(group, batch.lanes, level, plan, instinct, space)
    else:
        now = plan_with_copies(group, batch.lanes, batch.rho, level, plan, instinct, space)
    other, other_now, other_space = plan, 0, space
    if batch.second is not None:
        assert space.second is not None
        other_space = space.second
        # The arrival reward is of the first plan alone: in the second one's workspace it is 0.
        other = space.second.plan(group.tables.arrivals)
        other_now = plan_values(group, batch.second, level, other, instinct, space.second)
    if (local := group.tables.local) is not None:
        decide_local(
            local.arrays, local.on(*level), batch.lanes, plan, space.middle,
            batch.second or batch.lanes, other, other_space.middle, group.mixed, now, other_now,
            space.best, space.scents[0], group.soft, space.greedy, space.boltzmann,
        )  # fmt: skip
        return space.policy(group)
    decide(
        *group.plan_tables, *level, *batch.lanes, *plan, *other,
        group.mixed, now, other_now, space.best, group.soft, space.greedy, space.boltzmann,
    )  # fmt: skip
    return space.policy(group)


def plan_with_copies(
    group: BatchGroup,
    lanes: Lanes,
    rho: NDArray[np.float32],
    level: Level,
    plan: Plan,
    instinct: bool,
    space: Workspace,
) -> int:
    """V_d of every lane, to whom a life that ends with a boon left is worth rho Delta (model 2).

    Args:
        rho: [LANES].

    Returns:
        where in plan.value it stands.
    """
    group, lanes = counting_copies(group, lanes)
    # The end of a life is a state, so its worth is discounted like that of any other.
    counts = lanes.patience.astype(np.float64) * rho
    now = 0

    def births(delta: FloatArray) -> FloatArray:
        nonlocal now
        lanes.weights[-1] = counts * delta
        now = plan_values(group, lanes, level, plan, instinct, space)
        return births_of(group, level, plan.value[now])

    fixed_point(births)
    return now


def foresee(
    group: BatchGroup,
    batch: Batch,
    outlook: Outlook,
    level: Level,
    instinct: bool,
    space: Workspace,
) -> Policy:
    """The policy of minds that foresee corrections, or are uncertain (model 2).

    Mind m is planned when the policies of the minds after it are known, from the last to the first.
    All values that its plan reads are backed up beside it, as they are wanted after as many
    backups: V of the mind and of those after it, and U, what those will do by the drives of each.
    """
    where = group.tables.foresight
    assert where is not None
    most = where.most
    minds = (batch.lanes, *outlook.later)
    # A chain of workspaces: V of each mind, then U of each but the last.
    spaces = [space]
    while spaces[-1].second is not None:
        spaces.append(spaces[-1].second)
    own, changed = spaces[: most + 1], spaces[most + 1 :]
    arrivals = group.tables.arrivals
    plans = [each.plan(arrivals) for each in spaces]
    deepest = int(batch.lanes.depth.max())
    policy = (group.soft, space.greedy, space.boltzmann)
    scratch = (space.other_afterstate, space.other_q, space.best)
    uncertain = (where.partner, where.belief, outlook.credence)
    foreseen, felt = (bool(outlook.anticipation[i].any()) for i in (REALISTIC, HEDONISTIC))
    live = group.plan_tables.live
    rows = [where.rows(live, m) for m in range(most + 1)]
    decides = [where.decided(live, m) for m in range(most + 1)]
    decided_after = [where.decided(live, *range(m + 1, most + 1)) for m in range(most)]

    def run(i: int, m: int, x: NDArray[np.int32], given: bool, begin: int, end: int) -> None:
        back_up(
            *group.plan_tables, *level, *minds[m], *plans[i], *scratch, *policy, x, *uncertain,
            given, begin, end,
        )  # fmt: skip

    for m in range(most, -1, -1):
        # Without a hedonist nobody asks what later minds feel.
        alive = range(m, most + 1) if felt else range(m, m + 1)
        for n in alive:
            prepare_values(group, minds[n], level, plans[n], instinct, own[n])
        valued = [n for n in alive if n < most and foreseen]
        for n in valued:
            prepare_values(group, minds[n], level, plans[most + 1 + n], instinct, changed[n])
            if instinct:
                for later in range(n + 1, most + 1):
                    prepare_values(group, minds[later], level, plans[later], instinct, own[later])
                    led(
                        *group.plan_tables, *level, rows[later], own[later].reward,
                        changed[n].reward, own[later].discount, changed[n].value, space.best,
                    )  # fmt: skip
        if m == most:  # nobody comes after it
            run(m, m, decides[m], False, 0, deepest)
        for done in range(deepest + 1 if m < most else 0):
            for n in alive:
                if n < most:
                    u = changed[n].value if foreseen else own[n].value
                    v = own[n + 1].value if felt else own[n].value
                    anticipate(
                        rows[n + 1], where.stride, outlook.anticipation, own[n].value, u, v,
                        done & 1,
                    )  # fmt: skip
            if done == deepest:
                break
            for n in alive:
                run(n, n, decides[n], False, done, done + 1)
            for n in valued:
                run(most + 1 + n, n, decided_after[n], True, done, done + 1)
        choose_actions(
            *group.plan_tables, *level, *minds[m], *plans[m], *scratch, *policy, decides[m],
            *uncertain, deepest & 1,
        )  # fmt: skip
    return space.policy(group)


# ---------------------------------------------------------------------- a level in each lane


def plan_pairs(
    group: BatchGroup, batch: Batch, pairs: Pairs, space: Workspace
) -> tuple[int, LevelLanes]:
    """V_d of every lane on its own level: where in space.value it stands; and the levels."""
    levels = pairs.lanes(batch)
    on = (*group.plan_tables, *levels, *batch.lanes, *space.plan(group.tables.arrivals))
    prepare_many(*on, group.phi, pairs.instinct, space.discount)
    return int(improve_many(*on)), levels


def plan_policy_of_pairs(group: BatchGroup, batch: Batch, pairs: Pairs, space: Workspace) -> Policy:
    """The policy of every lane on its own level, in the workspace's arrays."""
    now, levels = plan_pairs(group, batch, pairs, space)
    decide_many(
        *group.plan_tables, *levels, *batch.lanes, *space.plan(group.tables.arrivals),
        now, space.best, group.soft, space.greedy, space.boltzmann,
    )  # fmt: skip
    return space.policy(group)
