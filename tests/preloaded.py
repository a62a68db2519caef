"""Imported once by the process that :mod:`processes` copies: what takes long to be ready.

It leaves no thread and no open file behind, which a copy would not have, and asks for no name that
a plugin could have registered.
"""

import tempfile
from importlib import import_module

import numpy as np
import xarray as xr

from evosim import core, mind, world
from evosim.testing import tiny

for name in (
    "evosim.api.experiments", "evosim.api.running", "evosim.api.studies", "evosim.cli.commands",
    "evosim.engine.probe", "evosim.metrics.summary_text", "evosim.plot.drawing",
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg",
):  # fmt: skip
    import_module(name)

scenario = tiny()
env = world.environment(scenario, "before")
levels = world.draw_levels(scenario, "before", [1])
minds = mind.express(scenario, mind.initial(scenario, 4, 1))
core.lifetimes(env, levels, minds, seed=1, generation=0, level_ids=[0], individual_ids=range(4))
core.expectation(env, levels, minds)
core.uniform(env, levels)
core.optimum(env, levels, np.zeros((1, env.phi.shape[1])))
with tempfile.NamedTemporaryFile(suffix=".nc") as file:
    xr.Dataset({"x": ("y", [1.0])}).to_netcdf(file.name, engine="h5netcdf")
    xr.load_dataset(file.name, engine="h5netcdf")
