"""The environment variables about those who are asked for prices."""

from contextlib import suppress
from pathlib import Path

from shared.settings.parsers import flag, matching, rates, url
from shared.settings.variable import Variable

_RATES = "calls/time with s, m, h or d, such as 1/1.25s,25/24h, both rising"


KEY_EXPECTED = "8 to 128 letters, digits and ._~-, as it was sent to you"
# Whatever a vendor echoes, such a key stands in it as it is and can be found and masked.
key_text = matching(r"[A-Za-z0-9._~-]{8,128}")


def _remote(prefix: str, vendor: str, base_url: str, limits: str) -> tuple[Variable, Variable]:
    return (
        Variable(
            name=f"{prefix}_BASE_URL",
            default=base_url,
            expected="an https:// URL; http:// on loopback only, and never in production",
            help=f"where {vendor} answers",
            parse=url("https", "http"),
            secret=True,  # one that holds a password is refused without being shown
        ),
        Variable(
            name=f"{prefix}_LIMITS",
            default=limits,
            expected=_RATES,
            help=f"calls to {vendor} in a time, all processes together; the longest is counted over a rolling window",
            parse=rates,
        ),
    )


# The setting that holds the key of each provider that needs one.
KEY_SETTINGS = {"alphavantage": "ALPHAVANTAGE_API_KEY", "tiingo": "TIINGO_API_KEY"}


def kept_key(folder: Path | None, setting: str) -> str | None:
    """Return the key that a person had kept in the folder of keys for a setting; None where there is none to use."""
    with suppress(OSError, ValueError):
        return (
            str(key_text((folder / setting.lower()).read_text(encoding="utf-8").strip())) if folder else None
        )
    return None


VENDOR_VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="ALPHAVANTAGE_API_KEY",
        default=None,
        expected=KEY_EXPECTED,
        help="key of Alpha Vantage; `bellwether key alphavantage` tries it and keeps it",
        parse=key_text,
        secret=True,
        aliases=("ALPHA_VANTAGE_API_KEY",),
    ),
    *_remote("ALPHAVANTAGE", "Alpha Vantage", "https://www.alphavantage.co/query", "1/1.25s,25/24h"),
    Variable(
        name="TIINGO_API_KEY",
        default=None,
        expected=KEY_EXPECTED,
        help="key of Tiingo, where longer histories come from; `bellwether key tiingo` tries it and keeps it",
        parse=key_text,
        secret=True,
    ),
    *_remote("TIINGO", "Tiingo", "https://api.tiingo.com", "50/1h,1000/24h"),
    Variable(
        name="CREDENTIALS_FOLDER",
        default=None,
        expected="a folder",
        help="where `bellwether key` keeps keys, one file each, for providers without a key of their own here; read"
        " with every call, so that a new key needs no restart",
        parse=Path,
    ),
    Variable(
        name="YFINANCE_ENABLED",
        default="false",
        expected="true or false",
        help="whether Yahoo may be asked through the extra `yfinance`; its terms permit personal use only",
        parse=flag,
    ),
    Variable(
        name="YFINANCE_LIMITS",
        default="1/2s,200/24h",
        expected=_RATES,
        help="calls to Yahoo in a time, all processes together",
        parse=rates,
    ),
)
