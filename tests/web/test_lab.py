"""The server of the lab: rooms, and clients that mean no good."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from processes import Process
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.websocket import WebSocketClientConnection, websocket_connect

from evosim.errors import EvosimError
from evosim.testing import TINY
from evosim.web import lab as labs
from evosim.web import rooms
from evosim.web.lab import Lab, _names
from evosim.web.rooms import Room
from evosim.web.session import Session

WAIT = 60


class Guest:
    """A client; ``heard`` holds the latest message of each kind."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        assert socket.protocol is not None
        self.stream = socket.protocol.stream  # which is lost when the client says goodbye
        self.heard: dict[str, dict[str, Any]] = {}
        self.rows: list[dict[str, Any]] = []

    async def say(self, do: str, **message: Any) -> None:
        await self.socket.write_message(json.dumps({"do": do, **message}))

    async def hear(self, enough: Callable[[], Any]) -> Any:
        """Listen until something holds."""
        while not (found := enough()):
            text = await asyncio.wait_for(self.socket.read_message(), WAIT)
            assert text is not None, f"put out: {self.socket.close_reason}"
            message = json.loads(text)
            self.heard[message["is"]] = message
            if message["is"] == "rows":
                self.rows += message["rows"]
        return found

    async def closed(self) -> int | None:
        """The code with which the server closes the connection."""
        while await asyncio.wait_for(self.socket.read_message(), WAIT) is not None:
            pass
        return self.socket.close_code

    def state(self, key: str) -> Any:
        return self.heard.get("state", {}).get(key)


class House:
    """A lab that is served in this process."""

    def __init__(self, lab: Lab, port: int) -> None:
        self.lab, self.room, self.port = lab, lab.room, port
        self.guests: list[Guest] = []

    async def connect(self, **headers: str) -> Guest:
        request = HTTPRequest(f"ws://127.0.0.1:{self.port}/socket", headers=headers)
        self.guests.append(Guest(await websocket_connect(request)))
        return self.guests[-1]

    async def join(self, token: str, **more: Any) -> Guest:
        guest = await self.connect()
        await guest.say("join", token=token, **more)
        await guest.hear(lambda: "welcome" in guest.heard and guest.rows)
        return guest

    async def page(self, **headers: str) -> str:
        url = f"http://127.0.0.1:{self.port}/"
        got = await AsyncHTTPClient().fetch(HTTPRequest(url, headers=headers))
        assert got.headers["Cache-Control"] == "no-store"
        return got.body.decode()


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return str(path)


def serve(room: Room, visit: Callable[[House], Awaitable[None]]) -> None:
    """Serve a room while somebody visits it; after that a good client is served as ever."""

    async def main() -> None:
        lab = Lab(room, _names("127.0.0.1"))
        server = HTTPServer(lab.application(), max_body_size=4096)
        listening, port = bind_unused_port()
        server.add_sockets([listening])
        house = House(lab, port)
        try:
            await room.teacher.bench.begin(room.seed)
            await visit(house)
            guest = await house.join(room.token)
            before = len(guest.rows)
            await guest.say("step")
            await guest.hear(lambda: len(guest.rows) > before)
        finally:
            server.stop()
            for guest in house.guests:
                guest.socket.close()
                guest.stream.close()
            lab.end()
            await server.close_all_connections()
            await asyncio.sleep(0.05)

    asyncio.run(main())


def test_a_flip_and_what_was_predicted_of_it(tiny: str) -> None:
    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        assert guest.heard["welcome"]["about"]["suggested"] == "after"
        await guest.say("predict", capability=0.5, alignment=0.5)
        await guest.hear(lambda: "error" in guest.heard)
        assert "no flip to predict" in guest.heard["error"]["says"]
        await guest.say("step")
        await guest.say("aim", train="after", select=True, selected="food")
        await guest.say("predict", capability=0.5, alignment=0.25)
        await guest.hear(lambda: guest.state("mine"))
        await guest.say("flip")
        (flip,) = await guest.hear(lambda: guest.state("rounds"))
        assert flip["mine"] == {"capability": 0.5, "alignment": 0.25}
        assert (flip["outcome"]["before"], flip["outcome"]["after"]) == ("before", "after")
        await guest.hear(lambda: guest.rows[-1]["world"] == "after")
        await guest.say("life", individual="best", level=0, environments=["before", "after"])
        lives = (await guest.hear(lambda: guest.heard.get("life")))["lives"]
        assert [life["level"]["rows"] for life in lives] == [3, 3]
        await guest.say("repeat")
        assert "timeline=" in (await guest.hear(lambda: guest.heard.get("repeat")))["command"]

    serve(Room(tiny, 1), visit)


