"""The planner where a lane is a mind on a level of its own: few minds on many levels (model 2).

:mod:`evosim.core.plan` plans for many minds on one level; one reward on a thousand levels would use
one lane of 64. Levels of an environment have its tables and its map in common, and differ in what
passages are open and what stands where. So the cells that surround one are those of all
lanes, and a lane where the way is blocked selects its own cell in their place: no lane has an
index of its own. Only the few cells on which something stands are done lane by lane.

The operations on a lane, and their order, are those of `plan.py`: values are equal to the bit.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined, kernel
from evosim.core.plan import (
    afterstate_values,
    always_rewards,
    around,
    best_of,
    event_rewards,
    powers,
    read_off,
    use_value,
)
from evosim.core.structs import LANES, Plan, PlanTables

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_QUARTER = np.float32(0.25)
# A backup that changes nothing is looked for so seldom that it costs little, and so often that few
# are done in vain.
_LOOK = 8


@kernel
def prepare_many(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, opened, slot, site_cell, site_lane, site_distance,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    phi, instinct, discount,
):  # fmt: skip
    """As :func:`evosim.core.plan.prepare`: what events are worth to each lane, and V_0."""
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    event_rewards(plan, phi, weights)
    if arrivals:
        always_rewards(plan, tables)
        here[:] = _ZERO
        for s in range(site_cell.shape[0]):
            c, lane = site_cell[s], site_lane[s]
            event = here_event[slot[c, lane]]
            if event >= 0:
                here[c, lane] = reward[event, lane] + _ZERO
    powers(discount, patience)
    for i in range(live.shape[0]):
        x = live[i]
        for c in range(slot.shape[0]):
            for lane in range(LANES):
                value[0, x, c, lane] = _ZERO
        for s in range(site_cell.shape[0] if instinct else 0):
            lane = site_lane[s]
            at = slot[site_cell[s], lane]
            scent = _ZERO
            if here_event[at] >= 0:
                r = reward[here_event[at], lane]
                scent = r if r > scent else scent
            if use_row[at, x] >= 0:
                r = reward[use_event[use_row[at, x]], lane]
                scent = r if r > scent else scent
            for c in range(slot.shape[0]):
                d = site_distance[s, c]
                if d >= 0:
                    smell = discount[d, lane] * scent
                    v = value[0, x, c, lane]
                    value[0, x, c, lane] = smell if smell > v else v


@inlined
def move_values(plan, cell, neighbour, opened, slip, begin, end):
    """plan.q[0:4, lane] = Q of the four moves from the cell, for lanes begin .. end - 1."""
    q, afterstate = plan.q, plan.afterstate
    goes, strays = _ONE - slip, slip * _QUARTER
    north, south, west, east = around(neighbour, cell)
    for lane in range(begin, end):
        own, way = afterstate[cell, lane], opened[cell, lane]
        q[0, lane] = afterstate[north, lane] if way & 1 else own
        q[1, lane] = afterstate[south, lane] if way & 2 else own
        q[2, lane] = afterstate[west, lane] if way & 4 else own
        q[3, lane] = afterstate[east, lane] if way & 8 else own
    if slip != _ZERO:
        for lane in range(begin, end):
            stray = strays * (((q[0, lane] + q[1, lane]) + q[2, lane]) + q[3, lane])
            for a in range(4):
                q[a, lane] = goes * q[a, lane] + stray


@inlined
def best_move(plan, new, x, neighbour, opened):
    """value[new, x, cell, lane] = max over staying and the four moves, where none slips."""
    value, afterstate = plan.value, plan.afterstate
    for c in range(afterstate.shape[0]):
        north, south, west, east = around(neighbour, c)
        for lane in range(LANES):
            m, way = afterstate[c, lane], opened[c, lane]
            n = afterstate[north, lane] if way & 1 else m
            s = afterstate[south, lane] if way & 2 else m
            w = afterstate[west, lane] if way & 4 else m
            e = afterstate[east, lane] if way & 8 else m
            along = n if n > s else s
            across = w if w > e else e
            move = along if along > across else across
            value[new, x, c, lane] = move if move > m else m


@inlined
def is_settled(value, live):
    """Whether the last backup changed no value: then no further one does."""
    for i in range(live.shape[0]):
        x = live[i]
        for c in range(value.shape[2]):
            differ = 0
            for lane in range(LANES):
                differ += value[0, x, c, lane] != value[1, x, c, lane]
            if differ:
                return False
    return True


@kernel
def improve_many(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, opened, slot, site_cell, site_lane, site_distance,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
):  # fmt: skip
    """Back up each lane to its depth; returns k such that value[k] is the last.

    A backup is the same function of the values whenever it is done. So one that changes nothing is
    the last that is needed: in a maze, when the way from the farthest cell is known.
    """
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    shallowest, deepest = depth[0], depth[0]
    for lane in range(1, LANES):
        shallowest = min(shallowest, depth[lane])
        deepest = max(deepest, depth[lane])
    for done in range(deepest):
        now = done & 1
        new = 1 - now
        for i in range(live.shape[0]):
            x = live[i]
            afterstate_values(plan, now, x, tables, patience)
            if slip == _ZERO:
                best_move(plan, new, x, neighbour, opened)
            else:
                for c in range(slot.shape[0]):
                    move_values(plan, c, neighbour, opened, slip, 0, LANES)
                    for lane in range(LANES):
                        value[new, x, c, lane] = afterstate[c, lane]
                    best_of(plan, new, x, c, 0, 4, 0, LANES)
            for s in range(site_cell.shape[0]):
                c, lane = site_cell[s], site_lane[s]
                row = use_row[slot[c, lane], x]
                if row < 0:
                    continue
                if not stay:  # where a use takes effect there is no action that stays
                    move_values(plan, c, neighbour, opened, slip, lane, lane + 1)
                    value[new, x, c, lane] = q[0, lane]
                    best_of(plan, new, x, c, 1, 4, lane, lane + 1)
                use_value(plan, 0, now, c, row, tables, patience, lane, lane + 1)
                best_of(plan, new, x, c, 0, 1, lane, lane + 1)
            if done >= shallowest:
                for c in range(slot.shape[0]):
                    for lane in range(LANES):
                        if depth[lane] <= done:
                            value[new, x, c, lane] = value[now, x, c, lane]
        if done % _LOOK == _LOOK - 1 and is_settled(value, live):
            return new
    return deepest & 1


@kernel
def decide_many(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, opened, slot, site_cell, site_lane, site_distance,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    now, best, soft, greedy, boltzmann,
):  # fmt: skip
    """As :func:`evosim.core.plan.decide`, of one plan: the policy by V_d = value[now]."""
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    n_actions = q.shape[0]
    for i in range(live.shape[0]):
        x = live[i]
        afterstate_values(plan, now, x, tables, patience)
        s = 0
        for c in range(slot.shape[0]):
            move_values(plan, c, neighbour, opened, slip, 0, LANES)
            for a in range(4, n_actions):
                for lane in range(LANES):
                    q[a, lane] = afterstate[c, lane]
            while s < site_cell.shape[0] and site_cell[s] == c:  # sites are in order of cells
                lane = site_lane[s]
                row = use_row[slot[c, lane], x]
                if row >= 0:
                    a = n_actions - 1
                    use_value(plan, a, now, c, row, tables, patience, lane, lane + 1)
                s += 1
            read_off(q, best, temperature, x, c, soft, greedy, boltzmann)
