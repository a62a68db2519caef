"""Random small scenarios and minds for tests, and short ways to write worlds by hand."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tomli_w
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st

from evosim.mind import Minds
from evosim.scenario import Scenario, World, loads
from evosim.testing.reference import Level, Mind, ReferenceWorld
from evosim.world import Levels

STIMULI = ("sweet", "sour")
PAYOFFS = ("children", "gold")
LOOKS = ("red", "round")
LARGEST = 200  # states of a random world
LARGEST_LOCAL = 60  # before movers, whose twins are slow

_checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
FEW = settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=_checks)
MANY = settings(FEW, max_examples=200, phases=[Phase.generate])  # shrinking takes minutes

Document = dict[str, Any]


# ---------------------------------------------------------------------- worlds written by hand


def document(
    world: Mapping[str, Any],
    *,
    drives: Sequence[str] = STIMULI,
    environments: Mapping[str, Any] | None = None,
    **agent: Any,
) -> Document:
    """A whole scenario around a world: everything that the core does not read is filled in."""
    full = copy.deepcopy({"lifetime": 5, **world})
    _pay(full)
    return {
        "id": "test",
        "title": "a test",
        "question": "Does it hold?",
        "objective": {"intended": "children", "selected": "children"},
        "agent": {"drives": list(drives), "depth": 1, "patience": 0.5, **agent},
        "world": full,
        "environments": dict(environments or {"home": {"title": "home"}}),
        "evolution": {
            "population": 4,
            "levels": 1,
            "select": {"operator": "selTournament", "tournsize": 2},
            "mate": {"operator": "cxUniform", "indpb": 0.5},
            "mutate": {"operator": "mutGaussian", "mu": 0.0, "sigma": 0.1, "indpb": 0.3},
        },
        "timeline": [{"generations": 1, "train": next(iter(environments or {"home": {}}))}],
    }


def _pay(world: Document) -> None:
    """An objective names a payoff: if nothing yields children, something yields none of them."""
    effects = list(world.get("always", {}).values())
    for kind in world.get("kinds", {}).values():
        effects += [*kind.get("use", {}).values(), *([kind["here"]] if "here" in kind else [])]
        effects += kind.get("enter", {}).values()
    for mover in world.get("movers", {}).values():
        effects += [*mover.get("meet", {}).values(), *mover.get("use", {}).values()]
    effects += world.get("fields", {}).values()
    if not any("children" in effect.get("yields", {}) for effect in effects):
        effects[-1].setdefault("yields", {})["children"] = 0.0


def read(doc: Document) -> Scenario:
    """The scenario of a document, through everything that a file goes through."""
    return loads(tomli_w.dumps(doc))


def reference(scenario: Scenario, name: str = "home", lived: str | None = None) -> ReferenceWorld:
    """The twin of an environment, on the structure of the one lived in where that is another."""
    return ReferenceWorld(
        scenario.environment(name),
        scenario.stimuli,
        scenario.payoffs,
        scenario.looks,
        structure=None if lived is None else scenario.environment(lived),
    )


def level_of(world: World) -> Level:
    """The only level of a world whose map says everything: cells, sites, one start.

    Written from the model page and not from :mod:`evosim.world`, so that it can test that.
    """
    layout = world.layout
    cells = [
        (r, c) for r in range(layout.rows) for c in range(layout.cols) if not layout.wall[r][c]
    ]
    neighbour = np.array([[_ahead(world, cells, cell, a) for a in range(4)] for cell in cells])
    slot = np.full(len(cells), -1)
    met: dict[str, int] = {}
    for r, c, kind in layout.sites:
        ordinal = met.setdefault(kind, 0)
        met[kind] += 1
        regrows = world.kinds[kind].regrow is not None
        slot[cells.index((r, c))] = world.slots.index((kind, ordinal if regrows else -1))
    start = cells.index(layout.starts[0]) if layout.starts else 0
    return Level(neighbour, slot, start, _distances(neighbour))


def _ahead(world: World, cells: list[tuple[int, int]], cell: tuple[int, int], a: int) -> int:
    layout = world.layout
    r, c = cell
    to_r, to_c = r + (-1, 1, 0, 0)[a], c + (0, 0, -1, 1)[a]
    if world.edges == "torus":
        to_r, to_c = to_r % layout.rows, to_c % layout.cols
    upper, left = (to_r, c) if a == 0 else (r, c), (r, to_c) if a == 2 else (r, c)
    if (to_r, to_c) not in cells:
        return cells.index(cell)
    barred = layout.barrier_south[upper[0]][c] if a < 2 else layout.barrier_east[r][left[1]]
    return cells.index(cell if barred else (to_r, to_c))


def _distances(neighbour: np.ndarray) -> np.ndarray:
    n = len(neighbour)
    distance = np.full((n, n), -1)
    for source in range(n):
        distance[source, source] = 0
        queue = [source]
        for cell in queue:  # breadth first: the queue grows while it is gone through
            for to in neighbour[cell]:
                if distance[source, to] < 0:
                    distance[source, to] = distance[source, cell] + 1
                    queue.append(int(to))
    return distance


def mind(
    weights: Mapping[str, float] | None = None,
    *,
    scenario: Scenario,
    novelty: float = 0.0,
    depth: int = 0,
    patience: float = 0.5,
    temperature: float = 0.0,
    senses: int = -1,
    criteria: Mapping[str, float] | None = None,
    tool_depth: int = 0,
    reliance: float = 0.0,
) -> Mind:
    """A mind with these drives (and it may weigh payoffs); sees every variable by default."""
    names = (*scenario.stimuli, *scenario.payoffs, *scenario.looks)
    return Mind(
        weights=np.array([(weights or {}).get(name, 0.0) for name in names], np.float32),
        novelty=np.float32(novelty),
        depth=depth,
        patience=np.float32(patience),
        temperature=np.float32(temperature),
        senses=senses,
        criteria=np.array([(criteria or {}).get(name, 0.0) for name in names], np.float32),
        tool_depth=tool_depth,
        reliance=np.float32(reliance),
    )


# ---------------------------------------------------------------------- between twin and core


def as_minds(minds: Sequence[Mind]) -> Minds:
    """Minds of the core: one row for each mind."""
    weights = np.array([m.weights for m in minds], np.float32)
    plain = Minds.of(
        weights,
        depth=[m.depth for m in minds],
        patience=[m.patience for m in minds],
        temperature=[m.temperature for m in minds],
        senses=[m.senses for m in minds],
        rho=[m.rho for m in minds],
    )
    unsure = [m.credence for m in minds if m.credence is not None]  # all of them, or none
    plain = plain._replace(
        credence=np.array(unsure, np.float64).reshape(len(minds), -1),
        arrival=np.array([m.novelty for m in minds], np.float32),
        second_weights=np.array([m.criteria for m in minds], np.float32),
        second_depth=np.array([m.tool_depth for m in minds], np.int32),
        share=np.array([m.reliance for m in minds], np.float32),
    )
    if minds[0].later is None:
        return plain
    return plain._replace(
        later=np.array([m.later for m in minds], np.float32),
        anticipation=np.array([m.anticipation for m in minds], np.float32),
    )


def one_level(levels: Levels, i: int) -> Level:
    """Level i as the twin takes it."""
    return Level(levels.neighbour[i], levels.slot[i], int(levels.start[i]), levels.distance[i])


# ---------------------------------------------------------------------- random scenarios

# Round numbers make exact ties, others do not; both matter.
chances = st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]) | st.integers(1, 99).map(lambda n: n / 99)
amounts = st.sampled_from([-1.0, 0.5, 1.0, 2.0]) | st.integers(-210, 210).map(lambda n: n / 101)


@st.composite
def documents(
    draw: st.DrawFn,
    *,
    novelty: bool = False,
    tools: bool = False,
    local: bool = False,
    corrects: bool = False,
) -> Document:
    """A valid scenario of at most LARGEST states, with environments `home` and `away`.

    `away` has other numbers, and may have a kind, a rule, an `always` and depletion of its own.
    With ``local``, things happen on arrival and on the ground, walk, and come by several chances.
    With ``corrects``, rules correct the mind, and there are as many states for each correction.
    """
    world = draw(worlds(LARGEST_LOCAL if local else LARGEST))
    if local:
        _localize(draw, world)
    agent = _tool(draw, world) if tools else {}
    drives = [*STIMULI, "novelty"] if novelty else list(STIMULI)
    away = copy.deepcopy(world)
    _disturb(draw, away)
    _enrich(draw, away)
    if corrects:
        _correct(draw, world, away)
    doc = document(
        world,
        drives=drives,
        environments={"home": {"title": "home"}, "away": _differences(world, away)},
        senses={name: 0.5 for name, v in world["variables"].items() if v.get("hidden")},
        **agent,
    )
    if corrects:
        doc["correction"] = {"form": "step", "rate": 0.5, "toward": "intended"}
    return doc


def _tool(draw: st.DrawFn, world: Document) -> Document:
    """Looks for the kinds of a world, and the agent's table of a tool to go by them."""
    assume(any(kind["use"] for kind in world["kinds"].values()))
    for kind in world["kinds"].values():
        kind["looks"] = {name: draw(amounts) for name in LOOKS if draw(st.booleans())}
    world["kinds"]["apple"]["looks"].setdefault("red", 1.0)
    tool = {
        "depth": draw(st.integers(1, 5)),
        "reliance": [0, 1],
        "encounters": draw(st.sampled_from([1, 2, 5, 30])),
        "typo": draw(st.sampled_from([0.0, 0.3, 1.0])),
    }
    remembers = draw(st.sampled_from([None, "home", "away"]))
    return {"tool": tool if remembers is None else {**tool, "remembers": remembers}}


