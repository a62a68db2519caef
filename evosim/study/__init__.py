"""Many runs: the arms of an experiment, and the values of what was tuned."""
