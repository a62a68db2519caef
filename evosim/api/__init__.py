"""The public functions and the objects they return; ``evosim`` names them.

A module imports what its own functions need and no more, so that a run does not import what only
experiments or studies use.
"""
