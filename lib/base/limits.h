/*
 * limits: every count and length that an outsider controls, with its reason.
 * Each has a test that crosses it: what is "at LIMIT_X" passes, what is "over LIMIT_X" is
 * refused.  t/design/limits.t finds one whose tests do not print these words.
 * A program's own setting may be lower, never higher: its range in settings.def ends here.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Local part and domain of an address: RFC 5321 4.5.3.1.1 and .2. */
#define LIMIT_LOCAL_PART 64
#define LIMIT_DOMAIN 255
/* A whole address with "@": the two above. */
#define LIMIT_ADDRESS 320

/* Log-in name as it is sent: an address. Password: crypt(3) takes 511 bytes and a NUL. */
#define LIMIT_LOGIN_NAME LIMIT_ADDRESS
#define LIMIT_PASSWORD 511
/* A client's answer to a mechanism, in base64: RFC 4954 4 asks for 12288. */
#define LIMIT_AUTH_ANSWER 12288
/* One line of the authentication protocol: such an answer with the request's parameters. */
#define LIMIT_AUTH_LINE 16384
/* A signed token: what a line of the authentication protocol can carry; real ones have 1 to 3 KB. */
#define LIMIT_JWT 6144
/* The issuer's key set, and the keys of it that are tried: real ones have two or three. */
#define LIMIT_JWKS 131072
#define LIMIT_JWKS_KEYS 64
/* Log-ins under way on one connection: Postfix and Exim multiplex few. */
#define LIMIT_AUTH_PENDING 32
/* One socketmap request: map name, blank and an address or domain. */
#define LIMIT_SOCKETMAP 1024
/* A socketmap answer: what an alias with all its targets may need. */
#define LIMIT_SOCKETMAP_REPLY 400000
/* Final targets of one address, and how deep aliases may nest. */
#define LIMIT_EXPANSION 1000
#define LIMIT_EXPANSION_DEPTH 10

/*
 * SMTP command lines with CRLF.  RFC 5321 4.5.3.1.4 asks for 512, extensions
 * add to it (AUTH= alone 500); SASL answers are base64 of tokens (RFC 4954 4
 * asks for 12288).
 */
#define LIMIT_SMTP_LINE 4096
#define LIMIT_SMTP_AUTH_LINE 12288
/* Parameters of one MAIL or RCPT: more than all that exist. */
#define LIMIT_SMTP_PARAMS 16
/* ENVID and ORCPT, decoded: RFC 3461 4.4 (100) and 4.2 (500). */
#define LIMIT_ENVID 100
#define LIMIT_ORCPT 500
/* Recipients of one message: RFC 5321 4.5.3.1.8 asks for at least 100. */
#define LIMIT_SMTP_RECIPIENTS 1000
/* A reply of another server: RFC 5321 4.5.3.1.5 asks for lines of 512. */
#define LIMIT_SMTP_REPLY_LINE 2048
#define LIMIT_SMTP_REPLY_LINES 128
#define LIMIT_SMTP_REPLY_TEXT 8192
/* A chunk of BDAT: what no honest client passes, so that its content need not be skipped for hours. */
#define LIMIT_SMTP_CHUNK 2147483647
/* One line of a message: RFC 5321 asks for 1000; old programs write longer ones. */
#define LIMIT_DATA_LINE 262144
/* The header section of a message: bytes and lines, so that reading it is cheap. */
#define LIMIT_HEADER_BYTES 1048576
#define LIMIT_HEADER_LINES 10000

/* One log line before escaping (which may make it four times as long): a protocol
 * line of LIMIT_SMTP_LINE with its frame is cut, which a log may do. */
#define LIMIT_LOG_LINE 2048
/* One datagram to event-log: fits the send buffer of every kernel's default. */
#define LIMIT_LOG_DATAGRAM 65536
/* Lines of one kind that wait for a full disk to be emptied; more are counted, not kept. */
#define LIMIT_LOG_PENDING 1048576
/* mailctl and scripts at one control socket at a time. */
#define LIMIT_CONTROL_CLIENTS 32
/* Workers of one pool when its setting says "no limit": pids are finite. */
#define LIMIT_POOL_WORKERS 10000
/* PROXY header of a load balancer: addresses, and what it may tell of a TLS certificate. */
#define LIMIT_PROXY_HEADER 4096
/* Folders that one session may have watched: the selected one and what NOTIFY may add. */
#define LIMIT_SESSION_WATCHES 16

