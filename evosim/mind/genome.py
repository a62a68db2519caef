"""The genome: loci that evolve, where they start, and the minds that they express (model 2).

A genome is a row of float64 genes, one for each locus that evolves, each between its locus's
bounds. A locus that the scenario pins to a number has no gene, but is expressed like the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import rng
from evosim.mechanisms.correction.schema import WAYS
from evosim.mechanisms.learner.schema import OF_PARAMETERS
from evosim.mechanisms.table.schema import OF_TABLES
from evosim.mind.learned import Policy, untrained, worth_of

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.world import Environment, Levels

FloatArray = NDArray[np.float64]


MANY = (OF_TABLES, OF_PARAMETERS)
"""What the names of loci begin with of which there are thousands, and none is told by itself."""
LARGEST = float(np.finfo(np.float32).max)
PolicyOf: TypeAlias = "Callable[[Environment, Levels], FloatArray]"
"""Weights of the actions in each state of the levels of an environment, [L, n_x, C, A]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locus:
    """A locus that evolves between ``low`` and ``high``.

    The initial population is drawn uniformly from ``start_low`` to ``start_high``.
    """

    name: str
    low: float
    high: float
    start_low: float
    start_high: float


class Minds(NamedTuple):
    """The phenotypes of n individuals, as the planner takes them."""

    weights: NDArray[np.float32]  # [n, F] drives by feature: stimuli; 0 for payoffs and looks
    arrival: NDArray[np.float32]  # [n] drive for what the life so far makes of arriving
    depth: NDArray[np.int32]  # [n] planning depth
    patience: NDArray[np.float32]  # [n] discount factor a step
    temperature: NDArray[np.float32]  # [n] softmax temperature; 0: greedy
    senses: NDArray[np.int64]  # [n] bit i: the i-th hidden variable is seen
    # A second plan of the same world, of other rewards and depth (model 2, tool)
    second_weights: NDArray[np.float32]  # [n, F]; 0 until a mechanism fills them in
    second_depth: NDArray[np.int32]  # [n]
    share: NDArray[np.float32]  # [n] of the second plan in the values of actions; 0: there is none
    # What they foresee and believe (model 2, correction, credence); empty until mechanisms fill it
    later: NDArray[np.float32]  # [n, K, F] drives after 1 .. K corrections
    anticipation: NDArray[np.float32]  # [n, 4] shares of the ways to count what comes after one
    credence: NDArray[np.float64]  # [n, 1 or 0] chance that what is not seen is 1, at birth
    rho: NDArray[np.float32]  # [n] how much they count that their copies do as they do
    # What those do who plan nothing (model 2, tables); no rows where minds plan
    table: NDArray[np.float32]  # [n, rows, A] preference for each action
    # What those do of whom only that is known: policies; none where minds plan or are tables
    policies: NDArray[np.object_]  # [n, 1 or 0] of :data:`PolicyOf`

    @classmethod
    def of(
        cls,
        weights: NDArray[np.floating],
        *,
        depth: ArrayLike,
        patience: ArrayLike,
        senses: ArrayLike,
        temperature: ArrayLike = 0.0,
        rho: ArrayLike = 0.0,
    ) -> Minds:
        """Minds of one plan, that feel nothing but features.

        Args:
            weights: [n, F].
            depth, patience, senses, temperature, rho: [n], or one number for all.
        """
        n = len(weights)

        def of_each(value: ArrayLike, dtype: type[np.generic]) -> NDArray[Any]:
            return np.broadcast_to(np.asarray(value, dtype), n)

        nothing = np.zeros(n, np.float32)
        return cls(
            weights=np.asarray(weights, np.float32),
            arrival=nothing,
            depth=of_each(depth, np.int32),
            patience=of_each(patience, np.float32),
            temperature=of_each(temperature, np.float32),
            senses=of_each(senses, np.int64),
            second_weights=np.zeros(weights.shape, np.float32),
            second_depth=np.zeros(n, np.int32),
            share=nothing,
            rho=of_each(rho, np.float32),
            **_foreseeing_nothing(n, weights.shape[1]),
            table=np.zeros((n, 0, 0), np.float32),
            policies=np.zeros((n, 0), np.object_),
        )

    @classmethod
    def that_do(cls, policies: Sequence[PolicyOf], weights: NDArray[np.floating]) -> Minds:
        """Minds of which nothing is known but what they do; they see everything.

        Args:
            policies: n of them.
            weights: [n, F] what they are held to want; 0: nothing.
        """
        minds = cls.of(weights, depth=0, patience=0.0, temperature=1.0, senses=-1)
        given = np.empty((len(policies), 1), np.object_)
        given[:, 0] = policies
        return minds._replace(policies=given)

    def rows(self, which: NDArray[np.integer]) -> Minds:
        """Some of them, in that order."""
        return Minds(*(array[which] for array in self))

    @property
    def foresee(self) -> bool:
        """Whether they foresee corrections, or are uncertain."""
        return bool(self.later.shape[1] or self.credence.shape[1])

    @property
    def plan_nothing(self) -> bool:
        """Whether they are tables."""
        return bool(self.table.shape[1])

    @property
    def only_do(self) -> bool:
        """Whether nothing is known of them but what they do."""
        return bool(self.policies.shape[1])

    @property
    def second(self) -> Minds:
        """Their second plans, as minds of their own, which feel nothing but features."""
        return self._replace(
            weights=self.second_weights,
            depth=self.second_depth,
            arrival=np.zeros_like(self.arrival),
        )


