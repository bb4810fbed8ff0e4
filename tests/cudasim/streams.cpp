/* Streams, events and graphs of the host executor's CUDA runtime. Work runs at once, or with HM_SIM_DEFER=1
 * as late as CUDA allows: when something waits for its stream; with 2 the other streams then run ahead of
 * that one, as far as they can. */
#include <pthread.h>
#include <time.h>
#include <deque>
#include <memory>
#include <set>
#include <vector>
#include "executor.h"

typedef std::function<void()> work;

/* Outlives the handle while work that speaks of it is queued. */
struct event_state {
	unsigned records;	    /* so far */
	std::set<unsigned> pending; /* those of them that have not run */
	cudaStream_t stream;	    /* of the last record */
	double ms;		    /* when the last ran */
};

/* What a stream does next: work, or waiting for a record of an event. */
struct item {
	work run;
	std::shared_ptr<event_state> event;
	unsigned number;
	cudaStream_t from;
};

struct CUstream_st {
	bool blocking; /* waits for the null stream, and it for this */
	bool running;
	std::deque<item> queue;
	CUgraph_st *capture;
	enum cudaStreamCaptureMode mode;
	pthread_t thread; /* that began the capture */
	bool spoilt;	  /* the capture */
};

struct CUgraph_st {
	std::vector<work> steps;
};

struct CUgraphExec_st {
	std::shared_ptr<std::vector<work>> steps;
};

struct CUevent_st {
	std::shared_ptr<event_state> state;
	bool timing;
};

static std::set<cudaStream_t> streams;

/* ---- streams ---- */

static unsigned defers(void)
{
	return (unsigned)cudasim_env("HM_SIM_DEFER", 0);
}

/* Work of the device: not done once it has failed. */
static work of_device(work w)
{
	return [w] {
		if (!cudasim_works())
			return;
		cudasim_open();
		w();
	};
}

static void finish_record(const std::shared_ptr<event_state> &event, unsigned number, cudaStream_t s);

static void step_stream(cudaStream_t s)
{
	if (s->running)
		cudasim_die("deadlock: a stream waits for itself");
	item i = s->queue.front();
	s->queue.pop_front();
	s->running = true;
	if (i.event)
		finish_record(i.event, i.number, i.from);
	else
		i.run();
	s->running = false;
}

/* Runs the stream of a record until the record has run. */
static void finish_record(const std::shared_ptr<event_state> &event, unsigned number, cudaStream_t s)
{
	while (event->pending.count(number)) {
		if (!streams.count(s) || s->queue.empty())
			cudasim_die("deadlock: an event that is waited for is in no stream");
		step_stream(s);
	}
}

static bool blocked(const item &i)
{
	return i.event && i.event->pending.count(i.number);
}

void cudasim_finish(cudaStream_t s)
{
	while (!s->queue.empty()) {
		for (cudaStream_t t : streams)
			while (defers() == 2 && t != s && !t->running && !t->queue.empty() &&
			       !blocked(t->queue.front()))
				step_stream(t);
		step_stream(s);
	}
}

void cudasim_finish_all(bool also_nonblocking)
{
	for (cudaStream_t s : streams)
		if (s->blocking || also_nonblocking)
			cudasim_finish(s);
}

/* The null stream waits for all blocking ones and runs at once. */
static cudaError_t queue(cudaStream_t s, work w)
{
	if (s && s->capture) {
		s->capture->steps.push_back(w);
	} else if (s && defers()) {
		s->queue.push_back(item{w, NULL, 0, NULL});
	} else {
		if (!s)
			cudasim_finish_all(false);
		w();
	}
	return cudaSuccess;
}

static bool known(cudaStream_t s)
{
	return !s || streams.count(s);
}

cudaError_t cudasim_submit(cudaStream_t s, work w)
{
	LOCK;
	cudaError_t e = cudasim_result(known(s) ? cudaSuccess : cudaErrorInvalidResourceHandle);
	return e ? e : cudasim_result(queue(s, of_device(w)));
}

/* Calls with an effect beyond streams: not during a capture of this thread, or of any. */
static bool forbids(cudaStream_t s)
{
	return s->mode == cudaStreamCaptureModeGlobal ||
	       (s->mode == cudaStreamCaptureModeThreadLocal && pthread_equal(s->thread, pthread_self()));
}

