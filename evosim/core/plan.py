"""The planner: receding-horizon dynamic programming for LANES agents at once (model 2).

A lane is an agent: values are stored [x, cell, lane] in float32, and every inner loop runs over
the lanes. One backup takes each x in turn: drift gives the value of every cell as an afterstate
(where an action has led, before drift leads on), kept in a block that stays in the first-level
cache, and the actions then only index that block.

Three kernels are called in turn: `prepare`, `improve`, `decide`. They call as few functions as
they can: every level of calls is compiled once more. Agents with a tool have a second plan, of
other rewards and depth, by the same kernels; `decide` mixes the two. `follow` is for measuring:
what one reward comes to where another is optimized.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined, kernel
from evosim.core.structs import LANES, Level, Plan, PlanTables

# Ties are ties of all bits (model 2, Choice, ties), so every float32 operation counts, and so does
# the order in which they are done. It is that of testing/reference.py: sums go from left to right
# in the order of the tables, products are taken before sums. Fast-math would let the compiler
# reorder sums and fuse a product with a sum, differently on each processor; without it, a result
# is the same on every machine.
#
# Constants are float32 because a Python float is a float64, which would widen the whole expression.
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_QUARTER = np.float32(0.25)


@kernel
def prepare(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, slot, distance, start,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    phi, arrival, instinct, discount, scent,
):  # fmt: skip
    """What events and arrivals are worth to each lane, and V_0, the instinct (model 2).

    Args:
        phi: [E, F]; arrival: [C, LANES] reward of arriving beside those of events.
        instinct: whether V_0 is the scent of the best usable thing, or 0.
        value: out: V_0 in value[0]; reward, always, here: out.
        discount: [C, LANES], scent: [LANES] scratch.
    """
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    level = Level(neighbour, slot, distance, start)
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    event_rewards(plan, phi, weights)
    if arrivals:
        always_rewards(plan, tables)
        here_rewards(plan, tables, level, arrival)
    powers(discount, patience)
    for i in range(live.shape[0]):
        x = live[i]
        like = scent_like[x]
        # Where the same rules fire, everything smells the same: V_0 is copied. Of the values of
        # variables (hunger, age of a wound) most change no rule, so most of V_0 is copies.
        if instinct and like != x:
            for c in range(slot.shape[0]):
                for lane in range(LANES):
                    value[0, x, c, lane] = value[0, like, c, lane]
            continue
        for c in range(slot.shape[0]):
            for lane in range(LANES):
                value[0, x, c, lane] = _ZERO
        if instinct:
            instinct_values(plan, x, tables, level, discount, scent)


@inlined
def event_rewards(plan, phi, weights):
    """plan.reward[event, lane]: r = w . phi (model 2, internal reward)."""
    reward = plan.reward
    for e in range(phi.shape[0]):
        for lane in range(LANES):
            reward[e, lane] = _ZERO
        for f in range(phi.shape[1]):
            p = phi[e, f]
            # Adding 0 changes no bit, and most events have one feature or two.
            if p != _ZERO:
                for lane in range(LANES):
                    reward[e, lane] += p * weights[f, lane]


@inlined
def powers(discount, patience):
    """discount[d, lane]: patience to the power of d."""
    # By repeated products, not by pow(): that one's last bit differs between machines.
    for lane in range(LANES):
        discount[0, lane] = _ONE
    for d in range(1, discount.shape[0]):
        for lane in range(LANES):
            discount[d, lane] = discount[d - 1, lane] * patience[lane]


@inlined
def always_rewards(plan, tables):
    """plan.always[x, lane]: what ending a step's action at x is worth."""
    reward, always = plan.reward, plan.always
    for x in range(always.shape[0]):
        for lane in range(LANES):
            always[x, lane] = _ZERO
        for j in range(tables.always_ptr[x], tables.always_ptr[x + 1]):
            event = tables.always_event[j]
            for lane in range(LANES):
                always[x, lane] += reward[event, lane]


@inlined
def here_rewards(plan, tables, level, arrival):
    """plan.here[cell, lane]: what ending a step's action on the cell is worth."""
    reward, here = plan.reward, plan.here
    # `here` and `arrival` depend on the cell alone and `always` on x alone, so that two small
    # tables do for all states.
    for c in range(level.slot.shape[0]):
        for lane in range(LANES):
            here[c, lane] = arrival[c, lane]
        if level.slot[c] >= 0 and tables.here_event[level.slot[c]] >= 0:
            event = tables.here_event[level.slot[c]]
            for lane in range(LANES):
                here[c, lane] = reward[event, lane] + here[c, lane]


