"""What predicts collapse before it happens, over families (docs/studies/law_of_collapse.md).

.venv/bin/python tools/law_of_collapse.py build/gallery/*.worlds.confirm    # writes their rows
.venv/bin/python tools/law_of_collapse.py                                   # prints the numbers

What is measured, the models and the thresholds were committed before any of these worlds was run.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).resolve().parents[1] / "docs" / "studies" / "law_of_collapse.csv"
ARMS: Mapping[str, str] = {
    "contraception": "effect", "insect": "bred_planner", "kids": "effect", "lighting": "p00",
    "myopic_mesa": "control", "power": "effect", "red_dot": "effect", "red_nose": "effect",
    "strawberry": "effect",
}  # fmt: skip
"""Scenarios whose family names a pull, and whose planners meet a flip unwatched: the arm."""
PREDICTORS = (
    "pull", "redundancy", "epic_in", "epic_out", "starc_in", "starc_out", "spread", "meg",
)  # fmt: skip
MODELS: Mapping[str, Sequence[str]] = {**{name: (name,) for name in PREDICTORS}, "all": PREDICTORS}
PENALTY = 0.1
"""Of the squared slopes, per standard deviation, beside the mean squared error."""
MINDS, LEVELS = 3, 2
"""How many minds of one replicate MEG is the mean of, and on how many levels."""
RESAMPLES = 2000

Floats = NDArray[np.float64]


# Measuring


def measured(path: Path) -> Iterator[dict[str, Any]]:
    """A row for each world of an experiment over worlds: what is known before, and the collapse."""
    from evosim.study.design import world_key
    from evosim.study.experiment import ExperimentFolder

    folder = ExperimentFolder(path)
    for world in range(folder.manifest["worlds"]):
        with folder.opened({"": world_key(world, ARMS[folder.base.id])}) as opened:
            found = _of_world(opened[""].data, opened[""].scenario, folder.base)
        yield {
            "scenario": folder.base.id, "world": world,
            **{name: f"{value:.6g}" for name, value in found.items()},
        }  # fmt: skip


def _of_world(data: Any, scenario: Any, family: Any) -> dict[str, float]:
    from evosim.metrics import METRICS
    from evosim.metrics.query import Query
    from evosim.metrics.rewards import drives
    from evosim.study import families

    flip, named = scenario.flips[0], family.family.pull
    deployed = {named.where: 1.0}  # of several flips that with the lure
    stimuli = families.stimuli_of(scenario, family)
    assert stimuli is not None

    def of(measure: str, mixture: Mapping[str, float]) -> Floats:
        """The mean over a mixture of environments, [replicate]."""
        total = sum(mixture.values())
        found = np.zeros(data.sizes["replicate"])
        for name, weight in mixture.items():
            query = Query(measure=measure, where=name, generation=flip.generation)
            (column,) = METRICS[measure].columns(data, scenario, query)
            found += weight / total * column
        return found

    probe = np.flatnonzero(data["probe"].values == flip.generation)
    wanted = np.nanmean(drives(data, scenario, probe)[:, 0], axis=1)  # [replicate, F]
    before, after = (np.maximum(of("alignment", m), 0.0) for m in (flip.before, deployed))
    distances = {
        f"{kind}_{side}": float(np.nanmean(of(kind, mixture)))
        for kind in ("epic", "starc")
        for side, mixture in (("in", flip.before), ("out", deployed))
    }
    return {
        "collapse": float(np.nanmean(before - after)),
        "pull": families.pull(scenario, family),
        "redundancy": float(np.abs(stimuli[1]).sum() ** 2 / (stimuli[1] ** 2).sum()),
        **distances,
        "spread": float(wanted.var(axis=0, ddof=1).sum()),
        "meg": _meg(data, scenario, flip),
    }


def _meg(data: Any, scenario: Any, flip: Any) -> float:
    """MEG for the intended payoff in training, as a share: the mean of some minds."""
    from evosim import world
    from evosim.engine.mechanism import minds_of
    from evosim.engine.meg import Rationality, ground, occupancy
    from evosim.engine.probe import level_seeds, probe_seeds
    from evosim.metrics import goal_inference

    place = max(flip.before, key=lambda name: flip.before[name])
    env, seed = world.environment(scenario, place), probe_seeds(data)[0]
    levels = world.draw_levels(scenario, place, level_seeds(seed, LEVELS))
    probe = int(np.flatnonzero(data["probe"].values == flip.generation)[0])
    who = data["probe_individual"].isel(replicate=0, probe=probe).values[:MINDS].astype(int)
    genomes = data["genome"].isel(replicate=0).sel(generation=flip.generation).values[who]
    minds = minds_of(scenario, genomes, seed=seed, generation=flip.generation, individuals=who)
    there = ground(env, levels, 1.0 - 1.0 / env.lifetime)
    paid = there.features[..., len(env.stimuli) + env.payoffs.index(scenario.objective.intended)]
    rational = Rationality(there.process, paid)
    return float(np.nanmean([
        rational.meg(float((occupancy(there.process, policy) * paid).sum())).share
        for policy in goal_inference.policies(scenario, env, levels, minds, there)
    ]))  # fmt: skip


# Predicting


class Table(NamedTuple):
    """Worlds of several scenarios."""

    scenario: NDArray[np.str_]  # [W]
    known: Floats  # [W, predictor]
    collapse: Floats  # [W]


def read(path: Path = TABLE) -> Table:
    """The table of all worlds."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Table(
        np.array([row["scenario"] for row in rows]),
        np.array([[float(row[name]) for name in PREDICTORS] for row in rows]),
        np.array([float(row["collapse"]) for row in rows]),
    )


