"""The models that a scenario file is validated by: what can be written, and what it means.

Only what one value can tell about itself is checked here; whatever depends on two places of a
file is checked in :mod:`evosim.scenario.check_scenario`. Every field's description goes into the
JSON Schema for editors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from math import prod
from reprlib import repr as shorten
from typing import TYPE_CHECKING, Annotated, Any, Literal, overload

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    model_validator,
)

from evosim.errors import EvosimError, Problem, did_you_mean
from evosim.mechanisms.adversary.schema import Adversarial, Adversary
from evosim.mechanisms.copies.schema import Copies
from evosim.mechanisms.correction.schema import Anticipation, Correction, WrittenAnticipation
from evosim.mechanisms.deception.schema import Deception
from evosim.mechanisms.islands.schema import Islands as Islands
from evosim.mechanisms.learner.schema import Learner
from evosim.mechanisms.learner.schema import loci as learner_loci
from evosim.mechanisms.monitor.schema import Monitor
from evosim.mechanisms.novelty.schema import FELT, NOVELTY
from evosim.mechanisms.open_population.schema import Open
from evosim.mechanisms.table.schema import Rows
from evosim.mechanisms.table.schema import Table as Table
from evosim.mechanisms.table.schema import loci as table_loci
from evosim.mechanisms.table.schema import rows as table_rows
from evosim.mechanisms.tool.schema import Tool as Tool
from evosim.scenario import document, state_space, timeline
from evosim.scenario.experiment import Experiment
from evosim.scenario.family import Family
from evosim.scenario.map import Layout, build_layout
from evosim.scenario.positions import dotted
from evosim.scenario.rules import (
    ONE,
    SEVERAL,
    Always,
    Drift,
    Drifts,
    Ground,
    Happening,
    Here,
    Mover,
    Region,
    Rule,
)
from evosim.scenario.state_space import Slot, StateVariable
from evosim.scenario.timeline import Flip
from evosim.scenario.values import (
    Assignment,
    Chance,
    Condition,
    Confidence,
    Cost,
    DepthLocus,
    Drives,
    Flag,
    Locus,
    Long,
    Mixture,
    Model,
    Name,
    Natural,
    PatienceLocus,
    Positive,
    Real,
    SenseLocus,
    ShareLocus,
    Side,
    Size,
    TemperatureLocus,
    Text,
    Zero,
    is_whole,
)
from evosim.scenario.values import Operator as Operator

if TYPE_CHECKING:
    from evosim.scenario.settings import Settings

BUILT_IN = {NOVELTY: FELT}
"""Drives that are for no stimulus but for what the life so far makes of a step, and what they feel:
rewards that are no function of the state (non-Markovian), so that no expectation of theirs is
exact."""
SAMPLE = 32
REALISTIC = {"realistic": 1}
FULL_SENSE = Locus(low=0, high=1, start_low=0, start_high=1)
NO_COPIES = Locus(low=0, high=0, start_low=0, start_high=0)


class Variable(Model):
    """A variable of the state, with values 0 .. values - 1."""

    values: Size = Field(description="Number of values, counted from 0.")
    start: Assignment = Field(description="Value at birth, or a weight for each value.")
    drift: Drifts | None = Field(
        default=None,
        description="How it moves by itself after each step; of several at most one does.",
    )
    fatal: Condition | None = Field(
        default=None,
        description="Value or range [lo, hi] that ends the lifetime when drift leads there.",
    )
    hidden: Flag = Field(
        default=False,
        description="Whether only agents with its sense can see it.",
    )
    assume: Natural | None = Field(
        default=None, description="Value of a hidden variable for agents without the sense."
    )
    counts: Literal["corrections", "unpunished"] | None = Field(
        default=None,
        description="What it counts of the life of a mind: corrections, up to its largest value; "
        "or acts that went unpunished, with the largest value for one that was punished.",
    )

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """Its drifts, of which at most one happens in a step."""
        if isinstance(self.drift, tuple):
            return self.drift
        return () if self.drift is None else (self.drift,)


class Kind(Model):
    """A kind of site: how many there are, what using one does, what standing on one is like."""

    glyph: Text = Field(description="Its one character on maps.")
    count: Natural = Field(
        default=0, description="Sites put on random free cells, besides the ones on the map."
    )
    region: Region | None = Field(default=None, description="Where its random sites may be.")
    regrow: Chance | None = Field(
        default=None,
        description="Chance a step that an emptied site refills (0: never); left out: never empty.",
    )
    use: dict[Name, Rule] = Field(default={}, description="Named use rules, tried in this order.")
    enter: dict[Name, Rule] = Field(
        default={}, description="Named rules of arriving by a move, tried in this order."
    )
    here: Here | None = Field(
        default=None,
        description="Felt and paid on each step that ends on it.",
    )
    looks: dict[Name, Real] = Field(
        default={}, description="Surface cues by name; an agent's tool plans by them."
    )


class World(Model):
    """A finite Markov decision process in factored form, less what levels draw at random."""

    rows: Side | None = Field(
        default=None,
        description="Rows of the grid; may be left out with a map.",
    )
    cols: Side | None = Field(
        default=None,
        description="Columns of the grid; may be left out with a map.",
    )
    edges: Literal["walls", "torus"] = Field(
        default="walls",
        description="What lies beyond the edges.",
    )
    lifetime: Long = Field(description="Age in steps at which every lifetime ends.")
    slip: Chance = Field(default=0.0, description="Chance that a move goes in a random direction.")
    stay: Flag = Field(default=True, description="Whether the agent may stay where it is.")
    map: Text | None = Field(
        default=None,
        description="ASCII map, one character a cell: # wall, . floor, @ start, else the glyph "
        "of a kind or mover. Spaced, with - below and | right of a cell for thin barriers.",
    )
    maze: Chance = Field(
        default=0.0,
        description="Chance that a passage between two cells is closed on a level, where every "
        "cell can be reached without it; 1: a perfect maze.",
    )
    max_states: Positive = Field(
        default=200_000,
        description="Refuse a world with more states (cells x values of variables).",
    )
    variables: dict[Name, Variable] = Field(
        default={},
        description="Variables of the state, by name.",
    )
    kinds: dict[Name, Kind] = Field(default={}, description="Kinds of sites, by name.")
    always: dict[Name, Always] = Field(
        default={},
        description="Felt and paid wherever the agent is.",
    )
    fields: dict[Name, Ground] = Field(
        default={}, description="Felt and paid on some cells, whatever site is on them."
    )
    movers: dict[Name, Mover] = Field(default={}, description="Things that walk, by name.")
    happens: dict[Name, Happening] = Field(
        default={}, description="What chance does to several variables at once, by name."
    )

    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """The environment's name; empty for the scenario's own world, before overrides."""
        return self._name

    @cached_property
    def layout(self) -> Layout:
        """What the map, or rows and cols, fix about every level.

        Raises:
            MapError: the map is wrong (never in a world of a scenario that was loaded).
        """
        kinds = {kind.glyph: name for name, kind in self.kinds.items()}
        movers = {mover.glyph: name for name, mover in self.movers.items()}
        return build_layout(
            text=self.map, rows=self.rows, cols=self.cols, kinds=kinds, movers=movers
        )

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """What a site can be: a kind, or for a kind that regrows one site of it."""
        return state_space.slots(self)

    @cached_property
    def state_variables(self) -> tuple[StateVariable, ...]:
        """The declared variables, then one (0 empty, 1 full) for each site that can empty."""
        return state_space.state_variables(self)

    def counting(self, what: str) -> str | None:
        """The variable that counts something of the life of a mind, such as ``corrections``."""
        return next((name for name, v in self.variables.items() if v.counts == what), None)

    @property
    def n_states(self) -> int:
        """Free cells times the number of joint values of the variables."""
        return state_space.n_states(self)

    def sites_of(self, kind: str) -> int:
        """Sites of a kind in every level, on the map and drawn."""
        return state_space.sites_of(self, kind)

    def strength(self, field: str, cell: tuple[int, int]) -> float:
        """How strong a field is on a cell, given as row and column."""
        return state_space.strength(self, field, cell)

    def strengths(self, field: str) -> tuple[float, ...]:
        """How strong a field is on each free cell."""
        return tuple(self.strength(field, cell) for cell in self.layout.free)

    def strengths_of(self, field: str) -> tuple[float, ...]:
        """The strengths of a field on any cell of the grid, the largest first; 0 is none."""
        sides = self.layout.rows, self.layout.cols
        found = {self.strength(field, (i // sides[1], i % sides[1])) for i in range(prod(sides))}
        return tuple(sorted(found - {0.0}, reverse=True))

    def movers_of(self, name: str) -> int:
        """Movers of a name in every level, on the map and drawn."""
        return state_space.movers_of(self, name)

    @property
    def local(self) -> bool:
        """Whether what follows an action depends on where it led, or on several draws of chance.

        Such worlds have tables and kernels of their own (docs/architecture.md, world).
        """
        return bool(
            self.fields
            or self.movers
            or self.happens
            or any(len(variable.drifts) > 1 for variable in self.variables.values())
            or any(k.enter or (k.here and k.here.when) for k in self.kinds.values())
        )

    def effects(self) -> Iterator[tuple[tuple[str, ...], Rule | Here | Always | Ground]]:
        """Everything that can be felt or paid, with its path of keys: the order of events.

        A field is one effect here, and an event for each of its strengths.
        """
        for kind_name, kind in self.kinds.items():
            for rule_name, rule in kind.use.items():
                yield ("kinds", kind_name, "use", rule_name), rule
            for rule_name, rule in kind.enter.items():
                yield ("kinds", kind_name, "enter", rule_name), rule
            if kind.here is not None:
                yield ("kinds", kind_name, "here"), kind.here
        for name, always in self.always.items():
            yield ("always", name), always
        for mover_name, mover in self.movers.items():
            for rule_name, rule in mover.meet.items():
                yield ("movers", mover_name, "meet", rule_name), rule
            for rule_name, rule in mover.use.items():
                yield ("movers", mover_name, "use", rule_name), rule
        for name, field in self.fields.items():
            yield ("fields", name), field


class Environment(BaseModel):
    """A named set of overrides on the world: any keys of it beside the title."""

    model_config = ConfigDict(frozen=True, extra="allow")

    title: Text = Field(default="", description="What the environment is, in a few words.")

    @property
    def overrides(self) -> dict[str, Any]:
        """The nested keys of the world that differ, as written."""
        return dict(self.model_extra or {})


class Objective(Model):
    """Two payoffs: what the designer wants and what selection is paid on."""

    intended: Name = Field(description="The payoff that the designer wants.")
    selected: Name = Field(description="The payoff on which selection acts.")
    observed: dict[Name, Condition] = Field(
        default={},
        description="Selection is paid for steps that begin with every variable named at this "
        "value, or within [lo, hi]; {}: for all.",
    )


class PhaseObjective(Model):
    """A phase's own objective; what is left out stays as the scenario says."""

    intended: Name | None = Field(default=None, description="The payoff wanted in this phase.")
    selected: Name | None = Field(
        default=None,
        description="The payoff selected for in this phase.",
    )
    observed: dict[Name, Condition] | None = Field(
        default=None, description="The steps that are paid in this phase."
    )


