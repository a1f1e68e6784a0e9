"""Address of the strategies."""

from services.analytics.strategies.api import ListStrategies
from shared.http.operations import route

urlpatterns = [*route("api/v1/strategies/", "strategies", get=ListStrategies)]
