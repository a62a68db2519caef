"""Generation 0 and the ones after it, whatever the base optimizer (model 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.errors import EvosimError
from evosim.evolution.breed import checked, expected_shares
from evosim.evolution.optimizer import (
    NOTHING,
    OPTIMIZERS,
    Asked,
    Bounds,
    FloatArray,
    Offspring,
    Optimizer,
    State,
)
from evosim.mind import loci
from evosim.registry import calling

if TYPE_CHECKING:
    from evosim.scenario import Scenario


class Record(Protocol):
    """What is recorded of a generation: arrays by the names of run.nc, or a dataset of it."""

    def __getitem__(self, name: str, /) -> Any: ...

    def __contains__(self, name: object, /) -> bool: ...


def optimizer_of(scenario: Scenario) -> Optimizer:
    """The base optimizer of a scenario.

    Raises:
        EvosimError: no such optimizer.
    """
    return OPTIMIZERS[optimizer_name(scenario)]


def optimizer_name(scenario: Scenario) -> str:
    """The name of a scenario's base optimizer: the one that is written, unless an agent learns."""
    return scenario.evolution.optimizer.name if scenario.agent.learner is None else "learner"


def start(scenario: Scenario, seed_key: int) -> Asked:
    """Generation 0.

    Args:
        seed_key: of the purpose INITIAL (model 5).
    """
    chosen = optimizer_of(scenario)
    with calling(_named(scenario), chosen):
        asked = chosen.start(scenario, seed_key)
    return _checked(scenario, chosen, asked)


class Reproduction:
    """How a generation makes the next one: here as the base optimizer does it.

    What goes by more than scores takes it from ``record``, what is recorded of the generation.

    Args:
        scenario: whose optimizer and operators they are.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def next_generation(
        self,
        state: State,
        genomes: ArrayLike,
        scores: ArrayLike,
        seed_key: int,
        record: Record = NOTHING,
    ) -> Asked:
        """The generation after one that was evaluated.

        Args:
            state: that with which the generation was asked for.
            genomes: genes [N, loci], within their bounds.
            scores: score of each individual [N].
            seed_key: of the purpose BREED and the generation (model 5).

        Raises:
            EvosimError: a score that is not finite, or that the selection operator does not take;
                a gene out of bounds; an unknown operator.
            ValueError: shapes that do not fit.
        """
        told = optimizer_of(self.scenario)
        for name, wanted in (("slope", told.slopes), ("generation", told.trains)):
            if wanted:
                state = {**state, name: record[name]}
        return next_generation(self.scenario, state, genomes, scores, seed_key)

    def expected_shares(self, scores: ArrayLike, record: Record = NOTHING) -> FloatArray:
        """The share of parentage that each individual can expect, exact, ties included.

        Args:
            scores: score of each individual [N].

        Returns:
            Shares [N], summing to 1.

        Raises:
            EvosimError: as :meth:`next_generation`.
        """
        return expected_shares(self.scenario, scores)

    def first_of_pairs(self, n: int) -> NDArray[np.intp]:
        """The rows of those born first of each pair, of n children; the next row is the other."""
        return np.arange(0, n // 2 * 2, 2)


def next_generation(
    scenario: Scenario, state: State, genomes: ArrayLike, scores: ArrayLike, seed_key: int
) -> Asked:
    """The generation after one that was evaluated (:meth:`Reproduction.next_generation`)."""
    chosen = optimizer_of(scenario)
    genes, score = checked(scenario, genomes, scores)
    what = _named(scenario)
    # What is told is recorded as well: nobody may write in it.
    kept = {name: _read_only(array) for name, array in state.items()}
    with calling(what, chosen):
        told = chosen.tell(scenario, kept, _read_only(genes), _read_only(score))
    _check_state(f"{what}: tell", told)
    with calling(what, chosen):
        asked = chosen.ask(scenario, told, seed_key)
    return _checked(scenario, chosen, asked)


def _named(scenario: Scenario) -> str:
    return f"{OPTIMIZERS.kind} {optimizer_name(scenario)!r}"


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, of which no one can be overwritten."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _check_state(what: str, state: Any) -> None:
    """Refuse what is no state.

    Raises:
        EvosimError: it is no mapping of arrays of numbers.
    """
    if not isinstance(state, Mapping):
        raise EvosimError(f"{what} returned {_short(state)} as state, needed: arrays by name")
    for name, array in state.items():
        numbers = isinstance(array, np.ndarray | np.generic) and array.dtype.kind in "biuf"
        if not numbers:
            raise EvosimError(
                f"{what} returned {_short(array)} as state {name!r}, needed: an array of numbers"
            )


def _short(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    return "None" if value is None else f"a {type(value).__name__}"


def _checked(scenario: Scenario, chosen: Optimizer, asked: Any) -> Asked:
    """What an optimizer asks for, if it can be lived and kept."""
    what = _named(scenario)
    evolving = loci(scenario)
    shape = (chosen.size(scenario), len(evolving))
    needed = "needed: Asked(Offspring(genomes, parents, crossover), state)"
    if not isinstance(asked, Asked):
        raise EvosimError(f"{what} asked for {_short(asked)}, {needed}")
    if not isinstance(asked.offspring, Offspring):
        raise EvosimError(f"{what} asked for {_short(asked.offspring)} as offspring, {needed}")
    arrays = zip(Offspring._fields, asked.offspring, ("biuf", "iu", "iu"), strict=True)
    for name, array, kinds in arrays:
        if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
            raise EvosimError(
                f"{what} asked for {_short(array)} as {name}, needed: an array of "
                f"{'numbers' if 'f' in kinds else 'whole numbers'}"
            )
    genomes, parents, crossover = asked.offspring
    if genomes.shape != shape or crossover.shape != shape or parents.shape != (shape[0], 2):
        raise EvosimError(
            f"{what} asked for genomes {genomes.shape} with parents {parents.shape} and crossover "
            f"{crossover.shape}, needed: {shape}, {(shape[0], 2)} and {shape}"
        )
    bounds = Bounds.of(evolving)
    if not ((genomes >= bounds.low) & (genomes <= bounds.high)).all():
        raise EvosimError(f"{what} asked for genes beyond the bounds of their loci")
    _check_state(what, asked.state)
    if set(asked.state) != set(chosen.state):
        raise EvosimError(
            f"{what} keeps {', '.join(sorted(asked.state)) or 'nothing'}, and its state is said to "
            f"be {', '.join(sorted(chosen.state)) or 'nothing'}"
        )
    return asked
