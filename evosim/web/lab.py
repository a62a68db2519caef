"""The server of the lab: a page, a WebSocket, and nothing that comes from elsewhere.

Messages are JSON. A client joins with a token and then gets, at most ten times a second and never
faster than it reads, what is new of its bench. What it sends is checked by the models below, one
message after the other. A client that floods the server, sends what is no message or does not read
is put out; nobody else notices.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from evosim.errors import Argument, EvosimError, seed_number
from evosim.scenario.settings import Settings
from evosim.web.page import LIBRARY, render
from evosim.web.rooms import SPEEDS, Member, Room, about, as_message
from evosim.web.session import Choice

PORT = 8421
TICK = 0.1
"""Seconds between two messages to a client, at least."""
MOST_BYTES = 4096
"""Length of a message of a client, at most."""
MOST_CLIENTS = 100
BURST, RATE = 60.0, 20.0
"""Messages of a client at once, and a second."""
MISTAKES = 20
"""Messages that are none, until a client is put out."""
JOINING, STALLED = 10.0, 30.0
"""Seconds in which a client has to join, and to read what it is sent."""
PING = 20.0
"""Seconds from one ping to the next, which a client has to have answered by then."""
REFUSED, GONE, FAULT = 1008, 1001, 1011
"""Codes of a WebSocket that is closed (RFC 6455, 7.4.1)."""

Word = Annotated[str, StringConstraints(max_length=200)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class Message(BaseModel):
    """What a client may send."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Join(Message):
    do: Literal["join"]
    token: Word
    secret: Word | None = None


class Simple(Message):
    do: Literal["play", "pause", "step", "flip", "repeat", "report"]


class Speed(Message):
    do: Literal["speed"]
    value: int


class Aim(Message):
    do: Literal["aim"]
    train: Word
    select: bool
    selected: Word


class Predict(Message):
    do: Literal["predict"]
    capability: Share
    alignment: Share


class Begin(Message):
    do: Literal["begin"]
    seed: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    moved: Annotated[dict[Word, Whole | float], Field(max_length=40)] = {}
    keep: bool = False


class Life(Message):
    do: Literal["life"]
    individual: int | Literal["best", "median"]
    level: int
    environments: Annotated[list[Word | None], Field(min_length=1, max_length=2)]


Sent = Annotated[Join | Simple | Speed | Aim | Predict | Begin | Life, Field(discriminator="do")]
SENT: TypeAdapter[Any] = TypeAdapter(Sent)

FOR_ALL = ("predict", "life", "repeat")
"""What may be asked without holding the switch."""


class Lab:
    """A room with its page and its clients.

    Args:
        room: that is served.
        hosts: names by which it may be asked for; None: any.
    """

    def __init__(self, room: Room, hosts: frozenset[str] | None) -> None:
        self.room, self.hosts = room, hosts
        self.clients: set[Client] = set()
        self.reporting = False
        self.page = render(
            "lab.html", title="evosim lab", data={}, connect="'self'",
            scripts=(*LIBRARY, "lab.js"), looks=("lab.css",),
        )  # fmt: skip

    def application(self) -> Application:
        """What answers requests."""
        mine = {"lab": self}
        return Application(
            [("/", Page, mine), ("/socket", Client, mine)],
            websocket_max_message_size=MOST_BYTES,
            websocket_ping_interval=PING,
            compress_response=True,
            log_function=lambda handler: None,
        )

    def end(self) -> None:
        """Put everybody out, and end all sessions."""
        for client in list(self.clients):
            client.close(GONE, "the lab has ended")
        self.room.end()


def _check_host(lab: Lab, host: str) -> bool:
    """Whether a request is for this server: a name that somebody else resolved to it is not."""
    if lab.hosts is None:
        return True
    with suppress(ValueError):
        return (urlsplit(f"//{host}").hostname or "") in lab.hosts
    return False


class Page(RequestHandler):
    """The page."""

    def initialize(self, lab: Lab) -> None:
        self.lab = lab

    def prepare(self) -> None:
        if not _check_host(self.lab, self.request.host):
            raise HTTPError(403)

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def get(self) -> None:
        self.write(self.lab.page)


