"""A session of the lab: one population that is watched and flipped, and the scenario that it is.

Nothing here knows of a page or of a server. A session is one replicate of a run
(:func:`evosim.iterate`) whose timeline is written while it goes on. What it gives is therefore, to
the bit, what a run of :meth:`Session.to_scenario` gives with the same seed.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim import mind
from evosim.api.checks import check
from evosim.api.simulation import Generation, Iteration
from evosim.engine.loop import replicate_seed
from evosim.engine.variables import EVOLVED, minds
from evosim.errors import EvosimError
from evosim.metrics.flips import JUDGED, mixed
from evosim.metrics.popgen import price
from evosim.plot.episode import chosen, relived
from evosim.rng import Purpose, key
from evosim.scenario import document, timeline
from evosim.scenario.settings import Settings, as_mapping, as_texts, is_within
from evosim.stats.intervals import mean_of_defined
from evosim.study.design import moved

if TYPE_CHECKING:
    from evosim.plot.episode import Episode
    from evosim.scenario import Scenario
    from evosim.scenario.experiment import Tuned

LONGEST = 5000
"""Generations of a session, at most."""
MOST_FLIPS = 100
PROBED_EVERY = 10
"""Generations between two probes, where the scenario has more."""
MOST_INDIVIDUALS = 2000
MOST_NUMBERS = 12
_GRAMMAR = {"kinds", "use", "enter", "meet", "feels", "yields", "variables", "movers", "fields"}
"""Keys that lead to a number and say nothing about it."""
NEUTRAL = 60
"""Neutral genes that the band of chance is of, for each drive."""
_BAND_FIRST, _BAND_GROWTH = 10, 1.3
_PEDIGREE = 400_000
"""Individuals of all generations down whom neutral genes are sent, at most."""


class Number(NamedTuple):
    """A number of a scenario that can be moved.

    Attributes:
        name: its key, or the first of several.
        label: what it is, in words.
        value: as the scenario has it; None where it has no single one.
        low, high, step: how far it moves, and in which steps.
        choices: instead of these, the values that it can have.
    """

    name: str
    label: str
    value: Any
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    choices: tuple[Any, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        shown = [str(one) for one in self.choices]
        return {**self._asdict(), "choices": shown}


class Choice(NamedTuple):
    """What a flip leads to.

    Attributes:
        train: the environment.
        select: whether selection acts.
        selected: the payoff that is selected for.
    """

    train: str
    select: bool
    selected: str


class Outcome(NamedTuple):
    """A flip, and what it did to the population that came to it.

    Attributes:
        generation: the first one in the new world.
        before, after: what trained, in words.
        of: capability and alignment, each before and after; None where one is undefined.
    """

    generation: int
    before: str
    after: str
    of: Mapping[str, tuple[float | None, float | None]]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**self._asdict(), "of": {name: list(sides) for name, sides in self.of.items()}}


class Session:
    """A population that evolves until it is told to live elsewhere.

    It begins in the first phase of the scenario's timeline and stays there: whoever holds the
    switch makes the rest of the timeline. It is used by one thread at a time.

    Args:
        source: the id of a scenario of the catalogue, or the path of a file.
        seed: of the run that it is.
        settings: changes of the scenario.
        phases: a timeline to begin with, in place of the first phase; its last phase goes on.

    Attributes:
        rows: what is shown of each generation, in order.
        outcomes: what each flip did, in order.
        scenario: with all flips in its timeline, whose last phase goes on.

    Raises:
        ScenarioError: a mistake in the scenario or the settings.

    Example:
        >>> small = {"evolution.population": 10, "measure.sample": 4, "measure.levels": 1}
        >>> session = Session("contraception", seed=1, settings=small)
        >>> session.step()["generation"]
        0
        >>> session.flip(session.choice._replace(train="modern"))
        >>> session.step()["world"]
        'modern'
        >>> [(p.generations, p.train) for p in session.to_scenario().timeline]
        [(1, 'ancestral'), (1, 'modern')]
    """

    _numbers = count(1)

    def __init__(
        self,
        source: str,
        seed: int,
        settings: Settings = (),
        phases: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.id = next(self._numbers)
        self.source, self.seed = source, seed
        self.settings = as_mapping(settings)
        read = check(source, self.settings)
        if read.measure.every > PROBED_EVERY and "measure.every" not in self.settings:
            self.settings["measure.every"] = PROBED_EVERY
            read = read.replace("measure.every", PROBED_EVERY)
        self.written = read
        begun = [dict(phase) for phase in phases or read.to_dict()["timeline"][:1]]
        before = sum(phase["generations"] for phase in begun[:-1])
        begun[-1]["generations"] = LONGEST - before
        self._iteration = Iteration(read.replace("timeline", begun), seed)
        self._latest: Generation | None = None
        self._own_seed = replicate_seed(seed, 0)
        self._parents: list[np.ndarray] = []
        self._band_due = _BAND_FIRST
        self.band: dict[str, dict[str, list[float]]] = {}
        self.rows: list[dict[str, Any]] = []
        self.outcomes: list[Outcome] = []
        self.drives = tuple(read.agent.drives) if read.agent.has_drives else ()

    @property
    def scenario(self) -> Scenario:
        return self._iteration.scenario

    @property
    def number(self) -> int:
        """The latest generation; -1 before the first."""
        return -1 if self._latest is None else self._latest.number

    @property
    def ended(self) -> bool:
        """Whether nothing follows: it has been as long as it may be, or its population died out."""
        return self._latest is not None and (
            self.number + 1 >= LONGEST or not len(self._latest.genomes)
        )

    @property
    def choice(self) -> Choice:
        """What the next generation will live in."""
        phase = self.scenario.phase_at(min(self.number + 1, LONGEST - 1))
        selected = phase.objective and phase.objective.selected
        return Choice(
            timeline.label(phase.mixture), phase.select, selected or self.written.objective.selected
        )

    def step(self) -> dict[str, Any] | None:
        """Simulate one generation; what is shown of it, or None where nothing follows."""
        if self.ended:
            return None
        generation = self._latest = next(self._iteration)
        self._remember(generation.arrays["parents"])
        row = self._row(generation)
        if (flip := self._flip_at(generation.number)) is not None and row["probe"] is not None:
            outcome = self._outcome(generation, flip)
            self.outcomes.append(outcome)
            row["flip"] = outcome.to_dict()
        self.rows.append(row)
        return row

    def flip(self, choice: Choice) -> None:
        """Go on in another world from the next generation on.

        Raises:
            EvosimError: there is no such environment or payoff, or there were too many flips.
        """
        if self._latest is None:
            raise EvosimError("flip: no generation has been simulated yet; take a step first")
        if len(self.scenario.timeline) > MOST_FLIPS:
            raise EvosimError(f"flip: a session has at most {MOST_FLIPS} flips; begin again")
        if self.ended:
            raise EvosimError("flip: this session has ended; begin again")
        now = self.choice
        if choice == now:
            raise EvosimError("flip: that is the world that they live in")
        phase = self.scenario.phase_at(self.number + 1)
        self._latest.flip(
            document.plain(phase.train) if choice.train == now.train else choice.train,
            select=choice.select,
            selected=None if choice.selected == now.selected else choice.selected,
            generations=LONGEST - self.number - 1,
        )

    def life(self, individual: int | str, level: int, environment: str | None) -> Episode:
        """The recorded life of an individual of the latest generation, on one of its levels.

        Args:
            individual: its number, "best" or "median" by score.
            level: which of the generation's levels, from 0.
            environment: where; None: in the one that trained on that level.

        Raises:
            EvosimError: there is none such.
        """
        if self._latest is None or not len(self._latest.genomes):
            raise EvosimError("nobody lives yet, or any more")
        here = self._latest
        if not 0 <= level < len(here.environments):
            raise EvosimError(f"no level {level} (allowed 0 to {len(here.environments) - 1})")
        return relived(
            self.scenario,
            here.genomes,
            seed=self._own_seed,
            generation=here.number,
            environment=environment or here.environments[level],
            individual=chosen(here.scores, individual),
            level=level,
        )

    def to_scenario(self) -> Scenario:
        """The scenario of what was simulated: all phases, up to the latest generation."""
        return self.scenario.replace("timeline", self.phases)

    @property
    def phases(self) -> list[dict[str, Any]]:
        """The timeline of what was simulated, as plain tables."""
        left, found = max(1, self.number + 1), []
        for phase in self.scenario.to_dict()["timeline"]:
            if left > 0:
                found.append({**phase, "generations": min(left, phase["generations"])})
            left -= phase["generations"]
        return found

    def command(self, out: str = "") -> list[str]:
        """The words of the command that repeats the session.

        Args:
            out: the folder of the run; "": that of the command's own choice.
        """
        short = [
            {
                k: v
                for k, v in phase.items()
                if (k, v) not in (("select", True), ("monitored", False))
            }
            for phase in self.phases
        ]
        others = {k: v for k, v in self.settings.items() if not is_within(k, "timeline")}
        sets = as_texts({**others, "timeline": short})
        words = ["evosim", "run", self.source, "--seed", str(self.seed)]
        for text in sets:
            words += ["--set", text]
        return words + (["--out", out] if out else [])

    @property
    def command_line(self) -> str:
        """The command that repeats the session, as it can be typed."""
        return shlex.join(self.command())

    def numbers(self) -> list[Number]:
        """The numbers of the scenario that can be moved."""
        return numbers(self.written)

    def _remember(self, parents: np.ndarray) -> None:
        """Keep the pedigree, as long as it is short enough for a band of chance."""
        if len(self._parents) == self.number:
            self._parents.append(parents)
        if self._parents and len(parents) * len(self._parents) > _PEDIGREE:
            self._parents.clear()

    def _row(self, generation: Generation) -> dict[str, Any]:
        """What is shown of a generation."""
        scenario, n = self.scenario, len(generation.genomes)
        phase = scenario.phase_at(generation.number)
        expressed = mind.phenotype(scenario, generation.genomes)
        names = list(scenario.environments)
        weights = scenario.mixture_at(generation.number)
        probe = generation.probe
        measured = None
        if probe is not None:
            mixture = {name: weights.get(name, 0.0) for name in names}
            measured = {name: _of_probe(probe, scenario, name, mixture) for name in JUDGED}
        return {
            "generation": generation.number,
            "world": timeline.label(weights),
            "select": phase.select,
            "n": n,
            "paid": [_mean(column) for column in generation.payoffs.T],
            "felt": _mean(np.asarray(generation.arrays["internal_reward"], np.float64)[:n]),
            "lifespan": _mean(np.asarray(generation.arrays["lifespan"], np.float64)[:n]),
            "depth": _mean(np.asarray(expressed["depth"], np.float64)),
            "drives": [_median(expressed[f"drive.{name}"]) for name in self.drives],
            "probe": measured,
        }

    def _flip_at(self, number: int) -> timeline.Flip | None:
        return next((flip for flip in self.scenario.flips if flip.generation == number), None)

    def _outcome(self, generation: Generation, flip: timeline.Flip) -> Outcome:
        """What a flip did, measured on its first generation, which was bred before it."""
        probe = generation.probe
        assert probe is not None
        sides = {
            name: (
                _of_probe(probe, self.scenario, name, flip.before),
                _of_probe(probe, self.scenario, name, flip.after),
            )
            for name in JUDGED
        }
        return Outcome(generation.number, flip.label_before, flip.label_after, sides)

    def chance(self, *, now: bool = False) -> bool:
        """Bring the band of chance up to date, where that is due; whether it was.

        It is what the medians of drives would come to down the same pedigree if nothing were
        selected (:func:`evosim.metrics.popgen.price.neutral_drives`).

        Args:
            now: whether or not it is due.
        """
        done, shape = len(self._parents), self._parents and self._parents[0].shape
        known = max((len(band["low"]) for band in self.band.values()), default=0)
        if not shape or done == known or not (now or done >= self._band_due):
            return False
        if not self.drives or not price.has_pedigree(self.scenario):
            return False
        found = price.neutral_drives(
            self.scenario,
            np.array(self._parents),
            key(self._own_seed, Purpose.NEUTRAL),
            n=NEUTRAL,
        )
        self.band = {}
        seen: dict[bytes, str] = {}
        for drive, medians in found.items():
            low, high = price.bands(medians, (0.025, 0.975)).T
            # Drives that start alike share one band, and it is told once.
            if seen.setdefault(low.tobytes(), drive) == drive:
                self.band[drive] = {"low": low.tolist(), "high": high.tolist()}
        self._band_due = max(done + _BAND_FIRST, math.ceil(_BAND_GROWTH * done))
        return True


def settings_of(scenario: Scenario, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What moved numbers change in a scenario: values by dotted key.

    Args:
        wanted: by the name of a number, its value, or the place of the one that was chosen.

    Raises:
        EvosimError: there is no such number, or it cannot be moved there.
    """
    known = {one.name: one for one in numbers(scenario)}
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        if (one := known.get(name)) is None:
            raise EvosimError(f"no number {name!r} can be moved in this scenario")
        if one.choices:
            if not isinstance(value, int) or not 0 <= value < len(one.choices):
                raise EvosimError(f"{one.label}: no choice {value!r}")
            value = one.choices[value]
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise EvosimError(f"{one.label}: {value!r} is no number")
        elif not one.low <= value <= one.high:
            raise EvosimError(f"{one.label}: {value:g} (allowed {one.low:g} to {one.high:g})")
        elif isinstance(one.value, int) and float(value).is_integer():
            value = int(value)
        tuned = _tuned(scenario)
        moves = tuned is not None and name == tuned.places[0]
        found |= moved(tuned, value) if moves and tuned is not None else {name: value}
    return found


