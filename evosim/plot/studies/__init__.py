"""Figures of a study, a module each: drawn from its summary (summary.json) alone."""
