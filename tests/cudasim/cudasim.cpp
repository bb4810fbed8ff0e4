/* Runs kernels on the host: every thread of a block is a fibre, a block runs to its end, then the next. A
 * fibre leaves only at barriers and warp operations; which of those that can go on does so is HM_SIM_ORDER's
 * choice: forward, reverse, random (HM_SIM_SEED) or deep, where the last that became ready runs on, so that
 * one warp goes as far ahead of the others as it can. This file is compiled without -fsanitize=thread: it
 * tells ThreadSanitizer (and AddressSanitizer) about the fibres by hand, and orders them at barriers and
 * __syncwarp alone; shuffles and votes move values, but promise nothing about memory, as on the device. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>
#include "executor.h"

/* The sanitizers' hooks, there or not as the program was built. */
extern "C" {
#define WEAK __attribute__((weak))
WEAK void __sanitizer_start_switch_fiber(void **fake, const void *bottom, size_t size);
WEAK void __sanitizer_finish_switch_fiber(void *fake, const void **bottom, size_t *size);
WEAK void __asan_poison_memory_region(const volatile void *p, size_t bytes);
WEAK void __asan_unpoison_memory_region(const volatile void *p, size_t bytes);
WEAK void *__tsan_get_current_fiber(void);
WEAK void *__tsan_create_fiber(unsigned flags);
WEAK void __tsan_switch_to_fiber(void *fiber, unsigned flags);
WEAK void __tsan_acquire(void *p);
WEAK void __tsan_release(void *p);
}

enum { FULL = 0xffffffffu, STACK = 256 * 1024, GUARD = 4096, GAP = 64, ARENA = 128 * 1024, SITES = 256 };
enum order { FORWARD, REVERSE, RANDOM, DEEP };

/* A place where fibres wait for each other: the block's barrier, or a warp. */
struct meeting {
	unsigned base, size; /* the threads that meet here */
	unsigned arrived;
	unsigned parity; /* of the number of meetings so far */
	struct fibre *first;
	uint64_t value[2][32]; /* of a warp's lanes; the other half is still being read from */
	uint64_t sync[2][2];   /* ThreadSanitizer's clocks, by set of fibres and parity */
};

struct fibre : cudasim_thread {
	unsigned number;
	void *sp;
	const char *what, *file; /* waits here; NULL: does not wait */
	int line;
	meeting *at;
	bool ended;
	char *stack;
	size_t stack_bytes;
	void *asan, *tsan;
};

struct site {
	const void *key;
	size_t offset, bytes;
};

cudasim_thread *cudasim_now;
cudasim_index cudasim_block, cudasim_threads, cudasim_blocks;

static cudasim_kernel *kernels;
static struct {
	const cudasim_kernel *kernel;
	const void *args;
	unsigned threads, ended, set;
	size_t dynamic;
	fibre *sets[2][CUDASIM_MOST_THREADS]; /* two by turns under ThreadSanitizer, so that blocks are
						 concurrent */
	fibre **fibres;
	fibre host, *running, *previous;
	meeting barrier, warps[CUDASIM_MOST_THREADS / 32];
	fibre *ready[CUDASIM_MOST_THREADS]; /* a ring */
	unsigned head, count;
	order how;
	bool settled;
	uint64_t random;
	char *arena;
	site sites[SITES];
	unsigned site_count;
	size_t arena_used;
	uint64_t launched, finished; /* ThreadSanitizer's clocks */
	bool last;		     /* this set of fibres has no block after this in the launch */
} sim;

/* ---- small things ---- */

static void say(const char *format, va_list ap)
{
	char line[1024];
	int n = snprintf(line, sizeof line, "cudasim: ");
	n += vsnprintf(line + n, sizeof line - n - 1, format, ap);
	n = n > (int)sizeof line - 2 ? (int)sizeof line - 2 : n;
	line[n++] = '\n';
	if (write(2, line, n) < 0)
		abort();
}

