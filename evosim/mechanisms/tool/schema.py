"""The section ``[agent.tool]`` of a scenario."""

NEEDED = "agents with a tool"