@st.composite
def worlds(draw: st.DrawFn, largest: int = LARGEST) -> Document:
    """A world: a floor or a map, variables, kinds and always rules."""
    world: Document = {
        "lifetime": draw(st.sampled_from([1, 2, 5, 8, 9, 12])),
        "edges": draw(st.sampled_from(["walls", "torus"])),
        "slip": draw(st.just(0.0) | chances),
        "stay": draw(st.booleans()),
    }
    kinds = ["apple", "bush", "cave"][: draw(st.sampled_from([1, 2, 2, 3]))]
    counts = {kind: draw(st.integers(0, 2)) for kind in kinds}
    n_cells = _ground(draw, world, counts)
    regrow = {kind: draw(st.sampled_from([None, None, None, 0.0, 0.3, 1.0])) for kind in kinds}
    sites = {kind: counts[kind] + world.get("map", "").count(kind[0]) for kind in kinds}
    n_states = n_cells
    for kind in kinds:
        n_states *= 2 ** sites[kind] if regrow[kind] is not None else 1
        if n_states > largest:
            n_states //= 2 ** sites[kind]
            regrow[kind] = None

    sizes: dict[str, int] = {}
    for name in ("hunger", "mood", "night")[: draw(st.sampled_from([1, 2, 2, 3, 0]))]:
        size = draw(st.integers(2, 4))
        if n_states * size <= largest:
            sizes[name] = size
            n_states *= size
    world["variables"] = {name: _variable(draw, name, sizes) for name in sizes}
    world["kinds"] = {kind: _kind(draw, kind, sizes) for kind in kinds}
    for kind, part in world["kinds"].items():
        part["count"] = counts[kind]
        if regrow[kind] is not None:
            part["regrow"] = regrow[kind]
    if "map" not in world and draw(st.booleans()):
        _region(draw, world, sum(counts.values()))
    always = {name: _effect(draw) for name in ("pain", "price")[: draw(st.integers(0, 2))]}
    world["always"] = {k: {"when": _condition(draw, sizes), **v} for k, v in always.items()}
    return world


