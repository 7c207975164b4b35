"""GET /docs: the API to read and to try, with every script from here, so that it works offline."""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}


def add_routes(app: FastAPI) -> None:
    """Add the page and its assets, held in memory."""
    folder = files("fastapi_offline") / "static"
    content = {name: (folder / name).read_bytes() for name in ASSETS}

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/swagger-ui.css",
            swagger_favicon_url=f"{root}/docs/favicon.png",
        )

    def add_asset(name: str, media_type: str) -> None:
        @app.get(f"/docs/{name}", include_in_schema=False)
        async def asset() -> Response:
            headers = {"cache-control": "public, max-age=86400"}
            return Response(content[name], headers=headers, media_type=media_type)

    for name, media_type in ASSETS.items():
        add_asset(name, media_type)
