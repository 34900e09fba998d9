/*
 * date: RFC 5322 date-times (3.3 and the obsolete forms of 4.3).
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* Room for "Sat, 21 Nov 2026 23:10:00 +0000" and its NUL. */
#define DATE_TEXT_SIZE 40

/*
 * Read a Date value, comments and folding included.  Returns false when it is
 * not one.  *utc_out: seconds since 1970; *zone_out (may be NULL): minutes
 * east of Greenwich as written.  Years 1900 to 9999; two digits as RFC 5322 4.3.
 */
bool date_parse(struct span value, int64_t *utc_out, int *zone_out) PB_MUST_CHECK;

/* Append "Sat, 21 Nov 2026 23:10:00 +0100"; zone in minutes east. */
void date_print(int64_t utc, int zone, struct buf *out);

/* Civil date of a day count since 1970-01-01 and back; proleptic Gregorian, month 1 to 12. */
int64_t date_days(int year, int month, int day);
void date_civil(int64_t days, int *year, int *month, int *day);

/* Month 1 to 12 of "Jan" … in any letter case; 0 when it is none.  And back. */
int date_month(struct span name);
const char *date_month_name(int month);

/* Minutes east of Greenwich of the local time zone at that moment. */
int date_local_zone(int64_t utc);

#endif