def _correct(draw: st.DrawFn, *worlds: Document) -> None:
    """Let rules correct, once or twice in a life; some hold before a correction only, or after."""
    counter = {"values": draw(st.sampled_from([2, 2, 3])), "start": 0, "counts": "corrections"}
    first = draw(st.booleans())
    for world in worlds:
        others = world["variables"]
        own = {"corrected": dict(counter)}
        world["variables"] = {**own, **others} if first else {**others, **own}
        for kind in world["kinds"].values():
            for rule in kind["use"].values():
                rule["corrects"] = draw(chances)
                if draw(st.integers(0, 4)) == 0:
                    rule["when"] = {**rule["when"], "corrected": draw(st.integers(0, 1))}
    assume(any(kind["use"] for world in worlds for kind in world["kinds"].values()))


def _ground(draw: st.DrawFn, world: Document, counts: dict[str, int]) -> int:
    """Rows and columns, or a map, with room for the sites; returns the number of free cells."""
    rows, cols = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    for kind in counts:
        if rows * cols < sum(counts.values()) + 2:
            counts[kind] = 0
    if draw(st.booleans()) and rows * cols >= sum(counts.values()) + 1:
        for kind, count in counts.items():
            if count == 0:
                counts[kind] = 1  # every kind needs a site
        rows = max(rows, math.ceil((sum(counts.values()) + 1) / cols))
        world.update(rows=rows, cols=cols)
        return rows * cols
    need = sum(counts.values()) + 1
    rows = max(rows, math.ceil((need + len(counts) + 2) / cols))
    marks = [kind[0] for kind, count in counts.items() if count == 0]
    rest = rows * cols - need - len(marks)
    marks += draw(st.lists(st.sampled_from(["#", "#", ".", "@", *marks]), max_size=rest))
    cells = marks + ["."] * (rows * cols - len(marks))
    cells = draw(st.permutations(cells))
    barriers = st.sampled_from([" ", " ", "x"]) if draw(st.booleans()) else None
    lines = []
    for r in range(rows):
        row = cells[r * cols : (r + 1) * cols]
        if barriers is None:
            lines.append("".join(row))
            continue
        between = [draw(barriers).replace("x", "|") for _ in range(cols - 1)] + [""]
        lines.append("".join(cell + gap for cell, gap in zip(row, between, strict=True)))
        if r < rows - 1:
            below = [draw(barriers).replace("x", "-") for _ in range(cols)]
            lines.append(" ".join(below))
    world["map"] = "\n".join(lines)
    return rows * cols - cells.count("#")


