"""tradingd: one asyncio process that trades an operator's broker accounts."""

__version__ = "0.1.0"
