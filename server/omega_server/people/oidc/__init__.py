"""Logging in by the operator's own provider (OpenID Connect Core 1.0), where one is configured.

`config` reads `oidc.toml`, `door` asks the provider over HTTP, `tokens` checks what it signed,
`flow` is the login from leaving to coming back.
"""
