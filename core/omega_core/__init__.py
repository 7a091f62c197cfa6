"""The words all parts of Omega share: quantities, samples, records, keys, wire formats, limits."""
