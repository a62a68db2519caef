"""A lifetime as a row of scenes: what a replay shows after each step, whatever shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from evosim.plot.episode import Episode

DONE = ("goes north", "goes south", "goes west", "goes east")


class Gauge(NamedTuple):
    """The value of a state variable, 0 .. size - 1."""

    name: str
    value: int
    size: int


class Scene(NamedTuple):
    """The world after so many steps of a lifetime."""

    step: int
    cell: int
    x: int
    did: str
    """The last action, in words; empty at birth."""
    events: tuple[tuple[int, str], ...]
    """What happened last, each with the step it ended and what it yields; the newest first."""
    gauges: tuple[Gauge, ...]
    """The variables that the scenario declares."""
    payoffs: tuple[tuple[str, float], ...]
    """Each payoff paid so far."""
    reward: float
    """Internal reward felt so far."""
    trail: tuple[int, ...]
    """The last cells, the present one last."""
    last: bool

    @property
    def fresh(self) -> int:
        """How many of the events happened in the last step."""
        return sum(step == self.step for step, _ in self.events)


TRAIL = 10
"""Steps that the trail shows."""
EVENTS = 5
"""Events that are told, at most."""


def scenes(episode: Episode, *, most: int | None = None) -> list[Scene]:
    """The scenes of a lifetime, from birth to its end.

    Args:
        most: at most so many, evenly chosen, birth and end among them; None: one for each step.
    """
    steps = range(episode.lifespan + 1)
    if most is not None and len(steps) > most:
        last = episode.lifespan
        steps = sorted({round(n * last / (most - 1)) for n in range(most)})  # type: ignore[assignment]
    return [_scene(episode, step) for step in steps]


def _scene(episode: Episode, step: int) -> Scene:
    moments = episode.moments
    names = episode.environment.payoffs
    if step == 0:
        first = moments[0] if moments else None
        cell = first.cell if first else int(episode.levels.start[0])
        x, did, reward = (first.x if first else 0), "", 0.0
        paid: Sequence[float] = [0.0] * len(names)
    else:
        moment = moments[step - 1]
        cell, x, did = moment.cell_after, moment.x_after, _did(episode, step - 1)
        reward = float(episode.reward[step - 1])
        paid = [float(amount) for amount in episode.payoffs[step - 1]]
    values = episode.values(x)
    since = max(0, step - TRAIL)
    trail = [m.cell for m in moments[since:step]] + [cell]
    return Scene(
        step=step,
        cell=cell,
        x=x,
        did=did,
        events=_latest(episode, step),
        gauges=tuple(
            Gauge(name, values[name], variable.values)
            for name, variable in episode.world.variables.items()
        ),
        payoffs=tuple(zip(names, paid, strict=True)),
        reward=reward,
        trail=tuple(trail),
        last=step == episode.lifespan,
    )


def _did(episode: Episode, step: int) -> str:
    moment = episode.moments[step]
    if moment.action < len(DONE):
        blocked = moment.cell_after == moment.cell
        return f"{DONE[moment.action]}{', in vain' if blocked else ''}"
    if moment.action < episode.environment.n_actions - 1:
        return "stays"
    site = episode.sites.get(moment.cell)
    if site is None:
        return "uses nothing"
    used = any(episode.environment.events[e].startswith(f"{site[0]}.") for e in moment.events)
    return f"uses {site[0]}{'' if used else ', in vain'}"


def _latest(episode: Episode, step: int) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for t in range(step - 1, -1, -1):
        found += [(t + 1, _told(episode, event)) for event in reversed(episode.moments[t].events)]
        if len(found) >= EVENTS:
            break
    return tuple(found[:EVENTS])


def _told(episode: Episode, event: int) -> str:
    """An event and what it pays, as ``mate.court: children +1``."""
    phi = episode.environment.phi[event, episode.environment.paid]
    paid = [
        f"{name} {amount:+.3g}"
        for name, amount in zip(episode.environment.payoffs, phi, strict=True)
        if amount
    ]
    name = episode.environment.events[event]
    return f"{name}: {', '.join(paid)}" if paid else name
