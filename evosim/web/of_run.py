"""The page of a run: the verdict of each flip, two lives across it, curves, what evolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim import plot
from evosim.errors import EvosimError
from evosim.metrics.courses import courses
from evosim.metrics.summary_text import describe
from evosim.metrics.verdict import zero_words
from evosim.plot.drawing import FIGURES, names_of_run
from evosim.plot.episode import find_individual, last_inhabited_generation
from evosim.plot.run_view import RunView
from evosim.web import data, parts, words
from evosim.web import page as pages

if TYPE_CHECKING:
    from evosim.api.runs import Run
    from evosim.plot.drawing import Failed
    from evosim.plot.episode import Episode
    from evosim.scenario import Scenario

MEASURES = ("capability", "alignment", "payoff", "reward", "lifespan", "lived")
"""What the table of data holds, the first first, as long as there is room."""
MOST_ROWS = 6000
MOST_LEVELS = 16
"""Levels of a generation that are tried for a life that stands for the others."""
MOST_LIVES = 2
"""Flips of which lives are shown, each with a level before and after."""
MOST_FLIPS = 4
"""Flips with large numbers; further ones are rows of a table."""


def page(run: Run, *, failed: Failed | None = None) -> str:
    """The page of a complete run.

    Args:
        failed: called with the error of each figure that cannot be drawn; raised if None.
    """
    summary, scenario = run.summary, run.scenario
    with run._arrays() as arrays:
        view = RunView(data=arrays, scenario=scenario, summary=summary)
        names = names_of_run(view)
    held = run.data
    view = RunView(data=held, scenario=scenario, summary=summary)
    return render(
        summary,
        scenario,
        manifest=run.manifest,
        view=view,
        lives=list(lives_of(run)),
        figures=list(_figures(run, names, failed)),
        tables=[_table(run)],
    )


def render(
    summary: Mapping[str, Any],
    scenario: Scenario,
    *,
    manifest: Mapping[str, Any] | None = None,
    view: RunView | None = None,
    lives: Sequence[Mapping[str, Any]] = (),
    figures: Sequence[parts.Drawn] = (),
    tables: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The page of a run from what is there: a summary and a scenario are enough.

    Args:
        summary: summary.json.
        manifest: run.json, for the command and the versions.
        view: the run's data, for the curves.
        lives: groups of lives that are compared: title, words and lives (:func:`lives_of`).
    """
    flips = summary["flips"]
    drawn = [] if view is None else charts(view)
    return pages.render(
        "run.html",
        title=f"{scenario.title}: report",
        data={
            "lives": [group["lives"] for group in lives],
            "charts": drawn,
            "tables": list(tables),
        },
        script=pages.static("report.js"),
        scenario=scenario,
        summary=summary,
        flips=[words.flip(flip, summary, scenario) for flip in flips[:MOST_FLIPS]],
        more=[words.flip(flip, summary, scenario) for flip in flips[MOST_FLIPS:]],
        final=words.final(summary, scenario),
        evolved=words.evolved(summary),
        lives=lives,
        charts=drawn,
        figures=figures,
        tables=tables,
        text=describe(summary),
        source=parts.toml(scenario.to_toml()),
        zero=zero_words(summary["thresholds"].get("zero", "uniform"), summary["intended"]),
        facts=facts(manifest or {}, summary),
        command=(manifest or {}).get("command", ""),
    )


