"""A double of EOS for tests: MGM and FST over HTTP on loopback, as the reference on EOS' wire facts says they behave.

`EosDouble` is the whole of it. One file each: what versions differ in (`profile`); what EOS knows (`nodes`, `tree`,
`propagation`, `namespace`, `opening`, `versioning`, `attributes`, `recycle`, `quota`, `acl`, `locks`, all in `world`); who asks
(`identity`); how HTTP is spoken (`wire`, `request`, `server`); what the MGM answers (`mgm`, `verbs`, `propfind`, `proc`,
`file_commands`, `quota_commands`, `fileinfo`, `output`, `names`); the bytes (`fst`, `store`, `checksum`); what tests want
(`faults`, `record`, `admin`). What the reference marks as inferred is a field of the profile.
"""

from .double import EosDouble
from .failures import EosError
from .faults import Fault
from .profile import Profile, profile_of
from .record import Exchange, Record

__all__ = ["EosDouble", "EosError", "Exchange", "Fault", "Profile", "Record", "profile_of"]
