/*
 * driver: run a fuzz target as a plain test: every file of its corpus
 * (t/fuzz/corpus/NAME), cut at every length when short, and mutated
 * MUTATIONS times with a fixed seed.  A file given as argument is run alone.
 */
#include "base/base.h"
#ifndef PB_LIBFUZZER	/* which brings its own main */
#include "base/mem.h"
#include "fuzz.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MUTATIONS 300
#define INPUT_MAX 100000

static uint64_t state = 88172645463325252ULL;

static uint64_t
next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* From a heap block of exactly its size, so that reading past it shows. */
static void
run_one(const char *data, size_t n)
{
	char *copy = mem_resize(NULL, n);

	if (n > 0)
		memcpy(copy, data, n);
	LLVMFuzzerTestOneInput((const uint8_t *)copy, n);
	free(copy);
}

static size_t
mutate(char *p, size_t n)
{
	static const char *const words[] = { "\r\n", ".", "\r\n.\r\n", "\n", "\r", " ", "<", ">", "@", "\"", "\\", "250", "-", "=", "+" };
	size_t at = n > 0 ? next_random() % n : 0;
	const char *word = words[next_random() % PB_COUNT(words)];
	size_t w = strlen(word);

	switch (next_random() % 5) {
	case 0:
		if (n > 0)
			p[at] = (char)next_random();
		return n;
	case 1:
		if (n > 0)
			memmove(p + at, p + at + 1, n - at - 1);
		return n > 0 ? n - 1 : 0;
	case 2:
		if (n + w > INPUT_MAX)
			return n;
		memmove(p + at + w, p + at, n - at);
		memcpy(p + at, word, w);
		return n + w;
	case 3:
		return at;
	default:
		if (n > 0)
			p[at] ^= (char)(1u << (next_random() % 8));
		return n;
	}
}

static void
run_with_mutations(const char *data, size_t n)
{
	char *work = mem_new(INPUT_MAX + 16);

	run_one(data, n);
	for (size_t cut = 0; n < 300 && cut < n; cut++)
		run_one(data, cut);
	for (int i = 0; i < MUTATIONS; i++) {
		size_t k = n;

		memcpy(work, data, n);
		for (uint64_t changes = 1 + next_random() % 4; changes > 0; changes--)
			k = mutate(work, k);
		run_one(work, k);
	}
	free(work);
}

static bool
run_file(const char *path, bool mutations)
{
	char *data = mem_new(INPUT_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, data, INPUT_MAX) : -1;

	if (fd >= 0)
		close(fd);
	if (n >= 0 && mutations)
		run_with_mutations(data, (size_t)n);
	else if (n >= 0)
		run_one(data, (size_t)n);
	free(data);
	return n >= 0;
}

/* The corpus of this program: "fuzz-NAME" has t/fuzz/corpus/NAME. */
static int
run_corpus(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *src = getenv("PB_SRC");
	char folder[1024], path[2048];
	struct dirent *e;
	int count = 0;
	DIR *d;

	snprintf(folder, sizeof(folder), "%s/t/fuzz/corpus/%s", src != NULL ? src : ".",
		 slash != NULL ? slash + 1 : program);
	d = opendir(folder);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		printf("%sok %d - %s\n", run_file(path, true) ? "" : "not ", ++count, e->d_name);
		fflush(stdout);
	}
	if (d != NULL)
		closedir(d);
	printf("%sok %d - a corpus in %s\n1..%d\n", count > 0 ? "" : "not ", count + 1, folder, count + 1);
	return count == 0;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return run_corpus(argv[0]);
	for (int i = 1; i < argc; i++)
		if (!run_file(argv[i], false))
			return 1;
	return 0;
}
#endif