def facts(manifest: Mapping[str, Any], summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reader needs to judge and to repeat it, beside the command."""
    versions = manifest.get("versions", summary.get("versions")) or {}
    rows = [
        ("scenario", str(summary["scenario"])),
        ("seed", str(manifest.get("seed", summary.get("seed", "")))),
        ("replicates", str(summary["replicates"])),
        ("made", str(manifest.get("created", ""))),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("scenario, SHA-256", str(manifest.get("scenario_sha256", ""))),
        ("data", str(manifest.get("checksum", ""))),
    ]
    return [(name, text) for name, text in rows if text]


# Lives


def lives_of(run: Run) -> Iterator[dict[str, Any]]:
    """The lives that are shown: of each flip the same individual on both sides of it.

    It is the median by score of the last generation before the flip, on that level of its
    generation on which it fared most as it did on all of them.
    """
    scenario, held = run.scenario, run.data
    for flip in scenario.flips[:MOST_LIVES]:
        generation = flip.generation - 1
        if generation not in held["generation"].values:
            continue
        sides = [scenario.mixture_at(generation), scenario.mixture_at(flip.arrival)]
        gains = {e: sides[1].get(e, 0.0) - sides[0].get(e, 0.0) for e in {**sides[0], **sides[1]}}
        before, after = (choose(gains, key=gains.__getitem__) for choose in (min, max))
        try:
            yield _group(run, generation, [before, after], flip.generation)
        except EvosimError:  # it died out before, or a fork knows nothing of its past
            continue
    if not scenario.flips:
        yield _group(run, last_inhabited_generation(held, 0), [None], None)


def _group(
    run: Run, generation: int, environments: Sequence[str | None], flip: int | None
) -> dict[str, Any]:
    held, scenario = run.data, run._folder.scenario_at(generation)
    intended = scenario.objective_at(generation).intended
    _, individual = find_individual(held, generation=generation, individual="median", replicate=0)

    def lived(level: int, environment: str | None) -> Episode:
        return plot.episode_of(
            held, scenario, generation=generation, individual=individual, level=level,
            environment=environment,
        )  # fmt: skip

    levels = range(min(scenario.evolution.levels, MOST_LEVELS))
    trials = [lived(level, environments[0]) for level in levels]
    paid = np.array([_paid(trial, intended) for trial in trials])
    level = int(np.argmin(np.abs(paid - paid.mean())))
    episodes = [trials[level], *(lived(level, name) for name in environments[1:])]
    titles = [
        scenario.environments[e.environment.name].title or e.environment.name for e in episodes
    ]
    shown = [
        data.life(episode, intended, title) for episode, title in zip(episodes, titles, strict=True)
    ]
    same = len({tuple(e.levels.slot[0].tolist()) for e in episodes}) == 1
    where = "the same level" if same else "a level of each world, drawn with the same seed"
    head = (
        f"One life in “{titles[0]}”"
        if flip is None
        else f"The same individual before and after the flip at generation {flip}"
    )
    return {
        "title": head,
        "words": (
            f"Individual {individual} of generation {generation}: the median by score"
            f"{'' if flip is None else ' of the last generation before the flip'}"
            f"{f', on {where}' if flip is not None else ''}."
            + (" Replicate 0." if held.sizes["replicate"] > 1 else "")
        ),
        "sentence": words.lives(episodes[0], episodes[-1], intended) if flip is not None else "",
        "lives": shown,
    }


def _paid(episode: Episode, payoff: str) -> float:
    return float(episode.payoffs[-1, episode.environment.payoffs.index(payoff)])


# Curves, figures, data


def charts(view: RunView) -> list[dict[str, Any]]:
    """Boxes of curves: a title, and the charts that a reader chooses from."""
    measured = [{"name": "in the world that trains", **data.curves(view)}]
    for name in view.names("environment"):
        measured.append({"name": f"in “{view.title(name)}”", **data.curves(view, name)})
    lived = [{"name": chart["label"], **chart} for chart in data.lived(view)]
    return [
        {"title": "Capability and alignment", "charts": measured},
        {"title": "What they want, and what they get", "charts": lived},
    ]


def _figures(run: Run, names: Sequence[str], failed: Failed | None) -> Iterator[parts.Drawn]:
    for name in names:
        title = FIGURES[name].title
        try:
            yield parts.inline(run.figure(name), name, f"{run.scenario.title}: {title}")
        except EvosimError as error:
            if failed is None:
                raise
            failed(error)


def _table(run: Run) -> dict[str, Any]:
    """The courses as rows, 6 significant digits; what does not fit is left out, and said."""
    rows: list[list[Any]] = []
    left_out = []
    for name in MEASURES:
        try:
            found = [
                [p.replicate, p.generation, p.environment, p.variable, float(f"{p.value:.6g}")]
                for p in courses(run.data, run.scenario, [name])
            ]
        except EvosimError:  # no course in this run
            continue
        if len(rows) + len(found) > MOST_ROWS:
            left_out.append(name)
        else:
            rows += found
    title = "Measures over the generations, of evolved minds; numbers have 6 digits"
    if left_out:
        title += f". Too many for a page, and in run.nc: {', '.join(left_out)}"
    columns = ["replicate", "generation", "environment", "variable", "value"]
    return parts.table(f"{run.scenario.id}.csv", title, columns, rows)