def _region(draw: st.DrawFn, world: Document, sites: int) -> None:
    """A rectangle for one kind that holds all sites, so that they always fit."""
    rows, cols = world["rows"], world["cols"]
    width = draw(st.integers(1, cols))
    height = min(rows, math.ceil((sites + 1) / width))
    if height * width > sites:
        top, left = draw(st.integers(0, rows - height)), draw(st.integers(0, cols - width))
        kind = draw(st.sampled_from(sorted(world["kinds"])))
        span = {"rows": [top, top + height - 1], "cols": [left, left + width - 1]}
        world["kinds"][kind]["region"] = span


def _value(draw: st.DrawFn, size: int) -> int:
    return draw(st.integers(0, size - 1))


def _weights(draw: st.DrawFn, size: int) -> list[float]:
    weights = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 0.3]), min_size=size, max_size=size))
    return weights if any(weights) else [1.0] * size


def _condition(draw: st.DrawFn, sizes: Mapping[str, int]) -> Document:
    when: Document = {}
    for name, size in sizes.items():
        if draw(st.booleans()):
            low, high = sorted((_value(draw, size), _value(draw, size)))
            when[name] = low if low == high and draw(st.booleans()) else [low, high]
    return when


def _variable(draw: st.DrawFn, name: str, sizes: Mapping[str, int]) -> Document:
    size = sizes[name]
    fatal = draw(st.sampled_from([None, None, 0, size - 1]))
    variable: Document = {"values": size}
    alive = [v for v in range(size) if v != fatal]
    weights = [w if v in alive else 0.0 for v, w in enumerate(_weights(draw, size))]
    weighted = any(weights) and draw(st.booleans())
    variable["start"] = weights if weighted else draw(st.sampled_from(alive))
    if draw(st.booleans()):
        when = _condition(draw, sizes)
        step = draw(st.sampled_from([-2, -1, 1, 2]))
        variable["drift"] = {"step": step, "chance": draw(chances), "when": when}
    if fatal is not None:
        variable["fatal"] = draw(st.sampled_from([fatal, [fatal, fatal]]))
    if draw(st.integers(0, 2)) == 0:
        variable |= {"hidden": True, "assume": draw(st.sampled_from(alive))}
    return variable


