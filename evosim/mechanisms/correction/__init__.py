"""Correction: minds that are given other drives when they are caught, and foresee it or not."""
