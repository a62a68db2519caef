"""Pages: one HTML file of a run, an experiment or a study, and what the live lab shares with it."""
