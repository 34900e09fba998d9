/*
 * control: what the scheduler answers on its socket run/pub/schedule.
 *
 * SOCK_SEQPACKET, text records (base/record.h), one answer to each request in
 * the order of the requests.  Callers: pbmail, the owner of the instance, and
 * root.  A record that is not understood is answered
 * `error text= exit=2`.
 *
 *   queued id=N sub=N hold=TIME priority=N from=ADDRESS [lines=TEXT]
 *	From intake: a new message stands in SubSpool<sub>.  lines are finished
 *	envelope lines (envelope_line.h) with what was delivered already; they
 *	are appended first.  hold: seconds since 1970 before which it does not
 *	go, 0 = none.  from: the account that submitted it, else the
 *	reverse-path; senders share the deliveries alike.  No answer; a lost one is found by the periodic scan.
 *
 *   turn domain=NAME
 *	Also from smtp-listen (ETRN, RFC 1985), which may ask this and length alone:
 *	what waits for a retry to that domain is tried now, and does not lose
 *	an attempt by it.  `ok count=N`, or `busy` when that was asked for less
 *	than CONTROL_TURN_S seconds ago.
 *
 *   length
 *	`ok total=N`: messages in the queue.  Also from smtp-listen (XQUEUE).
 *
 *   list [after=ID] [max=N]
 *	`ok total=N more=0|1 m=...` with up to N (1 to CONTROL_LIST_MAX)
 *	messages in the order of their ids, beginning behind `after` (default
 *	0).  Each m is "ID SUB STATUS ATTEMPTS NEXT PRIORITY": decimal id, number of the
 *	subspool (subSpools itself = the spool folder), one of the words of
 *	CONTROL_STATUS_*, attempts made, and the time of the next attempt in
 *	seconds since 1970, 0 = as soon as there is a place (or, for a held
 *	one, when its sender is no more blocked), and its priority, 1 to 10.
 *	With more=1, ask again with after = the last id.  Sender, recipients
 *	and size stand in the .hdr file, which the caller reads itself.
 *
 *   show id=N
 *	`ok m=...` as above, or `ok missing=N`.
 *
 *   dest domain=NAME
 *	`ok [jobs=N window=N [rests=TIME]]`: deliveries to it that go on, how
 *	many it may have at a time, and until when none is begun because it
 *	answers badly; nothing when it is not in use.
 *
 *   force id=N ... | all=1
 *	Due now, whatever the schedule says; the attempt counts as one.  What is
 *	held stays so: no attempt is made.
 *   reset-retries id=N ... | all=1
 *	The schedule begins again: attempts = 0 (durably) and due now.
 *   delete id=N ... | all=1
 *	Removed without a bounce.  One that is being delivered at this moment
 *	is removed as soon as its deliverer has answered; nothing new is
 *	started for it.
 *	Each is answered `ok count=N` and one `missing=ID` for every id that
 *	is not in the queue.  At most CONTROL_IDS_MAX ids a request.  The
 *	file work is done behind the answer, by helpers.
 *
 *   hold id=N ...
 *	No attempt is made, over restarts too, until
 *   release id=N ...
 *   priority value=1..10 id=N ...
 *	Instead of what rules gave it.
 *   redirect to=DOMAIN [from=DOMAIN] id=N ...
 *	Open recipients, of all domains or of one, go to the same local part at
 *	another domain; their attempts begin again.
 *	Each is answered as above, or `busy` when too much is still to be done:
 *	ask again soon.  What is being delivered is changed after that attempt.
 *
 *   quarantine-release ref="ID SUB" ...
 *	Messages in quarantine (their envelopes say Quarantined) become
 *	messages of the queue, and are due at once, or at their sender's time.
 *   quarantine-delete ref="ID SUB" ...
 *	They are removed without a bounce.
 *	Both are answered `ok count=N` and one `missing=ID` for every message
 *	that is not in quarantine.  At most CONTROL_REFS_MAX a request.  What is
 *	in quarantine has no place in the queue: callers find it in the folders.
 *
 *   status
 *	`ok total=N active=N jobs=N scanning=0|1`.
 */
#ifndef SPOOL_CONTROL_H
#define SPOOL_CONTROL_H

#define CONTROL_LIST_MAX 500
#define CONTROL_IDS_MAX 500
#define CONTROL_REFS_MAX 64
#define CONTROL_TURN_S 60

#define CONTROL_STATUS_WAITING "waiting"	/* due, or waits for a free place */
#define CONTROL_STATUS_DELAY "delay"		/* rests for outside checkers */
#define CONTROL_STATUS_DELIVERING "delivering"
#define CONTROL_STATUS_RETRY "retry"		/* waits for its next attempt */
#define CONTROL_STATUS_FORCED "forced"
#define CONTROL_STATUS_THROTTLED "throttled"	/* its sender has sent as much as he may in this hour */
#define CONTROL_STATUS_HELD "held"		/* by an administrator; its sender is blocked, or a domain of it disabled */

#endif
