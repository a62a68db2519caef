"""Reward distances that can be worked out by hand.

One cell and a variable of two values; a use feels sweet at 0 and sour at 1, and then draws the
value anew. Without foresight (gamma = 0) the canonical forms of the two live on different states,
so they are at right angles; their sum is half way between them.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import worlds

from evosim import world
from evosim.metrics import reward_distance
from evosim.world import tensors

RIGHT_ANGLE = math.sin(math.pi / 4)


@pytest.fixture(scope="module")
def process() -> tensors.Process:
    draws = {"set": {"mood": [1.0, 1.0]}}
    doc = worlds.document(
        {
            "map": "a\n@",
            "edges": "walls",
            "variables": {"mood": {"values": 2, "start": [1.0, 1.0]}},
            "kinds": {
                "apple": {
                    "glyph": "a",
                    "use": {
                        "ripe": {"when": {"mood": 0}, "feels": {"sweet": 1.0}, **draws},
                        "raw": {"when": {"mood": 1}, "feels": {"sour": 1.0}, **draws},
                    },
                }
            },
        }
    )
    read = worlds.read(doc)
    return tensors.process(world.environment(read, "home"), world.draw_levels(read, "home", [0]))


@pytest.mark.parametrize("measure", [reward_distance.epic, reward_distance.starc])
def test_rewards_of_different_states_are_at_right_angles(
    process: tensors.Process, measure: object
) -> None:
    canonical = measure(process, 0.0)  # type: ignore[operator]
    sweet, sour = np.eye(len(process.features))[:2]
    assert canonical.distance(sweet, sour) == pytest.approx(RIGHT_ANGLE)
    assert canonical.distance(sweet, -sour) == pytest.approx(RIGHT_ANGLE)
    assert canonical.distance(sweet, sweet + sour) == pytest.approx(math.sin(math.pi / 8))
    assert canonical.distance(sweet, sour - sweet) == pytest.approx(math.sin(3 * math.pi / 8))
    # A reward at an angle t to another is at the distance sin(t / 2).
    for t in (0.1, 1.0, 3.0):
        turned = math.cos(t) * sweet + math.sin(t) * sour
        assert canonical.distance(sweet, turned) == pytest.approx(math.sin(t / 2))
