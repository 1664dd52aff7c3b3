"""Broker adapters; each broker is one package and none imports another."""
