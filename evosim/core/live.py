"""Sampled lifetimes: every draw a function of the life's key (model 1, 5)."""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined, kernel
from evosim.core.rng import CHOICE, DIRECTION, DRIFT, ENDS, OUTCOME, SLIP, birth, draw, uniform
from evosim.core.structs import LANES, Level, Policy, WorldTables

NO_EVENT = -1
ENDED, DIED, ALIVE = -1, 0, 1  # ended by a use in mid-step; dead at its end; going on

# The actions in each set of up to 6 actions, by the bits of the set: the n-th of those that tie is
# looked up and not counted out bit by bit.
_ACTIONS = tuple(tuple(a for a in range(6) if bits >> a & 1) for bits in range(64))
_HOW_MANY = np.array([float(len(actions)) for actions in _ACTIONS])
_NTH = np.array([(*actions, *[0] * (6 - len(actions))) for actions in _ACTIONS], np.uint8)


@inlined
def sample(u, xs, ps, begin, end):
    """Inverse distribution function: the x at which the cumulated ps pass u."""
    total = 0.0
    # Not beyond the last but one: rounded, the ps may add up to less than u.
    for j in range(begin, end - 1):
        total += ps[j]
        if u < total:
            return xs[j]
    return xs[end - 1]


@inlined
def choose(policy, key, t, x, cell, lane):
    """The action taken at step t by a lane in the state (x, cell), which it may mistake."""
    x = policy.observed[x]
    if not policy.soft:
        best = np.int64(policy.greedy[x, cell, lane])
        # No draw where there is no tie. Draws have slots of their own, so to leave one out
        # changes no other (model 5).
        if best & (best - 1) == 0:
            return np.int64(_NTH[best, 0])
        return np.int64(_NTH[best, int(uniform(key, t, CHOICE) * _HOW_MANY[best])])
    boltzmann = policy.boltzmann
    n_actions = boltzmann.shape[2]
    # The factors are not normalised: the draw is scaled instead, one product and not six.
    total = 0.0
    for a in range(n_actions):
        total += np.float64(boltzmann[x, cell, a, lane])
    u = uniform(key, t, CHOICE) * total
    cumulated = 0.0
    for a in range(n_actions - 1):
        cumulated += np.float64(boltzmann[x, cell, a, lane])
        if u < cumulated:
            return a
    return n_actions - 1


@inlined
def step(world, level, key, t, x, cell, action, counts, mind):
    """One step of the world in the order of model 1; adds to counts[mind, event].

    Returns:
        x, cell: the state after it.
        event: the use rule that fired, or NO_EVENT.
        fate: ENDED, DIED or ALIVE.
    """
    neighbour, slot = level.neighbour, level.slot
    event = NO_EVENT
    if world.slip > 0.0 and action < 4 and uniform(key, t, SLIP) < world.slip:
        action = np.int64(4.0 * uniform(key, t, DIRECTION))
    # `& 3` tells the compiler that the index is not negative: no test for one counted from the end.
    cell = np.int64(neighbour[cell, action & 3]) if action < 4 else cell
    # First whether anything is there, which can be predicted where actions are drawn at random.
    if slot[cell] >= 0 and action == world.n_actions - 1:
        row = world.use_row[slot[cell], x]
        if row >= 0:
            event = world.use_event[row]
            counts[mind, event] += 1
            begin, end = world.outcome_ptr[row], world.outcome_ptr[row + 1]
            x = world.outcome_x[begin]
            if end - begin > 1:
                u = uniform(key, t, OUTCOME)
                x = sample(u, world.outcome_x, world.outcome_p, begin, end)
            ends = world.use_ends[row]
            if ends > 0.0 and uniform(key, t, ENDS) < ends:
                return x, cell, event, ENDED
    if world.arrivals:
        if slot[cell] >= 0 and world.here_event[slot[cell]] >= 0:
            counts[mind, world.here_event[slot[cell]]] += 1
        for j in range(world.always_ptr[x], world.always_ptr[x + 1]):
            counts[mind, world.always_event[j]] += 1
    # Every drift is read off the state before any of them (model 1, Choice, simultaneous drift).
    # x is a mixed-radix number, so that the moves of several variables add up.
    after = x
    for v in range(world.move_chance.shape[0]):
        chance = world.move_chance[v, x]
        if chance > 0.0:
            after += world.move_delta[v, x] if uniform(key, t, DRIFT + v) < chance else 0
    return after, cell, event, DIED if world.dead[after] else ALIVE


