"""Sampled lifetimes: every draw a function of the life's key (model 1, 5)."""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined, kernel
from evosim.core.plan import LANES
from evosim.core.rng import CHOICE, DIRECTION, DRIFT, ENDS, OUTCOME, SLIP, birth, draw, uniform

NO_EVENT = -1
_ENDED, _DIED, _ALIVE = -1, 0, 1  # ended by a use in mid-step; dead at its end; going on
_ACTIONS = tuple(tuple(a for a in range(6) if bits >> a & 1) for bits in range(64))
_HOW_MANY = np.array([float(len(actions)) for actions in _ACTIONS])  # of each set of actions
_NTH = np.array([(*actions, *[0] * (6 - len(actions))) for actions in _ACTIONS], np.uint8)


@inlined
def pick(u, xs, ps, begin, end):
    """Inverse distribution function: the x at which the cumulated ps pass u."""
    total = 0.0
    for j in range(begin, end - 1):
        total += ps[j]
        if u < total:
            return xs[j]
    return xs[end - 1]


@inlined
def choose(key, t, x, cell, lane, soft, bits, odds):
    """The action taken at step t by a lane to which the state seems (x, cell)."""
    if not soft:
        found = np.int64(bits[x, cell, lane])
        if found & (found - 1) == 0:
            return np.int64(_NTH[found, 0])
        return np.int64(_NTH[found, int(uniform(key, t, CHOICE) * _HOW_MANY[found])])
    n_actions = odds.shape[2]
    total = 0.0
    for a in range(n_actions):
        total += np.float64(odds[x, cell, a, lane])
    mark = uniform(key, t, CHOICE) * total
    passed = 0.0
    for a in range(n_actions - 1):
        passed += np.float64(odds[x, cell, a, lane])
        if mark < passed:
            return a
    return n_actions - 1


@inlined
def step(
    key, t, x, cell, action, n_actions, slip, arrivals, neighbour, slot, use_row, use_event,
    use_ends, outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event,
    move_chance, move_delta, dead, counts, mind,
):  # fmt: skip
    """One step of the world in the order of model 1; adds to counts[mind, event].

    Returns:
        x, cell: the state after it.
        event: the use rule that fired, or NO_EVENT.
        fate: _ENDED, _DIED or _ALIVE.
    """
    event = NO_EVENT
    if slip > 0.0 and action < 4 and uniform(key, t, SLIP) < slip:
        action = np.int64(4.0 * uniform(key, t, DIRECTION))
    cell = np.int64(neighbour[cell, action & 3]) if action < 4 else cell
    if action == n_actions - 1 and slot[cell] >= 0:
        row = use_row[slot[cell], x]
        if row >= 0:
            event = use_event[row]
            counts[mind, event] += 1
            begin, end = outcome_ptr[row], outcome_ptr[row + 1]
            x = outcome_x[begin]
            if end - begin > 1:
                x = pick(uniform(key, t, OUTCOME), outcome_x, outcome_p, begin, end)
            if use_ends[row] > 0.0 and uniform(key, t, ENDS) < use_ends[row]:
                return x, cell, event, _ENDED
    if arrivals:
        if slot[cell] >= 0 and here_event[slot[cell]] >= 0:
            counts[mind, here_event[slot[cell]]] += 1
        for j in range(always_ptr[x], always_ptr[x + 1]):
            counts[mind, always_event[j]] += 1
    after = x
    for v in range(move_chance.shape[0]):
        chance = move_chance[v, x]
        if chance > 0.0:
            after += move_delta[v, x] if uniform(key, t, DRIFT + v) < chance else 0
    return after, cell, event, _DIED if dead[after] else _ALIVE


