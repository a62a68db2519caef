"""What a scenario is, told to a newcomer: question, map, kinds, timeline, size."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from evosim import mind, world
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evosim.scenario import Kind, Scenario, Variable

_WIDTH = 88


def describe(scenario: Scenario, *, seed: int = 0) -> Iterator[RenderableType]:
    """The parts of a description, for a rich console.

    Args:
        seed: of the level that is drawn.
    """
    from rich.text import Text

    yield Text(f"{scenario.title} ({scenario.id})", style="bold")
    yield Text(_wrapped(scenario.question))
    for name in ("claim", "source", "expected", "control"):
        if text := getattr(scenario, name):
            yield Text(_wrapped(f"{name}: {text}", indent="  "))
    yield Text(f"\n{_wrapped(_objective(scenario))}")
    yield Text("\nA level", style="bold")
    yield Text(_levels(scenario, seed))
    yield _kinds(scenario)
    yield Text("\nEnvironments", style="bold")
    for name, environment in scenario.environments.items():
        size = scenario.environment(name).n_states
        yield Text(_wrapped(f"{name}: {environment.title or name}; {size:,} states", indent="  "))
        for change in _changes(environment.overrides):
            yield Text(f"    {change}")
    yield Text("\nTimeline", style="bold")
    yield Text("\n".join(_timeline(scenario)))
    yield Text("\nMind", style="bold")
    yield Text("\n".join(_mind(scenario)))
    yield Text("\nEvolution", style="bold")
    yield Text(_wrapped(_evolution(scenario), indent="  "))


def draw_map(scenario: Scenario, environment: str, seed: int) -> str:
    """A level as text: one character a cell, a blank or a thin barrier between cells."""
    here = scenario.environment(environment)
    layout = here.layout
    slots, start = world.draw_level(scenario, environment, key(seed, Purpose.LEVEL, 0, 0))
    cells = world.geometry(here).cells
    grid = [["#" if wall else "." for wall in row] for row in layout.wall]
    for (r, c), slot in zip(cells, slots, strict=True):
        if slot >= 0:
            grid[r][c] = here.kinds[here.slots[slot].kind].glyph
    r, c = cells[start]
    if grid[r][c] == ".":
        grid[r][c] = "@"
    lines = []
    for r, row in enumerate(grid):
        between = ["|" if barrier else " " for barrier in layout.barrier_east[r]]
        lines.append("".join(a + b for a, b in zip(row, between, strict=True)).rstrip())
        below = "".join("- " if barrier else "  " for barrier in layout.barrier_south[r])
        if below.strip():
            lines.append(below.rstrip())
    return "\n".join(lines)


def _objective(scenario: Scenario) -> str:
    objective = scenario.objective
    if objective.intended == objective.selected:
        return f"Selection is paid on {objective.selected}, which is also what is intended."
    return f"Selection is paid on {objective.selected}; what is intended is {objective.intended}."


def _levels(scenario: Scenario, seed: int) -> str:
    """The first environment's level, and the others' where they differ from it."""
    drawn: dict[str, list[str]] = {}
    for name in scenario.environments:
        drawn.setdefault(draw_map(scenario, name, seed), []).append(name)
    blocks = []
    for level, names in drawn.items():
        if len(drawn) > 1:
            blocks.append(f"  {', '.join(names)}:")
        blocks.append(textwrap.indent(level, "  "))
    first = scenario.environment(next(iter(scenario.environments)))
    edges = "edges wrap around" if first.edges == "torus" else "edges are walls"
    legend = ", ".join(f"{kind.glyph} {name}" for name, kind in _all_kinds(scenario).items())
    blocks.append(f"  @ start, {legend}; {edges}" if legend else f"  @ start; {edges}")
    return "\n".join(blocks)


def _all_kinds(scenario: Scenario) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for name in scenario.environments:
        for kind_name, kind in scenario.environment(name).kinds.items():
            kinds.setdefault(kind_name, kind)
    return kinds


def _kinds(scenario: Scenario) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    first = scenario.environment(next(iter(scenario.environments)))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=None)
    for column in ("kind", "sites", "does", "when", "changes", "feels", "yields"):
        table.add_column(column, no_wrap=column in ("kind", "sites"), overflow="fold")
    for name, kind in first.kinds.items():
        sites = str(first.sites_of(name))
        if kind.regrow is not None:
            sites += f", refill {kind.regrow:g}"
        rows = [
            (
                f"use: {rule_name}", _words(rule.when),
                ", ".join(
                    [*_assigned(rule.set), *(f"{v} {step:+d}" for v, step in rule.add.items()),
                     *([f"ends the life ({rule.ends:g})"] if rule.ends else [])]
                ),
                _words(rule.feels), _words(rule.yields),
            )
            for rule_name, rule in kind.use.items()
        ]  # fmt: skip
        if kind.here is not None:
            rows.append(("being there", "", "", _words(kind.here.feels), _words(kind.here.yields)))
        for i, row in enumerate(rows or [("nothing", "", "", "", "")]):
            table.add_row(f"{kind.glyph} {name}" if i == 0 else "", sites if i == 0 else "", *row)
    for name, always in first.always.items():
        table.add_row(
            "", "", f"always: {name}", _words(always.when), "",
            _words(always.feels), _words(always.yields),
        )  # fmt: skip
    for name, variable in first.variables.items():
        table.add_row("", "", f"variable: {name}", "", _variable(variable), "", "")
    return table


def _variable(v: Variable) -> str:
    parts = [f"0 to {v.values - 1}", f"starts at {_value(v.start)}"]
    if drift := v.drift:
        when = f" when {_words(drift.when)}" if drift.when else ""
        parts.append(f"{drift.step:+d} with chance {drift.chance:g}{when}")
    if v.fatal is not None:
        parts.append(f"fatal at {_value(v.fatal)}")
    if v.hidden:
        parts.append(f"hidden, taken for {v.assume}")
    return "; ".join(parts)


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(f"{v:g}" for v in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(table: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in table.items())


def _assigned(table: Mapping[str, object]) -> Iterable[str]:
    return (f"{name} = {_value(value)}" for name, value in table.items())


def _changes(overrides: Mapping[str, object], path: str = "") -> Iterator[str]:
    """The overrides of an environment, one a line, as a scenario file has them."""
    for name, value in overrides.items():
        if isinstance(value, Mapping):
            yield from _changes(value, f"{path}{name}.")
        elif isinstance(value, str) and "\n" in value:
            yield f"{path}{name} = another"
        else:
            yield f"{path}{name} = {_value(value)}"


def _timeline(scenario: Scenario) -> Iterator[str]:
    start = 0
    for phase in scenario.timeline:
        end = start + phase.generations
        trains = ", ".join(
            name if share == 1 else f"{100 * share:.3g} % {name}"
            for name, share in phase.mixture.items()
        )
        notes = []
        if not phase.select:
            notes.append("without selection")
        if phase.window is not None:
            notes.append(f"the first {phase.window} steps count")
        objective = scenario.objective_at(start)
        if objective != scenario.objective:
            notes.append(f"{objective.selected} selected, {objective.intended} intended")
        yield f"  {start:>5} to {end - 1:<5} {'; '.join([trains, *notes])}"
        start = end


def _mind(scenario: Scenario) -> Iterator[str]:
    evolving = mind.loci(scenario)
    for locus in evolving:
        start = (
            f"starts at {locus.start_low:g}"
            if locus.start_low == locus.start_high
            else f"starts within [{locus.start_low:g}, {locus.start_high:g}]"
        )
        yield f"  {locus.name} evolves in [{locus.low:g}, {locus.high:g}], {start}"
    if not evolving:
        yield "  nothing evolves"
    agent = scenario.agent
    fixed = {**{f"drive.{name}": x for name, x in agent.drives.items()}, "depth": agent.depth,
             "patience": agent.patience, "temperature": agent.temperature,
             **{f"sense.{name}": x for name, x in scenario.senses.items()}}  # fmt: skip
    pinned = [f"{name} {locus.low:g}" for name, locus in fixed.items() if locus.pinned]
    if pinned:
        yield _wrapped(f"fixed: {', '.join(pinned)}", indent="  ")
    notes = []
    if agent.thinking_cost:
        notes.append(f"a unit of depth costs {agent.thinking_cost:g} of the selected payoff")
    if agent.believes:
        notes.append(f"plans as if in {agent.believes}")
    if not agent.instinct:
        notes.append("has no instinct at its horizon")
    if notes:
        yield _wrapped("; ".join(notes), indent="  ")


def _evolution(scenario: Scenario) -> str:
    e = scenario.evolution
    lifetime = {scenario.environment(name).lifetime for name in scenario.environments}
    steps = " or ".join(str(n) for n in sorted(lifetime))
    return (
        f"{e.population} individuals, {e.levels} levels a generation, lifetimes of {steps} steps; "
        f"{e.select.operator}, {e.mate.operator}, {e.mutate.operator}; "
        f"probed every {scenario.measure.every} generations on {scenario.measure.levels} levels, "
        f"{scenario.measure.sample} individuals"
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + ("  " if indent else "")
    )
