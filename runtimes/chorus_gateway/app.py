"""The application: settings in, every part built once and handed to those who need it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from urllib.parse import quote

from fastapi import FastAPI
from starlette.types import ASGIApp

from chorus_gateway import access, traces
from chorus_gateway.access import RequireKeys
from chorus_gateway.coalescer import Coalescer, Limits
from chorus_gateway.discovery.following import Following
from chorus_gateway.discovery.servers import Servers
from chorus_gateway.errors import HANDLERS
from chorus_gateway.express import Express, ExpressApp
from chorus_gateway.gate import Gate
from chorus_gateway.in_flight import OWN, InFlight, Key
from chorus_gateway.limits import LimitCallers
from chorus_gateway.media import MediaReader
from chorus_gateway.metrics import Metrics
from chorus_gateway.middleware import (
    CloseWhenDraining,
    ForbidStoring,
    MeterRequests,
    template,
)
from chorus_gateway.outbound.loops import RefuseLoops
from chorus_gateway.outbound.sessions import Outbound
from chorus_gateway.prediction import Predictor
from chorus_gateway.readiness import ENSEMBLE, Readiness
from chorus_gateway.routes import (
    classify,
    docs,
    health,
    index,
    listing,
    models,
    openai,
    predict,
    process,
)
from chorus_gateway.routes.desk import Desk
from chorus_gateway.settings import Settings
from chorus_gateway.upstream.breaker import Breaker
from chorus_gateway.upstream.deployed_url import REFUSAL, DeployedUrls
from chorus_gateway.upstream.foreign import ForeignServers
from chorus_gateway.upstream.http_transport import HttpTransport
from chorus_gateway.upstream.listing import Listing
from chorus_gateway.upstream.open_breakers import OpenBreakers
from chorus_gateway.upstream.pool import OwnServer, Pool
from chorus_gateway.upstream.sender import Sender
from chorus_gateway.upstream.served import Served
from chorus_gateway.upstream.transport import Transport
from chorus_gateway.upstream.upstreams import Upstreams
from chorus_gateway.upstream.v2 import Answer, V2Client
from chorus_http.access.limits import CallerLimits
from chorus_http.access.rules import Access
from chorus_http.logs.access_log import AccessLog
from chorus_http.logs.request_ids import RequestIds
from chorus_http.traces.tracing import Tracing

VERSION = version("chorus-serve")
DESCRIPTION = (
    "One text in, every model's answer out; and every task of Hugging Face, in its own format. "
    'Every error is `{"error": "what to do"}`.'
)


def create_app(
    settings: Settings, transport: Transport | None = None, tracing: Tracing | None = None
) -> FastAPI:
    """Build the gateway; tests hand in a transport of their own."""
    metrics = Metrics()
    open_breakers = OpenBreakers(metrics.registry)
    pool = _pool(settings, open_breakers, transport)
    client = V2Client(
        pool,
        timeout=settings.upstream_timeout,
        probe_timeout=settings.probe_timeout,
        on_error=metrics.observe_error,
    )
    servers = Servers(settings.cluster_domain)
    urls = _urls(settings, servers)
    sender = _sender(settings, open_breakers, pool, urls, servers)
    upstreams = _upstreams(settings, sender, metrics)
    following = _following(settings, servers, upstreams)
    readiness = Readiness(
        client, settings.models, lambda: pool.is_up, lambda: not following or following.synced
    )
    coalescer = Coalescer(
        partial(client.infer, ENSEMBLE), _limits(settings), on_call=metrics.observe_call
    )
    media = MediaReader(settings.media_limits)
    in_flight = InFlight(settings.models)
    desk = _desk(settings, upstreams, media, urls, in_flight)
    metrics.watch(coalescer.line, lambda: coalescer.calls_in_flight)
    metrics.watch_models(
        settings.models,
        lambda: _by_model(in_flight, coalescer),
        lambda: {(ENSEMBLE,): coalescer.line.age},
    )
    if following:
        metrics.watch_discovery(lambda: servers.count, lambda: following.stale_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            if tracing:
                opened.callback(tracing.close)
            for part in (pool, sender, media):
                await part.open()
                opened.push_async_callback(part.close)
            if following:
                await following.open()
                opened.push_async_callback(following.close)
            opened.callback(desk.predictor.close)
            opened.callback(close)
            yield

    def close() -> None:
        """Answer everybody who still waits."""
        coalescer.close()
        desk.gate.close()

    app = ExpressApp(
        title="Chorus",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        docs_url=None,  # ours brings its scripts along
        redoc_url=None,  # one page of documentation is enough
        redirect_slashes=False,  # a redirect would drop the body of a POST
        telemetry={"tracing": False, "metrics": False, "logs": False},  # costs every request
        **(access.DOCUMENTATION if settings.keys.enabled else {}),
    )
    checked = _checked(settings)
    app.add_middleware(RefuseLoops)
    app.add_middleware(checked)
    app.add_middleware(CloseWhenDraining, readiness=readiness)
    app.add_middleware(MeterRequests, metrics=metrics)
    answering = coalescer if ENSEMBLE in settings.models else None
    answer = process.endpoint(answering, readiness, settings.max_body_bytes, settings.max_timeout)
    process.add_routes(app, answer)
    for path in process.PATHS:
        direct = CloseWhenDraining(checked(RefuseLoops(Express(answer, path))), readiness=readiness)
        app.express[path] = MeterRequests(direct, metrics=metrics)
    predict.add_routes(app, desk)
    listing.add_routes(app, Listing(desk.served, upstreams, urls))
    models.add_routes(app, desk, settings.max_requests_in_flight)
    openai.add_routes(app, desk)
    classify.add_routes(app, desk, settings.models)
    health.add_routes(app, readiness, metrics)
    index.add_routes(app)
    docs.add_routes(app)
    if settings.access_log:
        app.entrance = AccessLog(app.entrance, template, lambda path: path not in traces.UNTRACED)
    app.entrance = RequestIds(ForbidStoring(app.entrance))
    if tracing:
        app.entrance = traces.around(app.entrance, tracing.tracer)
    app.state.readiness, app.state.close = readiness, close  # the server drains them
    app.state.metrics = metrics  # a worker writes its gauges down
    return app


def _upstreams(settings: Settings, sender: Sender, metrics: Metrics) -> Upstreams:
    return Upstreams(
        sender,
        timeout=settings.predict_timeout,
        probe_timeout=settings.probe_timeout,
        on_error=metrics.observe_error,
    )


def _urls(settings: Settings, servers: Servers) -> DeployedUrls:
    return DeployedUrls(
        settings.upstream_urls,
        settings.allowed_servers,
        settings.servers,
        expected=settings.models,
        cluster=servers,
    )


def _following(settings: Settings, servers: Servers, upstreams: Upstreams) -> Following | None:
    if settings.discovery == "off":
        return None
    return Following(servers, upstreams.ready_models, settings.discovery_namespaces)


def _by_model(in_flight: InFlight, coalescer: Coalescer[Answer]) -> dict[Key, int]:
    """Requests in flight; those of /process are the ensemble's."""
    counts = dict(in_flight.counts)
    if (ENSEMBLE, OWN) in counts:
        counts[ENSEMBLE, OWN] += coalescer.in_flight
    return counts


