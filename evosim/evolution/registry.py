"""Operators of the genetic optimizer by name: what each kind is, and the decorator that registers
one. The built-in ones are in :mod:`evosim.evolution.operators`."""

from __future__ import annotations

import dataclasses
import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError, did_you_mean
from evosim.registry import Registry, check_call, check_name

FloatArray = NDArray[np.float64]
Genes = NDArray[np.floating]
F = TypeVar("F", bound=Callable[..., Any])

SUPPLIED = MappingProxyType({"low": 0.0, "up": 1.0})
"""Keywords that evosim gives: genes are varied in units of their locus, from 0 to 1."""
RNG = "rng"
"""A keyword that evosim gives: the generator that the operator draws from."""
_POSITIONAL = frozenset({"individuals", "k", "fit_attr", "ind1", "ind2", "individual"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What all operators have.

    Attributes:
        function: of deap.tools, or called in the same way.
        description: what it does, in a few words.
        allowed: by keyword, whether a value is possible, and in words which are; of a keyword
            that is not named here any value is.
    """

    function: Callable[..., Any]
    description: str = ""
    allowed: Mapping[str, tuple[Callable[[Any], bool], str]] = field(default_factory=dict)

    def keywords(self) -> tuple[str, ...]:
        """The keywords that a scenario gives, all of them required."""
        return tuple(
            name for name in _parameters(self.function) if name not in SUPPLIED and name != RNG
        )

    def supplied(self, rng: random.Random | None = None) -> dict[str, Any]:
        """The keywords that evosim gives.

        Args:
            rng: what the operator draws from, where it asks for it.
        """
        known = {**SUPPLIED, RNG: rng}
        return {name: known[name] for name in _parameters(self.function) if name in known}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Operator):
    """A way to choose parents: ``function(individuals, k, **keywords, fit_attr=...)``.

    Attributes:
        shares: (scores [N], **keywords) -> the share of parentage [N] that each individual
            expects, summing to 1.
        proportional: whether it reads ``fitness.values`` and takes no negative score.
    """

    shares: Callable[..., FloatArray]
    proportional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover(Operator):
    """A way to mix two rows of genes: ``function(ind1, ind2, **keywords)``.

    Attributes:
        swaps: whether it exchanges genes whole, so that each child's gene has one parent.
        genewise: whether it treats one gene after the other, drawing for each alone. Rows laid
            end to end then give, draw for draw, what row after row gives.
        least: fewer loci than this cannot be crossed, and stay as they are.
        neutral: (generator, first, second, **keywords) -> the same two arrays after crossing,
            every element a neutral gene that is linked to none of the genome's own.
    """

    neutral: Callable[..., tuple[Genes, Genes]]
    swaps: bool = False
    genewise: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation(Operator):
    """A way to change a row of genes: ``function(individual, **keywords)``.

    Attributes:
        genewise: as of :class:`Crossover`.
        neutral: (generator, genes, **keywords) -> the genes [m] that a mutation makes of those
            it hits; ``indpb`` of them are hit, which is not this function's part.
    """

    neutral: Callable[..., Genes]
    genewise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration(Operator):
    """A way to choose migrants, or those who make room: ``function(individuals, k, fit_attr=...)``
    returns k different ones.

    Attributes:
        chances: (scores [n], k) -> the chance [n] that each is among them.
    """

    chances: Callable[[FloatArray, int], FloatArray]


SELECT: Registry[Selection] = Registry("selection operator")
MATE: Registry[Crossover] = Registry("crossover operator")
MUTATE: Registry[Mutation] = Registry("mutation operator")
MIGRATE: Registry[Migration] = Registry("migration operator")
OPERATORS: Mapping[str, Registry[Any]] = MappingProxyType(
    {"select": SELECT, "mate": MATE, "mutate": MUTATE}
)
"""The registries, by the key of a scenario's ``evolution`` that names one of their operators."""


class _Kind(NamedTuple):
    """A kind of operators: where they are, and how they and their theory are called."""

    registry: Registry[Any]
    made: type[Operator]
    called: tuple[str, ...]
    theory: str
    theory_called: tuple[str, ...]
    theory_keywords: bool = True


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "select": _Kind(SELECT, Selection, ("individuals", "k"), "shares", ("scores",)),
        "mate": _Kind(MATE, Crossover, ("ind1", "ind2"), "neutral", ("rng", "first", "second")),
        "mutate": _Kind(MUTATE, Mutation, ("individual",), "neutral", ("rng", "genes")),
        "migrate": _Kind(
            MIGRATE, Migration, ("individuals", "k"), "chances", ("scores", "k"), False
        ),
    }
)


def operator(kind: str, name: str, description: str = "", **known: Any) -> Callable[[F], F]:
    """A decorator that registers an operator of the genetic optimizer.

    The function's own keywords, but for ``rng``, ``low`` and ``up``, are what a scenario gives,
    all of them required. ``rng``, a :class:`random.Random` that is seeded for the generation, is
    all that it may draw from.

    Args:
        kind: select, mate, mutate or migrate.
        name: as a scenario writes it.
        description: what it does, in a few words.
        known: what evosim needs to know of it: the fields of :class:`Selection`,
            :class:`Crossover`, :class:`Mutation` or :class:`Migration`.

    Raises:
        EvosimError: no such kind; a name that is taken; a function that cannot be called as it will
            be; something that must be known, or is not known, of this kind.

    Example:
        >>> from evosim.evolution.registry import MUTATE, operator
        >>> @operator("mutate", "mutReset", "draws genes anew", genewise=True,
        ...           neutral=lambda rng, genes: rng.random(genes.shape))
        ... def reset(individual, *, indpb, rng):
        ...     for i in range(len(individual)):
        ...         if rng.random() < indpb:
        ...             individual[i] = rng.random()
        ...     return (individual,)
        >>> MUTATE["mutReset"].keywords()
        ('indpb',)
    """
    if kind not in _KINDS:
        raise EvosimError(f"unknown kind of operator {kind!r}: {did_you_mean(kind, _KINDS)}")
    of = _KINDS[kind]
    check_name(of.registry.kind, name)
    what = f"{of.registry.kind} {name!r}"
    fields = [one.name for one in dataclasses.fields(of.made)]
    for key in known:
        if key not in fields:
            raise EvosimError(f"{what} has no {key!r}: {did_you_mean(key, fields)}")
    if of.theory not in known:
        raise EvosimError(f"{what} needs {of.theory}=..., see {of.made.__qualname__}")

    def put(function: F) -> F:
        fit = {"fit_attr": "score"} if kind in ("select", "migrate") else {}
        check_call(what, function, *of.called, **fit, **_written(what, function))
        made = of.made(function=function, description=description, **known)
        given = dict.fromkeys(made.keywords()) if of.theory_keywords else {}
        if "indpb" in given and kind == "mutate":
            del given["indpb"]  # whom it hits is not this function's part
        check_call(f"{what}: {of.theory}", known[of.theory], *of.theory_called, **given)
        of.registry.add(name, made, function)
        return function

    return put


def _written(what: str, function: Any) -> dict[str, None]:
    """The keywords with which it is called, whoever gives them."""
    if not callable(function):
        return {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise EvosimError(
                f"{what}: a scenario gives its keywords by name; write them out in place of "
                f"{parameter}"
            )
    return dict.fromkeys(_parameters(function))


@cache
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(function).parameters if name not in _POSITIONAL)
