# bin/imap-serve
