from .api.analyses import Analysed as Analysed
from .api.analyses import analyse as analyse
from .api.checks import check as check
from .api.comparisons import Comparison as Comparison
from .api.comparisons import compare as compare
from .api.experiments import Experiment as Experiment
from .api.experiments import experiment as experiment
from .api.experiments import open_experiment as open_experiment
from .api.folders import resume as resume
from .api.runs import Run as Run
from .api.runs import fork as fork
from .api.runs import open_run as open_run
from .api.runs import run as run
from .api.studies import Study as Study
from .api.studies import open_study as open_study
from .api.studies import run_study as run_study
from .api.tensors import export_tensors as export_tensors
from .api.trees import export_trees as export_trees
from .errors import EvosimError as EvosimError
from .errors import RunError as RunError
from .errors import ScenarioError as ScenarioError
from .execution.stop import Interrupted as Interrupted
from .scenario.reading import load as load
from .scenario.schema import Scenario as Scenario
from .scenario.shipped import catalogue as catalogue

__version__: str