/* A call that would wait, or is unsafe, while a stream is capturing spoils the capture. */
bool cudasim_spoils(cudaStream_t one)
{
	bool any = false;
	for (cudaStream_t s : streams)
		if (s->capture && (one ? s == one : forbids(s)))
			any = s->spoilt = true;
	return any;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags)
{
	LOCK;
	*s = NULL;
	if (cudasim_result(cudaSuccess))
		return cudasim_result(cudaSuccess);
	*s = new CUstream_st();
	(*s)->blocking = !(flags & cudaStreamNonBlocking);
	streams.insert(*s);
	return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *s)
{
	return cudaStreamCreateWithFlags(s, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
	LOCK;
	if (!s || !known(s))
		return cudasim_result(cudaErrorInvalidResourceHandle);
	cudasim_finish(s);
	delete s->capture;
	streams.erase(s);
	delete s;
	return cudasim_result(cudaSuccess);
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
	LOCK;
	cudasim_call("cudaStreamSynchronize", 0);
	if (!known(s))
		return cudasim_result(cudaErrorInvalidResourceHandle);
	if (cudasim_spoils(s))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (s)
		cudasim_finish(s);
	else
		cudasim_finish_all(false);
	return cudasim_waited();
}

cudaError_t cudaDeviceSynchronize(void)
{
	LOCK;
	cudasim_call("cudaDeviceSynchronize", 0);
	if (cudasim_spoils(NULL))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	cudasim_finish_all(true);
	return cudasim_waited();
}

/* Asked again and again, a stream comes to its end. */
cudaError_t cudaStreamQuery(cudaStream_t s)
{
	LOCK;
	if (!known(s))
		return cudasim_result(cudaErrorInvalidResourceHandle);
	if (cudasim_spoils(s))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (s && !s->queue.empty())
		step_stream(s);
	return s && !s->queue.empty() ? cudasim_result(cudaErrorNotReady) : cudasim_waited();
}

/* ---- events ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags)
{
	LOCK;
	*e = NULL;
	if (cudasim_result(cudaSuccess))
		return cudasim_result(cudaSuccess);
	*e = new CUevent_st();
	(*e)->state = std::make_shared<event_state>();
	(*e)->timing = !(flags & cudaEventDisableTiming);
	return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *e)
{
	return cudaEventCreateWithFlags(e, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
	LOCK;
	if (!e)
		return cudasim_result(cudaErrorInvalidResourceHandle);
	delete e;
	return cudasim_result(cudaSuccess);
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
	LOCK;
	if (!e || !known(s))
		return cudasim_result(cudaErrorInvalidResourceHandle);
	if (s && cudasim_spoils(s))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	std::shared_ptr<event_state> state = e->state;
	unsigned number = ++state->records;
	state->pending.insert(number);
	state->stream = s;
	return cudasim_result(queue(s, [state, number] {
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		state->ms = t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
		state->pending.erase(number);
	}));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
	LOCK;
	if (!e || !known(s))
		return cudasim_result(cudaErrorInvalidResourceHandle);
	if (s && cudasim_spoils(s))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	item wait = {NULL, e->state, e->state->records, e->state->stream};
	if (s && blocked(wait))
		s->queue.push_back(wait);
	else if (blocked(wait))
		finish_record(wait.event, wait.number, wait.from);
	return cudasim_result(cudaSuccess);
}

cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
	LOCK;
	cudasim_call("cudaEventSynchronize", 0);
	if (!e)
		return cudasim_result(cudaErrorInvalidResourceHandle);
	finish_record(e->state, e->state->records, e->state->stream);
	return cudasim_waited();
}

cudaError_t cudaEventQuery(cudaEvent_t e)
{
	LOCK;
	if (!e)
		return cudasim_result(cudaErrorInvalidResourceHandle);
	if (e->state->pending.count(e->state->records))
		step_stream(e->state->stream);
	return e->state->pending.count(e->state->records) ? cudasim_result(cudaErrorNotReady)
							  : cudasim_waited();
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
	LOCK;
	if (!start || !end || !start->timing || !end->timing || !start->state->records ||
	    !end->state->records)
		return cudasim_result(cudaErrorInvalidResourceHandle);
	if (!start->state->pending.empty() || !end->state->pending.empty())
		return cudasim_result(cudaErrorNotReady);
	*ms = (float)(end->state->ms - start->state->ms);
	return cudasim_result(cudaSuccess);
}

/* ---- graphs ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode mode)
{
	LOCK;
	if (!s || !known(s))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	if (s->capture)
		return cudasim_result(cudaErrorInvalidValue);
	s->capture = new CUgraph_st();
	s->mode = mode;
	s->thread = pthread_self();
	s->spoilt = false;
	return cudasim_result(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g)
{
	LOCK;
	*g = NULL;
	if (!s || !known(s))
		return cudasim_result(cudaErrorInvalidResourceHandle);
	if (!s->capture)
		return cudasim_result(cudaErrorStreamCaptureUnmatched);
	if (s->spoilt)
		delete s->capture;
	else
		*g = s->capture;
	s->capture = NULL;
	return cudasim_result(s->spoilt ? cudaErrorStreamCaptureInvalidated : cudaSuccess);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *status)
{
	LOCK;
	if (!known(s))
		return cudasim_result(cudaErrorInvalidResourceHandle);
	*status = !s || !s->capture ? cudaStreamCaptureStatusNone
		  : s->spoilt	    ? cudaStreamCaptureStatusInvalidated
				    : cudaStreamCaptureStatusActive;
	return cudasim_result(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long)
{
	LOCK;
	*x = NULL;
	if (!g)
		return cudasim_result(cudaErrorInvalidValue);
	*x = new CUgraphExec_st();
	(*x)->steps = std::make_shared<std::vector<work>>(g->steps);
	return cudasim_result(cudaSuccess);
}

/* HM_SIM_GRAPHS: how often one was launched is said at the end. */
static struct graphs {
	size_t launched;
	~graphs()
	{
		if (cudasim_env("HM_SIM_GRAPHS", 0))
			cudasim_say("%zu graphs launched", launched);
	}
} graphs;

cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s)
{
	LOCK;
	graphs.launched++;
	if (!x || !known(s))
		return cudasim_result(cudaErrorInvalidValue);
	if (s && cudasim_spoils(s))
		return cudasim_result(cudaErrorStreamCaptureUnsupported);
	std::shared_ptr<std::vector<work>> steps = x->steps;
	return cudasim_result(queue(s, [steps] {
		for (const work &w : *steps)
			w();
	}));
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t x)
{
	LOCK;
	delete x;
	return cudasim_result(x ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
	LOCK;
	delete g;
	return cudasim_result(g ? cudaSuccess : cudaErrorInvalidValue);
}