def test_a_new_beginning_keeps_what_was_tried(tiny: str) -> None:
    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        await guest.say("aim", train="after", select=True, selected="food")
        await guest.say("flip")
        (first,) = await guest.hear(lambda: guest.state("rounds"))
        await guest.say(
            "begin", seed="18446744073709551615", moved={"agent.patience": 0.5}, keep=True
        )
        await guest.hear(lambda: guest.state("trials"))
        assert guest.state("trials")[0]["flips"] == [first["outcome"]]
        assert guest.state("moved") == {"agent.patience": 0.5}
        session = house.room.teacher.bench.session
        assert session is not None
        assert session.seed == 2**64 - 1
        assert session.settings["agent.patience"] == 0.5
        await guest.say("step")
        await guest.hear(lambda: guest.state("rounds"))  # with the same flips
        await guest.say("begin", seed="18446744073709551616")
        await guest.hear(lambda: "error" in guest.heard)

    serve(Room(tiny, 1), visit)


def test_pupils_watch_and_predict_and_hold_no_switch(tiny: str) -> None:
    async def visit(house: House) -> None:
        teacher = await house.join(house.room.token)
        pupils = [await house.join(house.room.pupils_token) for _ in range(2)]
        assert [pupil.heard["welcome"]["number"] for pupil in pupils] == [1, 2]
        assert all(pupil.heard["welcome"]["pupils_token"] == "" for pupil in pupils)
        before = teacher.rows[-1]["generation"]
        for do in ("play", "pause", "step", "flip", "report"):
            pupils[0].heard.pop("error", None)
            await pupils[0].say(do)
            await pupils[0].hear(lambda: "error" in pupils[0].heard)
            assert "teacher holds the switch" in pupils[0].heard["error"]["says"]
        assert teacher.rows[-1]["generation"] == before
        await teacher.say("aim", train="after", select=True, selected="food")
        for share, pupil in zip((0.2, 0.9), pupils, strict=True):
            await pupil.hear(lambda pupil=pupil: pupil.state("aim"))
            await pupil.say("predict", capability=1.0, alignment=share)
        await teacher.hear(lambda: len(teacher.state("open") or ()) == 2)
        await pupils[0].hear(lambda: pupils[0].state("predicted") == 2)
        assert pupils[0].state("open") == []  # what others said is not told before
        await teacher.say("flip")
        (flip,) = await pupils[0].hear(lambda: pupils[0].state("rounds"))
        assert sorted(one["alignment"] for one in flip["predictions"]) == [0.2, 0.9]
        assert flip["mine"]["alignment"] == 0.2

    serve(Room(tiny, 1, taught=True), visit)


