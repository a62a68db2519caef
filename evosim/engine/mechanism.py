"""What a mechanism can do in a run: hooks that do nothing unless it overrides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import mechanisms, mind

if TYPE_CHECKING:
    from evosim.engine.probe import Expected, ProbedEnvironment
    from evosim.mind import Minds
    from evosim.scenario import Scenario
    from evosim.world import Environment

FloatArray = NDArray[np.float64]


class Mechanism:
    """The part of a run that belongs to an optional section of its scenario.

    Args:
        scenario: what is run; it has the section.
        seed: of the replicate.
    """

    controls: ClassVar[tuple[str, ...]] = ()
    """Control minds beside those of every run, by name; they go to the end of ``mind``."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed

    # Minds

    def develop(self, minds: Minds, generation: int, individuals: NDArray[np.integer]) -> Minds:
        """The minds of individuals of a generation, with what they acquire beside their genome."""
        return minds

    # Probes

    def part(self, env: Environment) -> NDArray[np.int32] | None:
        """[n_x] To which part of a life a step belongs that begins at x, counted from 0.

        Expectations then tell the parts apart (``Expected.by_part``). None: they need not.
        """
        return None

    def control(self, name: str, minds: Minds) -> Minds:
        """The control mind of that name, of each of the evolved ones."""
        raise NotImplementedError

    def measure_mind(self, place: ProbedEnvironment, mind: Expected) -> dict[str, FloatArray]:
        """What is measured of every mind in an environment: probe variables, [n] or [1] each."""
        return {}

    def measure(
        self, place: ProbedEnvironment, evolved: Minds, optimum: FloatArray
    ) -> dict[str, FloatArray]:
        """What is measured of the evolved minds alone: probe variables, [n] each.

        Args:
            optimum: [n] J_I*, the optimum of their drives.
        """
        return {}

    def expect(
        self,
        place: ProbedEnvironment,
        minds: Minds,
        believed: Environment | None,
        generation: int,
    ) -> tuple[NDArray[np.integer], Expected] | None:
        """What minds can expect for which there is no exact expectation, and their rows.

        None: there is one for all of them.
        """
        return None


def mechanisms_of(scenario: Scenario, seed: int = 0) -> list[Mechanism]:
    """The mechanisms that a scenario uses, for a replicate of a seed."""
    used = mechanisms.modules("state", mechanisms.used(scenario))
    return [module.MECHANISM(scenario, seed) for module in used]


def minds_of(
    scenario: Scenario,
    genomes: ArrayLike,
    *,
    seed: int,
    generation: int,
    individuals: NDArray[np.integer],
) -> Minds:
    """The minds of individuals of a generation: expressed, and with what they acquire.

    Args:
        genomes: [n, loci].
        seed: of the replicate.
        individuals: [n] their numbers in the generation.

    >>> import numpy as np
    >>> from evosim import mind, rng, scenario
    >>> read = scenario.load("spreadsheet")
    >>> genomes = mind.initial(read, 2, rng.key(1, rng.Purpose.INITIAL))
    >>> minds = minds_of(read, genomes, seed=1, generation=0, individuals=np.arange(2))
    >>> bool(minds.second_weights.any())
    True
    """
    return developed(scenario, mind.express(scenario, genomes), seed, generation, individuals)


def developed(
    scenario: Scenario,
    minds: Minds,
    seed: int,
    generation: int,
    individuals: NDArray[np.integer],
) -> Minds:
    """Minds with what individuals acquire in that generation; controls acquire it likewise."""
    for mechanism in mechanisms_of(scenario, seed):
        minds = mechanism.develop(minds, generation, individuals)
    return minds
