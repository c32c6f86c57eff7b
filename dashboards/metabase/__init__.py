"""Dashboards in Metabase: what the definitions want, what the server has, the difference, and its application.

    client      HTTP: timeouts, retries, errors; the raw verbs of `metabase_api` are the transport
    identity    who is who on both sides, without a file of state: markers, and numbers in them
    wanted      definitions -> items (collections, cards, dashboards) as plain fields
    found       the server's items, read back into the same fields
    plan        the three-way difference: definition changed, edited in Metabase, or both
    apply       writes it, reads each write back, and runs every card afterwards

Metabase 58 and later. Nothing here was run against a real Metabase yet: the tests run against a strict stand-in of its
API (tests/dashboards/metabase), and docs/metabase.md says what that can and cannot show.
"""