@inlined
def instinct_values(plan, x, tables, level, discount, scent):
    """V_0 at x: max over sites of patience^distance times their reward (model 2, instinct)."""
    value, reward = plan.value, plan.reward
    n_cells = level.slot.shape[0]
    for site in range(n_cells):
        slot = level.slot[site]
        if slot < 0:
            continue
        # r_i, from 0 on: a site that hurts has no scent, it does not repel (model 2, instinct).
        for lane in range(LANES):
            scent[lane] = _ZERO
        for source in range(2):
            event = tables.here_event[slot]
            if source == 0:
                event = tables.use_row[slot, x]
                if event >= 0:
                    event = tables.use_event[event]
            if event >= 0:
                for lane in range(LANES):
                    r = reward[event, lane]
                    scent[lane] = r if r > scent[lane] else scent[lane]
        for c in range(n_cells):
            d = level.distance[c, site]
            if d >= 0:
                for lane in range(LANES):
                    smell = discount[d, lane] * scent[lane]
                    v = value[0, x, c, lane]
                    value[0, x, c, lane] = smell if smell > v else v


@inlined
def afterstate_values(plan, now, x, tables, patience):
    """plan.afterstate[cell, lane]: the value of (x, cell) after the action and before drift.

    patience . (sum of p . value[now] over the drift outcomes of x, left to right), and what is
    felt on arriving there.
    """
    value, afterstate = plan.value, plan.afterstate
    drift_x, drift_p = tables.drift_x, tables.drift_p
    n_cells = afterstate.shape[0]
    begin = tables.drift_ptr[x]
    n = tables.drift_ptr[x + 1] - begin
    # One variable that drifts gives two outcomes, two give four. Written out, the sum stays in
    # registers; the loop below does the same operations in the same order, through memory.
    if n == 2:
        p0, p1 = drift_p[begin], drift_p[begin + 1]
        x0, x1 = drift_x[begin], drift_x[begin + 1]
        for c in range(n_cells):
            for lane in range(LANES):
                afterstate[c, lane] = patience[lane] * (
                    p0 * value[now, x0, c, lane] + p1 * value[now, x1, c, lane]
                )
    elif n == 4:
        p0, p1, p2, p3 = drift_p[begin], drift_p[begin + 1], drift_p[begin + 2], drift_p[begin + 3]
        x0, x1, x2, x3 = drift_x[begin], drift_x[begin + 1], drift_x[begin + 2], drift_x[begin + 3]
        for c in range(n_cells):
            for lane in range(LANES):
                afterstate[c, lane] = patience[lane] * (
                    p0 * value[now, x0, c, lane]
                    + p1 * value[now, x1, c, lane]
                    + p2 * value[now, x2, c, lane]
                    + p3 * value[now, x3, c, lane]
                )
    else:
        for c in range(n_cells):
            for lane in range(LANES):
                afterstate[c, lane] = _ZERO
        for j in range(begin, begin + n):
            p0, x0 = drift_p[j], drift_x[j]
            for c in range(n_cells):
                for lane in range(LANES):
                    afterstate[c, lane] += p0 * value[now, x0, c, lane]
        for c in range(n_cells):
            for lane in range(LANES):
                afterstate[c, lane] *= patience[lane]
    if plan.arrivals:
        always, here = plan.always, plan.here
        for c in range(n_cells):
            for lane in range(LANES):
                afterstate[c, lane] = (always[x, lane] + here[c, lane]) + afterstate[c, lane]


@inlined
def use_value(plan, a, now, cell, row, tables, patience, begin, end):
    """plan.q[a, lane] = Q of a use on the cell by the rule of a use row (model 2, planner).

    For lanes begin .. end - 1.
    """
    q, value, reward = plan.q, plan.value, plan.reward
    for lane in range(begin, end):
        q[a, lane] = _ZERO
    for j in range(tables.next_ptr[row], tables.next_ptr[row + 1]):
        p, x = tables.next_p[j], tables.next_x[j]
        for lane in range(begin, end):
            q[a, lane] += p * value[now, x, cell, lane]
    event = tables.use_event[row]
    for lane in range(begin, end):
        q[a, lane] = reward[event, lane] + patience[lane] * q[a, lane]
    if plan.arrivals:
        # next_p leads through use and drift at once. What is felt between them is read off the
        # use's own outcomes, whose p has (1 - ends) in it: a life that ends with it feels neither.
        always, here = plan.always, plan.here
        for j in range(tables.outcome_ptr[row], tables.outcome_ptr[row + 1]):
            p, x = tables.outcome_p[j], tables.outcome_x[j]
            for lane in range(begin, end):
                q[a, lane] += p * (always[x, lane] + here[cell, lane])


