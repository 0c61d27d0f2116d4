"""A stream that was cut off goes on: what was answered before is read again, and left out.

The rule: the caller names the `id` of the last answer that arrived, and sends the same lines in the same
order. Answers come in the order of the lines, so all up to the first of that id have been answered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from veriaidpo_gateway import strict_json
from veriaidpo_gateway.classification.bodies import invalid_fields
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.http.items import ResumeAfter, id_of
from veriaidpo_gateway.http.ndjson import Line

PARAMETER = "resume_after"

BYTES_A_SECOND = 4 * 1024 * 1024
"""Of lines that are left out: looking at them costs time too, and no limit on calls or text counts them."""

_NAMED = TypeAdapter(dict[str, ResumeAfter])


def resume_after(request: Request) -> str | None:
    """Read which item a stream shall go on after; 422 for what no id can be, or two of them."""
    found = request.query_params.getlist(PARAMETER)
    if not found:
        return None
    if len(found) > 1:
        raise GatewayError(ErrorCode.INVALID_REQUEST, {"fields": []})
    try:
        return _NAMED.validate_python({PARAMETER: found[0]})[PARAMETER]
    except ValidationError as error:
        raise invalid_fields(error) from None


async def after(
    groups: AsyncIterator[list[Line]], identity: str, look: Callable[[], object]
) -> AsyncIterator[list[Line]]:
    """Leave out the lines through the first whose id is written so; 422 at the end when there was none.

    `look` looks at the caller, for each group that is left out, and raises when the stream has to end.
    """
    met = False
    async for lines in groups:
        if met:
            yield lines
            continue
        look()
        for index, line in enumerate(lines):
            if _written(line) == identity:
                met = True
                if rest := lines[index + 1 :]:
                    yield rest
                break
        # Lines may arrive faster than they are looked at, and others are waiting too.
        await asyncio.sleep(sum(len(line.data or b"") for line in lines) / BYTES_A_SECOND)
    if not met:
        raise GatewayError(ErrorCode.NO_SUCH_ITEM)


def _written(line: Line) -> str | None:
    """Give a line's id as it would stand in an address: 7 and "7" are written alike."""
    try:
        found = id_of(strict_json.loads(line.data or b""))
    except ValueError:
        return None
    return None if found is None else str(found)
