"""Keep a set of processes running, and end every one of them with us: what `flux up` and `flux demo` stand on.

Each child runs in a session of its own, so a Ctrl-C reaches the supervisor alone, which ends the children in the
reverse of their order. Each child holds the reading end of a pipe whose writing end only the supervisor has: when the
supervisor is gone, by whatever death, the child reads the end of the file and ends its whole session
(`tether`). `dagster dev` leaves its code server, web server and daemon behind in that case (measured 2026-11).
"""

from orchestration.supervisor.supervisor import Service, Supervisor

__all__ = ["Service", "Supervisor"]
