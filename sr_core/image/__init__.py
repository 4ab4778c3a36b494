"""Photographs and the arithmetic on them, without torch."""
