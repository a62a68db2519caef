"""A mechanism from outside: selection goes by the worst level, as under minimax regret."""
