"""What is shown, as values."""
