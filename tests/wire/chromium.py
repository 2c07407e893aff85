"""Chromium without a screen, driven through its WebDriver (https://www.w3.org/TR/webdriver2/)."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from ..ports import free_port

KEY = "element-6066-11e4-a52e-4f735466cecf"
"""Under which elements are named (section 6.3)."""
PHONE = (360, 640)


NOT_NOW = ("stale element reference", "element not interactable", "element click intercepted")
"""What is told of an element in whose place the page has put another one, or that it is about to move (section 6.6)."""


class NotNow(AssertionError):
    """Nothing was done; later it may work."""


class Element:
    """Something on the page, found again where the page makes it anew meanwhile."""

    def __init__(self, chromium: Chromium, path: str) -> None:
        self._chromium = chromium
        self._path = path

    def _ask(self, verb: str, command: str, **body: Any) -> Any:
        deadline = time.monotonic() + 60
        while True:
            id = self._chromium.ask("POST", "/element", using="xpath", value=self._path)[KEY]
            try:
                return self._chromium.ask(verb, f"/element/{id}/{command}", **body)
            except NotNow:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def click(self) -> None:
        self._ask("POST", "click")

    def type(self, text: str) -> None:
        self._ask("POST", "clear")
        self._ask("POST", "value", text=text)

    def give(self, *files: Path) -> None:
        """Choose files in a field for files."""
        self._ask("POST", "value", text="\n".join(map(str, files)))

    @property
    def label(self) -> str:
        """What a screen reader says."""
        return str(self._ask("GET", "computedlabel"))


class Chromium:
    """One browser with one window, the size of a phone's; ends with its ``with``."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.session = ""
        command = ["chromedriver", f"--port={self.port}", f"--log-path={folder / 'chromedriver.log'}"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait()
            quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
            # Its sandbox does not work for root.
            own = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}"]
            options = {
                "args": [*quiet, *own],
                "mobileEmulation": {"deviceMetrics": {"width": PHONE[0], "height": PHONE[1], "pixelRatio": 2.0}},
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}, "timeouts": {"implicit": 60_000}}
            self.session = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        try:
            if self.session:
                self.ask("DELETE", "")
        finally:
            self.process.terminate()
            self.process.wait(60)

    def ask(self, verb: str, command: str, **body: Any) -> Any:
        """A command of the session."""
        return self._send(verb, f"/session/{self.session}{command}", body if verb == "POST" else None)

    def open(self, url: str) -> None:
        self.ask("POST", "/url", url=url)

    def see(self, words: str, seconds: float = 120) -> None:
        """Wait until `words` can be seen: a press is answered before the next page has come."""
        deadline = time.monotonic() + seconds
        while words not in (text := str(self.run("return document.body ? document.body.innerText : ''"))):
            assert time.monotonic() < deadline, f"{words!r} cannot be seen on {self.ask('GET', '/url')}:\n{text}"
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of a script; it is the driver's, so that the page's policy does not forbid it."""
        return self.ask("POST", "/execute/sync", script=script, args=[])

    def find(self, path: str) -> Element:
        """The element at an XPath; it may come a little later."""
        self.ask("POST", "/element", using="xpath", value=path)
        return Element(self, path)

    def press(self, words: str) -> None:
        """Press the button or follow the link that says `words`."""
        self.find(f"//button[normalize-space()='{words}'] | //a[normalize-space()='{words}']").click()

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""
        return self.ask("POST", "/goog/cdp/execute", cmd=name, params=parameters)

    def save_downloads(self, folder: Path) -> None:
        self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def drop(self, path: str, *files: Path) -> None:
        """Drop files from outside on the element at an XPath."""
        self.find(path)
        script = "const box = document.evaluate(arguments[0], document, null, 9).singleNodeValue.getBoundingClientRect();"
        x, y = self.ask("POST", "/execute/sync", script=f"{script} return [box.x + 5, box.y + 5]", args=[path])
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for event in ("dragEnter", "dragOver", "drop"):
            self.command("Input.dispatchDragEvent", type=event, x=x, y=y, data=data)

    def complaints(self) -> list[str]:
        """What the browser has logged since the last time: violations of policies, among other things."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", type="browser")]

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                if self._send("GET", "/status", None)["ready"]:
                    return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, "chromedriver does not start"
                time.sleep(0.02)

    def _send(self, verb: str, path: str, body: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        try:
            connection.request(verb, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
            if response.status != 200 and value["error"] in NOT_NOW:
                raise NotNow(value)
            assert response.status == 200, value
            return value
        finally:
            connection.close()
