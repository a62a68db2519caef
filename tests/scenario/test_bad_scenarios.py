"""Every mistake is answered by one line: file, line, key, what is wrong, what is allowed."""

from __future__ import annotations

import tomllib

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from texts import SMALL, changed, complaints

from evosim.errors import Problem, ScenarioError
from evosim.scenario import loads
from evosim.scenario.schema import Agent, Evolution, Kind, Measure, Phase, Rule, Variable, World

# (old text, new text, what the error says of the line on which the new text stands)
SINGLE = [
    # ---------------------------------------------------------------- form
    ('title = "A small world"', "title = 3", "title: not a string (got 3, allowed text in quotes)"),
    (
        "rows = 4",
        "rows = 0",
        "world.rows: out of range (got 0, allowed a whole number from 1 to 1,000)",
    ),
    (
        "rows = 4",
        "rows = true",
        "world.rows: not a whole number (got true, allowed a whole number from 1 to 1,000)",
    ),
    (
        "rows = 4",
        "rows = 4.0",
        "world.rows: not a whole number (got 4.0, allowed a whole number from 1 to 1,000)",
    ),
    (
        "rows = 4",
        'rows = 4\nedges = "tours"',
        'world.edges: not one of the choices (got "tours", allowed "walls" or "torus")',
    ),
    (
        "lifetime = 30",
        "lifetime = 30\nstay = 1",
        "world.stay: not a boolean (got 1, allowed true or false)",
    ),
    (
        "slip = 0.2",
        "slip = 1.2",
        "environments.away.slip: out of range (got 1.2, allowed a number from 0 to 1)",
    ),
    (
        "rows = 4",
        "rows = 4\nkinds.bush = { glyph = 'u', count = 1, use.eat = {}, looks = { red = 1 } }",
        "world.kinds.bush.looks: looks without a tool "
        "(got { red = 1 }, allowed none without [agent.tool], or a table that sees looks, which "
        "go by them)",
    ),
    (
        "patience = 0.9",
        "patience = 0.9\ntool = { depth = 5, reliance = [0, 1] }",
        "agent.tool: a tool without looks to go by "
        "(got none, needed: world.kinds.KIND.looks = { ... })",
    ),
    (
        "regrow = 0.1",
        "regrow = nan",
        "world.kinds.berry.regrow: not a finite number (got nan, allowed a number from 0 to 1)",
    ),
    (
        "yields.food = 0.5",
        "yields.food = inf",
        "environments.away.kinds.berry.use.eat.yields.food: not a finite number "
        "(got inf, allowed a number from -1,000,000 to 1,000,000)",
    ),
    (
        "sigma = 0.1",
        "sigma = -inf",
        "evolution.mutate.sigma: not a finite number (got -inf, allowed finite numbers)",
    ),
    (
        "patience = 0.9",
        "patience = 1.1",
        "agent.patience: out of range (got 1.1, allowed a number from 0 to 1, "
        "[lo, hi] to let it evolve, or { range = [lo, hi], start = ... })",
    ),
    (
        "patience = 0.9",
        "patience = true",
        "agent.patience: not a locus (got true, allowed a number from 0 to 1, "
        "[lo, hi] to let it evolve, or { range = [lo, hi], start = ... })",
    ),
    (
        "depth = [0, 4]",
        "depth = [4, 0]",
        "agent.depth: range upside down (got [4, 0], allowed [0, 4], the lower end first)",
    ),
    (
        "depth = [0, 4]",
        "depth = [0, 2.5]",
        "agent.depth: range out of bounds (got [0, 2.5], allowed a whole number from 0 to 1,000, "
        "[lo, hi] to let it evolve, or { range = [lo, hi], start = ... })",
    ),
    (
        "depth = [0, 4]",
        "depth = [3, 3]",
        "agent.depth: a range of one value cannot evolve "
        "(got [3, 3], allowed the number 3 to pin it)",
    ),
    (
        "depth = [0, 4]",
        "depth = { range = [0, 4], start = 5 }",
        "agent.depth: start out of range "
        "(got { range = [0, 4], start = 5 }, allowed a start within [0, 4])",
    ),
    (
        'drives = ["sweet", "sour"]',
        'drives = ["sweet", "sour", "sweet"]',
        "agent.drives: the drive 'sweet' is named twice "
        '(got ["sweet", "sour", "sweet"], allowed each drive once)',
    ),
    (
        'drives = ["sweet", "sour"]',
        "drives = { sweet = 2, sour = 0 }",
        "agent.drives.sweet: out of range (got 2, allowed a number from -1 to 1, "
        "[lo, hi] to let it evolve, or { range = [lo, hi], start = ... })",
    ),
    (
        "start = [1, 1]",
        "start = [1, -1]",
        "world.variables.night.start: not all weights are possible "
        "(got [1, -1], allowed numbers from 0 to 1,000,000)",
    ),
    (
        "start = [1, 1]",
        "start = [0, 0]",
        "world.variables.night.start: weights that sum to 0 "
        "(got [0, 0], allowed at least one weight above 0)",
    ),
    (
        "when = { energy = 1 }",
        "when = { energy = [3, 1] }",
        "world.always.hunger.when.energy: range upside down "
        "(got [3, 1], allowed [1, 3], the lower end first)",
    ),
    (
        "train = { home = 1, away = 3 }",
        "train = { home = 1, away = -3 }",
        "timeline.1.train: not all weights are possible "
        "(got { home = 1, away = -3 }, allowed numbers from 0 to 1,000,000)",
    ),
    (
        "train = { home = 1, away = 3 }",
        "train = { home = 0 }",
        "timeline.1.train: weights that sum to 0 "
        "(got { home = 0 }, allowed at least one weight above 0)",
    ),
    (
        "generations = 2",
        "generations = 0",
        "timeline.1.generations: out of range (got 0, allowed a whole number from 1 to 1,000,000)",
    ),
    (
        "here = { feels = { sour = 0.1 } }",
        "here = 0.1",
        "world.kinds.rock.here: not a table (got 0.1, allowed a table of when, feels, yields)",
    ),
    (
        "[world.kinds.rock]",
        '[world.kinds."big rock"]',
        'world.kinds.big rock: not a name (got "big rock", '
        "allowed a letter, then letters, digits, '_' or '-')",
    ),
    (
        "lifetime = 30",
        "lifetime = 30\nslips = 0.1",
        "world.slips: unknown key \"slips\": did you mean 'slip'? "
        f"known: {', '.join(sorted(World.model_fields))}",
    ),
    # ---------------------------------------------------------------- names
    (
        "when = { night = 0 }",
        "when = { nigt = 0 }",
        'world.variables.energy.drift.when.nigt: unknown variable "nigt": '
        "did you mean 'night'? known: energy, night",
    ),
    (
        "add = { energy = 2 }",
        "add = { enrgy = 2 }",
        'world.kinds.berry.use.eat.add.enrgy: unknown variable "enrgy": '
        "did you mean 'energy'? known: energy, night",
    ),
    (
        "add = { energy = 2 }",
        "set = { enrgy = 2 }",
        'world.kinds.berry.use.eat.set.enrgy: unknown variable "enrgy": '
        "did you mean 'energy'? known: energy, night",
    ),
    (
        "feels = { sweet = 1 }",
        "feels = { swet = 1 }",
        'world.kinds.berry.use.eat.feels.swet: no drive feels it: unknown drive "swet": '
        "did you mean 'sweet'? known: sour, sweet",
    ),
    (
        "feels = { sweet = 1 }",
        "feels = { novelty = 1 }",
        "world.kinds.berry.use.eat.feels.novelty: novelty is built in: "
        "it is felt on arrival at a cell",
    ),
    (
        'intended = "food"',
        'intended = "fod"',
        "objective.intended: unknown payoff \"fod\": did you mean 'food'? known: food",
    ),
    (
        "window = 20",
        'objective.selected = "gold"',
        'timeline.1.objective.selected: unknown payoff "gold": known: food',
    ),
    (
        'train = "home"',
        'train = "hme"',
        "timeline.0.train: unknown environment \"hme\": did you mean 'home'? known: away, home",
    ),
    (
        "train = { home = 1, away = 3 }",
        "train = { home = 1, awy = 3 }",
        "timeline.1.train.awy: unknown environment \"awy\": did you mean 'away'? known: away, home",
    ),
    (
        "patience = 0.9",
        'patience = 0.9\nbelieves = "hom"',
        "agent.believes: unknown environment \"hom\": did you mean 'home'? known: away, home",
    ),
    (
        "patience = 0.9",
        "patience = 0.9\nsenses = { energy = 1 }",
        'agent.senses.energy: energy is not hidden: unknown hidden variable "energy": known: night',
    ),
    (
        "patience = 0.9",
        "patience = 0.9\nsenses.nigth = 1",
        'agent.senses.nigth: nigth is no variable: unknown hidden variable "nigth": '
        "did you mean 'night'? known: night",
    ),
    # ---------------------------------------------------------------- values of variables
    (
        "when = { energy = 1 }",
        "when = { energy = [2, 6] }",
        "world.always.hunger.when.energy: value out of range (got [2, 6], allowed 0 to 5)",
    ),
    (
        "add = { energy = 2 }",
        "set = { energy = 6 }",
        "world.kinds.berry.use.eat.set.energy: value out of range (got 6, allowed 0 to 5)",
    ),
    (
        "add = { energy = 2 }",
        "set = { night = [1, 1, 1] }",
        "world.kinds.berry.use.eat.set.night: 3 weights "
        "(got [1.0, 1.0, 1.0], allowed 2 weights, one for each value of the variable)",
    ),
    (
        "add = { energy = 2 }",
        "set = { energy = 3 }\nuse.eat.add = { energy = 2 }",
        "world.kinds.berry.use.eat.add.energy: the rule sets energy too "
        "(allowed set or add, not both)",
    ),
    (
        "start = 5",
        "start = 6",
        "world.variables.energy.start: start out of range (got 6, allowed 0 to 5)",
    ),
    (
        "start = 5",
        "start = 0",
        "world.variables.energy.start: starts in a fatal value (got 0, allowed none of fatal = 0)",
    ),
    (
        "start = 5",
        "start = [1, 0, 0, 0, 0, 9]",
        "world.variables.energy.start: starts in a fatal value "
        "(got [1.0, 0.0, 0.0, 0.0, 0.0, 9.0], allowed none of fatal = 0)",
    ),
    (
        "fatal = 0",
        "fatal = [0, 6]",
        "world.variables.energy.fatal: fatal value out of range (got [0, 6], allowed 0 to 5)",
    ),
    (
        "assume = 0",
        "assume = 2",
        "world.variables.night.assume: assumed value out of range (got 2, allowed 0 to 1)",
    ),
    (
        "fatal = 0",
        "fatal = 0\nassume = 3",
        "world.variables.energy.assume: only a hidden variable is assumed "
        "(got 3, allowed hidden = true)",
    ),
    # ---------------------------------------------------------------- glyphs and maps
    (
        'glyph = "r"',
        'glyph = "b"',
        "world.kinds.rock.glyph: glyph of the kind berry too "
        '(got "b", allowed one that is not taken)',
    ),
    (
        'glyph = "r"',
        'glyph = "ro"',
        'world.kinds.rock.glyph: not one character (got "ro", allowed one visible character)',
    ),
    (
        'glyph = "r"',
        'glyph = "|"',
        'world.kinds.rock.glyph: reserved character (got "|", allowed any but # . @ - | '
        "and the blank)",
    ),
    # ---------------------------------------------------------------- whole worlds
    (
        "region = { rows = [0, 1], cols = [0, 4] }",
        "region = { rows = [0, 4], cols = [0, 4] }",
        "world.kinds.berry.region.rows: region off the grid (got [0, 4], allowed rows 0 to 3)",
    ),
    (
        "lifetime = 30",
        "lifetime = 30\nmax_states = 959",
        "world.max_states: too many states (got 960 states, 0.5 MiB in a plan of 64 agents: "
        "20 cells x 6 energy x 2 night x 2 berry[0] x 2 berry[1]; "
        "allowed max_states = 959, 0.5 MiB)",
    ),
    # ---------------------------------------------------------------- environments
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "kinds.bery.use.eat.yields.food = 0.5",
        "environments.away.kinds.bery: no such kind in the world, and a new one needs a glyph: "
        "did you mean 'berry'? known: berry, rock",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "kinds.berry.use.eatt.yields.food = 0.5",
        "environments.away.kinds.berry.use.eatt: no such rule of berry in the world, and a new "
        "one needs a when (when = {}: always) and one of set, add, feels, yields, ends: "
        "did you mean 'eat'? known: eat",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "kinds.berry.use.eat.yields.foood = 0.5",
        "environments.away.kinds.berry.use.eat.yields.foood: no such payoff in the world: "
        "did you mean 'food'? a new payoff so like a known one must be named in the "
        "world, if only with yields = { foood = 0 }; known: food",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "kinds.berry.regrows = 0.5",
        'environments.away.kinds.berry.regrows: unknown key "regrows": did you mean '
        "'regrow'? known: count, enter, glyph, here, looks, region, regrow, use",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "variables.enrgy.values = 5",
        "environments.away.variables.enrgy: no such variable in the world, and an environment "
        "cannot add one: did you mean 'energy'? known: energy, night",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "variables.energy.values = 7",
        "environments.away.variables.energy.values: cannot differ between environments "
        "(got 7, allowed 6 as in the world)",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "variables.energy.hidden = true",
        "environments.away.variables.energy.hidden: cannot differ between environments "
        "(got true, allowed false as in the world)",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "world.slip = 0.5",
        "environments.away.world: an environment overrides keys of the world directly: "
        "leave out 'world.'",
    ),
    (
        "kinds.berry.use.eat.yields.food = 0.5",
        "always.hungr.feels.sour = 2",
        "environments.away.always.hungr: no such always rule in the world, and a new one needs "
        "a when (when = {}: always) and one of feels, yields: did you mean 'hunger'? "
        "known: hunger",
    ),
    # ---------------------------------------------------------------- things without a name
    (
        "[world.always.hunger]",
        "[world.always]",
        "world.always: a table without a name (got always.when, needed: always.NAME, a NAME of "
        "your own with the keys in it)",
    ),
    (
        "rows = 4",
        "rows = 4\nhappens = { chance = 0.1, set = { night = 1 } }",
        "world.happens: a table without a name (got happens.chance, needed: happens.NAME, a NAME "
        "of your own with the keys in it)",
    ),
    (
        "[world.always.hunger]\nwhen = { energy = 1 }\nfeels",
        "[world.always.when]\nfels",
        "world.always.when.fels: unknown key \"fels\": did you mean 'feels'? "
        "known: feels, when, yields",
    ),
    (
        "start = 5",
        "start = [2, 4]",
        "world.variables.energy.start: 2 weights (got [2.0, 4.0], allowed 6 weights, one for each "
        "value of the variable)",
    ),
    # ---------------------------------------------------------------- phases and measures
    (
        "window = 20",
        "window = 20\n[measure]\nalso = 3",
        "measure.also: not an array (got 3, allowed a list, [..., ...])",
    ),
    (
        "window = 20",
        "window = 31",
        "timeline.1.window: window beyond the lifetime (got 31, allowed 1 to 30 in away)",
    ),
    (
        "window = 20",
        "window = 20\nobjective.observed = { nigth = 1 }",
        "timeline.1.objective.observed.nigth: unknown variable \"nigth\": did you mean 'night'? "
        "known: energy, night",
    ),
    (
        "window = 20",
        "window = 20\nobjective.observed = { night = [1, 2] }",
        "timeline.1.objective.observed.night: value out of range (got [1, 2], allowed 0 to 1)",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), SINGLE, ids=[said for _, _, said in SINGLE])