def _effect(draw: st.DrawFn) -> Document:
    often = st.sampled_from([True, True, True, False])
    return {
        "feels": {name: draw(amounts) for name in STIMULI if draw(often)},
        "yields": {name: draw(amounts) for name in PAYOFFS if draw(often)},
    }


def _kind(draw: st.DrawFn, name: str, sizes: Mapping[str, int]) -> Document:
    kind: Document = {"glyph": name[0], "use": {}}
    for rule in ("eat", "lick")[: draw(st.sampled_from([1, 2, 2, 0]))]:
        kind["use"][rule] = _rule(draw, sizes)
    if not kind["use"] or draw(st.integers(0, 2)) == 0:
        kind["here"] = _effect(draw)
    return kind


def _rule(draw: st.DrawFn, sizes: Mapping[str, int]) -> Document:
    rule: Document = {"when": _condition(draw, sizes), **_effect(draw), "set": {}, "add": {}}
    for name, size in sizes.items():
        change = draw(st.sampled_from(["none", "none", "set", "draw", "add"]))
        if change == "set":
            rule["set"][name] = _value(draw, size)
        elif change == "draw":
            rule["set"][name] = _weights(draw, size)
        elif change == "add":
            rule["add"][name] = draw(st.sampled_from([-3, -1, 1, 2]))
    rule["ends"] = draw(st.sampled_from([0.0, 0.0, 0.3, 1.0]))
    return rule


def _disturb(draw: st.DrawFn, table: Document) -> None:
    """Change some numbers of a world that leave its variables, sites and ground alone."""
    for key, part in table.items():
        if key in ("feels", "yields", "looks"):
            table[key] = {name: draw(amounts) for name in part}
        elif key in ("chance", "slip", "ends", "regrow") and draw(st.booleans()):
            table[key] = draw(chances)
        elif isinstance(part, dict) and key not in ("region", "when", "set", "add"):
            _disturb(draw, part)


def _enrich(draw: st.DrawFn, world: Document) -> None:
    """Add to a world what an environment may add, and change what variables may change."""
    sizes = {name: variable["values"] for name, variable in world["variables"].items()}
    for variable in world["variables"].values():
        _redefine(draw, variable)
    if draw(st.booleans()):
        kind = draw(st.sampled_from(sorted(world["kinds"])))
        world["kinds"][kind]["use"]["more"] = _rule(draw, sizes)
    if draw(st.booleans()):
        world["always"]["news"] = {"when": _condition(draw, sizes), **_effect(draw)}
    counts = sum(kind["count"] for kind in world["kinds"].values())
    regions = any("region" in kind for kind in world["kinds"].values())
    has_room = "map" not in world and not regions and world["rows"] * world["cols"] > counts + 1
    if has_room and draw(st.booleans()):
        world["kinds"]["tree"] = {**_kind(draw, "tree", sizes), "count": 1}
    if "movers" in world:
        _enrich_local(draw, world, sizes)
    kind = world["kinds"][draw(st.sampled_from(sorted(world["kinds"])))]
    n_sites = kind["count"] + world.get("map", "").count(kind["glyph"])
    if "regrow" not in kind and n_sites <= 2 and draw(st.booleans()):
        kind["regrow"] = 0.5


