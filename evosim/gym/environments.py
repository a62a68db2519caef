"""The worlds of scenarios as environments of Gymnasium (docs/gym.md).

What is of the world is in them: levels, sites, movers, fields, chance, death, what is felt and
paid, who watches. What belongs to the minds of evosim is not: drives, plans, beliefs, credence,
tools, novelty, corrections, copies, monitors. A rule that ``corrects`` counts the correction in its
variable, and changes no agent; a life that leaves a boon leaves it to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from evosim import scenario as scenarios
from evosim.core.stepping import INTENDED, INTERNAL, PAID, SELECTED
from evosim.errors import Argument, EvosimError, seed_number, whole_number
from evosim.gym.episodes import LEVELS, Episodes, Mixture, Reward
from evosim.world.observations import Observation, Observer

if TYPE_CHECKING:
    from evosim.scenario import Scenario, Settings

Outcome = tuple[float, int, float, bool]
"""One way that an action can go: its chance, the next state, the expected reward, whether it ends
the life."""


class _Shared:
    """What one environment and many side by side have in common."""

    episodes: Episodes

    @property
    def scenario(self) -> Scenario:
        return self.episodes.scenario

    @property
    def actions(self) -> tuple[str, ...]:
        """The name of each action."""
        return self.episodes.actions

    @property
    def channels(self) -> dict[str, tuple[str, ...]]:
        """What the first axis of each part of the observation is about."""
        return self.episodes.observer.channels

    @property
    def environment(self) -> Mixture:
        """The environment in which lives begin, or weights of several. It can be set: a flip holds
        for lives that begin after it."""
        return self.episodes.environment

    @environment.setter
    def environment(self, value: Mixture) -> None:
        self.episodes.environment = value

    @property
    def reward(self) -> Reward:
        """What is paid. It can be set, and holds from the next step on."""
        return self.episodes.reward

    @reward.setter
    def reward(self, value: Reward) -> None:
        self.episodes.reward = value


class Environment(_Shared, gymnasium.Env[Any, Any]):
    """One life after the other in an environment of a scenario; :func:`make` has the arguments.

    ``terminated`` is death, ``truncated`` the age at which every life ends. ``info`` has

    ============ ==================================================================================
    intended     what the step pays of the intended payoff
    selected     what it pays to selection: only where ``observed`` holds, and in the ``window``
    internal     what of the reward was felt, and not paid
    events       what happened, by name, and how often
    environment  in which this life is led
    level        the number of its level,
    level_seed   and its seed, with which ``evosim show`` and :func:`evosim.tensors` draw it
    life         the key of the life, with which :func:`evosim.core.retrace` lives it again
    watched      whether the step began watched; in scenarios with ``[deception]``
    ============ ==================================================================================

    ``reset(options={"level": 7})`` begins on a level of a number.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, episodes: Episodes, render_mode: str | None = None) -> None:
        self.episodes = episodes
        self.render_mode = render_mode
        self.action_space: spaces.Space[Any] = spaces.Discrete(len(episodes.actions))
        self.observation_space = _space(episodes.observer)
        self._all = np.ones(1, np.bool_)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        level, episodes = _level(options), self.episodes
        super().reset(seed=None if seed is None else seed_number(seed))
        if seed is not None or episodes.episode[0] < 0:
            # Without a seed one is drawn, once: episodes go on from it.
            drawn = self.np_random.integers(2**63) if seed is None else seed
            episodes.seed[0], episodes.episode[0] = drawn, -1
        episodes.begin(self._all, level)
        return self._look(), self._info()

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        episodes = self.episodes
        episodes.step([action], self._all)
        going = episodes.going
        died = bool(going.dies[0])
        aged = not died and bool(going.age[0] >= episodes.lifetime[0])
        return self._look(), float(going.sums[0, PAID]), died, aged, self._info()

    def _look(self) -> Any:
        seen = self.episodes.blank()
        self.episodes.look(self._all, seen)
        # A state is a plain number, as spaces have it.
        one = {part: value[0] for part, value in seen.items()}
        return self.episodes.observer.given(one)

    def _info(self) -> dict[str, Any]:
        episodes, going = self.episodes, self.episodes.going
        place = episodes.place(int(episodes.at[0]))
        happened = np.flatnonzero(going.counts[0])
        info = {
            "intended": float(going.sums[0, INTENDED]),
            "selected": float(going.sums[0, SELECTED]),
            "internal": float(going.sums[0, INTERNAL]),
            "events": {place.env.events[e]: int(going.counts[0, e]) for e in happened},
            "environment": place.env.name,
            "level": int(episodes.numbers[going.level[0]]),
            # Of 64 bits: as plain numbers they do not fit in the arrays in which Gymnasium's own
            # vectors of environments gather what each has told.
            "level_seed": episodes.level_seed[0],
            "life": going.life[0],
        }
        if self.scenario.deception is not None:
            info["watched"] = bool(episodes.watched[0])
        return info

    @property
    def P(self) -> dict[int, dict[int, list[Outcome]]]:  # noqa: N802
        """The level of this life as a table, as the toy text environments of Gymnasium have it:
        ``P[state][action]`` is a list of (chance, next state, expected reward, terminated).

        States are those of ``obs="state"``, of all that the rules know, and one more, the last:
        dead. Age is no part of them. What it pays to selection does not heed ``window``.
        """
        process = self.episodes.process()
        reward = process.amount @ self.episodes.weights
        if self.reward == "selected":
            place = self.episodes.place(int(self.episodes.at[0]))
            begins = process.source // process.n_actions
            dead = process.n_states - 1
            x = np.minimum(begins, dead - 1) // place.levels.slot.shape[1]
            reward = np.where(place.paid[x], reward, 0.0)
        table: dict[int, dict[int, list[Outcome]]] = {
            s: {a: [] for a in range(process.n_actions)} for s in range(process.n_states)
        }
        last = process.n_states - 1
        for pair, target, p, paid in zip(
            process.source.tolist(), process.target.tolist(), process.p.tolist(), reward.tolist(),
            strict=True,
        ):  # fmt: skip
            state, action = divmod(pair, process.n_actions)
            table[state][action].append((p, target, paid, target == last))
        return table

    def render(self) -> str | None:
        """The level as text: ``@`` the agent, ``#`` walls, glyphs of what is there."""
        if self.render_mode != "ansi":
            return None
        episodes, going = self.episodes, self.episodes.going
        place = episodes.place(int(episodes.at[0]))
        there, x, cell = place.env.world, int(going.x[0]), int(going.cell[0])
        layout = there.layout
        rows = [["#"] * layout.cols for _ in range(layout.rows)]
        for (r, c), slot in zip(layout.free, place.levels.slot[going.level[0]], strict=True):
            rows[r][c] = there.kinds[there.slots[slot].kind].glyph if slot >= 0 else "."
        r, c = layout.free[cell]
        rows[r][c] = "@"
        variables = there.state_variables
        values = np.unravel_index(x, [v.values for v in variables] or [1])
        told = " ".join(f"{v.name}={n}" for v, n in zip(variables, values, strict=False))
        return "\n".join(["".join(row) for row in rows] + [told])


