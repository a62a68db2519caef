"""What docs/agents.md says of Stable-Baselines3, where it is installed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import evosim
from evosim import world
from evosim.mind.policies import Reader
from evosim.world.observations import Observer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "agents.md"


@pytest.mark.slow
def test_a_model_of_stable_baselines_is_trained_and_measured_as_the_page_says() -> None:
    pytest.importorskip("stable_baselines3")
    found = re.search(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.M)
    assert found is not None
    code = found[1].replace("200_000", "2_000")
    assert code != found[1]
    space: dict[str, object] = {"evosim": evosim}
    exec(compile(code, str(PAGE), "exec"), space)
    measured, model = space["found"], space["model"]
    assert isinstance(measured, evosim.MeasuredPolicy)
    assert measured.summary["exact"]
    # Its distribution is taken, and not its likeliest action.
    seen = {"scent": np.zeros((1, 4, 5), np.float32), "variables": np.zeros((1, 1), np.float32)}
    inner = model.policy  # type: ignore[attr-defined]
    chances = inner.get_distribution(inner.obs_to_tensor(seen)[0]).distribution.probs
    told = Reader(Observer(evosim.load("strawberry"), ["scent", "variables"])).read(model)
    env = world.environment(evosim.load("strawberry"), "day")
    levels = world.draw_levels(evosim.load("strawberry"), "day", [1])
    assert told.table is not None
    assert (told.table(env, levels) > 0).all()
    assert (chances.detach().numpy() > 0).all()
