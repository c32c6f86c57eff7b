"""Where messages go: one module a protocol, behind one `Channel`."""
