"""CloudTrail: what AWS recorded of calls, and whether the record is as AWS delivered it.

| file | idea |
| --- | --- |
| `packed.py` | JSON, packed with gzip or not, within bounds |
| `records.py` | records of log files as events, with principal and account |
| `digests.py` | digest files, log files' hashes, signatures and public keys as data |
| `chain.py` | what holds of the chain: links, signatures, gaps, files that are missing or altered |
| `told.py` | the same as events and warnings |
"""
