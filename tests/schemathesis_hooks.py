"""What schemathesis does not know by itself: how documents, one a line, and bytes are written."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value):
    """One document, or each of several, on a line of its own."""
    if isinstance(value, (bytes, str)):
        return value if isinstance(value, bytes) else value.encode()
    documents = value if isinstance(value, list) else [value]
    return "".join(json.dumps(document) + "\n" for document in documents).encode()


@schemathesis.serializer("application/gzip")
def gzip(_context, value):
    """Bytes as they are; they are no archive, and are to be refused."""
    return value if isinstance(value, bytes) else str(value).encode()
