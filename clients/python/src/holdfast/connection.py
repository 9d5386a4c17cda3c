"""Requests to the gateway: where it is, which key opens it, and how its problems become exceptions.

Every call opens one connection, so that an object may be used from several threads. A POST carries an
Idempotency-Key and may therefore be sent again when the connection breaks before the answer.
"""

import http.client
import ipaddress
import json
import os
import ssl
import urllib.parse
import uuid
from pathlib import Path

from .errors import HoldfastError

DEFAULT_SERVER = "http://127.0.0.1:7420"
DEFAULT_DATA = "~/.local/share/holdfast"
ATTEMPTS = 3


def find_server(server=None):
    text = server or os.environ.get("HOLDFAST_SERVER") or DEFAULT_SERVER
    url = urllib.parse.urlsplit(text if "//" in text else "http://" + text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise HoldfastError(f"'{text}' is no server address; write it like {DEFAULT_SERVER}", "invalid_argument")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise HoldfastError(f"{url.hostname} is not this machine, and plain HTTP would show the key to the network; use https://",
                            "invalid_argument")
    return url


def is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_token(token=None):
    if token or os.environ.get("HOLDFAST_TOKEN"):
        return token or os.environ["HOLDFAST_TOKEN"]
    data = os.environ.get("HOLDFAST_DATA") or os.path.expanduser(DEFAULT_DATA)
    named = os.environ.get("HOLDFAST_TOKEN_FILE") or os.path.join(data, "admin.token")
    try:
        return Path(named).read_text(encoding="ascii").strip()
    except OSError as error:
        raise HoldfastError(f"no key in {named} ({error.strerror}); set HOLDFAST_TOKEN or HOLDFAST_TOKEN_FILE, or HOLDFAST_DATA to the server's directory",
                            "unauthenticated") from error


class Connection:
    """One gateway and one key."""

    def __init__(self, server=None, token=None, timeout=60.0, headers=None):
        self.headers = dict(headers or {})
        self.url = find_server(server)
        self._token = token
        self.timeout = timeout

    def request(self, method, path, query=None, body=None, key=None):
        """The decoded JSON of the answer. Raises HoldfastError for anything but 2xx."""
        target = self.url.path.rstrip("/") + path
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        if wanted:
            target += "?" + urllib.parse.urlencode(wanted)
        headers = {**self.headers, "Authorization": f"Bearer {find_token(self._token)}", "Accept": "application/json"}
        data = None
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
            headers["Content-Type"] = "application/json"
            data = json.dumps(body if body is not None else {}).encode()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(method, target, headers, data)
            except (OSError, http.client.HTTPException) as error:
                refused = isinstance(error, ConnectionRefusedError)
                if refused or attempt == ATTEMPTS:
                    raise HoldfastError(f"no server answers at {self.url.scheme}://{self.url.netloc} ({error}); is 'holdfast serve' running?",
                                        "unavailable") from error

    def _once(self, method, target, headers, data):
        if self.url.scheme == "https":
            link = http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=self.timeout,
                                               context=ssl.create_default_context(cafile=os.environ.get("HOLDFAST_CA_FILE") or None))
        else:
            link = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=self.timeout)
        try:
            link.request(method, target, body=data, headers=headers)
            answer = link.getresponse()
            return decode(answer.status, answer.getheader("Content-Type", ""), answer.read())
        finally:
            link.close()


def decode(status, kind, content):
    if 200 <= status < 300:
        return json.loads(content) if content and "json" in kind else content.decode()
    try:
        problem = json.loads(content)
    except ValueError:
        problem = {}
    raise HoldfastError(problem.get("detail") or problem.get("title") or f"the server answered {status}",
                        problem.get("code", "internal"), status, problem.get("problems") or ())
