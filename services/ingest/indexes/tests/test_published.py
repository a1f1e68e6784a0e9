"""What other services read of indexes, and what nobody may change."""

import psycopg
import pytest
from django.db import ProgrammingError, connections


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("alias", ["ingest", "analytics", "reports"])
def test_every_service_reads_who_belonged_to_an_index_and_which_tickers_were_renamed(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM market.membership WHERE index = 'sp500' AND start_date <= '2024-09-23'"
            " AND (end_date IS NULL OR end_date > '2024-09-23')"
        )
        assert cursor.fetchone() == (503,)
        cursor.execute("SELECT new, on_date::text FROM market.rename WHERE old = 'FB'")
        assert cursor.fetchall() == [("META", "2022-06-09")]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("table", ["index_membership", "ticker_rename"])
def test_the_service_may_only_read_its_tables(table: str) -> None:
    for statement in (f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM {table}"):
        with (
            connections["ingest"].cursor() as cursor,
            pytest.raises(ProgrammingError, match="permission denied"),
        ):
            cursor.execute(statement)


@pytest.mark.usefixtures("db")
def test_another_service_sees_the_views_only() -> None:
    with (
        connections["analytics"].cursor() as cursor,
        pytest.raises(ProgrammingError, match="permission denied") as refused,
    ):
        cursor.execute("SELECT 1 FROM ingest.index_membership")

    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
