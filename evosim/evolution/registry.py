"""The base optimizers by name. A new one is a file of its own and a line here."""

from __future__ import annotations

from evosim.errors import Registry
from evosim.evolution.cma import Cma
from evosim.evolution.genetic import Genetic
from evosim.evolution.gradient import Gradient
from evosim.evolution.optimizer import Optimizer

OPTIMIZERS: Registry[Optimizer] = Registry("base optimizer")
OPTIMIZERS.register("genetic")(Genetic())
OPTIMIZERS.register("cma")(Cma())
OPTIMIZERS.register("gradient")(Gradient())
