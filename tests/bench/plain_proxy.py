"""What a gateway is compared with: `plain_proxy.py PORT UPSTREAM bare|library`.

`bare` is the proxy one writes on an afternoon, FastAPI and one httpx client; `library` is fastapi-proxy-lib.
Neither checks a token, counts, normalises or caches.
"""

import sys

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi_proxy_lib.fastapi.app import reverse_http_app  # type: ignore[import-not-found]


def bare(upstream: str) -> FastAPI:
    """Pass bodies on and back."""
    app, client = FastAPI(), httpx.AsyncClient(base_url=upstream, trust_env=False)

    @app.post("/{path:path}")
    async def pass_on(path: str, request: Request) -> Response:
        headers = {"content-type": "application/json"}
        answer = await client.post(f"/{path}", content=await request.body(), headers=headers)
        return Response(answer.content, answer.status_code, media_type="application/json")

    return app


if __name__ == "__main__":
    port, address, kind = sys.argv[1:]
    proxy = bare(address) if kind == "bare" else reverse_http_app(base_url=f"{address}/")
    uvicorn.run(proxy, port=int(port), log_level="warning", access_log=False)
