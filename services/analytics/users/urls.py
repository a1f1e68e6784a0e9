"""Addresses of users and tokens."""

from services.analytics.users.api import (
    ChangeOwnUser,
    ChangePassword,
    CreateToken,
    ListTokens,
    LogIn,
    LogOut,
    RegisterUser,
    RevokeToken,
    ShowOwnUser,
    ShowToken,
)
from services.analytics.users.compat import (
    OlderLogIn,
    OlderLogOut,
    OlderProfile,
    OlderRegister,
    OlderUpdateProfile,
)
from services.analytics.users.pages import page_urlpatterns
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/users/", "users", post=RegisterUser),
    *route("api/v1/users/me/", "own-user", get=ShowOwnUser, patch=ChangeOwnUser),
    *route("api/v1/users/me/password/", "own-password", post=ChangePassword),
    *route("api/v1/users/me/tokens/", "own-tokens", post=CreateToken),
    *route("api/v1/tokens/", "tokens", get=ListTokens, post=LogIn),
    *route("api/v1/tokens/current/", "current-token", delete=LogOut),
    *route("api/v1/tokens/<uuid:token_id>/", "token", get=ShowToken, delete=RevokeToken),
    *route("api/users/register/", "older-register", post=OlderRegister),
    *route("api/users/login/", "older-login", post=OlderLogIn),
    *route("api/users/logout/", "older-logout", post=OlderLogOut),
    *route("api/users/profile/", "older-profile", get=OlderProfile),
    *route(
        "api/users/update_profile/",
        "older-update-profile",
        post=OlderUpdateProfile,
        put=OlderUpdateProfile,
        patch=OlderUpdateProfile,
    ),
    *page_urlpatterns,
]
