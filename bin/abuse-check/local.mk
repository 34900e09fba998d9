# bin/abuse-check
