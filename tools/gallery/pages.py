"""The page of a scenario and the index of all, in Markdown, from records alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from evosim.gallery.record import SEED, Record, is_confirmatory
from evosim.metrics import why_undefined
from evosim.metrics.hypotheses import REFUTED, SUPPORTED, UNDECIDED, standing
from evosim.plot.experiment import (
    finding_label,
    metric_label,
    number,
    p_value,
    shown,
    term_label,
    wanted,
)
from evosim.plot.summaries import names_for
from evosim.scenario.document import inline
from evosim.stats import tests
from evosim.study import families

Finding = Mapping[str, Any]

LESSONS = Path(__file__).with_name("lessons.toml")
"""What to notice, to try and to extend of each scenario, beyond what its record says."""
ACROSS = 4
"""Pictures in a row of the index."""
HEADLINE = "findings"
"""The figure that has the scenario's own name."""
_MEANS = {
    SUPPORTED: "every finding below that counts is supported",
    REFUTED: "the measurement contradicts it",
    UNDECIDED: "the measurement leaves it open",
}
_NOT_COUNTED = {
    "constant": "A constant finding is so by construction, and does not count.",
    "secondary": "The verdict of the claim does not rest on secondary findings.",
}
_EXTEND = (
    "Write a world of your own beside this one: copy `scenarios/{}.toml`, change one thing, say "
    "first what you expect ([how](../writing-scenarios.md))."
)
_IN_ONE_WORLD = (
    "**Over worlds**: not known. The claim was tested in this world alone, and not over a "
    "[family of worlds](../families.md)."
)
_IN_WORDS = {SUPPORTED: "Supported", REFUTED: "Refuted", UNDECIDED: "Undecided"}
_BORNE_OUT_LAST = (REFUTED, UNDECIDED, SUPPORTED)


def file_of(scenario: str, figure: str) -> str:
    """The file of a figure."""
    return f"{scenario}.svg" if figure == HEADLINE else f"{scenario}-{figure}.svg"


def page(
    record: Record, confirmed: Record | None = None, over_worlds: Sequence[Record] = ()
) -> str:
    """The page of a scenario.

    Args:
        record: the exploratory one.
        confirmed: of the same scenario, frozen and run once more; None: it was not.
        over_worlds: of the same scenario in the worlds of its family, exploratory first.
    """
    record = _literal(record)
    over_worlds = [_literal(one) for one in over_worlds]
    return joined(
        [
            f"# {record['title']}",
            _figure(record, "world", "a level of its world"),
            f"*{record['question']}*",
            f"**Claim.** {record['claim']} ({record['source']})",
            f"**{_IN_WORDS[record['verdict']]}**: {_MEANS[record['verdict']]}.",
            status(is_confirmatory(record), record["pilots"]),
            *([_run_again(record, confirmed)] if confirmed else []),
            _headline(record),
            *_given(record),
            *([_over_worlds(one) for one in over_worlds] or [_IN_ONE_WORLD]),
            _figure(record, HEADLINE, "what each finding measures, by arm and replicate"),
            *(
                [_figure(record, "course", "the headline measure over generations, by arm")]
                if "course" in names_for("experiment", record)
                else []
            ),
            "## The worlds",
            _figure(record, "maps", "a level before and after the flip, and what differs"),
            "## The control",
            record["control"],
            _arms(record),
            "## Findings",
            _findings(record),
            _footnote(record),
            *(["## Confirmation", *_confirmation(record, confirmed)] if confirmed else []),
            *_family(over_worlds),
            *_section("Expected", quoted(record["expected"])),
            *_section("Found", record["found"]),
            "## What was tuned",
            *_tuned(record),
            "## Notice, try, extend",
            *_lesson(record),
            "## Run it again",
            f"    {record['command']}",
            f"Made by `evosim gallery {record['scenario']}` from [{record['scenario']}.json]"
            f"({record['scenario']}.json), which holds every replicate. "
            "All scenarios: [the gallery](README.md).",
        ]
    )


