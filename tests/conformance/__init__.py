"""What every implementation of a port must answer."""

import pytest

pytest.register_assert_rewrite("tests.conformance.broker")
