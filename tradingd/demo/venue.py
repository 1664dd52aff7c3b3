"""The simulated venue as a process of its own, for `tradingd demo --crash`."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from tradingd.core.types import AccountId
from tradingd.demo.options import DemoOptions
from tradingd.ports import Broken

SPEED = 300_000  # session seconds in one real second, at the venue


class VenueProcess(msgspec.Struct, frozen=True):
    process: subprocess.Popen[bytes]
    port: int

    def freeze(self) -> None:
        """No more prices: what the two logs say can then be compared, for nothing is on its way."""
        self.process.send_signal(signal.SIGUSR1)

    def lives(self) -> None:
        """Raises Broken when it ended by itself."""
        if self.process.poll() is not None:
            raise Broken(f"the venue ended by itself with {self.process.returncode}: nothing is proven")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_venue(log: Path, account: AccountId, options: DemoOptions) -> VenueProcess:
    """On any free port, on all recorded days unless others are asked for. Broken when it does not come up."""
    default = DemoOptions()
    begin = "2000-03-01" if options.begin == default.begin else options.begin
    end = "2013-03-01" if options.end == default.end else options.end
    command = [
        sys.executable, "-m", "tradingd_adapters.sim.server", "--port", "0", "--from", begin, "--to", end, "--account",
        f"{account}=100000", "--log", str(log), "--pace", f"real:{SPEED}",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own module, our own arguments
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise Broken("the venue did not start")
    return VenueProcess(process, int(msgspec.json.decode(line)["port"]))