def index(
    records: Iterable[Record],
    confirmed: Sequence[Record] = (),
    over_worlds: Sequence[Record] = (),
) -> str:
    """The table of all scenarios; those whose claim is not supported come first.

    Args:
        records: the exploratory ones.
        confirmed: those of scenarios that were frozen and run once more.
        over_worlds: those of scenarios in the worlds of their families, exploratory first.
    """
    again = {str(record["scenario"]): record for record in confirmed}
    family = {str(record["scenario"]): record for record in over_worlds}  # the last is the best

    def worst(record: Record) -> int:
        both = [record, again.get(record["scenario"], record)]
        return min(_BORNE_OUT_LAST.index(one["verdict"]) for one in both)

    ordered = sorted(map(_literal, records), key=lambda r: (worst(r), str(r["scenario"])))
    largest, largest_again = holm(ordered), holm(confirmed)
    rows = [
        [
            f"[{r['scenario']}]({r['scenario']}.md)",
            _in_table(r["verdict"]),
            *_again_in_table(again, largest_again, str(r["scenario"])),
            *_family_in_table(family, str(r["scenario"])),
            r["question"],
            r["findings"][0]["says"],
            shown(r["findings"][0]),
            wanted(r["findings"][0]),
            str(r["replicates"]),
            p_value(largest[r["scenario"]]),
        ]
        for r in ordered
    ]
    heads = [
        "scenario",
        "verdict",
        *(["confirmation", "its effect", "its p (Holm)"] if again else []),
        *(["over worlds", "holds in"] if family else []),
        "question",
        "headline finding",
        "effect",
        "wanted",
        "replicates",
        "p (Holm)",
    ]
    return joined(
        [
            "# Gallery",
            _pictures(ordered),
            f"{counted(len(rows), 'scenario')}: {_verdicts(ordered)}. Those that are not "
            "supported come first.",
            _run_once_more(confirmed, len(rows))
            if again
            else statuses({str(r["scenario"]): is_confirmatory(r) for r in ordered}),
            "A claim is a conjunction of findings: it is supported if each finding's whole "
            "interval lies on the wanted side of the threshold, refuted if one lies wholly on the "
            "other side, and undecided otherwise ([measures](../measures/README.md)). Secondary "
            "findings, and those that are constant by construction, do not count. The effect is "
            "that of the headline finding: a mean over replicates with its BCa interval.",
            _corrected(ordered, largest),
            *([f"In the confirmation: {_corrected(confirmed, largest_again)}"] if again else []),
            *([_families(list(family.values()))] if family else []),
            table(heads, rows),
            "Made by `make gallery`; no page is written by hand.",
        ]
    )


def _pictures(records: Sequence[Record]) -> str:
    """A picture of each world with its title, each a link to its page."""
    cells = [
        f"[![{_plain(r['title'])}]({file_of(r['scenario'], 'world')})]({r['scenario']}.md) "
        f"{_plain(r['title'])}"
        for r in sorted(records, key=lambda r: str(r["title"]))
    ]
    cells += [""] * (-len(cells) % ACROSS)
    rows = [cells[n : n + ACROSS] for n in range(0, len(cells), ACROSS)]
    return table([""] * ACROSS, rows)


def _verdicts(records: Sequence[Record]) -> str:
    """How many claims are supported, undecided, refuted."""
    verdicts = [record["verdict"] for record in records]
    return ", ".join(f"{verdicts.count(v)} {v}" for v in reversed(_BORNE_OUT_LAST))


def _run_once_more(confirmed: Sequence[Record], of: int) -> str:
    """What the confirmation is, and what came of it."""
    seeds = ", ".join(dict.fromkeys(str(record["seed"]) for record in confirmed))
    return (
        f"**Confirmation**: {len(confirmed)} of {of} were frozen and then run once more, on a "
        f"seed never used ({seeds}): {_verdicts(confirmed)}. Claims, arms and thresholds are those "
        "of [frozen.json](frozen.json), and nothing was changed after. The seed is made of their "
        "hashes, so that nobody could try it. The first runs, on seed 1, are exploratory: their "
        "thresholds may have been written after pilots. *Expected* on a page is the first text "
        "that was committed, word for word; *Found* is what the first runs show. "
        "[How that is done](../writing-scenarios.md#confirmation)."
    )


def _again_in_table(
    again: Mapping[str, Record], largest: Mapping[str, float | None], name: str
) -> list[str]:
    """The cells of a scenario's confirmation; none where nothing is confirmed."""
    if not again:
        return []
    if name not in again:
        return ["none", "", ""]
    found = again[name]
    return [_in_table(found["verdict"]), shown(found["findings"][0]), p_value(largest[name])]


def _family_in_table(family: Mapping[str, Record], name: str) -> list[str]:
    """The cells of what was found over a scenario's worlds; none where no scenario has any."""
    if not family:
        return []
    if name not in family:
        return ["none", ""]
    found = family[name]
    return [_in_table(found["verdict"]), _share(found["findings"][0])]


