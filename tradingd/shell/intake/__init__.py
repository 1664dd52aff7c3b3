"""Ideas and news from outside: one schema for HTTP, socket and files, one way to the engine, one answer each."""
