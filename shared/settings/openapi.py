"""What the OpenAPI document says beside its operations: whom it is for, where to begin, and its collections."""

from typing import Any

DESCRIPTION = """\
Daily stock prices: fetch them, test strategies on them, forecast the next 30 sessions, and explain all of it in
reports whose numbers can be computed again.

**Begin** with `POST /api/v1/fetches/` and `{"symbol": "AAPL"}`: real prices ship with the package, no key is needed.
New prices lead by themselves to a backtest, a forecast and a report; `GET /api/v1/reports/?symbol=AAPL` lists them.

**Log in** with a token: `Authorization: Bearer <token>` (`Token <token>` is taken as well). `bellwether token` and
`POST /api/v1/tokens/` make one. In a browser the session of `/login/` does.

**Work** takes time. Its POST waits up to 2 seconds (`Prefer: wait=N` for up to 25): 201 when it is done, 200 when it was
done before, else 202 with `Location`, to be asked after `Retry-After` seconds until `status` is one of `succeeded`,
`partial`, `failed`, `cancelled` and `refused`. Then `error` says why there is no result, or is null. An
`Idempotency-Key` makes it safe to send any POST again.

**Lists** come in pages: follow `next` and `previous`, or the header `Link`. Every row is shown once, also while rows are
added. A cursor holds for the filters and the order it was made under.

**Numbers** are strings in resources, so that no digit is lost, and plain JSON numbers with `shape=columns`. Ratios are
fractions. Instants are UTC as RFC 3339, sessions plain dates. Unknown fields and parameters are refused.

**Errors** are `application/problem+json` (RFC 9457): branch on `code`; `errors` names each wrong field.

**Caching**: most reads carry an `ETag`; with it in `If-None-Match` the answer is 304 while nothing changed.

`/api/...` without a version is the same as `/api/v1/...`.
"""
TAGS = {
    "fetches": "Ask a provider for prices. Each fetch that changes anything makes the next version of a symbol.",
    "instruments": "The symbols of which prices are stored.",
    "lookups": "Other questions to a provider: quotes, companies, what matches some words, weekly and monthly prices.",
    "watchlists": "Symbols that are kept fresh after each session, within the providers' quota.",
    "quota": "The calls that are left of each provider, and what is asked next and why.",
    "quarantine": "Changes of known prices that look wrong and wait for an operator.",
    "indexes": "Who belonged to an index on a day, and which tickers were renamed.",
    "bars": "Daily prices: raw, adjusted for splits, or with dividends, as of any version.",
    "backtests": "Strategies tested on stored prices, always beside buy and hold, with trades and equity.",
    "strategies": "The rules that can be tested, with the range and the meaning of each parameter.",
    "sweeps": "A strategy tested with many parameters at once: the whole surface, its best cell and what that is worth.",
    "walk-forwards": "Parameters chosen on past sessions and traded on the next ones: one account, out of sample only.",
    "forecasts": "The next 30 sessions with their uncertainty, scored against the random walk once they came.",
    "reports": "What a run and its forecasts say, as PDF, JSON and PNG from one document.",
    "users": "Registration, profile and password.",
    "tokens": "Logging in and out, and the tokens of the caller.",
    "health": "For supervisors and load balancers; no token is needed.",
    "older": "Addresses of the older single-app system, each with its successor in the header `Link`.",
}


def spectacular_settings() -> dict[str, Any]:
    """Return the settings of the generator."""
    return {
        "TITLE": "Bellwether",
        "VERSION": "1",
        "DESCRIPTION": DESCRIPTION,
        "SERVERS": [{"url": "/", "description": "The origin that served this document"}],
        "TAGS": [{"name": name, "description": description} for name, description in TAGS.items()],
        "DEFAULT_GENERATOR_CLASS": "shared.http.schema.Generator",
        "POSTPROCESSING_HOOKS": [],
        "OAS_VERSION": "3.1.0",
    }
