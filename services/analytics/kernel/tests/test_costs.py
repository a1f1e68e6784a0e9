import pytest

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.errors import InvalidParameter


@pytest.mark.parametrize("field", ["commission_bps", "slippage_bps", "commission_per_order"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), 1e7])
def test_costs_refuse_what_cannot_be_charged(field: str, value: float) -> None:
    with pytest.raises(InvalidParameter, match=field) as caught:
        Costs(**{"commission_bps": 10.0, "slippage_bps": 5.0, field: value})

    assert caught.value.status == 400
    assert caught.value.extra["field"] == field


def test_basis_points_become_fractions() -> None:
    costs = Costs(commission_bps=10, slippage_bps=5)

    assert (costs.commission_ratio, costs.slippage_ratio) == (0.001, 0.0005)
