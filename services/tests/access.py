"""Who may do what: for every address and method, what each kind of caller is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Every kind of caller. Sessions are those of browsers; a forged request carries somebody's cookie and nothing
# that shows that one of our own pages sent it; `browser` is a visitor who would rather have a page than JSON.
ACTORS = (
    *("owner", "other", "session", "other_session", "forged"),
    *("anonymous", "browser", "expired", "logged_out", "inactive", "ended_session"),
)
SERVED = 0  # stands for the row's own status
_NOBODY = dict.fromkeys(ACTORS, 401)
_ANYBODY = dict.fromkeys(ACTORS, SERVED)

type Rule = dict[str, int]

OPEN: Rule = _ANYBODY
# Prices, runs, forecasts and reports are shared by all who have a token; so is what is about the caller itself.
TOKEN: Rule = _NOBODY | dict.fromkeys(("owner", "other", "session", "other_session", "forged"), SERVED)
# What holds for everybody is decided by superusers, and nobody here is one.
OPERATORS: Rule = TOKEN | dict.fromkeys(("owner", "other", "session", "other_session"), 403)
PRIVATE: Rule = TOKEN | {"other": 404, "other_session": 404}
OLDER: Rule = TOKEN | {"browser": 302}
# Pages are for browsers: an open one for all, one's own for sessions only, all others go to the login page.
OPEN_PAGE: Rule = dict(_ANYBODY)
PAGE: Rule = dict.fromkeys(ACTORS, 302) | dict.fromkeys(("session", "other_session", "forged"), SERVED)
PRIVATE_PAGE: Rule = PAGE | {"other_session": 404}
GUARDED_PAGES = (OPEN_PAGE, PAGE, PRIVATE_PAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One method of one address: a proper request, what it is answered if it may be made, and who may.

    `body` is a form for pages and else JSON; `{...}` in its texts and in `query` are filled in. `but` has what
    differs from the rule.
    """

    rule: Rule
    status: int = 200
    query: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    but: Mapping[str, int] = field(default_factory=dict)

    def expected(self, actor: str, method: str) -> int:
        """Return the status that this caller is answered."""
        if actor == "forged" and method != "GET" and self.rule is not OPEN:
            return 403
        return self.but.get(actor, self.rule[actor]) or self.status


def _same(status: int, *actors: str) -> dict[str, Any]:
    return {"but": dict.fromkeys(actors, status)}


_FB = {"symbol": "FB"}
_TWO_RUNS = "?ids=00000000-0000-7000-8000-000000000001,00000000-0000-7000-8000-000000000002"
_WATCHED: dict[str, Any] = {"symbols": ["FB"], "active": False}
_NEW_USER = {"username": "{unique}", "password": "{password}"}
_LOGIN = {"username": "{username}", "password": "{password}"}
_PASSWORDS = {"current_password": "{password}", "new_password": "another long password"}

