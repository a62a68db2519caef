"""An adversary: environments that train are proposed by regret (docs/adversary.md)."""