def _families(records: Sequence[Record]) -> str:
    """What the columns over worlds are, and what came of them."""
    return (
        f"**Over worlds**: {counted(len(records), 'claim')} tested in the worlds of a family "
        f"([how](../families.md)): {_verdicts(records)}. That verdict is of the mean effect over "
        "worlds; *holds in* counts the worlds in which the headline finding is beyond its "
        f"threshold. Frozen before: {sum(map(_is_frozen, records))} of {len(records)}."
    )


def _is_frozen(over_worlds: Record) -> bool:
    """Whether a record over worlds is of a family that was frozen: of a seed made of hashes."""
    return bool(over_worlds["seed"] != SEED)


def _share(finding: Finding, what: str = "") -> str:
    """In how many worlds a finding holds, with the interval of the share."""
    here = finding["worlds"]
    low, high = here["share"]["interval"] or (0.0, 1.0)
    return f"{here['holds']} of {here['of']}{what} [{number(low)}, {number(high)}]"


def _over_worlds(record: Record) -> str:
    """What became of the claim over a family, in a line."""
    finding = record["findings"][0]
    when = "the family was frozen before it was run" if _is_frozen(record) else "exploratory"
    return (
        f"**Over worlds**: {finding['says']}: holds in {_share(finding, ' worlds')}; effect "
        f"{shown(finding)}, {wanted(finding)} is wanted; over the family the claim is "
        f"**{record['verdict']}** ({when}; [all findings](#over-worlds))."
    )


def _family(over_worlds: Sequence[Record]) -> Iterator[str]:
    """The findings over worlds, a table for each record, and the figure of the last."""
    if not over_worlds:
        return
    yield "## Over worlds"
    yield _figure(over_worlds[-1], "family", "the effect of each finding in every world")
    for record in over_worlds:
        name = f"{record['scenario']}.worlds{'.confirm' * _is_frozen(record)}.json"
        frozen = ", frozen in [families.json](families.json)" * _is_frozen(record)
        yield (
            f"{'Confirmatory' if frozen else 'Exploratory'}: seed {record['seed']}{frozen}, "
            f"{record['worlds']} worlds with {counted(record['replicates'], 'replicate')} of each "
            "arm. What is drawn for a world, and what is said over worlds: "
            "[families of worlds](../families.md)."
        )
        yield table(
            ["verdict", "finding", "wanted", "effect over worlds", "holds in", "between worlds",
             "the pull ranks them", "a line explains"],
            [
                [
                    _in_table(finding["verdict"], standing(finding)),
                    finding["says"],
                    wanted(finding),
                    f"**{shown(finding)}**",
                    _share(finding),
                    *_of_worlds(finding["worlds"]),
                ]
                for finding in record["findings"]
            ],
        )  # fmt: skip
        yield (
            "The chance that the next world has a [kind of outcome that was not seen]"
            f"(../families.md#kinds-of-outcome) is {families.unseen(record)}."
        )
        yield f"    {record['command']}\n\nEvery world is in [{name}]({name})."


def _of_worlds(here: Mapping[str, Any]) -> list[str]:
    """The share of variance between worlds, and how well the pull predicts; empty: unknown."""
    between, within, fit = here["between"], here["within"], here["predictor"]
    known = between is not None and between + within > 0
    return [
        f"{100 * between / (between + within):.0f} %" if known else "",
        "" if fit["spearman"] is None else number(fit["spearman"]),
        "" if fit["explained"] is None else f"{100 * fit['explained']:.0f} %",
    ]


def _run_again(record: Record, confirmed: Record) -> str:
    """What became of the claim when it was run once more, in a sentence."""
    same = confirmed["verdict"] == record["verdict"]
    return (
        f"**Run once more** on a seed never used, after claim, arms and thresholds were frozen: "
        f"the claim is **{confirmed['verdict']}**, {'as' if same else 'and not as'} before "
        "([confirmation](#confirmation))."
    )


