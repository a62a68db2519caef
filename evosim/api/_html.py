"""What notebooks show of scenarios, runs, experiments and studies: some lines of HTML, a picture.

All text is escaped. Pictures are data, so that nothing has to be served beside the notebook, and
one notebook can hold many of them without their names getting in each other's way.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from evosim.engine.files import is_folder
from evosim.engine.folders import GONE
from evosim.errors import EvosimError

if TYPE_CHECKING:
    from evosim.api.experiments import Experiment
    from evosim.api.runs import Run
    from evosim.api.studies import Study
    from evosim.scenario import Scenario

THUMBNAILS = ("flip", "alignment_all", "findings", "phase", "curve", "interaction", "raincloud")
"""Figures by how much they say; the first of them that was drawn is shown."""
LARGEST = 400_000
"""Bytes of a picture; a larger one would make the notebook's file too large."""


def of_scenario(scenario: Scenario) -> str:
    """Question, facts and a map of the worlds on both sides of the first flip."""
    from evosim.plot import maps, style

    figure, drawn = maps.of_scenario(scenario), io.BytesIO()
    with style.styled():
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    flips = ", ".join(str(flip.generation) for flip in scenario.flips) or "none"
    facts = [
        ("claim", scenario.claim),
        ("environments", ", ".join(scenario.environments)),
        ("drives", ", ".join(scenario.agent.drives)),
        ("selected", str(scenario.objective.selected)),
        ("intended", str(scenario.objective.intended)),
        ("population", f"{scenario.evolution.population} for {scenario.generations} generations"),
        ("flips at", flips),
    ]
    return _box(
        _head(scenario.title, scenario.id),
        f"<p>{escape(scenario.question)}</p>",
        _table(facts),
        _picture("image/svg+xml", style.shortened(drawn.getvalue())),
    )


def of_run(run: Run) -> str:
    """Verdict and numbers; of a run that is not complete, how to go on."""
    if gone := _gone(run.path):
        return gone
    n = run.manifest["replicates"]
    head = _head(run.scenario.title, f"{run.scenario.id}, seed {run.seed}, {_many(n, 'replicate')}")
    return _box(head, _place(run.path), _outcome(run), _thumbnail(run.figures))


def of_experiment(experiment: Experiment) -> str:
    """The verdict on the claim, finding by finding."""
    if gone := _gone(experiment.path):
        return gone
    scenario, n = experiment.scenario, experiment.manifest["replicates"]
    arms = ", ".join(experiment.arms)
    words = (
        f"{scenario.id}, seed {experiment.manifest['seed']}, {_many(n, 'replicate')} of each arm"
    )
    return _box(
        _head(scenario.title, words),
        _place(experiment.path),
        _table([("arms", arms)]),
        _outcome(experiment),
        _thumbnail(experiment.figures),
    )


def of_study(study: Study) -> str:
    """How far it is; its numbers so far, folded where they are many."""
    if gone := _gone(study.path):
        return gone
    counts = study.counts
    done = f"{counts.done} of {counts.runs} runs complete, {counts.failed} failed"
    words = f"{study.manifest['study']}, {_many(len(study.points), 'point')}, {done}"
    lines = study.text if counts.done else ""
    numbers = f"<details><summary>numbers</summary>{_pre(lines)}</details>" if lines else ""
    return _box(
        _head(study.study.title, words), _place(study.path), numbers, _thumbnail(study.figures)
    )


def _gone(path: Path) -> str:
    """What is shown in place of a folder that was deleted; empty where it is there."""
    return "" if is_folder(path) else _box(_place(path), f"<p>{GONE}</p>")


def _outcome(done: Run | Experiment) -> str:
    try:
        return _pre(done.verdict)
    except EvosimError as error:  # not complete, or damaged: it says which, and what helps
        return f"<p>{escape(str(error))}</p>"


def _box(*parts: str) -> str:
    return f'<div class="evosim">{"".join(parts)}</div>'


def _head(title: str, words: str) -> str:
    return f"<p><strong>{escape(title)}</strong> ({escape(words)})</p>"


def _place(path: Path) -> str:
    return f"<p><code>{escape(str(path))}</code></p>"


def _pre(text: str) -> str:
    return f'<pre style="text-align: left">{escape(text)}</pre>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><th style="text-align: left">{escape(name)}</th>'
        f'<td style="text-align: left">{escape(text)}</td></tr>'
        for name, text in rows
        if text
    )
    return f"<table>{cells}</table>"


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _thumbnail(figures: Sequence[Path]) -> str:
    """The first of :data:`THUMBNAILS` that was drawn; nothing where there is none."""
    known = {path.name: path for path in figures}
    for name in THUMBNAILS:
        for suffix, kind in ((".svg", "image/svg+xml"), (".png", "image/png")):
            path = known.get(name + suffix)
            with suppress(OSError):  # one that may not be read is as good as not drawn
                if path is not None and path.stat().st_size <= LARGEST:
                    return _picture(kind, path.read_bytes())
    return ""


def _picture(kind: str, content: bytes) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f'<img style="max-width: 100%" alt="" src="data:{kind};base64,{data}">'