def _localize(draw: st.DrawFn, world: Document) -> None:
    """What makes a world local (``World.local``), each part in most worlds but not in all."""
    sizes = {name: variable["values"] for name, variable in world["variables"].items()}
    some = st.sampled_from([True, True, False])
    world["maze"] = draw(st.sampled_from([0.0, 0.0, 0.5, 1.0]))
    bare = World.model_validate(world)
    rows, cols, cells = bare.layout.rows, bare.layout.cols, len(bare.layout.free)
    for kind in world["kinds"].values():
        if draw(some):
            kind["enter"] = {name: _rule(draw, sizes) for name in ("step", "trip")[: draw(few)]}
        if "here" in kind and draw(some):
            kind["here"]["when"] = _condition(draw, sizes)
    world["fields"] = {
        name: _field(draw, sizes, rows, cols) for name in ("glow", "chill")[: draw(few)]
    }
    world["movers"] = {}
    n_states, most = bare.n_states, LARGEST * 2
    for name in ("dog", "fly"):
        vanishes = draw(st.booleans())
        if draw(some) and n_states * (cells + vanishes) <= most:
            n_states *= cells + vanishes
            world["movers"][name] = _mover(draw, name, sizes, vanishes, rows, cols)
    for variable in world["variables"].values():
        if draw(some):
            drifts = [
                {"step": step, "chance": draw(st.sampled_from([0.1, 0.25, 0.5, 1 / 3]))}
                for step in (1, -1)
            ]
            variable["drift"] = [d | {"when": _condition(draw, sizes)} for d in drifts]
    world["happens"] = {}
    for name in ("storm", "luck")[: draw(few)]:
        rule = _rule(draw, sizes)
        changes = {key: rule[key] for key in ("when", "set", "add")}
        world["happens"][name] = {"chance": draw(chances), **changes}


few = st.sampled_from([0, 1, 1, 2])


def _field(draw: st.DrawFn, sizes: Mapping[str, int], rows: int, cols: int) -> Document:
    field: Document = {"when": _condition(draw, sizes), **_effect(draw)}
    r, c = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
    match draw(st.sampled_from(["point", "region", "map"])):
        case "map":
            digits = st.text("0123.", min_size=cols, max_size=cols)
            return field | {"map": "\n".join(draw(digits) for _ in range(rows))}
        case "region":
            field["region"] = {"rows": [0, r], "cols": [c, cols - 1]}
        case _:
            field["point"] = [r, c]
    field["falls"] = draw(st.sampled_from(["none", "linear", "inverse", "exponential"]))
    return field | {"reach": draw(st.sampled_from([0.5, 1, 3]))}


def _mover(
    draw: st.DrawFn, name: str, sizes: Mapping[str, int], vanishes: bool, rows: int, cols: int
) -> Document:
    mover: Document = {"glyph": name[0].upper(), "count": 1, "chance": draw(chances)}
    mover["walks"] = draw(st.sampled_from(["random", "random", "toward", "away"]))
    for how in ("meet", "use"):
        mover[how] = {rule: _rule(draw, sizes) for rule in ("bite", "lick")[: draw(few)]}
    if vanishes:
        mover["meet"]["flee"] = _rule(draw, sizes) | {"vanishes": True}
    return mover


def _enrich_local(draw: st.DrawFn, world: Document, sizes: Mapping[str, int]) -> None:
    """Add to a local world what an environment may add."""
    bare = World.model_validate(world)
    if draw(st.booleans()):
        world["fields"]["news"] = _field(draw, sizes, bare.layout.rows, bare.layout.cols)
    if not world["movers"] and bare.n_states * len(bare.layout.free) <= LARGEST * 2:
        world["movers"]["cat"] = _mover(
            draw, "cat", sizes, False, bare.layout.rows, bare.layout.cols
        )
    for mover in world["movers"].values():
        if draw(st.booleans()):
            mover["meet"]["more"] = _rule(draw, sizes)
    if draw(st.booleans()):
        kind = world["kinds"][draw(st.sampled_from(sorted(world["kinds"])))]
        kind.setdefault("enter", {})["more"] = _rule(draw, sizes)


