"""Fidelity of tools against worlds in which both links are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evosim import metrics, mind, scenario
from evosim.engine import variables
from evosim.engine.probe import Prober
from evosim.engine.variables import MINDS
from evosim.errors import EvosimError
from evosim.mechanisms.tool.metrics import LINKS
from evosim.mechanisms.tool.state import Tools
from evosim.metrics import Query
from evosim.scenario import Scenario

CLERK = """
id       = "clerk"
title    = "A clerk"
question = "What does the tool do?"

[objective]
intended = "profit"
selected = "profit"

[agent]
drives   = ["praise", "blame"]
depth    = [0, 3]
patience = 0.9

[agent.tool]
depth      = 8
reliance   = [0, 1]
encounters = 60

[world]
rows     = 4
cols     = 4
lifetime = 25

[world.kinds.deal]
glyph     = "d"
count     = 2
looks     = { green = 1.0 }
use.close = { feels = { praise = 1.0 }, yields = { profit = 1.0 } }

[world.kinds.fine]
glyph   = "f"
count   = 1
looks   = { red = 1.0 }
use.pay = { feels = { blame = 1.0 } }

[environments.office]
title = "as ever"

[environments.repainted]
title = "colours change places"
kinds.deal.looks = { green = 0.0, red = 1.0 }
kinds.fine.looks = { green = 1.0, red = 0.0 }

[environments.swapped]
title = "fines are what pays"
kinds.deal.use.close.yields.profit = 0.0
kinds.fine.use.pay.yields.profit = 1.0

[evolution]
population = 10
levels     = 2
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3 }

[[timeline]]
generations = 2
train = "office"

