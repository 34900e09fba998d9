/*
 * bypass: the files etc/greylisBypass.xml and etc/greylistBypass.xml (GREY-12), lists
 * of addresses that are never greylisted.
 *
 * Other programs write them, in no form that is laid down: any root, any nesting.  An
 * element with ipFrom and ipTo is a range; any other element whose text is an address, a
 * network ("192.0.2.0/24") or a range ("192.0.2.1-192.0.2.9") is that.  An element
 * called ip, entry or range whose text is none of these is an error; others
 * are passed over.  They are read by the rightless child of mail-master only.
 */
#ifndef CONFIG_BYPASS_H
#define CONFIG_BYPASS_H

#include "base/base.h"
#include "base/buf.h"
#include "config/xml.h"

/* The files, relative to the instance, and how many there are. */
#define BYPASS_FILES 2
extern const char *const bypass_files[BYPASS_FILES];

/*
 * Read the open file and append its entries to out, as lines of a settings record
 * (settings.h) for the list greylisting/bypass.  False with messages in errors.
 */
bool bypass_read(int fd, const char *shown, struct buf *out, struct buf *errors) PB_MUST_CHECK;

/* The same for a document that was read before. */
bool bypass_take(const struct xml *x, const char *shown, struct buf *out, struct buf *errors) PB_MUST_CHECK;

#endif
