"""Words of the wire: each protocol parses its requests, asks the gateway, renders its answers."""
