"""Where intents come from: strategies and indicators."""