def _confirmation(record: Record, confirmed: Record) -> Iterator[str]:
    """The findings, exploratory and confirmatory side by side."""
    rows = [
        [
            one["says"],
            wanted(one),
            f"**{shown(one)}**",
            _in_table(one["verdict"], standing(one)),
            f"**{shown(other)}**",
            _in_table(other["verdict"], standing(other)),
            p_value(other.get("p")),
        ]
        for one, other in zip(record["findings"], confirmed["findings"], strict=True)
    ]
    yield (
        f"Exploratory: seed {record['seed']}. Confirmatory: seed {confirmed['seed']}, frozen in "
        f"[frozen.json](frozen.json), {confirmed['replicates']} replicates of each arm."
    )
    yield table(
        ["finding", "wanted", "exploratory", "verdict", "confirmatory", "verdict", "its p"], rows
    )
    yield (
        f"    {confirmed['command']}\n\nEvery replicate is in "
        f"[{record['scenario']}.confirm.json]({record['scenario']}.confirm.json)."
    )


def holm(records: Sequence[Record]) -> dict[str, float | None]:
    """The largest p of the findings that count, of each scenario, corrected for all that count in
    all of them (Holm 1979); None where a finding that counts has none, or none counts.

    A claim is a conjunction, so that its largest p is its own (Berger 1982).
    """
    counted_in = [(r["scenario"], f) for r in records for f in r["findings"] if not standing(f)]
    corrected = tests.corrected([finding.get("p") for _, finding in counted_in])
    found: dict[str, list[float | None]] = {record["scenario"]: [] for record in records}
    for (name, _), p in zip(counted_in, corrected, strict=True):
        found[name].append(p)
    return {
        name: max((p for p in each if p is not None), default=None) if None not in each else None
        for name, each in found.items()
    }


def _corrected(records: Sequence[Record], largest: Mapping[str, float | None]) -> str:
    """What Holm's correction leaves of the claims that are supported."""
    n = sum(not standing(finding) for record in records for finding in record["findings"])
    supported = [record for record in records if record["verdict"] == SUPPORTED]
    lost = [r for r in supported if (p := largest[r["scenario"]]) is None or p > level(r)]
    names = ", ".join(f"[{r['scenario']}]({r['scenario']}.md)" for r in lost)
    levels = ", ".join(dict.fromkeys(f"{level(record):.3g}" for record in records))
    return (
        f"Findings that count: {n}. p (Holm) is the largest one-sided p of a claim's findings, by "
        "signs of replicates that are swapped, corrected for all findings that count (Holm 1979). "
        f"A supported claim withstands the correction if it is at most {levels}, the share that "
        f"lies beyond one end of an interval. Supported, but not after it: {names or 'none'}."
    )


def level(record: Record) -> float:
    """The level of a one-sided test: what lies beyond one end of an interval."""
    return (1 - float(record["confidence"])) / 2


def status(confirmatory: bool, pilots: str) -> str:
    """Whether the thresholds were there before the numbers were, in a sentence for a page.

    Args:
        pilots: what was changed after pilots; may be empty.
    """
    if confirmatory:
        text = (
            "**Confirmatory**: the world, the runs and the thresholds were frozen before the "
            "seeds were run ([what that means](README.md))."
        )
    else:
        text = (
            "**Exploratory**: the world, the runs and the thresholds were not frozen before the "
            "seeds were run ([what that means](README.md))."
        )
    return f"{text} Changed after pilots or first runs: {pilots}" if pilots else text


def statuses(confirmatory: Mapping[str, bool]) -> str:
    """Which of the pages of an index are confirmatory, and what that means.

    Args:
        confirmatory: by id.
    """
    frozen = [f"[{name}]({name}.md)" for name, is_frozen in confirmatory.items() if is_frozen]
    others = "all the others" if frozen else f"all {len(confirmatory)}"
    return (
        f"Confirmatory: {', '.join(frozen) or 'none'}. Exploratory: {others}. "
        "Confirmatory means that the world, the runs and the thresholds were frozen by a hash "
        "before the seeds were run. Exploratory means that they were not: they may have been "
        "written after pilots, so the verdict describes these runs and does not test a "
        "prediction. *Expected* on a page is the first text that was committed, word for word; "
        "*Found* is what the runs show. "
        "[How to freeze a file](../writing-scenarios.md#expected-found-frozen)."
    )


def _headline(record: Record) -> str:
    """The first finding in one sentence: effect, interval, number of replicates."""
    finding = record["findings"][0]
    measured = f"{finding_label(finding)} is {shown(finding)}"
    if len(finding["terms"]) > 1:
        measured = f"{_whole(finding)} in {finding_label(finding)} is {shown(finding)}: "
        measured += _terms(finding, record)
    return (
        f"{_capital(finding['says'])}: {finding['verdict']}. The {measured} "
        f"({counted(finding['replicates'], 'replicate')}, {_confidence(record)} interval; "
        f"{wanted(finding)} is wanted)."
    )


