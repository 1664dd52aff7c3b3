"""Waits, retries, stores, talks; never names a broker."""
