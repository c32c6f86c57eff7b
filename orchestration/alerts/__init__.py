"""Incidents: what `flux doctor` finds, told once to who can mend it, and once more when it is well again.

`rules` names what can be wrong, `incidents` decides what is told, `ledger` keeps that, `channels` tell it.
"""