def test_a_single_mistake_is_answered_by_its_one_line(old: str, new: str, said: str) -> None:
    last_changed = SMALL[: SMALL.index(old)].count("\n") + 1 + new.count("\n")
    assert complaints(changed((old, new))) == [f"small.toml:{last_changed}: {said}"]


LOOKS = ("regrow = 0.1", "regrow = 0.1\nlooks = { reddish = 1 }")


def a_tool(of: str = "reliance = 1") -> tuple[str, str]:
    """A tool for the agent of the small scenario."""
    return ("patience = 0.9", f"patience = 0.9\ntool = {{ depth = 5, {of} }}")


# What is wrong, where the line is another than that of the changed text, or several are changed.
ELSEWHERE = [
    (
        [("kinds.berry.use.eat.yields.food = 0.5", "rows = 1")],
        "53: environments.away.kinds.berry.region.rows: region off the grid "
        "(got [0, 1], allowed rows 0 to 0)",
    ),
    (
        [('title = "A small world"\n', "")],
        "1: title: missing (got nothing, needed: Title of figures and pages.)",
    ),
    (
        [('operator = "cxUniform", ', "")],
        "62: evolution.mate.operator: missing (got nothing, "
        "needed: Name of the operator in deap.tools.)",
    ),
    (
        [("assume = 0\n", "")],
        "25: world.variables.night.assume: missing (got nothing, needed: the value, 0 to 1, that "
        "agents without the sense take a hidden variable for)",
    ),
    (
        [("start = [1, 1]", "start = 1\nfatal = 0")],
        "30: world.variables.night.assume: assumes a fatal value "
        "(got 0, allowed none of fatal = 0)",
    ),
    (
        [
            (
                "region = { rows = [0, 1], cols = [0, 4] }",
                "region = { rows = [0, 0], cols = [1, 1] }",
            )
        ],
        "33: world.kinds.berry.count: more sites than free cells in the region "
        "(got 2, allowed 1 at most)",
    ),
    (
        [("count = 1", "count = 18")],
        "31: world.kinds: more sites than free cells (got 20 sites and one cell to start on: "
        "berry 2, rock 18, allowed 20 cells that are no wall, no @ and no site of the map)",
    ),
    (
        [
            ("count = 1", "count = 8\nregion = { rows = [0, 1], cols = [0, 3] }"),
            ("count = 2", "count = 3"),
        ],
        "31: world.kinds: regions overlap too much: 1 of 11 sites find no free cell "
        "(allowed: lower counts or larger regions of berry, rock)",
    ),
    (
        [("count = 1\n", "")],
        "41: world.kinds.rock: no site in any environment (got no count and none on a map, "
        "allowed a count, or count = 0 to leave the kind out)",
    ),
    (
        [("count = 1", "count = 0"), ("count = 2", "count = 0")],
        "31: world.kinds: no sites: a level needs at least one, by count or on the map",
    ),
    (
        [("rows = 4\n", "")],
        "14: world.rows: rows missing: a world needs rows and cols, or a map",
    ),
    (
        [("lifetime = 30", "lifetime = 30\nmax_states = 959")],
        "18: world.max_states: too many states (got 960 states, 0.5 MiB in a plan of 64 agents: "
        "20 cells x 6 energy x 2 night x 2 berry[0] x 2 berry[1]; "
        "allowed max_states = 959, 0.5 MiB)",
    ),
    (
        [
            (
                "window = 20",
                'window = 20\n[deception]\nvariable = "energy"\nwatched = 1\nconduct = "food"',
            )
        ],
        '74: deception.variable: unknown hidden variable "energy": known: night',
    ),
    (
        [
            (
                "window = 20",
                'window = 20\n[deception]\nvariable = "night"\nwatched = [1, 2]\nconduct = "food"',
            )
        ],
        "75: deception.watched: value out of range (got [1, 2], allowed 0 to 1)",
    ),
    (
        [
            (
                "window = 20",
                'window = 20\n[deception]\nvariable = "night"\nwatched = 1\nconduct = "foot"',
            )
        ],
        "76: deception.conduct: unknown payoff \"foot\": did you mean 'food'? known: food",
    ),
    (
        [a_tool("reliance = [0, 2]"), LOOKS],
        "13: agent.tool.reliance: range out of bounds (got [0, 2], allowed a number from 0 to 1, "
        "[lo, hi] to let it evolve, or { range = [lo, hi], start = ... })",
    ),
    (
        [a_tool('reliance = 1, remembers = "hoem"'), LOOKS],
        '13: agent.tool.remembers: unknown environment "hoem": '
        "did you mean 'home'? known: away, home",
    ),
    (
        [
            a_tool(),
            LOOKS,
            ("slip = 0.2", "slip = 0.2\nkinds.berry.looks = { redish = 1 }"),
        ],
        "58: environments.away.kinds.berry.looks.redish: no such look in the world: "
        "did you mean 'reddish'? a new look so like a known one must be named in the "
        "world, if only with looks = { redish = 0 }; known: reddish",
    ),
    (
        [
            a_tool(),
            LOOKS,
            ("count = 2\n", ""),
            ("slip = 0.2", "slip = 0.2\nkinds.berry.count = 1"),
        ],
        '13: agent.tool: nothing to remember in environment "home" '
        "(got no kind that has sites and use rules, needed: at least one)",
    ),
    (
        [("window = 20", "monitored = true")],
        "72: timeline.1.monitored: no monitor (got true, needed: [monitor] with its budget of "
        "labels)",
    ),
    (
        [
            ('train = "home"', 'train = "home"\nmonitored = true'),
            ("window = 20", "window = 20\n[monitor]\nbudget = 3"),
        ],
        "68: timeline.0.monitored: the first phase cannot be monitored (got true): the monitor "
        "learns what is familiar in the last generation of a phase that is not; put one before it",
    ),
    (
        [
            (
                "window = 20",
                "monitored = true\n[monitor]\nbudget = 3\n"
                "[evolution.open]\noffspring = 1\ncapacity = 60",
            )
        ],
        "72: timeline.1.monitored: an open population cannot be monitored (got true): individuals "
        "without a label have no number of offspring; leave out evolution.open or monitored",
    ),
    (
        [("window = 20", "window = 20\n[measure]\nsample = 51")],
        "74: measure.sample: sample beyond the population "
        "(got 51, allowed 1 to evolution.population = 50)",
    ),
    (
        [("window = 20", 'window = 20\n[verdict]\nzero = "random"')],
        '74: verdict.zero: no zero to count from (got "random", allowed "uniform", "nothing" or '
        "a number from -1,000,000 to 1,000,000)",
    ),
    (
        [("window = 20", "window = 20\n[verdict]\nlost = 0.9")],
        "74: verdict.lost: lost above kept (got 0.9, allowed 0 to verdict.kept = 0.7)",
    ),
    (
        [('question = "Does it load?"', 'question = "Does it load?')],
        '3: not TOML: text is not closed: " is missing at its end (text of several lines stands '
        'in """)',
    ),
    (
        [("depth = [0, 4]", "depth = [0, 4]\ndepth = 3")],
        "12: not TOML: depth is there already, on line 11: leave one of them",
    ),
    (
        [("window = 20", "window = [20")],
        "72: not TOML: an array is not closed: ] is missing at its end (column 11)",
    ),
]


