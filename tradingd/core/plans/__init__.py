"""What changes decisions over time: earnings ahead, events out there, a market that runs away."""
