"""Who somebody is: authenticators and directories."""
