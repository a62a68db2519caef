"""Correction: what a scenario can say of it, what is inherited and measured, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim import core, mind, world
from evosim.engine.mechanism import heritable, minds_of
from evosim.engine.probe import Prober
from evosim.errors import ScenarioError
from evosim.mind import loci, phenotype
from evosim.scenario import Scenario, from_dict, loads
from evosim.scenario.notes import notes

TRIAL = """
id       = "trial"
title    = "A trial"
question = "Who guards what it wants?"

[objective]
intended = "good"
selected = "good"

[agent]
drives       = ["comply", "defect"]
depth        = [0, 30]
patience     = 0.95
anticipation = { realistic = [0, 1], ignorant = [0, 1] }

[agent.senses]
watcher = 1

[correction]
rate   = 0.5
toward = { comply = 1.0 }

[deception]
variable = "watcher"
watched  = 1
conduct  = "bad"

[world]
map      = "t@"
lifetime = 20

[world.variables.corrected]
values = 3
start  = 0
counts = "corrections"

[world.variables.watcher]
values = 2
start  = 1
drift  = { step = -1, chance = 0.1 }
hidden = true
assume = 0

[world.kinds.trial]
glyph = "t"
here  = { feels = { comply = 1.0 }, yields = { good = 1.0 } }
[world.kinds.trial.use.caught]
when     = { watcher = 1 }
feels    = { defect = 1.0 }
yields   = { bad = 1.0 }
corrects = 0.5
[world.kinds.trial.use.free]
feels  = { defect = 1.0 }
yields = { bad = 1.0 }

[environments.home]
title = "home"

[evolution]
population = 12
levels = 2
select = { operator = "selTournament", tournsize = 2 }
mate   = { operator = "cxUniform", indpb = 0.5, chance = 0.0 }
mutate = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 0.0 }

[[timeline]]
generations = 3
train = "home"