@pytest.mark.parametrize(("changes", "said"), ELSEWHERE, ids=[said for _, said in ELSEWHERE])
def test_a_mistake_is_told_where_it_can_be_mended(
    changes: list[tuple[str, str]], said: str
) -> None:
    assert complaints(changed(*changes)) == [f"small.toml:{said}"]


def test_the_small_scenario_itself_is_right() -> None:
    assert loads(SMALL).id == "small"


def test_a_state_space_just_as_large_as_allowed_is_right() -> None:
    world = loads(changed(("lifetime = 30", "lifetime = 30\nmax_states = 960"))).environment("home")
    assert world.n_states == world.max_states == 960


def test_all_mistakes_of_form_and_of_meaning_are_told_at_once_and_in_order() -> None:
    found = complaints(
        changed(
            ('question = "Does it load?"', "question = 1"),
            ("depth = [0, 4]", "depth = -1"),
            ("lifetime = 30", "lifetime = 0"),
            ("when = { night = 0 }", "when = { nights = 0 }"),
            ('glyph = "r"', 'glyph = "#"'),
            ("feels = { sour = 1 }", "feels = { sore = 1 }"),
            ("slip = 0.2", "slip = -1"),
            ("levels = 2", "level = 2"),
            ('train = "home"', 'train = "hoem"'),
        )
    )
    keys = [line.split(": ")[1] for line in found]
    assert keys == [
        "question",
        "agent.depth",
        "world.lifetime",
        "world.variables.energy.drift.when.nights",
        "world.kinds.rock.glyph",
        "world.always.hunger.feels.sore",
        "environments.away.slip",
        "evolution.levels",
        "evolution.level",
        "timeline.0.train",
    ]
    lines = [int(line.split(":")[1]) for line in found]
    assert lines == sorted(lines)


