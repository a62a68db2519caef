"""Policies of whatever origin: what they do in each state, and what that comes to."""