def numbers(scenario: Scenario) -> list[Number]:
    """The numbers of a scenario that can be moved: the tuned one first, then those that evolution
    and minds go by, and those in which environments differ from the world."""
    document = scenario.to_dict()
    found: list[Number] = []
    tuned = _tuned(scenario)
    if tuned is not None:
        name = tuned.places[0]
        now = None if tuned.set else _at(document, name)
        if not tuned.set and all(_is_number(one) for one in (*tuned.values, now)):
            whole = all(isinstance(one, int) for one in (*tuned.values, now))
            low, high = min(*tuned.values, now), max(*tuned.values, now)
            step = 1 if whole else _step(high - low)
            found.append(Number(name, tuned.label, now, low, high, step))
        else:
            found.append(Number(name, tuned.label, now, choices=tuned.values))
    top = min(MOST_INDIVIDUALS, 4 * scenario.evolution.population)
    general = [
        ("evolution.population", "individuals", 4, top, 1),
        ("evolution.mutate.sigma", "size of mutations", 0.0, 0.5, 0.01),
        ("evolution.mutate.indpb", "share of genes that mutate", 0.0, 1.0, 0.01),
        ("agent.patience", "patience of the planner", 0.0, 0.99, 0.01),
        ("agent.thinking_cost", "cost of a step of depth", 0.0, None, None),
        ("world.slip", "chance that a move slips", 0.0, 1.0, 0.01),
        ("world.lifetime", "longest life, steps", 1, None, 1),
    ]
    for name, label, least, limit, fine in general:
        now = _at(document, name)
        if not _is_number(now) or (name.startswith("evolution.mutate") and not _bred(scenario)):
            continue
        most = max(now, max(2 * now, 0.5) if limit is None else limit)
        found.append(Number(name, label, now, min(least, now), most, fine or _step(most - least)))
    for place, environment in scenario.environments.items():
        title = environment.title or place
        for path, now in _leaves(environment.overrides):
            name = ".".join(("environments", place, *path))
            label = f"{' '.join(part for part in path if part not in _GRAMMAR)}, in “{title}”"
            least, most = (0, 1) if 0 <= now <= 1 else (min(0, 2 * now), max(0, 2 * now))
            step = 1 if isinstance(now, int) and most > 1 else _step(most - least)
            found.append(Number(name, label, now, least, most, step))
    unique: dict[str, Number] = {}
    for one in found:
        unique.setdefault(one.name, one)
    return [*unique.values()][:MOST_NUMBERS]


