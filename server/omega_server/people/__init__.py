"""People: who they are, what each may do, how they come in, and the log of what was done and seen.

`roles` is the matrix of roles and rights, pure. `passwords` hides argon2. `desk` keeps accounts,
`entrance` lets people in, `journal` writes the audit log; `opening` puts them together as `People`.
"""
