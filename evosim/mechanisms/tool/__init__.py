"""Tools: planners of the agent's own making, for criteria fitted to what it remembers."""
