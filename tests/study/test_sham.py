"""Sham flips: as large as the flip, and of no harm to the proxy."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from evosim import scenario
from evosim.cli.commands import cli
from evosim.errors import EvosimError
from evosim.scenario import Scenario
from evosim.study import sham
from evosim.testing import TINY

ONE_FOR_THE_OTHER = """
kinds.fruit.use.eat.yields.food = 0.0
kinds.lime.use.eat.yields.food = 1.0
"""
STONE = """
[environments.after.kinds.stone]
glyph = "s"
count = 2
use.lick = { feels = { sweet = 3.0 }, yields = { licks = 1.0 } }
"""
PEAR = """
[world.kinds.pear]
glyph = "p"
count = 1
use.eat = { feels = { sweet = 0.2, bitter = 0.7 } }
"""


def read(after: str = ONE_FOR_THE_OTHER, more: str = "") -> Scenario:
    text = TINY.replace('["sweet", "sour"]', '["sweet", "sour", "bitter"]')
    text = text.replace("kinds.fruit.use.eat.yields.food = 0.1", after.strip())
    return scenario.loads(text + PEAR + more)


def with_sham(base: Scenario, drawn: sham.Sham) -> Scenario:
    """The scenario with what was drawn put into its file."""
    return scenario.loads(f"{base.to_toml()}\n{drawn.to_toml()}")


def test_a_sham_moves_as_many_numbers_as_far_and_others() -> None:
    base = read()
    for seed in range(5):
        drawn = sham.draw(base, seed=seed)
        made = with_sham(base, drawn)
        assert sham.size(made, "before", "sham") == Counter({"amount 1": 2})
        assert sham.size(made, "before", "after") == Counter({"amount 1": 2})
        moved, _ = sham.differences(made, "before", "sham")
        flipped, _ = sham.differences(made, "before", "after")
        assert not moved.keys() & flipped.keys()
        assert drawn.distances["sham"] <= drawn.distances["before"] + sham.VALID
        assert drawn.distances["after"] > drawn.distances["before"] + sham.VALID


def test_the_seed_alone_says_what_is_drawn() -> None:
    base = read()
    assert sham.draw(base, seed=3) == sham.draw(base, seed=3)
    assert len({sham.draw(base, seed=n).to_toml() for n in range(6)}) > 1


def test_what_was_put_into_the_file_does_not_change_the_draw() -> None:
    drawn = sham.draw(read())
    again = sham.draw(with_sham(read(), drawn))
    assert again == drawn


def test_a_new_kind_is_felt_by_another_stimulus() -> None:
    base = read(after="kinds.lime.count = 1", more=STONE)
    drawn = sham.draw(base)
    made = with_sham(base, drawn)
    (felt,) = made.environment("sham").kinds["stone"].use["lick"].feels.items()
    assert felt[0] != "sweet"
    assert felt[1] == 3.0
    assert made.environment("sham").kinds["stone"].count == 2
    assert sham.size(made, "before", "sham") == sham.size(made, "before", "after")
    assert "stone" not in made.environment("before").kinds


def test_the_best_proxy_is_what_tells_the_payoff() -> None:
    base = read()
    proxy = sham.best_proxy(base, "before")
    assert proxy[:3] / proxy[0] == pytest.approx([1.0, 0.0, -0.2 / 0.7])
    assert sham.distance(base, "before", proxy) == pytest.approx(0.0, abs=1e-6)
    # Fruit is paid and then lime is: two rewards of sites that are alike and apart.
    assert sham.distance(base, "after", proxy) > 0.5


def test_a_number_that_moves_the_proxy_away_from_the_payoff_is_not_drawn() -> None:
    base = read()
    proxy = sham.best_proxy(base, "before")
    broken = base.replace("environments.after", {"kinds": {"lime": {"use": {"eat": {
        "feels": {"sweet": 1.0}}}}}})  # fmt: skip
    assert sham.distance(broken, "after", proxy) > sham.VALID
    for seed in range(20):
        changes = sham.draw(base, seed=seed).changes
        assert changes.get(("kinds", "fruit", "use", "eat", "feels", "sweet")) != 0.0


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: read(after="kinds.fruit.use.eat.yields.food = 0.1"), "breaks no proxy"),
        (lambda: read(after='edges = "torus"'), 'edges changes from "walls" to "torus"'),
        (lambda: read().replace("timeline.1.train", "before"), "has no flip"),
        (lambda: read(after=ONE_FOR_THE_OTHER + "lifetime = 30"), "lifetime moves, and 'before'"),
    ],
)
def test_what_no_sham_can_be_drawn_of_is_told(made, message: str) -> None:
    with pytest.raises(EvosimError, match=message):
        sham.draw(made())


def test_where_every_draw_breaks_the_proxy_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sham, "MOST_DRAWS", 0)
    with pytest.raises(EvosimError, match=r"of 0 shams .* none leaves the best proxy valid"):
        sham.draw(read())


def test_the_command_prints_an_environment_for_the_file(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(read().to_toml())
    shown = CliRunner().invoke(cli, ["sham", str(path), "--seed", "2", "--name", "other"])
    assert shown.exit_code == 0, shown.output
    drawn = sham.draw(read(), seed=2, name="other")
    assert shown.stdout == drawn.to_toml()
    (made,) = tomllib.loads(shown.stdout)["environments"].items()
    assert made[0] == "other"
    assert "EPIC" in shown.stdout