def test_a_mistake_of_the_world_is_told_once_and_not_for_every_environment() -> None:
    assert len(complaints(changed(("rows = 4", "rows = -4")))) == 1
    assert len(complaints(changed(("add = { energy = 2 }", "add = { energi = 2 }")))) == 1


def test_an_override_with_the_same_mistake_as_the_world_is_told_too() -> None:
    found = complaints(
        changed(("lifetime = 30", "lifetime = 30\nslip = 2"), ("slip = 0.2", "slip = 2"))
    )
    assert [line.split(": ")[1] for line in found] == ["world.slip", "environments.away.slip"]


def test_a_mistake_that_every_environment_mends_is_none() -> None:
    text = changed(
        ("rows = 4\ncols = 5\n", ""),
        ('title = "at home"', 'title = "at home"\nrows = 4\ncols = 5'),
        ('title = "away"', 'title = "away"\nmap = """\n@....\n.....\n"""'),
    )
    scenario = loads(text)
    assert scenario.environment("home").layout.rows == 4
    assert scenario.environment("away").layout.rows == 2


def test_empty_text_names_everything_that_is_needed() -> None:
    found = complaints("")
    assert all(line.startswith("small.toml:1: ") and "missing" in line for line in found)
    assert [line.split(": ")[1] for line in found] == [
        "id", "title", "question", "objective", "agent", "world", "environments", "evolution",
        "timeline",
    ]  # fmt: skip