/* Times a message may have been here before: aliases and forwards pass twice, loops again. */
#define LIMIT_OWN_HOPS 5
/* Recipients refused after the limit before the connection is closed. */
#define LIMIT_SMTP_OVERSHOOT 100
/* MAIL, DATA and BDAT refused since the last message that was taken: a list whose every
 * message is refused has given up by then. */
#define LIMIT_SMTP_REFUSED_MAILS 100
/* Recipients refused since then, whatever the reason: all of one message may be. */
#define LIMIT_SMTP_REFUSED_RCPTS LIMIT_SMTP_RECIPIENTS
/* Commands in a row that move no message forward: enough for any honest client. */
#define LIMIT_SMTP_JUNK 100
/* A message with our trace fields, also where maxMessageSize is "no limit": what intake
 * agrees to read for its checksum.  No mail system moves more. */
#define LIMIT_MESSAGE ((uint64_t)16 << 30)
/* A message up to this size is kept in memory until every check has spoken. */
#define LIMIT_MESSAGE_MEMORY 1048576
/* Longest wait we impose on a client whose log-in failed; an owner that asks for more is not believed. */
#define LIMIT_LOGIN_DELAY_MS 15000
/* A command as the log shows it. */
#define LIMIT_LOG_COMMAND 512
/* A packet from a milter; the protocol's own chunks are 64 KiB. */
#define LIMIT_MILTER_PACKET 1048576
/* Fields that milters add to one message, and a body they replace (kept in memory). */
#define LIMIT_MILTER_HEADERS 262144
#define LIMIT_MILTER_BODY 67108864
/* Fields that milters may add to those of the client. */
#define LIMIT_MILTER_EDITS 1000
/* One step of a milter in all, however often it says "in progress". */
#define LIMIT_MILTER_TOTAL_MS 600000

/* Attributes of a question to a policy server, and its answer: a few lines. */
#define LIMIT_DELEGATE_REQUEST 8192
#define LIMIT_DELEGATE_ANSWER 4096

/* All milters and policy servers of a session under inetd, connected together. */
#define LIMIT_CONTACTS_MS 10000

/* One record between our programs: fits the largest envelope part we pass. */
#define LIMIT_RECORD 65536
/* One record to or from abuse-check: an address, a service and a log-in name. */
#define LIMIT_ABUSE_RECORD 2048
/* Largest mailbox that a setting can ask for, in MB: a byte count then fits with room to spare. */
#define LIMIT_MAILBOX_MB 1073741824
/* A message that a full domain still takes for who is postmaster there, so that he can be
 * told of it, as RFC 5321 4.5.1 wants; others could fill the domain with larger ones. */
#define LIMIT_POSTMASTER 65536
/* Why an address is blocked, in words. */
#define LIMIT_BLOCK_REASON 200
/* Notices of crossed rules: of one rule in an hour, since attackers come by thousands; and
 * those that wait while no mail is taken. */
#define LIMIT_NOTICES_HOUR 20
#define LIMIT_NOTICES 100
/* Connections to abuse-check: one a worker of every listener. */
#define LIMIT_ABUSE_CLIENTS 8192

/* One record to or from scan-check: two addresses, or a name with the ranges of a question about MX. */
#define LIMIT_SCAN_RECORD 8192
/* Connections to scan-check: one a worker of smtp-listen and a thread of greylist-check. */
#define LIMIT_SCAN_CLIENTS 8192
/* Questions under way of one of them: those whose time with the caller was over go on for the cache. */
#define LIMIT_SCAN_PENDING 16
/* ... and of all: one takes up to 60 KB. */
#define LIMIT_SCAN_TASKS 1024
/* A question, and an answer, that are worth keeping; all but those about many networks are shorter. */
#define LIMIT_SCAN_CACHED 1024
/* Hosts of a domain, or names of an address, whose addresses are asked for. */
#define LIMIT_SCAN_HOSTS 20
/* Networks that one question about MX may name: what a backup MX is reached by. */
#define LIMIT_SCAN_RANGES 64

/*
 * SPF: RFC 7208 4.6.4 sets ten terms that need DNS, two of them without answer,
 * ten hosts of an mx or a ptr.  Questions in all: honest policies stay under
 * twenty.  A policy: 3.4 asks for 450 bytes, real ones reach 1,500.
 */
#define LIMIT_SPF_LOOKUPS 10
#define LIMIT_SPF_VOID 2
#define LIMIT_SPF_HOSTS 10
#define LIMIT_SPF_QUERIES 40
#define LIMIT_SPF_RECORD 2048
/* A domain-spec with its macros expanded, before it is cut to a name's 253 characters. */
#define LIMIT_SPF_EXPANSION 4096

