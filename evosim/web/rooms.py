"""Rooms of the lab: sessions with those who look at them, who holds the switch, what was predicted.

A *bench* is a session with its viewers; a *room* has one that all share, or one for each pupil.
What simulates is a thread of the bench; everything else happens on the event loop. A bench that
nobody looks at, or that is paused, does nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from evosim.api.checks import check
from evosim.errors import EvosimError
from evosim.execution.cost import of_run, refuse
from evosim.metrics.flips import JUDGED
from evosim.scenario.settings import Settings, as_mapping
from evosim.stats import intervals
from evosim.web import data
from evosim.web.page import finite
from evosim.web.session import LONGEST, Choice, Session, settings_of

if TYPE_CHECKING:
    from evosim.scenario import Scenario

T = TypeVar("T")

MOST_PUPILS = 40
"""Pupils of a room, each of whom may have a session."""
MOST_TRIALS = 50
SPEEDS = (1, 2, 5, 10, 0)
"""Generations a second; 0: as many as the machine can."""
RESAMPLES = 2000


class Viewer(Protocol):
    """Who looks at a bench."""

    def wake(self) -> None:
        """There is something new to be told."""


class Member(NamedTuple):
    """Somebody in a room.

    Attributes:
        number: of the pupil, from 1; 0: the teacher, or whoever started the lab.
        secret: by which they are known again when they come back.
        bench: where they sit.
        holds: whether they hold the switch of that bench.
    """

    number: int
    secret: str
    bench: Bench
    holds: bool


class Bench:
    """A session with its viewers.

    Args:
        room: that it stands in.
        number: of its pupil, 0 for that of the teacher.
    """

    def __init__(self, room: Room, number: int) -> None:
        self.room, self.number = room, number
        self.session: Session | None = None
        self.viewers: set[Viewer] = set()
        self.playing, self.speed = False, 5
        self.moved: dict[str, Any] = {}
        self.aim: Choice | None = None
        self.predictions: dict[str, dict[str, float]] = {}
        self.rounds: list[dict[str, Any]] = []
        self.trials: list[dict[str, Any]] = []
        self.problem = ""
        self.version = 0
        self.band_version = 0
        self._seen = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"lab-{number}")
        self._task: asyncio.Task[None] | None = None
        self._texts: dict[tuple[int, int, int], str] = {}

    async def work(self, call: Callable[..., T], *args: Any) -> T:
        """Do something in the thread of the bench, after what it does already."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    async def begin(
        self, seed: int, moved: Mapping[str, Any] | None = None, *, keep: bool = False
    ) -> None:
        """Begin a new session.

        Args:
            seed: of it.
            moved: numbers that are moved, by their names.
            keep: whether it has the timeline of the one before, up to where that one came.

        Raises:
            EvosimError: the scenario would not be valid.
        """
        self.playing = False
        moved = dict(moved or {})

        def make() -> Session:
            before = self.session
            given = as_mapping(self.room.settings)
            if moved and before is not None:
                given = as_mapping(given, settings_of(self.room.written(), moved))
            phases = before.phases if keep and before is not None else None
            session = Session(self.room.source, seed, given, phases)
            _refuse_if_too_large(session)
            session.step()
            return session

        made = await self.work(make)
        self._keep_trial()
        self.session, self.moved, self._seen = made, moved, 0
        self.predictions, self.rounds, self.aim, self.problem = {}, [], None, ""
        self._texts.clear()
        self.changed()

    def _keep_trial(self) -> None:
        """What came of a session, to be compared with the next ones."""
        session = self.session
        if session is not None and session.outcomes:
            flips = [one.to_dict() for one in session.outcomes]
            self.trials.append({"seed": str(session.seed), "moved": self.moved, "flips": flips})
            del self.trials[:-MOST_TRIALS]

    def play(self) -> None:
        """Simulate on, until it is paused or nobody looks any more."""
        self.playing = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._play())
        self.changed()

    def pause(self) -> None:
        """Simulate no more, once the present generation is done."""
        self.playing = False
        self.changed()

    async def step(self) -> None:
        """Simulate one generation."""

        def one() -> tuple[Session, bool]:
            assert self.session is not None
            self.session.step()
            return self.session, self.session.chance(now=not self.playing)

        try:
            session, band = await self.work(one)
        except EvosimError as error:
            self.problem, self.playing = str(error), False
            self.changed()
            return
        if session is not self.session:
            return  # another one has begun in the meantime
        self.band_version += band
        closed = len(session.outcomes) > self._seen
        if closed:
            self._close_round(session)
        if session.ended:
            self.playing = False
        if closed or session.ended:
            self.changed()
        else:
            self._wake()

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        while self.playing and self.viewers:
            begun = loop.time()
            await self.step()
            if self.speed:
                await asyncio.sleep(max(0.0, begun + 1 / self.speed - loop.time()))
        self.playing = False
        self.changed()

    async def flip(self) -> None:
        """Go on in what is aimed at."""
        session, aim = self.session, self.aim
        assert session is not None
        if aim is None:
            raise EvosimError("choose first what the flip leads to")
        await self.work(session.flip, aim)
        if not self.playing:
            await self.step()
        self.changed()

    def predict(self, member: Member, predicted: dict[str, float]) -> None:
        """Keep what somebody expects of the flip that is aimed at."""
        if self.aim is None:
            raise EvosimError("there is no flip to predict yet")
        self.predictions[member.secret] = predicted
        self.changed()

    def point(self, aim: Choice) -> None:
        """Aim at a world, for all to see; what was predicted of another one is dropped."""
        session = self.session
        assert session is not None
        scenario = session.scenario
        if aim.train not in scenario.environments and aim.train != session.choice.train:
            raise EvosimError(f"no environment {aim.train!r}")
        if aim.selected not in scenario.payoffs:
            raise EvosimError(f"no payoff {aim.selected!r}")
        if self.aim is None or aim.train != self.aim.train:
            self.predictions = {}
        self.aim = aim
        self.changed()

    def _close_round(self, session: Session) -> None:
        """What was predicted of a flip is now what was predicted of its outcome."""
        for outcome in session.outcomes[self._seen :]:
            told = outcome.to_dict()
            matches = self.aim is not None and self.aim.train == outcome.after
            predictions = self.predictions if matches else {}
            self.rounds.append({"outcome": told, "predictions": dict(predictions)})
        self._seen = len(session.outcomes)
        self.predictions = {}
        self.room.outcomes_changed()

    async def life(
        self, individual: int | str, level: int, environments: list[str | None]
    ) -> dict[str, Any]:
        """Recorded lives of an individual of the latest generation, one for each environment."""

        def live() -> dict[str, Any]:
            session = self.session
            assert session is not None
            intended = session.scenario.objective.intended
            lives = [
                data.life(session.life(individual, level, environment), intended)
                for environment in environments
            ]
            return {"is": "life", "of": session.id, "number": session.number, "lives": lives}

        return await self.work(live)

    def changed(self) -> None:
        """Something is another that all viewers are told."""
        self.version += 1
        self._wake()

    def _wake(self) -> None:
        for viewer in self.viewers:
            viewer.wake()

    def rows(self, session: Session, begin: int, end: int) -> str:
        """The message with the rows of some generations; made once for all viewers."""
        place = (session.id, begin, end)
        if place not in self._texts:
            while len(self._texts) >= 16:
                del self._texts[next(iter(self._texts))]
            self._texts[place] = as_message(
                {"is": "rows", "of": session.id, "rows": session.rows[begin:end]}
            )
        return self._texts[place]

    def state(self, member: Member) -> dict[str, Any]:
        """All that is told of a bench beside its generations."""
        session = self.session
        assert session is not None
        rounds = [
            {
                "outcome": one["outcome"],
                "predictions": [*one["predictions"].values()],
                "mine": one["predictions"].get(member.secret),
            }
            for one in self.rounds
        ]
        return {
            "is": "state",
            "of": session.id,
            "playing": self.playing,
            "speed": self.speed,
            "ended": session.ended,
            "seed": str(session.seed),  # a number of JavaScript has 53 bits
            "moved": self.moved,
            "choice": session.choice._asdict(),
            "aim": None if self.aim is None else self.aim._asdict(),
            "predicted": len(self.predictions),
            # Who has still to predict is not told what others did.
            "open": [*self.predictions.values()] if member.holds and self.room.taught else [],
            "mine": self.predictions.get(member.secret),
            "rounds": rounds,
            "trials": self.trials,
            "problem": self.problem,
        }

    def band(self) -> dict[str, Any]:
        """The band of chance of the drives."""
        session = self.session
        assert session is not None
        return {"is": "band", "of": session.id, "band": session.band}

    async def repeat(self) -> dict[str, Any]:
        """How the session is repeated: the command, and the scenario as a file."""

        def written() -> dict[str, Any]:
            session = self.session
            assert session is not None
            scenario = session.to_scenario()
            return {
                "is": "repeat",
                "of": session.id,
                "number": session.number,
                "command": session.command_line,
                "name": f"{scenario.id}-seed-{session.seed}.toml",
                "toml": scenario.to_toml(),
            }

        return await self.work(written)

    def end(self) -> None:
        """Simulate no more, for good."""
        self.playing = False
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)


