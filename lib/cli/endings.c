/* What happens when a signal ends a tool: its hidden files are removed, and a file that was cut while it was
 * mapped is named. What the handlers need is found through /proc, so that nobody has to register files. */
#include "cli/private.h"
#include "base/fd.h"
#include "base/hiddenname.h"
#include "base/signals.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct hm_tool *ending_tool;
static int maps = -1; /* /proc/self/maps, which may not be opened later: a sandbox */
static atomic_flag said;

/* The lines of /proc/self/maps, byte by byte: FROM-TO PERMISSIONS OFFSET DEVICE INODE PATH. */
struct map_line {
	uintptr_t from, to;
	int field;	/* that is being read */
	char path[600]; /* cut */
	size_t len;
};

static void read_byte(struct map_line *l, char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, c) : NULL;
	if (l->field < 2 && digit) {
		uintptr_t *number = l->field ? &l->to : &l->from;
		*number = *number << 4 | (uintptr_t)(digit - digits);
	} else if (l->field < 6) {
		l->field += c == '-' && !l->field ? 1 : c == ' ' && l->field < 6 && l->field ? 1 : 0;
	}
	if (l->field >= 6 && (l->len || c == '/') && l->len < sizeof l->path - 1)
		l->path[l->len++] = c;
}

/* The file that is mapped at this address. False if it is no file's. */
static bool find_mapped(uintptr_t at, struct map_line *l)
{
	char block[1024];
	uint64_t offset = 0;
	ssize_t n;
	*l = (struct map_line){0};
	while ((n = hm_fd_read_at(maps, block, sizeof block, offset)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (block[i] != '\n') {
				read_byte(l, block[i]);
				continue;
			}
			if (l->from <= at && at < l->to)
				return l->len > 0;
			*l = (struct map_line){0};
		}
		offset += (uint64_t)n;
	}
	return false;
}

/* A read of a mapped page that the file has no more, or that the disk does not give. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
	struct map_line line;
	char text[700];
	(void)context;
	while (atomic_flag_test_and_set(&said)) /* another thread is about to end the process */
		pause();
	if (find_mapped((uintptr_t)info->si_addr, &line)) {
		snprintf(text, sizeof text,
			 "%s: cannot be read any more: it was cut while it was in use, or its disk fails",
			 line.path);
		hm_cli_message(&(struct hm_cli){.tool = ending_tool}, "error: ", text);
		hm_hidden_remove_own();
		_exit(1);
	}
	atomic_flag_clear(&said);
	signal(number, SIG_DFL); /* the read is made again */
}

static void on_end(int number)
{
	hm_hidden_remove_own();
	raise(number); /* for the action that was there before, once this returns */
}

void hm_cli_catch_signals(const struct hm_tool *tool)
{
	static const int which[] = {SIGHUP,  SIGINT,  SIGQUIT,	 SIGPIPE, SIGALRM, SIGTERM,
				    SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ};
	struct sigaction end = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND | SA_RESTART},
			 bus = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
	ending_tool = tool;
	maps = hm_fd_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	for (size_t i = 0; i < sizeof which / sizeof *which; i++)
		if (hm_signal_has_default(which[i]))
			hm_signal_handle(which[i], &end);
	hm_signal_handle(SIGBUS, &bus);
}
