"""Findings and claims: what the replicates bear out, contradict, or leave open."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evosim import scenario
from evosim.errors import EvosimError, ScenarioError
from evosim.metrics import Query, hypotheses
from evosim.metrics.hypotheses import WeightedTerm, evaluate, terms_of, verdict_of
from evosim.scenario.experiment import Experiment, Finding
from evosim.stats.intervals import Bootstrap
from evosim.testing import TINY, tiny

BOOTSTRAP = Bootstrap(resamples=500, key=1)
ARMS = {"effect": {"title": "the effect"}, "control": {"title": "none"}, "half": {"title": "half"}}


SCENARIOS = {
    "effect": tiny(), "half": tiny(), "control": tiny({"timeline.1.train": "before"}),
}  # fmt: skip
"""Fruit feeds a tenth after generation 3, and as before in the control."""


def experiment(*findings: Finding) -> Experiment:
    return Experiment.model_validate({"arms": ARMS, "findings": findings})


def finding(**keys: Any) -> Finding:
    return Finding.model_validate({"says": "it is so", "measure": "collapse", **keys})


def settled(written: Finding, **columns: list[float]) -> dict[str, Any]:
    """The finding settled on numbers given by arm."""
    parts = terms_of(written, experiment(written), [3])
    numbers = [[np.array(columns[part.arm])] for part in parts]
    return evaluate(written, parts, numbers, BOOTSTRAP, SCENARIOS)


WOBBLE = np.array([-0.02, 0.01, 0.0, 0.02, -0.01, 0.0, 0.01, -0.01])


@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [
        ({"above": 0.4}, "supported"),
        ({"above": 0.6}, "refuted"),
        ({"above": 0.5}, "undecided"),
        ({"below": 0.6}, "supported"),
        ({"below": 0.4}, "refuted"),
        ({"below": 0.5}, "undecided"),
    ],
)
def test_the_whole_interval_must_lie_beyond_the_threshold(threshold, verdict):
    found = settled(finding(**threshold), effect=list(0.5 + WOBBLE))
    assert found["verdict"] == verdict
    assert found["value"] == pytest.approx(0.5)
    assert found["threshold"] == threshold
    low, high = found["interval"]
    assert low < 0.5 < high


def test_arms_are_compared_replicate_by_replicate():
    spread = np.linspace(0, 5, 8)
    found = settled(
        finding(against={"arm": "control"}, above=0.4),
        effect=list(spread + 0.5 + WOBBLE), control=list(spread),
    )  # fmt: skip
    assert found["verdict"] == "supported"
    assert [term["weight"] for term in found["terms"]] == [1.0, -1.0]
    assert [term["arm"] for term in found["terms"]] == ["effect", "control"]
    assert found["terms"][1]["value"] == pytest.approx(2.5)
    assert found["interval"][1] - found["interval"][0] < 0.05


def test_a_contrast_weighs_several_arms():
    found = settled(
        finding(contrast={"half": 1.0, "effect": -0.5, "control": -0.5}, above=0.0),
        effect=[1.0, 1.2], control=[0.0, 0.4], half=[2.0, 2.0],
    )  # fmt: skip
    assert found["value"] == pytest.approx(2 - 0.55 - 0.1)
    assert [term["arm"] for term in found["terms"]] == ["half", "effect", "control"]


def test_the_second_term_differs_in_what_it_names_and_in_nothing_else():
    written = finding(
        measure="alignment", at="flip", mind="true drive", against={"mind": "evolved"}, above=0.3
    )
    own, other = terms_of(written, experiment(written), [3])
    assert (own.arm, other.arm) == ("effect", "effect")
    assert own.query.mind == "true drive"
    assert other.query == Query(measure="alignment", at="flip", mind="evolved", turn=3)


def test_one_replicate_is_judged_by_its_number():
    assert settled(finding(above=0.4), effect=[0.5])["verdict"] == "supported"
    assert settled(finding(above=0.4), effect=[0.5])["interval"] is None
    assert settled(finding(above=0.4), effect=[0.3])["verdict"] == "refuted"
    assert settled(finding(above=0.4), effect=[0.4])["verdict"] == "refuted"


def test_what_is_undefined_is_left_out_and_counted():
    found = settled(
        finding(against={"arm": "control"}, above=0.1),
        effect=[0.5, float("nan"), 0.6], control=[0.0, 0.0, float("nan")],
    )  # fmt: skip
    assert (found["replicates"], found["undefined"]) == (1, 2)
    assert found["value"] == pytest.approx(0.5)
    assert found["terms"][0]["columns"] == [[0.5, None, 0.6]]


def test_the_only_replicate_left_of_several_decides_nothing():
    nan = float("nan")
    found = settled(finding(above=0.1), effect=[0.5, nan, nan])
    assert (found["verdict"], found["interval"], found["undefined"]) == ("undecided", None, 2)
    text = hypotheses.describe({
        "verdict": "undecided", "claim": "It is.", "title": "", "findings": [found],
        "replicates": 3, "confidence": 0.95,
    })  # fmt: skip
    assert "(above 0.1 wanted)   (2 replicates undefined)" in text


def test_the_text_has_the_finding_at_each_value_of_what_was_tuned():
    low, high = ({**settled(finding(above=0.1), effect=[x, x]), "measured": x} for x in (0.0, 0.5))
    values = [{**low, "value": {"size": 4}}, {**high, "value": {"size": 16}}]
    text = hypotheses.describe({
        "verdict": "supported", "claim": "It is.", "title": "", "findings": [high],
        "tuned": {"label": "how large", "replicates": 2, "values": values},
        "replicates": 2, "confidence": 0.95,
    })  # fmt: skip
    assert text.splitlines()[-5:-2] == [
        "  the first finding by how large, 2 replicates at each value",
        "    { size = 4 }    0 [0, 0]   refuted",
        "    { size = 16 }   0.5 [0.5, 0.5]   supported",
    ]


def test_the_text_of_one_replicate_has_no_word_of_intervals():
    text = hypotheses.describe({
        "verdict": "supported", "claim": "It is.", "title": "",
        "findings": [settled(finding(above=0.1), effect=[0.5])],
        "replicates": 1, "confidence": 0.95,
    })  # fmt: skip
    assert "One replicate of each arm has no interval" in text
    assert "BCa" not in text


def test_what_is_undefined_throughout_is_undecided():
    found = settled(finding(above=0.1), effect=[float("nan")] * 3)
    assert found["verdict"] == "undecided"
    assert found["value"] is None


def test_ratios_are_of_means():
    written = finding(measure="alignment_retained", below=0.5)
    part = WeightedTerm(1.0, "effect", Query(measure="alignment_retained", turn=3))
    columns = [[np.array([0.0, 0.4]), np.array([1.0, 3.0])]]
    assert evaluate(written, [part], columns, BOOTSTRAP, SCENARIOS)["value"] == pytest.approx(0.1)


def test_arms_of_different_lengths_are_refused():
    with pytest.raises(EvosimError, match=r"its arms have \[2, 3\] replicates"):
        settled(
            finding(against={"arm": "control"}, above=0.1), effect=[0.5, 0.6], control=[0.0] * 3
        )


@pytest.mark.parametrize(
    ("verdicts", "claim_is"),
    [
        ([], "undecided"),
        (["supported"], "supported"),
        (["supported", "undecided"], "undecided"),
        (["supported", "refuted", "undecided"], "refuted"),
    ],
)
def test_a_claim_is_as_good_as_its_findings(verdicts, claim_is):
    assert verdict_of([{"verdict": v} for v in verdicts]) == claim_is


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"measure": "colapse"}, "unknown measure 'colapse': did you mean 'collapse'"),
        ({"of": "food"}, "needs no `of`"),
        ({"measure": "gene"}, "needs of = ... (a locus)"),
        ({"flip": 1}, "flip = 1: the timeline has 1"),
    ],
)
def test_a_finding_that_cannot_be_settled_is_refused_in_words(keys, message):
    written = finding(above=0.1, **keys)
    with pytest.raises(EvosimError) as refused:
        terms_of(written, experiment(written), [3])
    assert message in str(refused.value)


@pytest.mark.parametrize("keys", [{}, {"measure": "recovery"}, {"measure": "reward", "at": "flip"}])
def test_without_a_flip_there_is_nothing_to_look_at(keys):
    written = finding(above=0.1, **keys)
    with pytest.raises(EvosimError, match="looks at a flip, and the timeline has one phase only"):
        terms_of(written, experiment(written), [])


def test_the_text_has_every_finding_with_its_numbers():
    apart = finding(against={"arm": "control"}, above=0.4)
    findings = [
        settled(apart, effect=[0.9, 1.0], control=[0.0, 0.1]),
        settled(finding(below=0.4), effect=[0.9, 1.0]),
    ]  # fmt: skip
    text = hypotheses.describe({
        "verdict": verdict_of(findings), "claim": "It collapses.", "title": "A title",
        "findings": findings, "replicates": 2, "confidence": 0.95,
    })  # fmt: skip
    assert text.startswith("REFUTED: It collapses.")
    assert "supported: it is so" in text
    assert "refuted: it is so" in text
    assert "(above 0.4 wanted)" in text
    assert "2 replicates of each arm" in text


# What counts


def test_secondary_and_constant_findings_are_shown_and_not_counted():
    refuted = {"verdict": "refuted"}
    assert verdict_of([{"verdict": "supported"}, {**refuted, "secondary": True}]) == "supported"
    assert verdict_of([{"verdict": "supported"}, {**refuted, "constant": "so"}]) == "supported"
    assert verdict_of([{"verdict": "supported"}, {**refuted, "constant": ""}]) == "refuted"
    assert verdict_of([{"verdict": "supported", "secondary": True}]) == "undecided"
    found = settled(finding(above=0.1, secondary=True), effect=[0.5, 0.6, 0.4])
    text = hypotheses.describe({
        "verdict": "undecided", "claim": "It is.", "title": "", "findings": [found],
        "replicates": 3, "confidence": 0.95,
    })  # fmt: skip
    assert "  supported: it is so   (secondary, not counted)\n" in text


def test_a_control_that_cannot_fail_is_told_and_what_it_is_compared_with_counts():
    found = settled(
        finding(against={"arm": "control"}, above=0.4),
        effect=[0.6, 0.5, 0.55], control=[0.0, 0.0, 0.0],
    )  # fmt: skip
    assert [term["given"] for term in found["terms"]] == [False, True]
    assert found["constant"] == ""
    text = hypotheses.describe({
        "verdict": "supported", "claim": "It is.", "title": "", "findings": [found],
        "replicates": 3, "confidence": 0.95,
    })  # fmt: skip
    assert "control      0 [0, 0]   by construction\n" in text


def test_a_finding_that_no_run_could_change_is_constant_and_has_no_p():
    found = settled(finding(arm="control", below=0.1), control=[0.0, 0.0, 0.0])
    assert found["constant"] == "what it measures is the same whatever evolves"
    assert (found["verdict"], found["p"]) == ("supported", None)
    # In an arm with a flip nothing says that it had to be so.
    assert settled(finding(below=0.1), effect=[0.0, 0.0, 0.0])["constant"] == ""
    # Nor if it is not so to the bit.
    assert settled(finding(arm="control", below=0.1), control=[0.0, 1e-16])["constant"] == ""


def test_two_terms_that_are_the_same_numbers_are_constant():
    same = finding(measure="alignment", against={"arm": "half"}, below=0.1)
    numbers = [0.3, 0.5, 0.4]
    assert settled(same, effect=numbers, half=numbers)["constant"].startswith("both terms are")
    assert settled(same, effect=numbers, half=[0.3, 0.5, 0.41])["constant"] == ""
    # Of a share that is 0 or 1 everywhere, replicates can agree by chance.
    assert settled(same, effect=[0.0, 1.0, 1.0], half=[0.0, 1.0, 1.0])["constant"] == ""


# Equivalence

NOISE = np.linspace(-0.03, 0.03, 13) ** 3 / 0.03**2
"""Replicates about 0, of which no two are alike."""


@pytest.mark.parametrize(
    ("middle", "verdict"),
    [(0.0, "supported"), (0.08, "supported"), (0.1, "undecided"), (0.2, "refuted"),
     (-0.08, "supported"), (-0.1, "undecided"), (-0.2, "refuted")],
)  # fmt: skip
def test_an_equivalence_is_two_one_sided_tests(middle: float, verdict: str):
    found = settled(finding(within=0.1), effect=list(middle + NOISE))
    assert (found["verdict"], found["threshold"]) == (verdict, {"within": 0.1})
    (low, high), (inner_low, inner_high) = found["interval"], found["equivalence"]
    assert low < inner_low < middle < inner_high < high


def test_an_equivalence_rests_on_the_interval_of_ninety_percent():
    numbers = list(NOISE)
    found = settled(finding(within=1.0), effect=numbers)
    wide, narrow = (max(-low, high) for low, high in (found["interval"], found["equivalence"]))
    assert narrow < wide
    assert settled(finding(within=(wide + narrow) / 2), effect=numbers)["verdict"] == "supported"
    assert settled(finding(within=narrow * 0.9), effect=numbers)["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ("within = 0", "findings.0.within: out of range (got 0, allowed a number from 0 to"),
        ("within = -0.1", "findings.0.within: out of range (got -0.1, allowed a number from 0 to"),
        ("within = 0.1\nabove = 0.0", "allowed one of above, below and within = number"),
        ("", "allowed one of above, below and within = number"),
    ],
)
def test_a_finding_has_one_threshold(threshold: str, message: str):
    written = f"""
        [experiment.arms.effect]
        title = "the effect"
        [[experiment.findings]]
        says = "it is so"
        measure = "collapse"
        {threshold}
    """
    with pytest.raises(ScenarioError) as refused:
        scenario.loads(TINY + written)
    assert message in str(refused.value)


# p


def test_p_is_that_of_all_signs_on_the_side_that_is_claimed():
    numbers = list(0.5 + WOBBLE)  # eight replicates, all above .4: one way of 2^8 is as far
    assert settled(finding(above=0.4), effect=numbers)["p"] == pytest.approx(2**-8)
    assert settled(finding(below=0.6), effect=numbers)["p"] == pytest.approx(2**-8)
    assert settled(finding(above=0.6), effect=numbers)["p"] == 1.0
    assert settled(finding(within=0.6), effect=numbers)["p"] == pytest.approx(2**-8)
    assert settled(finding(within=0.4), effect=numbers)["p"] == 1.0
    assert settled(finding(above=0.4), effect=[0.5])["p"] is None


def test_p_of_a_ratio_is_that_of_its_pseudo_values():
    written = finding(measure="alignment_retained", above=0.5)
    part = WeightedTerm(1.0, "effect", Query(measure="alignment_retained", turn=3))
    before = np.array([1.0, 1.1, 0.9, 1.0, 1.2, 0.8])
    columns = [[0.8 * before + [0.02, -0.02, 0.01, -0.01, 0.0, 0.0], before]]
    assert evaluate(written, [part], columns, BOOTSTRAP, SCENARIOS)["p"] == pytest.approx(2**-6)