void cudasim_say(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void cudasim_die(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	abort();
}

unsigned long long cudasim_env(const char *name, unsigned long long otherwise)
{
	const char *v = getenv(name);
	return v && *v ? strtoull(v, NULL, 10) : otherwise;
}

cudasim_kernel::cudasim_kernel(void (*b)(const void *), const char *n, size_t size, unsigned threads)
    : body(b), name(n), bytes(size), most(threads), next(kernels)
{
	kernels = this;
}

const cudasim_kernel *cudasim_find(const void *address)
{
	for (const cudasim_kernel *k = kernels; k; k = k->next)
		if ((const void *)k->body == address)
			return k;
	return NULL;
}

const cudasim_kernel *cudasim_kernels(void)
{
	return kernels;
}

const char *cudasim_where(char *buf, size_t size)
{
	if (!sim.running || sim.running == &sim.host)
		return NULL;
	snprintf(buf, size, "kernel %s, block (%u,%u,%u), thread %u", sim.kernel->name, cudasim_block.x,
		 cudasim_block.y, cudasim_block.z, sim.running->number);
	return buf;
}

static uint64_t draw_number(uint64_t below)
{
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 7;
	sim.random ^= sim.random << 17;
	return (sim.random >> 11) % below;
}

static void settle(void)
{
	static const char *const names[] = {"forward", "reverse", "random", "deep"};
	const char *how = getenv("HM_SIM_ORDER");
	sim.settled = true;
	sim.random = 0x9e3779b97f4a7c15u * (2 * cudasim_env("HM_SIM_SEED", 1) + 1);
	sim.running = &sim.host;
	if (!how || !*how)
		return;
	for (int i = 0; i < 4; i++)
		if (!strcmp(how, names[i])) {
			sim.how = (order)i;
			return;
		}
	cudasim_die("HM_SIM_ORDER is '%s', not forward, reverse, random or deep", how);
}

/* ---- fibres ---- */

extern "C" void cudasim_switch(void **from, void *to);
asm(".text\n"
    ".type cudasim_switch, @function\n"
    "cudasim_switch:\n"
    "	push %rbp\n"
    "	push %rbx\n"
    "	push %r12\n"
    "	push %r13\n"
    "	push %r14\n"
    "	push %r15\n"
    "	mov %rsp, (%rdi)\n"
    "	mov %rsi, %rsp\n"
    "	pop %r15\n"
    "	pop %r14\n"
    "	pop %r13\n"
    "	pop %r12\n"
    "	pop %rbx\n"
    "	pop %rbp\n"
    "	ret\n"
    ".size cudasim_switch, . - cudasim_switch\n");

/* The first thing on a stack just come to. */
static void landed(void *fake)
{
	if (!__sanitizer_finish_switch_fiber)
		return;
	const void *bottom;
	size_t bytes;
	__sanitizer_finish_switch_fiber(fake, &bottom, &bytes);
	if (sim.previous == &sim.host) {
		sim.host.stack = (char *)bottom;
		sim.host.stack_bytes = bytes;
	}
}

static void go_to(fibre *next)
{
	fibre *me = sim.running;
	if (next == me)
		return;
	sim.previous = me;
	sim.running = next;
	cudasim_now = next;
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(&me->asan, next->stack, next->stack_bytes);
	if (__tsan_switch_to_fiber)
		__tsan_switch_to_fiber(next->tsan, 1); /* 1: orders nothing */
	cudasim_switch(&me->sp, next->sp);
	landed(me->asan);
}

static void tell_deadlock(const fibre *a, const fibre *b) __attribute__((noreturn));
static void tell_deadlock(const fibre *a, const fibre *b)
{
	char other[512] = "has returned";
	if (b->what)
		snprintf(other, sizeof other, "waits in %s at %s:%d", b->what, b->file, b->line);
	cudasim_die("kernel %s, block (%u,%u,%u): thread %u waits in %s at %s:%d, but thread %u %s",
		    sim.kernel->name, cudasim_block.x, cudasim_block.y, cudasim_block.z, a->number, a->what,
		    a->file, a->line, b->number, other);
}

static bool same_place(const fibre *a, const fibre *b)
{
	return a->what == b->what && a->line == b->line && (a->file == b->file || !strcmp(a->file, b->file));
}

/* Nobody can go on: names one who waits, and one who does not come. */
static void tell_stuck(void)
{
	for (unsigned i = 0; i < sim.threads; i++) {
		const fibre *a = sim.fibres[i];
		for (unsigned j = 0; a->what && j < a->at->size; j++) {
			const fibre *b = sim.fibres[a->at->base + j];
			if (b->ended || (b->what && !same_place(a, b)))
				tell_deadlock(a, b);
		}
	}
	cudasim_die("kernel %s: deadlock", sim.kernel->name);
}

static void make_ready(fibre *f)
{
	f->what = NULL;
	sim.ready[(sim.head + sim.count++) % CUDASIM_MOST_THREADS] = f;
}

/* All of a meeting's threads, in the order in which they are to run. */
static void make_all_ready(const meeting *m)
{
	for (unsigned i = 0; i < m->size; i++)
		make_ready(sim.fibres[m->base + (sim.how == REVERSE ? m->size - 1 - i : i)]);
}

/* Leaves the running fibre for the next. */
static void run_next(void)
{
	if (!sim.count) {
		if (sim.ended != sim.threads)
			tell_stuck();
		go_to(&sim.host);
		return;
	}
	unsigned last = (sim.head + sim.count - 1) % CUDASIM_MOST_THREADS;
	fibre *next = sim.ready[last];
	if (sim.how == FORWARD || sim.how == REVERSE) {
		next = sim.ready[sim.head];
		sim.head = (sim.head + 1) % CUDASIM_MOST_THREADS;
	} else if (sim.how == RANDOM) {
		unsigned i = (sim.head + draw_number(sim.count)) % CUDASIM_MOST_THREADS;
		next = sim.ready[i];
		sim.ready[i] = sim.ready[last];
	}
	sim.count--;
	go_to(next);
}

/* The whole life of a fibre: one thread of a block after the other. */
static void live(void)
{
	landed(NULL);
	for (;;) {
		if (__tsan_acquire)
			__tsan_acquire(&sim.launched);
		sim.kernel->body(sim.args);
		if (sim.last && __tsan_release)
			__tsan_release(&sim.finished);
		sim.running->ended = true;
		sim.ended++;
		run_next();
	}
}

static fibre *new_fibre(unsigned number)
{
	fibre *f = (fibre *)calloc(1, sizeof *f);
	char *m = (char *)mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!f || m == MAP_FAILED || mprotect(m, GUARD, PROT_NONE))
		cudasim_die("no memory for a fibre");
	f->number = number;
	f->lane = number % 32;
	f->stack = m + GUARD;
	f->stack_bytes = STACK;
	void **top = (void **)(f->stack + STACK) - 2;
	*top = (void *)live; /* returned to by the switch, with the stack as after a call */
	memset(top - 6, 0, 6 * sizeof *top);
	f->sp = top - 6;
	if (__tsan_create_fiber)
		f->tsan = __tsan_create_fiber(0);
	return f;
}