/* Users who wait for mail without greylisting at a time, and for how long each may. */
#define LIMIT_EXPECTED 1000
#define LIMIT_EXPECT_SECONDS 86400
/* Recipients of one message that greylisting remembers until its end: those of our own
 * server; further ones of another are judged, and not learned from. */
#define LIMIT_GREYLIST_RECIPIENTS LIMIT_SMTP_RECIPIENTS
/* Received fields of a message from an own gateway that are read: no chain of our own is longer. */
#define LIMIT_GREYLIST_HOPS 100

/* What a bounce returns of the original: enough to recognise it; a bounce is
 * not worth more bandwidth than that. */
#define LIMIT_DSN_ORIGINAL 51200
/* Connections to intake: one a worker of smtp-listen, plus what restarts leave. */
#define LIMIT_INTAKE_CLIENTS 4096
/* Connections to local-deliver: each is an agent process; intake and schedule
 * hold a few. */
#define LIMIT_DELIVER_AGENTS 16
/* Recipients of one job to a deliverer, and of a message that goes straight
 * through: RFC 5321 4.5.3.1.8. */
#define LIMIT_JOB_RECIPIENTS 100
/*
 * Recipients of one message (RFC 5321 4.5.3.1.8 asks for 100; mailing lists
 * send more), and the places these may expand to through aliases.
 */
#define LIMIT_RECIPIENTS 10000
#define LIMIT_TARGETS 50000
/* A .hdr file: every recipient with its DSN parameters and twenty outcomes. */
#define LIMIT_ENVELOPE (32 << 20)
/* One line of a .hdr, but for line 3: an address with ORCPT or a reply text. */
#define LIMIT_ENVELOPE_LINE (1 << 20)
/* Lines with keys of other programs that one .hdr may carry: these write one
 * `notify:` for every recipient. */
#define LIMIT_ENVELOPE_EXTRAS (LIMIT_RECIPIENTS + 1000)
/* A selector ("age>1h & dest=example.org") and how deep its parentheses and "!" nest:
 * people write them. */
#define LIMIT_SELECTOR 4096
#define LIMIT_SELECTOR_DEPTH 32
/* Folders of the spool: each holds an open descriptor. */
#define LIMIT_SUB_SPOOLS 1000

/* run/settings/PROGRAM: what a hundred thousand blocked addresses need. */
#define LIMIT_SETTINGS (64 * 1024 * 1024)
#define LIMIT_SETTINGS_LINES 2000000
/* One value of a setting: the longest is a list of domains to forward. */
#define LIMIT_SETTING_VALUE 65536
/* Addresses in one file of those that are never greylisted. */
#define LIMIT_BYPASS_ENTRIES 50000
/* A settings file: the same hundred thousand addresses as XML; and how deep its
 * elements nest, where the known ones need four levels.
 * libxml2 itself takes 10,000,000 bytes without XML_PARSE_HUGE, which would lift its other guards. */
#define LIMIT_XML (9 * 1024 * 1024)
#define LIMIT_XML_DEPTH 32

/* A PEM file: a certificate with the longest chain in use is under 20 KB. */
#define LIMIT_PEM (256 * 1024)
/* Certificates of one server: each is two descriptors from mail-master and a context. */
#define LIMIT_TLS_CERTIFICATES 65
/* What a client may show as its certificate with its chain: real ones are under 10 KB. */
#define LIMIT_TLS_CLIENT_CHAIN 32768
/* Records of one DNS answer that are looked at: no domain needs more hosts or texts. */
#define LIMIT_DNS_RECORDS 256
/* Name servers taken from resolv.conf; the C library itself takes three. */
#define LIMIT_NAME_SERVERS 8
/* resolv.conf, and a file of trust anchors. */
#define LIMIT_DNS_FILE 65536
/* Addresses of one header field shown to a client; the longest real lists have hundreds. */
#define LIMIT_HEADER_ADDRESSES 4096
/* Nesting of parts, and parts of one message: real ones stay under 20 and 500. */
#define LIMIT_MIME_DEPTH 100
#define LIMIT_MIME_PARTS 10000
/* Parameters of one field: RFC 2231 cuts a long file name into tens. */
#define LIMIT_MIME_PARAMS 128
#define LIMIT_MIME_PARAM_VALUE 65536
/* A boundary: RFC 2046 5.1.1 allows 70, and some write more. */
#define LIMIT_MIME_BOUNDARY 256
/* Memory for reading the fields of one header. */
#define LIMIT_MIME_HEADER_MEMORY (4 << 20)
/* Name of a character set: the longest registered has 45 characters; ICU would take 59. */
#define LIMIT_CHARSET_NAME 50
/* An encoded word: RFC 2047 2 allows 75, and some write whole lines. */
#define LIMIT_ENCODED_WORD 4096

