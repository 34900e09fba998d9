# bin/auth-check
