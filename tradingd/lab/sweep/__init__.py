"""Many runs of one question: which parameters, what each came to, and how much of the best is luck. Source: T4."""