TABLE: dict[tuple[str, str], Row] = {
    # Prices, runs, forecasts and reports
    ("bars", "GET"): Row(rule=TOKEN, query="?symbol=FB"),
    ("instruments", "GET"): Row(rule=TOKEN),
    ("instrument", "GET"): Row(rule=TOKEN),
    ("instrument-versions", "GET"): Row(rule=TOKEN),
    ("instrument-actions", "GET"): Row(rule=TOKEN),
    ("instrument-coverage", "GET"): Row(rule=TOKEN),
    ("quota", "GET"): Row(rule=TOKEN),
    ("quarantines", "GET"): Row(rule=TOKEN),
    ("quarantine", "GET"): Row(rule=TOKEN, status=404),
    ("quarantine-accept", "POST"): Row(rule=OPERATORS),
    ("quarantine-dismiss", "POST"): Row(rule=OPERATORS),
    ("indexes", "GET"): Row(rule=TOKEN),
    ("index-members", "GET"): Row(rule=TOKEN),
    ("index-changes", "GET"): Row(rule=TOKEN),
    ("watchlists", "GET"): Row(rule=TOKEN),
    ("watchlists", "POST"): Row(rule=TOKEN, status=201, body={"name": "{unique}", **_WATCHED}),
    ("watchlist", "GET"): Row(rule=TOKEN),
    ("watchlist", "PUT"): Row(rule=TOKEN, body=_WATCHED),
    ("watchlist", "DELETE"): Row(rule=TOKEN, status=204),
    ("fetches", "GET"): Row(rule=TOKEN),
    ("fetches", "POST"): Row(rule=TOKEN, status=202, body=_FB),
    ("fetch", "GET"): Row(rule=TOKEN),
    ("fetch", "DELETE"): Row(rule=TOKEN, status=409),
    # No provider has a key here, so none is asked; what a lookup brings is shared like prices.
    ("lookups", "GET"): Row(rule=TOKEN),
    ("lookups", "POST"): Row(rule=TOKEN, status=409, body={"kind": "quote", "subject": "FB"}),
    ("lookup", "GET"): Row(rule=TOKEN, status=404),
    ("lookup", "DELETE"): Row(rule=TOKEN, status=404),
    ("backtests", "GET"): Row(rule=TOKEN),
    ("backtests", "POST"): Row(rule=TOKEN, body=_FB),
    ("backtest", "GET"): Row(rule=TOKEN),
    ("backtest", "DELETE"): Row(rule=TOKEN, status=409),
    ("backtest-trades", "GET"): Row(rule=TOKEN),
    ("backtest-equity", "GET"): Row(rule=TOKEN),
    ("backtest-metric-explanation", "GET"): Row(rule=TOKEN),
    ("strategies", "GET"): Row(rule=TOKEN),
    ("backtests-compare", "GET"): Row(rule=TOKEN, query=_TWO_RUNS, status=404),
    ("backtest-rerun", "POST"): Row(rule=TOKEN),
    ("backtest-difference", "GET"): Row(rule=TOKEN),
    ("sweeps", "GET"): Row(rule=TOKEN),
    ("sweeps", "POST"): Row(rule=TOKEN, body={**_FB, "grid": {"buy_window": [5, 10]}}),
    ("sweep", "GET"): Row(rule=TOKEN),
    ("sweep", "DELETE"): Row(rule=TOKEN, status=409),
    ("sweep-surface", "GET"): Row(rule=TOKEN),
    ("walk-forwards", "GET"): Row(rule=TOKEN),
    ("walk-forwards", "POST"): Row(rule=TOKEN, body={**_FB, "grid": {"sell_window": [30, 60]}}),
    ("walk-forward", "GET"): Row(rule=TOKEN),
    ("walk-forward", "DELETE"): Row(rule=TOKEN, status=409),
    ("walk-forward-equity", "GET"): Row(rule=TOKEN),
    ("forecasts", "GET"): Row(rule=TOKEN),
    ("forecasts", "POST"): Row(rule=TOKEN, body=_FB),
    ("forecast", "GET"): Row(rule=TOKEN),
    ("forecast", "DELETE"): Row(rule=TOKEN, status=409),
    ("reports", "GET"): Row(rule=TOKEN),
    ("reports", "POST"): Row(rule=TOKEN, body=_FB),
    ("report", "GET"): Row(rule=TOKEN),
    ("report", "DELETE"): Row(rule=TOKEN, status=409),
    ("report-pdf", "GET"): Row(rule=TOKEN),
    ("report-json", "GET"): Row(rule=TOKEN),
    ("report-png", "GET"): Row(rule=TOKEN),
    # Users and tokens
    ("users", "POST"): Row(rule=OPEN, status=201, body=_NEW_USER),
    ("own-user", "GET"): Row(rule=TOKEN),
    ("own-user", "PATCH"): Row(rule=TOKEN, body={"display_name": "Anna"}),
    ("own-password", "POST"): Row(rule=TOKEN, status=204, body=_PASSWORDS),
    ("own-tokens", "POST"): Row(rule=TOKEN, status=201, body={"name": "a program"}),
    ("tokens", "GET"): Row(rule=TOKEN),
    ("tokens", "POST"): Row(rule=OPEN, status=201, body=_LOGIN, **_same(401, "inactive")),
    ("current-token", "DELETE"): Row(rule=TOKEN, status=204),
    ("token", "GET"): Row(rule=PRIVATE),
    ("token", "DELETE"): Row(rule=PRIVATE, status=204),
    # The addresses of the older system
    ("older-fetch", "GET"): Row(rule=OLDER),
    ("older-backtest", "GET"): Row(rule=OLDER),
    ("older-charts", "POST"): Row(rule=TOKEN, body={"ticker": "FB"}),
    ("older-forecast", "GET"): Row(rule=OLDER),
    ("older-report", "GET"): Row(rule=OLDER),
    ("older-report-json-first", "GET"): Row(rule=OLDER),
    ("older-report-pdf", "GET"): Row(rule=OLDER),
    ("older-report-json", "GET"): Row(rule=OLDER),
    ("older-report-image", "GET"): Row(rule=OLDER),
    ("older-register", "POST"): Row(rule=OPEN, status=201, body=_NEW_USER),
    ("older-login", "POST"): Row(rule=OPEN, body=_LOGIN, **_same(401, "inactive")),
    ("older-logout", "POST"): Row(rule=TOKEN),
    ("older-profile", "GET"): Row(rule=TOKEN),
    ("older-update-profile", "POST"): Row(rule=TOKEN, body={"displayName": "Anna"}),
    ("older-update-profile", "PUT"): Row(rule=TOKEN, body={"displayName": "Anna"}),
    ("older-update-profile", "PATCH"): Row(rule=TOKEN, body={"displayName": "Anna"}),
    # Pages
    ("home", "GET"): Row(rule=OPEN_PAGE),
    ("favicon", "GET"): Row(rule=OPEN_PAGE, status=302),
    ("login", "GET"): Row(rule=OPEN_PAGE, **_same(302, "session", "other_session", "forged")),
    ("login", "POST"): Row(rule=OPEN_PAGE, status=302, body=_LOGIN, **_same(401, "inactive")),
    ("logout", "POST"): Row(rule=OPEN_PAGE, status=302),
    ("register", "GET"): Row(rule=OPEN_PAGE),
    ("register", "POST"): Row(rule=OPEN_PAGE, status=302, body=_NEW_USER),
    ("account", "GET"): Row(rule=PAGE),
    ("new-backtest", "GET"): Row(rule=PAGE),
    ("new-backtest", "POST"): Row(
        rule=PAGE, status=302, body={"symbol": "FB", "strategy": "buy_and_hold", "whole_shares": "on"}
    ),
    ("backtest-page", "GET"): Row(rule=PAGE),
    ("account-tokens", "POST"): Row(rule=PAGE, body={"name": "a program"}),
    ("account-token", "POST"): Row(rule=PRIVATE_PAGE, status=302),
    ("account-password", "POST"): Row(rule=PAGE, status=302, body=_PASSWORDS),
    # What explains the rest
    ("schema", "GET"): Row(rule=OPEN),
    ("docs", "GET"): Row(rule=OPEN),
    ("redoc", "GET"): Row(rule=OPEN),
    ("problem-kinds", "GET"): Row(rule=OPEN),
    ("problem-kind", "GET"): Row(rule=OPEN),
    ("livez", "GET"): Row(rule=OPEN),
    ("readyz", "GET"): Row(rule=OPEN),
    ("metrics", "GET"): Row(rule=OPEN),
}