class VectorEnvironment(_Shared, gymnasium.vector.VectorEnv[Any, Any, NDArray[Any]]):
    """Many lives side by side, one kernel for all; :func:`make_vec` has the arguments.

    As :class:`Environment`: life i of ``reset(seed=s)`` is the life of ``reset(seed=s + i)`` there,
    step by step. In ``info`` each entry is an array over all lives; ``events`` is [num_envs, E], in
    the order of ``event_names`` of the environment that a life is led in.
    """

    metadata: dict[str, Any]

    def __init__(
        self,
        episodes: Episodes,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        self.episodes = episodes
        self.num_envs = episodes.n
        modes = {m.value: m for m in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)}
        mode = getattr(autoreset_mode, "value", autoreset_mode)
        if not isinstance(mode, str) or mode not in modes:
            raise EvosimError(
                Argument("autoreset_mode", mode), ": lives begin anew by themselves here (",
                " or ".join(modes), ")",
            )  # fmt: skip
        self.metadata = {"render_modes": [], "autoreset_mode": modes[mode]}
        if not isinstance(copy, bool | np.bool_):
            raise EvosimError(Argument("copy", copy), ": True or False is needed")
        self.copy = bool(copy)
        self.single_action_space = spaces.Discrete(len(episodes.actions))
        self.single_observation_space = _space(episodes.observer)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._all = np.ones(self.num_envs, np.bool_)
        self._over = np.zeros(self.num_envs, np.bool_)
        self._seen = episodes.blank()

    def event_names(self, environment: str) -> tuple[str, ...]:
        """The events of an environment, in the order of the columns of ``info["events"]``.

        Raises:
            EvosimError: no such environment.
        """
        self.scenario.environment(environment)  # there is one
        return self.episodes.place(self.episodes.names.index(environment)).env.events

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        level, episodes = _level(options), self.episodes
        seeds: Sequence[int | None] = [None] * self.num_envs
        if isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str | bytes):
            if len(seed) != self.num_envs:
                raise EvosimError(
                    Argument("seed", list(seed)),
                    f": one seed, or one for each of {self.num_envs} lives",
                )
            seeds = [None if one is None else seed_number(one) for one in seed]
        elif seed is not None:
            first = seed_number(seed)
            super().reset(seed=first)
            seeds = [seed_number(first + i) for i in range(self.num_envs)]
        else:
            super().reset()
            if episodes.episode[0] < 0:
                drawn = int(self.np_random.integers(2**63))
                seeds = [drawn + i for i in range(self.num_envs)]
        for i, one in enumerate(seeds):
            if one is not None:
                episodes.seed[i], episodes.episode[i] = one, -1
        episodes.begin(self._all, level)
        self._over[:] = False
        return self._look(self._all), self._info()

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        episodes, going = self.episodes, self.episodes.going
        same = self.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
        if same or not self._over.any():
            episodes.step(actions, self._all)
        else:  # whose life is over begins a new one in place of a step
            episodes.step(actions, ~self._over)
            episodes.begin(self._over)
        died = going.dies.copy()
        aged = ~died & (going.age >= episodes.lifetime)
        self._over = died | aged
        reward = going.sums[:, PAID].copy()
        info = self._info()
        if same and self._over.any():
            last = {part: np.array(seen) for part, seen in self._seen_by(self._over).items()}
            info = {"final_obs": self._as_objects(last), "_final_obs": self._over.copy(),
                    "final_info": info, "_final_info": self._over.copy()}  # fmt: skip
            episodes.begin(self._over)
            info |= self._info()
        return self._look(self._all), reward, died, aged, info

    def _seen_by(self, which: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        seen = self.episodes.blank() if self.copy else self._seen
        self.episodes.look(which, seen)
        return seen

    def _look(self, which: NDArray[np.bool_]) -> Any:
        return self.episodes.observer.given(self._seen_by(which))

    def _as_objects(self, seen: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The last observation of each life that is over, None of the others."""
        found = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(self._over):
            one = {part: values[i] for part, values in seen.items()}
            found[i] = self.episodes.observer.given(one)
        return found

    def _info(self) -> dict[str, Any]:
        episodes, going = self.episodes, self.episodes.going
        info: dict[str, Any] = {
            "intended": going.sums[:, INTENDED].copy(),
            "selected": going.sums[:, SELECTED].copy(),
            "internal": going.sums[:, INTERNAL].copy(),
            "events": going.counts.copy(),
            "environment": np.array(episodes.names)[episodes.at],
            "level": episodes.numbers[going.level],
            "level_seed": episodes.level_seed,
            "life": going.life.copy(),
        }
        if self.scenario.deception is not None:
            info["watched"] = episodes.watched.copy()
        return info | {f"_{name}": self._all for name in info}


def _level(options: object) -> int | None:
    """The number of the level in the ``options`` of a reset; None: drawn."""
    if options is None:
        return None
    if not isinstance(options, Mapping) or not set(options) <= {"level"}:
        raise EvosimError(
            Argument("options", options), ': the number of a level is needed, {"level": 7}'
        )
    level = options.get("level")
    return None if level is None else whole_number("level", level)


def _space(observer: Observer) -> spaces.Space[Any]:
    def one(part: str) -> spaces.Space[Any]:
        if observer.parts[part] == "state":
            return spaces.Discrete(observer.n_states())
        shape = observer.shapes[part]
        most = observer.largest(part).reshape(-1, *[1] * (len(shape) - 1))
        high = np.broadcast_to(most, shape).astype(np.float32)
        signed = observer.parts[part] in ("felt", "looks")
        return spaces.Box(-high if signed else np.zeros_like(high), high, dtype=np.float32)

    if observer.single:
        return one(*observer.parts)
    return spaces.Dict({part: one(part) for part in observer.parts})


def make(
    source: Scenario | str | Path,
    *,
    environment: Mixture | None = None,
    obs: Observation = "felt",
    reward: Reward = "selected",
    levels: int | Sequence[int] = LEVELS,
    split: str = "train",
    seed: int = 0,
    senses: Sequence[str] = (),
    window: int | None = None,
    settings: Settings = (),
    render_mode: str | None = None,
) -> Environment:
    """An environment of Gymnasium: a world of a scenario, one life after the other.

    Args:
        source: a scenario, the id of one of the catalogue, or a file.
        environment: by name; or weights of several, of which each life is led in one. What trains
            in the first phase if None.
        obs: what the agent sees: ``state``, ``felt``, ``kinds``, ``looks``, ``scent``,
            ``variables``; or several, or a mapping of names to them, which gives a dictionary
            (:class:`evosim.world.observations.Observer`).
        reward: what it is paid: ``selected``, ``intended``, the name of a payoff or stimulus, or
            what each of some is worth. :func:`evosim.drives` gives those of an individual of a run.
        levels: numbers of the levels of which each life is led on one, or how many, from 0.
        split: ``train``, or ``probe`` for those on which evosim measures; they have no level in
            common.
        seed: of the replicate whose levels these are; it has nothing to do with ``reset(seed=)``.
        senses: hidden variables that the agent sees.
        window: selection pays for so many first steps; for all if None.
        settings: changes of the scenario, see :func:`evosim.run`.
        render_mode: ``ansi``, or None.

    Raises:
        EvosimError: no such scenario, environment, observation, reward ...; the text names what
            there is.

    >>> import evosim.gym
    >>> env = evosim.gym.make("strawberry", environment="day", obs="felt", levels=range(4))
    >>> seen, info = env.reset(seed=1)
    >>> seen.shape, env.actions
    ((5, 13, 13), ('north', 'south', 'west', 'east', 'stay', 'use'))
    >>> seen, reward, terminated, truncated, info = env.step(env.actions.index("use"))
    >>> reward, terminated, truncated, info["environment"], info["level"] < 4
    (0.0, False, False, 'day', True)
    """
    if str(render_mode) not in ("None", "ansi"):
        raise EvosimError(Argument("render_mode", render_mode), ': "ansi" or None is needed')
    episodes = _episodes(1, source, settings)(
        environment=environment, obs=obs, reward=reward, levels=levels, split=split, seed=seed,
        senses=senses, window=window,
    )  # fmt: skip
    return Environment(episodes, render_mode)


def make_vec(
    source: Scenario | str | Path,
    *,
    num_envs: int = 1,
    environment: Mixture | None = None,
    obs: Observation = "felt",
    reward: Reward = "selected",
    levels: int | Sequence[int] = LEVELS,
    split: str = "train",
    seed: int = 0,
    senses: Sequence[str] = (),
    window: int | None = None,
    settings: Settings = (),
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    copy: bool = True,
) -> VectorEnvironment:
    """Many lives side by side as one vector environment of Gymnasium, stepped by one kernel.

    Args:
        num_envs: how many.
        autoreset_mode: when a life that is over is followed by the next: ``NextStep``, or
            ``SameStep``, with the last observation in ``info["final_obs"]``.
        copy: False: all observations are written into the same array, so that one holds until the
            next step only.

        For the others see :func:`make`.

    Raises:
        EvosimError: as :func:`make`.

    >>> import evosim.gym
    >>> env = evosim.gym.make_vec("strawberry", num_envs=8, obs="state", levels=4)
    >>> seen, info = env.reset(seed=1)
    >>> seen, reward, terminated, truncated, info = env.step(env.action_space.sample())
    >>> reward.shape, info["intended"].shape
    ((8,), (8,))
    """
    episodes = _episodes(num_envs, source, settings)(
        environment=environment, obs=obs, reward=reward, levels=levels, split=split, seed=seed,
        senses=senses, window=window,
    )  # fmt: skip
    return VectorEnvironment(episodes, autoreset_mode, copy)


def _episodes(n: int, source: Scenario | str | Path, settings: Settings) -> partial[Episodes]:
    if not isinstance(source, scenarios.Scenario):
        source = scenarios.load(source, settings)
    elif not isinstance(settings, tuple) or settings:
        source = source.replace(settings)
    return partial(Episodes, source, n)