@kernel
def live(
    level_key, individuals, mind, see, soft, bits, odds, start, steps, window, n_actions, slip,
    arrivals, neighbour, slot, start_x, start_p, use_row, use_event, use_ends, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, move_chance, move_delta, dead,
    counts, early, lifespan, record,
):  # fmt: skip
    """Live one life for each lane by its policy in ``bits`` or ``odds``, on one level.

    Args:
        level_key: the key of the level's lives; individuals: [n] their numbers in it.
        mind: [LANES] the row of the outputs that a lane writes, -1 for none.
        counts: [n, E] out: events of the whole life; early: of its first ``window`` steps.
        lifespan: [n] out: steps lived.
        record: [steps or 0, 4] out: x, cell, action and event of each step, where wanted.
    """
    for lane in range(LANES):
        i = mind[lane]
        if i < 0:
            continue
        key = draw(level_key, individuals[i])
        x, cell = pick(birth(key), start_x, start_p, 0, start_x.shape[0]), start
        for t in range(steps):
            action = choose(key, t, see[x], cell, lane, soft, bits, odds)
            if t < record.shape[0]:
                record[t, 0], record[t, 1], record[t, 2] = x, cell, action
            x, cell, event, fate = step(
                key, t, x, cell, action, n_actions, slip, arrivals, neighbour, slot, use_row,
                use_event, use_ends, outcome_ptr, outcome_x, outcome_p, here_event, always_ptr,
                always_event, move_chance, move_delta, dead, counts, i,
            )  # fmt: skip
            lifespan[i] = t + 1
            if t < record.shape[0]:
                record[t, 3] = event
            if t == window - 1 or (fate != _ALIVE and t < window):
                for e in range(counts.shape[1]):
                    early[i, e] = counts[i, e]
            if fate != _ALIVE:
                break


@inlined
def novelty_of(now, visited):
    """1 - 1/c, c the steps since the last visit; 1 where there was none (model 2, novelty)."""
    return 1.0 if visited < 0 else 1.0 - 1.0 / (now - visited)


@kernel
def foresee_novelty(t, visited, weight, novelty):
    """novelty[cell, lane]: what arriving at the cell by step t would be worth."""
    for c in range(visited.shape[0]):
        for lane in range(LANES):
            novelty[c, lane] = weight[lane] * np.float32(novelty_of(t + 1, visited[c, lane]))


@kernel
def live_one_step(
    t, xs, cells, fates, visited,
    level_key, individuals, mind, see, soft, bits, odds, start, window, n_actions, slip, arrivals,
    neighbour, slot, start_x, start_p, use_row, use_event, use_ends, outcome_ptr, outcome_x,
    outcome_p, here_event, always_ptr, always_event, move_chance, move_delta, dead,
    counts, early, lifespan, record, novelty,
):  # fmt: skip
    """Step t of the lives of minds that plan anew every step; t = -1 is birth.

    As :func:`live`, with the state of each lane in xs, cells, fates [LANES] and
    visited [C, LANES] (time of the last visit, -1: none); adds to novelty[n].
    Returns how many go on.
    """
    alive = 0
    if t < 0:
        visited[:] = -1
    for lane in range(LANES):
        i = mind[lane]
        if t < 0:
            fates[lane] = _DIED
            cells[lane] = start
            visited[start, lane] = 0
            if i >= 0:
                fates[lane] = _ALIVE
                u = birth(draw(level_key, individuals[i]))
                xs[lane] = pick(u, start_x, start_p, 0, start_x.shape[0])
        elif fates[lane] == _ALIVE:
            key = draw(level_key, individuals[i])
            x, cell = xs[lane], cells[lane]
            action = choose(key, t, see[x], cell, lane, soft, bits, odds)
            if t < record.shape[0]:
                record[t, 0], record[t, 1], record[t, 2] = x, cell, action
            x, cell, event, fate = step(
                key, t, x, cell, action, n_actions, slip, arrivals, neighbour, slot, use_row,
                use_event, use_ends, outcome_ptr, outcome_x, outcome_p, here_event, always_ptr,
                always_event, move_chance, move_delta, dead, counts, i,
            )  # fmt: skip
            if t < record.shape[0]:
                record[t, 3] = event
            if fate != _ENDED:
                novelty[i] += novelty_of(t + 1, visited[cell, lane])
                visited[cell, lane] = t + 1
            xs[lane], cells[lane], fates[lane] = x, cell, fate
            lifespan[i] = t + 1
            if t < window:
                for e in range(counts.shape[1]):
                    early[i, e] = counts[i, e]
        if fates[lane] == _ALIVE:
            alive += 1
    return alive
