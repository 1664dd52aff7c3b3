"""The lab: the core driven from files. Nothing of it is imported by the daemon."""
