"""Collectors: one per kind of source, each with acquire and parse; none knows another."""