def _tuned(scenario: Scenario) -> Tuned | None:
    return None if scenario.experiment is None else scenario.experiment.tuned


def _bred(scenario: Scenario) -> bool:
    return scenario.evolution.optimizer.name == "genetic"


def _at(document: Mapping[str, Any], name: str) -> Any:
    """What stands at a dotted key; None where nothing does."""
    found: Any = document
    for part in name.split("."):
        if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, Mapping) and part in found:
            found = found[part]
        else:
            return None
    return found


def _leaves(
    table: Mapping[str, Any], path: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], Any]]:
    """The numbers in nested tables, each with its path."""
    found = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            found += _leaves(value, (*path, name))
        elif _is_number(value):
            found.append(((*path, name), value))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _step(span: float) -> float:
    """A round step of which a span has some hundred."""
    return float(10.0 ** (math.floor(math.log10(span)) - 2)) if span > 0 else 0.01


def _of_probe(
    probe: Mapping[str, Any], scenario: Scenario, name: str, weights: Mapping[str, float]
) -> float | None:
    """A measure of the evolved minds, the mean over the sample, as environments are mixed."""
    own = minds(scenario).index(EVOLVED)
    names = list(scenario.environments)
    chosen_ones = {one: weight for one, weight in weights.items() if weight > 0}
    rows = [names.index(one) for one in chosen_ones]
    values = mean_of_defined(np.asarray(probe[name][:, own], np.float64))  # [environment]
    value = float(mixed(values[rows], chosen_ones))
    return value if math.isfinite(value) else None


def _mean(values: np.ndarray) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if len(values) else None
