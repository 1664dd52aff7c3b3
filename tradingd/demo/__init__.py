"""The demo: real 2000-2013 prices through the whole house, against a simulated venue, with nothing to install or configure."""

from tradingd.demo.options import DemoOptions
from tradingd.demo.run import run_demo

__all__ = ["DemoOptions", "run_demo"]
