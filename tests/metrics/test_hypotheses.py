"""Findings and claims: what the replicates bear out, contradict, or leave open."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evosim.errors import EvosimError
from evosim.metrics import Query, hypotheses
from evosim.metrics.hypotheses import WeightedTerm, evaluate, terms_of, verdict_of
from evosim.scenario.experiment import Experiment, Finding
from evosim.stats.intervals import Bootstrap

BOOTSTRAP = Bootstrap(resamples=500, key=1)
ARMS = {"effect": {"title": "the effect"}, "control": {"title": "none"}, "half": {"title": "half"}}


def experiment(*findings: Finding) -> Experiment:
    return Experiment.model_validate({"arms": ARMS, "findings": findings})


def finding(**keys: Any) -> Finding:
    return Finding.model_validate({"says": "it is so", "measure": "collapse", **keys})


def settled(written: Finding, **columns: list[float]) -> dict[str, Any]:
    """The finding settled on numbers given by arm."""
    parts = terms_of(written, experiment(written), [3])
    return evaluate(written, parts, [[np.array(columns[p.arm])] for p in parts], BOOTSTRAP)


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
    assert evaluate(written, [part], columns, BOOTSTRAP)["value"] == pytest.approx(0.1)


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
