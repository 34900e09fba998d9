/* directory-board: an address shows from when it was posted until it, or all, is taken down, or the version is another. */
#include "base/base.h"
#include "base/die.h"
#include "directory/board.h"
#include "tap.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static bool
shows(int fd, const char *address)
{
	return board_shows(fd, span_of(address));
}

int
main(void)
{
	char longest[256], longer[256];
	static struct board *b;		/* kept to the end, as its owner does */
	int fd;

	b = board_new(&fd);
	if (b == NULL)
		bug("board_new: %m");
	is_num(board_version_of(fd), 0, "a new board has no version");
	board_post(b, SPAN("a@b.example"));
	ok(!shows(fd, "a@b.example"), "without a version nothing is posted");
	*board_version(b) = 7;
	is_num(board_version_of(fd), 7, "readers see the version");
	ok(!shows(fd, "a@b.example"), "nor what was posted before it");
	board_post(b, SPAN("a@b.example"));
	board_post(b, SPAN("c@b.example"));
	ok(shows(fd, "a@b.example") && shows(fd, "c@b.example"), "what is posted shows");
	ok(!shows(fd, "A@b.example") && !shows(fd, "a@b.exampl") && !shows(fd, "") && !shows(-1, "a@b.example"),
		"another spelling, half of it, nothing, and no board do not");
	board_take_down(b, SPAN("a@b.example"));
	board_take_down(b, SPAN("never@b.example"));
	ok(!shows(fd, "a@b.example") && shows(fd, "c@b.example"), "one can be taken down");
	*board_version(b) = 8;
	ok(!shows(fd, "c@b.example"), "nothing of an older version shows");
	board_post(b, SPAN("c@b.example"));
	*board_version(b) = 0;
	ok(!shows(fd, "c@b.example"), "nor anything while there is no version");
	*board_version(b) = 8;
	ok(shows(fd, "c@b.example"), "and again when the version is back");
	board_clear(b);
	ok(!shows(fd, "c@b.example"), "all of it can be taken down");
	board_post(b, SPAN("c@b.example"));
	ok(shows(fd, "c@b.example"), "and posted again");
	memset(longest, 'x', sizeof(longest));
	longest[223] = '\0';
	board_post(b, span_of(longest));
	ok(shows(fd, longest), "an address of 223 bytes has its place");
	memset(longer, 'x', sizeof(longer));
	longer[224] = '\0';
	board_post(b, span_of(longer));
	ok(!shows(fd, longer) && shows(fd, longest), "one of 224 has none");
	ok(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM, "readers cannot write");
	ok(ftruncate(fd, 0) != 0 && errno == EPERM, "nor cut it off");
	ok(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED, "nor map it to write");
	close(fd);
	return done();
}
