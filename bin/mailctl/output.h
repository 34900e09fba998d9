/*
 * output: rows for people and for machines.
 *
 * Text is a table with a heading, TSV one line a row with a heading line, -0
 * the first column ended by NUL, JSON an array of objects.  A column name
 * ending in "#" holds whole numbers (JSON prints them as such, text aligns
 * them right); "?" truth values.
 */
#ifndef MAILCTL_OUTPUT_H
#define MAILCTL_OUTPUT_H

#include "base/base.h"
#include "ctl.h"

#define OUTPUT_COLUMNS_MAX 16

struct output;

/* columns: NULL-ended; they must live until output_end. */
struct output *output_begin(const struct ctl *c, const char *const *columns);
/* As many texts as there are columns; copied, control characters made visible. */
void output_row(struct output *o, ...);
void output_row_array(struct output *o, const char *const *values);
size_t output_rows(const struct output *o);
/* Print what is left and free; JSON waits for output_json_end. */
void output_end(struct output **o);

/* So many were done: "N done" for people, a member "count" in JSON. */
void output_done(const struct ctl *c, uint64_t count);

/*
 * With --json standard output is one value whatever happens.  Around a command:
 * begin forgets the one before; end prints {"error": TEXT, "exit": CODE} when it
 * said that something is wrong, or else its rows, or {"done": true}.
 */
void output_json_begin(void);
void output_json_end(const struct ctl *c, int code);

#endif
