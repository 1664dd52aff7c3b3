"""What each family of events does to a book, by way of facts. `core/pipeline.py` says which step takes which event."""