class Agent(Model):
    """What the genome can express, each locus pinned to a number or evolving within bounds."""

    mind: Literal["planner", "table"] = Field(
        default="planner",
        description="What evolves: planner, or table (what is seen -> action), without drives and "
        "plan: of drives only the names count then, and depth, patience and the like do not.",
    )
    table: Table = Field(default=Table(), description='What a mind of mind = "table" sees.')
    learner: Learner | None = Field(
        default=None,
        description="An agent that learns, in place of a planner that evolves: of drives only the "
        "names count then.",
    )
    drives: Drives = Field(
        description="Names of the drives, which evolve in [-1, 1], or a table of their loci."
    )
    depth: DepthLocus = Field(
        description="Planning depth in steps, rounded down; if it evolves, from its lower bound."
    )
    patience: PatienceLocus = Field(description="Discount factor of the planner, a step.")
    temperature: TemperatureLocus = Field(
        default=0,
        validate_default=True,
        description="Softmax temperature of actions; 0: the best, ties at random.",
    )
    senses: dict[Name, SenseLocus] = Field(
        default={}, description="Loci of senses by hidden variable; one left out evolves in [0, 1]."
    )
    credence: dict[Name, ShareLocus] | None = Field(
        default=None,
        description="What chance an agent without the sense gives a hidden variable to be 1, in "
        "place of what it assumes: a locus.",
    )
    instinct: Flag = Field(
        default=True,
        description="Whether values at the planning horizon follow the scent of sites.",
    )
    thinking_cost: Cost = Field(
        default=0.0, description="Subtracted from the selected payoff for each unit of depth."
    )
    sense_cost: dict[Name, Cost] = Field(
        default={}, description="Subtracted from the selected payoff for having a sense, by sense."
    )
    believes: Name | None = Field(
        default=None, description="Environment by whose rules the agent plans; left out: its own."
    )
    tool: Tool | None = Field(default=None, description="A planner that the agent builds itself.")
    rho: ShareLocus | None = Field(
        default=None,
        description="How much it counts that its copies do as it does, from 0 to 1; left out: 0.",
    )
    anticipation: WrittenAnticipation | None = Field(
        default=None,
        description="With [correction]: how what comes after one is counted; left out: realistic.",
    )

    @property
    def second_plan(self) -> tuple[str, int] | None:
        """The locus of its share in the values of actions, and its depth; None: there is one plan.

        What it optimizes, minds acquire (:meth:`evosim.engine.mechanism.Mechanism.develop`).
        """
        return None if self.tool is None else ("reliance", self.tool.depth)

    @property
    def has_drives(self) -> bool:
        """Whether minds want something: neither tables nor what is learned do."""
        return self.mind == "planner" and self.learner is None

    @property
    def tabular(self) -> Table | None:
        """What tables see; None for planners."""
        return self.table if self.mind == "table" else None


