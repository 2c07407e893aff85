"""The gateway's own page: who somebody is, their spaces and files, downloads and uploads. Scripts without a framework."""
