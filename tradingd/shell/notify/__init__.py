"""Tells people what the journal says: a follower with its own tasks, never in the order path. Start with room.py (E16)."""