def _given(record: Record) -> Iterator[str]:
    """What could not have come out otherwise, said where the headline is."""
    headline = record["findings"][0]
    arms = [t["arm"] for t in headline["terms"] if t.get("given")]
    if headline.get("constant"):
        yield f"**Constant.** The headline finding is so by construction: {headline['constant']}."
    elif arms:
        titles = ", ".join(f"*{record['arms'][arm]['title']}*" for arm in dict.fromkeys(arms))
        yield (
            f"**A control that cannot fail.** What is measured of {titles} is so by construction, "
            "whatever evolves."
        )


def _whole(finding: Finding) -> str:
    """What the sum of a finding's terms is."""
    weights = [term["weight"] for term in finding["terms"]]
    return "difference" if weights == [1, -1] else "contrast"


def _terms(finding: Finding, record: Record) -> str:
    """Every term with its number, in words."""
    return ", ".join(
        f"{shown(term)}{' by construction' if term.get('given') else ''} with "
        f"*{term_label(term, finding, record)}*"
        for term in finding["terms"]
    )


def _arms(record: Record) -> str:
    axis = record["axis"]
    heads = ["arm", "what it is", *([axis] if axis else [])]
    rows = [
        [f"`{name}`", arm["title"], *([number(arm["at"])] if axis else [])]
        for name, arm in record["arms"].items()
    ]
    return table(heads, rows)


def _findings(record: Record) -> str:
    rows = []
    for finding in record["findings"]:
        terms = _terms(finding, record) if len(finding["terms"]) > 1 else ""
        arm = "" if terms else f" with *{term_label(finding['terms'][0], finding, record)}*"
        rows.append(
            [
                _in_table(finding["verdict"], standing(finding)),
                finding["says"],
                f"{finding_label(finding)}{arm}",
                terms,
                "; ".join([f"**{shown(finding)}**", *_amounts(finding)]),
                wanted(finding),
                p_value(finding.get("p")),
            ]
        )
    return table(["verdict", "finding", "measure", "arms", "effect", "wanted", "p"], rows)


def _amounts(finding: Finding) -> list[str]:
    """What is paid, beside a share of what could be, in words."""
    return [
        f"{metric_label(amount['measure'], amount['of'])} {shown(amount)}"
        for amount in finding.get("amounts", ())
    ]


def _in_table(verdict: str, why_not_counted: str = "") -> str:
    """A verdict, in bold where a claim fails by it."""
    if why_not_counted:
        return f"{verdict} ({why_not_counted})"
    return verdict if verdict == SUPPORTED else f"**{verdict}**"


def _footnote(record: Record) -> str:
    text = (
        f"Means over {record['replicates']} replicates of each arm, which share their seeds; BCa "
        f"intervals of {_confidence(record)} in brackets."
    )
    if any("p" in finding for finding in record["findings"]):
        text += " p: one-sided, by signs of replicates that are swapped, not corrected."
    shown_only = {standing(finding) for finding in record["findings"]} - {""}
    for why in sorted(shown_only):
        text += f" {_NOT_COUNTED[why]}"
    for finding in record["findings"]:
        if finding.get("equivalence"):
            narrow = shown({**finding, "interval": finding["equivalence"]})
            text += (
                f" {_capital(finding['says'])}: an equivalence, by two one-sided tests: with its "
                f"interval of {100 * (2 * record['confidence'] - 1):g} % it is {narrow}."
            )
    lacking = [f for f in record["findings"] if f["undefined"]]
    for finding in lacking:
        text += f" {_capital(finding['says'])}: undefined in "
        text += f"{counted(finding['undefined'], 'replicate')}: "
        text += f"{why_undefined(finding['measure'])}."
    return text


def _tuned(record: Record) -> Iterator[str]:
    tuned = record["tuned"]
    if not tuned:
        yield "The experiment varies no value of this scenario."
        return
    yield f"`{tuned['key']}`, {tuned['label']}. {tuned['says']}".strip()
    yield _reach(tuned)
    yield _figure(record, "tuned", f"the headline finding against the {tuned['label']}")
    rows = [
        [number(v["value"]), shown({**v, "value": v["measured"]}), _in_table(v["verdict"])]
        for v in tuned["values"]
    ]
    yield table([tuned["label"], "effect", "headline finding"], rows)


