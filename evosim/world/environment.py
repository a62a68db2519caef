"""One environment of a scenario, compiled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.scenario.values import bounds
from evosim.world.identity_cache import by_identity
from evosim.world.levels import DIRECTIONS, geometry
from evosim.world.tables import Tables, compile_tables, event_features

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World


class Environment:
    """A compiled environment: its tables, events and features, made when first asked for.

    Attributes:
        name: the environment's name in the scenario.
        world: the scenario's world under the environment's overrides.
        stimuli, payoffs, looks: the names behind the F features, in this order.
        paid: the columns of phi that are payoffs.
        events: event names; an event's number is its place.
        phi: [E, F] features of each event, float64.
        hidden: names of the hidden variables; bit i of a mind's senses is hidden[i].
        rows: of the scenario's tables; None where minds plan.

    Use :func:`environment`, which keeps one of each.

    >>> from evosim import scenario, world
    >>> env = world.environment(scenario.load("foraging"), "corridors")
    >>> env.phi.shape == (len(env.events), len(env.stimuli + env.payoffs + env.looks))
    True
    """

    def __init__(self, scenario: Scenario, name: str) -> None:
        self.name = name
        self.world: World = scenario.environment(name)
        self.stimuli = scenario.stimuli
        self.payoffs = scenario.payoffs
        self.looks = scenario.looks
        self.paid = slice(len(self.stimuli), len(self.stimuli) + len(self.payoffs))
        self.events, self.phi = event_features(scenario, self.world)
        self.hidden = tuple(n for n, v in self.world.variables.items() if v.hidden)
        self.rows = scenario.rows
        self._numbers = {event: i for i, event in enumerate(self.events)}
        self._copies = scenario.copies
        self._features = self.phi
        if self._copies is not None:
            self.events += self._more_events()
            self.phi = self._features_of(self.tables)
        self._minds: dict[tuple[str, int, bool], tuple[Tables, NDArray[np.float64]]] = {}

    @property
    def lifetime(self) -> int:
        """The age T at which every life ends, in steps."""
        return self.world.lifetime

    @property
    def n_cells(self) -> int:
        return len(geometry(self.world).cells)

    @cached_property
    def tables(self) -> Tables:
        """The environment as it is."""
        return compile_tables(self.world, events=self._numbers, copies=self._copies)

    def _more_events(self) -> tuple[str, ...]:
        """The names of the events by which rules and deaths that leave a boon are told apart."""
        assert self.tables.bequest is not None
        names: list[str] = []
        for i, source in enumerate(self.tables.bequest.like):
            name = self.events[source] if source >= 0 else "risk"
            names.append(f"{name}+{1 + list(self.tables.bequest.like[:i]).count(source)}")
        return tuple(names)

    def _features_of(self, tables: Tables) -> NDArray[np.float64]:
        """phi [E, F] of the events that tables name."""
        if tables.bequest is None:
            return self._features
        like = tables.bequest.like
        more = np.where(like[:, None] >= 0, self._features[like], 0.0)
        phi = np.concatenate([self._features, more])
        phi.flags.writeable = False
        return phi

    @property
    def n_x(self) -> int:
        return len(self.tables.observed)

    @property
    def n_actions(self) -> int:
        return self.tables.n_actions

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the actions, in their order."""
        return (*DIRECTIONS, *(("stay",) if self.tables.stay else ()), "use")

    def where(self, when: Mapping[str, int | tuple[int, int]]) -> NDArray[np.bool_]:
        """At which x every variable named has its value, or one within [lo, hi]: [n_x].

        >>> from evosim import scenario, world
        >>> env = world.environment(scenario.load("contraception"), "ancestral")
        >>> int(env.where({"energy": 0}).sum()) == env.n_x // 8  # energy has 8 values
        True
        """
        variables = self.world.state_variables
        values = np.unravel_index(np.arange(self.n_x), [v.values for v in variables] or [1])
        found = np.ones(self.n_x, np.bool_)
        for variable, value in zip(variables, values, strict=False):
            if variable.name in when:
                low, high = bounds(when[variable.name])
                found &= (low <= value) & (value <= high)
        return found

    def belief_tables(
        self, senses: int, believed: Environment | None = None, uncertain: bool = False
    ) -> tuple[Tables, NDArray[np.float64]]:
        """The tables by which a mind plans here, and the features of their events.

        What a mind is blind to, and what it believes, make other tables of the same shape, so that
        the planner is the same for all minds (docs/model.md, 2, senses and beliefs).

        Args:
            senses: bit i is set where the mind sees ``hidden[i]``.
            believed: the environment by whose rules the mind plans; this one if left out.
            uncertain: whether what the mind does not see stays where it is, wherever that is, and
                not where it is assumed to be.

        Returns:
            the tables, and phi [E, F] of the events that they name.

        Raises:
            EvosimError: the believed environment has other variables, or holds a start for fatal.
        """
        rules = believed or self
        key = (rules.name, senses, uncertain)
        if key not in self._minds:
            blind = frozenset(n for i, n in enumerate(self.hidden) if not senses >> i & 1)
            if rules is self and not blind:
                tables = self.tables
            else:
                tables = compile_tables(
                    rules.world,
                    self.world,
                    events=rules._numbers,
                    hidden=self.hidden,
                    blind_to=frozenset() if uncertain else blind,
                    uncertain=blind if uncertain else frozenset(),
                    lived=self.tables.live.tolist(),
                    copies=self._copies,
                )
            self._minds[key] = (tables, rules._features_of(tables))
        return self._minds[key]

    def __repr__(self) -> str:
        return f"Environment({self.name!r})"


@by_identity
def environment(scenario: Scenario, name: str) -> Environment:
    """The compiled environment of that name; one object for one scenario object.

    Raises:
        KeyError: no such environment.

    >>> from evosim import scenario, world
    >>> read = scenario.load("foraging")
    >>> world.environment(read, "corridors") is world.environment(read, "corridors")
    True
    """
    return Environment(scenario, name)
