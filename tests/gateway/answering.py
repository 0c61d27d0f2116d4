"""What a test lets a predictor answer, as the pool of connections would hand it on."""

from collections.abc import Awaitable, Callable, Mapping

import httpx

from veriaidpo_gateway.models.pool import BusyError, NoAnswerError, Post, Reply, SilentError

Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


def posting(answer: Answer) -> Post:
    """Make a pool of a function; what that raises are the failures of a connection, in httpx's names."""

    async def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Reply:
        try:
            response = await answer(httpx.Request("POST", url, content=body, headers=dict(headers)))
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise SilentError from error
        except httpx.PoolTimeout as error:
            raise BusyError from error
        except httpx.TransportError as error:
            raise NoAnswerError(type(error).__name__) from error
        return Reply(response.status_code, response.content, response.headers.get("Retry-After"))

    return post
