"""`make soak`: the whole platform under load for a long time, with processes killed at random, and a verdict.

`flux up` runs for real beside an embedded product: rows change, Segment's SDK sends, models build by their own clock,
analysts ask the published warehouse, and `kill -9` hits one process after the other. A sampler notes what each process
and each directory holds. At the end the source comes to rest and everything is compared.

    options      what may be chosen
    home         where it works, and the settings of the platform
    calls, sender, notes         events: real calls, Segment's clients, what was promised
    changes      rows of the product
    analyst      readers of what is published
    census, killer, wounds, kills    processes, their deaths, when they are well again; the plan is pure
    sampler, sample              what is noted each five seconds
    ending       the comparison
    fit, spans, judgement        pure: from what was noted to verdicts
    report, plots                for people
"""
