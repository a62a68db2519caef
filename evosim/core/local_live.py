"""Lives in local worlds, sampled and expected (model 1, 4, 5): as live.py and exact.py."""

from __future__ import annotations

import numpy as np

from evosim.core.exact import action_probabilities, doubled, expected_visits
from evosim.core.jit import allocating, inlined, kernel
from evosim.core.live import ALIVE, DIED, ENDED, NO_EVENT, choose, sample
from evosim.core.local_plan import here_at, row_of_arrival, row_of_use
from evosim.core.rng import CHOICE, DIRECTION, ENDS, OUTCOME, SLIP, birth, draw, uniform
from evosim.core.structs import LANES

assert CHOICE == 0  # which `choose` draws


@inlined
def fire(local, key, t, row, slot, x_slot, counts, who):
    """What a rule that fires does, by its draws: x after it, and whether the life ends."""
    counts[who, local.row_event[row]] += 1
    begin, end = local.row_ptr[row], local.row_ptr[row + 1]
    x = np.int64(local.row_x[begin])
    if end - begin > 1:
        x = np.int64(sample(uniform(key, t, slot), local.row_x, local.row_p, begin, end))
    ends = local.row_ends[row]
    return x, ends > 0.0 and uniform(key, t, x_slot) < ends


@inlined
def step_local(local, level, key, t, x, cell, action, counts, who):
    """As :func:`evosim.core.live.step`: one step in the order of model 1."""
    event = NO_EVENT
    if local.slip > 0.0 and action < 4 and uniform(key, t, SLIP) < local.slip:
        action = np.int64(4.0 * uniform(key, t, DIRECTION))
    row = -1
    if action < 4:
        to = np.int64(level.neighbour[cell, action & 3])
        if to != cell:
            row = row_of_arrival(local, level.slot, x, to)
        cell = to
    elif action == local.n_actions - 1:
        row = row_of_use(local, level.slot, x, cell)
        if row >= 0:
            event = local.row_event[row]
    if row >= 0:
        x, ended = fire(local, key, t, row, OUTCOME, ENDS, counts, who)
        if ended:
            return x, cell, event, ENDED
    n_cells = level.slot.shape[0]
    for m in range(local.stride.shape[0]):
        at = x // local.stride[m] % local.places[m]
        if at < n_cells:
            n = level.walk_n[m, at, cell]
            if n > 1:
                u = uniform(key, t, local.walk_slot[m])
                to = sample(u, level.walk_to[m, at, cell], level.walk_p[m, at, cell], 0, n)
            else:
                to = level.walk_to[m, at, cell, 0]
            x += (np.int64(to) - at) * local.stride[m]
    for m in range(local.stride.shape[0]):
        row = local.meet[m, x]
        if row >= 0 and x // local.stride[m] % local.places[m] == cell:
            own = local.meet_slot + 2 * m
            x, ended = fire(local, key, t, row, own, own + 1, counts, who)
            if ended:
                return x, cell, event, ENDED
    count_felt(local, level, x, cell, 1, counts, who)
    # What each draw says, as a mixed-radix number: 0 for nothing, else the way that it goes.
    joint = 0
    for s in range(local.draw_ptr[x], local.draw_ptr[x + 1]):
        u = uniform(key, t, local.draw_slot[s])
        begin, end = local.way_ptr[s], local.way_ptr[s + 1]
        total, way = 0.0, 0
        for j in range(begin, end):
            total += local.way_p[j]
            if u < total:
                way = j - begin + 1
                break
        joint = joint * (end - begin + 1) + way
    after = np.int64(local.joint_x[local.joint_ptr[x] + joint])
    return after, cell, event, DIED if local.dead[after] else ALIVE


@inlined
def count_felt(local, level, x, cell, amount, counts, who):
    """Add to counts[who, event] what is felt where a step's action and movers have led."""
    for j in range(local.always_ptr[x], local.always_ptr[x + 1]):
        counts[who, local.always_event[j]] += amount
    event = here_at(local, level.slot, x, cell)
    if event >= 0:
        counts[who, event] += amount
    for g in range(local.field_event.shape[0]):
        event = local.field_event[g, cell]
        if event >= 0 and local.field_on[g, x]:
            counts[who, event] += amount


