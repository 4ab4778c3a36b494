"""Photographs and their arithmetic, without torch."""