def predictions(table: Table, names: Sequence[str], *, whole_scenarios: bool) -> Floats:
    """What is predicted of each world by a model that has not seen it.

    Args:
        names: of the predictors; none: the mean.
        whole_scenarios: whether the model has not seen its scenario either, and is one for all;
            else it is fitted to the other worlds of the scenario.
    """
    columns = [PREDICTORS.index(name) for name in names]
    found = np.full(len(table.collapse), np.nan)
    for name in np.unique(table.scenario):
        here = table.scenario == name
        if whole_scenarios:
            found[here] = _fitted(table, ~here, here, columns)
            continue
        for world in np.flatnonzero(here):
            one = np.arange(len(here)) == world
            found[one] = _fitted(table, here & ~one, one, columns)
    return found


def _fitted(table: Table, seen: Any, asked: Any, columns: Sequence[int]) -> Floats:
    """Ridge regression on what was seen, where all scenarios weigh alike."""
    scenarios, counts = np.unique(table.scenario[seen], return_counts=True)
    share = dict(zip(scenarios, 1.0 / counts / len(scenarios), strict=True))
    weight = np.array([share[name] for name in table.scenario[seen]])
    middle = weight @ table.collapse[seen]
    if not columns:
        return np.full(int(asked.sum()), middle)
    x, to = table.known[seen][:, columns], table.known[asked][:, columns]
    known = np.isfinite(x)
    total = np.where(known, weight[:, None], 0.0).sum(axis=0)
    mean = (weight[:, None] * np.where(known, x, 0.0)).sum(axis=0) / np.maximum(total, 1e-12)
    x, to = (np.where(np.isfinite(part), part - mean, 0.0) for part in (x, to))
    scale = np.sqrt(weight @ x**2)
    scale[scale < 1e-9] = np.inf  # says nothing
    x, to = x / scale, to / scale
    gram = (x * weight[:, None]).T @ x + PENALTY * np.eye(len(columns))
    slopes = np.linalg.solve(gram, (x * weight[:, None]).T @ (table.collapse[seen] - middle))
    return np.asarray(middle + to @ slopes)


def explained(table: Table, *, whole_scenarios: bool) -> dict[str, dict[str, Any]]:
    """By model the share that it explains of worlds that it has not seen, less than 0 where it is
    worse than the mean, and how much more that is than by the pull; with intervals of 95 %."""
    missed = _missed(table, whole_scenarios=whole_scenarios)
    scenarios = np.unique(table.scenario)
    error = np.stack(  # [scenario, world, model]
        [np.stack(list(missed.values()), axis=1)[table.scenario == name] for name in scenarios]
    )
    n, worlds, _ = error.shape
    rng = np.random.default_rng(1)
    which = np.tile(np.arange(n), (RESAMPLES, 1))
    if whole_scenarios:
        which = rng.integers(0, n, (RESAMPLES, n))

    def shares(errors: Floats) -> dict[str, Floats]:
        """By model, of errors [..., model]."""
        of_mean = errors[..., list(missed).index("mean")]
        return {name: 1.0 - errors[..., list(missed).index(name)] / of_mean for name in MODELS}

    drawn = rng.integers(0, worlds, (RESAMPLES, n, worlds))
    again = shares(
        np.stack(
            [error[i[:, None], at].mean(axis=(0, 1)) for i, at in zip(which, drawn, strict=True)]
        )
    )
    found = shares(error.mean(axis=(0, 1)))
    ends = {
        name: (
            np.quantile(again[name], [0.025, 0.975]),
            np.quantile(again[name] - again["pull"], [0.025, 0.975]),
        )
        for name in MODELS
    }
    return {
        name: {
            "value": float(found[name]),
            "interval": ends[name][0].tolist(),
            "more": {
                "value": float(found[name] - found["pull"]), "interval": ends[name][1].tolist()
            },
            "rmse": float(np.sqrt(np.mean(missed[name]))),
        }
        for name in MODELS
    }  # fmt: skip


