"""Minds without one of their drives, in a corridor where it is known what each drive moves."""

from __future__ import annotations

import numpy as np
import pytest

import evosim
from evosim import scenario
from evosim.engine.probe import Prober
from evosim.engine.variables import minds
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query

CORRIDOR = """
id       = "corridor"
title    = "A berry on the left, a nut on the right"
question = "What does each drive move?"

[objective]
intended = "food"
selected = "food"

[agent]
drives   = { sweetness = 0.8, oil = 0.6, thirst = 0.01 }
depth    = 8
patience = 0.9
temperature = { range = [0, 1], start = 0 }

[world]
lifetime = 12
map = "b.@.n"

[world.kinds.berry]
glyph = "b"
use.eat = { feels = { sweetness = 1.0 }, yields = { food = 1.0 } }

[world.kinds.nut]
glyph = "n"
use.eat = { feels = { oil = 1.0 }, yields = { food = 5.0 } }

[environments.corridor]
title = "a corridor"

[evolution]
population = 4
levels     = 1
select     = { operator = "selTournament", tournsize = 2 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 0.0 }

[[timeline]]
generations = 2
train       = "corridor"

[measure]
levels  = 1
without = ["sweetness", "oil"]
"""


def corridor(**settings: object) -> scenario.Scenario:
    read = scenario.loads(CORRIDOR)
    for key, value in settings.items():
        read = read.replace(key.replace("__", "."), value)
    return read


def test_each_named_drive_has_a_control_mind_after_those_of_every_run() -> None:
    assert minds(corridor())[-2:] == ("without sweetness", "without oil")
    assert "without sweetness" not in minds(corridor(measure__without=[]))


def test_a_mind_without_its_strongest_drive_goes_where_the_other_leads() -> None:
    """Ten meals after two steps: of berries at 1, and of nuts at 5 once sweetness is gone."""
    read = corridor()
    found = Prober(read, 1).measure(np.zeros((4, 1)), 0)
    paid = {name: float(found["expected_payoff"][0, m, 0, 0]) for m, name in enumerate(minds(read))}
    assert paid["evolved"] == pytest.approx(10)
    assert paid["without sweetness"] == pytest.approx(50)
    assert paid["without oil"] == pytest.approx(10)


def test_what_a_drive_moves_is_counted_in_the_intended_payoff() -> None:
    run = evosim.run(corridor(), seed=1, figures=False)
    found = {
        name: METRICS["moved"].columns(
            run.data, run.scenario, Query(measure="moved", of=f"drive.{name}")
        )[0]
        for name in ("sweetness", "oil")
    }
    assert found["sweetness"] == pytest.approx([-40])  # it keeps them from the nuts
    assert found["oil"] == pytest.approx([0])
    with pytest.raises(EvosimError, match=r"measure\.without does not name 'drive\.thirst'"):
        METRICS["moved"].columns(run.data, run.scenario, Query(measure="moved", of="drive.thirst"))


def test_the_unit_of_a_stimulus_does_not_change_what_its_drive_moves() -> None:
    """Half the strength and twice the drive: its share of the squares is another one."""
    half = corridor(
        agent__drives={"sweetness": 1.0, "oil": 0.375, "thirst": 0.01},
        world__kinds__berry__use__eat__feels={"sweetness": 0.5},
    )
    for read in (corridor(), half):
        found = Prober(read, 1).measure(np.zeros((4, 1)), 0)["expected_payoff"][0, :, 0, 0]
        assert dict(zip(minds(read), found.tolist(), strict=True))["without sweetness"] == 50


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (["sweetnes"], "unknown drive for a stimulus 'sweetnes': did you mean 'sweetness'"),
        (["oil", "oil"], "named twice"),
    ],
)
def test_drives_that_cannot_be_taken_away_are_refused(without: list[str], message: str) -> None:
    with pytest.raises(EvosimError) as error:
        corridor(measure__without=without)
    assert message in str(error.value).replace('"', "'")


def test_a_tool_is_fitted_to_all_drives() -> None:
    with pytest.raises(EvosimError, match="fitted to all drives"):
        corridor(agent__tool={"depth": 3, "reliance": 0.5})