@kernel
def live(
    n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr, drift_x, drift_p,
    move_chance, move_delta, dead,
    neighbour, slot, distance, start,
    observed, soft, greedy, boltzmann,
    level_key, individuals, mind, window, seen, counts, paid, lifespan, last, actions,
    steps,
):  # fmt: skip
    """Live one life for each lane by its policy, on one level.

    Args:
        steps: the age T at which every life ends; for the others see
            :class:`evosim.core.structs.Lives`.
    """
    world = WorldTables(
        n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr,
        drift_x, drift_p, move_chance, move_delta, dead,
    )  # fmt: skip
    level = Level(neighbour, slot, distance, start)
    policy = Policy(observed, soft, greedy, boltzmann)
    for lane in range(LANES):
        i = mind[lane]
        if i < 0:
            continue
        key = draw(level_key, individuals[i])
        x, cell = sample(birth(key), start_x, start_p, 0, start_x.shape[0]), start
        for t in range(steps):
            action = choose(policy, key, t, x, cell, lane)
            if t < actions.shape[0]:
                actions[t] = action
            to = paid if t < window and seen[x] else counts
            x, cell, _, fate = step(world, level, key, t, x, cell, action, to, i)
            lifespan[i] = t + 1
            if fate != ALIVE:
                break
        last[i] = x


@kernel
def live_one_step(
    n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr, drift_x, drift_p,
    move_chance, move_delta, dead,
    neighbour, slot, distance, start,
    observed, soft, greedy, boltzmann,
    level_key, individuals, mind, window, seen, counts, paid, lifespan, last, actions,
    t, xs, cells, fates,
):  # fmt: skip
    """Step t of the lives of minds that plan anew every step; t = -1 is birth.

    As :func:`live`, with the state of each lane in xs, cells and fates [LANES]; a fate is ENDED
    where the lane arrived nowhere in this step. Returns how many go on.
    """
    world = WorldTables(
        n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr,
        drift_x, drift_p, move_chance, move_delta, dead,
    )  # fmt: skip
    level = Level(neighbour, slot, distance, start)
    policy = Policy(observed, soft, greedy, boltzmann)
    alive = 0
    for lane in range(LANES):
        i = mind[lane]
        if t < 0:
            fates[lane] = ENDED
            cells[lane] = start
            if i >= 0:
                fates[lane] = ALIVE
                u = birth(draw(level_key, individuals[i]))
                xs[lane] = sample(u, start_x, start_p, 0, start_x.shape[0])
        # A life is a function of its key (model 5), so that nothing but the state is carried from
        # step to step.
        elif fates[lane] == ALIVE:
            key = draw(level_key, individuals[i])
            x, cell = xs[lane], cells[lane]
            action = choose(policy, key, t, x, cell, lane)
            if t < actions.shape[0]:
                actions[t] = action
            to = paid if t < window and seen[x] else counts
            x, cell, _, fate = step(world, level, key, t, x, cell, action, to, i)
            xs[lane], cells[lane], fates[lane] = x, cell, fate
            lifespan[i], last[i] = t + 1, x
        else:
            fates[lane] = ENDED  # it died in an earlier step
        if fates[lane] == ALIVE:
            alive += 1
    return alive


@kernel
def follow(
    n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends, outcome_ptr,
    outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr, drift_x, drift_p,
    move_chance, move_delta, dead,
    neighbour, slot, distance, start,
    key, actions, xs, cells, uses, counts,
):  # fmt: skip
    """The life of a key through given actions, with all that happens in each step.

    Args:
        key: of the life.
        actions: [T] of each step.
        xs, cells: [T + 1] out: the states, from birth to the one after the last step.
        uses: [T] out: the use rule that fired, or NO_EVENT.
        counts: [T, E] out: the events.

    Returns:
        the steps until it ends, and how: ENDED, DIED or ALIVE.
    """
    world = WorldTables(
        n_actions, stay, slip, arrivals, start_x, start_p, use_row, use_event, use_ends,
        outcome_ptr, outcome_x, outcome_p, here_event, always_ptr, always_event, drift_ptr,
        drift_x, drift_p, move_chance, move_delta, dead,
    )  # fmt: skip
    level = Level(neighbour, slot, distance, start)
    x, cell = sample(birth(key), start_x, start_p, 0, start_x.shape[0]), start
    xs[0], cells[0] = x, cell
    for t in range(actions.shape[0]):
        # A row of counts for each step in place of each mind: the same step as in `live`.
        x, cell, uses[t], fate = step(world, level, key, t, x, cell, actions[t], counts, t)
        xs[t + 1], cells[t + 1] = x, cell
        if fate != ALIVE:
            return t + 1, fate
    return actions.shape[0], ALIVE
