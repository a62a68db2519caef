"""The planner of local worlds (model 2; evosim/world/local.py): plan.py from another afterstate.

A backup goes through a step from its end. For every x it takes what is felt and where drift leads;
then it meets the movers, from the last to the first, and lets them walk; the result, ``middle``
[n_x, C, LANES], is what it is worth to have ended an action in (x, cell). Actions then index it, or
what a rule makes of arriving. Kernels take whole tuples: unpacking them is little beside the work.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined, kernel
from evosim.core.plan import best_of, event_rewards, largest, powers, read_off
from evosim.core.structs import LANES

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_QUARTER = np.float32(0.25)
NONE = -1


@inlined
def row_of_use(local, slot, x, cell):
    """The row of a use on a cell: the site's, else that of the first mover there; or -1."""
    row = -1
    if slot[cell] >= 0:
        row = local.site_use[slot[cell], x]
    m = 0
    while row < 0 and m < local.stride.shape[0]:
        if x // local.stride[m] % local.places[m] == cell:
            row = local.mover_use[m, x]
        m += 1
    return row


@inlined
def row_of_arrival(local, slot, x, cell):
    """The row of arriving on a cell by a move, or -1."""
    return local.site_enter[slot[cell], x] if slot[cell] >= 0 else NONE


@inlined
def here_at(local, slot, x, cell):
    """The event of `here` on a cell, or -1."""
    return local.site_here[slot[cell], x] if slot[cell] >= 0 else NONE


@kernel
def prepare_local(local, level, lanes, plan, phi, arrival, instinct, discount, scent):
    """As :func:`evosim.core.plan.prepare`: what events are worth to each lane, and V_0.

    Args:
        scent: [2, LANES] scratch.
    """
    value, reward, slot = plan.value, plan.reward, level.slot
    n_cells = slot.shape[0]
    event_rewards(plan, phi, lanes.weights)
    for c in range(n_cells):
        for lane in range(LANES):
            plan.here[c, lane] = arrival[c, lane]
    powers(discount, lanes.patience)
    for i in range(local.live.shape[0]):
        x = local.live[i]
        for c in range(n_cells):
            for lane in range(LANES):
                value[0, x, c, lane] = _ZERO
        if not instinct:
            continue
        for site in range(n_cells):
            if slot[site] < 0:
                continue
            for lane in range(LANES):
                scent[0, lane] = _ZERO
                scent[1, lane] = _ZERO
            row = local.site_use[slot[site], x]
            if row >= 0:
                smells(scent, 0, reward, local.row_event[row])
            smells(scent, 0, reward, local.site_here[slot[site], x])
            row = local.site_enter[slot[site], x]
            if row >= 0:
                smells(scent, 1, reward, local.row_event[row])
            spread(value, x, level, site, discount, scent)
        for m in range(local.stride.shape[0]):
            at = x // local.stride[m] % local.places[m]
            if at < n_cells:
                for lane in range(LANES):
                    scent[0, lane] = _ZERO
                    scent[1, lane] = _ZERO
                if local.meet[m, x] >= 0:
                    smells(scent, 0, reward, local.row_event[local.meet[m, x]])
                if local.mover_use[m, x] >= 0:
                    smells(scent, 0, reward, local.row_event[local.mover_use[m, x]])
                spread(value, x, level, at, discount, scent)


@inlined
def smells(scent, least, reward, event):
    """scent[least, lane] = max of it and the reward of an event, where there is one."""
    if event >= 0:
        for lane in range(LANES):
            r = reward[event, lane]
            scent[least, lane] = r if r > scent[least, lane] else scent[least, lane]


@inlined
def spread(value, x, level, site, discount, scent):
    """V_0 at x: max of it and the scent of what is on a cell; scent[1] from other cells only."""
    for c in range(level.slot.shape[0]):
        d = level.distance[c, site]
        for least in range(2):
            if d >= least:
                for lane in range(LANES):
                    smell = discount[d, lane] * scent[least, lane]
                    v = value[0, x, c, lane]
                    value[0, x, c, lane] = smell if smell > v else v


@inlined
def worth_of_row(out, a, local, row, reward, middle, cell):
    """out[a, lane] = reward of a row's event, and what its outcomes are worth on the cell."""
    event = local.row_event[row]
    for lane in range(LANES):
        out[a, lane] = reward[event, lane]
    for j in range(local.row_ptr[row], local.row_ptr[row + 1]):
        p, x = local.row_p32[j], local.row_x[j]
        for lane in range(LANES):
            out[a, lane] += p * middle[x, cell, lane]


