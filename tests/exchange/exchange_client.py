"""A client of the stand-in exchange, from Python's standard library alone: starts one, speaks raw WebSocket over TLS, REST
and the control API. For tests; a test owns the Exchange it starts and ends it by its process id."""

import base64
import hashlib
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import time

DEADLINE_S = 30
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def wait_for(condition, what, seconds=DEADLINE_S):
    """Polls until condition() is true; there is no other way to wait for another process."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %s s in vain: %s" % (seconds, what))
        time.sleep(0.01)


class Exchange:
    """An of-exchange process with its own state directory."""

    def __init__(self, program, *arguments):
        self.directory = tempfile.TemporaryDirectory(prefix="of-exchange-test-")
        command = [program, *arguments, "--state-dir", self.directory.name, "--die-with-parent"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the exchange did not start: %r" % command)
        self.about = json.loads(line)
        self.tls = ssl.create_default_context(cafile=self.about["ca_file"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        self.directory.cleanup()
        return code

    def control(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.about["control_port"], timeout=DEADLINE_S)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        value = json.loads(answer.read())
        connection.close()
        return answer.status, value

    def status(self):
        return self.control("GET", "/status")[1]

    def fault(self, **spec):
        status, answer = self.control("POST", "/faults", spec)
        assert status == 200, answer
        return answer

    def rest(self, path, headers=None):
        connection = http.client.HTTPSConnection("localhost", self.about["port"], timeout=DEADLINE_S, context=self.tls)
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            return answer.status, json.loads(text), answer.headers
        except ValueError:
            return answer.status, text, answer.headers

    def streams(self, *names, target=None):
        return Streams(self, target or "/stream?streams=" + "/".join(names))


class Closed(Exception):
    """The connection has ended; code is that of the close frame, or None when there was none."""

    def __init__(self, code, reason=""):
        super().__init__("%s %s" % (code, reason))
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The upgrade was answered with something else than 101."""

    def __init__(self, status, headers, body):
        super().__init__("%s %s" % (status, body))
        self.status = status
        self.headers = headers
        self.body = body


class Streams:
    """A WebSocket connection. Answers pings unless told not to."""

    def __init__(self, exchange, target):
        raw = socket.create_connection(("127.0.0.1", exchange.about["port"]), DEADLINE_S)
        self.socket = exchange.tls.wrap_socket(raw, server_hostname="localhost")
        self.input = bytearray()
        self.at = 0
        self.answer_pings = True
        self.pings = []
        self.upgrade(target)

    def upgrade(self, target, host="localhost"):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % (target, host, key)).encode())
        while b"\r\n\r\n" not in self.input:
            self.receive()
        head, _, rest = bytes(self.input).partition(b"\r\n\r\n")
        self.input = bytearray(rest)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        status = int(lines[0].split()[1])
        if status != 101:
            raise Refused(status, headers, rest)
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert headers["sec-websocket-accept"] == expected, headers

    def receive(self):
        try:
            got = self.socket.recv(1 << 18)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(None, str(error)) from None
        if not got:
            raise Closed(None, "end of stream")
        self.input += got

    def need(self, size):
        if self.at > 1 << 20:
            del self.input[:self.at]
            self.at = 0
        while len(self.input) - self.at < size:
            self.receive()

    def frame(self):
        """The next frame as (opcode, payload)."""
        self.need(2)
        assert self.input[self.at] & 0x80 and not self.input[self.at + 1] & 0x80, "a server's frame is final, unmasked"
        opcode, length, head = self.input[self.at] & 15, self.input[self.at + 1], 2
        if length == 126:
            self.need(4)
            length, head = struct.unpack_from(">H", self.input, self.at + 2)[0], 4
        elif length == 127:
            self.need(10)
            length, head = struct.unpack_from(">Q", self.input, self.at + 2)[0], 10
        self.need(head + length)
        start = self.at + head
        self.at = start + length
        return opcode, bytes(self.input[start:self.at])

    def text(self):
        """The next text message; control frames are dealt with on the way."""
        while True:
            opcode, payload = self.frame()
            if opcode == TEXT:
                return payload
            if opcode == PING:
                self.pings.append(payload)
                if self.answer_pings:
                    self.send(payload, PONG)
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else None
                self.send(payload[:2], CLOSE)
                raise Closed(code, payload[2:].decode())

    def json(self):
        return json.loads(self.text())

    def send(self, payload, opcode=TEXT, final=True, masked=True):
        if isinstance(payload, str):
            payload = payload.encode()
        head = bytes([opcode | (0x80 if final else 0)])
        bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
        mask = os.urandom(4) if masked else b""
        if masked:
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        try:
            self.socket.sendall(head + mask + payload)
        except (ConnectionError, ssl.SSLError):
            pass  # what the server said before it went is still to be read

    def ask(self, **request):
        """Sends a control message and returns its answer; market frames on the way are dropped."""
        self.send(json.dumps(request))
        while True:
            answer = self.json()
            if "stream" not in answer and "e" not in answer:
                return answer

    def close(self):
        self.socket.close()
