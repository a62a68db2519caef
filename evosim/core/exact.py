"""Exact expectations: forward propagation of the state distribution over a lifetime (model 4).

The chain of one agent in one level is written down once, over the states that it can reach, and
its distribution is then carried through the T steps in float64. What is summed is how often each
state is expected to be visited; what is felt and paid follows from the visits.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import allocating, inlined
from evosim.core.structs import Afterstates, Level, Policy, WorldTables


@allocating
def doubled(array):
    """A copy with twice the room."""
    wider = np.empty(2 * array.shape[0], array.dtype)
    # A loop, because Numba compiles the error messages of an assignment of slices: for seconds.
    for i in range(array.shape[0]):
        wider[i] = array[i]
    return wider


@inlined
def action_probabilities(policy, x, cell, lane, chance):
    """chance[A]: the probability of each action in a state, ties shared alike (model 2)."""
    x = policy.observed[x]
    # Ties have equal weights of 1, so that one division serves ties and softmax alike.
    total = 0.0
    for a in range(chance.shape[0]):
        chance[a] = np.float64(policy.greedy[x, cell, lane] >> a & 1)
        if policy.soft:
            chance[a] = np.float64(policy.boltzmann[x, cell, a, lane])
        total += chance[a]
    for a in range(chance.shape[0]):
        chance[a] /= total


@inlined
def afterstates(world, level, policy, lane, x, cell, chance, to):
    """Where the actions lead from (x, cell) before drift (model 1, up to `ends`).

    Args:
        chance: [A] out: the probabilities of the actions.
        to: out: where they lead.

    Returns:
        how many entries of ``to`` are set, and the use row that fires here or -1.
    """
    action_probabilities(policy, x, cell, lane, chance)
    moving = chance[0] + chance[1] + chance[2] + chance[3]
    staying = chance[4] if world.stay else 0.0
    use = chance[world.n_actions - 1]
    row = -1
    if level.slot[cell] >= 0:
        row = world.use_row[level.slot[cell], x]
    if row < 0:
        staying += use
    n = 0
    # All moves slip alike, so their slips are one term: a quarter of all moving goes each way.
    for a in range(4):
        p = (1.0 - world.slip) * chance[a] + 0.25 * world.slip * moving
        if p > 0.0:
            to.x[n], to.cell[n], to.p[n] = x, level.neighbour[cell, a], p
            n += 1
    if staying > 0.0:
        to.x[n], to.cell[n], to.p[n] = x, cell, staying
        n += 1
    if row >= 0 and use > 0.0:
        # What ends the life leads nowhere: probabilities add up to less than 1 from here on.
        for j in range(world.outcome_ptr[row], world.outcome_ptr[row + 1]):
            p = use * (1.0 - world.use_ends[row]) * world.outcome_p[j]
            if p > 0.0:
                to.x[n], to.cell[n], to.p[n] = world.outcome_x[j], cell, p
                n += 1
    return n, row


@allocating
def expected_visits(start_p, steps, n_states, sources, targets, weights):
    """Expected visits [n_states] of each state of a chain within ``steps`` steps (model 4).

    Args:
        start_p: probabilities of the first states.
        sources, targets, weights: the edges, in any order.
    """
    # Sorted by target, by counting: a state's next probability is then summed in a register. To
    # add to it in memory, edge by edge, waits each time for the store before. The sort is stable
    # and so fixes the order of each sum. Indices are unsigned, which spares Numba the test for
    # negative ones.
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
    for i in range(start_p.shape[0]):
        now[i] = start_p[i]
        visits[i] = start_p[i]
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
        # Nobody lives on for sure: rounding cannot bring back what is exactly 0.
        if not alive:
            break
        now, after = after, now
    return visits


@allocating
def expect(
    n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr, drift_x, drift_p,
    move_chance, move_delta, dead,
    neighbours, slots, starts, distances,
    observed, soft, greedy, boltzmann,
    mind, at, steps, part, counts, lifespan,
):  # fmt: skip
    """Exact expectations for each lane by its policy, on its level.

    Args:
        neighbours, slots, starts, distances: of L levels (:class:`evosim.world.Levels`).
        mind: [LANES] the row of the outputs that a lane writes, -1 for none.
        at: [LANES] the level of a lane.
        steps: the age T at which every life ends.
        part: [n_x] the part of the outputs to which a step belongs that begins at x.
        counts: [L, n, parts, E] out: expected number of each event; lifespan: [L, n, parts] out:
            expected steps.
    """
    world = WorldTables(
        n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr,
        drift_x, drift_p, move_chance, move_delta, dead,
    )  # fmt: skip
    policy = Policy(observed, soft, greedy, boltzmann)
    n_x, n_cells = observed.shape[0], slots.shape[1]
    # Most minds reach a small part of all states, so arrays begin small and are doubled; those of
    # one lane serve the next.
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
    room = 5 + widest  # four moves, staying, and the outcomes of a use
    to = Afterstates(np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room))
    for lane in range(mind.shape[0]):
        if mind[lane] < 0:
            continue
        who, on = mind[lane], at[lane]
        slot, start = slots[on], starts[on]
        level = Level(neighbours[on], slot, distances[on], start)
        number[:] = -1
        n_states = start_x.shape[0]
        while n_states > states.shape[0]:
            states, fired, used = doubled(states), doubled(fired), doubled(used)
        for j in range(n_states):
            states[j] = start_x[j] * n_cells + start
            number[states[j]] = j
        n_edges = 0
        i = 0
        while i < n_states:  # breadth first: the states grow while they are gone through
            x, cell = states[i] // n_cells, states[i] % n_cells
            n, fired[i] = afterstates(world, level, policy, lane, x, cell, chance, to)
            used[i] = chance[n_actions - 1]
            for m in range(n):
                for j in range(drift_ptr[to.x[m]], drift_ptr[to.x[m] + 1]):
                    s = drift_x[j] * n_cells + to.cell[m]
                    if number[s] < 0:
                        if n_states == states.shape[0]:
                            states, fired, used = doubled(states), doubled(fired), doubled(used)
                        number[s] = n_states
                        states[n_states] = s
                        n_states += 1
                    if n_edges == targets.shape[0]:
                        sources, targets = doubled(sources), doubled(targets)
                        weights = doubled(weights)
                    sources[n_edges] = i
                    targets[n_edges] = number[s]
                    weights[n_edges] = to.p[m] * drift_p[j]
                    n_edges += 1
            i += 1

        visits = expected_visits(
            start_p, steps, n_states, sources[:n_edges], targets[:n_edges], weights[:n_edges]
        )
        # What happens in a step depends on the state that it begins in, not on when: expected
        # counts are expected visits times what a visit brings, and no event is carried along.
        for i in range(n_states):
            x, cell = states[i] // n_cells, states[i] % n_cells
            lifespan[on, who, part[x]] += visits[i]
            if fired[i] >= 0:
                counts[on, who, part[x], use_event[fired[i]]] += visits[i] * used[i]
            if not arrivals:
                continue
            # Found once more, and not kept for every state: only worlds with arrivals need them.
            n, _ = afterstates(world, level, policy, lane, x, cell, chance, to)
            for m in range(n):
                expected = visits[i] * to.p[m]
                s = slot[to.cell[m]]
                if s >= 0 and here_event[s] >= 0:
                    counts[on, who, part[x], here_event[s]] += expected
                for j in range(always_ptr[to.x[m]], always_ptr[to.x[m] + 1]):
                    counts[on, who, part[x], always_event[j]] += expected
