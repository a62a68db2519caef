"""Any policy, measured as evolved minds are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.api._arguments import accepting, read_scenario, seed_of
from evosim.engine.files import as_json, or_elsewhere, put
from evosim.errors import Argument, EvosimError, whole_number
from evosim.execution.runner import finite
from evosim.mind.policies import Reader
from evosim.plot.drawing import FORMATS, write_all
from evosim.policy.measure import LIVES, Question, describe, measure
from evosim.process import place
from evosim.world.observations import Observer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evosim.scenario import Scenario, Settings
    from evosim.world.observations import Observation


class MeasuredPolicy:
    """What a policy comes to (docs/agents.md).

    Attributes:
        summary: plain numbers, None where a number is not defined.

    Example:
        >>> import evosim, numpy as np
        >>> always_use = np.full(49 * 2, 5)  # an action for each state
        >>> found = evosim.measure_policy(always_use, "strawberry", obs="state", seed=1, levels=2)
        >>> found.summary["exact"], found.summary["environments"]["day"]["optimal_payoff"] > 0
        (True, True)
    """

    def __init__(self, summary: dict[str, Any]) -> None:
        self.summary = summary

    @property
    def text(self) -> str:
        """The numbers for people."""
        return describe(self.summary)

    @property
    def verdict(self) -> str | None:
        """That of the first flip; None where nothing flips."""
        flips = self.summary["flips"]
        return flips[0]["verdict"] if flips else None

    def to_json(self) -> str:
        """The numbers as JSON.

        Example:
            >>> import evosim, numpy as np
            >>> found = evosim.measure_policy(np.full(98, 5), "strawberry", obs="state", levels=1)
            >>> found.to_json()[:1]
            '{'
        """
        return as_json(self.summary, indent=2)

    def save(self, path: str | Path) -> Path:
        """Write the numbers to a file.

        Raises:
            EvosimError: it cannot be written.

        Example:
            >>> import evosim, numpy as np
            >>> found = evosim.measure_policy(np.full(98, 5), "strawberry", obs="state", levels=1)
            >>> found.save("always_use.json").name
            'always_use.json'
        """
        where = place(path)
        with or_elsewhere("path"):
            put(where, f"{self.to_json()}\n".encode())
        return where

    def figure(self) -> Figure:
        """Payoffs and goals in each environment, in memory.

        Example:
            >>> import evosim, numpy as np
            >>> evosim.measure_policy(np.full(98, 5), "strawberry", obs="state", levels=1).figure()
            <Drawing size ... Axes>
        """
        from evosim.plot import policy

        return policy.figure(self.summary)

    @accepting
    def plot(self, folder: str | Path, *, formats: Sequence[str] = FORMATS) -> list[Path]:
        """Draw the figure into a folder.

        Args:
            folder: where.
            formats: of svg, png, pdf.

        Raises:
            EvosimError: an unknown format, or a place that cannot be written.

        Example:
            >>> import evosim, numpy as np
            >>> found = evosim.measure_policy(np.full(98, 5), "strawberry", obs="state", levels=1)
            >>> [path.name for path in found.plot("drawn", formats=["svg"])]
            ['policy.svg']
        """
        title = f"{self.summary['title']}: a policy"
        with or_elsewhere("folder"):
            return write_all([("policy", title, self.figure())], place(folder), formats)

    def __repr__(self) -> str:
        of = f"{self.summary['scenario']!r}: {self.verdict or 'no flip'}"
        return f"<MeasuredPolicy in {of}>"


@accepting
def measure_policy(
    policy: Any,
    scenario: Scenario | str | Path,
    *,
    obs: Observation = "felt",
    senses: Sequence[str] = (),
    levels: int | None = None,
    seed: int | None = 1,
    settings: Settings = (),
    reward: Mapping[str, float] | None = None,
    flip: tuple[str, str] | None = None,
    logits: bool = False,
    deterministic: bool = False,
    lifetimes: int = LIVES,
    stances: bool = True,
) -> MeasuredPolicy:
    """Measure any policy as evolved minds are measured: exactly, on levels that no run trains on.

    A policy that depends on the state, or on what it sees of it, is asked once about all states,
    and is then a table of which all expectations are exact. One with a memory lives sampled lives,
    and all that is told of it has intervals.

    Args:
        policy: an array, [S] of actions or [S, A], [L, S, A] (by level) or [T, S, A] (by age) of
            their chances, state x * C + cell, with or without the dead state; a function of
            a batch of observations [B, ...] that returns actions [B] or chances [B, A]; a pair
            (apply, params), called apply(params, observations); an object with ``predict``
            as of Stable-Baselines3, of which the distribution is taken where it gives one; a
            module of torch; an object with ``reset(n)`` and ``act(observations)``, which may
            remember; a mapping of all environments to such policies; or a list of policies, as of
            several seeds, over which there are intervals.
        scenario: a scenario, the id of one of the catalogue, or the path of a file.
        obs, senses: what the policy sees (:class:`evosim.world.observations.Observer`); arrays are
            by state, whatever it is.
        levels: how many; as many as the scenario probes if None.
        seed: the levels are those that the first replicate of a run with this seed is probed on;
            drawn by the operating system if None.
        settings: changes of the scenario, see :func:`evosim.run`.
        reward: worth of stimuli and payoffs by which capability goes, as that which it was trained
            on. None: by MEG for whatever it is most directed at.
        flip: two environments to judge between; None: the flips of the timeline.
        logits: whether what is returned are logits.
        deterministic: whether only the likeliest actions are taken.
        lifetimes: on each level, of a policy with a memory.
        stances: whether it is weighed if it plans, which takes most of the time.

    Returns:
        The numbers in ``summary``, ``text``, ``verdict`` and ``figure()``.

    Raises:
        EvosimError: something is no policy, has another shape or gives chances that do not sum to
            1; no such observation, environment or stimulus.

    Example:
        >>> import evosim, numpy as np
        >>> def at_random(observations):
        ...     return np.full((len(observations), 6), 1 / 6)
        >>> found = evosim.measure_policy(at_random, "strawberry", levels=4)
        >>> round(found.summary["environments"]["day"]["alignment"], 12)
        0.0
        >>> found.verdict
        'mixed'
    """
    n = {} if levels is None else {"measure.levels": whole_number("levels", levels, 1)}
    read = read_scenario(scenario, settings)
    read = read_scenario(read, n) if n else read
    pair: object = flip
    if pair is not None and not (
        isinstance(pair, list | tuple) and len(pair) == 2 and pair[0] != pair[1]
    ):
        raise EvosimError(Argument("flip", pair), ": two environments are needed")
    worths: object = reward
    if worths is not None and not (isinstance(worths, Mapping) and any(worths.values())):
        raise EvosimError(
            Argument("reward", reward), ": a mapping of names to numbers, not all 0, is needed"
        )
    asked = Question(
        scenario=read, seed=seed_of(seed), reward=reward, flip=flip,
        lives=whole_number("lifetimes", lifetimes, 2), stances=stances,
    )  # fmt: skip
    reader = Reader(Observer(read, obs, senses), logits=logits, greedy=deterministic)
    several = list(policy) if isinstance(policy, list) else [policy]
    if not several:
        raise EvosimError(Argument("policy", policy), ": no policy")
    return MeasuredPolicy(finite(measure(several, reader, asked)))