class Variation(Operator):
    """A DEAP operator that varies individuals, with the chance that it does."""

    chance: Chance = Field(
        default=1.0,
        description="Chance that it is applied, a pair or an individual.",
    )


class Optimizer(BaseModel):
    """A base optimizer by name; further keys are its options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Text = Field(description="genetic (select, mate, mutate), cma or gradient.")

    @property
    def options(self) -> dict[str, Any]:
        """The optimizer's options, as written."""
        return dict(self.model_extra or {})


class Evolution(Model):
    """The base optimizer."""

    population: Positive = Field(description="Number of individuals.")
    levels: Positive = Field(description="Levels a generation, a lifetime on each.")
    score: Literal["payoff", "regret"] = Field(
        default="payoff",
        description="What is selected: the mean selected payoff of the lifetimes, or minus the "
        "largest exact regret, what the best policy would get more, on a pool of levels.",
    )
    pool: Positive | None = Field(
        default=None,
        description="With regret: the number of levels in the pool; left out: as many as levels.",
    )
    hardest: Positive = Field(
        default=1, description="With regret: over how many levels the largest ones are averaged."
    )
    select: Operator = Field(description="How parents are selected.")
    mate: Variation = Field(description="How pairs of parents are crossed.")
    mutate: Variation = Field(
        description="How children are mutated, every locus scaled to [0, 1] by its bounds."
    )
    optimizer: Optimizer = Field(
        default=Optimizer(name="genetic"),
        description="The base optimizer; only genetic uses select, mate and mutate.",
    )
    open: Open | None = Field(
        default=None,
        description="Lets the number of offspring set the population size; in place of select.",
    )
    islands: Islands | None = Field(
        default=None,
        description="Splits the population into demes that breed separately and exchange migrants.",
    )