/* ---- meetings ---- */

/* Waits until all threads of the meeting are here; `orders` memory too, or only values. */
static void meet_threads(meeting *m, bool orders, const char *what, const char *file, int line)
{
	fibre *f = sim.running;
	uint64_t *sync = &m->sync[sim.set][m->parity];
	f->what = what;
	f->file = file;
	f->line = line;
	f->at = m;
	if (!m->arrived)
		m->first = f;
	else if (!same_place(m->first, f))
		tell_deadlock(m->first, f);
	if (orders && __tsan_release)
		__tsan_release(sync);
	if (++m->arrived == m->size) {
		m->arrived = 0;
		m->parity ^= 1;
		make_all_ready(m);
	}
	run_next();
	if (orders && __tsan_acquire)
		__tsan_acquire(sync);
}

static meeting *warp_of(unsigned mask, const char *what, const char *file, int line)
{
	if (mask != FULL)
		cudasim_die("kernel %s: thread %u: %s at %s:%d has mask %#x, not all 32 lanes",
			    sim.kernel->name, sim.running->number, what, file, line, mask);
	return &sim.warps[sim.running->number / 32];
}

static const char barrier_name[] = "__syncthreads", warp_barrier_name[] = "__syncwarp";

void cudasim_barrier(const char *file, int line)
{
	meet_threads(&sim.barrier, true, barrier_name, file, line);
}

void cudasim_warp_barrier(unsigned mask, const char *file, int line)
{
	meet_threads(warp_of(mask, warp_barrier_name, file, line), true, warp_barrier_name, file, line);
}

uint64_t cudasim_shuffle(const char *what, unsigned mask, uint64_t v, unsigned from, const char *file,
			 int line)
{
	meeting *w = warp_of(mask, what, file, line);
	uint64_t *values = w->value[w->parity];
	values[sim.running->lane] = v;
	meet_threads(w, false, what, file, line);
	return values[from];
}

unsigned cudasim_vote(const char *what, unsigned mask, bool v, const char *file, int line)
{
	meeting *w = warp_of(mask, what, file, line);
	uint64_t *values = w->value[w->parity];
	unsigned all = 0;
	values[sim.running->lane] = v;
	meet_threads(w, false, what, file, line);
	for (unsigned i = 0; i < 32; i++)
		all |= (unsigned)values[i] << i;
	return all;
}

/* ---- shared memory: the dynamic array, then the arrays of each place, gaps between them ---- */

static char *place_array(size_t bytes)
{
	char *p = sim.arena + sim.arena_used;
	sim.arena_used = (sim.arena_used + bytes + 15) / 16 * 16 + GAP;
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, bytes);
	return p;
}

