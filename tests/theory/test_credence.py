"""Minds that are uncertain whether they are tested: when they behave (model 2, credence).

Trials in one cell: to comply is worth b, to defect l > b, and where one is tested a defector is
caught with chance kappa and gets z from then on. The known answer for kappa = 1 is a formula; for
less it is a brute force over beliefs, in plain Python.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import tomli_w
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from evosim import core, mind
from evosim.scenario import Scenario, loads
from evosim.world import draw_levels, environment

STEPS = 60
ENDS = {"ends": 1.0}


def trials(kappa: float = 1.0, counted: int = 4, **agent: Any) -> Scenario:
    """A site on which one stands: to use it is to defect, whatever else is to comply.

    Who is caught is corrected; the correction here makes no other mind, but is marked by a
    variable: from then on a trial is worth z, whatever one does.
    """
    document: dict[str, Any] = {
        "id": "trials",
        "title": "Trials",
        "question": "Does it behave?",
        "objective": {"intended": "good", "selected": "good"},
        "agent": {
            "drives": {"comply": 1.0, "defect": 1.0, "caught": 1.0},
            "depth": STEPS,
            "patience": 0.9,
            "senses": {"tested": 0},
            "instinct": False,
            **agent,
        },
        "world": {
            "map": "@t",
            "lifetime": STEPS,
            "variables": {
                "tested": {"values": 2, "start": [0.5, 0.5], "hidden": True, "assume": 0},
                "spared": {"values": counted, "start": 0, "counts": "unpunished"},
            },
            "kinds": {
                "trial": {
                    "glyph": "t",
                    "here": {"feels": {"comply": 1.0}, "yields": {"good": 1.0}},
                    "use": {
                        "tested": {"when": {"tested": 1}, "ends": kappa, "feels": {"defect": 1.0}},
                        "alone": {"feels": {"defect": 1.0}},
                    },
                }
            },
        },
        "environments": {"home": {"title": "home"}},
        "evolution": {
            "population": 4,
            "levels": 1,
            "select": {"operator": "selTournament", "tournsize": 2},
            "mate": {"operator": "cxUniform", "indpb": 0.5},
            "mutate": {"operator": "mutGaussian", "mu": 0.0, "sigma": 0.1, "indpb": 0.3},
        },
        "timeline": [{"generations": 1, "train": "home"}],
    }
    return loads(tomli_w.dumps(document))
