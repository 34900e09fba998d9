/* Enhanced status codes in words. */
#include "base/base.h"
#include "tap.h"
#include "mail/status.h"

int
main(void)
{
	is_text(status_words(SPAN("5.1.1")), "the mailbox does not exist", "5.1.1");
	is_text(status_words(SPAN("4.1.1")), "the mailbox does not exist", "4.1.1");
	is_text(status_words(SPAN("5.1.10")), "the domain says that it takes no mail (null MX)", "5.1.10 is not 5.1.1");
	is_text(status_words(SPAN("5.1.99")), "something is wrong with an address", "an unknown detail");
	is_text(status_words(SPAN("4.7.1")), "it is refused by a rule: relaying, a block or a filter", "4.7.1");
	ok(status_words(SPAN("5.9.1")) == NULL, "an unknown subject");
	ok(status_words(SPAN("3.1.1")) == NULL && status_words(SPAN("550")) == NULL && status_words(SPAN("5.x.1")) == NULL &&
		status_words(SPAN("")) == NULL, "what is no status");
	return done();
}
