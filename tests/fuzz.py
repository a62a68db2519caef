"""Files gone wrong by a seeded program: a process that mutates them, checks them and runs some.

    python tests/fuzz.py SEED FIRST COUNT [--run N]

checks the mutants FIRST .. FIRST + COUNT - 1, each within LIMIT seconds and all within MEMORY, and
prints a line of JSON for each: what became of it. Every Nth that is accepted is run, made small.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import resource
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tomli_w

ROOT = Path(__file__).parents[1]
LIMIT = 60  # seconds of a check: far more than any takes, as tests run side by side
RUN_LIMIT = 120
LONG = 30  # seconds that a run says it takes, which then is not awaited
LATER = "would take long, and says so"
MEMORY = 3 * 2**30

NUMBERS = (
    0, -1, 1, 2, 7, 64, 1000, 10**5, 10**6, 10**9, 2**31, 2**63, 2**64, 10**30, 0.5, 1e-9, 1e308,
    float("nan"), float("inf"), -0.0,
)  # fmt: skip
TEXTS = ("", " ", "x" * 10**5, "0", "\0", "\n", "a.b", "../x", "é" * 300, "timeline", "{value}")

Path_ = tuple[Any, ...]


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The path of everything in a document."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, part in items:
        yield (*path, key)
        yield from places(part, (*path, key))


def _held(value: Any, path: Sequence[Any]) -> Any:
    """What stands at a path."""
    for key in path:
        value = value[key]
    return value


def mutant(document: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A document with one to three things changed."""
    made = copy.deepcopy(document)
    if rng.random() < 0.4:  # one number alone, as somebody may have meant it
        numbers = [path for path in places(made) if type(_held(made, path)) in (int, float)]
        if numbers:
            *above, key = rng.choice(numbers)
            _held(made, above)[key] = rng.choice((0, 1, 3, 100, 10**4, 10**5, 10**6, 10**9, 0.5))
            return made
    for _ in range(rng.choice((1, 1, 2, 3))):
        known = list(places(made))
        if not known:
            break
        *above, key = rng.choice(known)
        rng.choice(CHANGES)(_held(made, above), key, rng, made)
    return made