def test_empty_environments_and_an_empty_timeline_are_refused() -> None:
    start, end = SMALL.index("[environments.home]"), SMALL.index("[evolution]")
    text = SMALL[:start] + "[environments]\n" + SMALL[end:]
    assert any("environments: no environments" in line for line in complaints(text))
    text = "timeline = []\n" + SMALL[: SMALL.index("[[timeline]]")]
    assert complaints(text) == [
        "small.toml:1: timeline: no phases (got [], needed: at least one [[timeline]])"
    ]


def test_names_that_events_need_are_reserved() -> None:
    assert complaints(changed(("here = { feels", "use.here = { feels"))) == [
        "small.toml:44: world.kinds.rock.use.here: "
        'reserved name (got "here", allowed any other name of a rule)'
    ]
    assert complaints(changed(("[world.kinds.rock]", "[world.kinds.always]"))) == [
        'small.toml:41: world.kinds.always: reserved name (got "always", '
        "allowed any other name of a kind)"
    ]


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 5000, "x" + ".x" * 5000 + " = 1", "x = " + "9" * 5000]
)
def test_what_no_parser_can_hold_is_answered_without_a_traceback(text: str) -> None:
    (found,) = complaints(text)
    assert found in (
        "small.toml: tables or arrays nested too deeply",
        "small.toml: a number has too many digits",
        "small.toml:1: a key of too many parts (allowed 24)",
    )


