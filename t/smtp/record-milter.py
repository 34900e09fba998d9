#!/usr/bin/python3
"""record-milter: write down every callback, its arguments and the macros known then.

	record-milter.py SOCKET TRACE

One line a callback: its name, then its arguments and MACRO=VALUE, parted by
tabs.  At the end of a message the Subject says what it does to it: words
"insert N", "add", "change N", "delete N", "body", "from", "quarantine",
"addrcpt ADDRESS", "delrcpt ADDRESS", "drop NAME" (all fields of that name).
"""
import sys
import Milter

MACROS = ("j _ v i {daemon_name} {daemon_addr} {daemon_port} {client_addr} {client_name} {client_port} "
	  "{client_ptr} {client_resolve} {if_addr} {if_name} {tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} {auth_type} {auth_authen} "
	  "{auth_author} {mail_addr} {mail_host} {mail_mailer} {rcpt_addr} {rcpt_host} {rcpt_mailer}").split()

trace = open(sys.argv[2], "a", buffering=1, encoding="utf-8", errors="surrogateescape")


class Record(Milter.Base):
	def note(self, name, *args):
		known = ((m, self.getsymval(m)) for m in MACROS)
		fields = [name] + [str(a) for a in args] + [f"{m}={v}" for m, v in known if v is not None]
		trace.write("\t".join(f.replace("\n", "\\n").replace("\t", "\\t") for f in fields) + "\n")
		return Milter.CONTINUE

	def connect(self, hostname, family, hostaddr):
		return self.note("connect", hostname, int(family), hostaddr[0])

	def hello(self, hostname):
		return self.note("helo", hostname)

	def envfrom(self, *args):
		self.subject = []
		self.seen = []
		return self.note("mail", *args)

	def envrcpt(self, *args):
		return self.note("rcpt", *args)

	def data(self):
		return self.note("data")

	def header(self, name, value):
		self.seen.append(name)
		if name == "Subject":
			self.subject = value.split()
		return self.note("header", name, value)

	def eoh(self):
		return self.note("eoh")

	def body(self, chunk):
		return self.note("body", len(chunk), chunk[-4:])

	def unknown(self, command):
		return self.note("unknown", command)

	def abort(self):
		trace.write("abort\n")
		return Milter.CONTINUE

	def close(self):
		trace.write("close\n")
		return Milter.CONTINUE

	def eom(self):
		words = iter(self.subject)
		for word in words:
			if word == "insert":
				self.addheader("X-Insert", "yes", int(next(words)))
			elif word == "add":
				self.addheader("X-Add", "one\n two")
			elif word == "change":
				self.chgheader("X-Old", int(next(words)), "new")
			elif word == "delete":
				self.chgheader("X-Old", int(next(words)), "")
			elif word == "body":
				self.replacebody("another\r\nbody\r\n")
			elif word == "quarantine":
				self.quarantine("asked for")
			elif word == "drop":
				name = next(words)
				for _ in range(self.seen.count(name)):
					self.chgheader(name, 1, "")
			elif word == "addrcpt":
				self.addrcpt(f"<{next(words)}>")
			elif word == "delrcpt":
				self.delrcpt(f"<{next(words)}>")
			elif word == "from":
				self.chgfrom("<changed@elsewhere.example>")
		return self.note("eom")


Milter.factory = Record
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS | Milter.CHGBODY | Milter.QUARANTINE | Milter.CHGFROM
		 | Milter.ADDRCPT | Milter.DELRCPT)
Milter.runmilter("record-milter", sys.argv[1], 60)
