# lib/spool
