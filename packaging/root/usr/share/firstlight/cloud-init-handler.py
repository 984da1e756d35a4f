"""Tells cloud-init that firstlight's share of user data has a reader.

firstlight reads user data itself, from instance metadata. Without this, cloud-init warns of a part whose type it doesn't
know, and since 23.4 a warning is `degraded done` and exit code 2. So this takes firstlight's parts, and does nothing.

cloud-init imports it from /var/lib/cloud/handlers, and calls handle_part() for each part of a listed type.
"""

import logging
import re

LOG = logging.getLogger(__name__)

# What cloud-init calls a body that is no MIME message and begins with no header that it knows.
BARE = "text/x-not-multipart"

# Wherever a key is called so, in any of the ways that YAML and JSON have. Where it isn't one of the top level's, or the
# document is broken, firstlight itself says so.
DOCUMENT = re.compile(r"""\bfirstlight["']?\s*:|^\s*\?\s*["']?firstlight\b""", re.MULTILINE)


def list_types():
    """The types of the parts that handle_part() wants."""
    return ["text/firstlight", BARE]


def handle_part(_data, content_type, _filename, payload):
    """Does nothing with what is firstlight's; of any other body it says what cloud-init would have said."""
    if content_type != BARE or not payload:
        return
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else payload
    if not DOCUMENT.search(text):
        start = text.strip().split("\n", 1)[0][:24]
        LOG.warning("Unhandled non-multipart (%s) userdata: '%s...'", content_type, start)
