# bin/mail-inject
