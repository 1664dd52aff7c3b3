"""Recorded market data: a store of Parquet files, how data gets in, what is wrong with it, and how it is read again in order of
time. Format and rules: docs/guide/data.md. Source: T2, J5.

Needs the extra `lab` (numpy, pyarrow): import `extra` and ask `need()` before anything else of this room.
"""
