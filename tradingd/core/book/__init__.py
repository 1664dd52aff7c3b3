"""What we hold: the order's life, the ledger, one account's whole state."""