def loci(scenario: Scenario) -> tuple[Locus, ...]:
    """The loci that evolve, in the order of the genome: drives, depth, patience, temperature,
    senses, reliance, rho; ``drive.sweetness``, ``depth``, ``patience``, ``temperature``,
    ``sense.watcher``, ``reliance``, ``rho``; of tables senses, then ``table.here=mate.use``, row by
    row (docs/model.md, 2, genome); of an agent that learns its parameters.

    >>> from evosim import mind, scenario
    >>> all(locus.low < locus.high for locus in mind.loci(scenario.load("foraging")))
    True
    """
    if scenario.agent.learner is not None:
        return _parameters(scenario)
    return tuple(
        Locus(
            name=name,
            low=float(locus.low),
            high=float(locus.high),
            start_low=float(locus.start_low),
            start_high=float(locus.start_high),
        )
        for name, locus in scenario.loci.items()
        if not locus.pinned
    )


def _parameters(scenario: Scenario) -> tuple[Locus, ...]:
    """The parameters of an agent, as many as it has; float32 holds them."""
    if "loci" not in scenario.kept:
        ends = {"low": -LARGEST, "high": LARGEST, "start_low": 0.0, "start_high": 0.0}
        scenario.kept["loci"] = tuple(
            Locus(name=f"{OF_PARAMETERS}{i}", **ends) for i in range(untrained(scenario).n)
        )
    return scenario.kept["loci"]


def initial(scenario: Scenario, n: int, key: int) -> FloatArray:
    """Genomes of the first generation, uniform within where each locus starts.

    A genome depends on the key and its row only, so a larger population begins with the smaller.

    Args:
        n: number of individuals.
        key: of the purpose INITIAL (model 5).

    Returns:
        Genes [n, loci], float64, within their bounds.

    >>> from evosim import mind, rng, scenario
    >>> read = scenario.load("foraging")
    >>> genomes = mind.initial(read, 5, rng.key(1, rng.Purpose.INITIAL))
    >>> genomes.shape == (5, len(mind.loci(read)))
    True
    """
    individual = rng.draws(key & rng.MASK, np.arange(n))
    evolving = loci(scenario)
    bits = rng.draws(individual[:, None], np.arange(len(evolving)))
    u = (bits >> np.uint64(11)) * 2.0**-53
    low = np.array([locus.start_low for locus in evolving])
    high = np.array([locus.start_high for locus in evolving])
    return np.minimum(low + (high - low) * u, high)