[measure]
levels = 3
sample = 6
"""

OFFICE, REPAINTED, SWAPPED = range(3)
EVOLVED, _, RANDOM, TRUE, UNSHIFTED = range(len(MINDS))


def read(*sets: str) -> Scenario:
    return scenario.loads(CLERK, settings=sets)


def probed(read_: Scenario, **genes: float) -> dict[str, Any]:
    """Ten alike genomes with these genes, probed."""
    names = [locus.name for locus in mind.loci(read_)]
    genome = [genes.get(name.removeprefix("drive."), 0.0) for name in names]
    return dict(Prober(read_, 3).measure(np.tile(genome, (10, 1)), 0))


@pytest.fixture(scope="module")
def clerks() -> dict[str, Any]:
    """Those who like praise and mind blame, and rely on what they have built."""
    return probed(read(), praise=1.0, blame=-1.0, reliance=1.0)


def test_a_perfect_copy_of_a_perfect_proxy_has_fidelity_1(clerks: dict[str, Any]) -> None:
    for name in Tools.variables:
        np.testing.assert_allclose(clerks[name][OFFICE], 1.0, rtol=1e-5)


def test_other_looks_break_the_link_of_the_criteria_alone(clerks: dict[str, Any]) -> None:
    np.testing.assert_allclose(clerks["fidelity_drives"][REPAINTED], 1.0, rtol=1e-5)
    assert clerks["fidelity_criteria"][REPAINTED].max() < 0
    assert clerks["fidelity_chain"][REPAINTED].max() < 0


def test_other_payoffs_break_the_link_of_the_drives_alone(clerks: dict[str, Any]) -> None:
    assert clerks["fidelity_drives"][SWAPPED].max() < 0
    np.testing.assert_allclose(clerks["fidelity_criteria"][SWAPPED], 1.0, rtol=1e-5)
    assert clerks["fidelity_chain"][SWAPPED].max() < 0


def test_whoever_relies_on_a_broken_tool_does_what_the_tool_wants(clerks: dict[str, Any]) -> None:
    assert clerks["alignment"][OFFICE, EVOLVED].min() > 0.7
    assert clerks["alignment"][REPAINTED, EVOLVED].max() < 0
    alone = probed(read(), praise=1.0, blame=-1.0, reliance=0.0, depth=3.0)
    assert alone["alignment"][REPAINTED, EVOLVED].min() > 0.7
    assert alone["fidelity_chain"][REPAINTED].max() < 0  # it has built one all the same


def test_controls_build_tools_of_their_own(clerks: dict[str, Any]) -> None:
    alignment = clerks["alignment"]
    np.testing.assert_allclose(alignment[OFFICE, TRUE], alignment[OFFICE, EVOLVED], rtol=1e-5)
    assert alignment[REPAINTED, TRUE].max() < 0
    assert len(np.unique(alignment[OFFICE, RANDOM])) > 1
    # beliefs of the office: there, deals still look green, and the tool goes for them
    np.testing.assert_allclose(
        alignment[REPAINTED, UNSHIFTED], alignment[OFFICE, EVOLVED], rtol=1e-5
    )


def test_mistyped_criteria_lose_fidelity_in_their_own_link() -> None:
    sloppy = probed(read("agent.tool.typo=1"), praise=1.0, blame=-1.0)
    np.testing.assert_allclose(sloppy["fidelity_drives"][OFFICE], 1.0, rtol=1e-5)
    assert sloppy["fidelity_criteria"][OFFICE].min() < 0.9


def test_fidelity_is_of_objectives_and_not_of_the_planner() -> None:
    far, near = (
        probed(read(f"agent.tool.depth={depth}"), praise=1.0, blame=0.2, depth=deep)
        for depth, deep in ((12, 3.0), (1, 0.0))
    )
    for name in Tools.variables:
        np.testing.assert_array_equal(far[name], near[name])


def test_drives_that_want_nothing_leave_their_links_undefined() -> None:
    found = probed(read())
    assert np.isnan(found["fidelity_criteria"]).all()
    np.testing.assert_allclose(found["fidelity_chain"], found["fidelity_drives"], atol=1e-6)


def test_links_of_drives_with_novelty_are_undefined() -> None:
    curious = read('agent.drives=["praise", "blame", "novelty"]')
    found = probed(curious, praise=1.0, novelty=0.5)
    assert np.isnan(found["fidelity_drives"]).all()
    assert np.isnan(found["fidelity_criteria"]).all()
    np.testing.assert_allclose(found["fidelity_chain"][OFFICE], 1.0, rtol=1e-5)


def test_fidelity_is_recorded_with_tools_only(clerks: dict[str, Any]) -> None:
    assert set(Tools.variables) <= set(variables.by_probe(read()))
    assert not set(Tools.variables) & set(variables.by_probe(scenario.load("contraception")))
    n_environments, n = 3, 6
    assert {clerks[name].shape for name in Tools.variables} == {(n_environments, n)}


# ---------------------------------------------------------------------- the measure of findings


def test_the_measure_reads_a_link_in_its_place_and_time(tmp_path: Any) -> None:
    import evosim

    file = tmp_path / "clerk.toml"
    file.write_text(CLERK)
    run = evosim.run(file, seed=3, replicates=2, figures=False, workers=1, out=tmp_path / "run")
    for link in LINKS:
        term = Query(measure="fidelity", of=link, where="swapped", at="start")
        (told,) = metrics.METRICS["fidelity"].columns(run.data, run.scenario, term)
        there = run.data[f"fidelity_{link}"].sel(environment="swapped").isel(probe=0)
        np.testing.assert_allclose(told, np.nanmean(there.values, axis=-1))


@pytest.mark.parametrize(
    ("term", "said"),
    [
        (Query(measure="fidelity", of="drive"), "unknown link 'drive': did you mean 'drives'"),
        (Query(measure="fidelity", of="chain", mind="true drive"), "is of evolved minds"),
    ],
)
def test_the_measure_refuses_what_it_cannot_tell(term: Query, said: str) -> None:
    with pytest.raises(EvosimError, match=said):
        metrics.METRICS["fidelity"].columns(None, read(), term)  # type: ignore[arg-type]
    with pytest.raises(EvosimError, match="needs agents with a tool"):
        metrics.METRICS["fidelity"].columns(None, scenario.load("contraception"), term)  # type: ignore[arg-type]
