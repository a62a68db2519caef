"""Ablation: the evolved minds without one of their drives (docs/mechanisms/ablation.md)."""
