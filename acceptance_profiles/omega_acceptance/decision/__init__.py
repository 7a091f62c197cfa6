"""The decision engine: from counts and rates to an outcome with a stated error probability. Pure.

    beta, quantiles     ln I_x(a, b), and the quantiles of Student's t and the normal distribution
    shares              evidence on a share of events: lost packets, late packets, bad runs
    bursts, reading     events come in bursts; a sample is looked at again and again
    runs                evidence on a rate, from few runs that are alike
    availability        bounds over observed time
    error_rates         how the promised error rates are shared out, and what attempts add to them

Counts, shares and logarithms go in and come out as whole numbers (ppm, millionths of a nat): what
is compared with a threshold is what a record shows. Floating point stays inside. It is rounded
against the claim, so that whoever judges the same facts on another machine comes to the same
outcome but for a last digit in ten thousand million.

Nothing here knows a profile, a record or a metric; `omega_acceptance.judges` puts them together.
"""
