"""The backtester: the lab's run, the simulated venue, the operator's configuration and a folder of results, put together."""
