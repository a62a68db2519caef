"""What a scenario compiles to: tables of one environment, and levels."""

from evosim.world.environment import Environment, environment
from evosim.world.levels import (
    Geometry,
    Levels,
    contents,
    draw_level,
    draw_levels,
    draw_passages,
    geometry,
)
from evosim.world.tables import Foresight, Tables, weighted_sum

__all__ = [
    "Environment",
    "Foresight",
    "Geometry",
    "Levels",
    "Tables",
    "contents",
    "draw_level",
    "draw_levels",
    "draw_passages",
    "environment",
    "geometry",
    "weighted_sum",
]
