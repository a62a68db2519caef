"""Islands: demes that breed apart and exchange migrants (docs/mechanisms/islands.md)."""
