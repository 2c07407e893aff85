"""Bearer tokens of OpenID providers: who is behind one, and whether it lets them in."""
