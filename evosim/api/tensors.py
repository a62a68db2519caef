"""Explicit tensors of one level, for other tools: T[s,a,s'], rewards and labels in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from evosim.api._arguments import accepting, read_scenario
from evosim.api.folders import open_single_run
from evosim.api.runs import Run
from evosim.engine.files import Unfailing, as_json, is_folder, replacing
from evosim.engine.variables import present
from evosim.errors import Argument, EvosimError, did_you_mean, seed_number, whole_number
from evosim.process import expanded, place
from evosim.world.tensors import BOUND

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from evosim.scenario import Scenario, Settings
    from evosim.world.tensors import Process

SUFFIXES = (".npz", ".nc")


class Wants(NamedTuple):
    """The drives of a generation of a run, and of whom the reward is written out."""

    generation: int
    replicate: int
    individual: int
    drives: NDArray[np.float64]  # [individual, F] unit drives over stimuli, 0 for payoffs


@accepting
def tensors(
    source: Scenario | Run | str | Path,
    *,
    environment: str | None = None,
    level_seed: int = 0,
    settings: Settings = (),
    generation: int | None = None,
    individual: int | Literal["best", "median"] | None = None,
    replicate: int | None = None,
    bound: int = BOUND,
) -> xr.Dataset:
    """One level of an environment as a Markov decision process, dense, with labels.

    The rules are the true ones; what minds cannot see or wrongly believe is not in it. Age is no
    part of the state: a lifetime is ``lifetime`` steps (an attribute) of the process.

    Args:
        source: a scenario, the id of one of the catalogue, a file, or a run (or its folder), of
            which the drives of individuals are added.
        environment: by name; the main one of the first phase if None.
        level_seed: of the level drawn, as ``evosim show`` draws it; 0 .. 2**64 - 1.
        settings: changes of a scenario, see :func:`evosim.run`.
        generation: of a run; the last one with any individuals if None.
        individual: of a run: whose reward is written out; its number, "best" or "median" by the
            score of its generation, best if None.
        replicate: of a run; the first if None.
        bound: bytes that a tensor may take.

    Returns:
        ``transition`` [state, action, next_state]; ``feature_reward`` [feature, state, action,
        next_state], the expected amount of each stimulus and payoff; ``feature_expected`` [feature,
        state, action]; ``reward_intended``, ``reward_selected`` and, of a run, ``reward_drives``
        [state, action, next_state]; ``start`` [state]; ``row``, ``column``, ``site`` [state] and
        ``value`` [state, variable]; of a run ``drives`` [individual, feature] of its whole
        generation, so that the reward of each is drives times feature_reward.

    Example:
        >>> import evosim
        >>> evosim.tensors("true_drive", level_seed=3)["transition"].shape
        (73, 6, 73)

    Raises:
        EvosimError: a tensor takes more than the bound; no such environment, individual ...;
            options that the source does not have; drives that include novelty, which has no
            reward of (s, a, s').
    """
    level_seed = seed_number(level_seed, "level_seed")
    wants = None
    run = None
    if isinstance(source, Run):
        run = source
    elif isinstance(source, str | Path) and is_folder(expanded(source)):
        run = open_single_run(source)
    if run is None:
        options = {"generation": generation, "individual": individual, "replicate": replicate}
        for name, value in options.items():
            if value is not None:
                raise EvosimError(Argument(name), f" is about a run, and {source} is a scenario")
        assert not isinstance(source, Run)
        scenario = read_scenario(source, settings)
    else:
        if settings:
            raise EvosimError(
                Argument("settings"),
                f" changes a scenario, and {run.path} is a run: name its scenario instead, "
                f"{run.path / 'scenario.toml'}",
            )
        if generation is not None:
            generation = whole_number("generation", generation)
        if individual is not None and not isinstance(individual, str):
            individual = whole_number("individual", individual)
        replicate = 0 if replicate is None else whole_number("replicate", replicate)
        scenario, wants = _wants(run, generation, individual, replicate)
    name = environment or scenario.ancestral
    if name not in scenario.environments:
        raise EvosimError(
            f"no environment {name!r} in scenario {scenario.id!r}: "
            f"{did_you_mean(name, scenario.environments)}"
        )
    return _dataset(scenario, _process(scenario, name, level_seed), level_seed, wants, bound)


@accepting
def export_tensors(
    source: Scenario | Run | str | Path,
    path: str | Path,
    *,
    environment: str | None = None,
    level_seed: int = 0,
    settings: Settings = (),
    generation: int | None = None,
    individual: int | Literal["best", "median"] | None = None,
    replicate: int | None = None,
    bound: int = BOUND,
) -> Path:
    """Write one level as a Markov decision process to a file that other tools read.

    The file holds ``transition`` [state, action, next_state], the rewards, and labels of states:
    all that :func:`evosim.api.tensors.tensors` returns.

    Args:
        source: a scenario, the id of one of the catalogue, a file, or a run (or its folder), of
            which the drives of individuals are added.
        path: ``.npz`` (numpy; attributes as JSON under the name ``attributes``) or ``.nc``
            (netCDF-4, for xarray). It appears whole or not at all.
        environment: by name; the main one of the first phase if None.
        level_seed: of the level drawn.
        settings: changes of a scenario, see :func:`evosim.run`.
        generation: of a run; the last one with any individuals if None.
        individual: of a run: whose reward is written out; its number, "best" or "median" by the
            score of its generation, best if None.
        replicate: of a run; the first if None.
        bound: bytes that a tensor may take.

    Returns:
        The path.

    Example:
        >>> import evosim, numpy
        >>> path = evosim.export_tensors("true_drive", "level.npz", level_seed=3)
        >>> numpy.load(path)["transition"].shape
        (73, 6, 73)

    Raises:
        EvosimError: as :func:`tensors`; another suffix; a place that cannot be written.
    """
    path = place(path)
    if path.suffix not in SUFFIXES:
        raise EvosimError(f"{path}: tensors are written as .npz (numpy) or .nc (netCDF)")
    made = tensors(
        source, environment=environment, level_seed=level_seed, settings=settings,
        generation=generation, individual=individual, replicate=replicate, bound=bound,
    )  # fmt: skip
    if path.suffix == ".npz":
        text = as_json(made.attrs)
        arrays: dict[str, Any] = {**_arrays(made), "attributes": np.array(text)}
        with replacing(path) as file:
            np.savez_compressed(file, **arrays)
    else:
        _write_netcdf(made, path)
    return path


@accepting
def drives(
    run: Run | str | Path,
    *,
    generation: int | None = None,
    individual: int | Literal["best", "median"] = "best",
    replicate: int = 0,
) -> dict[str, float]:
    """What an individual of a run wants, as the reward of another agent.

    Args:
        run: a run, or its folder.
        generation: of the run; the last one with any individuals if None.
        individual: its number, "best" or "median" by the score of its generation.
        replicate: of the run.

    Returns:
        Its unit drive for each stimulus, which ``reward`` of :func:`evosim.gym.make` takes.

    Example:
        >>> import evosim
        >>> run = evosim.run("strawberry", seed=1)                       # doctest: +SKIP
        >>> env = evosim.gym.make("strawberry", reward=evosim.drives(run))  # doctest: +SKIP

    Raises:
        EvosimError: no run, generation, replicate or individual; novelty is among the drives, which
            depends on the cells visited before.
    """
    opened = run if isinstance(run, Run) else open_single_run(run)
    if generation is not None:
        generation = whole_number("generation", generation)
    if not isinstance(individual, str):
        individual = whole_number("individual", individual)
    replicate = whole_number("replicate", replicate)
    scenario, wants = _wants(opened, generation, individual, replicate)
    felt = wants.drives[wants.individual][: len(scenario.stimuli)].tolist()
    return dict(zip(scenario.stimuli, felt, strict=True))


def _wants(
    run: Run, generation: int | None, individual: int | str | None, replicate: int
) -> tuple[Scenario, Wants]:
    """The scenario of a generation, and what its individuals want."""
    from evosim import mind
    from evosim.metrics import rewards
    from evosim.plot.episode import find_individual

    data = run.data
    generation, number = find_individual(
        data,
        generation=generation,
        individual="best" if individual is None else individual,
        replicate=replicate,
    )
    scenario = run._folder.scenario_at(generation)
    if rewards.unsupported(scenario):
        raise EvosimError(
            f"{scenario.built_in[0]} is among the drives: it depends on the cells visited before, "
            "so that it is no reward of (s, a, s'). Without drives: export "
            f"{run.path / 'scenario.toml'}"
        )
    then = data.isel(replicate=replicate).sel(generation=generation)
    alive = present(then)
    genomes = np.asarray(then["genome"].transpose("individual", "locus").values, np.float64)
    drives = rewards.expressed(scenario, mind.phenotype(scenario, genomes[:alive]))
    return scenario, Wants(generation, replicate, number, drives)


def _process(scenario: Scenario, environment: str, level_seed: int) -> Process:
    from evosim import world
    from evosim.world import tensors as explicit

    levels = world.draw_levels(scenario, environment, [level_seed])
    return explicit.process(world.environment(scenario, environment), levels)


def _dataset(
    scenario: Scenario, process: Process, level_seed: int, wants: Wants | None, bound: int
) -> xr.Dataset:
    import xarray as xr

    from evosim.metrics import rewards

    process.check_size(bound, times=len(process.features))
    whole = ("state", "action", "next_state")
    states = process.names()
    site = np.append(process.slot, -1)[process.cell]
    kinds = [slot.kind for slot in process.environment.world.slots]
    objective = scenario.objective
    variables: dict[str, tuple[tuple[str, ...], Any, str, str]] = {
        "transition": (whole, process.transitions(bound=bound), "1", "T(s' | s, a), a whole step"),
        "feature_reward": (
            ("feature", *whole), process.rewards(bound=bound), "amount",
            "expected amount of each feature given s, a and s'; 0 where T is 0",
        ),
        "feature_expected": (
            ("feature", "state", "action"), np.moveaxis(process.expected, 2, 0), "amount",
            "expected amount of each feature given s and a",
        ),
        "start": (("state",), process.start, "1", "distribution over states at birth"),
        "row": (("state",), process.places()[:, 0], "1", "row of the cell, -1 when dead"),
        "column": (("state",), process.places()[:, 1], "1", "column of the cell, -1 when dead"),
        "site": (
            ("state",), np.array([kinds[s] if s >= 0 else "" for s in site], np.str_), "",
            "kind of the site on the cell, empty where there is none",
        ),
        "value": (
            ("state", "variable"), process.values(), "1", "value of each variable, -1 when dead"
        ),
    }  # fmt: skip
    for role in ("intended", "selected"):
        payoff = getattr(objective, role)
        reward = process.reward(rewards.payoff(scenario, payoff), bound=bound)
        variables[f"reward_{role}"] = (whole, reward, payoff, f"the {role} payoff, {payoff}")
    if wants is not None:
        drives = wants.drives[wants.individual]
        variables["reward_drives"] = (
            whole, process.reward(drives, bound=bound), "reward",
            f"internal reward of individual {wants.individual}",
        )  # fmt: skip
        variables["drives"] = (
            ("individual", "feature"), wants.drives, "1",
            "unit drives of each individual of the generation; payoffs weigh 0",
        )  # fmt: skip
    return xr.Dataset(
        {
            name: (dims, values, {"units": units, "long_name": words})
            for name, (dims, values, units, words) in variables.items()
        },
        coords={
            "state": states,
            "action": list(process.actions),
            "next_state": states,
            "feature": list(process.features),
            "feature_kind": (
                "feature",
                ["stimulus"] * len(scenario.stimuli) + ["payoff"] * len(scenario.payoffs),
            ),
            "variable": np.array(process.variables, np.str_),
        },
        attrs=_attributes(scenario, process, level_seed, wants),
    )


def _attributes(
    scenario: Scenario, process: Process, level_seed: int, wants: Wants | None
) -> dict[str, Any]:
    """What the tensors are of, and what is to be known of them."""
    from evosim.engine.provenance import versions

    objective = scenario.objective
    found: dict[str, Any] = {
        "title": f"{scenario.title}: {process.environment.name}, level {level_seed}",
        "scenario_id": scenario.id,
        "scenario": scenario.to_toml(),
        "environment": process.environment.name,
        "level_seed": str(level_seed),
        "lifetime": process.environment.lifetime,
        "intended": objective.intended,
        "selected": objective.selected,
        "evosim": versions()["evosim"],
        "note": "a life is at most `lifetime` steps; age is no part of the state; the last state, "
        "dead, is absorbing; the rules are the true ones, not what minds see or believe",
    }
    if wants is not None:
        found |= {name: getattr(wants, name) for name in wants._fields if name != "drives"}
    return found


def _arrays(made: xr.Dataset) -> Mapping[str, NDArray[Any]]:
    return {str(name): made[name].values for name in made.variables}


def _write_netcdf(made: xr.Dataset, path: Path) -> None:
    import h5netcdf
    import h5py

    with replacing(path, buffering=0) as file:
        guarded = Unfailing(file)
        with h5netcdf.File(guarded, "w") as out:
            out.dimensions = {str(name): size for name, size in made.sizes.items()}
            for name, values in _arrays(made).items():
                text = values.dtype.kind in "UO"
                variable = out.create_variable(
                    name,
                    made[name].dims,
                    dtype=h5py.string_dtype() if text else values.dtype,
                    compression=None if text or not values.size else "gzip",
                    compression_opts=None if text or not values.size else 1,
                )
                if values.size:
                    variable[...] = values.astype(object) if text else values
                for key, value in made[name].attrs.items():
                    variable.attrs[key] = value
            for key, value in made.attrs.items():
                out.attrs[key] = value
            out.attrs["coordinates"] = "feature_kind"
        guarded.check()