@inlined
def around(neighbour, cell):
    """The cells north, south, west and east of a cell."""
    # Unsigned, which spares Numba the test for indices that count from the end.
    return (
        np.uint32(neighbour[cell, 0]),
        np.uint32(neighbour[cell, 1]),
        np.uint32(neighbour[cell, 2]),
        np.uint32(neighbour[cell, 3]),
    )


@inlined
def move_values(plan, cell, neighbour, slip):
    """plan.q[0:4, lane] = Q of the four moves from the cell (model 1, actions)."""
    q, afterstate = plan.q, plan.afterstate
    goes, strays = _ONE - slip, slip * _QUARTER
    north, south, west, east = around(neighbour, cell)
    for a in range(4):
        ahead = neighbour[cell, a]
        if slip == _ZERO:
            for lane in range(LANES):
                q[a, lane] = afterstate[ahead, lane]
        else:
            for lane in range(LANES):
                q[a, lane] = goes * afterstate[ahead, lane] + strays * (
                    ((afterstate[north, lane] + afterstate[south, lane]) + afterstate[west, lane])
                    + afterstate[east, lane]
                )


@inlined
def best_move(plan, new, x, neighbour):
    """value[new, x, cell, lane] = max over staying and the four moves, where none slips."""
    value, afterstate = plan.value, plan.afterstate
    for c in range(afterstate.shape[0]):
        north, south, west, east = around(neighbour, c)
        # Most of a plan's time is spent here. `a if a > b else b` is what one vector instruction
        # (maxps) does, zeros and all, so the compiler needs no fast-math to use it; max() of
        # Numba minds NaN and is slower. Two pairs before the third give a tree of depth three: a
        # chain of four maxima would make each wait for the one before.
        for lane in range(LANES):
            m = afterstate[c, lane]
            n, s = afterstate[north, lane], afterstate[south, lane]
            w, e = afterstate[west, lane], afterstate[east, lane]
            along = n if n > s else s
            across = w if w > e else e
            move = along if along > across else across
            value[new, x, c, lane] = move if move > m else m


@inlined
def best_moves(greedy, x, afterstate, neighbour, stay):
    """greedy[x, cell, lane]: the best actions where none slips and no use takes effect."""
    # A use that takes no effect is a step of waiting: bit 4, or bits 4 (stay) and 5 (use).
    waiting = np.int32(48 if stay else 16)
    for c in range(afterstate.shape[0]):
        north, south, west, east = around(neighbour, c)
        for lane in range(LANES):
            m = afterstate[c, lane]
            n, s, w, e = (
                afterstate[north, lane],
                afterstate[south, lane],
                afterstate[west, lane],
                afterstate[east, lane],
            )
            m = n if n > m else m
            m = s if s > m else m
            m = w if w > m else m
            m = e if e > m else m
            # int32 as wide as the float32 compared, so that masks and values share vectors.
            found = waiting if afterstate[c, lane] == m else np.int32(0)
            found |= np.int32(1) if n == m else np.int32(0)
            found |= np.int32(2) if s == m else np.int32(0)
            found |= np.int32(4) if w == m else np.int32(0)
            found |= np.int32(8) if e == m else np.int32(0)
            greedy[x, c, lane] = found


@inlined
def best_of(plan, new, x, cell, first, last, begin, end):
    """value[new, x, cell, lane] = max of it and q[first:last, lane].

    For lanes begin .. end - 1.
    """
    value, q = plan.value, plan.q
    for a in range(first, last):
        for lane in range(begin, end):
            v = value[new, x, cell, lane]
            value[new, x, cell, lane] = q[a, lane] if q[a, lane] > v else v