[measure]
levels = 1
"""
GENES = ("drive.comply", "drive.defect", "depth", "anticipation.realistic", "anticipation.ignorant")
LABEL = "correction.form=label"


def read(*sets: str) -> Scenario:
    return loads(TRIAL, settings=sets)


def by_label(*sets: str) -> Scenario:
    return loads(TRIAL.replace("toward = { comply = 1.0 }", ""), settings=[LABEL, *sets])


def without(section: str) -> str:
    """The scenario without one section."""
    head, _, rest = TRIAL.partition(f"[{section}]")
    return f"{head}[{rest.partition('[')[2]}"


def developed(scenario: Scenario, genomes: Any) -> mind.Minds:
    many = np.atleast_2d(genomes)
    return minds_of(scenario, many, seed=0, generation=0, individuals=np.arange(len(many)))


# ---------------------------------------------------------------------- minds


def test_anticipation_is_read_as_shares() -> None:
    assert tuple(locus.name for locus in loci(read())) == GENES
    minds = developed(read(), [[1, 0, 5, 0.2, 0.6], [1, 0, 5, 0.0, 0.5], [1, 0, 5, 0.0, 0.0]])
    np.testing.assert_allclose(minds.anticipation[0], [0.25, 0.75, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(minds.anticipation[1], [0, 1, 0, 0])
    assert not minds.anticipation[2].any()
    told = phenotype(read(), np.array([[1, 0, 5, 0.2, 0.6]]))
    assert told["anticipation.realistic"].item() == pytest.approx(0.25)


def test_by_default_and_by_name_one_way_has_the_whole_share() -> None:
    assert developed(read("agent.anticipation=hedonistic"), [[1, 0, 5]]).anticipation.tolist() == [
        [0, 0, 0, 1]
    ]
    document = read().to_dict()
    del document["agent"]["anticipation"]
    assert developed(from_dict(document), [[1, 0, 5]]).anticipation.tolist() == [[1, 0, 0, 0]]


def test_a_step_leads_a_share_of_the_way_each_time() -> None:
    (minds,) = developed(read(), [[0, 1, 5, 1, 0]]).later
    np.testing.assert_allclose(minds[:, :2], [[0.5, 0.5], [0.75, 0.25]], rtol=1e-6)


def test_a_step_toward_the_intended_payoff_makes_it_a_drive() -> None:
    scenario = read("correction.toward=intended", "correction.rate=1")
    (minds,) = developed(scenario, [[0, 1, 5, 1, 0]]).later
    features = (*scenario.stimuli, *scenario.payoffs)
    assert minds[0].tolist() == [float(name == "good") for name in features]


def test_a_label_leads_away_from_what_was_felt_and_drives_keep_their_length() -> None:
    (minds,) = developed(by_label(), [[0.6, 0.8, 5, 1, 0]]).later
    once = np.array([0.6, 0.3]) / np.hypot(0.6, 0.3)
    twice = (once - [0, 0.5]) / np.linalg.norm(once - [0, 0.5])
    np.testing.assert_allclose(minds[:, :2], [once, twice], rtol=1e-6)


# ---------------------------------------------------------------------- heredity


def test_children_inherit_the_mean_of_what_lives_ended_with() -> None:
    scenario = read("correction.inherits=true")
    genomes = np.array([[0, 0.5, 5, 1, 0]] * 4)
    record = {"corrections": np.array([[0, 0], [1, 0], [1, 1], [2, 1]])}
    found = heritable(scenario, genomes, record)
    np.testing.assert_allclose(found[:, :2], [[0, 0.5], [0.25, 0.75], [0.5, 0.5], [0.625, 0.375]])
    np.testing.assert_array_equal(found[:, 2:], genomes[:, 2:])
    np.testing.assert_array_equal(found[0], genomes[0])  # never corrected: to the bit
    assert heritable(read(), genomes, record) is genomes


def test_drives_too_large_for_their_genes_are_inherited_in_proportion() -> None:
    """A mind is where its drives point to: cut one by one, (4, 1) would become (1, 1)."""
    scenario = read(
        "correction.inherits=true", "correction.rate=1", "correction.toward={comply=4,defect=1}"
    )
    genomes = np.array([[0, 0.5, 5, 1, 0]])
    found = heritable(scenario, genomes, {"corrections": np.array([[1, 1]])})
    np.testing.assert_allclose(found[0, :2], [1.0, 0.25])


def test_drives_that_cannot_take_what_a_life_ends_with_are_refused() -> None:
    """A pinned drive keeps its scale, and the others get that of unit length: another mind."""
    for drives in ("{comply=0.6,defect=[-1,1]}", "{comply=[-1,1],defect=[0,0.7]}"):
        with pytest.raises(ScenarioError, match="cannot take what a life ends with"):
            read(f"agent.drives={drives}", "correction.inherits=true")


@pytest.mark.parametrize(
    "sets",
    [
        (),
        ('evolution.islands={demes=2,every=2,migrants=1,select={operator="selBest"}}',),
        ("evolution.open={offspring=0.1,capacity=14}",),
    ],
)
@pytest.mark.parametrize("inherits", [False, True])
def test_generations_breed_from_what_life_made_of_them(
    sets: tuple[str, ...], inherits: bool, tmp_path: Path
) -> None:
    """Without mutation and crossover each child is a parent's copy: of what it became, or was."""
    scenario = read(*sets, f"correction.inherits={'true' if inherits else 'false'}")
    run = evosim.run(scenario, seed=5, out=tmp_path / "run", figures=False, workers=1)
    data = run.data.isel(replicate=0)
    changed = 0
    for g in range(2):
        genomes, children = (data["genome"].values[i].reshape(-1, 5) for i in (g, g + 1))
        genomes, children = (rows[~np.isnan(rows).any(axis=1)] for rows in (genomes, children))
        corrections = data["corrections"].values[g].reshape(-1, 2)[: len(genomes)]
        became = heritable(scenario, genomes, {"corrections": corrections})
        for child in children:
            assert (child == became).all(axis=1).any()
            changed += not (child == genomes).all(axis=1).any()
    assert (changed > 0) == inherits


# ---------------------------------------------------------------------- measures


def test_what_is_lived_is_corrected_as_often_as_is_expected() -> None:
    scenario = read()
    n = 3000
    genomes = np.array([[0.0, 1.0, 5, 0, 1]] * n)
    env, levels = world.environment(scenario, "home"), world.draw_levels(scenario, "home", [1])
    lives = core.lifetimes(
        env, levels, developed(scenario, genomes), seed=2, generation=0, level_ids=[0],
        individual_ids=np.arange(n),
    )  # fmt: skip
    assert env.tables.foresight is not None
    corrected = env.tables.foresight.corrections[lives.last_x[:, 0]] > 0
    (known,) = Prober(scenario, 3).measure(genomes[:1], 0)["expected_corrected"][0, :1, 0]
    assert 0.3 < known < 0.999
    error = corrected.std(ddof=1) / np.sqrt(n)
    assert abs(corrected.mean() - known) < 4 * error


def test_steps_and_payoffs_before_and_after_correction_add_up() -> None:
    draw = np.random.default_rng(1)
    genomes = draw.uniform([-1, -1, 0, 0, 0], [1, 1, 30, 1, 1], (12, 5))
    found: dict[str, Any] = Prober(read(), 3).measure(genomes, 0)
    steps = found["steps_uncorrected"] + found["steps_corrected"]
    np.testing.assert_allclose(steps, found["expected_lifespan"], rtol=1e-12)
    paid = found["intended_uncorrected"] + found["intended_corrected"]
    good = read().payoffs.index("good")
    np.testing.assert_allclose(paid, found["expected_payoff"][..., good], rtol=1e-12, atol=1e-14)
    assert (found["steps_corrected"][0] > 0).any()


