"""The first page: what this is, who is logged in, and one form that leads to the older addresses."""

from decimal import Decimal, InvalidOperation

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse

from shared.errors import BellwetherError, ValidationFailed
from shared.http.pages import page, page_route
from shared.identity.authentication import session_of
from shared.symbols import normalise_symbol

BUNDLED = ("AAPL", "AMZN", "FB", "GOOG", "IBM", "MSFT")  # of services/ingest, to which a test holds it
INITIAL = "10000"
MARKET = {
    "symbols": "/api/v1/instruments/",
    "fetches": "/api/v1/fetches/",
    "watchlists": "/api/v1/watchlists/",
    "quarantine": "/api/v1/quarantine/?status=open",
}  # addresses of services/ingest, to which a test holds them
MARKET_IN_ADMIN = {
    "symbols": ("ingest_market_instrument", {}),
    "fetches": ("ingest_fetches_fetch", {}),
    "watchlists": ("ingest_watchlists_watchlist", {}),
    "quarantine": ("ingest_quarantine_quarantine", {"state": "open"}),
}


def home_page(request: HttpRequest) -> HttpResponse:
    """Return the page, or send on to what its form asks for."""
    symbol, initial = request.GET.get("symbol", ""), request.GET.get("initial", INITIAL)
    refusal = ""
    if "do" in request.GET:
        try:
            return redirect(_address(request.GET["do"], symbol=symbol, initial=initial))
        except BellwetherError as error:
            refusal = error.detail
    caller = session_of(request)
    has_admin = caller is not None and caller.is_superuser and settings.BELLWETHER["ADMIN_ENABLED"]
    context = {
        "caller": caller,
        "admin": has_admin,
        "market": market(in_admin=has_admin),
        "registration_open": settings.BELLWETHER["REGISTRATION_OPEN"],
        "bundled": BUNDLED,
        "symbol": symbol,
        "initial": initial,
        "refusal": refusal,
    }
    return page(request, "home.html", context, status=400 if refusal else 200)


def favicon(request: HttpRequest) -> HttpResponse:
    """Send browsers that ask at the customary address to the icon."""
    return redirect(static("bellwether/icon.svg"))


def steps(symbol: str, *, initial: str = INITIAL) -> dict[str, str]:
    """Return the older address of each thing to do with a symbol."""
    addresses = {word: f"/{word}/{symbol}/" for word in ("fetch", "backtest", "predict", "report")}
    return addresses | {"backtest": f"/backtest/{symbol}/{initial}/"}


def market(*, in_admin: bool) -> dict[str, str]:
    """Return where market data are shown: on pages, to whom they are open and where they are served, else as JSON."""
    if not in_admin:
        return MARKET
    try:
        return {
            name: reverse(f"admin:{model}_changelist", query=query)
            for name, (model, query) in MARKET_IN_ADMIN.items()
        }
    except NoReverseMatch:  # the process of another service
        return MARKET


def _address(word: str, *, symbol: str, initial: str) -> str:
    """Return where one button of the form leads. Raises InvalidSymbol and ValidationFailed."""
    amount = _money(initial) if word == "backtest" else INITIAL
    addresses = steps(normalise_symbol(symbol.strip()), initial=amount)
    if word not in addresses:
        raise ValidationFailed(f"There is no such button; there are {', '.join(addresses)}.", field="do")
    return addresses[word]


def _money(text: str) -> str:
    try:
        value = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        value = Decimal("NaN")
    # From a cent on, since 1e-999999999 would be written with all its zeros.
    if not (value.is_finite() and Decimal("0.01") <= value < Decimal(10) ** 12):
        raise ValidationFailed(
            "The initial investment should be an amount above 0, such as 10000.", field="initial"
        )
    return f"{value:f}"


home_urlpatterns = [
    *page_route("", "home", get=home_page),
    *page_route("favicon.ico", "favicon", get=favicon),
]
