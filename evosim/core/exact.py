"""Exact expectations: forward propagation of the state distribution over a lifetime (model 4).

The chain of one agent in one level is written down once, over the states that it can reach, and
its distribution is then carried through the T steps in float64. What is summed is how often each
state is expected to be visited; what is felt and paid follows from the visits.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import allocating, inlined


@allocating
def grown_i(array):
    """Twice the room (int32)."""
    wider = np.empty(2 * array.shape[0], np.int32)
    wider[: array.shape[0]] = array
    return wider


@allocating
def grown_f(array):
    """Twice the room (float64)."""
    wider = np.empty(2 * array.shape[0], np.float64)
    wider[: array.shape[0]] = array
    return wider


@inlined
def leave(
    lane, soft, bits, odds, seen, x, cell, n_actions, stay, slip, neighbour, slot,
    use_row, use_ends, outcome_ptr, outcome_x, outcome_p, chance, mid_x, mid_cell, mid_p,
):  # fmt: skip
    """Where the actions lead from (x, cell) before drift: mid_x, mid_cell, mid_p.

    Args:
        seen: the x that the mind takes x for, at which its policy is read.
        chance: [A] out: the probabilities of the actions.

    Returns:
        how many entries of mid_* are set, and the use row that fires here or -1.
    """
    total = 0.0
    for a in range(n_actions):
        chance[a] = np.float64(bits[seen, cell, lane] >> a & 1)
        if soft:
            chance[a] = np.float64(odds[seen, cell, a, lane])
        total += chance[a]
    for a in range(n_actions):
        chance[a] /= total
    moving = chance[0] + chance[1] + chance[2] + chance[3]
    staying = chance[4] if stay else 0.0
    use = chance[n_actions - 1]
    row = -1
    if slot[cell] >= 0:
        row = use_row[slot[cell], x]
    if row < 0:
        staying += use
    n = 0
    for a in range(4):
        p = (1.0 - slip) * chance[a] + 0.25 * slip * moving
        if p > 0.0:
            mid_x[n], mid_cell[n], mid_p[n] = x, neighbour[cell, a], p
            n += 1
    if staying > 0.0:
        mid_x[n], mid_cell[n], mid_p[n] = x, cell, staying
        n += 1
    if row >= 0 and use > 0.0:
        for j in range(outcome_ptr[row], outcome_ptr[row + 1]):
            p = use * (1.0 - use_ends[row]) * outcome_p[j]
            if p > 0.0:
                mid_x[n], mid_cell[n], mid_p[n] = outcome_x[j], cell, p
                n += 1
    return n, row


@allocating
def carried(start_p, steps, n_states, sources, targets, weights):
    """Expected visits [n_states] of each state of a chain within ``steps`` steps.

    The edges are first sorted by their targets, so that a state's next probability is summed in
    a register: adding to it in memory edge by edge waits each time for the store before. Indices
    are unsigned, which spares Numba the test for negative ones.

    Args:
        start_p: probabilities of the first states.
        sources, targets, weights: the edges, in any order.
    """
    begin = np.zeros(n_states + 2, np.uint32)
    for e in range(targets.shape[0]):
        begin[targets[e] + 2] += 1
    for i in range(2, n_states + 2):
        begin[i] += begin[i - 1]
    comes_from = np.empty(targets.shape[0], np.uint32)
    weight = np.empty(targets.shape[0], np.float64)
    for e in range(targets.shape[0]):
        at = begin[targets[e] + 1]
        comes_from[at], weight[at] = sources[e], weights[e]
        begin[targets[e] + 1] = at + 1

    now, after, visits = np.zeros(n_states), np.zeros(n_states), np.zeros(n_states)
    now[: start_p.shape[0]] = start_p
    visits[: start_p.shape[0]] = start_p
    for _ in range(1, steps):
        alive = False
        e = begin[0]
        for i in range(n_states):
            p = 0.0
            end = begin[i + 1]
            while e < end:
                p += now[comes_from[e]] * weight[e]
                e += np.uint32(1)
            after[i] = p
            visits[i] += p
            alive |= p > 0.0
        if not alive:
            break
        now, after = after, now
    return visits


@allocating
def expect(
    mind, see, soft, bits, odds, start, steps, n_actions, stay, slip, neighbour, slot,
    start_x, start_p, use_row, use_event, use_ends, outcome_ptr, outcome_x, outcome_p,
    here_event, always_ptr, always_event, drift_ptr, drift_x, drift_p, part, counts, lifespan,
):  # fmt: skip
    """Exact expectations for each lane by its policy in ``bits`` or ``odds``, on one level.

    Args:
        mind: [LANES] the row of the outputs that a lane writes, -1 for none.
        part: [n_x] the part of the outputs to which a step belongs that begins at x.
        counts: [n, parts, E] out: expected number of each event; lifespan: [n, parts] out:
            expected steps.
    """
    n_x, n_cells = see.shape[0], slot.shape[0]
    arrivals = always_event.shape[0] > 0
    for s in range(here_event.shape[0]):
        arrivals = arrivals or here_event[s] >= 0
    number = np.empty(n_x * n_cells, np.int32)
    states = np.empty(256, np.int32)
    fired = np.empty(256, np.int32)
    used = np.empty(256, np.float64)
    sources = np.empty(1024, np.int32)
    targets = np.empty(1024, np.int32)
    weights = np.empty(1024, np.float64)
    chance = np.empty(n_actions)
    widest = 0
    for row in range(use_event.shape[0]):
        widest = max(widest, outcome_ptr[row + 1] - outcome_ptr[row])
    mid_x = np.empty(5 + widest, np.int32)
    mid_cell = np.empty(5 + widest, np.int32)
    mid_p = np.empty(5 + widest, np.float64)
    for lane in range(mind.shape[0]):
        if mind[lane] < 0:
            continue
        who = mind[lane]
        number[:] = -1
        n_states = start_x.shape[0]
        while n_states > states.shape[0]:
            states, fired, used = grown_i(states), grown_i(fired), grown_f(used)
        for j in range(n_states):
            states[j] = start_x[j] * n_cells + start
            number[states[j]] = j
        n_edges = 0
        i = 0
        while i < n_states:  # breadth first: the states grow while they are gone through
            x, cell = states[i] // n_cells, states[i] % n_cells
            n, fired[i] = leave(
                lane, soft, bits, odds, see[x], x, cell, n_actions, stay,
                slip, neighbour, slot, use_row, use_ends, outcome_ptr, outcome_x, outcome_p,
                chance, mid_x, mid_cell, mid_p,
            )  # fmt: skip
            used[i] = chance[n_actions - 1]
            for m in range(n):
                for j in range(drift_ptr[mid_x[m]], drift_ptr[mid_x[m] + 1]):
                    s = drift_x[j] * n_cells + mid_cell[m]
                    if number[s] < 0:
                        if n_states == states.shape[0]:
                            states, fired, used = grown_i(states), grown_i(fired), grown_f(used)
                        number[s] = n_states
                        states[n_states] = s
                        n_states += 1
                    if n_edges == targets.shape[0]:
                        sources, targets = grown_i(sources), grown_i(targets)
                        weights = grown_f(weights)
                    sources[n_edges] = i
                    targets[n_edges] = number[s]
                    weights[n_edges] = mid_p[m] * drift_p[j]
                    n_edges += 1
            i += 1

        visits = carried(
            start_p, steps, n_states, sources[:n_edges], targets[:n_edges], weights[:n_edges]
        )
        for i in range(n_states):
            x, cell = states[i] // n_cells, states[i] % n_cells
            lifespan[who, part[x]] += visits[i]
            if fired[i] >= 0:
                counts[who, part[x], use_event[fired[i]]] += visits[i] * used[i]
            if not arrivals:
                continue
            n, _ = leave(
                lane, soft, bits, odds, see[x], x, cell, n_actions, stay,
                slip, neighbour, slot, use_row, use_ends, outcome_ptr, outcome_x, outcome_p,
                chance, mid_x, mid_cell, mid_p,
            )  # fmt: skip
            for m in range(n):
                expected = visits[i] * mid_p[m]
                s = slot[mid_cell[m]]
                if s >= 0 and here_event[s] >= 0:
                    counts[who, part[x], here_event[s]] += expected
                for j in range(always_ptr[mid_x[m]], always_ptr[mid_x[m] + 1]):
                    counts[who, part[x], always_event[j]] += expected
