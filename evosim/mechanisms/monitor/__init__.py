"""The monitor: labels for lifetimes unlike those of training (docs/mechanisms/monitor.md)."""
