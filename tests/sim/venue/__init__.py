"""A venue of its own making: it knows nothing of the product's order code, only the words both sides speak.

`venue` keeps sessions and records every arrival, `floor` matches, `links` is the weather between, `broker` the daemon's end.
"""
