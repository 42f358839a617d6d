"""What schemathesis does not know by itself: how documents, one a line, are written."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value):
    """One document, or each of several, on a line of its own."""
    if isinstance(value, (bytes, str)):
        return value if isinstance(value, bytes) else value.encode()
    documents = value if isinstance(value, list) else [value]
    return "".join(json.dumps(document) + "\n" for document in documents).encode()
