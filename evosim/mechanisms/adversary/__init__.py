"""An adversary: environments that train are proposed by regret (docs/mechanisms/adversary.md)."""
