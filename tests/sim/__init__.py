"""Deterministic simulation of the whole daemon: one integer makes a world of faults, and makes the same one again.

The real house (engine, journal, dispatch, reconcile, link, supervision, desk) runs on simulated hosts: virtual time, a seeded
scheduler, a disk that forgets, links that lie, a venue and a market of their own, an operator. Source: RELIABILITY 4.
"""
