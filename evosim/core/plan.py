"""The planner: receding-horizon dynamic programming for LANES agents at once (model 2).

A lane is an agent: values are stored [x, cell, lane] in float32, and every inner loop runs over
the lanes. One backup takes each x in turn: drift gives the expected next value of every cell
(`expected_next`), kept in a block that stays in the first-level cache, and the actions then only
index that block. The order of the float32 operations is that of :mod:`evosim.core.reference`.

Three kernels are called in turn: `prepare`, `improve`, `decide`. They take plain arrays, and call
as few functions as they can: every level of calls is compiled once more. Agents with a tool have
a second plan, of other rewards and depth, by the same kernels; `decide` mixes the two. `follow`
is for measuring: what one reward comes to where another is optimized.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined, kernel

LANES = 64
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_QUARTER = np.float32(0.25)


@kernel
def prepare(
    value, live, scent_like, use_row, use_event, here_event, always_ptr, always_event,
    slot, distance, phi, weights, patience, novelty, instinct, arrivals,
    reward, always, here, power, scent,
):  # fmt: skip
    """What events and arrivals are worth to each lane, and V_0, the instinct (model 2).

    Args:
        value: [2, n_x, C, LANES] out: V_0 in value[0].
        phi: [E, F]; weights: [F, LANES]; novelty: [C, LANES] worth of arriving for its novelty.
        instinct: whether V_0 is the scent of the best usable thing, or 0.
        reward: [E, LANES] out: what each event is worth.
        always: [n_x, LANES], here: [C, LANES] out: what ending a step there is worth.
        power: [C, LANES], scent: [LANES] scratch.
    """
    n_cells = slot.shape[0]
    for e in range(phi.shape[0]):
        for lane in range(LANES):
            reward[e, lane] = _ZERO
        for f in range(phi.shape[1]):
            p = phi[e, f]
            if p != _ZERO:
                for lane in range(LANES):
                    reward[e, lane] += p * weights[f, lane]
    if arrivals:
        for x in range(always.shape[0]):
            for lane in range(LANES):
                always[x, lane] = _ZERO
            for j in range(always_ptr[x], always_ptr[x + 1]):
                event = always_event[j]
                for lane in range(LANES):
                    always[x, lane] += reward[event, lane]
        for c in range(n_cells):
            for lane in range(LANES):
                here[c, lane] = novelty[c, lane]
            if slot[c] >= 0 and here_event[slot[c]] >= 0:
                event = here_event[slot[c]]
                for lane in range(LANES):
                    here[c, lane] = reward[event, lane] + here[c, lane]
    for lane in range(LANES):
        power[0, lane] = _ONE
    for d in range(1, n_cells):
        for lane in range(LANES):
            power[d, lane] = power[d - 1, lane] * patience[lane]
    for i in range(live.shape[0]):
        x = live[i]
        like = scent_like[x]
        if instinct and like != x:  # the same rules fire: smells the same
            for c in range(n_cells):
                for lane in range(LANES):
                    value[0, x, c, lane] = value[0, like, c, lane]
            continue
        for c in range(n_cells):
            for lane in range(LANES):
                value[0, x, c, lane] = _ZERO
        if not instinct:
            continue
        for site in range(n_cells):
            if slot[site] < 0:
                continue
            for lane in range(LANES):
                scent[lane] = _ZERO
            for source in range(2):
                event = here_event[slot[site]]
                if source == 0:
                    event = use_row[slot[site], x]
                    if event >= 0:
                        event = use_event[event]
                if event >= 0:
                    for lane in range(LANES):
                        r = reward[event, lane]
                        scent[lane] = r if r > scent[lane] else scent[lane]
            for c in range(n_cells):
                d = distance[c, site]
                if d >= 0:
                    for lane in range(LANES):
                        smell = power[d, lane] * scent[lane]
                        v = value[0, x, c, lane]
                        value[0, x, c, lane] = smell if smell > v else v


@inlined
def expected_next(
    worth, value, now, x, drift_ptr, drift_x, drift_p, patience, arrivals, always, here
):
    """worth[cell, lane]: what it is worth to stand at (x, cell) in the middle of a step.

    patience . (sum of p . value over the drift outcomes of x, left to right), and what is felt
    on arriving there.
    """
    n_cells = worth.shape[0]
    begin = drift_ptr[x]
    n = drift_ptr[x + 1] - begin
    if n == 2:
        p0, p1 = drift_p[begin], drift_p[begin + 1]
        x0, x1 = drift_x[begin], drift_x[begin + 1]
        for c in range(n_cells):
            for lane in range(LANES):
                worth[c, lane] = patience[lane] * (
                    p0 * value[now, x0, c, lane] + p1 * value[now, x1, c, lane]
                )
    elif n == 4:
        p0, p1, p2, p3 = drift_p[begin], drift_p[begin + 1], drift_p[begin + 2], drift_p[begin + 3]
        x0, x1, x2, x3 = drift_x[begin], drift_x[begin + 1], drift_x[begin + 2], drift_x[begin + 3]
        for c in range(n_cells):
            for lane in range(LANES):
                worth[c, lane] = patience[lane] * (
                    p0 * value[now, x0, c, lane]
                    + p1 * value[now, x1, c, lane]
                    + p2 * value[now, x2, c, lane]
                    + p3 * value[now, x3, c, lane]
                )
    else:
        for c in range(n_cells):
            for lane in range(LANES):
                worth[c, lane] = _ZERO
        for j in range(begin, begin + n):
            p0, x0 = drift_p[j], drift_x[j]
            for c in range(n_cells):
                for lane in range(LANES):
                    worth[c, lane] += p0 * value[now, x0, c, lane]
        for c in range(n_cells):
            for lane in range(LANES):
                worth[c, lane] *= patience[lane]
    if arrivals:
        for c in range(n_cells):
            for lane in range(LANES):
                worth[c, lane] = (always[x, lane] + here[c, lane]) + worth[c, lane]


@inlined
def use_value(
    q, a, value, now, cell, row, use_event, next_ptr, next_x, next_p, reward, patience,
    arrivals, outcome_ptr, outcome_x, outcome_p, always, here,
):  # fmt: skip
    """q[a, lane] = Q of a use on the cell by the rule of a use row."""
    for lane in range(LANES):
        q[a, lane] = _ZERO
    for j in range(next_ptr[row], next_ptr[row + 1]):
        p, x = next_p[j], next_x[j]
        for lane in range(LANES):
            q[a, lane] += p * value[now, x, cell, lane]
    event = use_event[row]
    for lane in range(LANES):
        q[a, lane] = reward[event, lane] + patience[lane] * q[a, lane]
    if arrivals:
        for j in range(outcome_ptr[row], outcome_ptr[row + 1]):
            p, x = outcome_p[j], outcome_x[j]
            for lane in range(LANES):
                q[a, lane] += p * (always[x, lane] + here[cell, lane])


@inlined
def move_values(q, worth, neighbour, cell, slip):
    """q[0:4, lane] = Q of the four moves from the cell."""
    goes, strays = _ONE - slip, slip * _QUARTER
    north, south = neighbour[cell, 0], neighbour[cell, 1]
    west, east = neighbour[cell, 2], neighbour[cell, 3]
    for a in range(4):
        ahead = neighbour[cell, a]
        if slip == _ZERO:
            for lane in range(LANES):
                q[a, lane] = worth[ahead, lane]
        else:
            for lane in range(LANES):
                q[a, lane] = goes * worth[ahead, lane] + strays * (
                    ((worth[north, lane] + worth[south, lane]) + worth[west, lane])
                    + worth[east, lane]
                )


@inlined
def best_move(value, new, x, worth, neighbour):
    """value[new, x, cell, lane] = max over staying and the four moves, where none slips."""
    for c in range(worth.shape[0]):
        north, south = neighbour[c, 0], neighbour[c, 1]
        west, east = neighbour[c, 2], neighbour[c, 3]
        for lane in range(LANES):
            m = worth[c, lane]
            n, s = worth[north, lane], worth[south, lane]
            w, e = worth[west, lane], worth[east, lane]
            along = n if n > s else s
            across = w if w > e else e
            move = along if along > across else across
            value[new, x, c, lane] = move if move > m else m


@inlined
def best_moves(bits, x, worth, neighbour, stay):
    """bits[x, cell, lane]: the best actions where none slips and no use takes effect."""
    waiting = np.int32(48 if stay else 16)
    for c in range(worth.shape[0]):
        north, south = neighbour[c, 0], neighbour[c, 1]
        west, east = neighbour[c, 2], neighbour[c, 3]
        for lane in range(LANES):
            m = worth[c, lane]
            n, s, w, e = (
                worth[north, lane],
                worth[south, lane],
                worth[west, lane],
                worth[east, lane],
            )
            m = n if n > m else m
            m = s if s > m else m
            m = w if w > m else m
            m = e if e > m else m
            found = waiting if worth[c, lane] == m else np.int32(0)
            found |= np.int32(1) if n == m else np.int32(0)
            found |= np.int32(2) if s == m else np.int32(0)
            found |= np.int32(4) if w == m else np.int32(0)
            found |= np.int32(8) if e == m else np.int32(0)
            bits[x, c, lane] = found


@inlined
def best_of(value, new, x, cell, q, begin, end):
    """value[new, x, cell, lane] = max of it and q[begin:end, lane]."""
    for a in range(begin, end):
        for lane in range(LANES):
            v = value[new, x, cell, lane]
            value[new, x, cell, lane] = q[a, lane] if q[a, lane] > v else v


@kernel
def improve(
    value, live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
    outcome_ptr, outcome_x, outcome_p, neighbour, slot, slip, stay, arrivals,
    patience, depth, reward, always, here, worth, q,
):  # fmt: skip
    """Back up each lane to its depth: V_k+1 = max_a Q_k. Returns k such that value[k] is V_d.

    Lanes that have reached their depth keep their values while the others go on.

    Args:
        value: [2, n_x, C, LANES] V_0 in value[0]; backups go to and fro between the two.
        depth: [LANES] backups wanted.
    """
    shallowest, deepest = depth[0], depth[0]
    for lane in range(1, LANES):
        shallowest = min(shallowest, depth[lane])
        deepest = max(deepest, depth[lane])
    for done in range(deepest):
        now = done & 1
        new = 1 - now
        for i in range(live.shape[0]):
            x = live[i]
            expected_next(
                worth, value, now, x, drift_ptr, drift_x, drift_p, patience, arrivals, always, here
            )
            best_move(value, new, x, worth, neighbour)
            for c in range(slot.shape[0]):
                row = -1
                if slot[c] >= 0:
                    row = use_row[slot[c], x]
                if slip > _ZERO or (row >= 0 and not stay):
                    move_values(q, worth, neighbour, c, slip)
                    stands = row < 0 or stay  # where a use takes effect, only `stay` stays
                    for lane in range(LANES):
                        value[new, x, c, lane] = worth[c, lane] if stands else q[0, lane]
                    best_of(value, new, x, c, q, 0, 4)
                if row >= 0:
                    use_value(
                        q, 0, value, now, c, row, use_event, next_ptr, next_x, next_p, reward,
                        patience, arrivals, outcome_ptr, outcome_x, outcome_p, always, here,
                    )  # fmt: skip
                    best_of(value, new, x, c, q, 0, 1)
            if done >= shallowest:
                for c in range(slot.shape[0]):
                    for lane in range(LANES):
                        if depth[lane] <= done:
                            value[new, x, c, lane] = value[now, x, c, lane]
    return deepest & 1


@inlined
def action_values(
    q, value, now, cell, row, use_event, next_ptr, next_x, next_p, outcome_ptr, outcome_x,
    outcome_p, neighbour, slip, arrivals, patience, reward, always, here, worth,
):  # fmt: skip
    """q[a, lane] = Q of every action on the cell, by the rule of a use row or -1."""
    n_actions = q.shape[0]
    move_values(q, worth, neighbour, cell, slip)
    for a in range(4, n_actions):  # a use for which no rule holds is a wasted step
        for lane in range(LANES):
            q[a, lane] = worth[cell, lane]
    if row >= 0:
        use_value(
            q, n_actions - 1, value, now, cell, row, use_event, next_ptr, next_x, next_p,
            reward, patience, arrivals, outcome_ptr, outcome_x, outcome_p, always, here,
        )  # fmt: skip


@inlined
def largest(best, q):
    """best[lane] = max_a q[a, lane]."""
    for lane in range(LANES):
        best[lane] = q[0, lane]
    for a in range(1, q.shape[0]):
        for lane in range(LANES):
            best[lane] = q[a, lane] if q[a, lane] > best[lane] else best[lane]


@kernel
def decide(
    value, now, live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
    outcome_ptr, outcome_x, outcome_p, neighbour, slot, slip, stay, arrivals,
    patience, temperature, reward, always, here, worth, q, best, soft, bits, odds,
    tooled, reliance, tool_value, tool_now, tool_arrivals, tool_reward, tool_always, tool_here,
    tool_worth, tool_q,
):  # fmt: skip
    """Read the policy off V_d = value[now]: argmax_a Q_d, or softmax(Q_d / temperature).

    Q_d is (1 - reliance) Q_d + reliance Q of the tool where there are tools.

    Args:
        tooled: whether the lanes have tools; if not, no other argument of tools is looked at.
        bits: [n_x, C, LANES] out, unless soft: bit a is set where Q of action a is the largest.
        odds: [n_x, C, A, LANES] out, where soft: exp((Q - max Q)/temperature), at temperature 0
            1 for the best actions and 0 for the others.
    """
    n_actions = q.shape[0]
    for i in range(live.shape[0]):
        x = live[i]
        expected_next(
            worth, value, now, x, drift_ptr, drift_x, drift_p, patience, arrivals, always, here
        )
        if tooled:
            expected_next(
                tool_worth, tool_value, tool_now, x, drift_ptr, drift_x, drift_p, patience,
                tool_arrivals, tool_always, tool_here,
            )  # fmt: skip
        simple = slip == _ZERO and not soft and not tooled
        if simple:
            best_moves(bits, x, worth, neighbour, stay)
        for c in range(slot.shape[0]):
            row = -1
            if slot[c] >= 0:
                row = use_row[slot[c], x]
            if simple and row < 0:
                continue
            action_values(
                q, value, now, c, row, use_event, next_ptr, next_x, next_p, outcome_ptr,
                outcome_x, outcome_p, neighbour, slip, arrivals, patience, reward, always, here,
                worth,
            )  # fmt: skip
            if tooled:
                action_values(
                    tool_q, tool_value, tool_now, c, row, use_event, next_ptr, next_x, next_p,
                    outcome_ptr, outcome_x, outcome_p, neighbour, slip, tool_arrivals, patience,
                    tool_reward, tool_always, tool_here, tool_worth,
                )  # fmt: skip
                for a in range(n_actions):
                    for lane in range(LANES):
                        own = (_ONE - reliance[lane]) * q[a, lane]
                        q[a, lane] = own + reliance[lane] * tool_q[a, lane]
            largest(best, q)
            if soft:
                for a in range(n_actions):
                    for lane in range(LANES):
                        odds[x, c, a, lane] = odds_of(q[a, lane], best[lane], temperature[lane])
            else:
                for lane in range(LANES):
                    found = 0
                    for a in range(n_actions):
                        found |= (q[a, lane] == best[lane]) << a
                    bits[x, c, lane] = found


@kernel
def follow(
    value, other, live, drift_ptr, drift_x, drift_p, use_row, use_event, next_ptr, next_x, next_p,
    outcome_ptr, outcome_x, outcome_p, neighbour, slot, slip, arrivals, patience, steps,
    reward, always, here, worth, q, other_reward, other_always, other_here, other_worth, other_q,
    best,
):  # fmt: skip
    """Back up ``value`` by its best actions, and ``other``, another reward's, by the same actions.

    Where several actions are best, ``other`` gets the mean over them. Both start from value[0] and
    other[0]; patience is that of both. Returns k such that value[k], other[k] are the last ones.
    """
    for done in range(steps):
        now = done & 1
        new = 1 - now
        for i in range(live.shape[0]):
            x = live[i]
            expected_next(
                worth, value, now, x, drift_ptr, drift_x, drift_p, patience, arrivals, always, here
            )
            expected_next(
                other_worth, other, now, x, drift_ptr, drift_x, drift_p, patience, arrivals,
                other_always, other_here,
            )  # fmt: skip
            for c in range(slot.shape[0]):
                row = -1
                if slot[c] >= 0:
                    row = use_row[slot[c], x]
                action_values(
                    q, value, now, c, row, use_event, next_ptr, next_x, next_p, outcome_ptr,
                    outcome_x, outcome_p, neighbour, slip, arrivals, patience, reward, always,
                    here, worth,
                )  # fmt: skip
                action_values(
                    other_q, other, now, c, row, use_event, next_ptr, next_x, next_p, outcome_ptr,
                    outcome_x, outcome_p, neighbour, slip, arrivals, patience, other_reward,
                    other_always, other_here, other_worth,
                )  # fmt: skip
                largest(best, q)
                for lane in range(LANES):
                    total, n = _ZERO, _ZERO
                    for a in range(q.shape[0]):
                        chosen = q[a, lane] == best[lane]
                        total += other_q[a, lane] if chosen else _ZERO
                        n += _ONE if chosen else _ZERO
                    value[new, x, c, lane] = best[lane]
                    other[new, x, c, lane] = total / n
    return steps & 1


_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01  # fdlibm's split of ln 2
_LN2_LOW = 1.90821492927058770002e-10
_TAYLOR = tuple(1.0 / float(np.prod(np.arange(1.0, k + 1.0))) for k in range(13, -1, -1))
_HALVES = 2.0 ** -np.arange(0.0, 160.0)


@inlined
def exp_of_negative(x):
    """exp(x) for x <= 0 from IEEE operations only, equal on every machine; 0 below -104."""
    if x < -104.0:
        return 0.0
    n = np.int64(0.5 - x * _LOG2_E)
    r = (x + n * _LN2_HIGH) + n * _LN2_LOW
    total = 0.0
    for coefficient in _TAYLOR:
        total = total * r + coefficient
    return total * _HALVES[n]


@inlined
def odds_of(q, best, temperature):
    """The odds of an action of value q where the best has value ``best``, float32."""
    if temperature > _ZERO:
        gap = np.float64(q) - np.float64(best)
        return np.float32(exp_of_negative(gap / np.float64(temperature)))
    return _ONE if q == best else _ZERO
