"""How the admin shows values."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shared.admin.display import address_of, shown

ID = UUID("01a1fa2e-6450-7bee-ab97-93fe3d5a8fc4")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ("", "–"),
        (0, "0"),
        (1.25e-7, "1.25e-07"),
        (0.1 + 0.2, "0.3"),
        (Decimal("173.680000"), "173.68"),
        (Decimal("178.070100"), "178.0701"),
        (Decimal("1E+3"), "1000.00"),
        ({"a": 1}, "<code>{&quot;a&quot;: 1}</code>"),
        (b'{"a": "<b>"}', "<code>{&quot;a&quot;: &quot;&lt;b&gt;&quot;}</code>"),
        (b"%PDF" + bytes(2000), "2.0"),
        (ID, str(ID)),
    ],
)
def test_a_value_is_shown_as_people_read_it(value: Any, text: str) -> None:
    assert shown(value).startswith(text)


def test_long_json_is_folded_and_complete() -> None:
    text = shown({"rows": list(range(100))})

    assert text.startswith("<details>")
    assert text.count("\n") > 100


def test_in_lists_an_id_is_cut_and_stands_whole_beside_it() -> None:
    assert shown(f"backtest-{ID}", is_brief=True) == (
        f'<span title="backtest-{ID}">backtest-…93fe3d5a8fc4</span>'
    )


def test_a_link_leads_to_a_row_or_to_the_rows_that_name_it() -> None:
    assert address_of("ingest_market_instrument", "BRK.B") == "/admin/ingest_market/instrument/BRK.B/change/"
    assert (
        address_of("ingest_event?stream", "instrument-A&B") == "/admin/ingest/event/?stream=instrument-A%26B"
    )
    assert shown("A", "ingest_market_instrument").startswith('<a href="/admin/ingest_market/instrument/A/')


@pytest.mark.parametrize("target", ["elsewhere_thing", "elsewhere_thing?id", "_event?event_id"])
def test_what_this_process_does_not_show_is_no_link(target: str) -> None:
    assert shown("<AAPL>", target) == "<AAPL>"
    assert not hasattr(shown("<AAPL>", target), "__html__"), "so that the page escapes it"
