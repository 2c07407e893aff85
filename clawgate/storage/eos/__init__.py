"""A storage over the HTTP(S) ports of CERN's EOS: metadata from its manager (MGM), bytes from and to its disk servers (FST).

The order of the modules: `names`, `facts`, `failures`, `rights`, `redirects`, `releases` are pure; `instance` holds the
connections to one EOS, `metadata` says what is asked of it and `http_metadata` asks; `transfer` moves bytes; `ground` is what all
work of one person in one space stands on; `driver` is the storage.
"""
