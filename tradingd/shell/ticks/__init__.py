"""The tape: everything the engine steps, in the order it was stepped, to make every step again. Start with frames.py."""