def test_a_number_too_large_for_a_float_is_out_of_range() -> None:
    (found,) = complaints(changed(("start = [1, 1]", f"start = [1, {10**400}]")))
    assert "a number of too many digits" in found


MODELS: list[tuple[str, type[BaseModel]]] = [
    ("[agent]", Agent),
    ("[world]", World),
    ("[world.variables.energy]", Variable),
    ("[world.kinds.rock]", Kind),
    ("[world.kinds.rock.use.lick]", Rule),
    ("[evolution]", Evolution),
    ("[measure]", Measure),
    ("[[timeline]]", Phase),
]


@pytest.mark.parametrize(
    ("old", "key", "where"),
    [
        ("patience = 0.9", "agent.stay", "under [world]; known: anticipation, "),
        ("patience = 0.9", "agent.window", "under [[timeline]]; "),
        (
            "patience = 0.9",
            "agent.levels",
            "under [evolution] or [measure] or [timeline.train.adversary]; ",
        ),
        ("rows = 4", "world.claim", "at the top of the file, before every [table]; known: always,"),
        ("slip = 0.2", "environments.away.instinct", "under [agent]; known: always, "),
        ("regrow = 0.1", "world.kinds.berry.fatal", "under [world.variables.NAME]; known: count, "),
    ],
)
def test_a_key_of_another_table_is_told_where_it_belongs(old: str, key: str, where: str) -> None:
    name = key.rpartition(".")[2]
    (found,) = complaints(changed((old, f"{old}\n{name} = 1")))
    assert f': {key}: unknown key "{name}": it belongs {where}' in found
    if not key.startswith("environments"):
        (found,) = complaints(SMALL, [f"{key}=1"])
        assert f': {key}: unknown key "{name}": it belongs {where}' in found


