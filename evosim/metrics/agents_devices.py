"""Agents and devices: is what somebody does better told as planning, or as reflexes?

Orseau, McGill & Legg 2018 (arXiv:1805.12387) put two mixtures side by side. An *agent* is told by
what it wants: a prior over rewards, and planning for each of them. A *device* is told by what it
does where: a table of reflexes that nobody knows, so a Bayesian mixture over all tables. Both have
the same prior chance, and Bayes' rule says what a trajectory makes of it.

A reflex need not be a table: in this model it climbs a scent. So half of the devices' prior
goes to the reflexes of the model, minds of depth 0 with drives of their own, and half to tables.
Only what is planned is then left to the agents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SLIPS = (0.001, 0.01, 0.03, 0.1, 0.3)
"""Chances that a step of a mind is any action at all, in place of its own choice; equally likely
before anything is seen. No observer knows drives so well that a mind is never surprising."""
PSEUDO_COUNT = 0.5
"""Of each action in each entry of a table (Krichevsky & Trofimov 1981)."""


class Stance(NamedTuple):
    """How the lives of one mind are told best.

    Attributes:
        agent: posterior chance that it plans; the prior is 1/2.
        reflex, table: the same of its being a reflex of the model, and a table; they sum to 1.
        nats: log odds of agent against device by step, what a step adds to the evidence.
    """

    agent: float
    reflex: float
    table: float
    nats: float


def design(dimensions: int, pairs: int) -> Floats:
    """Directions that fill the unit sphere evenly, the same every time, [n, dimensions].

    First both ends of every axis; then pairs of opposite points, from a Halton sequence
    (in two dimensions, equally spaced) by the inverse normal distribution. The mean is 0.
    """
    axes = np.eye(dimensions)
    ends = np.concatenate([axes, -axes])
    if dimensions == 1:
        return ends
    if dimensions == 2:
        angles = np.pi * (np.arange(pairs) + 0.5) / pairs
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        from scipy.special import ndtri
        from scipy.stats import qmc

        halton = qmc.Halton(dimensions, scramble=False)
        halton.fast_forward(1)  # the first point is 0, which has no direction
        points = ndtri(halton.random(pairs))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.concatenate([ends, points, -points])


def table_evidence(seen: NDArray[np.integer], actions: NDArray[np.integer], n: int) -> float:
    """Log evidence of the mixture over all tables from what is seen to chances of n actions.

    Every entry has a Dirichlet prior of :data:`PSEUDO_COUNT` each, and is independent of the
    others, so that the evidence is a product of Dirichlet-multinomials.

    Args:
        seen: [t] what is seen, numbered in any way; actions: [t] what is done there.
    """
    from scipy.special import gammaln

    _, entry = np.unique(seen, return_inverse=True)
    counts = np.zeros((entry.max(initial=-1) + 1, n))
    np.add.at(counts, (entry.ravel(), actions), 1.0)
    alone = gammaln(counts + PSEUDO_COUNT) - gammaln(PSEUDO_COUNT)
    total = gammaln(n * PSEUDO_COUNT) - gammaln(counts.sum(axis=1) + n * PSEUDO_COUNT)
    return float(alone.sum() + total.sum())


def mind_evidence(chances: Floats, n: int) -> Floats:
    """Log evidence of minds that slip at an unknown rate, [h].

    Args:
        chances: [h, t] what each mind's own policy gave the action that was taken.
        n: number of actions.
    """
    from scipy.special import logsumexp

    rates = np.array(SLIPS)[:, None, None]
    each = np.log((1.0 - rates) * chances + rates / n).sum(axis=2)
    return np.asarray(logsumexp(each, axis=0) - np.log(len(SLIPS)))


def compare(planners: Floats, reflexes: Floats, tables: Sequence[float], steps: int) -> Stance:
    """Weigh agents against devices.

    Args:
        planners, reflexes: log evidence of each mind that plans, and of each that does not.
        tables: log evidence of each kind of table.
        steps: how many steps were seen.
    """
    from scipy.special import logsumexp

    log_half = np.log(0.5)
    agent = _log_mean(planners)
    parts = np.array([_log_mean(reflexes) + log_half, _log_mean(np.array(tables)) + log_half])
    device = float(logsumexp(parts))
    everything = np.logaddexp(agent, device)
    reflex, table = np.exp(parts - everything)
    return Stance(
        float(np.exp(agent - everything)), float(reflex), float(table), (agent - device) / steps
    )


def posterior(planners: Floats, reflexes: Floats, which: NDArray[np.integer], n: int) -> Floats:
    """Posterior chance of each of n drives, [n], whether the mind plans or not.

    Every drive has the same prior, and of each drive planning has the same as not planning.

    Args:
        planners, reflexes: [n * k] log evidence of minds, k for each drive.
        which: the drives of the minds of ``planners`` and then of ``reflexes``.
    """
    from scipy.special import logsumexp

    weights = np.full(n, -np.inf)
    planned, plain = which[: len(planners)], which[len(planners) :]
    for drive in range(n):
        both = [_log_mean(planners[planned == drive]), _log_mean(reflexes[plain == drive])]
        weights[drive] = logsumexp(both)
    return np.asarray(np.exp(weights - logsumexp(weights)))


def _log_mean(logs: Floats) -> float:
    from scipy.special import logsumexp

    return float(logsumexp(logs) - np.log(len(logs)))
