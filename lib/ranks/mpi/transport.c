/* The plug-in libhm_mpi.so: ranks over MPI, blocking. See ranks.h. */
#include "ranks/ranks.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>

extern const struct hm_transport hm_mpi_transport;

static int refuse_call(struct hm_err *e, int rank, int code)
{
	char why[MPI_MAX_ERROR_STRING] = "";
	int n = 0;
	MPI_Error_string(code, why, &n);
	return hm_err_set(e, HM_EDATA, "rank %d cannot be reached: %s", rank, why);
}

static int join_world(int *rank, int *size, struct hm_err *e)
{
	int provided, there = 0;
	MPI_Initialized(&there);
	if (!there && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided))
		return hm_err_set(e, HM_EDATA, "MPI cannot be started");
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_rank(MPI_COMM_WORLD, rank);
	MPI_Comm_size(MPI_COMM_WORLD, size);
	return 0;
}

static int exchange_bytes(int to, const void *send, size_t out, int from, void *receive, size_t in,
			  struct hm_err *e)
{
	int rc =
		MPI_Sendrecv(send, (int)out, MPI_BYTE, to < 0 ? MPI_PROC_NULL : to, 0, receive, (int)in,
			     MPI_BYTE, from < 0 ? MPI_PROC_NULL : from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	return rc ? refuse_call(e, from < 0 ? to : from, rc) : 0;
}

static void leave_world(void)
{
	MPI_Finalize();
}

static void abort_world(int status)
{
	MPI_Abort(MPI_COMM_WORLD, status);
}

/* The first line of the library's own description, without what it is built for. */
static void describe_library(char *out, size_t cap)
{
	char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
	int n = 0;
	MPI_Get_library_version(text, &n);
	text[strcspn(text, ",\n")] = 0;
	snprintf(out, cap, "%s", text);
}

__attribute__((visibility("default"))) const struct hm_transport hm_mpi_transport = {
	.version = HM_VERSION,
	.bytes = sizeof(struct hm_transport),
	.open = join_world,
	.exchange = exchange_bytes,
	.close = leave_world,
	.end_all = abort_world,
	.describe = describe_library,
};
