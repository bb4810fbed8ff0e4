/* Runs a process and makes its k-th system call of a kind fail, or kills it there. x86-64. */
#include "loops.h"
#include "syscalls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* The errno with which this kind of fault fails the call; 0: not a place of this kind. */
static int choose_errno(const struct syscall_row *r, enum kind kind)
{
	switch (kind) {
	case K_IO:
	case K_IO_EVER:
		return r->io;
	case K_ROOM:
		return r->room;
	case K_INTR:
		return r->interrupted ? EINTR : 0;
	case K_AGAIN:
		return r->again ? EAGAIN : 0;
	default:
		return 0;
	}
}

/* Is this call a place of this kind? Writes to standard error are left alone: the message about
 * it could not be written. */
static bool is_place(const struct syscall_row *r, enum kind kind, const struct user_regs_struct *regs)
{
	bool error = kind == K_IO || kind == K_IO_EVER || kind == K_ROOM;
	if (kind == K_KILL)
		return true;
	if (kind == K_CUT)
		return r->cut && regs->rdx > 1;
	if (error && r->number == SYS_write && regs->rdi == STDERR_FILENO)
		return false;
	return choose_errno(r, kind) != 0;
}

/* The path that the call is about, where it has one. */
static void find_path(pid_t pid, const struct syscall_row *r, const struct user_regs_struct *regs, char *out,
		      size_t cap)
{
	const unsigned long args[] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
	char link[64];
	ssize_t n = 0;
	if (r->fd >= 0) {
		snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, (int)args[r->fd]);
		n = readlink(link, out, cap - 1);
	} else if (r->path >= 0) {
		/* not across the end of a page that may be the last one */
		size_t most = 4096 - args[r->path] % 4096;
		struct iovec to = {out, most < cap - 1 ? most : cap - 1},
			     from = {(void *)args[r->path], to.iov_len};
		n = process_vm_readv(pid, &to, 1, &from, 1, 0);
	}
	out[n > 0 ? n : 0] = 0;
}

/* The call fails with `code`. close does its work all the same, as the kernel's does. */
static void fail_call(pid_t pid, const struct syscall_row *r, struct user_regs_struct *regs, int code)
{
	if (r->number == SYS_close) {
		int status;
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		if (waitpid(pid, &status, __WALL) != pid)
			return;
		ptrace(PTRACE_GETREGS, pid, 0, regs);
	} else {
		regs->orig_rax = (unsigned long)-1;
	}
	regs->rax = (unsigned long)-(long)code;
	ptrace(PTRACE_SETREGS, pid, 0, regs);
}

/* A thread `pid` of the process `root` stands in front of a call of the table. */
static void meet_call(pid_t root, pid_t pid, enum kind kind, long k, struct outcome *o)
{
	char task[64];
	unsigned long index;
	struct user_regs_struct regs;
	snprintf(task, sizeof task, "/proc/%d/task/%d", root, pid);
	if (access(task, F_OK) || ptrace(PTRACE_GETEVENTMSG, pid, 0, &index) ||
	    index >= (unsigned long)n_syscall_rows || ptrace(PTRACE_GETREGS, pid, 0, &regs))
		return; /* another process: gnuplot's faults are its own */
	const struct syscall_row *r = &syscall_rows[index];
	if (!is_place(r, kind, &regs))
		return;
	o->places++;
	if (!k || o->places < k || (o->places > k && !kind_rows[kind].ever))
		return;
	if (!o->failed++) {
		o->row = (int)index;
		find_path(pid, r, &regs, o->path, sizeof o->path);
	}
	if (kind == K_KILL) {
		kill(root, SIGKILL);
	} else if (kind == K_CUT) {
		regs.rdx = 1;
		ptrace(PTRACE_SETREGS, pid, 0, &regs);
	} else {
		fail_call(pid, r, &regs, choose_errno(r, kind));
	}
}

void trace_calls(pid_t root, enum kind kind, long k, struct outcome *o)
{
	int status;
	if (waitpid(root, &status, 0) != root || !WIFSTOPPED(status)) {
		fprintf(stderr, "loops: the tool does not stop for its tracer\n");
		exit(2);
	}
	ptrace(PTRACE_SETOPTIONS, root, 0,
	       PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		       PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, root, 0, 0);
	o->status = HANG;
	time_is_up = 0;
	alarm(SECONDS);
	for (bool killed = false;;) {
		pid_t pid = waitpid(-1, &status, __WALL);
		if (time_is_up && !killed) { /* also where the tool does not pause between calls */
			kill(-root, SIGKILL);
			kill(root, SIGKILL);
			killed = true;
		}
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (pid != root)
				continue;
			if (!killed)
				o->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
			break;
		}
		int event = status >> 16, signal = WSTOPSIG(status);
		if (event == PTRACE_EVENT_SECCOMP)
			meet_call(root, pid, kind, k, o);
		/* SIGTRAP belongs to an event, SIGSTOP to a new thread's start */
		ptrace(PTRACE_CONT, pid, 0, signal == SIGTRAP || signal == SIGSTOP ? 0 : signal);
	}
	alarm(0);
}