@kernel
def live_local(local, level, policy, lives, steps):
    """As :func:`evosim.core.live.live`: one life for each lane by its policy."""
    for lane in range(LANES):
        i = lives.mind[lane]
        if i < 0:
            continue
        key = draw(lives.level_key, lives.individuals[i])
        x = np.int64(sample(birth(key), local.start_x, local.start_p, 0, local.start_x.shape[0]))
        cell = np.int64(level.start)
        for t in range(steps):
            action = np.int64(choose(policy, key, t, x, cell, lane))
            if t < lives.actions.shape[0]:
                lives.actions[t] = action
            to = lives.paid if t < lives.window and lives.seen[x] else lives.counts
            x, cell, _, fate = step_local(local, level, key, t, x, cell, action, to, i)
            lives.lifespan[i] = t + 1
            if fate != ALIVE:
                break
        lives.last[i] = x


@kernel
def live_one_local_step(local, level, policy, lives, t, xs, cells, fates):
    """As :func:`evosim.core.live.live_one_step`: step t of minds that plan anew every step."""
    alive = 0
    for lane in range(LANES):
        i = lives.mind[lane]
        if t < 0:
            fates[lane] = ENDED
            cells[lane] = level.start
            if i >= 0:
                fates[lane] = ALIVE
                u = birth(draw(lives.level_key, lives.individuals[i]))
                xs[lane] = sample(u, local.start_x, local.start_p, 0, local.start_x.shape[0])
        elif fates[lane] == ALIVE:
            key = draw(lives.level_key, lives.individuals[i])
            x, cell = np.int64(xs[lane]), np.int64(cells[lane])
            action = np.int64(choose(policy, key, t, x, cell, lane))
            if t < lives.actions.shape[0]:
                lives.actions[t] = action
            to = lives.paid if t < lives.window and lives.seen[x] else lives.counts
            x, cell, _, fate = step_local(local, level, key, t, x, cell, action, to, i)
            xs[lane], cells[lane], fates[lane] = x, cell, fate
            lives.lifespan[i], lives.last[i] = t + 1, x
        else:
            fates[lane] = ENDED
        if fates[lane] == ALIVE:
            alive += 1
    return alive


@kernel
def retrace_local(local, level, key, actions, xs, cells, uses, counts):
    """As :func:`evosim.core.live.follow`: the life of a key through given actions."""
    x = np.int64(sample(birth(key), local.start_x, local.start_p, 0, local.start_x.shape[0]))
    cell = np.int64(level.start)
    xs[0], cells[0] = x, cell
    for t in range(actions.shape[0]):
        action = np.int64(actions[t])
        x, cell, uses[t], fate = step_local(local, level, key, t, x, cell, action, counts, t)
        xs[t + 1], cells[t + 1] = x, cell
        if fate != ALIVE:
            return t + 1, fate
    return actions.shape[0], ALIVE


@inlined
def put(xs, ps, n, x, p):
    """Add a chance to that of x; returns how many x there are. ps is 0 where x is not yet."""
    if p > 0.0:
        if ps[x] == 0.0:
            xs[n] = x
            n += 1
        ps[x] += p
    return n


@inlined
def put_row(local, row, xs, ps, n, p, amount, counts, who):
    """Add where a rule that fires with chance p leads; counts its event amount times p."""
    counts[who, local.row_event[row]] += amount * p
    lives = 1.0 - local.row_ends[row]
    for j in range(local.row_ptr[row], local.row_ptr[row + 1]):
        n = put(xs, ps, n, local.row_x[j], p * lives * local.row_p[j])
    return n


@inlined
def onward(local, level, cell, xs, ps, n, xs2, ps2, amount, counts, who):
    """Let movers walk and be met, from n states xs with chances ps [n_x] on a cell.

    Both pairs of arrays are used in turn. Events, those felt at the end too, are counted amount
    times. Returns how many states there are in the end, and whether they are in the second pair.
    """
    n_cells = level.slot.shape[0]
    n_movers = local.stride.shape[0]
    second = False
    for stage in range(2 * n_movers):
        m = stage % n_movers
        from_x, from_p = (xs2, ps2) if second else (xs, ps)
        to_x, to_p = (xs, ps) if second else (xs2, ps2)
        k = 0
        for i in range(n):
            x = np.int64(from_x[i])
            p = from_p[x]
            from_p[x] = 0.0
            at = x // local.stride[m] % local.places[m]
            if stage < n_movers:
                if at >= n_cells:
                    k = put(to_x, to_p, k, x, p)
                else:
                    for w in range(level.walk_n[m, at, cell]):
                        to = x + (level.walk_to[m, at, cell, w] - at) * local.stride[m]
                        k = put(to_x, to_p, k, to, p * level.walk_p[m, at, cell, w])
            elif at == cell and local.meet[m, x] >= 0:
                row = local.meet[m, x]
                k = put_row(local, row, to_x, to_p, k, p, amount, counts, who)
            else:
                k = put(to_x, to_p, k, x, p)
        n = k
        second = not second
    ends_x, ends_p = (xs2, ps2) if second else (xs, ps)
    if amount > 0.0:
        for i in range(n):
            x = np.int64(ends_x[i])
            count_felt(local, level, x, cell, amount * ends_p[x], counts, who)
    return n, second


