"""Keeps a key out of what is stored, shown and logged."""

import re

MASK = "***"
# A shorter secret, such as Alpha Vantage's public `demo`, is a word that answers hold for other reasons.
SHORTEST_SECRET = 8


def masked(text: str, secret: str) -> str:
    """Return `text` without `secret`, whatever its case and however much of it is percent-encoded, even twice.

    Secrets below 8 characters are words.
    """
    return masked_bytes(text.encode(errors="surrogatepass"), secret).decode(errors="surrogatepass")


def masked_bytes(body: bytes, secret: str) -> bytes:
    """Return `body`, of whatever encoding that writes ASCII as ASCII, without `secret`, as `masked` does."""
    sought = secret.encode()
    if len(secret) < SHORTEST_SECRET or not (b"%" in body or sought.lower() in body.lower()):
        return body
    forms = (b"(?:%%(?:25)*%02x|%s)" % (byte, re.escape(bytes([byte]))) for byte in sought)
    return re.sub(b"".join(forms), MASK.encode(), body, flags=re.IGNORECASE)
