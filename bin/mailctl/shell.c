/*
 * shell: commands one by one, with completion and history (GNU readline).
 *
 * Commands that change something are kept until `commit`, which runs them in
 * order and stops at the first that is refused; `staged` shows and `revert`
 * forgets them.  Leaving without commit changes nothing.  Copies of lines are
 * wiped when they are done with, for they may hold passwords.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include <fcntl.h>
#include <readline/history.h>
#include <readline/readline.h>
#include "account.h"
#include "base/die.h"
#include "base/mem.h"
#include "config/settings_table.h"
#include "output.h"
#include "sys/file.h"

#define WORDS_MAX 256
#define STAGED_MAX 10000

struct staged {
	char *line[STAGED_MAX];
	size_t count;
};

static struct ctl *completing;		/* readline's callbacks carry no context */
static const struct command *completing_cmd;

/*
 * Cut a line into words; quotes '...' and "..." keep blanks, backslash the next
 * character.  The words point into line, which is changed.  -1: too many words
 * or an open quote.
 */
static int
split(char *line, char **words)
{
	char *in = line, *out = line, quote = '\0';
	int n = 0;

	for (;;) {
		while (*in == ' ' || *in == '\t')
			in++;
		if (*in == '\0')
			break;
		if (n == WORDS_MAX)
			return -1;
		words[n++] = out;
		for (; *in != '\0' && (quote != '\0' || (*in != ' ' && *in != '\t')); in++) {
			if (quote == '\0' && (*in == '"' || *in == '\'')) {
				quote = *in;
			} else if (*in == quote) {
				quote = '\0';
			} else {
				if (*in == '\\' && quote != '\'' && in[1] != '\0')
					in++;
				*out++ = *in;
			}
		}
		if (*in != '\0')
			in++;
		*out++ = '\0';
	}
	words[n] = NULL;
	return quote == '\0' ? n : -1;
}

/* -- completion --------------------------------------------------------------- */

static char *
generate_command(const char *text, int state)
{
	static size_t next;
	static const char *const own[] = { "commit", "staged", "revert", "quit", "start", "stop",
		"restart", "status", "reload", "online" };

	if (state == 0)
		next = 0;
	while (next < command_count + PB_COUNT(own)) {
		size_t i = next++;
		const char *word = i < command_count ? command_table[i].noun : own[i - command_count];

		if (i > 0 && i < command_count && strcmp(word, command_table[i - 1].noun) == 0)
			continue;
		if (strncmp(word, text, strlen(text)) == 0)
			return mem_text(word);
	}
	return NULL;
}

static char *
generate_verb(const char *text, int state)
{
	static size_t next;
	size_t n = strcspn(rl_line_buffer, " ");

	if (state == 0)
		next = 0;
	while (next < command_count) {
		const struct command *cmd = &command_table[next++];

		if (strlen(cmd->noun) == n && strncmp(cmd->noun, rl_line_buffer, n) == 0 &&
		    strncmp(cmd->verb, text, strlen(text)) == 0 && cmd->verb[0] != '\0')
			return mem_text(cmd->verb);
	}
	return NULL;
}

static char *
generate_setting(const char *text, int state)
{
	static size_t next;

	if (state == 0)
		next = 0;
	while (next < setting_count) {
		const struct setting *s = &setting_table[next++];

		if (s->scope == SCOPE_SERVER && setting_parent(s) == NULL &&
		    strncasecmp(s->path, text, strlen(text)) == 0)
			return mem_text(s->path);
	}
	return NULL;
}

/* Domains for a bare word, the users of a domain behind the "@". */
static char *
generate_name(const char *text, int state)
{
	static char **names;
	static size_t next;
	const char *at = strchr(text, '@');
	char *word = NULL, full[LIMIT_ADDRESS + 1];
	size_t n;

	if (state == 0) {
		int fd = ctl_open_dir(completing, "domains");

		names_free(names);
		names = fd < 0 ? NULL : names_list(fd, "domainConfig.xml", &n);
		file_close(&fd);
		next = 0;
	}
	while (names != NULL && names[next] != NULL && word == NULL) {
		const char *name = names[next++];

		if (at == NULL && (completing_cmd->flags & COMMAND_USERS) == 0 &&
		    strncmp(name, text, strlen(text)) == 0)
			word = mem_text(name);
		else if (at != NULL && strncmp(name, at + 1, strlen(at + 1)) == 0 &&
			 snprintf(full, sizeof(full), "%.*s@%s", (int)(at - text), text, name) < (int)sizeof(full))
			word = mem_text(full);
	}
	return word;
}

static char **
complete(const char *text, int start, int end PB_UNUSED)
{
	size_t size = strlen(rl_line_buffer);
	char *line = mem_text(rl_line_buffer), *words[WORDS_MAX + 1];
	rl_compentry_func_t *generate = NULL;
	int n, used;

	line[start] = '\0';
	n = split(line, words);
	completing_cmd = n > 0 ? command_find(n, words, &used) : NULL;
	if (n == 0)
		generate = generate_command;
	else if (completing_cmd == NULL && n == 1)
		generate = generate_verb;
	else if (completing_cmd != NULL && (completing_cmd->flags & COMMAND_SETTINGS) != 0)
		generate = generate_setting;
	else if (completing_cmd != NULL && (completing_cmd->flags & (COMMAND_DOMAINS | COMMAND_USERS)) != 0)
		generate = generate_name;
	mem_wipe_free(line, size);
	rl_attempted_completion_over = 1;
	return generate == NULL ? NULL : rl_completion_matches(text, generate);
}