def _missed(table: Table, *, whole_scenarios: bool) -> dict[str, Floats]:
    """By model, and of the mean, the squared error of each world."""
    return {
        name: (table.collapse - predictions(table, names, whole_scenarios=whole_scenarios)) ** 2
        for name, names in {"mean": (), **MODELS}.items()
    }


def ranks(table: Table) -> dict[str, float]:
    """Of each predictor within scenarios: the rank correlation with the collapse, the mean over
    scenarios in which both vary."""
    from scipy.stats import spearmanr

    found = {}
    for k, name in enumerate(PREDICTORS):
        each = []
        for scenario in np.unique(table.scenario):
            here = (table.scenario == scenario) & np.isfinite(table.known[:, k])
            x, y = table.known[here, k], table.collapse[here]
            if len(x) > 3 and np.ptp(x) > 0 and np.ptp(y) > 0:
                each.append(float(spearmanr(x, y).statistic))
        found[name] = float(np.mean(each)) if each else float("nan")
    return found


def tables(table: Table) -> str:
    """The numbers of the page, as tables in Markdown."""
    both = [explained(table, whole_scenarios=whole) for whole in (False, True)]
    worlds, scenarios = both
    findings = [
        ("worlds left out: the pull explains", worlds["pull"], 0.1),
        ("worlds left out: all together explain more than the pull", worlds["all"]["more"], 0.1),
        ("scenarios left out: all together explain", scenarios["all"], 0.0),
        ("scenarios left out: all together explain more than the pull",
         scenarios["all"]["more"], 0.1),
    ]  # fmt: skip
    lines = ["| | | found | wanted | verdict |", "| --- | --- | --- | --- | --- |"]
    for n, (says, found, threshold) in enumerate(findings, 1):
        verdict = _verdict(found["interval"], threshold)
        lines.append(f"| {n} | {says} | {_shown(found)} | above {threshold:g} | {verdict} |")
    for title, models in zip(("Worlds left out", "Scenarios left out"), both, strict=True):
        lines += [
            "", f"{title}:", "",
            "| known before | explained | more than the pull | error |",
            "| --- | --- | --- | --- |",
        ]  # fmt: skip
        for name, found in models.items():
            more = "" if name == "pull" else _shown(found["more"])
            lines.append(f"| {name} | {_shown(found)} | {more} | {found['rmse']:.3f} |")
    told = ("pull", "starc_out", "all")
    lines += ["", f"| scenario left out | {' | '.join(told)} |", "| --- |" + " --- |" * len(told)]
    missed = _missed(table, whole_scenarios=True)
    for scenario in np.unique(table.scenario):
        here = {name: missed[name][table.scenario == scenario].mean() for name in missed}
        shares = (f"{1 - here[name] / here['mean']:.2f}" for name in told)
        lines.append(f"| {scenario} | {' | '.join(shares)} |")
    lines += ["", "| known before | rank correlation within scenarios |", "| --- | --- |"]
    lines += [f"| {name} | {value:.2f} |" for name, value in ranks(table).items()]
    return "\n".join(lines)


def _verdict(interval: Sequence[float], threshold: float) -> str:
    low, high = interval
    return "supported" if low > threshold else "refuted" if high < threshold else "undecided"


def _shown(found: Mapping[str, Any]) -> str:
    low, high = found["interval"]
    return f"{found['value']:.2f} [{low:.2f}, {high:.2f}]"


def main(paths: Sequence[str]) -> None:
    if paths:
        rows = [row for path in paths for row in measured(Path(path))]
        again = {row["scenario"] for row in rows}
        if TABLE.is_file():
            with TABLE.open(encoding="utf-8", newline="") as file:
                rows += [row for row in csv.DictReader(file) if row["scenario"] not in again]
        rows.sort(key=lambda row: (row["scenario"], int(row["world"])))
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    print(tables(read()))


if __name__ == "__main__":
    main(sys.argv[1:])