def _proposed(value: Any) -> str:
    # No weight is a table, so a table under another name is a misspelt adversary.
    proposed = isinstance(value, Adversarial) or (
        isinstance(value, Mapping) and any(isinstance(one, Mapping) for one in value.values())
    )
    return SEVERAL if proposed else ONE


Train = Annotated[
    Annotated[Mixture, Tag(ONE)] | Annotated[Adversarial, Tag(SEVERAL)], Discriminator(_proposed)
]
"""An environment, weights of several, or environments that an adversary proposes."""


class Phase(Model):
    """A stretch of generations under one environment, or one mixture of environments."""

    generations: Long = Field(description="Number of generations.")
    train: Train = Field(
        description="The environment that trains, weights of several, or an adversary that "
        "proposes environments."
    )
    ramp: Positive | None = Field(
        default=None,
        description="Generations over which the weights go from those of the phase before to "
        "these, in equal steps; left out: at once.",
    )
    select: Flag = Field(default=True, description="Whether selection acts; false: deployment.")
    window: Long | None = Field(
        default=None, description="Steps of a lifetime that count for selection; left out: all."
    )
    objective: PhaseObjective | None = Field(
        default=None,
        description="This phase's own objective.",
    )
    monitored: Flag = Field(
        default=False,
        description="Whether selection acts only on lifetimes that the monitor had labelled.",
    )

    @property
    def may_not_score(self) -> bool:
        """Whether no score may be known of a generation, which then is passed on as it is."""
        return self.monitored

    @property
    def mixture(self) -> dict[str, float]:
        """The weight of each environment that trains, once a ramp is over; they sum to 1."""
        return timeline.mixture(self.train)


