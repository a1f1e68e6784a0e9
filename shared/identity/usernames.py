"""What a user name may be, and which names are the same one."""

import re
import unicodedata

from shared.errors import ValidationFailed

LONGEST = 150
_PERMITTED = re.compile(r"[\w.@+-]+")


class InvalidUsername(ValidationFailed):
    """Raised for a user name that is empty or has characters other than letters, digits and @ . + - _"""

    slug, title = "invalid-username", "The user name is not valid"


def folded(username: str) -> str:
    """Return the one form that stands for all ways to write a name: `Ｔester`, `TESTER` and `tester` are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def checked(username: str) -> str:
    """Return the folded form of a name for a new account. Raises InvalidUsername."""
    name = folded(username[: LONGEST + 1])
    if len(username) > LONGEST or len(name) > LONGEST or not _PERMITTED.fullmatch(name):
        raise InvalidUsername(
            f"{username[:LONGEST]!r}: use letters, digits and @ . + - _, at most {LONGEST} of them.",
            field="username",
        )
    return name