def express(scenario: Scenario, genomes: ArrayLike) -> Minds:
    """The minds of genomes: drives scaled to unit length, depth rounded down, a sense present
    where its gene is above 1/2.

    Drives that are all zero stay zero. Values are rounded to float32 last. What minds acquire in
    their lives comes later (:func:`evosim.engine.mechanism.minds_of`).

    Args:
        scenario: whose loci the genes are of.
        genomes: genes [n, loci].

    Raises:
        ValueError: not a row of genes for each individual.

    >>> import numpy as np
    >>> from evosim import mind, rng, scenario
    >>> read = scenario.load("foraging")
    >>> minds = mind.express(read, mind.initial(read, 5, rng.key(1, rng.Purpose.INITIAL)))
    >>> length = np.sqrt((minds.weights.astype(float) ** 2).sum(axis=1) + minds.arrival**2)
    >>> bool(np.allclose(length, 1.0))
    True
    """
    if scenario.agent.learner is not None:
        return _learned(scenario, np.asarray(genomes, np.float64))
    genes = _genes(scenario, genomes)
    n = len(next(iter(genes.values())))
    drives = _unit_drives(scenario, genes)
    stimuli = scenario.stimuli
    share, second_depth = scenario.agent.second_plan or ("", 0)
    weights = np.zeros((n, len(stimuli) + len(scenario.payoffs) + len(scenario.looks)), np.float32)
    for i, name in enumerate(stimuli):
        weights[:, i] = drives[name]
    senses = np.zeros(n, np.int64)
    # A drive that is no stimulus is built in: what it is for is felt on arriving.
    built_in = [unit for name, unit in drives.items() if name not in stimuli]
    for bit, name in enumerate(scenario.senses):
        senses |= _has_sense(genes[f"sense.{name}"]).astype(np.int64) << bit
    return Minds(
        weights=weights,
        arrival=np.asarray(built_in[0] if built_in else np.zeros(n), np.float32),
        depth=_depth(genes).astype(np.int32),
        patience=genes["patience"].astype(np.float32),
        temperature=genes["temperature"].astype(np.float32),
        senses=senses,
        second_weights=np.zeros_like(weights),
        second_depth=np.full(n, second_depth, np.int32),
        share=genes[share].astype(np.float32) if share else np.zeros(n, np.float32),
        **_foreseeing_nothing(n, weights.shape[1])
        | {
            "anticipation": _anticipation(genes, n).astype(np.float32),
            "credence": _credence(genes, n),
        },
        rho=np.asarray(genes.get("rho", np.zeros(n)), np.float32),
        table=_table(scenario, genes, n),
        policies=np.zeros((n, 0), np.object_),
    )


def _learned(scenario: Scenario, genomes: FloatArray) -> Minds:
    """Minds that do what an agent does with each row of parameters."""
    if genomes.ndim != 2 or genomes.shape[1] != (n := untrained(scenario).n):
        raise ValueError(f"genomes of shape {genomes.shape}, expected (individuals, {n})")
    return Minds.that_do(
        [Policy(scenario, row) for row in genomes], np.tile(worth_of(scenario), (len(genomes), 1))
    )


def cost(scenario: Scenario, minds: Minds) -> FloatArray:
    """What minds cost their owners a generation, [n], of the selected payoff: depth and senses.

    >>> import numpy as np
    >>> from evosim import mind, scenario
    >>> read = scenario.load("planners_emerge").replace("agent.thinking_cost", 0.5)
    >>> minds = mind.express(read, mind.initial(read, 3, 0))._replace(depth=np.array([0, 1, 4]))
    >>> mind.cost(read, minds).tolist()
    [0.0, 0.5, 2.0]
    """
    total = np.asarray(scenario.agent.thinking_cost * minds.depth, np.float64)
    for bit, name in enumerate(scenario.senses):
        if name in scenario.agent.sense_cost:
            total = total + scenario.agent.sense_cost[name] * (minds.senses >> bit & 1)
    return total


def phenotype(scenario: Scenario, genomes: ArrayLike) -> dict[str, NDArray[Any]]:
    """What genomes express, by the name of the locus, pinned loci included.

    Args:
        genomes: genes [n, loci].

    Returns:
        Each [n]: ``drive.*`` as parts of a vector of unit length, ``depth`` rounded down (int64),
        ``patience``, ``temperature``, ``sense.*`` (bool: whether the variable is seen),
        ``reliance`` where there are tools, ``anticipation.*`` as shares that sum to 1 where minds
        can be corrected, and ``rho`` where there are copies.

    Raises:
        ValueError: not a row of genes for each individual.

    >>> from evosim import mind, rng, scenario
    >>> read = scenario.load("foraging")
    >>> expressed = mind.phenotype(read, mind.initial(read, 5, rng.key(1, rng.Purpose.INITIAL)))
    >>> expressed["depth"].dtype
    dtype('int64')
    """
    genes = _genes(scenario, genomes)
    drives = _unit_drives(scenario, genes)
    result: dict[str, NDArray[Any]] = {f"drive.{name}": unit for name, unit in drives.items()}
    result["depth"] = _depth(genes)
    result["patience"] = genes["patience"]
    result["temperature"] = genes["temperature"]
    for name in scenario.senses:
        result[f"sense.{name}"] = _has_sense(genes[f"sense.{name}"])
    for way, share in zip(WAYS, _anticipation(genes, len(genes["depth"])).T, strict=True):
        result[f"anticipation.{way}"] = share
    return {name: result.get(name, gene) for name, gene in genes.items()}


