# bin/mailctl
