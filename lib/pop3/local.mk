libpillarbox_a_SOURCES += lib/pop3/command.c lib/pop3/command.h lib/pop3/dots.c lib/pop3/dots.h
