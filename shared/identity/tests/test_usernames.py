import pytest

from shared.identity.usernames import InvalidUsername, checked, folded


@pytest.mark.parametrize("written", ["TESTER", "ｔｅｓｔｅｒ", "Tester", "ᵗester"])
def test_all_ways_to_write_a_name_are_one_name(written: str) -> None:
    assert folded(written) == "tester"
    assert folded(folded(written)) == folded(written)


@pytest.mark.parametrize(
    ("one", "other"), [("Straße", "STRASSE"), ("é", "e\u0301"), ("ﬁnn", "FINN"), ("Σίσυφος", "σίσυφοσ")]
)
def test_case_is_folded_beyond_ascii(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize("name", ["", " ", "a b", "a\u202eb", "a\x00b", "<a>", "x" * 151, "ﷺ" * 100, "'; --"])
def test_a_name_of_other_characters_or_too_many_is_refused(name: str) -> None:
    with pytest.raises(InvalidUsername) as caught:
        checked(name)
    assert caught.value.extra["field"] == "username"
    assert len(caught.value.detail) < 400


@pytest.mark.parametrize("name", ["a", "anna@example.org", "a.b+c-d_e", "ŁUCJA", "张伟", "x" * 150])
def test_letters_of_all_languages_are_permitted(name: str) -> None:
    assert checked(name) == folded(name)
