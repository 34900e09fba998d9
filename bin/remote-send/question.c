/* question: see question.h.  Pure. */
#include "base/base.h"
#include "question.h"

bool
question_read(const struct record *r, struct job *out)
{
	return span_is(r->verb, "route") && job_read_place(r, out);
}

static void
add_gateway(const struct job_gateway *g, size_t preference, struct buf *out)
{
	char text[1024], queue[24] = "-";

	if (g->queue >= 0)
		snprintf(queue, sizeof(queue), "%lld", (long long)g->queue);
	snprintf(text, sizeof(text), "%zu %s %u %s %s", preference, g->address, (unsigned)g->port, queue,
		g->user[0] != '\0' ? g->user : "-");
	record_add_text(out, "gateway", text);
}

void
question_answer(const struct job *j, const struct way *w, struct span why, struct buf *out)
{
	char text[VERDICT_TEXT_MAX + 32];

	record_begin(out, "route");
	record_add_num(out, "job", j->number);
	record_add_text(out, "way", policy_way_name(w->kind));
	while (why.p != NULL && why.n > 0)
		record_add(out, "why", span_cut(&why, '\n'));
	job_print_targets(j, out);
	for (size_t i = 0; i < j->gateway_count; i++)
		add_gateway(&j->gateway[i], i, out);
	if (w->failed != NULL) {
		verdict_print(w->failed, text, sizeof(text));
		record_add_text(out, "failed", text);
	}
}