def _desk(
    settings: Settings,
    upstreams: Upstreams,
    media: MediaReader,
    urls: DeployedUrls,
    in_flight: InFlight,
) -> Desk:
    return Desk(
        gate=Gate(settings.max_requests_in_flight, settings.max_timeout),
        predictor=Predictor(upstreams, media),
        upstreams=upstreams,
        served=Served(upstreams, urls),
        urls=urls,
        in_flight=in_flight,
        max_body_bytes=settings.max_media_body_bytes,
    )


def _pool(settings: Settings, metrics: OpenBreakers, transport: Transport | None) -> Pool:
    """Our own servers; of several, those get calls that are known to serve and did not fail."""
    several = len(settings.upstream_urls) > 1
    failures = 1 if several else settings.breaker_failures
    patience = min(settings.upstream_timeout, settings.predict_timeout)
    servers = [
        OwnServer(
            url,
            transport or _transport(settings, url),
            Breaker(url, failures, on_change=metrics.of(str(number)), is_open=several),
            patience,
        )
        for number, url in enumerate(settings.upstream_urls)
    ]
    model = ENSEMBLE if ENSEMBLE in settings.models else settings.models[0]
    return Pool(servers, f"/v2/models/{quote(model, safe='')}/ready", settings.probe_timeout)


def _transport(settings: Settings, url: str) -> HttpTransport:
    return HttpTransport(
        url, settings.connect_timeout, settings.max_answer_bytes, settings.upstream_headers
    )


def _sender(
    settings: Settings, metrics: OpenBreakers, own: Pool, urls: DeployedUrls, servers: Servers
) -> Sender:
    foreign = ForeignServers(
        settings.breaker_failures,
        settings.breaker_pause,
        settings.predict_timeout,
        metrics.of("foreign"),
        urls.is_named,
    )
    return Sender(
        own,
        foreign,
        Outbound(urls.is_listed, settings.allowed_networks, REFUSAL, servers),
        settings.connect_timeout,
        settings.max_answer_bytes,
        settings.upstream_headers,
    )


def _checked(settings: Settings) -> Callable[[ASGIApp], ASGIApp]:
    """What checks keys and holds callers to their limits; nothing, unless there are any."""
    keys, rate, concurrency = settings.keys, settings.rate_limit, settings.max_concurrency
    limits, admitted = CallerLimits(), Access(keys, access.RULES)

    def check(app: ASGIApp) -> ASGIApp:
        if keys.enabled or rate or concurrency:
            app = LimitCallers(app, limits, rate, concurrency)
        return RequireKeys(app, admitted) if keys.enabled else app

    return check


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_texts_per_call=settings.max_texts_per_call,
        max_bytes_per_call=settings.max_bytes_per_call,
        max_calls_in_flight=settings.max_calls_in_flight * len(settings.upstream_urls),
        max_waiting_texts=settings.max_waiting_texts,
        max_waiting_seconds=settings.max_waiting_seconds,
        max_waiting_bytes=settings.max_waiting_bytes,
    )
