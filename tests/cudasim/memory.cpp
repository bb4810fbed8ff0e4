/* Device and pinned memory of the host executor. Device memory is one reserved range that is closed
 * from each wait for the device to the next work: a host that touches it then is caught in every build. The
 * range maps a small file of NaN again and again, privately: what was not written is NaN and costs nothing,
 * not even the time to change its protection. Allocations lie apart by a gap that AddressSanitizer knows, and
 * move on through the range, so that freed memory is not soon used again. HM_SIM_MEMORY: bytes that the
 * device has. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <iterator>
#include <map>
#include <vector>
#include "executor.h"

extern "C" {
__attribute__((weak)) void __asan_poison_memory_region(const volatile void *p, size_t bytes);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *p, size_t bytes);
}

static const size_t RANGE = (size_t)64 << 30, CHUNK = 4 << 20, SLACK = 64 << 20, UNIT = 256, PAGE = 4096;

static struct {
	char *base;
	int nan;		   /* the file, of CHUNK bytes */
	size_t next, mapped, used; /* where to look first, how much maps the file, bytes now in use */
	bool open;
	unsigned waits;
	std::map<size_t, size_t> blocks; /* offset to bytes */
	std::map<const char *, size_t> pinned;
	struct sigaction before;
} mem;

static size_t up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* A fault in closed memory is named; then it happens again under the handler that was there before. */
static void fault(int sig, siginfo_t *info, void *)
{
	char who[256];
	const char *p = (const char *)info->si_addr, *where = cudasim_where(who, sizeof who);
	sigaction(sig, &mem.before, NULL);
	if (where)
		cudasim_say("%s touches bad memory at %p", where, (const void *)p);
	else if (p >= mem.base && p < mem.base + RANGE)
		cudasim_say("the host touches device memory at %p", (const void *)p);
}