class Room:
    """Who may look at what, and who holds which switch.

    Args:
        source: the scenario of all sessions, an id or a path.
        seed: of the teacher's session; that of pupil n is n more.
        settings: of all sessions.
        taught: whether pupils may come.
        own: whether each pupil has a session of their own; else they watch the teacher's.

    Attributes:
        token: of whoever holds the switch.
        pupils_token: of pupils; "" where there are none.
        here: pages that each member has open, by secret.
        groups: of sessions that were flipped alike, what came of it, with intervals.
    """

    def __init__(
        self, source: str, seed: int, settings: Settings = (), *, taught: bool = False,
        own: bool = False,
    ) -> None:  # fmt: skip
        self.source, self.seed, self.settings = source, seed, settings
        self.taught, self.own = taught or own, own
        self.token = secrets.token_urlsafe(16)
        self.pupils_token = secrets.token_urlsafe(9) if self.taught else ""
        self.teacher = Member(0, secrets.token_urlsafe(16), Bench(self, 0), True)
        self.pupils: dict[str, Member] = {}
        self.here: Counter[str] = Counter()
        self.groups: list[dict[str, Any]] = []
        self.version = 0
        self._joined = 0
        self._uncounted = False
        self._task: asyncio.Task[None] | None = None

    @property
    def benches(self) -> list[Bench]:
        pupils = [member.bench for member in self.pupils.values()] if self.own else []
        return [self.teacher.bench, *pupils]

    def written(self) -> Scenario:
        """The scenario as it was given, with the settings of the room."""
        return check(self.source, self.settings)

    async def join(self, token: str, secret: str | None) -> Member | None:
        """Let somebody in.

        Args:
            token: of the teacher or of pupils.
            secret: of a pupil who was here before.

        Returns:
            None where the token is none of the room's.

        Raises:
            EvosimError: the room is full.
        """
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return self.teacher
        if not (self.taught and hmac.compare_digest(token.encode(), self.pupils_token.encode())):
            return None
        if secret is not None and secret in self.pupils:
            return self.pupils[secret]
        if len(self.pupils) >= MOST_PUPILS and not self._free_place():
            raise EvosimError(f"this room is full: it has {MOST_PUPILS} pupils")
        self._joined += 1
        number = self._joined
        bench = Bench(self, number) if self.own else self.teacher.bench
        member = Member(number, secrets.token_urlsafe(16), bench, self.own)
        self.pupils[member.secret] = member  # before anything waits: no two have one number
        if self.own:
            await bench.begin(min(self.seed + number, 2**64 - 1))
        self.changed()
        return member

    def _free_place(self) -> bool:
        """Whether a pupil has gone who leaves nothing: a page closed and opened anew is another."""
        for secret, member in self.pupils.items():
            bench = member.bench
            if self.here[secret] or secret in self.teacher.bench.predictions:
                continue
            if self.own and (bench.session is None or bench.rounds):
                continue  # one is about to begin, or its flip counts for the class
            del self.pupils[secret]
            if self.own:
                bench.end()
            return True
        return False

    def changed(self) -> None:
        """Something is another that all in the room are told."""
        self.version += 1
        for bench in self.benches:
            bench._wake()

    def state(self) -> dict[str, Any]:
        """What all in the room are told."""
        return {
            "is": "room",
            "pupils": len(self.pupils),
            "flipped": sum(bool(bench.rounds) for bench in self.benches) if self.own else 0,
            "groups": self.groups,
        }

    def outcomes_changed(self) -> None:
        """Count the flips of the class anew; once more, if that is being done."""
        self._uncounted = self.own
        if self.own and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._count())

    async def _count(self) -> None:
        while self._uncounted:
            await asyncio.sleep(0.5)  # a class flips together
            self._uncounted = False
            self.groups = await asyncio.to_thread(_grouped, self._first_flips(), self.seed)
            self.changed()

    def _first_flips(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """The first flip of each session between two worlds, by the two."""
        first: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for bench in self.benches:
            seen = set()
            for one in bench.rounds:
                pair = (one["outcome"]["before"], one["outcome"]["after"])
                if pair not in seen:
                    seen.add(pair)
                    first.setdefault(pair, []).append(one)
        return first

    def end(self) -> None:
        """End all sessions."""
        if self._task is not None:
            self._task.cancel()
        for bench in self.benches:
            bench.end()


def _grouped(
    found: Mapping[tuple[str, str], list[dict[str, Any]]], seed: int
) -> list[dict[str, Any]]:
    """By the worlds before and after: how many flipped so, what came of it, what was predicted."""
    bootstrap = intervals.Bootstrap.of(seed, confidence=0.95, resamples=RESAMPLES)
    return [
        {
            "before": before,
            "after": after,
            "n": len(rounds),
            "of": {name: _sides(name, rounds, bootstrap) for name in JUDGED},
            "predictions": [p for one in rounds for p in one["predictions"].values()],
        }
        for (before, after), rounds in found.items()
    ]


def _sides(
    name: str, rounds: list[dict[str, Any]], bootstrap: intervals.Bootstrap
) -> list[dict[str, Any]]:
    """The mean before and after, and the mean change, over sessions, each with its interval."""
    values = np.array([one["outcome"]["of"][name] for one in rounds], np.float64)
    before, after = values.T
    return [
        intervals.mean(column, bootstrap).to_dict() for column in (before, after, after - before)
    ]


def _refuse_if_too_large(session: Session) -> None:
    """Refuse a scenario that this machine has not the memory for, by one generation of it.

    Raises:
        EvosimError: it is.
    """
    refuse(of_run(session.to_scenario()), "runs")


def about(session: Session) -> dict[str, Any]:
    """What a page has to know of the scenario of a session."""
    scenario = session.written
    flip = next(iter(scenario.flips), None)
    return {
        "id": scenario.id,
        "title": scenario.title,
        "question": scenario.question,
        "environments": [
            {"name": name, "title": one.title or name}
            for name, one in scenario.environments.items()
        ],
        "suggested": None if flip is None else max(flip.after, key=lambda name: flip.after[name]),
        "payoffs": list(scenario.payoffs),
        "intended": scenario.objective.intended,
        "drives": list(session.drives),
        "levels": scenario.evolution.levels,
        "numbers": [one.to_dict() for one in session.numbers()],
        "longest": LONGEST,
        "speeds": SPEEDS,
        "kept": scenario.verdict.kept,
        "lost": scenario.verdict.lost,
    }


def as_message(value: Mapping[str, Any]) -> str:
    """A message as text; numbers that JSON does not have are null."""
    with suppress(ValueError):
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return json.dumps(finite(value), separators=(",", ":"), allow_nan=False)
