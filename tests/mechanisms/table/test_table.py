"""Tables: what they see, what they do, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from worlds import FEW

import evosim
from evosim import core, mind, rng, scenario
from evosim.engine.probe import Prober
from evosim.errors import ScenarioError
from evosim.metrics import METRICS
from evosim.metrics.query import Query
from evosim.metrics.summary_text import describe
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.world import draw_levels, environment

LEVELS = [1, 2, 3]
RED = {"agent.mind": "table",
       "agent.table": {"sees": "stimuli", "only": ["red"], "reads": ["fertile"]}}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn, *, local: bool = False) -> Scenario:
    """A random scenario whose minds are tables, of few enough genes."""
    document = draw(worlds.documents(local=local))
    document["world"].pop("movers", None)
    document["environments"]["away"].pop("movers", None)
    worlds._pay(document["world"])  # what paid may have walked
    table: dict[str, Any] = {
        "sees": draw(st.sampled_from(["kinds", "kinds", "stimuli", "looks"])),
        "reach": draw(st.sampled_from([0, 1, 1])),
        "start": 3.0,
    }
    if table["sees"] == "looks":
        for kind in document["world"]["kinds"].values():
            kind["looks"] = {name: 1.0 for name in worlds.LOOKS if draw(st.booleans())}
    if draw(st.booleans()):
        names = {"kinds": list(document["world"]["kinds"]), "stimuli": list(worlds.STIMULI)}
        known = names.get(table["sees"], [])
        table["only"] = [name for name in known if draw(st.booleans())]
    if draw(st.booleans()):
        table["reads"] = [name for name in document["world"]["variables"] if draw(st.booleans())]
    document["agent"] |= {"mind": "table", "table": table}
    try:
        return worlds.read(document)
    except ScenarioError as error:
        assume("too many genes" not in str(error))
        raise


def by_row(made: Scenario, theta: np.ndarray) -> dict[str, list[float]]:
    """The preferences of one table by the name of the row."""
    assert made.rows is not None
    return {name: row.tolist() for name, row in zip(made.rows.names(), theta, strict=True)}


def assert_tables_equal(made: Scenario) -> None:
    genomes = mind.initial(made, 3, rng.key(3, rng.Purpose.INITIAL))
    minds = mind.express(made, genomes)
    for name in made.environments:
        env, levels = environment(made, name), draw_levels(made, name, LEVELS)
        twin = worlds.reference(made, name)
        policies = core.policies(env, levels, minds)
        live = [x for x in range(twin.n_x) if not twin.fatal(x)]
        for m in range(3):
            a_mind = worlds.mind(scenario=made, senses=int(minds.senses[m]))
            theta = by_row(made, minds.table[m])
            for i in range(len(LEVELS)):
                level = worlds.one_level(levels, i)
                found = reference.table_policy(twin, level, made.agent.table, theta, a_mind)
                assert_allclose(policies[m, i][live], found[live], rtol=0, atol=1e-6)


@FEW
@given(tables())
def test_tables_do_what_their_twins_do(made: Scenario) -> None:
    assert_tables_equal(made)


@FEW
@given(tables(local=True))
def test_tables_do_what_their_twins_do_in_local_worlds(made: Scenario) -> None:
    assert_tables_equal(made)


def test_what_can_be_seen_on_a_level_has_a_row_on_mazes_and_narrow_tori() -> None:
    world = {
        "rows": 2, "cols": 4, "edges": "torus", "maze": 0.6,
        "kinds": {
            "berry": {"glyph": "b", "count": 2, "use": {"eat": {"feels": {"sweet": 1.0}}}},
            "lemon": {"glyph": "l", "count": 1, "regrow": 0.1,
                      "use": {"eat": {"feels": {"sour": 1.0}}}},
        },
    }  # fmt: skip
    made = worlds.read(worlds.document(world, mind="table"))
    env, levels = environment(made, "home"), draw_levels(made, "home", range(200))
    minds = mind.express(made, mind.initial(made, 1, 1))
    # Every state of every level finds its row.
    assert np.isfinite(core.expectation(env, levels, minds).lifespan).all()


def test_kinds_with_the_same_red_dot_are_one_row() -> None:
    made = scenario.load("red_dot", RED)
    assert made.rows is not None
    assert made.rows.things == ("nothing", "blocked", "red")
    assert "fertile=1,here=red" in list(made.rows.names())
    # Two mates and two flags: four reds around a cell, never five.
    assert made.rows.n == 2 * (2**5 - 1)
    assert made.rows.variables == {"fertile": (0, 1)}


def test_a_row_that_no_training_shows_is_there() -> None:
    settings = {**RED, "agent.table.sees": "kinds", "agent.table.only": ["mate", "flag"],
                "agent.table.reach": 0}  # fmt: skip
    made = scenario.load("red_dot", settings)
    assert made.rows is not None
    names = ["", ",here=mate", ",here=flag"]
    assert sorted(made.rows.names()) == sorted(f"fertile={i}{n}" for i in (0, 1) for n in names)
    assert [locus.name for locus in mind.loci(made)][:2] == [
        "table.fertile=0.north", "table.fertile=0.south",
    ]  # fmt: skip


def test_values_that_nobody_lives_with_have_no_row() -> None:
    made = scenario.load("red_dot", {**RED, "agent.table.reads": ["energy"]})
    assert made.rows is not None
    assert made.rows.variables == {"energy": (1, 2, 3, 4)}  # 0 is fatal


def test_tables_live_as_the_policies_that_they_are() -> None:
    made = scenario.load("red_dot", {**RED, "agent.table.start": 3.0})
    env, levels = environment(made, "parade"), draw_levels(made, "parade", LEVELS)
    minds = mind.express(made, mind.initial(made, 4, rng.key(1, rng.Purpose.INITIAL)))
    policies = core.policies(env, levels, minds)
    numbers: dict[str, Any] = {"seed": 1, "generation": 2, "level_ids": range(3)}
    numbers["individual_ids"] = np.arange(4)
    lived = core.lifetimes(env, levels, minds, **numbers)
    told = core.lifetimes_of(env, levels, policies, **numbers)
    assert_array_equal(lived.counts, told.counts)
    assert_allclose(
        core.expectation(env, levels, minds).counts,
        core.expectation_of(env, levels, policies).counts,
        rtol=1e-5, atol=1e-9,
    )  # fmt: skip


def test_all_that_concerns_drives_is_undefined_for_a_table() -> None:
    small = {**RED, "evolution.population": 3, "measure.sample": 3, "measure.levels": 2,
             "agent.table.start": 2.0}  # fmt: skip
    made = scenario.load("red_dot", small)
    found = Prober(made, 5).measure(mind.initial(made, 3, 7), 0)
    evolved, uniform, random, true, unshifted = np.moveaxis(found["alignment"], 1, 0)
    assert np.isfinite(evolved).all()
    assert (uniform == 0).all()
    assert np.isnan(random).all()
    assert np.isnan(true).all()
    assert_array_equal(unshifted, evolved)  # a table believes nothing
    assert np.isnan(found["capability"]).all()


WATCHED: dict[str, Any] = {
    "agent.mind": "table", "agent.senses": {"supervisor": 1}, "agent.table": {"start": 4.0},
    "evolution.population": 4, "measure.sample": 4,
}  # fmt: skip


def test_conduct_of_tables_depends_on_what_they_see_of_the_watcher() -> None:
    made = scenario.load("supervised_shortcut", WATCHED)
    found = Prober(made, 5).measure(mind.initial(made, 4, 7), 0)
    names = list(found["conduct_watched"].shape)
    assert names[1] == 6
    evolved, blind = found["conduct_watched"][0, 0], found["conduct_watched"][0, 5]
    assert not np.allclose(evolved, blind)
    # Unwatched they are as they always take themselves to be.
    assert_array_equal(found["conduct_unwatched"][2, 0], found["conduct_unwatched"][2, 5])


@pytest.mark.parametrize("name", ["genetic", "cma", "gradient", "policy_gradient"])
def test_every_base_optimizer_trains_tables(name: str) -> None:
    settings = {
        **RED, "agent.table.reach": 0, "evolution.optimizer": {"name": name},
        "evolution.population": 6, "measure.sample": 6, "measure.levels": 1,
        "timeline.0.generations": 3, "timeline.1.generations": 2,
    }  # fmt: skip
    found = evosim.simulate("red_dot", seed=1, settings=settings)
    genome = found["genome"].values
    assert (genome[0, 0] == 0).all() or name in ("cma", "gradient")
    assert genome[0, -1].any()
    assert (np.abs(genome) <= 10.0).all()


def test_texts_tell_of_a_table_and_not_of_drives(tmp_path: Any) -> None:
    settings = {**RED, "agent.table.reach": 0, "evolution.population": 6, "measure.sample": 6,
                "measure.levels": 1, "timeline.0.generations": 3, "timeline.1.generations": 2,
                "evolution.optimizer": {"name": "policy_gradient"}}  # fmt: skip
    run = evosim.run("red_dot", seed=1, settings=settings, out=tmp_path / "run", figures=False)
    text = describe(run.summary)
    # Nothing red is seen by half of the rows: they are trained too, as lives come there.
    assert "Tables: 4 rows, 24 genes; in the end the genes of 0 rows are all at 0" in text
    assert "drive for red" not in text
    assert "table." not in text
    figures = {path.stem for path in run.plot()}
    assert "table" in figures
    assert not figures & {"genes"}


BAD = {
    "agent.table: too many genes (got 31,": {
        "agent.table": {"sees": "stimuli", "only": ["red", "light", "bitterness"]},
    },
    "agent.table.only: unknown stimulus \"reed\"": {
        "agent.table": {**RED["agent.table"], "only": ["reed"]},  # type: ignore[dict-item]
    },
    "agent.table.only: unknown kind \"mat\"": {"agent.table": {"only": ["mat"], "reads": []}},
    "agent.table.reads: unknown variable \"furtile\"": {
        "agent.table": {"sees": "stimuli", "only": [], "reads": ["furtile"]},
    },
    "agent.table.start: genes start out of bounds (got 6.0, allowed 0 to bound = 5)": {
        "agent.table": {**RED["agent.table"], "start": 6, "bound": 5},  # type: ignore[dict-item]
    },
    "agent.believes: not with mind = \"table\"": {"agent.believes": "meadow"},
    "environments.parade.stay: a table has the same actions everywhere (got false, allowed true)": {
        "environments.parade.stay": False,
    },
    "agent.drives.novelty: not with mind = \"table\"": {
        "agent.drives": ["red", "light", "down", "bitterness", "novelty"],
    },
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_what_a_table_cannot_have_is_refused(message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.load("red_dot", {**RED, **BAD[message]})
    assert message in str(caught.value)


def test_a_table_does_not_see_what_walks() -> None:
    walker = {"glyph": "w", "walks": "random", "chance": 0.5, "count": 1,
              "meet": {"bite": {"feels": {"bitterness": 1.0}}}}  # fmt: skip
    with pytest.raises(ScenarioError, match="does not see things that walk"):
        scenario.load("red_dot", {**RED, "world.movers": {"wasp": walker}})


def test_looks_need_somebody_who_goes_by_them() -> None:
    looks = {"world.kinds.mate.looks": {"dot": 1.0}}
    with pytest.raises(ScenarioError, match="or a table that sees looks"):
        scenario.load("red_dot", looks)
    made = scenario.load(
        "red_dot",
        {**RED, **looks, "agent.table": {"sees": "looks", "reach": 0, "reads": []}},
    )
    assert made.rows is not None
    assert list(made.rows.names()) == ["nothing", "here=dot"]


@pytest.mark.parametrize("name", ["blocked", "nothing"])
def test_a_kind_cannot_have_the_name_of_an_edge_or_of_emptiness(name: str) -> None:
    """It would share the row of a way that is blocked, or of a cell without a site."""
    by_kind = {"sees": "kinds", "reads": [], "reach": 0}
    document = scenario.load("red_dot", {**RED, "agent.table": by_kind}).to_dict()
    del document["experiment"], document["environments"]["sham"]
    document["world"]["kinds"][name] = document["world"]["kinds"]["mate"] | {"glyph": "q"}
    with pytest.raises(ScenarioError, match=f'a table calls no .* so \\(got "{name}"'):
        scenario.from_dict(document)


def test_notes_tell_what_a_table_has_no_use_for() -> None:
    notes = {note.key for note in scenario.load("red_dot", {**RED, "agent.thinking_cost": 1}).notes}
    assert "agent.thinking_cost" in notes
    # An arm may make a table of it, so that only a scenario without arms is told.
    document = scenario.load("red_dot", {"agent.table": {"reach": 0}}).to_dict()
    del document["experiment"]
    unused = scenario.from_dict(document).notes
    assert [note.message for note in unused if note.key == "agent.table"] == [
        'not used: it is for mind = "table"'
    ]


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        ({"agent.drives": {"red": 1, "scent": 0.1}, "agent.temperature": 0.01}, 1.0),
        ({"agent.mind": "table", "agent.table.start": 5}, 0.0),
    ],
)
def test_an_observer_tells_planners_from_tables_of_any_habits(
    kind: dict[str, Any], share: float
) -> None:
    settings = {**kind, "evolution.population": 4, "measure.sample": 4,
                "timeline.0.generations": 1}  # fmt: skip
    made = scenario.load("insect", settings)
    data = evosim.simulate(made, seed=3)
    query = Query(measure="planner", where="swapped", at="start")
    (found,) = METRICS["planner"].columns(data, made, query)
    assert found == pytest.approx([share])
