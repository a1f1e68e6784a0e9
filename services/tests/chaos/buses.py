"""On which buses a test runs."""

import pytest

# On both, but on RabbitMQ only in `make chaos`: for what depends on the bus least.
ON_BOTH_IN_FULL = pytest.mark.parametrize(
    "bus_url",
    ["postgres", pytest.param("rabbitmq", marks=[pytest.mark.broker, pytest.mark.chaos])],
    indirect=True,
)
