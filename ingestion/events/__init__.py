"""The door for events: a collector that speaks Segment's HTTP API, and the rules that turn its calls into tables.

`collector` writes what it receives, verbatim, into the durable log and answers 200 only after fdatasync. Everything
that needs to understand an event (contract, naming, tracking plan, normalise) is pure and runs at load.
"""
