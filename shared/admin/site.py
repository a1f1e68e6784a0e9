"""Who gets to see the admin pages, and where."""

from functools import update_wrapper
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models.base import ModelBase
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.views.generic import RedirectView

from shared.http.pages import POLICY

LOGIN_URL, LOGOUT_URL = "/login/", "/logout/"
_POLICY = "; ".join(
    f"{name} {value}" for name, value in {**POLICY, "script-src": "'self'", "img-src": "'self' data:"}.items()
)
# Within a service's part of the index its business stands first and its record last.
_RECORD_LAST = "\uffff"


class BellwetherSite(admin.AdminSite):
    """Shows what the services of this process hold, to superusers; others log in on the page of the API."""

    site_header = site_title = "Bellwether"
    index_title = "What this process holds"
    enable_nav_sidebar = False  # the tables need the room

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register a model; one with a composite key, which Django refuses, gets its list and no page of a row."""
        models: Any = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        for model in models:
            if model._meta.is_composite_pk:  # noqa: SLF001 Django documents it
                self._registry[model] = admin_class(model, self)
            else:
                super().register(model, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the caller is a superuser; `is_staff` opens nothing here."""
        return bool(request.user.is_active and request.user.is_superuser)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Let superusers in, send strangers to log in and refuse everybody else."""
        guarded: Any = super().admin_view(view, cacheable)

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), LOGIN_URL)
            if not self.has_permission(request):
                raise PermissionDenied
            response: HttpResponseBase = guarded(request, *args, **kwargs)
            response.headers["Content-Security-Policy"] = _POLICY
            return response

        return update_wrapper(checked, view)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send the caller to the one login page there is."""
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), LOGIN_URL)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Send the caller on, with the form that was posted: a session is revoked in one place."""
        return redirect(LOGOUT_URL, preserve_request=True)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Send superusers to the page on which they set anybody's password."""
        return redirect("admin:auth_user_password_change", request.user.pk)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps by the names they are shown under, each service's own record after its business."""
        return sorted(super().get_app_list(request, app_label), key=_place_in_index)


def admin_urlpatterns() -> list[URLPattern | URLResolver]:
    """Return the addresses of the admin pages: none where they are not to be served."""
    if not settings.BELLWETHER["ADMIN_ENABLED"]:
        return []
    admin.autodiscover()  # here, so that workers and commands need not load what they never show
    return [
        path("admin", RedirectView.as_view(pattern_name="admin:index")),
        path("admin/", admin.site.urls),
    ]


def _place_in_index(app: dict[str, Any]) -> tuple[str, str]:
    service, _, rest = str(app["name"]).partition(": ")
    return service, rest or _RECORD_LAST
