"""What a policy can be given as, and what it does in each state.

Worlds are small. So whatever depends on the state alone, or on an observation of it, is asked once
for all states, and is from then on a table [L, n_x, C, A] of which expectations are exact. Nothing
of torch, jax or Stable-Baselines3 is imported here: their objects are known by what they can do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from reprlib import repr as shorten
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from evosim.errors import Argument, EvosimError
from evosim.registry import calling
from evosim.world import Environment, Levels
from evosim.world.observations import Observer

Floats = NDArray[np.float64]

ROUNDING = 1e-4
"""By how much chances in float32 may miss a sum of 1."""
FORMS = (
    "an array [S], [S, A], [L, S, A] or [T, S, A]; a function of a batch of observations; a pair "
    "(apply, params); an object with predict, or with reset and act; a module of torch; or a "
    "mapping of environments to these"
)


@runtime_checkable
class Remembering(Protocol):
    """A policy with memory: what it does depends on the life so far."""

    def reset(self, n: int, /) -> object:
        """Forget everything, and get ready for n lives side by side."""

    def act(self, observations: Any, /) -> Any:
        """The actions of n lives, or their chances [n, A], by observations [n, ...]."""


class Form(NamedTuple):
    """A policy as it is measured; one of the three is not None."""

    table: Callable[[Environment, Levels], Floats] | None = None
    """Chances of the actions in each state of some levels, [L, n_x, C, A]."""
    by_age: Callable[[Environment, Levels], Floats] | None = None
    """The same at each age, [T, n_x, C, A]."""
    lives: Remembering | None = None


class Reader:
    """Reads policies.

    Args:
        observer: what they see.
        logits: whether what they give are logits, and no chances.
        greedy: whether only the likeliest actions are taken.
    """

    def __init__(self, observer: Observer, *, logits: bool = False, greedy: bool = False) -> None:
        self.observer = observer
        self.logits = logits
        self.greedy = greedy

    def read(self, policy: Any) -> Form:
        """A policy in the form in which it is measured.

        Raises:
            EvosimError: it is nothing that could be one.
        """
        if isinstance(policy, type):
            raise _bad("a class is no policy: give an object of it", f"{policy.__qualname__}")
        if isinstance(policy, Mapping):
            forms = {str(name): self.read(one) for name, one in policy.items()}
            names = list(self.observer.worlds)
            if set(forms) != set(names):
                raise _bad(f"a policy for each of {', '.join(names)} is needed", list(forms))
            if any(form.table is None for form in forms.values()):
                raise _bad("of a mapping each policy must depend on the state alone", policy)
            tables = {name: form.table for name, form in forms.items()}
            return Form(table=lambda env, levels: tables[env.name](env, levels))  # type: ignore[misc]
        if isinstance(policy, np.ndarray):
            return self._array(policy)
        if isinstance(policy, Remembering):
            return Form(lives=policy)
        if recurrent := _recurrent(policy):
            return Form(lives=recurrent)
        function = _function(policy)
        if function is None:
            raise _bad(f"a policy is needed: {FORMS}", policy)
        return Form(table=lambda env, levels: self._asked(policy, function, env, levels))

    def _asked(
        self, policy: Any, function: Callable[[Any], Any], env: Environment, levels: Levels
    ) -> Floats:
        """What a function of observations does in all states; it stands for a policy."""
        shape = (len(levels.start), env.n_x, env.n_cells)
        n = int(np.prod(shape))
        seen = self.observer.table(env.name, levels)

        def batch(table: NDArray[Any]) -> NDArray[Any]:
            return table.reshape(n, *table.shape[3:])

        given = (
            {name: batch(t) for name, t in seen.items()} if isinstance(seen, dict) else batch(seen)
        )
        with asking(policy, given):
            answer = function(given)
        return self.chances(answer, n, env).reshape(*shape, env.n_actions)

    def chances(self, given: Any, n: int, env: Environment) -> Floats:
        """The chances of the actions [n, A] that are meant by what a policy gave for n states.

        Raises:
            EvosimError: not an action or chances for each.
        """
        found = as_array(given)
        if found.dtype.kind not in "biufO":
            raise _bad("numbers of actions or their chances are needed",
                       f"an array of type {found.dtype}")  # fmt: skip
        if found.shape == (n,):
            actions = _as_numbers(found)
            wrong = ~np.isin(actions, np.arange(env.n_actions))
            if wrong.any():
                raise _bad(f"an action is a whole number from 0 to {env.n_actions - 1}",
                           float(actions[wrong][0]))  # fmt: skip
            return np.eye(env.n_actions)[actions.astype(np.intp)]
        if found.shape != (n, env.n_actions):
            raise _bad(
                f"for {n} observations {n} actions are needed, or chances ({n}, {env.n_actions})",
                f"an array of shape {found.shape}",
            )
        chances = _as_numbers(found)
        with np.errstate(invalid="ignore"):  # of what is NaN the chances are, and are refused
            if self.logits:
                odds = np.exp(chances - chances.max(axis=1, keepdims=True))
                chances = odds / odds.sum(axis=1, keepdims=True)
            if self.greedy:
                best = chances == chances.max(axis=1, keepdims=True)
                chances = best / best.sum(axis=1, keepdims=True)
        return chances

    def _array(self, array: NDArray[Any]) -> Form:
        if array.dtype.kind not in "biuf":
            raise _bad("an array of numbers is needed", f"an array of type {array.dtype}")

        def rows(some: NDArray[Any], env: Environment) -> Floats:
            """[..., n_x, C, A] of [..., S] or [..., S, A], with or without the dead state."""
            n = env.n_x * env.n_cells
            flat = some.reshape(-1, *some.shape[-1:]) if some.ndim > 1 else some
            chances = self.chances(flat, len(flat), env)
            before = some.shape[:-2] if some.ndim > 1 else ()
            chances = chances.reshape(*before, -1, env.n_actions)[..., :n, :]
            return chances.reshape(*before, env.n_x, env.n_cells, env.n_actions)

        def check(env: Environment) -> None:
            n, a = env.n_x * env.n_cells, env.n_actions
            of_state = array.shape[-1:] if array.ndim == 1 else array.shape[-2:-1]
            fits = array.ndim in (1, 2, 3) and of_state in ((n,), (n + 1,))
            if not fits or (array.ndim > 1 and array.shape[-1] != a):
                raise _bad(
                    f"environment {env.name!r} has S = {n} states and A = {a} actions: an array "
                    f"[S], [S, A], [L, S, A] or [T, S, A] is needed",
                    f"an array of shape {array.shape}",
                )

        def table(env: Environment, levels: Levels) -> Floats:
            check(env)
            n = len(levels.start)
            if array.ndim == 3 and len(array) != n:
                raise _bad(
                    f"{n} levels are measured, and a life has {env.lifetime} steps: [L, S, A] is "
                    f"needed with L = {n}, or [T, S, A] with T = {env.lifetime}",
                    f"an array of shape {array.shape}",
                )
            found = rows(array, env)
            return found if array.ndim == 3 else np.broadcast_to(found, (n, *found.shape))

        def by_age(env: Environment, levels: Levels) -> Floats:
            check(env)
            if len(levels.start) == env.lifetime:
                raise _bad(
                    f"{env.lifetime} levels are measured, as many as a life has steps: nobody "
                    "knows whether this is [L, S, A] or [T, S, A]; take another number of levels",
                    f"an array of shape {array.shape}",
                )
            return rows(array, env)

        lifetimes = {world.lifetime for world in self.observer.worlds.values()}
        aged = array.ndim == 3 and lifetimes == {len(array)}
        return Form(by_age=by_age) if aged else Form(table=table)


def check(chances: Floats, name: Callable[[int], str] = "life {}".format) -> Floats:
    """Chances of actions [n, A].

    Args:
        name: what each row is of, for errors.

    Raises:
        EvosimError: a row is none.
    """
    total = chances.sum(axis=1)
    wrong = ~(np.abs(total - 1.0) <= ROUNDING) | (chances < 0.0).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        given = ", ".join(f"{chance:g}" for chance in chances[row])
        raise _bad(
            f"{name(row)}: chances of actions are from 0 on and sum to 1; logits are taken with "
            "logits=True of measure_policy",
            f"{given}, which sum to {total[row]:g}",
        )
    return chances


def weights(chances: Floats, env: Environment, first: str) -> Floats:
    """What is done in all states that a life can come to; elsewhere all actions alike.

    Args:
        chances: [L or T, n_x, C, A].
        first: what the first axis is, for errors.

    Returns:
        Weights of the actions, of which the largest is 1.

    Raises:
        EvosimError: as :func:`check`.
    """
    live = np.zeros((*chances.shape[:-1], 1), np.bool_)
    live[:, env.tables.live] = True
    found = np.where(live, chances, 1.0 / env.n_actions)
    n_states = env.n_x * env.n_cells

    def name(row: int) -> str:
        at, state = divmod(row, n_states)
        return f"environment {env.name!r}, {first} {at}, state {state}"

    check(found.reshape(-1, env.n_actions), name)
    # As planners weigh actions: then a planner's table expects what the planner does, to the bit.
    return np.asarray(found / found.max(axis=-1, keepdims=True))


def as_array(given: Any) -> NDArray[Any]:
    """What a policy gave as an array: also tensors, distributions and (actions, state)."""
    if isinstance(given, tuple):
        given = given[0]
    for name in ("distribution", "probs"):  # of torch, and of Stable-Baselines3 around it
        given = getattr(given, name, given)
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as error:
        raise _bad("actions or their chances are needed", given) from error


def _as_numbers(found: NDArray[Any]) -> Floats:
    """An array as numbers; also one of objects, such as fractions."""
    try:
        return np.asarray(found, np.float64)
    except (TypeError, ValueError) as error:
        raise _bad("numbers of actions or their chances are needed", found) from error


@contextmanager
def asking(policy: Any, seen: Any) -> Iterator[None]:
    """While a policy is asked: whatever it raises is told with what it was shown.

    Raises:
        EvosimError: with the original as its cause.
    """
    if isinstance(policy, tuple):
        policy = policy[0]
    owner = policy if hasattr(policy, "__qualname__") else type(policy)
    shapes = (
        ", ".join(f"{name} {one.shape}" for name, one in seen.items())
        if isinstance(seen, Mapping)
        else seen.shape
    )
    with calling(f"policy, shown observations of shape {shapes}", owner):
        yield


def _function(policy: Any) -> Callable[[Any], Any] | None:
    """A policy as a function of a batch of observations; None if it is nothing of the kind."""
    if isinstance(policy, tuple) and len(policy) == 2 and callable(policy[0]):
        apply, params = policy
        return lambda observations: apply(params, observations)
    if hasattr(policy, "predict"):
        inner = getattr(policy, "policy", policy)
        if hasattr(inner, "get_distribution") and hasattr(inner, "obs_to_tensor"):
            return lambda seen: inner.get_distribution(inner.obs_to_tensor(seen)[0])
        return lambda seen: policy.predict(seen, deterministic=True)
    torch = sys.modules.get("torch")  # whoever gives a module of it has imported it
    if torch is not None and isinstance(policy, torch.nn.Module):

        def forward(seen: Any) -> Any:
            with torch.no_grad():
                if isinstance(seen, dict):
                    return policy({name: torch.as_tensor(one) for name, one in seen.items()})
                return policy(torch.as_tensor(seen))

        return forward
    if callable(getattr(policy, "policy", None)):
        return policy.policy  # a learner (docs/agents.md)
    return policy if callable(policy) else None


class _Recurrent:
    """A recurrent policy with Stable-Baselines3's predict."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def reset(self, n: int) -> None:
        self._state: Any = None
        self._begins = np.ones(n, np.bool_)

    def act(self, observations: Any) -> Any:
        actions, self._state = self._model.predict(
            observations, state=self._state, episode_start=self._begins, deterministic=False
        )
        self._begins = np.zeros_like(self._begins)
        return actions


def _recurrent(policy: Any) -> _Recurrent | None:
    inner = getattr(policy, "policy", policy)
    return _Recurrent(policy) if hasattr(inner, "lstm_actor") else None


def _bad(message: str, given: Any) -> EvosimError:
    """An error about what was given as ``policy``."""
    if given is None:
        return EvosimError(Argument("policy"), f": {message}")
    told = given if isinstance(given, str) else shorten(given)
    return EvosimError(Argument("policy"), f": {message} (got {told})")