/* Name of a mailbox in modified UTF-7: must fit one directory name. */
#define LIMIT_MAILBOX_NAME 1000
/* Levels of a folder name; folders of a user; lines of the file of subscriptions. */
#define LIMIT_FOLDER_DEPTH 32
#define LIMIT_FOLDERS 10000
#define LIMIT_SUBSCRIPTIONS 20000
/* Keywords of a mailbox: one bit each in its fixed-size records; and the length of one. */
#define LIMIT_KEYWORDS 64
#define LIMIT_KEYWORD_NAME 100
/* Messages of a mailbox, and its journal, index and cache as files that are read or mapped whole. */
#define LIMIT_MESSAGES 10000000
#define LIMIT_STORE_FILE ((uint64_t)16 << 30)
/* What is kept of one message for later FETCHes. */
#define LIMIT_IMAP_SUMMARY (1 << 20)

/* POP3 command lines: RFC 2449 4 allows 255 octets, RFC 5034 needs more for AUTH. */
#define LIMIT_POP3_LINE 512
#define LIMIT_POP3_AUTH_LINE 12288

/* IMAP commands before log-in: RFC 2971 3.3 allows ID 30 fields of 30 and 1,024
 * octets.  A literal is a name or a password. */
#define LIMIT_IMAP_LOGIN_COMMAND 34000
#define LIMIT_IMAP_LOGIN_LITERAL 4096
/* ... and after it: RFC 7162 4 asks for lines of 8,192; sequence sets and search texts grow longer. */
#define LIMIT_IMAP_COMMAND (256 << 10)
/* Memory for a command taken apart: a set of one-digit ranges takes four times its text. */
#define LIMIT_IMAP_ARENA (8 << 20)
#define LIMIT_IMAP_RANGES 50000
#define LIMIT_IMAP_NESTING 16
#define LIMIT_IMAP_SEARCH_KEYS 1000
#define LIMIT_IMAP_SECTIONS 100
#define LIMIT_IMAP_SECTION_DEPTH 100
#define LIMIT_IMAP_FIELDS 200
#define LIMIT_IMAP_FLAGS 128
#define LIMIT_IMAP_TAG 128
/* Fields of the ID command: RFC 2971 3.3 allows no more. */
#define LIMIT_IMAP_ID_FIELDS 30

/* MX hosts of one domain that are tried, addresses of each, and all together:
 * more only let a hostile domain hold an agent longer. */
#define LIMIT_MX_HOSTS 5
#define LIMIT_HOST_ADDRS 8
#define LIMIT_SEND_TARGETS 10
/* TLSA records of one mail host: no key roll-over needs more; and the bytes of all of
 * a job, which hold a few whole certificates. */
#define LIMIT_TLSA_RECORDS 16
#define LIMIT_JOB_TLSA_BYTES 4096
/* MTA-STS: bytes of a policy (RFC 8461 3.2 asks for a bound of this size), and mail
 * hosts in it; policies that are fetched at once, each by a process of its own. */
#define LIMIT_STS_POLICY 65536
#define LIMIT_STS_HOSTS 64
#define LIMIT_STS_FETCHES 8
/* Rows of a day's counts for TLS reports: one for each domain, host, address and
 * result; more are counted together. */
#define LIMIT_REPORT_ROWS 20000
/* What the parent of remote-send adds to the record of a job: targets, and what is
 * known of their TLS, and how to log in there and to sign. */
#define LIMIT_JOB_ROUTE 29696
/* Names and interface addresses by which this machine knows itself: hostName and
 * as many hostNames as settings.def allows. */
#define LIMIT_OWN_NAMES 257
#define LIMIT_OWN_ADDRS 256
/* Connections to remote-send, and jobs it holds at a time: each is a descriptor;
 * more wait with schedule. */
#define LIMIT_SEND_CLIENTS 16
#define LIMIT_SEND_JOBS 512

/* Fields of the record of a job: its recipients with their DSN parameters, targets and a dozen others. */
#define LIMIT_JOB_FIELDS (3 * LIMIT_JOB_RECIPIENTS + LIMIT_SEND_TARGETS + 24)

#endif