class Client(WebSocketHandler):
    """Somebody at a bench."""

    def initialize(self, lab: Lab) -> None:
        self.lab = lab
        self.member: Member | None = None
        self._news = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._tokens, self._counted, self._mistakes = BURST, 0.0, 0
        self._extra: list[dict[str, Any]] = []
        # What it said and is still to be dealt with; None once it has gone.
        self._said: asyncio.Queue[str | bytes | None] = asyncio.Queue(int(BURST))
        self._listener: asyncio.Task[None] | None = None

    def prepare(self) -> None:
        if not _check_host(self.lab, self.request.host):
            raise HTTPError(403)
        if len(self.lab.clients) >= MOST_CLIENTS:
            raise HTTPError(503)

    def check_origin(self, origin: str) -> bool:
        """Only the page of this very server may connect."""
        return urlsplit(origin).netloc.lower() == self.request.host.lower()

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        self.lab.clients.add(self)
        self._counted = asyncio.get_running_loop().time()
        asyncio.get_running_loop().call_later(JOINING, self._put_out_unless_joined)
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    def _put_out_unless_joined(self) -> None:
        if self.member is None:
            self.close(REFUSED, "did not join")

    def on_close(self) -> None:
        self.lab.clients.discard(self)
        if self._sender is not None:
            self._sender.cancel()
        while not self._said.empty():
            self._said.get_nowait()
        self._said.put_nowait(None)
        if self.member is not None:
            self.member.bench.viewers.discard(self)
            self.lab.room.here[self.member.secret] -= 1

    def wake(self) -> None:
        self._news.set()

    def tell(self, message: dict[str, Any]) -> None:
        """Have something told to this client alone."""
        self._extra.append(message)
        self.wake()

    # While this waits Tornado hears no answer to a ping either, and would put the client out; so
    # what may take a minute, as a report does, is done elsewhere.
    async def on_message(self, message: str | bytes) -> None:
        if self._may_send():
            await self._said.put(message)
        else:
            self.close(REFUSED, "too many messages")

    async def _listen(self) -> None:
        """Deal with one message after the other."""
        try:
            while (message := await self._said.get()) is not None:
                await self._heed(message)
        except Exception:  # a fault of ours, told as Tornado tells those of its own callbacks
            self.log_exception(*sys.exc_info())
            self.close(FAULT, "a fault of the lab")

    async def _heed(self, message: str | bytes) -> None:
        try:
            sent = SENT.validate_json(message)
        except ValidationError:
            self._mistaken()
            return
        try:
            if self.member is None:
                await self._join(sent)
            elif sent.do == "join":
                self._mistaken()
            elif sent.do in FOR_ALL or self.member.holds:
                await self._obey(self.member, sent)
            else:
                self.tell({"is": "error", "says": "the teacher holds the switch"})
        except EvosimError as error:
            self.tell({"is": "error", "says": str(error)})

    def _may_send(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._tokens = min(BURST, self._tokens + RATE * (now - self._counted)) - 1
        self._counted = now
        return self._tokens >= 0

    def _mistaken(self) -> None:
        self._mistakes += 1
        if self._mistakes > MISTAKES or self.member is None:
            self.close(REFUSED, "no message of the lab")
        else:
            self.tell({"is": "error", "says": "the server does not know this message"})

    async def _join(self, sent: Any) -> None:
        if sent.do != "join":
            self._mistaken()
            return
        try:
            member = await self.lab.room.join(sent.token, sent.secret)
        except EvosimError as error:
            self.close(REFUSED, str(error))
            return
        if member is None:
            self.close(REFUSED, "wrong token")
            return
        session = member.bench.session
        if self.ws_connection is None or session is None:
            return
        self.member = member
        member.bench.viewers.add(self)
        self.lab.room.here[member.secret] += 1
        room = self.lab.room
        self.tell({
            "is": "welcome",
            "number": member.number,
            "secret": member.secret,
            "holds": member.holds,
            "taught": room.taught,
            "own": room.own,
            "pupils_token": room.pupils_token if member is room.teacher else "",
            "about": about(session),
        })  # fmt: skip
        self._sender = asyncio.get_running_loop().create_task(self._send(member))

    async def _send(self, member: Member) -> None:
        """Tell the client what is new, whenever it has read what it was told before."""
        bench, room = member.bench, self.lab.room
        of, rows, state, band, whole = 0, 0, -1, -1, -1
        try:
            while True:
                self._news.clear()
                texts = [as_message(one) for one in self._extra]
                self._extra.clear()
                session = bench.session
                assert session is not None
                if session.id != of:
                    of, rows, state, band = session.id, 0, -1, -1
                if state != bench.version:
                    state = bench.version
                    texts.append(as_message(bench.state(member)))
                if rows < (end := len(session.rows)):
                    texts.append(bench.rows(session, rows, end))
                    rows = end
                if band != bench.band_version:
                    band = bench.band_version
                    texts.append(as_message(bench.band()))
                if room.taught and whole != room.version:
                    whole = room.version
                    texts.append(as_message(room.state()))
                for text in texts:
                    # What is written waits until the client has taken it: nothing piles up.
                    await asyncio.wait_for(self.write_message(text), STALLED)
                await asyncio.sleep(TICK)
                await self._news.wait()
        except (WebSocketClosedError, asyncio.CancelledError):
            pass
        except TimeoutError:
            if (protocol := self.ws_connection) is not None and protocol.stream is not None:
                protocol.stream.close()  # it would not read a goodbye either

    async def _obey(self, member: Member, sent: Any) -> None:
        bench = member.bench
        assert bench.session is not None
        match sent.do:
            case "play":
                bench.play()
            case "pause":
                bench.pause()
            case "step":
                if not bench.playing:
                    await bench.step()
                    bench.changed()
            case "flip":
                await bench.flip()
            case "speed":
                if sent.value in SPEEDS:
                    bench.speed = sent.value
                    bench.changed()
            case "aim":
                bench.point(Choice(sent.train, sent.select, sent.selected))
            case "predict":
                bench.predict(member, {"capability": sent.capability, "alignment": sent.alignment})
            case "begin":
                await bench.begin(seed_number(int(sent.seed)), sent.moved, keep=sent.keep)
            case "life":
                self.tell(await bench.life(sent.individual, sent.level, sent.environments))
            case "repeat":
                self.tell(await bench.repeat())
            case "report":
                self.tell(await self._report(member))

    async def _report(self, member: Member) -> dict[str, Any]:
        """The session run again in a process of its own, and the report of that run."""
        if self.lab.reporting:
            raise EvosimError("a report is being made; try again when it is done")
        session = member.bench.session
        assert session is not None
        self.lab.reporting = True
        try:
            with tempfile.TemporaryDirectory(prefix="evosim-lab-") as folder:
                out, page = Path(folder, "run"), Path(folder, "report.html")
                words = await member.bench.work(session.command, str(out))
                await _evosim(*words[1:], "--quiet")
                await _evosim("report", str(out), "--out", str(page))
                text = await asyncio.to_thread(page.read_text, "utf-8")
            name = f"{session.written.id}-seed-{session.seed}.html"
            return {"is": "report", "name": name, "html": text}
        finally:
            self.lab.reporting = False


async def _evosim(*words: str) -> None:
    """Run a command of evosim in a process of its own.

    Raises:
        EvosimError: it failed; what it said.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "evosim", *words,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        raise EvosimError(f"evosim {words[0]}: {said.decode(errors='replace').strip()[-500:]}")


def serve(
    source: str,
    seed: int | None = None,
    *,
    settings: Settings = (),
    host: str = "127.0.0.1",
    port: int | None = None,
    room: bool = False,
    own: bool = False,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the lab until Ctrl-C.

    Args:
        source: the scenario, an id of the catalogue or the path of a file.
        seed: of the session; None: one of four digits is drawn.
        settings: changes of the scenario.
        host: the address that is listened on.
        port: the port; None: 8421, or any that is free.
        room: whether pupils may come and watch.
        own: whether they may come, and each has a session of their own.
        browser: whether a browser is opened.
        say: takes each line that is told.

    Raises:
        EvosimError: a mistake in the scenario; nothing can listen there.
    """
    seed = secrets.randbelow(10_000) if seed is None else seed_number(seed)
    made = Room(source, seed, settings, taught=room, own=own)
    asyncio.run(_serve(made, host, port, browser, say))


async def _serve(
    room: Room, host: str, port: int | None, browser: bool, say: Callable[[str], None]
) -> None:
    bench = room.teacher.bench
    lab = Lab(room, _names(host))
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    room.written()  # mistakes are told at once
    sockets = _listen(host, port)
    server = HTTPServer(
        lab.application(), max_body_size=MOST_BYTES, max_header_size=16384,
        idle_connection_timeout=120, body_timeout=10,
    )  # fmt: skip
    before = {}
    try:
        say("the first generation is simulated; the first time ever this takes minutes ...")
        await bench.begin(room.seed)
        for number in (signal.SIGINT, signal.SIGTERM):
            # Not the handlers of asyncio, which Windows does not have.
            before[number] = signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        server.add_sockets(sockets)
        at = f"http://{_shown(host)}:{sockets[0].getsockname()[1]}/#"
        if not room.taught:
            say(f"the lab: {at}{room.token}")
        else:
            say(f"for the teacher: {at}{room.token}")
            say(f"for pupils:      {at}{room.pupils_token}")
        say("Ctrl-C ends it")
        if browser:
            # Some browsers of the terminal do not return, and must not keep the lab from working.
            threading.Thread(
                target=_open, args=(f"{at}{room.token}",), daemon=True, name="browser"
            ).start()
        await stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.stop()
        for one in sockets:
            one.close()
        lab.end()
        await asyncio.sleep(0)
    session = bench.session
    if session is not None:
        say(f"\nthis session again: {session.command_line}")


def _listen(host: str, port: int | None) -> list[socket.socket]:
    """Sockets on a port, or on a free one if none was named and the usual one is taken.

    Raises:
        EvosimError: there is no such address, or the port is taken.
    """
    for wanted in (PORT, 0) if port is None else (port,):
        try:
            return bind_sockets(wanted, host)
        except OSError as error:
            reason = error.strerror or str(error)
    raise EvosimError(
        f"cannot listen on {host}, port {PORT if port is None else port}: {reason}; choose another "
        "one: ",
        Argument("host", ...),
        ", ",
        Argument("port", ...),
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def _names(host: str) -> frozenset[str] | None:
    """The names by which the server may be asked for."""
    return frozenset({"127.0.0.1", "localhost", "::1", host}) if _is_loopback(host) else None


def _shown(host: str) -> str:
    """The host as others write it: of all addresses the one by which this machine goes out."""
    if host in ("0.0.0.0", "::", ""):
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(("192.0.2.1", 9))  # nothing is sent (RFC 5737)
            return str(out.getsockname()[0])
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _open(url: str) -> None:
    with suppress(Exception):  # whatever a browser does, the address is printed
        webbrowser.open(url)