@inlined
def ended_actions(local, level, lanes, plan, middle, now):
    """middle[x, cell, lane] = W: what it is worth to have ended an action in (x, cell).

    value[1 - now] is scratch.
    """
    value, reward, patience = plan.value, plan.reward, lanes.patience
    always, on_cell = plan.always, plan.q
    spare = 1 - now
    n_cells = level.slot.shape[0]
    n_movers = local.stride.shape[0]
    for i in range(local.middle.shape[0]):
        x = local.middle[i]
        for lane in range(LANES):
            always[x, lane] = _ZERO
        for j in range(local.always_ptr[x], local.always_ptr[x + 1]):
            event = local.always_event[j]
            for lane in range(LANES):
                always[x, lane] += reward[event, lane]
        for c in range(n_cells):
            for lane in range(LANES):
                middle[x, c, lane] = _ZERO
        for j in range(local.drift_ptr[x], local.drift_ptr[x + 1]):
            p, to = local.drift_p32[j], local.drift_x[j]
            for c in range(n_cells):
                for lane in range(LANES):
                    middle[x, c, lane] += p * value[now, to, c, lane]
        for c in range(n_cells):
            for lane in range(LANES):
                on_cell[0, lane] = plan.here[c, lane]
            event = here_at(local, level.slot, x, c)
            if event >= 0:
                for lane in range(LANES):
                    on_cell[0, lane] = reward[event, lane] + on_cell[0, lane]
            for g in range(local.field_event.shape[0]):
                event = local.field_event[g, c]
                if event >= 0 and local.field_on[g, x]:
                    for lane in range(LANES):
                        on_cell[0, lane] += reward[event, lane]
            for lane in range(LANES):
                middle[x, c, lane] = (always[x, lane] + on_cell[0, lane]) + (
                    patience[lane] * middle[x, c, lane]
                )
    for back in range(n_movers):
        m = n_movers - 1 - back
        # What a meeting leads to is on the same cell: all x of a cell first, then they are put.
        for c in range(n_cells):
            for i in range(local.middle.shape[0]):
                x = local.middle[i]
                if local.meet[m, x] >= 0 and x // local.stride[m] % local.places[m] == c:
                    worth_of_row(value[spare, x], c, local, local.meet[m, x], reward, middle, c)
            for i in range(local.middle.shape[0]):
                x = local.middle[i]
                if local.meet[m, x] >= 0 and x // local.stride[m] % local.places[m] == c:
                    for lane in range(LANES):
                        middle[x, c, lane] = value[spare, x, c, lane]
    for back in range(n_movers):
        m = n_movers - 1 - back
        stride = local.stride[m]
        for i in range(local.middle.shape[0]):
            x = local.middle[i]
            at = x // stride % local.places[m]
            if at >= n_cells:
                continue
            for c in range(n_cells):
                for lane in range(LANES):
                    value[spare, x, c, lane] = _ZERO
                for k in range(level.walk_n[m, at, c]):
                    p = level.walk_p32[m, at, c, k]
                    to = x + (level.walk_to[m, at, c, k] - at) * stride
                    for lane in range(LANES):
                        value[spare, x, c, lane] += p * middle[to, c, lane]
        for i in range(local.middle.shape[0]):
            x = local.middle[i]
            if x // stride % local.places[m] < n_cells:
                for c in range(n_cells):
                    for lane in range(LANES):
                        middle[x, c, lane] = value[spare, x, c, lane]


@inlined
def arrivals_at(local, level, plan, middle, x):
    """plan.afterstate[cell, lane]: what it is worth to arrive on each cell by a move at x."""
    afterstate = plan.afterstate
    for c in range(level.slot.shape[0]):
        row = row_of_arrival(local, level.slot, x, c)
        if row >= 0:
            worth_of_row(afterstate, c, local, row, plan.reward, middle, c)
        else:
            for lane in range(LANES):
                afterstate[c, lane] = middle[x, c, lane]


