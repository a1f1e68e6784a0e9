"""A key in what others say: found in every form, and only there."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.providers.masking import masked, masked_bytes

CHARACTERS = st.characters(exclude_categories=("Z", "C"))
KEY = "A1b2-C3d4"


@given(key=st.text(CHARACTERS, min_size=8, max_size=20))
def test_a_key_is_masked_in_every_form_a_url_may_give_it(key: str) -> None:
    whole = quote(key, safe="")
    in_small_letters = re.sub("%..", lambda code: code[0].lower(), whole)

    for form in (key, quote(key), whole, in_small_letters, quote(whole)):
        assert masked(f"a\n{form}\nz {form}\n", key) == "a\n***\nz ***\n"


@pytest.mark.parametrize(
    "form", [KEY, KEY.upper(), KEY.lower(), "A1b2%2DC3d4", "%411b2-C3d4", "A1b2%252dC3d4"]
)
def test_a_body_and_a_text_follow_one_rule(form: str) -> None:
    assert masked(f"your API key as {form} and", KEY) == "your API key as *** and"
    assert masked_bytes(b"\xff" + form.encode() + b"\0", KEY) == b"\xff***\0"


def test_a_text_without_the_key_stays_as_it_is() -> None:
    for text in ("", "50 % of A1b2-C3d", "a\ud800b A1b2-C3e4 %41"):
        assert masked(text, KEY) == text


@pytest.mark.parametrize("word", ["", "demo", "seven77"])
def test_what_is_shorter_than_a_key_is_a_word(word: str) -> None:
    assert masked(f"the {word} key is for demos", word) == f"the {word} key is for demos"


def test_eight_characters_are_a_secret() -> None:
    assert masked("as 12345678", "12345678") == "as ***"
