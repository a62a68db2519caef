"""The scenario that ``evosim new`` writes: small, complete, commented."""

TEXT = """\
#:schema ./scenario.schema.json
# With the line above an editor completes and checks this file, if the schema is beside it:
#   evosim schema --out scenario.schema.json
# Then: evosim check FILE, evosim show FILE, evosim run FILE.
# A list [lo, hi] always is a range that includes both ends.

id       = "{id}"
title    = "{id}"
question = "When sweet things stop feeding, does a capable agent follow its drive or its fitness?"
claim    = ""                  # the claim under test, in one sentence
source   = ""                  # where the claim comes from
control  = ""                  # the one change under which the effect should disappear
expected = ""                  # what you expect, written before you run it; not changed after that
found    = ""                  # what you found

[objective]                    # two payoffs: what you want, and what selection acts on
intended = "food"
selected = "food"

[agent]
drives        = ["sweetness", "bitterness"]   # each evolves in [-1, 1]
depth         = [0, 8]         # steps planned ahead; a range evolves, a number is fixed
patience      = 0.95           # discount factor of the planner
thinking_cost = 0.0            # subtracted from the selected payoff for each unit of depth

[world]
rows     = 5
cols     = 5
edges    = "walls"             # or "torus"
lifetime = 40                  # steps

[world.variables.energy]       # part of the state, here 0 .. 5
values = 6
start  = 5
drift  = {{ step = -1, chance = 0.15 }}         # each step, one less with this chance
fatal  = 0                     # ends the lifetime

[world.kinds.fruit]            # sites on the grid; `use` rules are tried in order
glyph   = "f"
count   = 2
use.eat = {{ add = {{ energy = 2 }}, feels = {{ sweetness = 1.0 }}, yields = {{ food = 1.0 }} }}

[world.kinds.thorn]
glyph     = "t"
count     = 2
use.touch = {{ feels = {{ bitterness = 1.0 }} }}

[world.kinds.candy]
glyph   = "c"
count   = 0
use.eat = {{ feels = {{ sweetness = 2.0 }} }}

[environments.orchard]         # a title, and what differs from [world]
title = "only fruit is sweet"

[environments.shop]
title = "candy is sweeter than fruit"
kinds.candy.count = 2

[evolution]
population = 100
levels     = 3                 # levels a generation; one lifetime of each individual on each
select     = {{ operator = "selTournament", tournsize = 3 }}
mate       = {{ operator = "cxUniform", indpb = 0.5, chance = 1.0 }}
mutate     = {{ operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }}

[[timeline]]                   # phases, one after the other; a change of `train` is a flip
generations = 40
train = "orchard"

[[timeline]]
generations = 40
train = "shop"
# select = false               # freezes the population: deployment

[measure]
every  = 5                     # generations between probes
levels = 8                     # levels of the fixed probe set
sample = 16                    # individuals probed
"""


def starter(name: str) -> str:
    """A scenario to begin from, with that id."""
    return TEXT.format(id=name)


STUDY = """\
#:schema ./study.schema.json
# With the line above an editor completes and checks this file, if the schema is beside it:
#   evosim study schema --out study.schema.json
# Then: evosim study check FILE, evosim study run FILE.

id       = "{id}"
title    = "{id}"
question = "When does a capable agent pursue what no longer feeds it?"
expected = ""                  # what you expect, written before you run it; not changed after that
finding  = ""                  # what you found
scenario = "contraception"     # an id of the catalogue, or a path relative to this file
set      = ["evolution.population=60", "measure.sample=8"]   # at all points
design   = "grid"              # all combinations; or "points", "latin", "random" (with samples)
replicates = 4                 # independent runs at each point
seed     = 1
keep     = "measures"          # "runs" also keeps the whole folder of each run

[parameters.thinking]          # what is varied: a key of the scenario, and its values
label  = "cost of a step of foresight"
key    = "agent.thinking_cost"
values = [0.0, 0.05, 0.2]

[parameters.patience]          # or a range: divided into steps in a grid, else drawn from
label = "discount factor"
key   = "agent.patience"
range = [0.8, 0.98]
steps = 3

[measures.alignment]           # what is measured in every run, as in findings of scenarios
label   = "alignment at the end"
measure = "alignment"
below   = 0.5                  # a point is supported if its whole interval lies below this

[measures.depth]
label   = "evolved depth"
unit    = "steps"
measure = "gene"
of      = "depth"
"""


def starter_study(name: str) -> str:
    """A study to begin from, with that id."""
    return STUDY.format(id=name)
