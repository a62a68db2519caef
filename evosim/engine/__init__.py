"""One run: evaluation, probes, the loop over generations, its folder and data, forks."""