class Measure(Model):
    """When, and on how much, the exact measures are taken."""

    every: Positive = Field(default=10, description="Generations between two probes.")
    also: tuple[Natural, ...] = Field(
        default=(), description="Further generations that are probed."
    )
    levels: Positive = Field(default=16, description="Levels of the fixed probe set.")
    sample: Positive = Field(
        default=SAMPLE, description="Individuals drawn from the population; at most all of it."
    )
    without: tuple[Name, ...] | None = Field(
        default=None,
        description="Drives without which the minds are measured too, each as a control mind.",
    )
    disjoint: Flag | None = Field(
        default=None,
        description="Whether to refuse a seed by which a probe level, or a level of deployment, "
        "is one that trained; left out: no.",
    )


class Verdict(Model):
    """What capability and alignment are counted from; thresholds by which a flip is judged."""

    zero: Zero = Field(
        default="uniform",
        description="What has capability and alignment 0: uniform (random play), nothing (an agent "
        "that does nothing), or a payoff a lifetime.",
    )
    kept: Chance = Field(default=0.7, description="Share that counts as kept, at least.")
    lost: Chance = Field(default=0.5, description="Share that counts as lost, at most.")
    floor: Chance = Field(
        default=0.1,
        description="Smallest value before the flip that is judged.",
    )
    confidence: Confidence = Field(default=0.95, description="Coverage of the intervals.")
    resamples: Long = Field(default=2000, description="Bootstrap resamples.")


