"""The embedded profile as one process: checks what cannot work, opens everything, serves, and ends well."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from backend import logs
from backend.api import create_app
from backend.encoder import load_chosen
from backend.errors import ConfigurationError
from backend.http_server import HttpServer
from backend.profile import open_services
from backend.settings import Settings

LOG = logging.getLogger("twinspace.serve")

DRAIN_SECONDS = 6.0
"""For requests in hand when the server is told to stop; the rest of `EXIT_SECONDS` is the ingest's."""
EXIT_SECONDS = 9.5


def serve(settings: Settings, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Blocks until SIGTERM or SIGINT, then answers what was accepted and returns. `announce` hears one
    line once the server listens. Raises `ConfigurationError` where it cannot start."""
    logs.configure()
    sock = bind(settings, host, port)
    encoder = load_chosen(settings)
    services = open_services(settings, lambda _: encoder)
    try:
        app = create_app(services)
        server = HttpServer(app, sock, settings)
        _stop_on_signals(server)
        try:
            server.accept_connections()
        except OSError as error:  # Two may bind a port at the same moment; only one may listen.
            raise _cannot_listen(host, port, error) from error
        announce(
            f"Twinspace listens on {_url(sock)} (docs: /docs), data in {settings.data}, "
            f"encoder {encoder.space.name}"
        )
        server.run()
        watchdog = threading.Timer(EXIT_SECONDS, _give_up)
        watchdog.daemon = True
        watchdog.start()
        if not server.drain(DRAIN_SECONDS):
            LOG.warning("Stopped before every request had ended.")
        app.extensions["twinspace"].close()
    finally:
        services.close()


def bind(settings: Settings, host: str, port: int) -> socket.socket:
    """Takes the port at once and listens later: a port that is taken is known before a model is loaded."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError, OverflowError) as error:
        raise ConfigurationError(f"`{host}` is no address to listen on: {error}") from error
    _refuse_open_door(settings, host, str(address[0]))
    sock = socket.socket(family, kind, proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _cannot_listen(host, port, error) from error
    return sock


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(f"Port {port} on {host} is taken; choose another with --port.")
    return ConfigurationError(f"Cannot listen on {host}, port {port}: {error.strerror}.")


def _refuse_open_door(settings: Settings, host: str, address: str) -> None:
    loopback = ipaddress.ip_address(address.split("%")[0]).is_loopback
    if loopback or settings.api_keys or settings.allow_unauthenticated:
        return
    raise ConfigurationError(
        f"{host} can be reached from other machines and no API keys are set: anyone could read and delete. "
        "Set TWINSPACE_API_KEYS, or TWINSPACE_ALLOW_UNAUTHENTICATED=true if something in front asks for them."
    )


def _stop_on_signals(server: HttpServer) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT:  # Whoever presses Ctrl-C twice does not want to wait.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _give_up() -> None:
    """What is still running is safe to lose: everything accepted is in the catalogue."""
    LOG.warning("Background work did not end in time; it goes on at the next start.")
    logging.shutdown()
    os._exit(0)
