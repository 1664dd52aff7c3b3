"""The results of a run: written as it goes (`sheet`), read again (`result`, `rows`), reckoned (`figures`) and shown (`page`)."""