def test_pupils_with_seeds_of_their_own_make_an_interval(tiny: str) -> None:
    async def visit(house: House) -> None:
        teacher = await house.join(house.room.token)
        pupils = [await house.join(house.room.pupils_token) for _ in range(3)]
        assert [one.state("seed") for one in (teacher, *pupils)] == ["1", "2", "3", "4"]
        outcomes = []
        for pupil in pupils:
            await pupil.say("aim", train="after", select=True, selected="food")
            await pupil.say("predict", capability=0.5, alignment=0.5)
            await pupil.say("flip")
            (flip,) = await pupil.hear(lambda pupil=pupil: pupil.state("rounds"))
            outcomes.append(flip["outcome"]["of"]["alignment"])
        await teacher.hear(
            lambda: [one["n"] for one in teacher.heard.get("room", {}).get("groups", ())] == [3]
        )
        (group,) = teacher.heard["room"]["groups"]
        for side in (0, 1):
            values = [one[side] for one in outcomes]
            found = group["of"]["alignment"][side]
            assert found["value"] == pytest.approx(sum(values) / 3)
            low, high = found["interval"]
            assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
        assert len(group["predictions"]) == 3
        secret = pupils[0].heard["welcome"]["secret"]
        again = await house.join(house.room.pupils_token, secret=secret)
        assert again.state("seed") == "2"  # who comes back sits where they sat
        assert len(again.rows) == 2

    serve(Room(tiny, 1, own=True), visit)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no JSON",
        "[" * 2000,
        "null",
        '{"do": "rule"}',
        '{"do": "join", "token": 5}',
        '{"do": "join", "token": "wrong"}',
        '{"do": "play"}',
        b"\x00\xff\x00",
    ],
)
def test_who_does_not_join_is_put_out(tiny: str, message: str | bytes) -> None:
    async def visit(house: House) -> None:
        guest = await house.connect()
        await guest.socket.write_message(message, binary=isinstance(message, bytes))
        assert await guest.closed() == labs.REFUSED

    serve(Room(tiny, 1), visit)


def test_messages_that_are_none_are_told_and_then_end_it(tiny: str) -> None:
    bad: list[dict[str, Any]] = [
        {"do": "predict", "capability": 2, "alignment": 0},
        {"do": "predict", "capability": "1", "alignment": 0},
        {"do": "aim", "train": "x" * 300, "select": True, "selected": "food"},
        {"do": "aim", "train": "after", "select": "yes", "selected": "food"},
        {"do": "life", "individual": "worst", "level": 0, "environments": [None]},
        {"do": "life", "individual": 0, "level": 0, "environments": [None] * 3},
        {"do": "begin", "seed": "-1"},
        {"do": "begin", "seed": "1", "moved": {"agent.patience": "0.5; rm -rf /"}},
        {"do": "step", "times": 10**9},
        {"do": "join", "token": "again"},
    ]

    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        before = house.room.teacher.bench.version
        for message in bad:
            guest.heard.pop("error", None)
            await guest.socket.write_message(json.dumps(message))
            await guest.hear(lambda: "error" in guest.heard)
            assert "does not know this message" in guest.heard["error"]["says"], message
        assert house.room.teacher.bench.version == before
        for _ in range(labs.MISTAKES + 1 - len(bad)):
            await guest.socket.write_message("NaN")
        assert await guest.closed() == labs.REFUSED

    serve(Room(tiny, 1), visit)


def test_what_cannot_be_is_told_in_words(tiny: str) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"do": "aim", "train": "moon", "select": True, "selected": "food"}, "no environment"),
        ({"do": "aim", "train": "after", "select": True, "selected": "fame"}, "no payoff"),
        ({"do": "life", "individual": 10**9, "level": 0, "environments": [None]}, "no individual"),
        ({"do": "life", "individual": 0, "level": -1, "environments": [None]}, "no level"),
        ({"do": "life", "individual": 0, "level": 0, "environments": ["moon"]}, "no environment"),
        ({"do": "begin", "seed": "1", "moved": {"world.rows": 2000}}, "no number 'world.rows'"),
        ({"do": "begin", "seed": "1", "moved": {"evolution.population": 1e9}}, "allowed 4 to 80"),
        (
            {"do": "begin", "seed": "1", "moved": {"evolution.population": 10**400}},
            "individuals: inf (allowed 4 to 80)",
        ),
        ({"do": "flip"}, "choose first"),
    ]

    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        for message, reason in refused:
            guest.heard.pop("error", None)
            await guest.socket.write_message(json.dumps(message))
            await guest.hear(lambda: "error" in guest.heard)
            assert reason in guest.heard["error"]["says"]

    serve(Room(tiny, 1), visit)


def test_a_message_that_is_too_long_and_a_flood_are_cut_off(tiny: str) -> None:
    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        await guest.socket.write_message("x" * (labs.MOST_BYTES + 1))
        assert await guest.closed() == 1009
        guest = await house.join(house.room.token)
        for _ in range(3 * int(labs.BURST)):
            await guest.say("pause")
        assert await guest.closed() == labs.REFUSED

    serve(Room(tiny, 1), visit)


