/* Preloaded into a tool: in place of main(), a process that waits for orders and makes one copy of itself for
 * each. The copy runs main() with one fault. So a run costs a fork and not the dynamic linking of a large
 * library, and faults begin where the tool's own code does. */
#include "shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int main_function(int, char **, char **);
static main_function *real_main;

static void open_as(int fd, const char *path, int flags)
{
	int got = open(path, flags, 0666);
	if (got < 0 || dup2(got, fd) != fd)
		_exit(120);
	if (got != fd)
		close(got);
}

/* The copy: its folder, its three descriptors, its fault. */
static void prepare_run(struct shim_page *page, int order, int reply)
{
	close(order);
	close(reply);
	open_as(0, page->in, O_RDONLY);
	open_as(1, page->out, O_WRONLY | O_CREAT | O_TRUNC);
	open_as(2, page->err, O_WRONLY | O_CREAT | O_TRUNC);
	if (chdir(page->folder) || setpgid(0, 0))
		_exit(120);
	if (page->kind == SHIM_ALLOC) {
		shim_start_counting(page);
		return;
	}
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) || raise(SIGSTOP))
		_exit(120);
	shim_filter_calls();
}

static int wait_for_orders(int argc, char **argv, char **env)
{
	char path[512], byte;
	int order, reply;
	const char *said = getenv(SHIM_ENV);
	if (!said)
		return real_main(argc, argv, env);
	if (sscanf(said, "%511s %d %d", path, &order, &reply) != 3)
		_exit(120);
	unsetenv("LD_PRELOAD");
	unsetenv(SHIM_ENV);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct shim_page *page =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		_exit(120);
	close(fd);
	while (read(order, &byte, 1) == 1) {
		/* CLONE_PARENT: the copy is the runner's child, which waits for it and traces it */
		pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (!pid) {
			prepare_run(page, order, reply);
			return real_main(argc, argv, env);
		}
		if (pid < 0 || write(reply, &pid, sizeof pid) != sizeof pid)
			_exit(120);
	}
	_exit(0);
}

/* What the C library's start code calls. */
int __libc_start_main(main_function *m, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(main_function *m, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end)
{
	int (*real)(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
	*(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
	real_main = m;
	return real(wait_for_orders, argc, argv, init, fini, rtld_fini, stack_end);
}