@allocating
def expect_local(local, level, policy, mind, steps, part, counts, lifespan):
    """As :func:`evosim.core.exact.expect`: exact expectations for each lane by its policy."""
    n_x, n_cells, n_actions = policy.observed.shape[0], level.slot.shape[0], local.n_actions
    number = np.empty(n_x * n_cells, np.int32)
    states = np.empty(256, np.int32)
    sources = np.empty(1024, np.int32)
    targets = np.empty(1024, np.int32)
    weights = np.empty(1024, np.float64)
    chance = np.empty(n_actions)
    xs, xs2 = np.empty(n_x, np.int32), np.empty(n_x, np.int32)
    ps, ps2 = np.zeros(n_x), np.zeros(n_x)
    visits = np.zeros(1)
    for lane in range(mind.shape[0]):
        if mind[lane] < 0:
            continue
        who = mind[lane]
        number[:] = -1
        n_states = local.start_x.shape[0]
        while n_states > states.shape[0]:
            states = doubled(states)
        for j in range(n_states):
            states[j] = local.start_x[j] * n_cells + level.start
            number[states[j]] = j
        n_edges = 0
        # The states are gone through twice: to find them and the ways between them; and, when it
        # is known how often each is visited, to count what happens in a step from there.
        for counting in range(2):
            i = 0
            while i < n_states:
                x, cell = np.int64(states[i] // n_cells), np.int64(states[i] % n_cells)
                amount = visits[i] if counting else 0.0
                here = part[x]
                if counting:
                    lifespan[who, here] += amount
                action_probabilities(policy, x, cell, lane, chance)
                moving = chance[0] + chance[1] + chance[2] + chance[3]
                row_here = row_of_use(local, level.slot, x, cell)
                for way in range(5):
                    n = 0
                    if way < 4:
                        to = np.int64(level.neighbour[cell, way])
                        p = (1.0 - local.slip) * chance[way] + 0.25 * local.slip * moving
                        if to == cell or p <= 0.0:
                            continue
                        row = row_of_arrival(local, level.slot, x, to)
                        if row >= 0:
                            n = put_row(local, row, xs, ps, n, p, amount, counts[:, here], who)
                        else:
                            n = put(xs, ps, n, x, p)
                    else:
                        to = cell
                        for a in range(4):
                            if level.neighbour[cell, a] == cell:
                                p = (1.0 - local.slip) * chance[a] + 0.25 * local.slip * moving
                                n = put(xs, ps, n, x, p)
                        for a in range(4, n_actions):
                            if a == n_actions - 1 and row_here >= 0:
                                p = chance[a]
                                if p > 0.0:
                                    n = put_row(
                                        local, row_here, xs, ps, n, p, amount, counts[:, here], who
                                    )
                            else:
                                n = put(xs, ps, n, x, chance[a])
                    n, second = onward(
                        local, level, to, xs, ps, n, xs2, ps2, amount, counts[:, here], who
                    )
                    ends_x, ends_p = (xs2, ps2) if second else (xs, ps)
                    for m in range(n):
                        mid = np.int64(ends_x[m])
                        p = ends_p[mid]
                        ends_p[mid] = 0.0
                        if counting:
                            continue
                        for j in range(local.drift_ptr[mid], local.drift_ptr[mid + 1]):
                            s = local.drift_x[j] * n_cells + to
                            if number[s] < 0:
                                if n_states == states.shape[0]:
                                    states = doubled(states)
                                number[s] = n_states
                                states[n_states] = s
                                n_states += 1
                            if n_edges == targets.shape[0]:
                                sources, targets = doubled(sources), doubled(targets)
                                weights = doubled(weights)
                            sources[n_edges] = i
                            targets[n_edges] = number[s]
                            weights[n_edges] = p * local.drift_p[j]
                            n_edges += 1
                i += 1
            if not counting:
                visits = expected_visits(
                    local.start_p, steps, n_states, sources[:n_edges], targets[:n_edges],
                    weights[:n_edges],
                )  # fmt: skip
