"""Shipped strategies: pure functions of events to recommendations."""
