"""A browser's test: ndt7 over WebSocket, so that a page and any other ndt7 client can measure.

    handshake    the request that opens a WebSocket, and its answer         RFC 6455 section 4
    frames       what a client sends afterwards; what it is sent             RFC 6455 section 5
    measurement  the JSON that both ends tell each other during a test       ndt7 protocol, version 0.12
    run          how long a test lasts and how much it may move: a machine

All of these are without sockets and clocks; `door` accepts connections and moves the octets, in a
process of its own beside the test point's others.
"""
