"""The pure core: decides from events, folds facts; never waits, reads a clock or touches a file."""
