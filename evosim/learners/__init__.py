"""Learners to begin with, in plain numpy: small, readable, functions of a seed.

    evosim.run("strawberry", settings={"agent.learner.factory": "evosim.learners:actor_critic"})

Each makes an agent for a :class:`evosim.gym.task.Task`, which says what an agent has to have.
docs/gym.md shows them at work, and how to write one's own.
"""

from evosim.learners.actor_critic import ActorCritic, actor_critic
from evosim.learners.q_learning import QLearning, q_learning

__all__ = ["ActorCritic", "QLearning", "actor_critic", "q_learning"]