def unit_length(drives: FloatArray) -> FloatArray:
    """Vectors scaled to unit length along the last axis; zero vectors stay zero.

    Scaled by the largest part first, so that no square underflows, and summed in order, so that
    the result does not depend on the processor.

    >>> unit_length(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    largest = np.max(np.abs(drives), axis=-1, initial=0.0, keepdims=True)
    scaled = np.divide(drives, largest, out=np.zeros_like(drives), where=largest > 0)
    square = np.zeros(scaled.shape[:-1])
    for i in range(scaled.shape[-1]):
        square += scaled[..., i] ** 2
    norm = np.sqrt(square)[..., None]
    return np.divide(scaled, norm, out=np.zeros_like(scaled), where=norm > 0)


def _genes(scenario: Scenario, genomes: ArrayLike) -> dict[str, FloatArray]:
    """The value of every locus, [n] each, pinned ones filled in."""
    matrix = np.asarray(genomes, np.float64)
    every = scenario.loci
    if scenario.agent.learner is not None:
        # They are no trait by themselves, and told nowhere one by one.
        matrix = matrix[:, :0]
    n_loci = sum(not locus.pinned for locus in every.values())
    if matrix.ndim != 2 or matrix.shape[1] != n_loci:
        raise ValueError(f"genomes of shape {matrix.shape}, expected (individuals, {n_loci})")
    columns = iter(matrix.T)
    return {
        name: np.full(len(matrix), float(locus.low)) if locus.pinned else next(columns)
        for name, locus in every.items()
    }


def _unit_drives(scenario: Scenario, genes: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    names = list(scenario.agent.drives)
    if not names:
        return {}
    unit = unit_length(np.stack([genes[f"drive.{name}"] for name in names], axis=1))
    return {name: unit[:, i] for i, name in enumerate(names)}


def _anticipation(genes: Mapping[str, FloatArray], n: int) -> FloatArray:
    """[n, 4] The shares of the ways to count what comes after a correction; all 0: none has any."""
    given = [genes.get(f"anticipation.{way}", np.zeros(n)) for way in WAYS]
    total = sum(given, np.zeros(n))
    shares = np.divide(given, total, out=np.zeros((len(WAYS), n)), where=total > 0)
    return shares.T


def _credence(genes: Mapping[str, FloatArray], n: int) -> FloatArray:
    """[n, 1] What chance minds give what they do not see; [n, 0] where they assume a value."""
    given = [gene for name, gene in genes.items() if name.startswith("credence.")]
    return np.array(given).reshape(len(given), n).T


def _foreseeing_nothing(n: int, n_features: int) -> dict[str, NDArray[Any]]:
    """The fields of minds that foresee no correction and are not uncertain."""
    return {
        "later": np.zeros((n, 0, n_features), np.float32),
        "anticipation": np.zeros((n, 4), np.float32),
        "credence": np.zeros((n, 0)),
    }


def _table(scenario: Scenario, genes: Mapping[str, FloatArray], n: int) -> NDArray[np.float32]:
    made = scenario.rows
    if made is None:
        return np.zeros((n, 0, 0), np.float32)
    theta = np.stack([genes[name] for name in made.genes()], axis=1)
    return theta.reshape(n, made.n, len(made.actions)).astype(np.float32)


def _depth(genes: Mapping[str, FloatArray]) -> NDArray[np.int64]:
    return np.floor(genes["depth"]).astype(np.int64)


def _has_sense(gene: FloatArray) -> NDArray[np.bool_]:
    return gene > 0.5
