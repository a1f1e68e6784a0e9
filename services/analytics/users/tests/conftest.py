from typing import Any

import pytest


@pytest.fixture
def anna(db: object) -> Any:
    """Give a user who knows a password."""
    from services.analytics.users.tests.visitor import PASSWORD
    from shared.identity.models import User

    return User.objects.db_manager("identity").create_user("anna", password=PASSWORD)
