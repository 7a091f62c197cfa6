"""The agent's own sentences, one module a language; `omega_agent.texts` gives them out."""