@kernel
def improve(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, slot, distance, start,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    begin, end,
):  # fmt: skip
    """Back up each lane to its depth: V_k+1 = max_a Q_k. Returns k such that value[k] is the last.

    Args:
        value: V_begin in value[begin & 1]; backups go to and fro between the two.
        depth: [LANES] backups wanted.
        begin, end: the backups to do now, of all those wanted: begin .. end - 1.
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
    # Two copies of the values: a backup in place would read values that are already backed up.
    for done in range(begin, min(deepest, end)):
        now = done & 1
        new = 1 - now
        # States in which nobody decides (dead ones, and those that a blind mind takes for another)
        # are left out of `live`, and no drift or use of the tables leads into a dead one.
        for i in range(live.shape[0]):
            x = live[i]
            afterstate_values(plan, now, x, tables, patience)
            # First as if nothing slipped and no use took effect, which holds for most cells, in
            # one pass over the block; the cells where it does not hold are then done again.
            best_move(plan, new, x, neighbour)
            for c in range(slot.shape[0]):
                row = -1
                if slot[c] >= 0:
                    row = use_row[slot[c], x]
                if slip > _ZERO or (row >= 0 and not stay):
                    move_values(plan, c, neighbour, slip)
                    stands = row < 0 or stay  # where a use takes effect, only `stay` stays
                    for lane in range(LANES):
                        value[new, x, c, lane] = afterstate[c, lane] if stands else q[0, lane]
                    best_of(plan, new, x, c, 0, 4, 0, LANES)
                if row >= 0:
                    use_value(plan, 0, now, c, row, tables, patience, 0, LANES)
                    best_of(plan, new, x, c, 0, 1, 0, LANES)
            # Lanes that have reached their depth keep their values while the others go on. To copy
            # them afterwards costs less than a branch for each lane in every loop above; lanes of
            # a batch are of like depth, so that it is seldom needed.
            if done >= shallowest:
                for c in range(slot.shape[0]):
                    for lane in range(LANES):
                        if depth[lane] <= done:
                            value[new, x, c, lane] = value[now, x, c, lane]
    return min(deepest, end) & 1


@inlined
def action_values(plan, now, cell, row, tables, neighbour, patience):
    """plan.q[a, lane] = Q of every action on the cell, by the rule of a use row or -1."""
    q, afterstate = plan.q, plan.afterstate
    n_actions = q.shape[0]
    move_values(plan, cell, neighbour, tables.slip)
    for a in range(4, n_actions):  # a use for which no rule holds is a wasted step
        for lane in range(LANES):
            q[a, lane] = afterstate[cell, lane]
    if row >= 0:
        use_value(plan, n_actions - 1, now, cell, row, tables, patience, 0, LANES)


@inlined
def largest(best, q):
    """best[lane] = max_a q[a, lane]."""
    for lane in range(LANES):
        best[lane] = q[0, lane]
    for a in range(1, q.shape[0]):
        for lane in range(LANES):
            best[lane] = q[a, lane] if q[a, lane] > best[lane] else best[lane]


@inlined
def read_off(q, best, temperature, x, cell, soft, greedy, boltzmann):
    """The policy in a state, of all lanes, by q[a, lane]: see :func:`decide`."""
    n_actions = q.shape[0]
    largest(best, q)
    if soft:
        for a in range(n_actions):
            for lane in range(LANES):
                boltzmann[x, cell, a, lane] = boltzmann_factor(
                    q[a, lane], best[lane], temperature[lane]
                )
    else:
        for lane in range(LANES):
            found = 0
            for a in range(n_actions):
                found |= (q[a, lane] == best[lane]) << a
            greedy[x, cell, lane] = found


@kernel
def decide(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, slot, distance, start,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    other_value, other_reward, other_always, other_here, other_afterstate, other_q,
    other_arrivals, mixed, now, other_now, best, soft, greedy, boltzmann,
):  # fmt: skip
    """Read the policy off V_d = value[now]: argmax_a Q_d, or softmax(Q_d / temperature).

    Q_d is (1 - share) Q_d + share Q of the other plan where there are two (model 2, tool).

    Args:
        mixed: whether the lanes have two plans; if not, nothing of the other one is looked at.
        greedy: [n_x, C, LANES] out, unless soft: bit a is set where Q of action a is the largest.
        boltzmann: [n_x, C, A, LANES] out, where soft: exp((Q - max Q)/temperature), at
            temperature 0 1 for the best actions and 0 for the others.
    """
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    other = Plan(
        other_value, other_reward, other_always, other_here, other_afterstate, other_q,
        other_arrivals,
    )  # fmt: skip
    n_actions = q.shape[0]
    for i in range(live.shape[0]):
        x = live[i]
        afterstate_values(plan, now, x, tables, patience)
        if mixed:
            afterstate_values(other, other_now, x, tables, patience)
        # Where it can, the whole block of cells is decided in one pass, without a Q for each
        # action; what is left are cells on which a use takes effect.
        simple = slip == _ZERO and not soft and not mixed
        if simple:
            best_moves(greedy, x, afterstate, neighbour, stay)
        for c in range(slot.shape[0]):
            row = -1
            if slot[c] >= 0:
                row = use_row[slot[c], x]
            if simple and row < 0:
                continue
            action_values(plan, now, c, row, tables, neighbour, patience)
            if mixed:
                action_values(other, other_now, c, row, tables, neighbour, patience)
                for a in range(n_actions):
                    for lane in range(LANES):
                        own = (_ONE - share[lane]) * q[a, lane]
                        q[a, lane] = own + share[lane] * other_q[a, lane]
            read_off(q, best, temperature, x, c, soft, greedy, boltzmann)


@kernel
def follow(
    live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip, stay,
    neighbour, slot, distance, start,
    weights, patience, depth, temperature, share,
    value, reward, always, here, afterstate, q, arrivals,
    other_value, other_reward, other_always, other_here, other_afterstate, other_q,
    other_arrivals, steps, best,
):  # fmt: skip
    """Back up one plan by its best actions, and another, of another reward, by the same actions.

    Where several actions are best, the other gets the mean over them (model 4). Both start from
    value[0]; patience is that of both. Returns k such that value[k] of both are the last ones.
    """
    tables = PlanTables(
        live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, scent_like, slip,
        stay,
    )  # fmt: skip
    plan = Plan(value, reward, always, here, afterstate, q, arrivals)
    other = Plan(
        other_value, other_reward, other_always, other_here, other_afterstate, other_q,
        other_arrivals,
    )  # fmt: skip
    for done in range(steps):
        now = done & 1
        new = 1 - now
        for i in range(live.shape[0]):
            x = live[i]
            afterstate_values(plan, now, x, tables, patience)
            afterstate_values(other, now, x, tables, patience)
            for c in range(slot.shape[0]):
                row = -1
                if slot[c] >= 0:
                    row = use_row[slot[c], x]
                action_values(plan, now, c, row, tables, neighbour, patience)
                action_values(other, now, c, row, tables, neighbour, patience)
                largest(best, q)
                for lane in range(LANES):
                    total, n = _ZERO, _ZERO
                    for a in range(q.shape[0]):
                        # Both as selections: a branch would keep the lanes out of vectors.
                        chosen = q[a, lane] == best[lane]
                        total += other_q[a, lane] if chosen else _ZERO
                        n += _ONE if chosen else _ZERO
                    value[new, x, c, lane] = best[lane]
                    other_value[new, x, c, lane] = total / n
    return steps & 1


_LOG2_E = 1.4426950408889634
# fdlibm's split of ln 2: the high part has trailing zeros, so that n times it is exact.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
# exp(r) for |r| <= ln(2)/2: the first term left out, r^14 / 14!, is below 5e-18, which is less
# than the last bit of a float64 near 1 by far.
_TAYLOR = tuple(1.0 / float(np.prod(np.arange(1.0, k + 1.0))) for k in range(13, -1, -1))
_HALVES = 2.0 ** -np.arange(0.0, 160.0)


@inlined
def exp_of_negative(x):
    """exp(x) for x <= 0 from IEEE operations only, equal on every machine; 0 below -104."""
    # The exp() of a mathematical library is free in its last bit, and a draw from a softmax hangs
    # on it. exp(x) = 2^-n exp(r) with x = -n ln 2 + r. Below -104 a float32 is 0.
    if x < -104.0:
        return 0.0
    n = np.int64(0.5 - x * _LOG2_E)
    r = (x + n * _LN2_HIGH) + n * _LN2_LOW
    total = 0.0
    for coefficient in _TAYLOR:
        total = total * r + coefficient
    return total * _HALVES[n]


@inlined
def boltzmann_factor(q, best, temperature):
    """exp((q - best) / temperature), float32; at temperature 0, whether q is the best."""
    if temperature > _ZERO:
        # The gap to the best, not q itself: it is never above 0, so that nothing overflows.
        gap = np.float64(q) - np.float64(best)
        return np.float32(exp_of_negative(gap / np.float64(temperature)))
    return _ONE if q == best else _ZERO
