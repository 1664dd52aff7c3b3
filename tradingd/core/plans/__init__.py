"""What changes decisions over time: parts of an entry, earnings ahead, events out there, a market that runs away."""