def _redefine(draw: st.DrawFn, variable: Document) -> None:
    """Another fatal value and another assumption, where that is possible."""
    values = range(variable["values"])
    start = variable["start"]
    starts = [start] if isinstance(start, int) else [v for v in values if start[v] > 0]
    fatal = [v for v in values if v not in (*starts, variable.get("assume"))]
    if fatal and draw(st.booleans()):
        variable["fatal"] = draw(st.sampled_from(fatal))
    if variable.get("hidden") and draw(st.booleans()):
        low, high = np.ravel([variable.get("fatal", -1)] * 2)[[0, -1]]
        variable["assume"] = draw(st.sampled_from([v for v in values if not low <= v <= high]))


def _differences(old: Document, new: Document) -> Document:
    """The nested keys at which two documents of the same shape differ, with the new values."""
    found = {}
    for key, value in new.items():
        if key in old and isinstance(value, dict):
            if inner := _differences(old[key], value):
                found[key] = inner
        elif key not in old or value != old[key]:
            found[key] = value
    return found


@st.composite
def conditions(draw: st.DrawFn, scenario: Scenario) -> Document:
    """A condition on variables, as a scenario has it once it is read."""
    sizes = {name: variable.values for name, variable in scenario.world.variables.items()}
    when = _condition(draw, sizes)
    return {name: v if isinstance(v, int) else tuple(v) for name, v in when.items()}


@st.composite
def minds(draw: st.DrawFn, scenario: Scenario, *, novelty: bool = False, depth: int = 4) -> Mind:
    """A mind for a scenario: unit drives, any depth, greedy or not, some senses, some tools."""
    names = (*scenario.stimuli, *scenario.payoffs, *scenario.looks)
    relies = st.sampled_from([0.0, 0.3, 0.5, 1.0]) if scenario.agent.tool else st.just(0.0)
    drives = st.sampled_from([-1.0, 0.0, 1.0]) | st.integers(-99, 99).map(lambda n: n / 99)
    weights = [draw(drives) for _ in names]
    if draw(st.integers(0, 3)) > 0:
        weights[len(scenario.stimuli) :] = [0.0] * (len(names) - len(scenario.stimuli))
    extra = draw(st.sampled_from([0.2, 0.7, 1.0])) if novelty else 0.0
    length = math.hypot(*weights, extra) or 1.0
    return Mind(
        weights=np.array([w / length for w in weights], np.float32),
        novelty=np.float32(extra / length),
        depth=draw(st.integers(0, depth)),
        patience=np.float32(draw(st.sampled_from([0.0, 0.5, 0.9, 0.97]))),
        temperature=np.float32(draw(st.sampled_from([0.0, 0.0, 0.05, 0.7]))),
        senses=draw(st.integers(0, 7)),
        criteria=np.array(
            [draw(amounts) if n in scenario.looks else 0.0 for n in names], np.float32
        ),
        tool_depth=draw(st.integers(0, depth)) if scenario.agent.tool else 0,
        reliance=np.float32(draw(relies)),
        **_foresight(draw, scenario, drives),
    )


def _foresight(
    draw: st.DrawFn, scenario: Scenario, drives: st.SearchStrategy[float]
) -> dict[str, Any]:
    """What a mind may become, and how it counts that; nothing where nobody can be corrected."""
    counter = scenario.world.counting("corrections")
    if counter is None:
        return {}
    most = scenario.world.variables[counter].values - 1
    n_features = len((*scenario.stimuli, *scenario.payoffs, *scenario.looks))
    later = [[draw(drives) for _ in range(n_features)] for _ in range(most)]
    ways = np.array(draw(st.sampled_from([*np.eye(4).tolist(), [0.5, 0.2, 0.1, 0.2]])), np.float32)
    return {"later": np.array(later, np.float32), "anticipation": ways}
