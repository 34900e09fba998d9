# bin/mail-master
pkglibexec_PROGRAMS += prog/mail-master
prog_mail_master_SOURCES = bin/mail-master/main.c bin/mail-master/master.h \
	bin/mail-master/units.c bin/mail-master/process.c bin/mail-master/generation.c \
	bin/mail-master/sockets.c bin/mail-master/load.c bin/mail-master/requests.c \
	bin/mail-master/keep.c
dist_man_MANS += man/mail-master.8
EXTRA_DIST += etc/init.d/pillarbox etc/inetd.conf etc/systemd/pillarbox.service \
	etc/systemd/pillarbox-pop3.service etc/systemd/pillarbox-pop3.socket \
	etc/tcpserver/smtp/run etc/tcpserver/pop3/run etc/tcpserver/imap/run