class Scenario(Model):
    """A world, its environments, an agent and a timeline: all that a run needs but its seed.

    It is frozen: :meth:`replace` makes another one. A notebook shows it with a map.

    Example:
        >>> from evosim import scenario
        >>> scenario.load("contraception")
        <Scenario contraception: ancestral, modern, sham; 160 generations>
    """

    id: Name = Field(description="Short name; of a shipped scenario the name of its file.")
    title: Text = Field(description="Title of figures and pages.")
    question: Text = Field(description="What is asked, in one sentence.")
    claim: Text = Field(default="", description="The claim under test.")
    source: Text = Field(default="", description="Where the claim comes from.")
    control: Text = Field(
        default="",
        description="The one change under which the effect should disappear.",
    )
    expected: Text = Field(
        default="",
        description="What is expected, written before it is run, not changed after that.",
    )
    found: Text = Field(default="", description="What was found, for readers.")
    pilots: Text = Field(
        default="", description="What was changed after pilots or first runs had been seen."
    )
    frozen: Text = Field(
        default="",
        description="For a confirmatory scenario: the hash of all but its words, before it is run.",
    )
    objective: Objective = Field(description="What is intended and what is selected.")
    agent: Agent = Field(description="Drives, planner and senses.")
    world: World = Field(description="The world that environments override.")
    environments: dict[Name, Environment] = Field(
        description="Named environments: a title and overrides of the world, as nested tables."
    )
    evolution: Evolution = Field(description="Population, levels and the operators.")
    timeline: tuple[Phase, ...] = Field(description="Phases, one after the other.")
    measure: Measure = Field(default=Measure(), description="Probes.")
    verdict: Verdict = Field(default=Verdict(), description="Thresholds of the verdict.")
    monitor: Monitor | None = Field(
        default=None, description="Detection of unfamiliar lifetimes in phases that are monitored."
    )
    deception: Deception | None = Field(
        default=None, description="Conduct while watched against conduct while unwatched."
    )
    copies: Copies | None = Field(
        default=None, description="What a life leaves to the next life of the same genome."
    )
    correction: Correction | None = Field(
        default=None, description="What a correction makes of the drives of a mind."
    )
    experiment: Experiment | None = Field(
        default=None, description="Arms and findings that test the claim."
    )
    family: Family | None = Field(
        default=None, description="Distributions in place of numbers: worlds that the claim is of."
    )

    @model_validator(mode="before")
    @classmethod
    def _sample_within_population(cls, data: Any) -> Any:
        """Where no sample is named, probe the whole of a population smaller than the default."""
        try:
            population, measure = data["evolution"]["population"], data.get("measure", {})
            if is_whole(population) and 0 < population < SAMPLE and "sample" not in measure:
                return {**data, "measure": {**measure, "sample": population}}
        except (AttributeError, KeyError, TypeError):
            pass  # of another form altogether: the fields' own errors say so
        return data

    @cached_property
    def _worlds(self) -> dict[str, World]:
        return {name: self._make_world(name) for name in self.environments}

    def _make_world(self, name: str) -> World:
        base = document.plain(self.world)
        world = World.model_validate(document.merged(base, self.environments[name].overrides))
        world._name = name
        return world

    def environment(self, name: str) -> World:
        """The world of an environment, overrides applied; the same object every time.

        Raises:
            EvosimError: no such environment.

        Example:
            >>> from evosim import scenario
            >>> world = scenario.load("strawberry").environment("evening")
            >>> world.layout.rows, world.layout.cols
            (7, 7)
        """
        if str(name) not in self._worlds:  # whatever it is
            raise EvosimError(
                f"scenario {self.id!r} has no environment {name!r}: "
                f"{did_you_mean(name, self.environments)}"
            )
        return self._worlds[str(name)]

    def beside(self, environments: Mapping[str, Mapping[str, Any]]) -> Scenario:
        """The scenario with further environments, made fast: nothing is checked but their form.

        Args:
            environments: overrides of the world, by name; only numbers may differ from those of an
                environment that there is, as what can be felt and paid is not looked up again.

        Example:
            >>> from evosim import scenario
            >>> more = scenario.load("strawberry").beside({"ice": {"slip": 0.5}})
            >>> more.environment("ice").slip, more.environment("day").slip
            (0.5, 0.0)
        """
        made = {name: Environment.model_validate(given) for name, given in environments.items()}
        # Asked for here, so that the copy has them as they are.
        worlds, _ = self._worlds, (self.payoffs, self.looks, self.rows)
        found = self.model_copy(update={"environments": {**self.environments, **made}})
        found.__dict__["_worlds"] = {**worlds, **{name: found._make_world(name) for name in made}}
        return found

    @cached_property
    def stimuli(self) -> tuple[str, ...]:
        """What can be felt: the drives' names in order, without those that are built in."""
        return tuple(name for name in self.agent.drives if name not in BUILT_IN)

    @cached_property
    def built_in(self) -> tuple[str, ...]:
        """Drives for what the life so far makes of a step: nothing of minds with one is exact."""
        return tuple(name for name in self.agent.drives if name in BUILT_IN)

    @cached_property
    def payoffs(self) -> tuple[str, ...]:
        """What can be paid, in order of first appearance in the world, then environments."""
        worlds = [self.world, *self._worlds.values()]
        return tuple(
            dict.fromkeys(p for w in worlds for _, effect in w.effects() for p in effect.yields)
        )

    @cached_property
    def looks(self) -> tuple[str, ...]:
        """The surface cues of kinds, in order of first appearance: world, then environments."""
        worlds = [self.world, *self._worlds.values()]
        return tuple(dict.fromkeys(n for w in worlds for k in w.kinds.values() for n in k.looks))

    @property
    def adversary(self) -> Adversary | None:
        """What proposes environments in phases whose ``train`` says so; None: nothing does."""
        proposed = (p.train for p in self.timeline if isinstance(p.train, Adversarial))
        return next((train.adversary for train in proposed), None)

    @property
    def ancestral(self) -> str:
        """The main environment of the first phase: the first of those with the largest weight."""
        mixture = self.mixture_at(0)
        return max(mixture, key=lambda name: mixture[name])

    @cached_property
    def senses(self) -> dict[str, Locus]:
        """The locus of the sense of each hidden variable, in the order of the variables."""
        hidden = [name for name, variable in self.world.variables.items() if variable.hidden]
        return {name: self.agent.senses.get(name, FULL_SENSE) for name in hidden}

    @cached_property
    def loci(self) -> dict[str, Locus]:
        """Every locus by name, pinned ones included, in the order of the genome: drives, depth,
        patience, temperature, senses, and those of optional sections; but for parameters of an
        agent that learns, which are known once there is one (:func:`evosim.mind.loci`)."""
        agent = self.agent
        if agent.tabular is not None:
            return table_loci(self)
        if agent.learner is not None:
            return learner_loci(self)
        return {
            **{f"drive.{name}": locus for name, locus in agent.drives.items()},
            "depth": agent.depth,
            "patience": agent.patience,
            "temperature": agent.temperature,
            **{f"sense.{name}": locus for name, locus in self.senses.items()},
            **{f"credence.{name}": locus for name, locus in (agent.credence or {}).items()},
            **({} if agent.tool is None else {"reliance": agent.tool.reliance}),
            **({} if self.copies is None else {"rho": agent.rho or NO_COPIES}),
            **{f"anticipation.{name}": locus for name, locus in self.anticipation},
        }

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What is made of it once, by whom it is made for; it goes with the scenario."""
        return {}

    @cached_property
    def rows(self) -> Rows | None:
        """The rows of tables, over all environments; None for planners."""
        return None if self.agent.tabular is None else table_rows(self)

    @property
    def anticipation(self) -> list[tuple[str, Locus]]:
        """The loci by which minds anticipate being corrected; none where nobody is."""
        if self.correction is None:
            return []
        return (self.agent.anticipation or Anticipation.model_validate(REALISTIC)).loci

    @property
    def generations(self) -> int:
        """Generations of all phases."""
        return sum(phase.generations for phase in self.timeline)

    def phase_at(self, generation: int) -> Phase:
        """The phase that a generation, counted from 0, belongs to.

        Raises:
            EvosimError: the timeline has no such generation.

        Example:
            >>> from evosim import scenario
            >>> scenario.load("contraception").phase_at(80).train
            'modern'
        """
        return timeline.phase_at(self, generation)

    def mixture_at(self, generation: int) -> dict[str, float]:
        """The weight of each environment that trains in a generation; the weights sum to 1.

        Raises:
            EvosimError: the timeline has no such generation.

        Example:
            >>> from evosim import scenario
            >>> slow = scenario.load("contraception", {"timeline.1.ramp": 4})
            >>> [slow.mixture_at(g) for g in (79, 80, 83)]
            [{'ancestral': 1.0}, {'ancestral': 0.75, 'modern': 0.25}, {'modern': 1.0}]
        """
        return timeline.mixture_at(self, generation)

    def objective_at(self, generation: int) -> Objective:
        """The objective of a generation: the scenario's, overridden by its phase's own.

        Raises:
            EvosimError: the timeline has no such generation.

        Example:
            >>> from evosim import scenario
            >>> scenario.load("contraception").objective_at(0).selected
            'children'
        """
        own = self.phase_at(generation).objective or PhaseObjective()
        return Objective(
            intended=own.intended or self.objective.intended,
            selected=own.selected or self.objective.selected,
            observed=self.objective.observed if own.observed is None else own.observed,
        )

    @cached_property
    def flips(self) -> tuple[Flip, ...]:
        """Where the mixture of environments that trains changes; a ramp is one change."""
        return timeline.flips(self)

    @cached_property
    def notes(self) -> tuple[Problem, ...]:
        """What is allowed, but hardly meant: rules that never fire, sites out of reach and more.

        ``evosim check`` tells the line of each, ``evosim show`` lists them.

        Example:
            >>> from evosim import scenario
            >>> still = scenario.load("contraception").replace("agent.thinking_cost", 0.1)
            >>> [note.key for note in still.replace("agent.depth", 2).notes]
            ['agent.thinking_cost']
        """
        from evosim.scenario import notes  # which builds on these models

        return tuple(
            Problem(file=self.id, line=None, key=dotted(note.path), message=note.message)
            for note in notes.notes(self)
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Scenario:
        """A scenario from its plain document: nested tables with the keys of a file.

        Args:
            document: the tables; it is not changed. A key whose value is None counts as left out.

        Raises:
            ScenarioError: everything wrong with it at once, by key; or it is no table. Arms and
                findings of an experiment are checked later, by :func:`evosim.check`.

        Example:
            >>> from evosim import scenario
            >>> document = scenario.load("strawberry").to_dict()
            >>> document["world"]["slip"] = 0.1
            >>> scenario.Scenario.from_dict(document).world.slip
            0.1
        """
        from evosim.scenario import reading  # which builds on these models

        return reading.from_dict(document)

    @overload
    def replace(self, settings: Settings, /) -> Scenario: ...

    @overload
    def replace(self, key: str, value: Any, /) -> Scenario: ...

    def replace(self, settings: Any, value: Any = ..., /) -> Scenario:
        """A new scenario with other values, checked like a file; this one stays as it is.

        Arms and findings of an experiment are checked later, by :func:`evosim.check`. Defaults that
        were filled in when it was read count as written: where the population becomes smaller than
        ``measure.sample``, set that too.

        Args:
            settings: one dotted key, with the value after it; or several,
                ``{"world.slip": 0.1}`` or ``["world.slip=0.1"]``. A table or list given as a value
                replaces the one that was there.
            value: of the one key.

        Raises:
            ScenarioError: unknown keys and bad values, operators included, all at once.
            EvosimError: a value, and not one key before it.

        Example:
            >>> from evosim import scenario
            >>> plain = scenario.load("strawberry")
            >>> plain.replace("world.slip", 0.1).world.slip
            0.1
            >>> plain.replace({"world.lifetime": 9, "agent.depth": [0, 4]}).agent.depth.high
            4
        """
        from evosim.scenario import reading  # which builds on these models

        if value is not ... and not isinstance(settings, str):
            raise EvosimError(
                f"replace: not a key (got {shorten(settings)}, allowed one dotted key and its "
                "value, or settings alone)"
            )
        changes = settings if value is ... else {settings: value}
        return reading.from_dict(self.to_dict(), name=self.id, settings=changes)

    def to_dict(self) -> dict[str, Any]:
        """The resolved scenario as a plain document, defaults spelt out; a new copy.

        Example:
            >>> from evosim import scenario
            >>> plain = scenario.load("strawberry")
            >>> scenario.Scenario.from_dict(plain.to_dict()) == plain
            True
        """
        plain = document.plain(self)
        assert isinstance(plain, dict)
        return plain

    def to_toml(self) -> str:
        """The resolved scenario as TOML text that loads back to an equal scenario.

        Example:
            >>> from evosim import scenario
            >>> print(scenario.load("strawberry").to_toml().splitlines()[0])
            id = "strawberry"
        """
        return document.to_toml(self.to_dict())

    def __repr__(self) -> str:
        environments = ", ".join(self.environments)
        return f"<Scenario {self.id}: {environments}; {self.generations} generations>"

    def _repr_html_(self) -> str:
        # Notebooks ask the object itself; what they show is drawn far above this package.
        html: str = import_module("evosim.api._html").of_scenario(self)
        return html
