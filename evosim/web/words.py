"""What a page says of a run: plain sentences from the numbers of its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evosim.metrics.flips import JUDGED
from evosim.stats import intervals

if TYPE_CHECKING:
    from evosim.plot.episode import Episode
    from evosim.scenario import Scenario

Summary = Mapping[str, Any]

VERDICTS = {
    "goal misgeneralization": "The agents stay as capable as before, and follow another goal than "
    "the intended one.",
    "capability failure": "The agents lose their skill, and the intended goal with it.",
    "robust": "The agents stay as capable as before, and still serve the intended goal.",
    "mixed": "The flip is none of the clear cases: see what became of each number.",
    "undecided": "The shares say one thing and the amounts another, so the verdict is open.",
}
SENTENCES = {
    ("capability", "kept"): "The agents get what their drives want as well as before.",
    ("capability", "lost"): "The agents get little of what their drives want.",
    ("capability", "between"): "The agents get less of what their drives want, but not little.",
    ("alignment", "kept"): "What they do serves the intended goal, {goal}, as well as before.",
    ("alignment", "lost"): "What they do hardly serves the intended goal, {goal}, any more.",
    ("alignment", "between"): "What they do serves the intended goal, {goal}, less than before.",
    ("reward", "kept"): "A life feels as good to them as before.",
    ("reward", "lost"): "A life feels much less good to them than before.",
    ("reward", "between"): "A life feels less good to them than before.",
    ("payoff", "kept"): "The amount of {goal} in a life is as before.",
    ("payoff", "lost"): "The amount of {goal} in a life is much smaller than before.",
    ("payoff", "between"): "The amount of {goal} in a life is smaller than before.",
}
NOTHING = 1e-9
AMOUNTS = {"payoff": "intended payoff of a life", "reward": "felt reward of a life"}


def number(value: float | None, form: str) -> str:
    """A number of a summary, with a real minus sign; what is left by rounding is 0."""
    if value is not None and abs(value) < NOTHING:
        value = 0.0
    return intervals.number(value, form).replace("-", "\N{MINUS SIGN}")


def flip(found: Summary, summary: Summary, scenario: Scenario) -> dict[str, Any]:
    """A flip: its verdict, and a card for each thing that was kept or lost."""
    goal = summary["intended"]
    amounts = [name for name in AMOUNTS if name in found]  # older summaries have none
    kind = "Flip" if found["generation"] == found.get("arrival", found["generation"]) else "Change"
    return {
        "generation": found["generation"],
        "head": f"{kind} at generation {found['generation']}: {_title(scenario, found['from'])} "
        f"→ {_title(scenario, found['to'])}",
        "verdict": found["verdict"],
        "sentence": VERDICTS.get(found["verdict"], ""),
        "one": found["one_replicate"],
        "cards": [_card(name, found, goal, ".2f") for name in JUDGED]
        + [_card(name, found, goal, ".3g") for name in amounts],
        "controls": [
            [name, *(_arrow(control, measure, ".2f") for measure in JUDGED)]
            + ([_arrow(control, "payoff", ".3g")] if "payoff" in amounts else [])
            for name, control in found["controls"].items()
        ],
        "columns": ["control", *JUDGED, *([f"{goal}, a life"] if "payoff" in amounts else [])],
    }


def _title(scenario: Scenario, name: str) -> str:
    known = scenario.environments.get(name)
    return (known.title if known else "") or name


def _card(name: str, found: Summary, goal: str, form: str) -> dict[str, Any]:
    outcome = found[name]
    ends = found.get("sampling_intervals") or found["intervals"]
    before, after = f"{name}_before", f"{name}_after"
    sentence = SENTENCES.get((name, outcome), "")
    if outcome == "nothing to lose":
        sentence = "It was too small before the flip for anything to be lost."
    elif outcome == "undefined":
        sentence = "It is undefined here: there is nothing to compare it with."
    return {
        "name": {**AMOUNTS, "payoff": f"{goal}, a life"}.get(name, name),
        "before": number(found[before], form),
        "after": number(found[after], form),
        "outcome": {"between": "in between"}.get(outcome, outcome),
        "class": outcome if outcome in ("kept", "lost") else "open",
        "sentence": sentence.format(goal=goal),
        "intervals": [
            _interval(ends.get(side), form) for side in (before, after) if ends.get(side)
        ],
    }


def _interval(ends: Sequence[float | None] | None, form: str) -> str:
    if not ends or None in ends:
        return ""
    return f"[{number(ends[0], form)}, {number(ends[1], form)}]"


def _arrow(numbers: Summary, name: str, form: str) -> str:
    return " → ".join(number(numbers.get(f"{name}_{side}"), form) for side in ("before", "after"))


def final(summary: Summary, scenario: Scenario) -> dict[str, Any]:
    """How the last population fares in each environment."""
    environments = summary["environments"]
    payoffs = list(next(iter(environments.values()))["payoffs"])
    return {
        "generation": next(iter(environments.values()))["generation"],
        "payoffs": payoffs,
        "rows": [
            {
                "title": _title(scenario, name),
                "cells": [
                    _number(found["capability"], found, "capability", ".2f"),
                    _number(found["alignment"], found, "alignment", ".2f"),
                    *(number(found["payoffs"][payoff], ".3g") for payoff in payoffs),
                    number(found.get("optimal_payoff"), ".3g"),
                    number(found.get("uniform_payoff"), ".3g"),
                    number(found["lifespan"], ".3g"),
                ],
            }
            for name, found in environments.items()
        ],
    }


def _number(value: float | None, found: Summary, name: str, form: str) -> str:
    ends = (found.get("sampling_intervals") or found["intervals"]).get(name)
    return " ".join(filter(None, [number(value, form), _interval(ends, form)]))


def evolved(summary: Summary) -> dict[str, Any] | None:
    """What evolved, at the flips and in the end: drives as bars, the rest as numbers."""
    moments = [(f"flip at {f['generation']}", f["evolved"]) for f in summary["flips"]]
    if len(moments) > 3:  # a table stays on a page
        moments = [moments[0], moments[-1]]
    moments.append((f"end, {summary['evolved']['generation']}", summary["evolved"]))
    means = summary["evolved"]["mean"]
    evolving = set(summary.get("evolving", means))
    # A table has neither drives nor depth.
    no_drives = {"table", "learner"} & summary.keys()
    drives = [] if no_drives else [name for name in means if name.startswith("drive.")]
    if not evolving & set(drives):
        evolving |= set(drives)
    names = [
        name for name in means
        if name in drives or name in evolving or name.startswith("sense.")
    ]  # fmt: skip
    if not names:
        return None
    return {
        "moments": [called for called, _ in moments],
        "sentence": _strongest(drives, moments),
        "rows": [
            {
                "name": name.replace("drive.", "drive for ").replace(
                    "sense.", "share with sense for "
                ),
                "cells": [_trait(name, moment, evolving, name in drives) for _, moment in moments],
            }
            for name in names
        ],
    }


def _trait(name: str, moment: Summary, evolving: set[str], is_drive: bool) -> dict[str, Any]:
    mean = moment["mean"][name]
    form = ".1f" if name == "depth" else ".2f"
    ends = moment["intervals"].get(name)
    if not ends and name in evolving and not name.startswith("sense."):
        ends = (moment.get("spread") or {}).get(name)
    bar = None
    if is_drive and mean is not None:
        share = max(-1.0, min(1.0, mean))
        bar = {"left": round(50 + 50 * min(share, 0), 1), "width": round(50 * abs(share), 1)}
    return {"text": number(mean, form), "range": _interval(ends, form), "bar": bar}


def _strongest(drives: Sequence[str], moments: Sequence[tuple[str, Summary]]) -> str:
    """Which drive is the strongest when, in a sentence; empty where none is for anything."""
    found = []
    for called, moment in moments:
        known = {name: moment["mean"][name] for name in drives if moment["mean"][name] is not None}
        if not known or max(known.values()) <= 0:
            return ""
        best = max(known, key=known.__getitem__)
        when = "at the end" if called.startswith("end") else f"at the {called}"
        found.append((best.removeprefix("drive."), known[best], when))
    first, last = found[0], found[-1]
    if len(found) == 1 or first[0] == last[0]:
        return f"The strongest drive is for {last[0]} ({last[1]:.2f} {last[2]})."
    return (
        f"The drive for {first[0]} ({first[1]:.2f} {first[2]}) gives way to the drive for "
        f"{last[0]} ({last[1]:.2f} {last[2]})."
    )


def lives(before: Episode, after: Episode, goal: str) -> str:
    """What two lives have in common and what not, in a sentence."""
    paid = [
        number(e.payoffs[-1, e.environment.payoffs.index(goal)], ".3g") for e in (before, after)
    ]
    felt = [number(e.reward[-1], ".3g") for e in (before, after)]
    acts = [e.trace.action.tolist() for e in (before, after)]
    same = before.path == after.path and acts[0] == acts[1]
    how = "It does exactly the same in both worlds" if same else "It does not do the same in both"
    return f"{how}: felt reward {' → '.join(felt)}, {goal} {' → '.join(paid)}."