void *cudasim_shared(const void *key, size_t bytes)
{
	size_t sum = sim.dynamic + bytes;
	for (unsigned i = 0; i < sim.site_count; i++) {
		if (sim.sites[i].key == key)
			return sim.arena + sim.sites[i].offset;
		sum += sim.sites[i].bytes;
	}
	if (sum > CUDASIM_MOST_SHARED || sim.site_count == SITES)
		cudasim_die("kernel %s uses %zu bytes of shared memory, more than %d", sim.kernel->name, sum,
			    CUDASIM_MOST_SHARED);
	char *p = place_array(bytes);
	sim.sites[sim.site_count++] = site{key, (size_t)(p - sim.arena), bytes};
	return p;
}

void *cudasim_shared_dynamic(void)
{
	return sim.arena;
}

static void map_arena(size_t bytes, int fixed)
{
	void *p = mmap(sim.arena, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
	if (p == MAP_FAILED)
		cudasim_die("no memory for shared arrays");
	sim.arena = (char *)p;
}

/* All that is not NaN is what the launch before used. */
static void begin_launch_arena(size_t dynamic)
{
	if (!sim.arena) {
		map_arena(ARENA, 0);
		sim.arena_used = ARENA;
	}
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(sim.arena, sim.arena_used);
	memset(sim.arena, 0xff, sim.arena_used);
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(sim.arena, sim.arena_used);
	sim.site_count = 0;
	sim.arena_used = 0;
	sim.dynamic = dynamic;
	place_array(dynamic);
}

/* Every block finds NaN. ThreadSanitizer forgets the block before with the mapping. */
static void begin_block_arena(void)
{
	size_t pages = (sim.arena_used + 4095) / 4096 * 4096;
	if (__tsan_acquire) {
		map_arena(pages, MAP_FIXED);
		memset(sim.arena, 0xff, pages);
	} else {
		memset(sim.arena, 0xff, sim.dynamic);
		for (unsigned i = 0; i < sim.site_count; i++)
			memset(sim.arena + sim.sites[i].offset, 0xff, sim.sites[i].bytes);
	}
}

/* ---- launches ---- */

static void begin_block(size_t block, dim3 grid, dim3 dim)
{
	cudasim_block.x = block % grid.x;
	cudasim_block.y = block / grid.x % grid.y;
	cudasim_block.z = block / grid.x / grid.y;
	if (__tsan_create_fiber)
		sim.set ^= 1;
	sim.fibres = sim.sets[sim.set];
	sim.ended = 0;
	sim.barrier.base = 0;
	sim.barrier.size = sim.threads;
	for (unsigned w = 0; w < sim.threads / 32; w++) {
		sim.warps[w].base = w * 32;
		sim.warps[w].size = 32;
	}
	for (unsigned i = 0; i < sim.threads; i++) {
		fibre *f = sim.fibres[i] ? sim.fibres[i] : (sim.fibres[i] = new_fibre(i));
		f->index.x = i % dim.x;
		f->index.y = i / dim.x % dim.y;
		f->index.z = i / dim.x / dim.y;
		f->ended = false;
	}
	make_all_ready(&sim.barrier);
	begin_block_arena();
}

void cudasim_run(const cudasim_kernel *k, dim3 grid, dim3 block, size_t shared, const void *args)
{
	size_t blocks = (size_t)grid.x * grid.y * grid.z;
	std::vector<size_t> order;
	if (!sim.settled)
		settle();
	sim.kernel = k;
	sim.args = args;
	sim.threads = block.x * block.y * block.z;
	cudasim_threads = cudasim_index{block.x, block.y, block.z};
	cudasim_blocks = cudasim_index{grid.x, grid.y, grid.z};
	begin_launch_arena(shared);
	if (__tsan_get_current_fiber)
		sim.host.tsan = __tsan_get_current_fiber();
	if (sim.how == RANDOM) {
		order.resize(blocks);
		for (size_t i = 0; i < blocks; i++) {
			size_t j = draw_number(i + 1);
			order[i] = order[j];
			order[j] = i;
		}
	}
	for (size_t i = 0; i < blocks; i++) {
		begin_block(sim.how == RANDOM	 ? order[i]
			    : sim.how == REVERSE ? blocks - 1 - i
						 : i,
			    grid, block);
		sim.last = i + 2 >= blocks;
		if (__tsan_release)
			__tsan_release(&sim.launched);
		run_next();
	}
	if (__tsan_acquire)
		__tsan_acquire(&sim.finished);
	sim.kernel = NULL;
}
