"""The link lab: two network namespaces joined by an emulated access link (docs/testing.md)."""
