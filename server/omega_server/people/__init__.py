"""Those who use the pages: accounts, what each role may do, sessions, and who did and saw what.

    name, password --> PeopleDesk --> session --> cookie --> person on every request --> rights

Theory of operation. A role has rights, a table says which; a page and an endpoint ask for one right.
What is secret is not kept: of passwords and PINs there are argon2id hashes, of sessions and links the
digests of their tokens. Failed logins cost time, for the account and for the address they come from;
an unknown name takes as long, and is told the same, as a wrong password.
"""
