"""`bellwether token`: make, list and revoke the tokens of all users."""

import secrets
import sys
from typing import Annotated, Any

import typer

from deploy.local import output
from deploy.local.checkout import command_line
from deploy.local.failures import command_edge
from deploy.local.system import open_system
from deploy.local.tables import SHORT_ID
from shared.errors import NotFound

LONGEST_NAME = 100
tokens = typer.Typer(help="API tokens and login sessions.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]


@tokens.command(name="create")
def create_token(
    user: Annotated[str, typer.Argument(help="User name; made if there is none of that name.")],
    name: Annotated[str, typer.Option(help="What the token is for, to tell it from others.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create an API token and print it: it is stored hashed and cannot be shown again."""
    with command_edge(as_json=as_json), open_system():
        from shared.identity.models import User
        from shared.identity.tokens import TOKEN_BYTES, create_token
        from shared.identity.usernames import checked

        is_new = not User.objects.using("identity").filter(username=checked(user)).exists()
        secret = secrets.token_bytes(TOKEN_BYTES)
        text = create_token(username=user, secret=secret, name=name[:LONGEST_NAME])
        if is_new:
            output.progress.print(f"New user {checked(user)}.", markup=False)
        if as_json:
            output.print_json({"user": user, "token": text})
        else:
            sys.stdout.write(text + "\n")


@tokens.command(name="list")
def list_tokens(
    user: Annotated[str, typer.Argument(help="User name; all users by default.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the tokens and login sessions that are neither revoked nor expired, the newest first."""
    with command_edge(as_json=as_json), open_system():
        from shared.identity.models import Token
        from shared.identity.usernames import folded

        found = Token.objects.using("identity").live().select_related("user").order_by("-created_at", "-id")
        rows = [_row(token) for token in (found.filter(user__username=folded(user)) if user else found)]
        if as_json:
            output.print_json({"tokens": rows})
        else:
            output.print_tokens(rows)


@tokens.command(name="revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="The token's id, or its beginning, as `list` shows them.")],
    as_json: AsJson = False,
) -> None:
    """End a token or login session in all services at once."""
    with command_edge(as_json=as_json), open_system():
        from django.db.models import CharField, Q
        from django.db.models.functions import Cast

        from services.analytics.users.services import revoke_token
        from shared.identity.models import Token

        live = Token.objects.using("identity").live().annotate(id_text=Cast("public_id", CharField()))
        named = Q(prefix=token)
        if len(token) >= SHORT_ID:  # less of an id is sooner a slip than a choice
            named |= Q(id_text__startswith=token.lower())
        found = list(live.select_related("user").filter(named))
        if len(found) != 1:
            raise NotFound(
                f"{len(found)} live tokens are named {token[:40]!r}: give an id of `{command_line('token list')}`."
            )
        revoke_token(user_id=found[0].user.public_id, token_id=found[0].public_id)
        if as_json:
            output.print_json({"revoked": _row(found[0])})
        else:
            output.answers.print(f"Revoked {found[0].prefix}… of {found[0].user.username}.", markup=False)


def _row(token: Any) -> dict[str, Any]:
    return {
        "id": str(token.public_id),
        "user": token.user.username,
        "kind": token.kind,
        "name": token.name,
        "prefix": token.prefix,
        "created_at": token.created_at.isoformat(),
        "last_used_at": token.last_used_at and token.last_used_at.isoformat(),
        "expires_at": token.expires_at and token.expires_at.isoformat(),
    }
