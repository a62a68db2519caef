"""A description of a scenario for a newcomer: question, map, kinds, timeline, size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from evosim import mechanisms, mind, world
from evosim.errors import seed_number
from evosim.execution.cost import of_run
from evosim.rng import Purpose, key
from evosim.scenario import MoverRule, Rule, document, timeline
from evosim.scenario.state_space import factors

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from evosim.scenario import (
        Always,
        Drift,
        Experiment,
        Ground,
        Happening,
        Here,
        Objective,
        Scenario,
        Variable,
        World,
    )


def describe(scenario: Scenario, *, seed: int = 0) -> Iterator[RenderableType]:
    """The parts of a description, for a rich console.

    Args:
        seed: of the level that is drawn.

    Raises:
        EvosimError: no seed.
    """
    seed = seed_number(seed)
    yield _head(f"{scenario.title} ({scenario.id})", space=False)
    yield scenario.question
    for name in ("claim", "source", "control", "expected", "found", "pilots"):
        if text := getattr(scenario, name):
            yield _indented(f"{name}: {text}")
    yield _head("Objective")
    intended, selected = scenario.objective.intended, scenario.objective.selected
    also = ", which is also the" if intended == selected else "; the"
    named = "" if intended == selected else f" is {intended}"
    yield _indented(f"Selection acts on {selected}{also} intended payoff{named}.")
    if scenario.objective.observed:
        yield _indented(f"It is {_paid(scenario.objective)}.")
    yield _head("A level")
    yield _indented(_levels(scenario, seed))
    first = scenario.environment(next(iter(scenario.environments)))
    yield _head("Kinds of sites, and what using them does")
    yield _indented(_rules(first))
    if first.variables:
        yield _head("Variables")
        yield _indented(_table([(name, _variable(v)) for name, v in first.variables.items()]))
    yield _head("Environments")
    for name, environment in scenario.environments.items():
        here = scenario.environment(name)
        # Movers multiply the states by the cells, each of them.
        by = f": {factors(here)}" if here.movers else ""
        yield _indented(f"{name}: {environment.title or name}; {here.n_states:,} states{by}")
        for change in _changes(environment.overrides):
            yield _indented(change, by=4)
    yield _head("Timeline, in generations")
    yield _indented(_table(list(_timeline(scenario))))
    yield _head("Mind")
    yield _indented(_table(list(_mind(scenario))))
    yield _head("Evolution")
    yield _indented(_evolution(scenario))
    yield _indented(f"A run takes {of_run(scenario)}.")
    if (experiment := scenario.experiment) is not None:
        yield _head(f"Experiment, {experiment.replicates} replicates of each arm")
        yield _indented(_table(list(_experiment(experiment))))
    if scenario.notes:
        yield _head("Notes: allowed, but perhaps not meant")
        for note in scenario.notes:
            yield _indented(f"{note.key}: {note.message}")


def _head(text: str, *, space: bool = True) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text, style="bold"), (1 if space else 0, 0, 0, 0), expand=False)


def _indented(part: RenderableType, by: int = 2) -> RenderableType:
    from rich.padding import Padding

    return Padding(part, (0, 0, 0, by), expand=False)


def _table(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> Table:
    """Columns side by side, the first one unbroken."""
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, show_header=bool(head), header_style="", padding=(0, 2, 0, 0)
    )
    for i in range(len(rows[0]) if rows else len(head)):
        table.add_column(head[i] if head else "", no_wrap=i == 0)
    for row in rows:
        table.add_row(*row)
    return table


def _levels(scenario: Scenario, seed: int) -> Text:
    """A level of every environment; those that look alike once."""
    from rich.text import Text

    from evosim.plot import colors, picture, terminal

    worlds = {name: scenario.environment(name) for name in scenario.environments}
    legend = picture.symbols(*worlds.values())
    drawn: dict[str, tuple[Text, list[str]]] = {}
    for name, here in worlds.items():
        drawn_from = key(seed, Purpose.LEVEL, 0, 0)
        level = world.draw_level(scenario, name, drawn_from)
        passages = world.draw_passages(here, drawn_from)
        drawing = picture.of_level(here, *level, legend, passages)
        text = terminal.draw_map(drawing, terminal.ASCII, spaced=False)
        drawn.setdefault(text.plain, (text, []))[1].append(name)
    blocks = []
    for text, names in drawn.values():
        blocks += [Text(f"in {', '.join(names)}:")] * (len(drawn) > 1) + [text]
    entries = [Text("@ start")]
    for symbol in legend.values():
        sign = (terminal.ASCII.ground, "dim")
        if symbol.glyph:
            sign = (symbol.glyph, f"bold {colors.TERMINAL[symbol.color]}")
        entries.append(Text.assemble(sign, f" {symbol.words}"))
    torus = next(iter(worlds.values())).edges == "torus"
    edges = "; edges wrap around" if torus else "; edges are walls"
    return Text("\n").join([*blocks, Text(", ").join(entries) + Text(edges)])


def _rules(here: World) -> Table:
    """Every rule of every kind, what is felt on a site, and what is always felt."""
    rows = []
    for name, kind in here.kinds.items():
        sites = f"{here.sites_of(name)} {kind.glyph} {name}"
        if kind.regrow is not None:
            sites += f", refill {kind.regrow:g}"
        if kind.looks:
            sites += f"; looks {_words(kind.looks)}"
        does = [
            (rule_name + _when(rule, ", when"), _set_and_added(rule), *_felt(rule))
            for rule_name, rule in kind.use.items()
        ]
        does += [
            (f"arriving: {rule_name}{_when(rule, ', when')}", _set_and_added(rule), *_felt(rule))
            for rule_name, rule in kind.enter.items()
        ]
        if kind.here is not None:
            does.append((f"being there{_when(kind.here, ', when')}", "", *_felt(kind.here)))
        for what in does or [("nothing", "", "", "")]:
            rows.append((sites, *what))
            sites = ""
    for name, mover in here.movers.items():
        way = "at random" if mover.walks == "random" else f"{mover.walks} the agent"
        who = f"{here.movers_of(name)} {mover.glyph} {name}"
        does = [(f"walks {way}, with chance {mover.chance:g}", "", "", "")]
        does += [
            (f"{how}: {rule_name}{_when(rule, ', when')}", _set_and_added(rule), *_felt(rule))
            for how, rules in (("meeting", mover.meet), ("use", mover.use))
            for rule_name, rule in rules.items()
        ]
        for what in does:
            rows.append((who, *what))
            who = ""
    for name, always in here.always.items():
        rows.append(("always", name + _when(always, ","), "", *_felt(always)))
    for name, field in here.fields.items():
        where = f"{_place(field)}{_when(field, ', when')}"
        rows.append((f"field {name}", where, "", *_felt(field)))
    for name, happening in here.happens.items():
        by = f"with chance {happening.chance:g}{_when(happening, ', when')}"
        rows.append((f"{name} happens", by, _set_and_added(happening), "", ""))
    return _table(rows, head=("sites", "use", "changes", "feels", "yields"))


def _place(field: Ground) -> str:
    """Where a field is strongest, and how it falls."""
    if field.map is not None:
        return "by its map"
    if field.point is not None:
        at = f"row {field.point[0]}, column {field.point[1]}"
    else:
        assert field.region is not None
        at = f"rows {_value(field.region.rows)}, columns {_value(field.region.cols)}"
    reach = f", reach {field.reach:g}" if field.reach else ""
    return f"at {at}{'' if field.falls == 'none' else f', falls {field.falls}'}{reach}"


def _when(rule: Rule | Always | Here | Drift | Ground | Happening, joined: str) -> str:
    """The state in which something holds, after some words; nothing where it always does."""
    return f"{joined} {_words(rule.when)}" if rule.when else ""


def _set_and_added(rule: Rule | Happening) -> str:
    parts = [f"{name} = {_drawn(value)}" for name, value in rule.set.items()]
    parts += [f"{name} {step:+d}" for name, step in rule.add.items()]
    if isinstance(rule, Rule) and rule.ends:
        parts.append(f"ends the lifetime with chance {rule.ends:g}")
    if isinstance(rule, Rule) and rule.corrects:
        parts.append(f"corrects the mind with chance {rule.corrects:g}")
    if isinstance(rule, MoverRule) and rule.vanishes:
        parts.append("it vanishes")
    return ", ".join(parts)


def _felt(effect: Rule | Here | Always | Ground) -> tuple[str, str]:
    return _words(effect.feels), _words(effect.yields)


def _variable(v: Variable) -> str:
    parts = [f"0 to {v.values - 1}", f"starts at {_drawn(v.start)}"]
    for drift in v.drifts:
        parts.append(f"{drift.step:+d} with chance {drift.chance:g}{_when(drift, ' when')}")
    if v.fatal is not None:
        parts.append(f"fatal at {_value(v.fatal)}")
    if v.counts is not None:
        parts.append(f"counts {v.counts}")
    if v.hidden:
        parts.append(f"hidden, assumed to be {v.assume}")
    return "; ".join(parts)


def _drawn(given: int | Sequence[float]) -> str:
    """A value, or of weights the chance of each value that has one."""
    if isinstance(given, int):
        return str(given)
    total = sum(given)
    shares = ((n, 100 * weight / total) for n, weight in enumerate(given) if weight)
    return ", ".join(f"{n} ({share:.3g} %)" for n, share in shares)


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(f"{v:g}" for v in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(table: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in table.items())


def _changes(overrides: Mapping[str, object], path: str = "") -> Iterator[str]:
    """The overrides of an environment, one a line, as a scenario file has them."""
    for name, value in overrides.items():
        if isinstance(value, Mapping):
            yield from _changes(value, f"{path}{name}.")
        elif isinstance(value, str) and "\n" in value:
            yield f"{path}{name} = another"
        else:
            yield f"{path}{name} = {_value(value)}"


def _timeline(scenario: Scenario) -> Iterator[tuple[str, str]]:
    start = 0
    for phase in scenario.timeline:
        end = start + phase.generations
        notes = [timeline.label(phase.mixture)]
        if not isinstance(phase.train, str | dict):
            notes = [f"made of {notes[0]} by {_shown(scenario)['adversary']}"]
        if phase.ramp is not None and start:
            old = timeline.label(scenario.mixture_at(start - 1))
            notes = [f"from {old} to {notes[0]} in {phase.ramp} steps"]
        if not phase.select:
            notes.append("without selection")
        if phase.window is not None:
            notes.append(f"the first {phase.window} steps count")
        objective = scenario.objective_at(start)
        own = phase.objective
        if own is not None and (own.selected or own.intended):
            notes.append(f"{objective.selected} selected, {objective.intended} intended")
        if objective.observed != scenario.objective.observed:
            notes.append(_paid(objective))
        yield f"{start} to {end - 1}", "; ".join(notes)
        start = end


def _paid(objective: Objective) -> str:
    """Which steps are paid to selection, in words."""
    observed = objective.observed
    return f"paid for {f'steps that begin with {_words(observed)}' if observed else 'all steps'}"


def _mind(scenario: Scenario) -> Iterator[tuple[str, str]]:
    agent = scenario.agent
    for locus in mind.loci(scenario):
        if locus.name.startswith(mind.MANY):
            continue  # they are told of together
        start = (
            f"starts at {locus.start_low:g}"
            if locus.start_low == locus.start_high
            else f"starts within [{locus.start_low:g}, {locus.start_high:g}]"
        )
        yield locus.name, f"evolves in [{locus.low:g}, {locus.high:g}], {start}"
    for name, written in scenario.loci.items():
        if written.pinned and scenario.agent.has_drives:
            yield name, f"fixed at {written.low:g}"
    if agent.thinking_cost:
        yield "thinking", f"each unit of depth costs {agent.thinking_cost:g} of the selected payoff"
    for name, cost in agent.sense_cost.items():
        yield f"sense of {name}", f"costs {cost:g} of the selected payoff"
    if agent.believes:
        yield "beliefs", f"plans as if in {agent.believes}"
    for about, words in _shown(scenario).items():
        if about.startswith("mind."):
            yield about.removeprefix("mind."), words
    if not agent.instinct:
        yield "instinct", "none: states at the horizon have the value 0"


def _evolution(scenario: Scenario) -> str:
    e = scenario.evolution
    lifetimes = sorted({scenario.environment(name).lifetime for name in scenario.environments})
    steps = " or ".join(str(n) for n in lifetimes)
    shown = _shown(scenario)
    individuals = f"{e.population} individuals {shown.get('individuals', '')}".rstrip()
    disjoint = " that are not used in training" if scenario.measure.disjoint else ""
    if scenario.agent.learner is not None:
        individuals, optimizer = "one agent", f"trains for {e.population * e.levels:,} lifetimes"
    elif (chosen := e.optimizer).name == "genetic":
        selection = shown.get("selection") or f"{e.select.operator}, "
        optimizer = f"{selection}{e.mate.operator}, {e.mutate.operator}"
    else:
        options = ", ".join(f"{name} {_value(value)}" for name, value in chosen.options.items())
        optimizer = chosen.name + (f" ({options})" if options else "")
    return (
        f"{individuals}, {e.levels} levels a generation, "
        f"lifetimes of {steps} steps; {optimizer}; "
        f"probed every {scenario.measure.every} generations on {scenario.measure.levels} levels"
        f"{disjoint}, {scenario.measure.sample} individuals"
    )


def _experiment(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Arms with what they change, and what is claimed of them."""
    if experiment.set:
        yield "all arms", ", ".join(experiment.set)
    for name, arm in experiment.arms.items():
        yield f"arm {name}", f"{arm.title}: {', '.join(arm.set)}" if arm.set else arm.title
    for n, finding in enumerate(experiment.findings, 1):
        side, number = finding.threshold
        wanted = f"{finding.measure} {side} {number:g}{'; secondary' * finding.secondary}"
        yield f"finding {n}", f"{finding.says} ({wanted})"
    if (tuned := experiment.tuned) is not None:
        yield "tuned", f"{tuned.label}: {', '.join(map(document.inline, tuned.values))}"


def _shown(scenario: Scenario) -> dict[str, str]:
    """What its mechanisms say of a scenario, by what it is about."""
    found: dict[str, str] = {}
    used = mechanisms.used(scenario)
    for shown in mechanisms.defined("schema", "shown", used).values():
        found |= shown(scenario)
    return found
