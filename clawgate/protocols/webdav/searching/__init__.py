"""Looking for files: what is asked, in the languages of clients, and how it is found."""
