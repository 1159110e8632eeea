"""JSON in one form, so that equal values have equal bytes."""

import json


def canonical(value: object) -> bytes:
    """Return a value as JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
