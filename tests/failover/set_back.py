"""The failures that lose what was acknowledged: everybody must be notified, and nobody misled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.failover.run import Scenario
from tests.failover.scenarios import here, nothing
from tests.load.commands import in_thread, rebuild
from tests.postgres_servers import Postgres
from tests.postgres_servers import run as postgres_program

if TYPE_CHECKING:
    from tests.failover.run import Run


async def restore(run: Run) -> None:
    """Restore an older dump as docs/operations.md says, beside followers that have gone further."""
    cluster, dump = run.cluster, str(run.cluster.primary.data.parent / "ledger.dump")
    epoch = await run.epoch()
    dumped = f"--dbname={cluster.primary.url}"
    await in_thread(lambda: postgres_program("pg_dump", "--format=custom", f"--file={dump}", dumped))
    await run.go_further(head_of(cluster.primary))
    run.strike("an older dump is restored")
    for server in cluster.servers:
        await in_thread(server.stop)
    await in_thread(cluster.relay.stop)
    await in_thread(lambda: postgres_program("pg_restore", "--clean", "--if-exists", "--exit-on-error", dumped, dump))
    run.set_back(head_of(cluster.primary))
    code, text = await in_thread(lambda: rebuild(cluster.url, "--restored"))
    assert code == 0, text
    cluster.relay.launch()
    for server in cluster.servers:
        await in_thread(server.start)
    await run.begin_again(epoch)
    await run.went_on()


async def asynchronous(run: Run) -> None:
    """Cut the standbys off, go on for a while, kill the primary, promote a standby that lacks the end of the log."""
    cluster, epoch = run.cluster, await run.epoch()
    await in_thread(cluster.fence)
    await run.go_further(head_of(cluster.primary))
    run.strike("the primary is killed, and no standby has all of its log")
    await in_thread(cluster.primary.kill)
    run.set_back(head_of(max(cluster.standbys, key=Postgres.received)))
    await in_thread(cluster.promote)
    run.notes.append(f"promoted after {run.since():.1f} s")
    await run.begin_again(epoch)
    await run.went_on()


def head_of(server: Postgres) -> int:
    """Return the head of the log, as a server has it."""
    ((position,),) = server.execute("SELECT position FROM head WHERE id = 1")
    return int(position)


SET_BACK = (
    Scenario(
        "restore", "an older dump is restored beside followers that are ahead", restore, here, nothing, loses=True
    ),
    Scenario(
        "asynchronous", "asynchronous: the primary is killed, a standby that was cut off promoted", asynchronous, here,
        nothing, synchronous=False, loses=True,
    ),
)  # fmt: skip
