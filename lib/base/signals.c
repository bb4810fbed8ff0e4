/* Signals and the stacks of their handlers. See signals.h. */
#include "base/signals.h"

#include <errno.h>
#include <stdlib.h>

/* Enough for the deepest handler (lib/cli/endings.c, 8 KB) on top of the largest frame (AMX's tiles: 11 KB).
 */
enum { STACK_BYTES = 64 * 1024 };

/* A thread that has a stack for its handlers, that of a sanitizer for example, keeps it. */
static void give_stack(char *room, stack_t *before)
{
	if (!sigaltstack(NULL, before) && before->ss_flags & SS_DISABLE)
		sigaltstack(&(stack_t){.ss_sp = room, .ss_size = STACK_BYTES}, NULL);
}

void hm_signal_handle(int number, const struct sigaction *a)
{
	static char room[STACK_BYTES];
	struct sigaction handled = *a;
	stack_t before;
	give_stack(room, &before);
	handled.sa_flags |= SA_ONSTACK;
	sigaction(number, &handled, NULL);
}

bool hm_signal_has_default(int number)
{
	struct sigaction now;
	return !sigaction(number, NULL, &now) && now.sa_handler == SIG_DFL;
}

struct start {
	void *(*fn)(void *);
	void *arg;
};

static void *run_thread(void *arg)
{
	char room[STACK_BYTES]; /* pages that no handler needs are never touched */
	struct start s = *(struct start *)arg;
	stack_t before;
	free(arg);
	give_stack(room, &before);
	void *result = s.fn(s.arg);
	sigaltstack(&before, NULL);
	return result;
}

int hm_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	static const int which[] = {SIGHUP,  SIGINT,  SIGQUIT,	 SIGTERM, SIGALRM,
				    SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU};
	sigset_t block, before;
	struct start *s = malloc(sizeof *s);
	if (!s)
		return ENOMEM;
	*s = (struct start){fn, arg};
	sigemptyset(&block);
	for (size_t k = 0; k < sizeof which / sizeof *which; k++)
		sigaddset(&block, which[k]);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	int rc = pthread_create(thread, NULL, run_thread, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		free(s);
	return rc;
}
