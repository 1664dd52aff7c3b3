"""What every test shares: how hypothesis looks for examples."""

import os

from hypothesis import HealthCheck, Verbosity, settings

# CI asks the same questions each time, so that a red build is about the change. The nightly run asks new ones, and says
# how to ask the one that failed again.
_SLOW_MACHINE = [HealthCheck.too_slow]
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=_SLOW_MACHINE)
settings.register_profile(
    "nightly", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=_SLOW_MACHINE
)
settings.register_profile("debug", max_examples=10, deadline=None, verbosity=Verbosity.verbose)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
