"""What schemathesis does not know by itself: bodies that are no JSON."""

import schemathesis
from schemathesis.core import NOT_SET


def encoded(value):
    """Text and bytes as they are."""
    return value if isinstance(value, bytes) else value.encode()


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value):
    """Documents, one a line; examples are written so."""
    return encoded(value)


@schemathesis.serializer("application/gzip")
def gzip(_context, value):
    """Bytes as they are; they are no archive, and are to be refused."""
    return encoded(value)


@schemathesis.hook
def filter_case(_context, case):
    """A body of another kind than JSON is text or bytes on the wire: one of a wrong type does not exist there, and written down it may well be right."""
    is_json = "json" in (case.media_type or "json").split("/")[-1].split("+")
    return is_json or case.body is NOT_SET or isinstance(case.body, (str, bytes))
