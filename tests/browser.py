"""A real browser for tests of pages: Chromium without a window, driven over its DevTools protocol.

    with Browser() as browser:
        page = browser.open(path.as_uri())
        page.press("ArrowRight")
        assert page.evaluate("document.activeElement.value") == "1"
        assert page.outside == [] and page.problems == []

``needs_browser`` marks tests that are left out where there is none. All calls wait until they are
done, and raise ``AssertionError`` with what the page says where they fail.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from tornado.websocket import WebSocketClientConnection, websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOUND = next((path for name in NAMES if (path := shutil.which(name))), None)
WAIT = 30.0
"""Seconds in which anything has to happen."""
KEYS = {
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35,
    "PageUp": 33, "PageDown": 34, "Enter": 13, "Tab": 9, "Escape": 27, " ": 32,
}  # fmt: skip
LOCAL = ("file:", "data:", "blob:", "about:", "chrome:", "devtools:")

needs_browser = pytest.mark.skipif(
    FOUND is None, reason=f"no browser is installed: none of {', '.join(NAMES)}"
)


class Browser:
    """Chromium with a profile of its own, which is deleted in the end.

    Args:
        options: more options of its command line.
    """

    def __init__(self, *options: str) -> None:
        self.options = options

    def __enter__(self) -> Self:
        assert FOUND is not None
        self.profile = tempfile.mkdtemp(prefix="evosim-browser-")
        self.log = open(os.path.join(self.profile, "log"), "wb")
        self.process = subprocess.Popen(
            [
                FOUND,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-extensions",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                f"--user-data-dir={self.profile}",
                *self.options,
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=self.log,
        )
        self.loop = asyncio.new_event_loop()
        self.pages: dict[str, Page] = {}
        self.answers: dict[int, dict[str, Any]] = {}
        self.number = 0
        try:
            address = Path(self.profile, "DevToolsActivePort")
            end = time.monotonic() + WAIT
            while not (address.exists() and len(lines := address.read_text().split()) == 2):
                assert self.process.poll() is None, "the browser ended at once"
                assert time.monotonic() < end, "the browser does not answer"
                time.sleep(0.05)
            url = f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            self.socket: WebSocketClientConnection = self._run(
                lambda: websocket_connect(url, max_message_size=2**28)
            )
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._run(self._goodbye)
        self._end()

    async def _goodbye(self) -> None:
        # In the loop that runs: whoever else runs one leaves the thread without any.
        protocol = self.socket.protocol
        self.socket.close()
        await asyncio.sleep(0.05)
        if protocol is not None and protocol.stream is not None:
            protocol.stream.close()

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A new tab with an address in it, when it has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.looks(width=width, height=height, dark=dark)
        page.go(url)
        return page

    def call(self, method: str, session: str | None = None, **arguments: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": arguments}
        if session is not None:
            message["sessionId"] = session
        self._run(lambda: self.socket.write_message(json.dumps(message)))
        number = self.number
        self.listen(lambda: number in self.answers, method)
        answer = self.answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def listen(self, enough: Callable[[], bool], what: str) -> None:
        """Take messages until something holds."""
        end = time.monotonic() + WAIT
        while not enough():
            left = end - time.monotonic()
            assert left > 0, f"waited {WAIT:g} s in vain for {what}"
            text = self._run(self._read(left))
            assert text is not None, f"the browser closed the connection during {what}"
            message = json.loads(text)
            if "id" in message:
                self.answers[message["id"]] = message
            elif (page := self.pages.get(message.get("sessionId", ""))) is not None:
                page.heard(message["method"], message["params"])

    def _read(self, seconds: float) -> Callable[[], Any]:
        return lambda: asyncio.wait_for(self.socket.read_message(), seconds)

    def _run(self, begin: Callable[[], Any]) -> Any:
        async def wait() -> Any:
            return await begin()  # begun here, for it belongs to the loop that runs

        return self.loop.run_until_complete(wait())


class Page:
    """A tab.

    Attributes:
        requests: every address that it asked for.
        problems: what its console says that is no plain message: errors of scripts, whatever
            its Content-Security-Policy blocked, files that were not found.
    """

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self.browser, self.session, self.target = browser, session, target
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.loaded = 0

    @property
    def outside(self) -> list[str]:
        """The addresses that it asked for on any machine, this one included."""
        return [url for url in self.requests if not url.startswith(LOCAL)]

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One command of the protocol for this tab, and its result."""
        return self.browser.call(method, self.session, **arguments)

    def heard(self, event: str, about: dict[str, Any]) -> None:
        """Keep what an event tells."""
        if event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif event == "Network.webSocketCreated":
            self.requests.append(about["url"])
        elif event == "Page.loadEventFired":
            self.loaded += 1
        elif event == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.problems.append(about["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            said = details.get("exception", {}).get("description", details["text"])
            self.problems.append(str(said))
        elif event == "Runtime.consoleAPICalled" and about["type"] in ("error", "assert"):
            self.problems.append(" ".join(str(a.get("value")) for a in about["args"]))

    def go(self, url: str) -> None:
        """Another address, when it has loaded."""
        loaded = self.loaded
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        self.browser.listen(lambda: self.loaded > loaded, f"{url} to load")

    def looks(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """The size of the window, in CSS pixels, and whether the screen is dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, code: str) -> Any:
        """The value of an expression in the page, or of the promise that it gives."""
        answer = self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        if details := answer.get("exceptionDetails"):
            raise AssertionError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, code: str) -> Any:
        """The value of an expression, as soon as it is true."""
        end = time.monotonic() + WAIT
        while not (value := self.evaluate(code)):
            assert time.monotonic() < end, f"waited {WAIT:g} s in vain for {code}"
            time.sleep(0.02)
        return value

    def focus(self, selector: str) -> None:
        """Put the focus on an element."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse."""
        x, y = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, times: int = 1) -> None:
        """Press a key, named as in ``KeyboardEvent.key``, where the focus is."""
        text = key if len(key) == 1 else "\r" if key == "Enter" else ""
        about = {"key": key, "code": "Space" if key == " " else key}
        code = KEYS.get(key, ord(key.upper()) if len(key) == 1 else 0)
        for _ in range(times):
            self.call(
                "Input.dispatchKeyEvent",
                type="keyDown" if text else "rawKeyDown",
                text=text, windowsVirtualKeyCode=code, **about,
            )  # fmt: skip
            self.call("Input.dispatchKeyEvent", type="keyUp", windowsVirtualKeyCode=code, **about)

    def screenshot(self, path: Path | str, *, whole: bool = False) -> None:
        """What is seen, or the whole page, as PNG."""
        content = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            content = self.call(
                "Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1}
            )["data"]
        Path(path).write_bytes(base64.b64decode(content))

    def pdf(self) -> bytes:
        """The page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def close(self) -> None:
        """Close the tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)
        del self.browser.pages[self.session]
