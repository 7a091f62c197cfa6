"""The transparency log: what is in it can't be taken out or changed unnoticed.

A log is a Merkle tree (RFC 6962 section 2.1) that only grows. Its owner signs *checkpoints*: size
and root of the tree. A record's *inclusion proof* is a path of hashes from its leaf to such a root;
a *consistency proof* shows that a younger tree begins with all of an older one. Who holds an old
checkpoint can therefore tell whether anything was rewritten or cut off since.

    hashing      leaves and nodes
    tree         growing a tree, and making proofs from stored hashes in logarithmic time
    proofs       checking proofs
    note         signed notes, the C2SP form that checkpoints have
    checkpoint   size and root as a signed note, and the cosignatures of witnesses
    proof_file   the text form of an inclusion proof, `.tlog-proof`

All of it is pure: hashes are read through `tree.HashReader`, keys and times are arguments.
"""
