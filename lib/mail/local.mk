# lib/mail
