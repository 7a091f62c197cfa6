"""Wire formats, without sockets and clocks: bytes in, values out, and back."""
