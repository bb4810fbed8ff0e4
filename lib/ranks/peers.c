/* A thread waits for the processes of the other ranks on this machine (pidfd_open(2)). Each process has a
 * page of shared memory in which it says that it leaves, so that the others know an end that was meant. See
 * peers.h. */
#include "ranks/peers.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/xxh3.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where a rank runs. A machine is its name, its start and the name space of its process ids: containers may
 * share the first two. */
struct place {
	char machine[160];
	int64_t process;
	int32_t page;	  /* descriptor of its page; -1: it has none */
	uint64_t allowed; /* digest of the processors that it may run on */
};

struct hm_peers {
	const struct hm_ranks *ranks;
	struct place *place; /* [size] */
	struct pollfd *wait; /* [n]: the processes of `rank`, then the end of the watch */
	int *rank;
	volatile char **leaves; /* [n]: the pages of `rank`; NULL: not known */
	volatile char *page;	/* this process's own */
	int fd;			/* of the page */
	int n, stop[2];
	bool watches;
	pthread_t thread;
	void (*lost)(void *ctx, const struct hm_ranks *r, int rank);
	void *ctx;
};

static void describe_place(struct place *p)
{
	static const char boot[] = "/proc/sys/kernel/random/boot_id";
	size_t n;
	gethostname(p->machine, 64);
	p->machine[63] = 0;
	n = strlen(p->machine);
	int fd = hm_fd_open(boot, O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		hm_fd_read(fd, p->machine + n, 36);
		close(fd);
	}
	n = strlen(p->machine);
	if (readlink("/proc/self/ns/pid", p->machine + n, sizeof p->machine - 1 - n) < 0)
		p->machine[n] = 0;
	p->process = getpid();
	cpu_set_t set;
	if (!sched_getaffinity(0, sizeof set, &set))
		p->allowed = XXH3_64bits(&set, sizeof set);
}

static volatile char *map_page(int fd)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return page == MAP_FAILED ? NULL : page;
}

static void open_page(struct hm_peers *p)
{
	p->fd = memfd_create("rank", MFD_CLOEXEC);
	if (p->fd >= 0 && !hm_fd_cut(p->fd, 1))
		p->page = map_page(p->fd);
}

/* The page of another process of this machine. */
static volatile char *find_page(const struct place *p)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%lld/fd/%d", (long long)p->process, (int)p->page);
	int fd = p->page < 0 ? -1 : hm_fd_open(path, O_RDWR | O_CLOEXEC, 0);
	volatile char *page = fd < 0 ? NULL : map_page(fd);
	if (fd >= 0)
		hm_fd_close(fd);
	return page;
}

int hm_peers_meet(struct hm_ranks *r, struct hm_err *e)
{
	size_t n = (size_t)r->size;
	struct hm_peers *p = r->peers = hm_alloc(1, sizeof *p, e);
	if (!p)
		return HM_EDATA;
	p->ranks = r;
	p->stop[0] = p->stop[1] = -1;
	open_page(p);
	if (!(p->place = hm_alloc(n, sizeof *p->place, e)) || !(p->wait = hm_alloc(n, sizeof *p->wait, e)) ||
	    !(p->rank = hm_alloc(n, sizeof *p->rank, e)) || !(p->leaves = hm_alloc(n, sizeof *p->leaves, e)))
		return HM_EDATA;
	describe_place(&p->place[r->rank]);
	p->place[r->rank].page = p->page ? p->fd : -1;
	if (hm_ranks_gather_each(r, p->place, sizeof *p->place, e))
		return HM_EDATA;
	r->local = r->locals = r->sharing = 0;
	for (int k = 0; k < r->size; k++)
		if (!memcmp(p->place[k].machine, p->place[r->rank].machine, sizeof p->place[k].machine)) {
			r->local += k < r->rank;
			r->locals++;
			r->sharing += p->place[k].allowed == p->place[r->rank].allowed;
		}
	return 0;
}

static void *wait_for_peers(void *arg)
{
	struct hm_peers *p = arg;
	while (poll(p->wait, (nfds_t)p->n + 1, -1) < 0)
		; /* EINTR: signals are blocked here, but a debugger's are not */
	if (p->wait[p->n].revents)
		return NULL;
	/* The first end is the one that counts: the launcher ends the other ranks after it. */
	for (int k = 0; k < p->n; k++)
		if (p->wait[k].revents && !(p->leaves[k] && *p->leaves[k])) {
			p->lost(p->ctx, p->ranks, p->rank[k]);
			break;
		}
	return NULL;
}

void hm_ranks_watch(struct hm_ranks *r, void (*lost)(void *ctx, const struct hm_ranks *r, int rank),
		    void *ctx)
{
	struct hm_peers *p = r->peers;
	if (!p || r->size == 1 || pipe2(p->stop, O_CLOEXEC))
		return;
	for (int k = 0; k < r->size; k++) {
		if (k == r->rank ||
		    memcmp(p->place[k].machine, p->place[r->rank].machine, sizeof p->place[k].machine))
			continue;
		int fd = (int)syscall(SYS_pidfd_open, (pid_t)p->place[k].process, 0);
		if (fd < 0)
			continue;
		p->rank[p->n] = k;
		p->leaves[p->n] = find_page(&p->place[k]);
		p->wait[p->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	p->wait[p->n] = (struct pollfd){.fd = p->stop[0], .events = POLLIN};
	p->lost = lost;
	p->ctx = ctx;
	p->watches = !hm_thread_start(&p->thread, wait_for_peers, p);
}

void hm_peers_leave(struct hm_ranks *r)
{
	if (r->peers && r->peers->page)
		*r->peers->page = 1;
}

void hm_peers_part(struct hm_ranks *r)
{
	struct hm_peers *p = r->peers;
	if (!p)
		return;
	if (p->watches) {
		hm_fd_write(p->stop[1], "", 1);
		pthread_join(p->thread, NULL);
	}
	for (int k = 0; k < p->n; k++) {
		if (p->leaves[k])
			munmap((void *)(uintptr_t)p->leaves[k], 1);
		close(p->wait[k].fd);
	}
	if (p->page)
		munmap((void *)(uintptr_t)p->page, 1);
	if (p->fd >= 0)
		close(p->fd);
	free(p->leaves);
	for (int k = 0; k < 2; k++)
		if (p->stop[k] >= 0)
			close(p->stop[k]);
	free(p->place);
	free(p->wait);
	free(p->rank);
	free(p);
	r->peers = NULL;
}