static void reserve(void)
{
	if (mem.base)
		return;
	void *p = mmap(NULL, RANGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		cudasim_die("no address range for device memory");
	mem.base = (char *)p;
	std::vector<char> nan(CHUNK, (char)0xff);
	mem.nan = memfd_create("cudasim", MFD_CLOEXEC);
	if (mem.nan < 0 || write(mem.nan, nan.data(), CHUNK) != (ssize_t)CHUNK)
		cudasim_die("no memory for a file of NaN");
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = fault;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigaction(SIGSEGV, &sa, &mem.before);
}

static int protection(void)
{
	return mem.open ? PROT_READ | PROT_WRITE : PROT_NONE;
}

static void set_open(bool open)
{
	if (mem.open == open)
		return;
	mem.open = open;
	if (mem.mapped && mprotect(mem.base, mem.mapped, protection()))
		cudasim_die("mprotect fails");
}

void cudasim_open(void)
{
	set_open(true);
}

/* Protection takes its time: a program that waits often is watched at one wait in seventeen. */
void cudasim_close(void)
{
	enum { ALL = 1000, THEN = 17 };
	static const bool protect = cudasim_env("HM_SIM_PROTECT", 1);
	if (protect && (++mem.waits < ALL || mem.waits % THEN == 0))
		set_open(false);
}

size_t cudasim_memory_total(void)
{
	return cudasim_env("HM_SIM_MEMORY", (size_t)8 << 30);
}

size_t cudasim_memory_used(void)
{
	return mem.used;
}

static void map_up_to(size_t end)
{
	for (; mem.mapped < end; mem.mapped += CHUNK)
		if (mmap(mem.base + mem.mapped, CHUNK, protection(), MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
			 mem.nan, 0) == MAP_FAILED)
			cudasim_die("no memory for the device's");
}

/* Memory is NaN again: whole pages by forgetting them, the rest by hand. */
static void forget(char *p, size_t bytes)
{
	char *end = p + bytes, *first = mem.base + up(p - mem.base, PAGE);
	char *last = mem.base + (end - mem.base) / PAGE * PAGE;
	cudasim_open();
	if (first > last) {
		memset(p, 0xff, bytes);
	} else {
		memset(p, 0xff, first - p);
		memset(last, 0xff, end - last);
		if (last > first && madvise(first, last - first, MADV_DONTNEED))
			cudasim_die("madvise fails");
	}
}

/* The first gap of `need` bytes from `from` on, or RANGE. */
static size_t gap_from(size_t from, size_t need)
{
	auto b = mem.blocks.lower_bound(from);
	if (b != mem.blocks.begin()) {
		auto a = std::prev(b);
		from = std::max(from, up(a->first + a->second, UNIT) + UNIT);
	}
	for (; b != mem.blocks.end() && from + need > b->first; ++b)
		from = up(b->first + b->second, UNIT) + UNIT;
	return from + need <= RANGE ? from : RANGE;
}

void *cudasim_alloc(size_t bytes)
{
	size_t size = up(bytes, UNIT), total = cudasim_memory_total();
	if (bytes > total || size + mem.used > total)
		return NULL;
	reserve();
	size_t at = gap_from(mem.next > SLACK + 2 * mem.used ? 0 : mem.next, size + UNIT);
	if (at == RANGE)
		at = gap_from(0, size + UNIT);
	if (at == RANGE)
		return NULL;
	mem.next = at + size + UNIT;
	mem.used += size;
	mem.blocks[at] = bytes;
	map_up_to(mem.next);
	char *p = mem.base + at;
	if (__asan_poison_memory_region) {
		__asan_poison_memory_region(p, size + UNIT);
		__asan_unpoison_memory_region(p, bytes);
	}
	return p;
}

bool cudasim_free(void *p)
{
	auto b = mem.blocks.find((char *)p - mem.base);
	if (!mem.base || (char *)p < mem.base || b == mem.blocks.end())
		return false;
	forget((char *)p, b->second);
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(p, up(b->second, UNIT));
	mem.used -= up(b->second, UNIT);
	mem.blocks.erase(b);
	return true;
}

bool cudasim_is_device(const void *p, size_t bytes)
{
	if (!mem.base || (const char *)p < mem.base || (const char *)p >= mem.base + RANGE)
		return false;
	size_t at = (const char *)p - mem.base;
	auto b = mem.blocks.upper_bound(at);
	if (b == mem.blocks.begin())
		return false;
	--b;
	return at - b->first <= b->second && bytes <= b->second - (at - b->first);
}

void *cudasim_pin(size_t bytes)
{
	void *p;
	if (posix_memalign(&p, 4096, bytes))
		return NULL;
	memset(p, 0xff, bytes);
	mem.pinned[(char *)p] = bytes;
	return p;
}

bool cudasim_unpin(void *p)
{
	if (!mem.pinned.erase((char *)p))
		return false;
	free(p);
	return true;
}

bool cudasim_is_pinned(const void *p, size_t bytes)
{
	auto b = mem.pinned.upper_bound((const char *)p);
	if (b == mem.pinned.begin())
		return false;
	--b;
	size_t at = (const char *)p - b->first;
	return at <= b->second && bytes <= b->second - at;
}

/* HM_SIM_LEAKS: memory that is never freed makes the program fail. Ends before `mem`, its maps, does. */
static struct leaks {
	~leaks()
	{
		size_t bytes = 0, pinned = 0;
		if (!cudasim_env("HM_SIM_LEAKS", 0) || (mem.blocks.empty() && mem.pinned.empty()))
			return;
		for (auto &b : mem.blocks)
			bytes += b.second;
		for (auto &b : mem.pinned)
			pinned += b.second;
		cudasim_say("leak: %zu device allocations of %zu bytes, %zu pinned of %zu", mem.blocks.size(),
			    bytes, mem.pinned.size(), pinned);
		fflush(NULL);
		_Exit(1);
	}
} leaks;
