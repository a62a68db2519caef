"""Plans of minds that foresee corrections, or are uncertain (model 2, correction, credence).

A mind that can be corrected is a chain of minds 0 .. K: mind m decides at the x that count m
corrections, by drives of its own. An uncertain mind decides alike at two x that differ in what it
cannot see, by the mean of what each would be worth. Both are backed up by one kernel, a backup a
call: by the best action, or by a policy that is given.

Minds of neither sort are planned by :mod:`evosim.core.plan`, which is faster, to the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.core.jit import inlined, kernel
from evosim.core.plan import (
    action_values,
    afterstate_values,
    best_move,
    best_of,
    largest,
    move_values,
    read_off,
    use_value,
)
from evosim.core.structs import LANES, Lanes, Level, Plan, PlanTables

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)

REALISTIC, IGNORANT, SELF_CENTRED, HEDONISTIC = range(4)
"""Rows of ``anticipation``: what a state after a correction counts for a mind."""


class Outlook(NamedTuple):
    """What the minds of a batch foresee and believe."""

    later: tuple[Lanes, ...]  # minds 1 .. K of each lane
    anticipation: NDArray[np.float32]  # [4, LANES] shares that sum to 1
    credence: NDArray[np.float32]  # [B, LANES] chance that the uncertain variable is 1


class Choices(NamedTuple):
    """The policies of minds, as in :class:`evosim.core.structs.Policy`."""

    soft: bool
    greedy: NDArray[np.uint8]  # [n_x, C, LANES]
    boltzmann: NDArray[np.float32]  # [n_x, C, A, LANES]


@inlined
def both_values(plan, other, now, c, x, twin, level, tables, patience, chance):
    """plan.q[a, lane] = Q of every action on a cell; of an uncertain mind the mean over two x.

    The afterstates of both x are in ``plan`` and ``other``.
    """
    row = -1
    if level.slot[c] >= 0:
        row = tables.use_row[level.slot[c], x]
    action_values(plan, now, c, row, tables, level.neighbour, patience)
    if twin >= 0:
        row = -1
        if level.slot[c] >= 0:
            row = tables.use_row[level.slot[c], twin]
        action_values(other, now, c, row, tables, level.neighbour, patience)
        mixed(plan.q, other.q, plan.q.shape[0], chance)


@inlined
def mixed(values, others, n, chance):
    """values[:n, lane] = (1 - chance) of them + chance of the others."""
    for i in range(n):
        for lane in range(LANES):
            p = chance[lane]
            values[i, lane] = (_ONE - p) * values[i, lane] + p * others[i, lane]


@inlined
def used_alike(level, tables, x, twin):
    """Whether uses take effect on the same cells at both x."""
    alike = True
    if twin >= 0:
        for c in range(level.slot.shape[0]):
            s = level.slot[c]
            if s >= 0 and (tables.use_row[s, x] < 0) != (tables.use_row[s, twin] < 0):
                alike = False
    return alike


@inlined
def best_values(plan, other, now, new, x, twin, level, tables, patience, chance):
    """value[new, x, cell, lane] = max_a Q where no move slips, and uses are alike.

    As cell by cell, but in one pass over the block (:func:`evosim.core.plan.best_move`): where
    nothing slips the mean of what moves lead to is what a move to the mean leads to.
    """
    value, q = plan.value, plan.q
    if twin >= 0:
        mixed(plan.afterstate, other.afterstate, level.slot.shape[0], chance)
    best_move(plan, new, x, level.neighbour)
    for c in range(level.slot.shape[0]):
        s = level.slot[c]
        if s < 0 or tables.use_row[s, x] < 0:
            continue
        if not tables.stay:
            move_values(plan, c, level.neighbour, _ZERO)
            for lane in range(LANES):
                value[new, x, c, lane] = q[0, lane]
            best_of(plan, new, x, c, 1, 4, 0, LANES)
        use_value(plan, 0, now, c, tables.use_row[s, x], tables, patience, 0, LANES)
        if twin >= 0:
            use_value(other, 0, now, c, tables.use_row[s, twin], tables, patience, 0, LANES)
            mixed(q, other.q, 1, chance)
        best_of(plan, new, x, c, 0, 1, 0, LANES)


@inlined
def by_policy(best, q, choices, x, c):
    """best[lane] = the mean of q[:, lane] over what a policy does in a state."""
    if choices.soft:
        for lane in range(LANES):
            total, weight = _ZERO, _ZERO
            for a in range(q.shape[0]):
                total += choices.boltzmann[x, c, a, lane] * q[a, lane]
                weight += choices.boltzmann[x, c, a, lane]
            best[lane] = total / weight
    else:
        for lane in range(LANES):
            total, weight = _ZERO, _ZERO
            for a in range(q.shape[0]):
                if choices.greedy[x, c, lane] >> a & 1:
                    total += q[a, lane]
                    weight += _ONE
            best[lane] = total / weight


@kernel
def back_up(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, slot, distance, start,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    other_afterstate, other_q, best,
    soft, greedy, boltzmann,
    rows, partner, belief, credence, given, begin, end,
):  # fmt: skip
    """Backups at some x: V_k+1 = max_a Q_k; or U_k+1 = the mean of Q_k over a policy.

    Args:
        value: V_k in value[k & 1]; V_k+1 is written to the other.
        rows: the x; where one has a partner, that gets the same value.
        given: whether actions are those of the policy ``greedy`` or ``boltzmann``, or the best.
        begin, end: k of the first backup, and the one after the last. Lanes that have reached
            their depth keep their values.
    """
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    level = Level(neighbour, slot, distance, start)
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    other = Plan(value, reward, always, here, other_afterstate, other_q, arrivals)
    choices = Choices(soft, greedy, boltzmann)
    for done in range(begin, end):
        now = done & 1
        new = 1 - now
        for i in range(rows.shape[0]):
            x = rows[i]
            twin = partner[x]
            chance = credence[belief[x]]
            afterstate_values(plan, now, x, tables, patience)
            if twin >= 0:
                afterstate_values(other, now, twin, tables, patience)
            if not given and slip == _ZERO and used_alike(level, tables, x, twin):
                best_values(plan, other, now, new, x, twin, level, tables, patience, chance)
            else:
                for c in range(slot.shape[0]):
                    both_values(plan, other, now, c, x, twin, level, tables, patience, chance)
                    if given:
                        by_policy(best, q, choices, x, c)
                    else:
                        largest(best, q)
                    for lane in range(LANES):
                        value[new, x, c, lane] = best[lane]
            for c in range(slot.shape[0]):
                for lane in range(LANES):
                    goes_on = depth[lane] > done
                    backed_up = value[new, x, c, lane]
                    if twin >= 0:
                        # V_0 is not the same for both: what is smelt may be another thing.
                        kept = value[now, twin, c, lane]
                        value[new, twin, c, lane] = backed_up if goes_on else kept
                    value[new, x, c, lane] = backed_up if goes_on else value[now, x, c, lane]


@kernel
def choose_actions(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, slot, distance, start,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    other_afterstate, other_q, best,
    soft, greedy, boltzmann,
    rows, partner, belief, credence, now,
):  # fmt: skip
    """Read the policy at some x off V_d = value[now]; of partners both get it.

    Args:
        greedy, boltzmann: out, as in :func:`evosim.core.plan.decide`.
    """
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    level = Level(neighbour, slot, distance, start)
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    other = Plan(value, reward, always, here, other_afterstate, other_q, arrivals)
    n_actions = q.shape[0]
    for i in range(rows.shape[0]):
        x = rows[i]
        twin = partner[x]
        chance = credence[belief[x]]
        afterstate_values(plan, now, x, tables, patience)
        if twin >= 0:
            afterstate_values(other, now, twin, tables, patience)
        for c in range(slot.shape[0]):
            both_values(plan, other, now, c, x, twin, level, tables, patience, chance)
            read_off(q, best, temperature, x, c, soft, greedy, boltzmann)
            if twin >= 0:
                for lane in range(LANES):
                    if soft:
                        for a in range(n_actions):
                            boltzmann[twin, c, a, lane] = boltzmann[x, c, a, lane]
                    else:
                        greedy[twin, c, lane] = greedy[x, c, lane]


@kernel
def anticipate(rows, stride, anticipation, value, changed, felt, at):
    """What x after one more correction are worth to a mind: value[at, x], before a backup.

    Args:
        rows: the x.
        stride: what a correction adds to x.
        anticipation: [4, LANES] shares of the four.
        value: of the mind itself, [2, n_x, C, LANES].
        changed: U, what the later minds will do, valued by the mind's drives; of its form.
        felt: V of the mind after the correction, by its own drives; of its form.
    """
    for i in range(rows.shape[0]):
        x = rows[i]
        same = x - stride
        for c in range(value.shape[2]):
            for lane in range(LANES):
                value[at, x, c, lane] = (
                    anticipation[REALISTIC, lane] * changed[at, x, c, lane]
                    + anticipation[IGNORANT, lane] * value[at, same, c, lane]
                ) + anticipation[HEDONISTIC, lane] * felt[at, x, c, lane]


@kernel
def led(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, slot, distance, start,
    rows, reward, own, discount, value, strongest,
):  # fmt: skip
    """U_0 in value[0]: what the thing is worth to one mind to which the instinct of another leads.

    Args:
        rows: the x.
        reward: [E, LANES] of events, to the one that is led; own: to the one that values it.
        discount: [C, LANES] powers of patience.
        strongest: [LANES] scratch.
    """
    n_cells = slot.shape[0]
    for i in range(rows.shape[0]):
        x = rows[i]
        for c in range(n_cells):
            for lane in range(LANES):
                strongest[lane] = _ZERO
                value[0, x, c, lane] = _ZERO
            for site in range(n_cells):
                s, d = slot[site], distance[c, site]
                if s < 0 or d < 0:
                    continue
                for source in range(2):
                    event = here_event[s]
                    if source == 0:
                        event = use_row[s, x]
                        if event >= 0:
                            event = use_event[event]
                    if event >= 0:
                        for lane in range(LANES):
                            smell = discount[d, lane] * reward[event, lane]
                            # Of several that smell alike the first leads.
                            if smell > strongest[lane]:
                                strongest[lane] = smell
                                value[0, x, c, lane] = discount[d, lane] * own[event, lane]
