# lib/pop3
