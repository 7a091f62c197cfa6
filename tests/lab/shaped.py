"""A lab whose link the kernel shapes: for rates that pumps can't carry beside what is measured.

On two cores a pump of 940 Mbit/s takes the processor that the probe and the test point need. Here
the far ends are ports of a bridge, and a token bucket filter on each gives its direction the rate
and the buffer; sizes are counted at the IP layer, as everywhere in the lab. There is no delay, no
loss and no log of the truth.

    customer -- veth -- [tbf down] bridge [tbf up] -- veth -- server
"""

from __future__ import annotations

from contextlib import ExitStack

from lab.addresses import CUSTOMER, SERVER
from lab.spec import DirectionSpec, LinkSpec, LinkSpecError
from lab.topology import Lab, run_ip, run_tc

_BRIDGE = "bridge"
_BURST_OCTETS = 64 * 1024  # half a millisecond of a gigabit: what the kernel's timer needs
_ETHERNET_OCTETS = 14


class ShapedLab(Lab):
    """Two hosts and a link with a rate and a buffer each way, and nothing else."""

    def __init__(self, spec: LinkSpec) -> None:
        """Raise LinkSpecError for a link that a token bucket can't be."""
        for direction in (spec.down, spec.up):
            plain = DirectionSpec(
                rate_bps=direction.rate_bps, buffer_ms=direction.buffer_ms, seed=direction.seed
            )
            if direction.rate_bps is None or direction != plain:
                raise LinkSpecError("the kernel's link has a rate and a buffer, and nothing else")
        super().__init__(spec)

    def _build(self, stack: ExitStack) -> None:
        between = self._bring_up(stack)
        ports = [f"link set {end.name} master {_BRIDGE}" for end in (CUSTOMER, SERVER)]
        run_ip(
            between,
            [f"link add {_BRIDGE} type bridge stp_state 0", *ports, f"link set {_BRIDGE} up"],
        )
        run_tc(
            between,
            [_shape(CUSTOMER.name, self.spec.down), _shape(SERVER.name, self.spec.up)],
        )


def _shape(port: str, direction: DirectionSpec) -> str:
    return (
        f"qdisc add dev {port} root handle 1: stab overhead -{_ETHERNET_OCTETS}"
        f" tbf rate {direction.rate_bps}bit burst {_BURST_OCTETS}"
        f" limit {direction.buffer_octets()}"
    )
