"""Symbols are normalised or refused, never passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.symbols import SYMBOL_GRAMMAR, InvalidSymbol, normalise_symbol


@pytest.mark.parametrize(
    ("text", "symbol"), [("aapl", "AAPL"), ("brk-b", "BRK-B"), ("0700.HK", "0700.HK"), ("A", "A")]
)
def test_symbols_are_upper_cased(text: str, symbol: str) -> None:
    assert normalise_symbol(text) == symbol


@pytest.mark.parametrize(
    "text",
    [
        "",
        " AAPL",
        "AAPL\n",
        "AA PL",
        "-A",
        ".A",
        "A" * 16,
        "A/../B",
        "ＡＡＰＬ",
        "\u202eAAPL",
        "\ud800",
        "ſ",
        "ı",
        "A\0",
        "٣",
        None,
        5,
        b"AAPL",
        ["AAPL"],
    ],
)
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(InvalidSymbol) as refused:
        normalise_symbol(text)

    assert refused.value.detail.isascii()
    assert refused.value.detail.isprintable()


@given(st.text())
def test_every_text_gives_a_symbol_of_the_grammar_or_is_refused(text: str) -> None:
    try:
        symbol = normalise_symbol(text)
    except InvalidSymbol:
        return

    assert SYMBOL_GRAMMAR.fullmatch(symbol)
    assert symbol == text.upper()
