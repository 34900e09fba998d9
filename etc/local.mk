# Samples for init, inetd, tcpserver and systemd go to the documentation, with
# the places of this configuration in them.  Nothing that belongs to a machine
# (init scripts, settings, mail) is written by `make install` or removed by
# `make uninstall`; `make install-init` is asked for by name and keeps a script
# that somebody changed.
etc_samples = etc/init.d/pillarbox etc/inetd.conf etc/systemd/pillarbox.service \
	etc/systemd/pillarbox-smtp.service etc/systemd/pillarbox-smtp.socket \
	etc/systemd/pillarbox-pop3.service etc/systemd/pillarbox-pop3.socket \
	etc/systemd/pillarbox-imap.service etc/systemd/pillarbox-imap.socket \
	etc/tcpserver/smtp/run etc/tcpserver/pop3/run etc/tcpserver/imap/run \
	etc/fail2ban/filter.d/pillarbox.conf etc/fail2ban/jail.d/pillarbox.conf
EXTRA_DIST += $(etc_samples)
dist_doc_DATA = README INSTALL COPYING LICENSE
examplesdir = $(docdir)/examples

# The samples as they are in the source tree fit --prefix=/usr.
etc_places = sed -e 's,/usr/libexec/pillarbox,$(pkglibexecdir),g' -e 's,/usr/bin/mailctl,$(bindir)/mailctl,g' \
	-e 's,/etc/pillarbox,$(sysconfdir)/pillarbox,g' -e 's,/run/pillarbox,$(runstatedir)/pillarbox,g'

install-data-hook:
	@set -e; for f in $(etc_samples); do \
		to="$(DESTDIR)$(examplesdir)/$${f#etc/}"; \
		$(MKDIR_P) "$${to%/*}"; \
		$(etc_places) "$(srcdir)/$$f" >"$$to.new"; \
		case $$f in */init.d/*|*/run) chmod 755 "$$to.new" ;; *) chmod 644 "$$to.new" ;; esac; \
		if [ -e "$$to" ] && ! cmp -s "$$to" "$$to.new"; then \
			echo "the sample $$to has changed: look whether what you made of it should too"; \
		fi; \
		mv -f "$$to.new" "$$to"; \
	done
	$(MKDIR_P) "$(DESTDIR)$(man8dir)"
	rm -f "$(DESTDIR)$(man8dir)/sendmail.8"
	cd "$(DESTDIR)$(man8dir)" && ln -s mail-inject.8 sendmail.8

# Local programs look for these; another mail server's stay.
etc_sendmail = $(bindir)/sendmail $(sbindir)/sendmail $(bindir)/mailq $(bindir)/newaliases

install-exec-hook:
	@set -e; for to in $(etc_sendmail); do \
		to="$(DESTDIR)$$to"; \
		$(MKDIR_P) "$${to%/*}"; \
		if [ -e "$$to" ] || [ -L "$$to" ]; then \
			case $$(readlink "$$to") in */mail-inject) ;; \
			*) echo "$$to belongs to another mail server and stays"; continue ;; esac; \
		fi; \
		ln -sfn "$(bindir)/mail-inject" "$$to"; \
	done

uninstall-hook:
	@for to in $(etc_sendmail); do \
		case $$(readlink "$(DESTDIR)$$to") in */mail-inject) rm -f "$(DESTDIR)$$to" ;; esac; \
	done
	rm -f "$(DESTDIR)$(man8dir)/sendmail.8"
	rm -rf "$(DESTDIR)$(examplesdir)"
	rmdir "$(DESTDIR)$(docdir)" "$(DESTDIR)$(pkgdatadir)" "$(DESTDIR)$(pkglibexecdir)" 2>/dev/null || :

# The init script's place of the machine.
install-init: install-data
	@$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/init.d"
	@set -e; from="$(DESTDIR)$(examplesdir)/init.d/pillarbox"; to="$(DESTDIR)$(sysconfdir)/init.d/pillarbox"; \
	if [ -e "$$to" ] && ! cmp -s "$$from" "$$to"; then \
		echo "$$to differs from the sample and stays; the new one is $$to.new"; to="$$to.new"; \
	fi; \
	$(INSTALL_SCRIPT) "$$from" "$$to"
PHONY += install-init
