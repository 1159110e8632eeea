"""The HTTP API: parse, authorise, call the domain, map the answer; nothing else lives here."""