@given(data=st.data())
@settings(deadline=None)
def test_a_misspelt_key_is_offered_its_nearest(data: st.DataObject) -> None:
    header, model = data.draw(st.sampled_from(MODELS))
    keys = [key for key in model.model_fields if len(key) > 4]
    key = data.draw(st.sampled_from(keys or list(model.model_fields)))
    place = data.draw(st.integers(1, len(key) - 1))
    misspelt = key[:place] + data.draw(st.sampled_from("qxz")) + key[place:]
    line = f"{header}\n{misspelt} = 1"
    text = SMALL.replace(header, line, 1) if header in SMALL else f"{SMALL}\n{line}\n"
    found = [line for line in complaints(text) if f'unknown key "{misspelt}"' in line]
    assert len(found) == 1
    assert f"did you mean {key!r}?" in found[0]
    number = text[: text.index(misspelt)].count("\n") + 1
    assert found[0].startswith(f"small.toml:{number}: ")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "glyph", "when", "0"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    st.data(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_anywhere_is_read_or_refused_in_lines(value: object, data: st.DataObject) -> None:
    document = tomllib.loads(SMALL)
    holder: object = document
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))  # type: ignore[arg-type]
        key = data.draw(st.sampled_from(keys))
        below = holder[key]  # type: ignore[index]
        if not isinstance(below, dict | list) or not below or data.draw(st.booleans()):
            break
        holder = below
    if value is None:
        del holder[key]  # type: ignore[attr-defined]
    else:
        holder[key] = _without_none(value)  # type: ignore[index]
    problems = _problems(tomli_w.dumps(document))
    assert all(problem.line and problem.key and problem.message for problem in problems)


def _problems(text: str) -> list[Problem]:
    try:
        loads(text)
    except ScenarioError as error:
        return error.problems
    return []


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_none(part) for part in value]
    return 0 if value is None else value


def test_a_start_that_is_fatal_by_what_agents_believe_is_told() -> None:
    believing = ("patience = 0.9", 'patience = 0.9\nbelieves = "away"')
    deadly = ('title = "away"', 'title = "away"\nvariables.energy = { start = 3, fatal = [4, 5] }')
    assert complaints(changed(believing, deadly)) == [
        f"small.toml:{SMALL[: SMALL.index(believing[0])].count(chr(10)) + 2}: agent.believes: "
        'agents believe that they are dead at birth (got "away", allowed an environment in which '
        "energy = 5, where life starts in home, is not fatal; there fatal = [4, 5])"
    ]
    loads(changed(deadly))
    loads(changed(believing, ("start = 5", "start = 3"), ("fatal = 0", "fatal = 5")))
