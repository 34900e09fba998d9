# bin/local-deliver
