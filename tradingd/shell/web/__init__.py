"""The embedded web: page, health, metrics and the operator's commands on loopback, and the control socket of the CLI."""