/* -- staging ------------------------------------------------------------------ */

/* A staged line as it may be shown: without passwords. */
static void
staged_row(struct output *o, const char *line)
{
	char *copy = mem_text(line), *words[WORDS_MAX + 1];
	int n = split(copy, words);
	struct buf text;

	buf_init(&text, 2 * strlen(line) + 8);
	for (int i = 0; i < n; i++)
		if (i > 0 && args_hides_next(words[i - 1]))
			buf_text_put(&text, " ***");
		else
			buf_printf(&text, "%s%.*s%s", i > 0 ? " " : "",
				args_secret(words[i]) > 0 ? (int)args_secret(words[i]) : (int)strlen(words[i]), words[i],
				args_secret(words[i]) > 0 ? "***" : "");
	output_row(o, buf_text(&text));
	buf_free(&text);
	mem_wipe_free(copy, strlen(line));
}

static void
print_staged(const struct ctl *c, const struct staged *st)
{
	static const char *const columns[] = { "staged", NULL };
	struct output *o = output_begin(c, columns);

	for (size_t i = 0; i < st->count; i++)
		staged_row(o, st->line[i]);
	output_end(&o);
}

static void
forget(struct staged *st)
{
	for (size_t i = 0; i < st->count; i++)
		mem_wipe_free(st->line[i], strlen(st->line[i]));
	st->count = 0;
}

/* Run all in order; what was refused, and what follows it, stays staged. */
static int
commit(struct ctl *c, struct staged *st)
{
	size_t done = 0;
	int code = EXIT_DONE;

	while (done < st->count && code == EXIT_DONE) {
		size_t size = strlen(st->line[done]);
		char *copy = mem_text(st->line[done]), *words[WORDS_MAX + 1];
		int n = split(copy, words);

		snprintf(c->why, sizeof(c->why), "shell commit: %s %s", words[0], n > 1 ? words[1] : "");
		code = command_run(c, n, words);
		mem_wipe_free(copy, size);
		if (code == EXIT_DONE)
			mem_wipe_free(st->line[done++], size);
	}
	memmove(st->line, st->line + done, (st->count - done) * sizeof(st->line[0]));
	st->count -= done;
	if (code != EXIT_DONE)
		ctl_fail(code, "%zu done, %zu still staged", done, st->count);
	else
		output_done(c, done);
	return code;
}

static int
stage(const struct ctl *c, struct staged *st, const char *line)
{
	if (st->count == STAGED_MAX)
		return ctl_fail(EXIT_REFUSED, "commit first: %d commands are staged", STAGED_MAX);
	st->line[st->count++] = mem_text(line);
	ctl_say(c, "staged; commit writes it");
	return EXIT_DONE;
}

/* One line; false when the shell is to end. */
static bool
run_line(struct ctl *c, struct staged *st, const char *line, int *code)
{
	char *copy = mem_text(line), *words[WORDS_MAX + 1];
	enum ctl_format format = c->format;
	const struct command *cmd;
	int used, n = split(copy, words);
	bool go_on = true;

	output_json_begin();
	cmd = n > 0 ? command_find(n, words, &used) : NULL;
	if (n < 0) {
		*code = ctl_fail(EXIT_USAGE, "an open quote, or more than %d words", WORDS_MAX);
	} else if (n == 0) {
		;
	} else if (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0) {
		go_on = false;
	} else if (strcmp(words[0], "commit") == 0) {
		*code = commit(c, st);
	} else if (strcmp(words[0], "revert") == 0) {
		forget(st);
		*code = EXIT_DONE;
	} else if (strcmp(words[0], "staged") == 0) {
		print_staged(c, st);
		*code = EXIT_DONE;
	} else if (cmd != NULL && (cmd->flags & COMMAND_EDITS) != 0) {
		*code = stage(c, st, line);
	} else {
		*code = command_run(c, n, words);
	}
	if (go_on && n != 0)
		output_json_end(c, *code);
	c->format = format;		/* --json holds for its line */
	mem_wipe_free(copy, strlen(line));
	return go_on;
}

/* With a terminal readline asks; else plain lines are read, and nothing is echoed. */
static char *
next_line(const char *prompt)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (isatty(STDIN_FILENO))
		return readline(prompt);
	n = getline(&line, &cap, stdin);
	if (n < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

int
cmd_shell(struct ctl *c, int argc PB_UNUSED, char **argv PB_UNUSED)
{
	static struct staged st;
	int code = EXIT_DONE;
	bool go_on = true;
	char *line;

	if (c->in_shell)
		return ctl_fail(EXIT_USAGE, "this is the shell already");
	c->in_shell = true;
	c->yes = true;			/* commit is the confirmation */
	completing = c;
	rl_readline_name = "mailctl";
	rl_attempted_completion_function = complete;
	rl_completer_word_break_characters = " \t\"'";	/* an address is one word */
	while (go_on && (line = next_line(st.count > 0 ? "mailctl*> " : "mailctl> ")) != NULL) {
		if (*line != '\0' && isatty(STDIN_FILENO) && strstr(line, "--password") == NULL)
			add_history(line);
		go_on = run_line(c, &st, line, &code);
		fflush(stdout);
		mem_wipe_free(line, strlen(line));
	}
	if (st.count > 0)
		ctl_fail(1, "%zu staged commands were not committed", st.count);
	forget(&st);
	return code;
}
