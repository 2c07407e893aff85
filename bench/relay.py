"""A relay that receives and sends and does nothing else: what any program between two sockets costs on this machine.

    python bench/relay.py HOST PORT [RECEIVE_BYTES]

Prints its port. Each connection is copied from ``HOST:PORT`` by blocking calls and one buffer until that side ends it.
"""

from __future__ import annotations

import socket
import sys

PIECE = 512 << 10
HEAD = 65536


def main(host: str, port: str, receive_bytes: str = "0") -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        buffer = bytearray(PIECE)
        view = memoryview(buffer)
        while True:
            client, _ = listener.accept()
            with client, socket.socket() as server:
                if int(receive_bytes):
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(receive_bytes))
                server.connect((host, int(port)))
                server.sendall(client.recv(HEAD))
                while count := server.recv_into(buffer):
                    client.sendall(view[:count])


if __name__ == "__main__":
    main(*sys.argv[1:])