def _reach(tuned: Mapping[str, Any]) -> str:
    """At which values the headline finding holds, and at which it does not."""
    by_verdict: dict[str, list[str]] = {}
    for value in tuned["values"]:
        by_verdict.setdefault(value["verdict"], []).append(number(value["value"]))
    words = [
        f"{verdict} at {', '.join(by_verdict[verdict])}"
        for verdict in (SUPPORTED, UNDECIDED, REFUTED)
        if verdict in by_verdict
    ]
    at = tuned.get("written")
    own = "" if at is None else f" The scenario has {number(at)}."
    return (
        f"{own} With {tuned['replicates']} replicates at each value, the headline finding is "
        f"{'; '.join(words)}."
    ).strip()


@cache
def lessons() -> Mapping[str, Mapping[str, list[str]]]:
    """What people wrote of a scenario, by its id: lists of ``notice``, ``try`` and ``extend``."""
    return tomllib.loads(LESSONS.read_text(encoding="utf-8"))


def _lesson(record: Record) -> Iterator[str]:
    """What to notice, to try and to extend: what was written, and what follows from the record."""
    written = lessons().get(record["scenario"], {})
    for head, derived in (
        ("notice", [_noticed(finding) for finding in record["findings"][:2]]),
        ("try", list(_tries(record))),
        ("extend", [_EXTEND.format(record["scenario"])]),
    ):
        yield f"**Things to {head}**"
        yield "\n".join(f"- {line}" for line in [*written.get(head, ()), *derived])


def _noticed(finding: Finding) -> str:
    why = standing(finding)
    apart = f", {why}" if why else ""
    return f"{_capital(finding['says'])}? *{finding['verdict']}*{apart}: {shown(finding)}."


def _tries(record: Record) -> Iterator[str]:
    """The ends of what was tuned, each as a command, and the arms."""
    if tuned := record["tuned"]:
        values = [v["value"] for v in tuned["values"] if v["value"] != tuned.get("written")]
        for value in dict.fromkeys([values[0], values[-1]]):
            sets = " ".join(f"--set '{one}'" for one in settings(tuned["key"], value))
            command = f"evosim run {record['scenario']} --seed 1 {sets}"
            yield f"{_capital(tuned['label'])}, {number(value)}: `{command}`"
    yield f"All arms, which share their seeds: `evosim run {record['scenario']} --seed 1 --arms`"


def settings(key: str, value: Any) -> list[str]:
    """The settings that give what was tuned a value, as after ``--set``.

    Args:
        key: as a record has it: one key, or settings in which {value} stands for the value.

    >>> settings("agent.patience", 0.5)
    ['agent.patience=0.5']
    >>> settings("a.b=[0, {value}], a.c={value}", 2)
    ['a.b=[0, 2]', 'a.c=2']
    """
    parts = [
        part if "{value}" in part else part + "={value}"
        for part in re.split(r", (?=[a-z]+\.)", key)
    ]
    return [part.replace("{value}", inline(value)) for part in parts]


def _section(head: str, text: str) -> Iterator[str]:
    if text:
        yield f"## {head}"
        yield text


def _figure(record: Record, name: str, what: str) -> str:
    return f"![{_plain(record['title'])}: {what}]({file_of(record['scenario'], name)})"


# Words and numbers


def counted(n: int, what: str) -> str:
    """A number of things in words."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _confidence(record: Record) -> str:
    return f"{100 * record['confidence']:g} %"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# What Markdown would take for emphasis, code, a formula, a tag, an entity, a symbol or a link; and
# at the beginning of a line for a heading, a quotation or a list.
_MARKUP = re.compile(
    r"[\\`*$<]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|&(?=#?\w+;)|(?<!\w):(?=\w+:)|(?<=\])\(|(?m:^[#>+-](?=\s))"
)
_WORDS = {
    "title", "question", "claim", "source", "control", "expected", "found", "pilots", "says",
    "label", "axis",
}  # fmt: skip


def literal(text: str) -> str:
    """Words of a scenario or a study as Markdown that shows them as they stand."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}", text)


def _literal(value: Any, key: str = "") -> Any:
    """A record whose words are so."""
    if isinstance(value, str):
        return literal(value) if key in _WORDS else value
    if isinstance(value, Mapping):
        return {name: _literal(part, name) for name, part in value.items()}
    return [_literal(part) for part in value] if isinstance(value, list) else value


def _plain(text: str) -> str:
    """Text without what Markdown takes for the end of an alternative text."""
    return text.replace("[", "(").replace("]", ")")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines)


def quoted(text: str) -> str:
    """Text as a quotation."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(blocks) + "\n"