# ---------------------------------------------------------------------- what is refused

BAD: dict[str, tuple[str, str]] = {
    "a section without a counter": (
        TRIAL.replace('counts = "corrections"', ""),
        "correction: no variable counts corrections (needed: a variable of the world with counts",
    ),
    "rules without a section": (
        without("correction"),
        "kinds.trial.use.caught corrects minds, but nothing says what a correction does",
    ),
    "an anticipation without a section": (
        without("correction"),
        "agent.anticipation: nobody is corrected",
    ),
    "a counter without a section": (
        without("correction").replace("corrects = 0.5", ""),
        "world.variables.corrected.counts: nobody is corrected (needed: the section [correction]",
    ),
    "a counter in one environment only": (
        TRIAL.replace('counts = "corrections"', "").replace(
            'title = "home"', 'title = "home"\nvariables.corrected.counts = "corrections"'
        ),
        'counts: cannot differ between environments (got "corrections", allowed nothing',
    ),
    "a counter that starts at 1": (
        TRIAL.replace('start  = 0\ncounts', 'start  = 1\ncounts'),
        "world.variables.corrected.start: corrections are counted from birth on (got 1",
    ),
    "a rule that sets the counter": (
        TRIAL.replace("corrects = 0.5", "corrects = 0.5\nset = { corrected = 0 }"),
        "set.corrected: corrected counts corrections, and nothing else changes it",
    ),
    "a step toward nothing": (
        TRIAL.replace("toward = { comply = 1.0 }", ""),
        'correction.toward: missing (got nothing, needed: "intended", or a table of drives)',
    ),
    "a step toward a drive that there is not": (
        TRIAL.replace("{ comply = 1.0 }", "{ compl = 1.0 }"),
        "correction.toward.compl: unknown drive \"compl\": did you mean 'comply'?",
    ),
    "a label toward something": (
        TRIAL.replace("rate   = 0.5", 'rate   = 0.5\nform = "label"'),
        "correction.toward: a label leads away from what was felt, toward nothing",
    ),
    "labels of several feelings": (
        TRIAL.replace("rate   = 0.5", 'rate   = 0.5\nform = "label"')
        .replace("toward = { comply = 1.0 }", "")
        .replace("[world.kinds.trial.use.free]", "[world.kinds.trial.use.free]\ncorrects = 0.1")
        .replace("use.free]\ncorrects = 0.1\nfeels  = { defect = 1.0 }",
                 "use.free]\ncorrects = 0.1\nfeels  = { defect = 2.0 }"),
        "correction.form: a label is one step away from one feeling",
    ),
    "a way that there is not": (
        TRIAL.replace("{ realistic = [0, 1], ignorant = [0, 1] }", '"naive"'),
        'agent.anticipation: not a way to anticipate (got "naive", allowed realistic, ignorant',
    ),
    "no share of anything": (
        TRIAL.replace("{ realistic = [0, 1], ignorant = [0, 1] }", "{ realistic = 0 }"),
        "agent.anticipation: no share above 0",
    ),
    "novelty": (
        TRIAL.replace('["comply", "defect"]', '["comply", "defect", "novelty"]'),
        "correction: what comes after a correction is planned exactly, which minds that feel "
        "novelty cannot",
    ),
    "a world in which things walk": (
        TRIAL + '[world.movers.cat]\nglyph = "c"\ncount = 1\nchance = 0.5\nwalks = "random"\n'
        "[world.movers.cat.meet.purr]\nfeels = { comply = 1.0 }\n",
        "corrections are not planned in such worlds",
    ),
    "heredity where genomes are drawn anew": (
        TRIAL.replace("population = 12", 'population = 12\noptimizer = { name = "cma" }')
        .replace("rate   = 0.5", "rate   = 0.5\ninherits = true"),
        "correction.inherits: cma makes no children of the genes that a life ends with",
    ),
    "heredity of what has no gene": (
        TRIAL.replace("toward = { comply = 1.0 }", 'toward = "intended"\ninherits = true'),
        "correction.inherits: no gene is for the intended payoff itself",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_each_mistake_is_told_with_its_key_and_its_remedy(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(ScenarioError) as caught:
        loads(text)
    assert message in str(caught.value)


def test_corrections_that_nobody_comes_to_are_noted() -> None:
    caught = "world.kinds.trial.use.caught"
    for sets, message in (
        ((), None),
        ((f"{caught}.corrects=0",), "no rule corrects: minds stay as they are"),
        ((f"{caught}.ends=1",), "every rule that corrects ends the lifetime"),
    ):
        told = [note.message for note in notes(read(*sets)) if note.path == ("correction",)]
        assert len(told) == (message is not None)
        assert message is None or message in told[0]
