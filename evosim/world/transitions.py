"""One level of an environment as one sparse matrix, for what asks about all of it at once.

The tables of an environment are made for planning; linear algebra wants the Markov decision
process itself: where each action leads from each state, and what is felt and paid on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.world.environment import Environment
from evosim.world.levels import Levels

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ROUNDING = 1e-12
"""A chance of death below this is what sums of floats leave over."""


def transitions(env: Environment, levels: Levels, i: int) -> tuple[csr_matrix, NDArray[np.float64]]:
    """A level as a Markov decision process.

    A state's number is x * C + cell (C cells); the row of a state and an action is state * A +
    action. S states stand for the living; column S is death, by a fatal value or a use that
    ends the life. Nobody stands at a fatal value: from there all actions lead to death. Age is
    no part of a state.

    Args:
        env: the environment, as it is.
        levels: of it.
        i: which of them.

    Returns:
        chances: [S * A, S + 1], rows sum to 1.
        features: [S * A, F] what one step is expected to bring of each feature (stimuli,
            payoffs, looks), in all that it touches: the use, `here` and `always`.
    """
    from scipy import sparse

    t = env.tables
    n_states = env.n_x * env.n_cells
    middle, used = _actions(env, levels, i)
    drift = _drift(env)
    living = middle @ drift
    living.data[np.abs(living.data) < ROUNDING] = 0.0
    living.eliminate_zeros()
    died = 1.0 - np.asarray(living.sum(axis=1)).ravel()
    died[died < ROUNDING] = 0.0
    chances = sparse.hstack([living, sparse.csr_matrix(died[:, None])], format="csr")
    features = used + middle @ _arriving(env, levels, i)
    nobody = np.repeat(t.dead.astype(bool), env.n_cells * env.n_actions)
    features[nobody] = 0.0
    keep = sparse.diags((~nobody).astype(np.float64))
    at_death = sparse.csr_matrix(
        (np.ones(nobody.sum()), (np.flatnonzero(nobody), np.full(nobody.sum(), n_states))),
        shape=chances.shape,
    )
    return sparse.csr_matrix(keep @ chances + at_death), features


def _actions(env: Environment, levels: Levels, i: int) -> tuple[csr_matrix, NDArray[np.float64]]:
    """From a state and an action to the state in the middle of the step, and what a use brings.

    Rows of uses that can end the life sum to less than 1 (model 1, order of one step).
    """
    from scipy import sparse

    t, n_cells, n_actions = env.tables, env.n_cells, env.n_actions
    cells = np.arange(n_cells)
    neighbour, slot = levels.neighbour[i], levels.slot[i]
    rows, columns, chances = [], [], []
    features = np.zeros((env.n_x * n_cells * n_actions, env.phi.shape[1]))

    def add(x: int, action: int, to: NDArray[np.integer], p: float) -> None:
        rows.append((x * n_cells + cells) * n_actions + action)
        columns.append(x * n_cells + to)
        chances.append(np.full(n_cells, p))

    for x in range(env.n_x):
        for action in range(4):
            add(x, action, neighbour[:, action], 1.0 - t.slip)
            for strays in range(4) if t.slip > 0.0 else ():
                add(x, action, neighbour[:, strays], 0.25 * t.slip)
        if t.stay:
            add(x, 4, cells, 1.0)
        row_of = np.where(slot >= 0, t.use_row[slot, x], -1)
        for cell in cells:
            row, at = row_of[cell], (x * n_cells + cell) * n_actions + n_actions - 1
            if row < 0:  # a wasted step
                to, p = np.array([x]), np.ones(1)
            else:
                span = slice(t.outcome_ptr[row], t.outcome_ptr[row + 1])
                to, p = t.outcome_x[span], t.outcome_p[span] * (1.0 - t.use_ends[row])
                features[at] = env.phi[t.use_event[row]]
            rows.append(np.full(len(to), at))
            columns.append(to * n_cells + cell)
            chances.append(p)
    shape = (env.n_x * n_cells * n_actions, env.n_x * n_cells)
    entries = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_matrix((np.concatenate(chances), entries), shape=shape), features


def _drift(env: Environment) -> csr_matrix:
    """From the middle of a step to its end, [S, S]; what is missing from a row has died."""
    from scipy import sparse

    t = env.tables
    over_x = sparse.csr_matrix((t.drift_p, t.drift_x, t.drift_ptr), shape=(env.n_x, env.n_x))
    return sparse.csr_matrix(sparse.kron(over_x, sparse.identity(env.n_cells)))


def _arriving(env: Environment, levels: Levels, i: int) -> NDArray[np.float64]:
    """What is felt and paid of `here` and `always` in the middle of a step, [S, F]."""
    t = env.tables
    here = np.zeros((env.n_cells, env.phi.shape[1]))
    slot = levels.slot[i]
    for cell in np.flatnonzero(slot >= 0):
        if t.here_event[slot[cell]] >= 0:
            here[cell] = env.phi[t.here_event[slot[cell]]]
    always = np.zeros((env.n_x, env.phi.shape[1]))
    for x in range(env.n_x):
        for event in t.always_event[t.always_ptr[x] : t.always_ptr[x + 1]]:
            always[x] += env.phi[event]
    return (always[:, None] + here[None]).reshape(-1, env.phi.shape[1])
