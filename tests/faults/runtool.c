/* Tools that wait for orders, and their runs: see loops.h. */
#include "loops.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

volatile sig_atomic_t time_is_up;

_Noreturn void end_loops(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("loops: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(2);
}

void start_server(struct server *s, char *const *argv, const char *shim, const char *page_path)
{
	int order[2], reply[2];
	char env[600];
	if (pipe2(order, O_CLOEXEC) || pipe2(reply, O_CLOEXEC))
		end_loops("no pipe");
	s->pid = fork();
	if (!s->pid) {
		int in = dup(order[0]), out = dup(reply[1]);
		snprintf(env, sizeof env, "%s %d %d", page_path, in, out);
		setenv(SHIM_ENV, env, 1);
		setenv("LD_PRELOAD", shim, 1);
		signal(SIGALRM, SIG_DFL);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(order[0]);
	close(reply[1]);
	s->order = order[1];
	s->reply = reply[0];
}

void stop_server(struct server *s)
{
	if (!s->pid)
		return;
	close(s->order);
	close(s->reply);
	waitpid(s->pid, NULL, 0);
	*s = (struct server){0};
}

/* Waits for a run without a tracer. */
static int wait_for(pid_t pid)
{
	int status;
	alarm(SECONDS);
	pid_t got = waitpid(pid, &status, 0);
	alarm(0);
	if (got == pid)
		return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return HANG;
}

void run_tool(const struct server *s, struct shim_page *page, enum kind kind, long k, struct outcome *o)
{
	pid_t pid;
	*o = (struct outcome){.row = -1};
	page->kind = kind == K_ALLOC || kind == K_ALLOC_EVER ? SHIM_ALLOC : SHIM_CALL;
	page->ever = kind_rows[kind].ever;
	page->k = k;
	page->count = page->failed = 0;
	page->caller = 0;
	if (write(s->order, "", 1) != 1 || read(s->reply, &pid, sizeof pid) != sizeof pid)
		end_loops("the tool does not start");
	if (page->kind == SHIM_CALL) {
		trace_calls(pid, kind, k, o);
	} else {
		o->status = wait_for(pid);
		o->places = page->count;
		o->failed = page->failed;
	}
	o->out = read_whole(page->out, &o->out_len);
	o->err = read_whole(page->err, &o->err_len);
	take_snapshot(&o->after, page->folder);
}

void free_outcome(struct outcome *o)
{
	free(o->out);
	free(o->err);
	free_snapshot(&o->after);
	*o = (struct outcome){0};
}
