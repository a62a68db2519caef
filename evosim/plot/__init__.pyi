from .drawing import FIGURES as FIGURES
from .drawing import draw as draw
from .drawing import figure as figure
from .episode import Episode as Episode
from .episode import episode_of as episode_of
from .gif import replay_gif as replay_gif
from .registry import FigureKind as FigureKind
from .terminal import replay_terminal as replay_terminal
