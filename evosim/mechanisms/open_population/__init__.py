"""An open population, whose size its births decide (docs/mechanisms/open_population.md)."""
