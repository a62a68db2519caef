"""Minds that learn: a policy that an agent trains, in place of drives that evolve."""
