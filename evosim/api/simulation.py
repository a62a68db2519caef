"""A run in memory, without a folder: whole, or generation by generation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evosim.api._arguments import accepting, read_scenario, seed_of
from evosim.engine import in_memory, provenance
from evosim.engine.dataset import attributes
from evosim.engine.in_memory import OnGeneration
from evosim.engine.iterate import Generation, Iteration
from evosim.errors import whole_number
from evosim.metrics.leakage import check_disjoint

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario, Settings

__all__ = ["Generation", "Iteration", "iterate", "simulate"]


@accepting
def simulate(
    scenario: Scenario | str | Path,
    seed: int | None = None,
    *,
    settings: Settings = (),
    replicates: int = 1,
    probes: bool = True,
    on_generation: OnGeneration | None = None,
) -> xr.Dataset:
    """Simulate a scenario in memory, and give its data: no folder, no verdict, no figures.

    The data are those of :func:`evosim.run` with the same seed, to the bit. It uses the threads of
    this process only; for many replicates, or a run that should outlive a crash, take
    :func:`evosim.run`.

    Args:
        scenario: a scenario, the id of one of the catalogue, or the path of a file.
        seed: 0 .. 2**64 - 1; drawn by the operating system if None (``data.attrs["seed"]``).
        settings: changes of the scenario: a mapping, ``{"evolution.population": 100}``, or texts,
            ``["evolution.population=100"]``.
        replicates: independent populations.
        probes: whether to take the exact measures (capability, alignment and so on), which take
            about as long as the lifetimes. Without, their variables are left out.
        on_generation: called with the replicate, the generation and its mean score after each
            generation. Where it returns True, nothing more is simulated once all replicates
            have that generation.

    Returns:
        The dataset of run.nc (docs/architecture.md): genomes [replicate, generation, individual,
        locus], scores and so on, each with units; where it was stopped, of fewer generations.

    Raises:
        EvosimError: a mistake in the scenario or the arguments.
        RunError: a score is not finite, or not one that the selection operator takes.

    Example:
        >>> import evosim
        >>> small = {"evolution.population": 10, "measure.sample": 10,
        ...          "timeline.0.generations": 2, "timeline.1.generations": 2}
        >>> data = evosim.simulate("contraception", seed=1, settings=small, probes=False)
        >>> dict(data["score"].sizes)
        {'replicate': 1, 'generation': 4, 'individual': 10}
    """
    read = read_scenario(scenario, settings)
    replicates = whole_number("replicates", replicates, 1)
    seed = seed_of(seed)
    manifest = provenance.manifest(
        read,
        seed=seed,
        probe_seed=seed,
        seeds=[{"from": 0, "seed": seed}],
        replicates=replicates,
        command=f"evosim.simulate({read.id!r}, ...)",
    )
    check_disjoint(read, manifest)
    data = in_memory.simulate(
        read, seed, replicates=replicates, probes=probes, on_generation=on_generation
    )
    return data.assign_attrs(attributes(read, manifest))


@accepting
def iterate(
    scenario: Scenario | str | Path,
    seed: int | None = None,
    *,
    settings: Settings = (),
    replicate: int = 0,
) -> Iteration:
    """The generations of a scenario one by one, to look at and to intervene in.

    Each generation has its ``number``, ``environments``, ``genomes`` [N, loci], ``scores`` [N],
    ``payoffs`` [N, payoffs], ``parents`` [N, 2], and ``probe`` (exact measures, where it is
    probed). The loop can be left at any time. ``generation.population = genomes`` goes on with
    other genomes, ``generation.flip("modern")`` in another environment; without the former, the
    numbers are those of a run of ``iterate(...).scenario`` with the same seed, to the bit.

    Args:
        scenario: a scenario, the id of one of the catalogue, or the path of a file.
        seed: 0 .. 2**64 - 1; drawn by the operating system if None (``iterate(...).seed``).
        settings: changes of the scenario: a mapping, ``{"evolution.population": 100}``, or texts,
            ``["evolution.population=100"]``.
        replicate: which replicate of the run with that seed.

    Returns:
        An iterator over :class:`Generation`; each is simulated when it is asked for.

    Raises:
        EvosimError: a mistake in the scenario or the arguments; while iterating, a
            :class:`evosim.RunError` as of :func:`simulate`.

    Example:
        Flip once foragers are good enough, whenever that is:

        >>> import evosim
        >>> small = {"evolution.population": 10, "measure.sample": 10,
        ...          "timeline.0.generations": 3}
        >>> for generation in evosim.iterate("contraception", seed=1, settings=small):
        ...     if generation.number == 1:
        ...         generation.flip("modern", generations=2)
        >>> generation.number, set(generation.environments)
        (3, {'modern'})
    """
    read = read_scenario(scenario, settings)
    return Iteration(read, seed_of(seed), whole_number("replicate", replicate))