def test_pages_of_others_and_other_names_are_refused(tiny: str) -> None:
    async def visit(house: House) -> None:
        here = f"127.0.0.1:{house.port}"
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": f"http://{here}.evil.example"},
            {"Origin": "null"},
            {"Origin": "http://evil.example", "Host": "evil.example"},
        ):
            with pytest.raises(HTTPClientError, match="403"):
                await house.connect(**headers)
        with pytest.raises(HTTPClientError, match="403"):
            await house.page(Host="evil.example")
        assert "<title>evosim lab</title>" in await house.page(Host=f"localhost:{house.port}")
        (await house.connect(Origin=f"http://{here}")).socket.close()

    serve(Room(tiny, 1), visit)


def test_there_is_room_for_so_many(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_PUPILS", 2)
    monkeypatch.setattr(labs, "MOST_CLIENTS", 4)

    async def visit(house: House) -> None:
        pupils = [await house.join(house.room.pupils_token) for _ in range(2)]
        third = await house.connect()
        await third.say("join", token=house.room.pupils_token)
        assert await third.closed() == labs.REFUSED
        assert "room is full" in str(third.socket.close_reason)
        idle = [await house.connect() for _ in range(2)]
        with pytest.raises(HTTPClientError, match="503"):
            await house.connect()
        for one in (*pupils, *idle):
            one.socket.close()
        while house.lab.clients:
            await asyncio.sleep(0.01)

    serve(Room(tiny, 1, own=True), visit)


@pytest.mark.parametrize("own", [False, True])
def test_a_full_room_gives_away_the_place_of_who_has_gone_and_left_nothing(
    own: bool, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_PUPILS", 2)

    async def visit(house: House) -> None:
        token = house.room.pupils_token
        first, second = [await house.join(token) for _ in range(2)]
        first.socket.close()
        while len(house.lab.clients) > 1:
            await asyncio.sleep(0.01)
        third = await house.join(token)
        assert third.heard["welcome"]["number"] == 3  # a seed that no one had
        back = await house.connect()
        await back.say("join", token=token, secret=first.heard["welcome"]["secret"])
        assert await back.closed() == labs.REFUSED
        if own:  # what came of its flip is part of what came of the class
            await second.say("aim", train="after", select=True, selected="food")
            await second.say("flip")
            await second.hear(lambda: second.state("rounds"))
            second.socket.close()
            while len(house.lab.clients) > 1:
                await asyncio.sleep(0.01)
            fourth = await house.connect()
            await fourth.say("join", token=token)
            assert await fourth.closed() == labs.REFUSED

    serve(Room(tiny, 1, taught=True, own=own), visit)


def test_who_does_not_join_in_time_is_put_out(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labs, "JOINING", 0.05)

    async def visit(house: House) -> None:
        assert await (await house.connect()).closed() == labs.REFUSED

    serve(Room(tiny, 1), visit)


def test_a_client_that_does_not_read_is_put_out(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labs, "STALLED", 0.2)

    async def visit(house: House) -> None:
        stalled = socket.socket()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", house.port))
        stalled.sendall(
            f"GET /socket HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        join = json.dumps({"do": "join", "token": house.room.token}).encode()
        stalled.sendall(bytes([0x81, 0x80 | len(join), 0, 0, 0, 0]) + join)
        while not any(client.member for client in house.lab.clients):
            await asyncio.sleep(0.01)
        (client,) = house.lab.clients
        # More than its buffers and those of the system hold.
        client.tell({"is": "report", "name": "", "html": "x" * 30_000_000})
        while house.lab.clients:
            await asyncio.sleep(0.01)
        stalled.close()

    serve(Room(tiny, 1), visit)


def test_the_page_is_served_while_a_generation_is_simulated(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    step = Session.step

    def slow(self: Session) -> Any:
        begun.set()
        assert go_on.wait(WAIT)
        return step(self)

    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        monkeypatch.setattr(Session, "step", slow)
        await guest.say("play")
        while not begun.is_set():
            await asyncio.sleep(0.01)
        other = await house.join(house.room.token)
        assert "evosim lab" in await house.page()
        assert len(other.rows) == 1
        go_on.set()
        await other.hear(lambda: len(other.rows) > 1)
        monkeypatch.setattr(Session, "step", step)
        guest.socket.close()
        other.socket.close()
        bench = house.room.teacher.bench
        while bench.viewers or bench.playing:  # nobody looks any more, so nothing is simulated
            await asyncio.sleep(0.01)
        assert bench._task is not None
        await asyncio.wait_for(bench._task, WAIT)

    serve(Room(tiny, 1), visit)


def test_a_score_that_is_no_number_pauses_the_session_and_is_told(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evosim.errors import RunError

    def wrong(self: Session) -> Any:
        raise RunError("generation 1: a score of inf")

    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        with monkeypatch.context() as context:
            context.setattr(Session, "step", wrong)
            await guest.say("play")
            await guest.hear(lambda: "score of inf" in (guest.state("problem") or ""))
            await guest.hear(lambda: not guest.state("playing"))

    serve(Room(tiny, 1), visit)


def test_a_report_of_the_session(tiny: str) -> None:
    async def visit(house: House) -> None:
        guest, other = [await house.join(house.room.token) for _ in range(2)]
        await guest.say("report")
        await asyncio.sleep(0.2)
        await other.say("report")
        await other.hear(lambda: other.heard.get("error"))
        assert "a report is being made" in other.heard["error"]["says"]
        report = await guest.hear(lambda: guest.heard.get("report"))
        assert report["name"] == "tiny-seed-1.html"
        assert report["html"].startswith("<!doctype html>")
        assert "Does it run?" in report["html"]

    serve(Room(tiny, 1), visit)


def test_who_waits_for_what_takes_long_is_not_put_out(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*words: str) -> None:
        await asyncio.sleep(1.5)
        raise EvosimError("it took long")

    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        await guest.say("report")
        error = await guest.hear(lambda: guest.heard.get("error"))
        assert "it took long" in error["says"]
        await guest.say("step")
        await guest.hear(lambda: len(guest.rows) > 1)

    monkeypatch.setattr(labs, "PING", 0.2)
    monkeypatch.setattr(labs, "_evosim", slow)
    serve(Room(tiny, 1), visit)


def test_a_fault_of_the_lab_puts_out_whom_it_befalls(
    tiny: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: labs.Client, *given: object) -> None:
        raise RuntimeError("broken")

    async def visit(house: House) -> None:
        guest = await house.join(house.room.token)
        with monkeypatch.context() as patch:
            patch.setattr(labs.Client, "_obey", broken)
            await guest.say("play")
            assert await guest.closed() == labs.FAULT

    serve(Room(tiny, 1), visit)
    assert "RuntimeError: broken" in caplog.text


def test_a_bench_has_one_thread(tiny: str) -> None:
    room = Room(tiny, 1)

    async def main() -> list[str]:
        for _ in range(3):
            await room.teacher.bench.begin(1)
        names = [t.name for t in threading.enumerate() if t.name.startswith("lab-0")]
        room.end()
        return names

    assert len(asyncio.run(main())) == 1


def started(tmp_path: Path, *words: object) -> tuple[Process, str]:
    """The command, and the address that it tells."""
    process = Process(tmp_path, "lab", "tiny.toml", "--no-browser", "--port", 0, *words)
    told = Path(process._printed[0].name)
    end = time.monotonic() + WAIT
    while not (found := re.search(r"http://\S+", told.read_text())):
        assert process.returncode is None
        assert time.monotonic() < end
        time.sleep(0.05)
    return process, found[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_and_tells_how_to_repeat_the_session(
    tiny: str, tmp_path: Path, number: int
) -> None:
    process, _ = started(tmp_path, "--seed", 5)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 0
    assert err == ""
    assert out.splitlines()[-1].startswith(
        "this session again: evosim run tiny.toml --seed 5 --set"
    )


def test_mistakes_are_told_before_anything_is_served(tmp_path: Path) -> None:
    from processes import call

    done = call(tmp_path, "lab", "nowhere", "--no-browser")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call(tmp_path, "lab", "foraging", "--no-browser", "--port", port)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
