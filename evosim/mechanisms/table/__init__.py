"""Minds that plan nothing: a table says what they do where (docs/mechanisms/table.md)."""
