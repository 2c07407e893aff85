"""People of LDAP directories: whether their passwords are right, and what is known of them."""