def _number(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    holder[key] = rng.choice(NUMBERS)


def _text(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    holder[key] = rng.choice(TEXTS)


def _scaled(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    """A number of the same kind, elsewhere in its range."""
    value = holder[key]
    if isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int):
        holder[key] = rng.choice((value + 1, value * 10, value * 1000, value * 10**6, value - 1))
    elif isinstance(value, float):
        holder[key] = rng.choice((value / 10, value * 1.5, value * 1000, -value, 1.0))
    elif isinstance(value, list):
        holder[key] = value * rng.choice((2, 10, 1000))
    elif isinstance(value, str):
        holder[key] = value * rng.choice((2, 100, 10_000))
    else:
        _grown(holder, key, rng, made)


def _removed(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    del holder[key]


def _grown(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    """The same once more, or many times, under names of its own."""
    n = rng.choice((1, 10, 300, 5000))
    if isinstance(holder, list):
        holder.extend(copy.deepcopy(holder[key]) for _ in range(n))
    else:
        for i in range(n):
            holder[f"{key}{i}"] = copy.deepcopy(holder[key]) if n < 500 else holder[key]


def _moved(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    """What stands somewhere else."""
    holder[key] = copy.deepcopy(_held(made, rng.choice(list(places(made)))))


def _nested(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    for _ in range(rng.choice((1, 3, 40))):
        holder[key] = rng.choice(([holder[key]], {"x": holder[key]}))


def _retyped(holder: Any, key: Any, rng: random.Random, made: Any) -> None:
    holder[key] = rng.choice((True, False, [], {}, [[]], [{}], "1", 1, 1.0, {"a": 1}))


CHANGES: tuple[Callable[[Any, Any, random.Random, Any], None], ...] = (
    _number, _number, _number, _text, _scaled, _scaled, _scaled, _removed, _grown, _moved, _nested,
    _retyped,
)  # fmt: skip


def sources() -> list[Path]:
    """The shipped scenarios and studies."""
    return sorted([*ROOT.glob("scenarios/*.toml"), *ROOT.glob("studies/*.toml")])


def text_of(seed: int, number: int) -> tuple[Path, str]:
    """The text of a mutant, and the file that it was made from."""
    rng = random.Random(f"{seed} {number}")
    source = rng.choice(sources())
    text = source.read_text()
    if rng.random() < 0.1:  # not as a document, but as a text
        at, n = rng.randrange(len(text)), rng.choice((1, 10, 1000))
        cut = text[at : at + n]
        again = rng.choice(
            ("", cut * 2, cut * 1000, "[" * n, "a." * n, '"""', "\ufeff", "0x" + "f" * n)
        )
        return source, text[:at] + again + text[at + n :]
    return source, tomli_w.dumps(mutant(tomllib.loads(text), rng))


class TooLongError(BaseException):
    """A mutant took longer than it may."""


def _too_long(*_: object) -> None:
    raise TooLongError


SMALL = {
    "evolution.population": 6, "evolution.levels": 1, "measure.levels": 1, "measure.sample": 3,
}  # fmt: skip


def run(path: Path, is_study: bool) -> str:
    """Run what was accepted, made small where it lets itself be; how that ended."""
    import evosim
    from evosim.api._costs import of_study
    from evosim.execution.cost import of_run

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        options: dict[str, Any] = {"out": out, "workers": 1, "figures": False, "progress": False}
        try:
            if is_study:
                from evosim.api.checks import check_study

                written = check_study(path)
                settings = _small(written.base)
                if of_study(written, replicates=1).duration > LONG:
                    return LATER
                done = evosim.run_study(path, replicates=1, settings=settings, **options)
                return "failed in words" if done.failures else "ran"
            read = evosim.check(path)
            settings = _small(read)
            try:
                read = evosim.check(path, settings)
            except evosim.EvosimError:
                settings = {}
            if of_run(evosim.check(path, settings)).duration > LONG:
                return LATER
            stop = lambda replicate, generation, score: generation >= 3  # noqa: E731
            evosim.run(path, seed=1, settings=settings, on_generation=stop, **options)
            return "ran"
        except evosim.EvosimError as error:
            left = sorted(out.parent.glob("*"))
            if left and not any(out.rglob("*.npz")) and not (out / "run.nc").exists():
                return f"an empty folder stays: {error}"
            return "refused in words" if str(error).strip() else "no words"


def _small(scenario: Any) -> dict[str, Any]:
    found = {key: min(value, _at(scenario, key)) for key, value in SMALL.items()}
    if scenario.evolution.islands is not None:
        del found["evolution.population"]
    for i in range(len(scenario.timeline)):
        found[f"timeline.{i}.generations"] = min(2, scenario.timeline[i].generations)
    return found


def _at(scenario: Any, key: str) -> Any:
    section, name = key.split(".")
    return getattr(getattr(scenario, section), name)


def main() -> None:
    """Check, and print what became of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--run", type=int, default=0)
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    import evosim
    from evosim.api.checks import check_study

    evosim.check("strawberry")  # what is imported once does not count
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    accepted = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.first, asked.first + asked.count):
            source, text = text_of(asked.seed, number)
            is_study = source.parent.name == "studies"
            path = Path(folder) / source.name
            path.write_text(text)
            began, words, ran = time.monotonic(), "", ""
            signal.alarm(LIMIT)
            try:
                (check_study if is_study else evosim.check)(path)
                outcome = "accepted"
            except evosim.EvosimError as error:
                outcome, words = "refused", str(error)
            except TooLongError:
                outcome = "hung"
            except MemoryError:
                outcome = "out of memory"
            except BaseException as error:
                outcome, words = "crashed", f"{type(error).__name__}: {error}"[:300]
            signal.alarm(0)
            seconds = time.monotonic() - began
            if outcome == "accepted":
                accepted += 1
                if asked.run and accepted % asked.run == 0:
                    signal.alarm(RUN_LIMIT)
                    try:
                        ran = run(path, is_study)
                    except TooLongError:
                        ran = "hung"
                    except BaseException as error:
                        ran = f"crashed: {type(error).__name__}: {error}"[:300]
                    signal.alarm(0)
            print(json.dumps({
                "number": number, "source": source.stem, "outcome": outcome,
                "seconds": round(seconds, 2), "words": words[:300], "length": len(words),
                "ran": ran,
            }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
