# bin/pop3-serve