@inlined
def local_action_values(local, level, plan, middle, x, cell, scratch):
    """plan.q[a, lane] = Q of every action in (x, cell)."""
    q, afterstate = plan.q, plan.afterstate
    n_actions = q.shape[0]
    for a in range(4):
        to = level.neighbour[cell, a]
        for lane in range(LANES):
            q[a, lane] = afterstate[to, lane] if to != cell else middle[x, cell, lane]
    if local.slip32 > _ZERO:
        goes, strays = _ONE - local.slip32, local.slip32 * _QUARTER
        for lane in range(LANES):
            scratch[lane] = strays * (((q[0, lane] + q[1, lane]) + q[2, lane]) + q[3, lane])
        for a in range(4):
            for lane in range(LANES):
                q[a, lane] = goes * q[a, lane] + scratch[lane]
    for a in range(4, n_actions):
        for lane in range(LANES):
            q[a, lane] = middle[x, cell, lane]
    row = row_of_use(local, level.slot, x, cell)
    if row >= 0:
        worth_of_row(q, n_actions - 1, local, row, plan.reward, middle, cell)


@kernel
def improve_local(local, level, lanes, plan, middle, scratch, begin, end):
    """As :func:`evosim.core.plan.improve`: back up each lane to its depth.

    Args:
        middle: [n_x, C, LANES] scratch; scratch: [LANES].
    """
    value, depth = plan.value, lanes.depth
    shallowest, deepest = depth[0], depth[0]
    for lane in range(1, LANES):
        shallowest = min(shallowest, depth[lane])
        deepest = max(deepest, depth[lane])
    for done in range(begin, min(deepest, end)):
        now = done & 1
        new = 1 - now
        ended_actions(local, level, lanes, plan, middle, now)
        for i in range(local.live.shape[0]):
            x = local.live[i]
            arrivals_at(local, level, plan, middle, x)
            for c in range(level.slot.shape[0]):
                local_action_values(local, level, plan, middle, x, c, scratch)
                for lane in range(LANES):
                    value[new, x, c, lane] = plan.q[0, lane]
                best_of(plan, new, x, c, 1, plan.q.shape[0], 0, LANES)
                if done >= shallowest:
                    for lane in range(LANES):
                        if depth[lane] <= done:
                            value[new, x, c, lane] = value[now, x, c, lane]
    return min(deepest, end) & 1


@kernel
def decide_local(
    local, level, lanes, plan, middle, other_lanes, other, other_middle, mixed, now, other_now,
    best, scratch, soft, greedy, boltzmann,
):  # fmt: skip
    """As :func:`evosim.core.plan.decide`: read the policy off V_d = value[now]."""
    q, other_q, share = plan.q, other.q, lanes.share
    n_actions = q.shape[0]
    ended_actions(local, level, lanes, plan, middle, now)
    if mixed:
        ended_actions(local, level, other_lanes, other, other_middle, other_now)
    for i in range(local.live.shape[0]):
        x = local.live[i]
        arrivals_at(local, level, plan, middle, x)
        if mixed:
            arrivals_at(local, level, other, other_middle, x)
        for c in range(level.slot.shape[0]):
            local_action_values(local, level, plan, middle, x, c, scratch)
            if mixed:
                local_action_values(local, level, other, other_middle, x, c, scratch)
                for a in range(n_actions):
                    for lane in range(LANES):
                        own = (_ONE - share[lane]) * q[a, lane]
                        q[a, lane] = own + share[lane] * other_q[a, lane]
            read_off(q, best, lanes.temperature, x, c, soft, greedy, boltzmann)


@kernel
def follow_local(
    local, level, lanes, plan, middle, other_lanes, other, other_middle, steps, best, scratch
):
    """As :func:`evosim.core.plan.follow`: two plans, by the best actions of the first."""
    q, other_q = plan.q, other.q
    value, other_value = plan.value, other.value
    for done in range(steps):
        now = done & 1
        new = 1 - now
        ended_actions(local, level, lanes, plan, middle, now)
        ended_actions(local, level, other_lanes, other, other_middle, now)
        for i in range(local.live.shape[0]):
            x = local.live[i]
            arrivals_at(local, level, plan, middle, x)
            arrivals_at(local, level, other, other_middle, x)
            for c in range(level.slot.shape[0]):
                local_action_values(local, level, plan, middle, x, c, scratch)
                local_action_values(local, level, other, other_middle, x, c, scratch)
                largest(best, q)
                for lane in range(LANES):
                    total, n = _ZERO, _ZERO
                    for a in range(q.shape[0]):
                        chosen = q[a, lane] == best[lane]
                        total += other_q[a, lane] if chosen else _ZERO
                        n += _ONE if chosen else _ZERO
                    value[new, x, c, lane] = best[lane]
                    other_value[new, x, c, lane] = total / n
    return steps & 1
