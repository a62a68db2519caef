"""A lifetime as a row of frames: what a replay shows after each step, whatever shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from evosim.plot.episode import Episode

ACTION_TEXTS = ("goes north", "goes south", "goes west", "goes east")


class Gauge(NamedTuple):
    """The value of a state variable, 0 .. size - 1."""

    name: str
    value: int
    size: int


class Frame(NamedTuple):
    """The world after so many steps of a lifetime."""

    step: int
    cell: int
    x: int
    action: str
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
    def new_events(self) -> int:
        """How many of the events happened in the last step."""
        return sum(step == self.step for step, _ in self.events)


TRAIL = 10
"""Steps that the trail shows."""
EVENTS = 5
"""Events that are told, at most."""


def frames_of(episode: Episode, *, most: int | None = None) -> list[Frame]:
    """The frames of a lifetime, from birth to its end.

    Args:
        most: at most so many, evenly chosen, birth and end among them; None: one for each step.
    """
    steps = range(episode.lifespan + 1)
    if most is not None and len(steps) > most:
        last = episode.lifespan
        steps = sorted({round(n * last / (most - 1)) for n in range(most)})  # type: ignore[assignment]
    return [_frame(episode, step) for step in steps]


def _frame(episode: Episode, step: int) -> Frame:
    steps = episode.steps
    names = episode.environment.payoffs
    if step == 0:
        first = steps[0] if steps else None
        cell = first.cell if first else int(episode.levels.start[0])
        x, action, reward = (first.x if first else 0), "", 0.0
        paid: Sequence[float] = [0.0] * len(names)
    else:
        record = steps[step - 1]
        cell, x, action = record.cell_after, record.x_after, _action_text(episode, step - 1)
        reward = float(episode.reward[step - 1])
        paid = [float(amount) for amount in episode.payoffs[step - 1]]
    values = episode.values(x)
    since = max(0, step - TRAIL)
    trail = [m.cell for m in steps[since:step]] + [cell]
    return Frame(
        step=step,
        cell=cell,
        x=x,
        action=action,
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


def _action_text(episode: Episode, step: int) -> str:
    record = episode.steps[step]
    if record.action < len(ACTION_TEXTS):
        blocked = record.cell_after == record.cell
        return f"{ACTION_TEXTS[record.action]}{', in vain' if blocked else ''}"
    if record.action < episode.environment.n_actions - 1:
        return "stays"
    site = episode.sites.get(record.cell)
    if site is None:
        return "uses nothing"
    used = any(episode.environment.events[e].startswith(f"{site[0]}.") for e in record.events)
    return f"uses {site[0]}{'' if used else ', in vain'}"


def _latest(episode: Episode, step: int) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for t in range(step - 1, -1, -1):
        found += [
            (t + 1, _event_text(episode, event)) for event in reversed(episode.steps[t].events)
        ]
        if len(found) >= EVENTS:
            break
    return tuple(found[:EVENTS])


def _event_text(episode: Episode, event: int) -> str:
    """An event and what it pays, as ``mate.court: children +1``."""
    phi = episode.environment.phi[event, episode.environment.paid]
    paid = [
        f"{name} {amount:+.3g}"
        for name, amount in zip(episode.environment.payoffs, phi, strict=True)
        if amount
    ]
    name = episode.environment.events[event]
    return f"{name}: {', '.join(paid)}" if paid else name
